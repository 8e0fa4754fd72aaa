//! What to do about who issued a token, and how it is signed.

use super::keys::no_secret;
use super::{Advice, advice, list, pasteable, table};
use crate::explain::Examination;
use crate::explain::cause::CauseId;
use crate::explain::issuers::{self, Difference, Provider};
use crate::jose::Algorithm;
use crate::keys::{Location, url};
use crate::rejection::excerpt;
use crate::trust::presets::Preset;

fn iss<'e>(examination: &'e Examination<'_>) -> &'e str {
    examination.token.as_ref().and_then(|token| token.claims().issuer.as_deref()).unwrap_or_default()
}

pub(in crate::explain) fn issuer_absent() -> Advice {
    advice(
        "The token has no `iss` claim, so it does not say who issued it.",
        "Let whoever makes the token set `iss` to the issuer that wrangler.toml names. Supabase's `anon` and `service_role` API keys have \"supabase\" there and are no users' tokens.",
    )
}

pub(in crate::explain) fn issuer_unknown(examination: &Examination<'_>) -> (CauseId, Advice) {
    if let Some(role) = supabase_key(examination) {
        return (CauseId::ApiKey, api_key(role));
    }
    let given = excerpt(iss(examination));
    let near = issuers::nearest(&examination.terms.issuers, iss(examination));
    match near {
        Some(near) => match near.difference {
            Difference::Instance(provider) => (
                CauseId::WrongInstance,
                advice(
                    format!(
                        "The token is from another {} {} than the configured one: it is from \"{given}\", and \"{}\" is trusted.",
                        provider.name(),
                        provider.instance(),
                        near.issuer
                    ),
                    format!(
                        "Development and production are the usual mix-up. Give the client the keys (publishable key, URL) of the {0} that is configured here. If this {0} is to be trusted too, {1}",
                        provider.instance(),
                        to_add(examination)
                    ),
                ),
            ),
            difference => (
                CauseId::IssuerNearMiss,
                advice(
                    format!(
                        "The token's issuer is nearly the configured one, and differs in {}: it says \"{given}\", wrangler.toml says \"{}\".",
                        difference.in_words(),
                        near.issuer
                    ),
                    format!(
                        "Issuers must agree in every character. {}",
                        correction(examination, near.issuer)
                    ),
                ),
            ),
        },
        None => (
            CauseId::IssuerUnknown,
            advice(
                format!("The token's issuer is not configured: \"{given}\"."),
                format!(
                    "If its tokens are not to be accepted, the client uses the wrong identity provider. If they are, {}",
                    to_add(examination)
                ),
            ),
        ),
    }
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
        " The service_role key passes every row level security rule: if a browser or an app sent it, replace it in Supabase's dashboard (Project Settings → API Keys)."
    } else {
        ""
    };
    advice(
        format!(
            "This is the Supabase project's API key (`{role}`) and not a user's token: nobody is signed in."
        ),
        format!(
            "Send the signed-in user's access token:\n    const {{ data }} = await supabase.auth.getSession()\n    const token = data.session?.access_token\nWithout a session there is no token: sign the user in first. The API key belongs in the header `apikey` of requests to Supabase. Do not configure \"supabase\" as an issuer.{revoke}"
        ),
    )
}

/// Where an issuer's keys are, in the lines of its table.
enum KeyLines {
    /// A preset.
    Preset(&'static str),
    /// A JWKS URL that cannot be derived from `iss`, with the algorithms of its keys.
    Jwks(String, &'static str),
    /// A shared secret alone, for this algorithm.
    Secret(&'static str),
}

/// How to trust the token's issuer: a table that works when it is pasted, or what to find out for one.
fn to_add(examination: &Examination<'_>) -> String {
    let iss = iss(examination);
    let algorithm = examination.token.as_ref().and_then(|token| token.header().algorithm().ok());
    let shared = algorithm.filter(|algorithm| algorithm.is_shared_secret());
    let audience = audience(examination);
    match (pasteable(iss), key_lines(iss, audience, shared)) {
        (Some(issuer), Some(keys)) => issuer_table(&issuer, audience, &keys, shared.is_some()),
        _ => format!(
            "look up the URL of its keys (JWKS URI) in the identity provider's documentation: it cannot be derived from \"{}\". Then add a [[vars.ASSAY.issuers]] table with `issuer`, exactly as in the token, `jwks_uri` and `audience` to wrangler.toml. Without a `jwks_uri` that is an https URL the configuration is refused as a whole.",
            excerpt(iss)
        ),
    }
}

/// The first audience of the token that can be pasted.
fn audience<'e>(examination: &'e Examination<'_>) -> Option<&'e str> {
    let audience = examination.token.as_ref()?.claims().audience.as_ref()?;
    audience.iter().map(String::as_str).find(|one| pasteable(one).is_some())
}

/// `None` if no lines are known that make a valid table.
fn key_lines(iss: &str, audience: Option<&str>, shared: Option<Algorithm>) -> Option<KeyLines> {
    // Two providers whose `iss` is no URL, or not the one of their discovery document.
    if iss == "accounts.google.com" {
        let uri = "https://www.googleapis.com/oauth2/v3/certs".to_owned();
        return Some(KeyLines::Jwks(uri, "RS256"));
    }
    if iss == "privy.io" {
        // Privy's `aud` is the id of the application.
        let is_id = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let uri = format!("https://auth.privy.io/api/v1/apps/{}/jwks.json", audience.filter(is_id)?);
        return Some(KeyLines::Jwks(uri, "ES256"));
    }
    // An issuer that shares a secret may publish no keys at all, and would then never be ready with the preset `oidc`.
    let any = if shared.is_some() { None } else { Some("oidc") };
    let of_provider = Provider::of(iss).map(Provider::preset);
    let preset = of_provider.into_iter().chain(any).find(|name| is_valid(name, iss));
    preset.map(KeyLines::Preset).or_else(|| shared.map(|algorithm| KeyLines::Secret(algorithm.name())))
}

/// Whether a table of this preset and issuer is valid.
fn is_valid(preset: &str, iss: &str) -> bool {
    let Some((_, preset)) = Preset::NAMES.iter().find(|(name, _)| *name == preset) else { return false };
    let (Location::Jwks { uri } | Location::Discovery { uri }) = preset.location(iss);
    preset.issuer_fault(iss).is_none() && url::accept(&uri).is_ok()
}

/// A table that trusts the token's issuer, ready to be copied.
fn issuer_table(issuer: &str, audience: Option<&str>, keys: &KeyLines, is_shared: bool) -> String {
    let (keys, fetched) = match keys {
        KeyLines::Preset("oidc") => (
            "\n    preset = \"oidc\"".to_owned(),
            " If the provider has no discovery document, write its `jwks_uri` in place of the preset.",
        ),
        KeyLines::Preset(name) => (format!("\n    preset = \"{name}\""), ""),
        KeyLines::Jwks(uri, algorithm) => {
            (format!("\n    jwks_uri = \"{uri}\"\n    algorithms = [\"{algorithm}\"]"), "")
        }
        KeyLines::Secret(algorithm) => (format!("\n    algorithms = [\"{algorithm}\"]"), ""),
    };
    let (audience, check) = match audience.and_then(pasteable) {
        Some(one) => (format!("{{ any_of = [{one}] }}"), "Check that the audience means your API."),
        None => ("\"unchecked\"".to_owned(), "The token has no audience, so none is checked."),
    };
    let (secrets, bind) = if is_shared {
        (
            "\n    secrets = [{ binding = \"ISSUER_JWT_SECRET\" }]",
            "\nThe token is signed with a shared secret. Until the Worker has it, the issuer's tokens get 503 `secret_missing`:\n    npx wrangler secret put ISSUER_JWT_SECRET",
        )
    } else {
        ("", "")
    };
    format!(
        "add to wrangler.toml:\n    [[vars.ASSAY.issuers]]\n    issuer = {issuer}{keys}\n    audience = {audience}{secrets}\n{check}{fetched}{bind}"
    )
}

/// The lines that add public keys to an issuer that has shared secrets alone.
fn public_keys(examination: &Examination<'_>, allowed: &[&'static str], algorithm: &str) -> String {
    let uri = format!("{}/.well-known/jwks.json", iss(examination).trim_end_matches('/'));
    if url::accept(&uri).is_err() {
        return "`jwks_uri`, the URL of the issuer's keys, which its documentation names.".to_owned();
    }
    format!(
        "the URL of the issuer's keys (most have them here; if yours has not, its documentation names another):\n    jwks_uri = \"{uri}\"\n    algorithms = {}",
        list(allowed.iter().copied().chain([algorithm]))
    )
}

/// How to write the token's `iss` in place of `configured`, so that the table stays valid.
fn correction(examination: &Examination<'_>, configured: &str) -> String {
    let iss = iss(examination);
    let source = examination.terms.issuers.find(configured).and_then(|issuer| issuer.keys.as_ref());
    let Some(issuer) = pasteable(iss) else {
        return "The token's has characters that cannot be seen: have the identity provider write it without them.".to_owned();
    };
    let (is_derivable, fetched_from) = match source.map(|source| &source.location) {
        None => (true, None),
        Some(Location::Discovery { .. }) => (is_valid("oidc", iss), None),
        // Which preset is configured is not known here, so every one that takes the configured issuer has to take this one.
        Some(Location::Jwks { uri }) => {
            let mut possible =
                Preset::NAMES.iter().filter(|(_, preset)| preset.issuer_fault(configured).is_none());
            (possible.all(|(name, _)| is_valid(name, iss)), Some(uri))
        }
    };
    match (is_derivable, fetched_from) {
        (true, _) => format!(
            "If the token's is the right one, write in wrangler.toml, in place of \"{configured}\":\n    issuer = {issuer}"
        ),
        // A preset could refuse this issuer, or look for its keys elsewhere.
        (false, Some(uri)) => format!(
            "If the token's is the right one, write in wrangler.toml, in the table of \"{configured}\" and in place of its `issuer`, `preset` and `jwks_uri`:\n    issuer = {issuer}\n    jwks_uri = \"{uri}\""
        ),
        (false, None) => format!("If the token's is the right one, {}", to_add(examination)),
    }
}

pub(in crate::explain) fn algorithm_unsupported(algorithm: &str) -> Advice {
    if algorithm.eq_ignore_ascii_case("none") || algorithm.is_empty() {
        return advice(
            "The token is not signed: its header names no algorithm, or \"none\". Anybody could have written it.",
            "Ask the identity provider for a signed token. A library's setting that makes unsigned ones is for tests only.",
        );
    }
    advice(
        format!("The token is signed with \"{algorithm}\", which is not supported here."),
        format!(
            "Set the identity provider to one of {}. Names are exact: capital letters matter.",
            Algorithm::ALL.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ")
        ),
    )
}

pub(in crate::explain) fn algorithm_not_allowed(
    examination: &Examination<'_>,
    algorithm: &str,
    allowed: &[&'static str],
) -> (CauseId, Advice) {
    let place = table(examination);
    let parsed = Algorithm::parse(algorithm);
    let has_secrets = examination.issuer().is_some_and(|issuer| !issuer.secrets.is_empty());
    let has_keys = examination.issuer().is_some_and(|issuer| issuer.keys.is_some());
    let names = allowed.join(", ");
    match parsed {
        Some(parsed) if parsed.is_shared_secret() && !has_secrets => {
            (CauseId::SharedSecretAbsent, no_secret(examination, algorithm))
        }
        Some(parsed) if !parsed.is_shared_secret() && !has_keys => (
            CauseId::AlgorithmMismatch,
            advice(
                format!(
                    "The token is signed with a private key ({algorithm}), and the configuration has only a shared secret for its issuer ({names}): a secret cannot judge it."
                ),
                format!(
                    "Verify it with the issuer's public keys: {place} write {}\nRemove `secrets` if nothing is signed with the secret any more, and the HS algorithms with it.",
                    public_keys(examination, allowed, algorithm)
                ),
            ),
        ),
        _ => (
            CauseId::AlgorithmMismatch,
            advice(
                format!("The token is signed with {algorithm}, and for its issuer only {names} is allowed."),
                format!(
                    "If the identity provider has changed its signing key on purpose (Supabase: from HS256 to ES256), add it {place}:\n    algorithms = {}\nIf nobody changed anything, find out who made this token before you allow it.",
                    list(allowed.iter().copied().chain([algorithm]))
                ),
            ),
        ),
    }
}
