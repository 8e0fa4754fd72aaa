//! What to do about the issuer of a token and its algorithm.

use super::class::{accepted_hints, class_refused};
use super::client::{by_client, by_party};
use super::keys::{for_microsoft_graph, is_for_microsoft_graph, no_secret};
use super::{Advice, advice, list, pasteable, quoted, table, table_of};
use crate::audiences::{self, UNKNOWN_AUDIENCE, Usual, is_of_every_token};
use crate::explain::Examination;
use crate::explain::cause::CauseId;
use crate::explain::issuers::{self, Difference};
use crate::jose::Algorithm;
use crate::jose::token::{Claims, Header, UntrustedToken};
use crate::keys::{Location, url};
use crate::rejection::{IssuerProblem, Refusal, Rejection, excerpt};
use crate::trust::classes::Class;
use crate::trust::presets::{Preset, Recognised};
use crate::trust::tenants::Tenants;

fn iss<'e>(examination: &'e Examination<'_>) -> &'e str {
    examination.token.as_ref().and_then(|token| token.claims().issuer.as_deref()).unwrap_or_default()
}

pub(in crate::explain) fn issuer_absent() -> Advice {
    advice(
        "The token has no `iss` claim, so it does not name its issuer.",
        "Have the system that issues these tokens set `iss`, to exactly the `issuer` in wrangler.toml. If the token comes from your identity provider, check that it is the access token.",
    )
}

pub(in crate::explain) fn issuer_unknown(examination: &Examination<'_>) -> (CauseId, Advice) {
    if let Some(role) = supabase_key(examination) {
        return (CauseId::ApiKey, api_key(role));
    }
    // No configuration makes this token verifiable.
    if is_for_microsoft_graph(examination) {
        return (CauseId::IssuerUnknown, for_microsoft_graph());
    }
    if let Some(advice) = for_no_api(examination) {
        return (CauseId::IssuerUnknown, advice);
    }
    if let Some(advice) = tenant_unknown(examination) {
        return (CauseId::IssuerUnknown, advice);
    }
    let given = excerpt(iss(examination));
    let near = issuers::nearest(&examination.terms.issuers, iss(examination));
    match near {
        Some(near) => match near.difference {
            Difference::Instance(provider) => (
                CauseId::WrongInstance,
                advice(
                    format!(
                        "The token is from another {} {}: its issuer is \"{given}\", and \"{}\" is configured.",
                        provider.name(),
                        provider.instance(),
                        near.issuer
                    ),
                    format!(
                        "Development and production are often mixed up. Configure the client with the keys (publishable key, URL) of the configured {0}. To accept tokens of this {0} too, {1}",
                        provider.instance(),
                        to_add(examination)
                    ),
                ),
            ),
            difference => (
                CauseId::IssuerNearMiss,
                advice(
                    format!(
                        "The token's issuer differs from the configured one in {}: the token has \"{given}\", wrangler.toml has \"{}\".",
                        difference.in_words(),
                        near.issuer
                    ),
                    match difference {
                        Difference::Form(provider) => format!(
                            "Each needs a table of its own. To accept this one too, {}\nWhat usually goes wrong: {}",
                            to_add(examination),
                            provider.mistake()
                        ),
                        _ => both_spellings(examination, near.issuer).unwrap_or_else(|| {
                            format!(
                                "The two must be equal in every character. {}",
                                correction(examination, near.issuer)
                            )
                        }),
                    },
                ),
            ),
        },
        None => (CauseId::IssuerUnknown, unknown(examination)),
    }
}

/// How to accept both spellings, if the provider writes its `iss` in both.
fn both_spellings(examination: &Examination<'_>, configured: &str) -> Option<String> {
    let iss = iss(examination);
    let provider = Preset::of_issuer(iss)?.preset;
    let is_other = provider.other_spellings(iss).iter().any(|other| other == configured);
    let known = examination.terms.issuers.named(configured)?.also_known_as.iter().map(String::as_str);
    is_other.then(|| {
        format!(
            "{} writes its `iss` in both ways. To accept this one too, set {}:\n    also_known_as = {}",
            provider.name(),
            table_of(configured),
            list(known, &[iss])
        )
    })
}

fn unknown(examination: &Examination<'_>) -> Advice {
    let given = excerpt(iss(examination));
    let provider = provider(examination);
    let summary = match provider {
        Some(found) => format!("{} of an issuer that is not configured: \"{given}\".", in_words(found)),
        None => format!("The token's issuer is not configured: \"{given}\"."),
    };
    let mistake = provider.map(|found| format!("\nWhat usually goes wrong: {}", found.preset.mistake()));
    advice(
        summary,
        format!(
            "If you do not know this issuer, the client uses the wrong identity provider. To accept its tokens, {}{}",
            to_add(examination),
            mistake.unwrap_or_default()
        ),
    )
}

/// Nothing is configured yet: which provider the token is from, and the table to paste. `None` if the token does not name its issuer, or if
/// it is not a user's.
pub(in crate::explain) fn first_issuer(examination: &Examination<'_>) -> Option<Advice> {
    if iss(examination).is_empty()
        || supabase_key(examination).is_some()
        || is_for_microsoft_graph(examination)
        || for_no_api(examination).is_some()
    {
        return None;
    }
    let Advice { summary, fix } = unknown(examination);
    Some(advice(
        format!("The Worker's configuration names no issuer, so it verifies no token. {summary}"),
        fix,
    ))
}

/// What to do about tokens of known programs whose issuer publishes no keys, so that no table accepts them.
fn for_no_api(examination: &Examination<'_>) -> Option<Advice> {
    const FIREBASE_SIGN_IN: &str =
        "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";
    let claims = examination.token.as_ref()?.claims();
    if claims.audience.iter().flatten().any(|audience| audience == FIREBASE_SIGN_IN) {
        return Some(advice(
            "This is a Firebase custom token: a server has made it, and a client signs in to Firebase with it. It is not for APIs, and no setting here accepts it.",
            "Let the client sign in with it, and send the ID token:\n    const { user } = await signInWithCustomToken(auth, token)\n    const idToken = await user.getIdToken()\nThe issuer of the ID token is https://securetoken.google.com/<project>, with the preset \"firebase\".",
        ));
    }
    (claims.issuer.as_deref() == Some("kubernetes/serviceaccount")).then(|| {
        advice(
            "This is a Kubernetes token from a Secret: it never expires, and its issuer names no cluster that could publish keys. No setting here accepts it.",
            "Use a token that expires: a projected volume (`serviceAccountToken` with `audience` and `expirationSeconds`), or for a test\n    kubectl create token <service account> --audience <your API>\nIts issuer is the one of the cluster, with the preset \"kubernetes\".",
        )
    })
}

/// The provider of the token: by its issuer, or by a claim that only this provider's tokens have.
fn provider(examination: &Examination<'_>) -> Option<Recognised> {
    let claims = examination.token.as_ref()?.claims();
    let by_claims = || Preset::of_claims(|name| claims.members().contains(name));
    Preset::of_issuer(claims.issuer.as_deref()?).or_else(by_claims)
}

/// As in "This is an Auth0 token".
fn in_words(found: Recognised) -> String {
    let verb = if found.is_certain { "is" } else { "looks like" };
    let name = found.preset.name();
    let article = if name.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" };
    format!("This {verb} {article} {name} token")
}

/// What to do about the tenant of a token that is of the form of a configured issuer with tenants.
fn tenant_unknown(examination: &Examination<'_>) -> Option<Advice> {
    let Some(Refusal::Rejection(Rejection::IssuerUnknown { problem: Some(problem), .. })) =
        &examination.refusal
    else {
        return None;
    };
    if *problem == IssuerProblem::NoTable {
        return Some(advice(
            format!(
                "Several [[vars.ASSAY.issuers]] tables have the token's issuer, \"{}\", and the token fits none of them.",
                excerpt(iss(examination))
            ),
            "Of several tables with one `issuer`, the first whose `audience` and `require` fit the token is used. Compare the `aud` of the token and the claims that `require` names with each of them: the token is for another application, or a table for it is missing.",
        ));
    }
    let (issuer, tenant) = examination.terms.issuers.with_tenant(iss(examination))?;
    let given = excerpt(tenant);
    Some(match (problem, &issuer.tenants) {
        (IssuerProblem::NotAccepted, Some(Tenants::These(tenants))) => advice(
            format!("The token is from the tenant \"{given}\" of Entra, which is not one of `tenants`."),
            format!(
                "If you do not know this tenant, somebody of another organization has signed in. To accept its tokens, set {}:\n    tenants = {}",
                table_of(&issuer.issuer),
                list(tenants.iter().map(String::as_str), &[tenant])
            ),
        ),
        (IssuerProblem::NotAnId, _) => advice(
            format!(
                "The token's issuer has \"{given}\" in the place of the tenant, and a tenant's id is a GUID in lower case."
            ),
            "Entra issues no such token, so look for the program that made it. No setting here accepts it.",
        ),
        _ => advice(
            format!(
                "The token's issuer names the tenant \"{given}\", and its claim `tid` is absent or names another one."
            ),
            "Entra puts the same tenant into both, so look for the program that made the token. No setting here accepts it.",
        ),
    })
}

/// The role of a Supabase API key: `anon` or `service_role`. These are JWTs whose `iss` is `supabase`.
fn supabase_key(examination: &Examination<'_>) -> Option<&'static str> {
    let claims = examination.token.as_ref()?.claims();
    let role = claims.get("role");
    let role = role.as_ref().and_then(serde_json::Value::as_str);
    ["anon", "service_role"]
        .into_iter()
        .find(|known| claims.issuer.as_deref() == Some("supabase") && role == Some(known))
}

fn api_key(role: &str) -> Advice {
    let revoke = if role == "service_role" {
        " The service_role key bypasses all row level security: if a browser or an app has sent it, replace it in Supabase's dashboard (Project Settings → API Keys)."
    } else {
        ""
    };
    advice(
        format!(
            "This is the API key of the Supabase project (`{role}`), not a user's token: no user is signed in."
        ),
        format!(
            "Send the signed-in user's access token:\n    const {{ data }} = await supabase.auth.getSession()\n    const token = data.session?.access_token\nWithout a session there is no token: sign the user in first. The API key belongs in the header `apikey` of requests to Supabase. Do not configure \"supabase\" as an issuer.{revoke}"
        ),
    )
}

/// The lines of an issuer's table that say how its tokens are verified.
enum KeyLines {
    /// A preset.
    Preset(Preset),
    /// A JWKS URL that cannot be derived from `iss`, with the algorithms of its keys.
    Jwks(String, &'static str),
    /// Only a shared secret, for this algorithm.
    Secret(&'static str),
}

/// Why the preset of the token's provider refuses the token.
#[derive(Clone, Copy)]
enum Refused {
    /// Its class is not for APIs.
    Class(&'static Class),
    /// It is of no class that is known.
    UnknownClass,
    /// The provider signs with other algorithms.
    Algorithm(Algorithm),
}

impl Refused {
    fn by(preset: Preset, header: &Header, claims: &Claims) -> Option<Self> {
        if let Some(rule) = preset.class_rule() {
            match rule.class_of(header, claims) {
                None => return Some(Self::UnknownClass),
                class @ Some(found) if !rule.accepts(class) => return Some(Self::Class(found)),
                Some(_) => {}
            }
        }
        let algorithm = header.algorithm().ok()?;
        (!preset.algorithms().contains(&algorithm)).then_some(Self::Algorithm(algorithm))
    }

    /// Whether the token says nothing about the tokens that the preset accepts.
    const fn is_of_another_class(self) -> bool {
        matches!(self, Self::Class(_) | Self::UnknownClass)
    }

    /// Begins with a line break.
    fn in_words(self, preset: Preset) -> String {
        let name = preset.name();
        let instead = preset.class_rule().map(|rule| accepted_hints(&rule)).unwrap_or_default();
        match self {
            Self::Class(class) => format!(
                "\nThis is {}, which the preset refuses. {} The table is for the tokens that the preset accepts.{instead}",
                class.with_provider(name),
                class.hint
            ),
            Self::UnknownClass => format!(
                "\nThis token is of no class of {name}'s tokens that is known, so the preset refuses it. The table is for the tokens that the preset accepts.{instead}"
            ),
            Self::Algorithm(algorithm) => {
                let known: Vec<&str> = preset.algorithms().iter().map(|one| one.name()).collect();
                format!(
                    "\nThis token is signed with {0}, which the preset refuses: {name} signs with {1}. If you have chosen {0} at {name}, choose one of these there. If you have not, find out who made this token.",
                    algorithm.name(),
                    known.join(", ")
                )
            }
        }
    }
}

/// The provider whose preset a table for the token's issuer has, and why that preset refuses this token, if it does.
fn preset_for(examination: &Examination<'_>) -> Option<(Preset, Option<Refused>)> {
    let token = examination.token.as_ref()?;
    let preset = provider(examination)?.preset;
    let refused = Refused::by(preset, token.header(), token.claims());
    let by_issuer = Preset::of_issuer(iss(examination)).is_some();
    // Anyone's token can have the claim by which a provider is recognised, so the rest of the token must be as this provider makes it.
    let is_plausible = by_issuer || !matches!(refused, Some(Refused::UnknownClass | Refused::Algorithm(_)));
    (is_plausible && preset.issuer_fault(iss(examination)).is_none()).then_some((preset, refused))
}

/// What is wrong with the token's `iss`, if it is on a host of the provider's own and not as the provider writes it.
fn fault_of_iss(iss: &str) -> Option<(Preset, String)> {
    let found = Preset::of_issuer(iss).filter(|found| found.is_certain)?;
    Some((found.preset, found.preset.issuer_fault(iss)?.0))
}

/// How to trust the token's issuer: a table that works when it is pasted, or what to look up for one. If the provider is known, the table has its
/// preset: without it, kinds of tokens and algorithms would be accepted that the preset refuses.
fn to_add(examination: &Examination<'_>) -> String {
    let iss = iss(examination);
    if let Some((preset, problem)) = fault_of_iss(iss) {
        return format!(
            "find out first who made this one: {problem}, so it is not as {} makes them, and the preset does not take it.",
            preset.name()
        );
    }
    let algorithm = examination.token.as_ref().and_then(|token| token.header().algorithm().ok());
    let known = preset_for(examination);
    let preset = known.map(|(preset, _)| preset);
    match (pasteable(iss), key_lines(iss, audience(examination).as_deref(), algorithm, preset)) {
        (Some(issuer), Some(keys)) => issuer_table(examination, &issuer, &keys, algorithm, known),
        _ => format!(
            "look up the URL of its keys (JWKS URI) in the identity provider's documentation{}; it cannot be derived from \"{}\". Then add a [[vars.ASSAY.issuers]] table to wrangler.toml, with `issuer` (exactly as in the token), {}`jwks_uri` and `audience`. `jwks_uri` must be an https URL; otherwise the whole configuration is refused.{}",
            preset.map_or_else(String::new, |preset| format!(
                " ({}: {})",
                preset.name(),
                preset.place_of_keys()
            )),
            excerpt(iss),
            preset.map_or_else(String::new, |preset| format!("`preset` (\"{}\"), ", preset.name_of_preset())),
            known.and_then(|(preset, refused)| Some(refused?.in_words(preset))).unwrap_or_default()
        ),
    }
}

/// The first audience of the token that can be pasted and that may name an API, or what its provider has in place of it.
fn audience(examination: &Examination<'_>) -> Option<String> {
    let token = examination.token.as_ref()?;
    let (header, claims) = (token.header(), token.claims());
    let preset = provider(examination).map(|found| found.preset);
    let stand_in = || {
        let class = preset?.class_of(header, claims)?;
        Some(claims.members().string(class.audience_in?)?.into_owned())
    };
    let names_api = |one: &&String| !is_of_every_token(preset, iss(examination), one);
    let named = claims.audience.iter().flatten().filter(names_api);
    let named = named.into_iter().find(|one| pasteable(one).is_some()).cloned();
    named.or_else(stand_in).filter(|one| pasteable(one).is_some())
}

/// `None` if no lines are known that make a valid table.
fn key_lines(
    iss: &str,
    audience: Option<&str>,
    algorithm: Option<Algorithm>,
    preset: Option<Preset>,
) -> Option<KeyLines> {
    // The `iss` of this provider is not a URL.
    if iss == "privy.io" {
        // Privy's `aud` is the id of the application.
        let is_id = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let uri = format!("https://auth.privy.io/api/v1/apps/{}/jwks.json", audience.filter(is_id)?);
        return Some(KeyLines::Jwks(uri, "ES256"));
    }
    if let Some(preset) = preset {
        return is_valid(preset, iss).then_some(KeyLines::Preset(preset));
    }
    // An issuer that shares a secret may publish no keys at all, and would then never be ready with the preset `oidc`.
    match algorithm {
        Some(shared) if shared.is_shared_secret() => Some(KeyLines::Secret(shared.name())),
        _ => is_valid(Preset::Oidc, iss).then_some(KeyLines::Preset(Preset::Oidc)),
    }
}

/// Whether a table of this preset and issuer is valid.
fn is_valid(preset: Preset, iss: &str) -> bool {
    let Some(Location::Jwks { uri } | Location::Discovery { uri }) = preset.location(iss) else {
        return false;
    };
    preset.issuer_fault(iss).is_none() && url::accept(&uri).is_ok()
}

/// A table that trusts the token's issuer, ready to be copied.
fn issuer_table(
    examination: &Examination<'_>,
    issuer: &str,
    keys: &KeyLines,
    algorithm: Option<Algorithm>,
    known: Option<(Preset, Option<Refused>)>,
) -> String {
    let (keys, fetched) = match keys {
        KeyLines::Preset(Preset::Oidc) => (
            "\n    preset = \"oidc\"".to_owned(),
            " If the provider has no discovery document, set `jwks_uri` instead of the preset (Better Auth: preset = \"better-auth\").",
        ),
        KeyLines::Preset(preset) => (format!("\n    preset = \"{}\"", preset.name_of_preset()), ""),
        KeyLines::Jwks(uri, algorithm) => {
            (format!("\n    jwks_uri = \"{uri}\"\n    algorithms = [\"{algorithm}\"]"), "")
        }
        KeyLines::Secret(algorithm) => (format!("\n    algorithms = [\"{algorithm}\"]"), ""),
    };
    let refused = known.and_then(|(_, refused)| refused);
    let (audience, check) = audience_lines(examination, known);
    let (secrets, bind) = if refused.is_none() && algorithm.is_some_and(Algorithm::is_shared_secret) {
        (
            "\n    secrets = [{ binding = \"ISSUER_JWT_SECRET\" }]",
            "\nThe token is signed with a shared secret. Until you store it, tokens of this issuer get 503 `secret_missing`:\n    npx wrangler secret put ISSUER_JWT_SECRET",
        )
    } else {
        ("", "")
    };
    let (pin, pinned) = pin(examination).unwrap_or_default();
    let refused = known.and_then(|(preset, refused)| Some(refused?.in_words(preset))).unwrap_or_default();
    format!(
        "add to wrangler.toml:\n    [[vars.ASSAY.issuers]]\n    issuer = {issuer}{keys}{audience}{pin}{secrets}{check}{pinned}{fetched}{bind}{refused}"
    )
}

/// The line `audience` of a table, and what it means: that of the token, unless the table is for tokens of another class.
fn audience_lines(
    examination: &Examination<'_>,
    known: Option<(Preset, Option<Refused>)>,
) -> (String, String) {
    let any_of = |one: &str| format!("\n    audience = {{ any_of = [{}] }}", quoted(one));
    let claims = examination.token.as_ref().map(UntrustedToken::claims);
    let given = claims.and_then(|claims| claims.audience.as_deref()).unwrap_or_default();
    let mut which = String::new();
    if !known.is_some_and(|(_, refused)| refused.is_some_and(Refused::is_of_another_class)) {
        if let Some(one) = audience(examination) {
            return (any_of(&one), "\nCheck that this audience is your API.".to_owned());
        }
        let Some(first) = given.first() else {
            let without = by_client(examination).unwrap_or_else(|| by_party(examination));
            return (without.fields, without.meaning.to_owned());
        };
        which = format!("The audience \"{}\" of this token names no API. ", excerpt(first));
    }
    let preset = known.map(|(preset, _)| preset);
    match preset.and_then(|preset| audiences::usual(preset, iss(examination))) {
        Some(Usual { audience: Some(one), reason }) => (any_of(&one), format!("\n{which}{reason}")),
        Some(Usual { audience: None, reason }) => {
            ("\n    audience = \"unchecked\"".to_owned(), format!("\n{which}{reason}"))
        }
        None => (
            any_of(UNKNOWN_AUDIENCE),
            format!(
                "\n{which}{} Until you write it into `audience`, no token is accepted.",
                audiences::in_words(preset)
            ),
        ),
    }
}

/// The condition that accepts only the tokens of one customer of a provider whose issuer gives everybody tokens for any audience, and what it
/// means.
fn pin(examination: &Examination<'_>) -> Option<(String, String)> {
    let claim = provider(examination).map(|found| found.preset.pin()).filter(|claim| !claim.is_empty())?;
    let value = examination.token.as_ref()?.claims().get(claim);
    let (value, meaning) = match value.and_then(|value| pasteable(value.as_str()?)) {
        Some(value) => {
            (value, format!("`require` accepts only tokens with this `{claim}`: check that it is yours."))
        }
        None => (
            quoted(&format!("write-your-{claim}-here")),
            format!("`require` accepts only tokens with this `{claim}`: write yours."),
        ),
    };
    Some((format!("\n    require = [{{ claim = \"/{claim}\", equals = {value} }}]"), format!("\n{meaning}")))
}

/// What gives public keys to an issuer that has only shared secrets.
fn public_keys(examination: &Examination<'_>, allowed: &[&'static str], algorithm: &str) -> String {
    let uri = format!("{}/.well-known/jwks.json", iss(examination).trim_end_matches('/'));
    let place = table(examination);
    if url::accept(&uri).is_err() {
        return format!("Set `jwks_uri` {place}, to the URL of the keys in the issuer's documentation.");
    }
    format!(
        "Set {place}:\n    jwks_uri = \"{uri}\"\n    algorithms = {}\nMost issuers publish their keys at this URL. If yours does not, its documentation names another.",
        list(allowed.iter().copied(), &[algorithm])
    )
}

/// How to write the token's `iss` in place of `configured`, so that the table stays valid.
fn correction(examination: &Examination<'_>, configured: &str) -> String {
    let iss = iss(examination);
    let source = examination.terms.issuers.named(configured).and_then(|issuer| issuer.keys.as_ref());
    let Some(issuer) = pasteable(iss) else {
        return "The token's issuer has characters that cannot be seen: have the identity provider write it without them.".to_owned();
    };
    // Lines without the preset would accept what the preset refuses.
    if let Some((preset, problem)) = fault_of_iss(iss) {
        return format!(
            "{problem}, so the token is not as {} makes them: find out who made it. No setting here accepts it.",
            preset.name()
        );
    }
    let (is_derivable, fetched_from) = match source.map(|source| &source.location) {
        None => (true, None),
        Some(Location::Discovery { .. }) => (is_valid(Preset::Oidc, iss), None),
        // Which preset is configured is not known here, so each one that takes the configured issuer must take this one.
        Some(Location::Jwks { uri }) => {
            let mut possible =
                Preset::NAMES.iter().filter(|(_, preset)| preset.issuer_fault(configured).is_none());
            (possible.all(|(_, preset)| is_valid(*preset, iss)), Some(uri))
        }
    };
    let place = table_of(configured);
    match (is_derivable, fetched_from) {
        (true, _) => format!("If the token's issuer is the right one, set {place}:\n    issuer = {issuer}"),
        // A preset could refuse this issuer, or look for its keys elsewhere.
        (false, Some(uri)) => format!(
            "If the token's issuer is the right one, set {place}:\n    issuer = {issuer}\n    jwks_uri = \"{uri}\"\nin place of its `issuer`, `preset` and `jwks_uri`."
        ),
        (false, None) => format!("If the token's issuer is the right one, {}", to_add(examination)),
    }
}

pub(in crate::explain) fn algorithm_unsupported(algorithm: &str) -> Advice {
    if algorithm.eq_ignore_ascii_case("none") || algorithm.is_empty() {
        return advice(
            "The token is not signed: the `alg` in its header is absent or \"none\". Anyone could have written it.",
            "Ask the identity provider for a signed token. If a library makes these tokens, switch off its setting for unsigned ones: it is for tests only.",
        );
    }
    advice(
        format!("The token is signed with \"{algorithm}\", which this Worker does not support."),
        format!(
            "Set the identity provider to one of {}. The names are case-sensitive.",
            Algorithm::ALL.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ")
        ),
    )
}

pub(in crate::explain) fn algorithm_not_allowed(
    examination: &Examination<'_>,
    algorithm: &str,
    allowed: &[&'static str],
) -> (CauseId, Advice) {
    let parsed = Algorithm::parse(algorithm);
    let has_secrets = examination.issuer().is_some_and(|issuer| !issuer.secrets.is_empty());
    let has_keys = examination.issuer().is_some_and(|issuer| issuer.has_public_keys());
    let names = allowed.join(", ");
    // Keycloak signs its refresh tokens with a secret that it shares with nobody.
    if examination.is_of_refused_class() {
        return (CauseId::TokenClassRefused, class_refused(examination));
    }
    match parsed {
        Some(parsed) if parsed.is_shared_secret() && !has_secrets => {
            (CauseId::SharedSecretAbsent, no_secret(examination, algorithm))
        }
        Some(parsed) if !parsed.is_shared_secret() && !has_keys => (
            CauseId::AlgorithmMismatch,
            advice(
                format!(
                    "The token is signed with a private key ({algorithm}), but its issuer is configured with only a shared secret ({names}), which cannot verify it."
                ),
                format!(
                    "{} Remove `secrets` and the HS algorithms if nothing is signed with the secret any more.",
                    public_keys(examination, allowed, algorithm)
                ),
            ),
        ),
        _ => (
            CauseId::AlgorithmMismatch,
            advice(
                format!("The token is signed with {algorithm}, but only {names} is allowed for its issuer."),
                format!(
                    "If the identity provider has changed its signing key (Supabase: from HS256 to ES256), set {}:\n    algorithms = {}\nIf it has not, find out who made this token before you allow its algorithm.",
                    table(examination),
                    list(allowed.iter().copied(), &[algorithm])
                ),
            ),
        ),
    }
}
