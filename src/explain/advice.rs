//! The words: what is the matter, and what to change where. One function for each cause; which cause it is, is decided
//! in [`super::causes`].

use super::cause::CauseId;
use super::issuers::{self, Difference, Provider};
use super::{Examination, cross_check, keys};
use crate::config::ConfigFault;
use crate::jose::Algorithm;
use crate::keys::LookedAgain;
use crate::rejection::{Ambiguous, Malformed, Missing, excerpt};
use crate::time::duration_in_words;
use crate::trust::claims::AudienceRule;

/// What is the matter, and the fix.
pub(super) struct Advice {
    pub(super) summary: String,
    pub(super) fix: String,
}

fn advice(summary: impl Into<String>, fix: impl Into<String>) -> Advice {
    Advice { summary: summary.into(), fix: fix.into() }
}

/// Where in the configuration the token's issuer is.
fn table(examination: &Examination<'_>) -> String {
    examination.issuer().map_or_else(
        || "in wrangler.toml, under [vars.ASSAY]".to_owned(),
        |issuer| format!("in wrangler.toml, in the [[vars.ASSAY.issuers]] table of \"{}\"", issuer.issuer),
    )
}

fn iss<'e>(examination: &'e Examination<'_>) -> &'e str {
    examination.token.as_ref().and_then(|token| token.claims().issuer.as_deref()).unwrap_or_default()
}

fn kid(examination: &Examination<'_>) -> String {
    examination
        .token
        .as_ref()
        .and_then(|token| token.header().kid.as_deref())
        .map_or_else(|| "without a kid".to_owned(), |kid| format!("\"{}\"", excerpt(kid)))
}

pub(super) fn accepted(examination: &Examination<'_>) -> Advice {
    let engines = match cross_check::of(&examination.trail).agree {
        Some(true) => "Crypto ruled out: pure Rust and WebCrypto agree.",
        _ => "The signature was judged by pure Rust alone here.",
    };
    advice(
        format!("The token is good. {engines}"),
        "Nothing is to be done here. If another server refuses this very token, the fault is there: compare its issuer, audience and key set with the steps below.",
    )
}

pub(super) fn literal(word: &str) -> Advice {
    advice(
        format!("The client sent the word \"{word}\" in place of a token."),
        "The code that builds the header has no token yet. Wait until the user is signed in, and check what getToken() gave before sending it. If it asks for a template (Clerk: getToken({ template: \"…\" })), a template of exactly that name must exist in the identity provider's dashboard; for one that does not, it gives null.",
    )
}

pub(super) fn token_absent(missing: Missing) -> Advice {
    let fix = "Send the header\n    Authorization: Bearer <token>\nwith every request. In a browser a request to another origin loses it when the server's CORS rules do not allow the header Authorization.";
    advice(format!("There is no token: {missing}."), fix)
}

pub(super) fn ambiguous(ambiguous: Ambiguous) -> Advice {
    advice(
        format!("It cannot be told which text is the token: {ambiguous}."),
        "Send exactly one header\n    Authorization: Bearer <token>\nwith one space, no quotes, no line break, and the word Bearer once.",
    )
}

pub(super) fn too_large(length: usize, limit: usize) -> Advice {
    advice(
        format!("The token is too large: {length} bytes, and {limit} are accepted."),
        "Make the token smaller (large custom claims, avatars and role lists are the usual reason), or raise the limit in wrangler.toml:\n    [vars.ASSAY.verify]\n    max_token_bytes = 32768",
    )
}

pub(super) fn opaque(examination: &Examination<'_>) -> Advice {
    const KNOWN: [(&str, &str); 10] = [
        ("sb_secret_", "a Supabase secret API key"),
        ("sb_publishable_", "a Supabase publishable API key"),
        ("sbp_", "a Supabase access token for its management API"),
        ("sk_live_", "a secret API key of Clerk's or Stripe's kind"),
        ("sk_test_", "a secret API key of Clerk's or Stripe's kind"),
        ("pk_live_", "a publishable API key"),
        ("pk_test_", "a publishable API key"),
        ("ak_", "an API key"),
        ("oat_", "an opaque OAuth access token"),
        ("gh", "a GitHub token"),
    ];
    let text = examination.presented.as_deref().unwrap_or_default();
    let known = KNOWN.iter().find(|(prefix, _)| text.starts_with(prefix));
    let what = known.map_or("an opaque key or session id", |(_, what)| what);
    let secret =
        known.is_some_and(|(prefix, _)| prefix.starts_with("sb_secret") || prefix.starts_with("sk_"));
    let revoke = if secret { " This one is a secret: if a browser sent it, revoke it." } else { "" };
    advice(
        format!("This is no JWT but {what}: a JWT has three parts separated by dots, this has one."),
        format!(
            "Send the signed-in user's access token instead (Supabase: session.access_token; Clerk: await getToken()). An API key identifies a project, not a user, and goes into a header of its own.{revoke}"
        ),
    )
}

pub(super) fn not_a_jwt(malformed: &Malformed) -> Advice {
    let fix = match malformed {
        Malformed::Segments(5) => {
            "Five parts make an encrypted token (JWE), which only its addressee can read. Ask the identity provider for a signed access token; Auth0 gives one when the request names an `audience`."
        }
        Malformed::Member { .. } => {
            "The identity provider, or whoever makes these tokens, must write this claim as RFC 7519 has it. Times are whole seconds since 1970, not milliseconds: in JavaScript Math.floor(Date.now() / 1000)."
        }
        Malformed::DuplicateMember(..) => {
            "Whoever makes these tokens writes a member twice, which two readers would read differently. That has to be mended there."
        }
        Malformed::Segments(_)
        | Malformed::EmptySegment(_)
        | Malformed::Base64(_)
        | Malformed::Utf8(_)
        | Malformed::Json(..)
        | Malformed::NoExpiry => {
            "Copy the token anew and whole: it has often lost its end, gained a line break or quotes, or was URL-decoded on the way. A JWT begins with \"eyJ\" and has two dots."
        }
    };
    advice(format!("This is not a signed JWT that can be read: {malformed}."), fix)
}

pub(super) fn no_expiry() -> Advice {
    advice(
        "The token has no `exp` claim: it would be valid for ever, and such tokens are not accepted.",
        "Have the identity provider set an expiry. A long-lived Supabase `anon` key is no user's token; send session.access_token.",
    )
}

pub(super) fn header(member: &str, reason: &str) -> Advice {
    advice(
        format!("The token's header has the member `{member}`, which is refused: {reason}."),
        "Tokens of the usual identity providers do not have it. If yours sets it, switch that off there; if you do not know where this token is from, do not trust it.",
    )
}

pub(super) fn issuer_absent() -> Advice {
    advice(
        "The token has no `iss` claim, so it does not say who issued it.",
        "Let whoever makes the token set `iss` to the issuer that wrangler.toml names. Supabase's `anon` and `service_role` API keys have \"supabase\" there and are no users' tokens.",
    )
}

pub(super) fn issuer_unknown(examination: &Examination<'_>) -> (CauseId, Advice) {
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
                        "Development and production are the usual mix-up. Give the client the keys (publishable key, URL) of the {0} that is configured here; or, if this {0} is to be trusted too, add{1}",
                        provider.instance(),
                        issuer_table(examination, &given)
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
                        "Issuers must agree in every character. If the token's is the right one, write in wrangler.toml, in place of \"{}\":\n    issuer = \"{given}\"",
                        near.issuer
                    ),
                ),
            ),
        },
        None => (
            CauseId::IssuerUnknown,
            advice(
                format!("Nobody here knows the token's issuer: \"{given}\" is not configured."),
                format!(
                    "If its tokens are to be accepted, add to wrangler.toml{}\nIf not, the client uses the wrong identity provider.",
                    issuer_table(examination, &given)
                ),
            ),
        ),
    }
}

/// A table that would trust the token's issuer, ready to be copied.
fn issuer_table(examination: &Examination<'_>, given: &str) -> String {
    let provider = Provider::of(given);
    let preset = provider.map_or("oidc", Provider::preset);
    let audience = match provider {
        Some(Provider::Clerk) => "\"unchecked\"".to_owned(),
        _ => examination
            .token
            .as_ref()
            .and_then(|token| token.claims().audience.as_ref()?.first())
            .map_or_else(
                || "\"unchecked\"".to_owned(),
                |one| format!("{{ any_of = [\"{}\"] }}", excerpt(one)),
            ),
    };
    let shared = examination
        .token
        .as_ref()
        .is_some_and(|token| token.header().algorithm().is_ok_and(Algorithm::is_shared_secret));
    let secrets = if shared {
        "\n    secrets = [{ binding = \"ISSUER_JWT_SECRET\" }]   # npx wrangler secret put ISSUER_JWT_SECRET"
    } else {
        ""
    };
    format!(
        "\n    [[vars.ASSAY.issuers]]\n    issuer = \"{given}\"\n    preset = \"{preset}\"\n    audience = {audience}{secrets}"
    )
}

pub(super) fn algorithm_unsupported(algorithm: &str) -> Advice {
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

pub(super) fn algorithm_not_allowed(
    examination: &Examination<'_>,
    algorithm: &str,
    allowed: &[&'static str],
) -> (CauseId, Advice) {
    let place = table(examination);
    let parsed = Algorithm::parse(algorithm);
    let has_secrets = examination.issuer().is_some_and(|issuer| !issuer.secrets.is_empty());
    let has_keys = examination.issuer().is_some_and(|issuer| issuer.keys.is_some());
    let list = allowed.join(", ");
    match parsed {
        Some(parsed) if parsed.is_shared_secret() && !has_secrets => {
            (CauseId::SharedSecretAbsent, no_secret(examination, algorithm))
        }
        Some(parsed) if !parsed.is_shared_secret() && !has_keys => (
            CauseId::AlgorithmMismatch,
            advice(
                format!(
                    "The token is signed with a private key ({algorithm}), and the configuration has only a shared secret for its issuer ({list}): a secret cannot judge it."
                ),
                format!(
                    "Verify it with the issuer's public keys: {place} write a preset (\"clerk\", \"supabase\", \"auth0\", \"oidc\"), or\n    jwks_uri = \"{}/.well-known/jwks.json\"\nand remove `secrets` and `algorithms` if nothing is signed with the secret any more.",
                    iss(examination).trim_end_matches('/')
                ),
            ),
        ),
        _ => (
            CauseId::AlgorithmMismatch,
            advice(
                format!("The token is signed with {algorithm}, and for its issuer only {list} is allowed."),
                format!(
                    "If the identity provider has changed its signing key on purpose (Supabase: from HS256 to ES256), add it {place}:\n    algorithms = [\"{algorithm}\", …]\nIf nobody changed anything, find out who made this token before you allow it."
                ),
            ),
        ),
    }
}

pub(super) fn stale(examination: &Examination<'_>) -> Advice {
    let age = examination.trail.lookup.as_ref().map_or_else(String::new, |lookup| {
        format!(" It was {} old.", duration_in_words(examination.now.since(lookup.fetched_at).max(0)))
    });
    advice(
        format!(
            "The key set is stale: the key {} was not in the set that requests are judged by, and is there after a refresh.{age}",
            kid(examination)
        ),
        "This look has refreshed it: send the request again, and it will pass. Keys were rotated at the identity provider without publishing the new one beforehand; have them publish a key at least one TTL before it signs, or shorten the wait in wrangler.toml:\n    [vars.ASSAY.jwks]\n    unknown_kid_cooldown_seconds = 5",
    )
}

pub(super) fn key_unknown(examination: &Examination<'_>, kid: &str) -> Advice {
    let known = examination.trail.lookup.as_ref().map_or_else(String::new, |lookup| keys::kids(&lookup.set));
    let looked = match &examination.again {
        Some(LookedAgain::TooEarly { retry_after_seconds }) => format!(
            "Whether the key is new cannot be told yet: explain the token again in {retry_after_seconds} s, when a refresh is allowed. "
        ),
        Some(LookedAgain::Fetched(_) | LookedAgain::NothingNewer) | None => String::new(),
    };
    let refreshed = if looked.is_empty() { ", not even after a refresh" } else { " that is known of" };
    advice(
        format!("The issuer has no key \"{kid}\"{refreshed}: it publishes {known}."),
        format!(
            "{looked}The token is most likely from another instance or project that uses the same `iss`, or its key was withdrawn since. Sign in anew and compare the `kid` in the new token's header; if it still differs, the URL of the keys {} is not that of whoever signs.",
            table(examination)
        ),
    )
}

pub(super) fn other_algorithm(examination: &Examination<'_>, kid: &str, algorithm: &str) -> Advice {
    let own = examination
        .trail
        .lookup
        .as_ref()
        .and_then(|lookup| lookup.set.with_kid(kid).next().map(|jwk| keys::kind(&jwk.key)));
    advice(
        format!(
            "The token says {algorithm}, and the issuer's key \"{kid}\" is for something else{}.",
            own.map_or_else(String::new, |own| format!(" (it is an {own} key)"))
        ),
        "A key serves its own algorithm only. The identity provider's signing key and the algorithm it writes into the header must match; no client can mend this, so look for whoever changed one of the two.",
    )
}

pub(super) fn none_for_algorithm(examination: &Examination<'_>, algorithm: &str) -> (CauseId, Advice) {
    let Some(lookup) = &examination.trail.lookup else {
        let place = table(examination);
        let fix = format!("Say {place} where its public keys are:\n    jwks_uri = \"https://…\"");
        let summary =
            format!("No public keys are configured for the token's issuer, and {algorithm} needs one.");
        return (CauseId::AlgorithmMismatch, advice(summary, fix));
    };
    if let (true, Some(aside)) = (lookup.set.keys.is_empty(), lookup.set.set_aside.first()) {
        return (CauseId::KeySetAside, set_aside(aside.kid.as_deref(), &aside.reason.to_string()));
    }
    if lookup.set.keys.is_empty() {
        return (
            CauseId::KeyUnknown,
            advice(
                format!("The issuer publishes no keys at all, and {algorithm} needs one."),
                "An issuer with an empty key set signs with a shared secret only, or has not been set up to sign with keys. Supabase: create and activate a signing key under Project Settings → JWT Keys.",
            ),
        );
    }
    (
        CauseId::AlgorithmMismatch,
        advice(
            format!(
                "The token says {algorithm}, and none of the issuer's keys ({}) serves it.",
                keys::kids(&lookup.set)
            ),
            "The identity provider's signing key was changed, or the token is not from it. Sign in anew; if that does not help, compare the algorithm in the header with the keys that the issuer publishes.",
        ),
    )
}

pub(super) fn no_secret(examination: &Examination<'_>, algorithm: &str) -> Advice {
    let secrets = examination.issuer().map_or(&[][..], |issuer| issuer.secrets.as_slice());
    let named: Vec<&str> = secrets.iter().filter_map(|secret| secret.reference.kid.as_deref()).collect();
    let place = table(examination);
    let summary = if named.is_empty() {
        format!(
            "This token is signed with a shared secret ({algorithm}), no JWKS can judge it, and no secret is configured for its issuer."
        )
    } else {
        format!(
            "This token is signed with a shared secret ({algorithm}) of the kid {}, no JWKS can judge it, and the configured secrets are for {} only.",
            kid(examination),
            named.join(", ")
        )
    };
    advice(
        summary,
        format!(
            "Give the Worker the secret (Supabase: Project Settings → JWT Keys → Legacy JWT secret):\n    npx wrangler secret put ISSUER_JWT_SECRET\nand name it {place}:\n    secrets = [{{ binding = \"ISSUER_JWT_SECRET\" }}]\nBetter still, let the issuer sign with a key pair, so that nothing secret has to be shared."
        ),
    )
}

pub(super) fn weak_secret(examination: &Examination<'_>, algorithm: Algorithm) -> Advice {
    advice(
        format!(
            "The configured shared secret is too short for {}: it must be as long as its hash (RFC 7518 §3.2).",
            algorithm.name()
        ),
        format!(
            "If it is written in hex or base64, say so {}, since its decoded octets count:\n    secrets = [{{ binding = \"…\", encoding = \"base64\" }}]\nElse make a longer one, at the issuer and here:\n    openssl rand -base64 48",
            table(examination)
        ),
    )
}

pub(super) fn wrong_secret(examination: &Examination<'_>) -> Advice {
    let ruled_out = ruled_out(examination);
    advice(
        format!("The token is signed with another shared secret than the configured one.{ruled_out}"),
        format!(
            "Copy the secret anew from the identity provider, without a line break at its end:\n    npx wrangler secret put <BINDING>\nCheck its encoding {}: Supabase's secret is used as the text it is, even where it looks like base64. After a change of the secret at the provider, sign in anew.",
            table(examination)
        ),
    )
}

fn ruled_out(examination: &Examination<'_>) -> &'static str {
    match cross_check::of(&examination.trail).agree {
        Some(true) => " Crypto ruled out: pure Rust and WebCrypto agree.",
        _ => "",
    }
}

pub(super) fn set_aside(kid: Option<&str>, reason: &str) -> Advice {
    advice(
        format!(
            "The issuer's key {} cannot be used: {reason}.",
            kid.map_or_else(|| "without a kid".to_owned(), |kid| format!("\"{}\"", excerpt(kid)))
        ),
        "The key itself has to be mended where it is published; no setting here makes it usable. Have the identity provider publish a sound key (RSA of 2048 bits or more, P-256, P-384 or Ed25519; `use` \"sig\" or absent; public members only) and sign with that.",
    )
}

pub(super) fn signature_wrong(examination: &Examination<'_>) -> Advice {
    advice(
        format!(
            "The signature is wrong: the issuer's key {} did not sign this text.{}",
            kid(examination),
            ruled_out(examination)
        ),
        "Either the token was changed after it was signed (copied incompletely, edited, re-encoded), or somebody else signed it under this name. Take a fresh token straight from the identity provider; if that one fails too, whoever signs has another private key than the published one of the same kid.",
    )
}

pub(super) fn type_not_allowed(
    examination: &Examination<'_>,
    found: Option<&str>,
    accepted: &[String],
) -> Advice {
    let found = found.map_or_else(|| "has no `typ`".to_owned(), |typ| format!("has the type \"{typ}\""));
    advice(
        format!("The token is of the wrong kind: it {found}, and {} is accepted.", accepted.join(" or ")),
        format!(
            "Send the access token, not an ID token, a refresh token or a logout token. If this type is the right one, list it {}:\n    types = [\"JWT\", \"at+jwt\", …]",
            table(examination)
        ),
    )
}

pub(super) fn expired(examination: &Examination<'_>, seconds: i64) -> Advice {
    let life = examination
        .token
        .as_ref()
        .and_then(|token| Some(token.claims().expires_at?.since(token.claims().issued_at?)));
    let lives =
        life.map_or_else(String::new, |life| format!(" It lives {} in all.", duration_in_words(life)));
    // A token is often pasted long after the request that failed: what else is wrong was wrong then, too.
    let others: Vec<&str> =
        examination.violations.iter().skip(1).map(crate::rejection::Rejection::code).collect();
    let also = if others.is_empty() {
        String::new()
    } else {
        format!(" Fresh, it would be refused too: {}.", others.join(", "))
    };
    let fix = if life.is_some_and(|life| life <= 300) {
        "Tokens this short-lived must not be kept: ask for one right before each request (Clerk: await getToken(), which renews it by itself), and never store it or build a client with it once. To explain the refusal of a live request, paste its token at once."
    } else {
        "Refresh the session before the request, or on a 401 refresh it and try once more. If fresh tokens are refused as well, the clock of the server or of the identity provider is wrong: /readyz?deep=1 compares the two."
    };
    advice(format!("The token expired {} ago.{lives}{also}", duration_in_words(seconds)), fix)
}

pub(super) fn clock_skew(examination: &Examination<'_>, claim: &str, seconds: i64) -> Advice {
    let ahead = duration_in_words(seconds);
    advice(
        format!("A clock is wrong: the token's `{claim}` lies {ahead} ahead of ours."),
        format!(
            "Synchronise the clock of whoever issued the token (NTP); /readyz?deep=1 compares the identity provider's with ours. If it is a little off and not yours to set, allow for it in wrangler.toml (now {} s):\n    [vars.ASSAY.verify]\n    leeway_seconds = {}",
            examination.issuer().map_or(0, |issuer| issuer.rules.leeway_seconds),
            seconds.saturating_add(5).min(300),
        ),
    )
}

pub(super) fn not_yet_valid(claim: &str, seconds: i64) -> Advice {
    advice(
        format!("The token is not valid yet: its `{claim}` lies {} ahead.", duration_in_words(seconds)),
        "It was made for later, or the clock of whoever made it is far off: check its time and its time zone. `nbf` and `iat` are seconds since 1970 in UTC.",
    )
}

pub(super) fn too_old(examination: &Examination<'_>, age: Option<i64>, most: u64) -> Advice {
    let most_words = duration_in_words(i64::try_from(most).unwrap_or(i64::MAX));
    let summary = match age {
        Some(age) => format!(
            "The token is too old: it was issued {} ago, and {most_words} is the most.",
            duration_in_words(age)
        ),
        None => format!(
            "The token does not say when it was issued (`iat`), and an age of at most {most_words} is required."
        ),
    };
    advice(
        summary,
        format!("Sign in anew; or allow older ones {}:\n    max_age_seconds = 86400", table(examination)),
    )
}

pub(super) fn audience_absent(examination: &Examination<'_>, expected: &str) -> Advice {
    let clerk = if is_session_token(examination) {
        "Clerk's session tokens never carry one. Either send a token of a JWT template that sets \"aud\" (Clerk: Configure → JWT templates, then getToken({ template: \"…\" })), or accept session tokens"
    } else {
        "Either have the identity provider set it (Auth0: name the API as `audience` in the request), or accept tokens without one"
    };
    advice(
        format!("The token has no `aud`: it does not say for whom it was made, and {expected} is required."),
        format!("{clerk}: {}, write\n    audience = \"unchecked\"", table(examination)),
    )
}

pub(super) fn audience_other(examination: &Examination<'_>, found: &[String], expected: &str) -> Advice {
    let found = found.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ");
    advice(
        format!("The token was made for another audience: its `aud` is {found}, and {expected} is required."),
        format!(
            "Have the client ask for a token for this API (Auth0: `audience`; Clerk: the template that sets it). If this audience is the right one, write it {}:\n    audience = {{ any_of = [{found}] }}",
            table(examination)
        ),
    )
}

pub(super) fn party_absent(examination: &Examination<'_>, expected: &[String]) -> Advice {
    advice(
        format!(
            "The token has no `azp`: it does not say which application asked for it, and {} is required.",
            expected.join(" or ")
        ),
        format!(
            "Clerk copies the browser's Origin header into `azp`; a server, a mobile app or a test has none. If such clients are to be let in, remove {}:\n    authorized_parties",
            table(examination)
        ),
    )
}

pub(super) fn party_other(examination: &Examination<'_>, found: &str, expected: &[String]) -> Advice {
    advice(
        format!(
            "The token was issued to another application: its `azp` is \"{found}\", and {} is accepted.",
            expected.join(" or ")
        ),
        format!(
            "If \"{found}\" is yours (another port, a preview deployment), add it {}:\n    authorized_parties = [\"{found}\", …]\nIf not, somebody sends you a token that was made for another site.",
            table(examination)
        ),
    )
}

/// Whether this is a Clerk session token: it has `sid` or `v`, which template tokens never carry.
pub(super) fn is_session_token(examination: &Examination<'_>) -> bool {
    examination.token.as_ref().is_some_and(|token| {
        let clerk = token.header().kid.as_deref().is_some_and(|kid| kid.starts_with("ins_"))
            || Provider::of(token.claims().issuer.as_deref().unwrap_or_default()) == Some(Provider::Clerk);
        clerk && (token.claims().get("sid").is_some() || token.claims().get("v").is_some())
    })
}

pub(super) fn session_token(examination: &Examination<'_>, missing: &[&str]) -> Advice {
    let audience = examination.issuer().and_then(|issuer| match &issuer.rules.audience {
        AudienceRule::AnyOf(wanted) | AudienceRule::AllOf(wanted) => wanted.first().cloned(),
        AudienceRule::Unchecked => None,
    });
    let mut members: Vec<String> = audience.iter().map(|one| format!("\"aud\": \"{one}\"")).collect();
    members.extend(missing.iter().map(|claim| {
        let value = if *claim == "user_id" { "{{user.id}}" } else { "…" };
        format!("\"{claim}\": \"{value}\"")
    }));
    let name = audience.unwrap_or_else(|| "backend".to_owned());
    advice(
        format!(
            "This is a Clerk session token, and a token of a JWT template is needed: it lacks {}, which only a template sets.",
            missing.iter().map(|claim| format!("`{claim}`")).collect::<Vec<_>>().join(" and ")
        ),
        format!(
            "Ask for the template's token, the name as in Clerk's dashboard:\n    const token = await getToken({{ template: \"{name}\" }})\nThe template (Configure → JWT templates) must hold\n    {{ {} }}",
            members.join(", ")
        ),
    )
}

pub(super) fn claim_absent(examination: &Examination<'_>, claim: &str) -> Advice {
    advice(
        format!("The token has no `{claim}`, which is required."),
        format!(
            "Add the claim at the identity provider (Clerk: a JWT template; Auth0: an Action; Supabase: a custom access token hook), or no longer require it {}:\n    required_claims",
            table(examination)
        ),
    )
}

pub(super) fn scope(examination: &Examination<'_>, missing: &[String]) -> Advice {
    advice(
        format!("The token lacks the scope {}: its bearer may not do this.", missing.join(" ")),
        format!(
            "Have the client ask for it when it signs in (`scope`), and the user or administrator grant it; or no longer require it {}:\n    required_scopes",
            table(examination)
        ),
    )
}

pub(super) fn provider_down(
    examination: &Examination<'_>,
    issuer: &str,
    reason: &str,
    retry_after_seconds: u64,
) -> Advice {
    advice(
        format!(
            "The identity provider's keys cannot be fetched, so nobody can tell whether the token is good: {reason}."
        ),
        format!(
            "The token may well be fine. {issuer} must answer at {}: open that URL, and look at the provider's status page. The Worker tries again by itself, in {retry_after_seconds} s at the earliest.",
            source(examination)
        ),
    )
}

fn source(examination: &Examination<'_>) -> String {
    examination
        .issuer()
        .and_then(|issuer| issuer.keys.as_ref())
        .map_or_else(|| "its JWKS URL".to_owned(), |source| source.identity().into_owned())
}

pub(super) fn jwks_invalid(examination: &Examination<'_>, issuer: &str, reason: &str) -> Advice {
    advice(
        format!("What {issuer} serves in place of its keys is no key set: {reason}."),
        format!(
            "Open {} in a browser: it must show JSON with an array \"keys\". If it does not, the URL is wrong; write the right one {}:\n    jwks_uri = \"https://…\"",
            source(examination),
            table(examination)
        ),
    )
}

pub(super) fn secret_missing(binding: &str, reason: &str) -> Advice {
    advice(
        format!(
            "The shared secret {binding}, by which this token would be judged, cannot be used: {reason}."
        ),
        format!(
            "Give it to the Worker:\n    npx wrangler secret put {binding}\nFor wrangler dev it stands in the file .dev.vars, one NAME=value a line."
        ),
    )
}

pub(super) fn disagreement(examination: &Examination<'_>, algorithm: &str) -> Advice {
    let opinions = cross_check::of(&examination.trail);
    let said = |opinion: Option<bool>| match opinion {
        Some(true) => "accepts",
        Some(false) => "refuses",
        None => "did not judge",
    };
    advice(
        format!(
            "The two cryptographic engines disagree on {algorithm}: pure Rust {} the signature, WebCrypto {} it. Neither is believed.",
            said(opinions.pure_rust),
            said(opinions.web_crypto)
        ),
        "This is a fault of the program or of the runtime, not of the token. Open /readyz?deep=1, which asks both engines questions with known answers, and report what it shows together with this text and the key's thumbprint. Until it is understood, such tokens stay refused.",
    )
}

pub(super) fn configuration(faults: &[ConfigFault]) -> Advice {
    let first =
        faults.first().map_or_else(String::new, |fault| format!(" {}: {}.", fault.path, fault.problem));
    let fix = if faults.is_empty() {
        "Run `edge-assay check wrangler.toml`, which lists every fault with its fix.".to_owned()
    } else {
        let list: Vec<String> =
            faults.iter().map(|fault| format!("\n    {}: {}", fault.path, fault.fix)).collect();
        format!("In wrangler.toml, under [vars.ASSAY]:{}", list.concat())
    };
    advice(format!("The Worker's configuration has faults, so no token is judged.{first}"), fix)
}
