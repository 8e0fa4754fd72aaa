//! What to do about the key: where it is, what is wrong with it, and what its signature says.

use super::{Advice, advice, kid, readyz, table};
use crate::explain::cause::CauseId;
use crate::explain::{Examination, cross_check, keys};
use crate::keys::LookedAgain;
use crate::rejection::{NoKey, Refusal, Rejection, excerpt, next_fetch};
use crate::time::duration_in_words;
use crate::trust::secrets::Encoding;

pub(in crate::explain) fn stale(examination: &Examination<'_>) -> Advice {
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

pub(in crate::explain) fn key_unknown(examination: &Examination<'_>, kid: &str) -> Advice {
    let known = examination.trail.lookup.as_ref().map_or_else(String::new, |lookup| keys::kids(&lookup.set));
    let (age, next) = match &examination.refusal {
        Some(Refusal::Rejection(Rejection::KeyNotFound(NoKey::UnknownKid {
            age_seconds,
            next_fetch_seconds,
            ..
        }))) => (*age_seconds, *next_fetch_seconds),
        _ => (0, 0),
    };
    let is_new_as_can_be = matches!(&examination.again, Some(LookedAgain::Fetched(_))) || age == 0;
    let looked = if is_new_as_can_be {
        String::new()
    } else {
        format!(
            "Whether the key is new cannot be told yet: {}; explain the token again after that. ",
            next_fetch(next)
        )
    };
    let summary = if is_new_as_can_be {
        format!("The issuer has no key \"{kid}\", not even after a refresh: it publishes {known}.")
    } else {
        format!("The issuer's key set, fetched {age} s ago, has no key \"{kid}\": it holds {known}.")
    };
    advice(
        summary,
        format!(
            "{looked}The token is most likely from another instance or project that uses the same `iss`, or its key was withdrawn since. Sign in anew and compare the `kid` in the new token's header; if it still differs, the URL of the keys {} is not that of whoever signs.",
            table(examination)
        ),
    )
}

pub(in crate::explain) fn keys_without_kid(examination: &Examination<'_>, kid: &str) -> Advice {
    let count = examination.trail.lookup.as_ref().map_or(0, |lookup| lookup.set.keys.len());
    let keys = if count == 1 {
        "the issuer's only key has no `kid`"
    } else {
        "none of the issuer's keys has a `kid`"
    };
    advice(
        format!("The token names the key \"{kid}\", and {keys}, so the key cannot be selected."),
        format!(
            "Have the issuer publish the key that signs with the member\n    \"kid\": \"{kid}\"\nor leave `kid` out of the headers of its tokens: then each published key of the right kind is tried. No setting here makes up for it."
        ),
    )
}

pub(in crate::explain) fn other_algorithm(
    examination: &Examination<'_>,
    kid: &str,
    algorithm: &str,
) -> Advice {
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

pub(in crate::explain) fn none_for_algorithm(
    examination: &Examination<'_>,
    algorithm: &str,
) -> (CauseId, Advice) {
    let Some(lookup) = &examination.trail.lookup else {
        let place = table(examination);
        let fix = format!("Say {place} where its public keys are:\n    jwks_uri = \"https://…\"");
        let summary =
            format!("No public keys are configured for the token's issuer, and {algorithm} needs one.");
        return (CauseId::AlgorithmMismatch, advice(summary, fix));
    };
    if lookup.set.keys.is_empty() {
        return (
            CauseId::KeyUnknown,
            advice(
                format!("The issuer publishes no usable key, and {algorithm} needs one."),
                "The issuer signs with a shared secret only, or has not been set up to sign with keys. Supabase: create and activate a signing key under Project Settings → JWT Keys.",
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

pub(in crate::explain) fn no_secret(examination: &Examination<'_>, algorithm: &str) -> Advice {
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

pub(in crate::explain) fn weak_secret(
    examination: &Examination<'_>,
    binding: &str,
    reason: &str,
    encoding: Encoding,
) -> Advice {
    let as_text = match encoding {
        Encoding::Utf8 => String::new(),
        Encoding::Base64 | Encoding::Base64Url | Encoding::Hex => format!(
            "If the issuer signs with the text itself and not with what it decodes to, write {}:\n    secrets = [{{ binding = \"{binding}\", encoding = \"utf8\" }}]\nElse, make",
            table(examination)
        ),
    };
    let make = if as_text.is_empty() { "Make" } else { as_text.as_str() };
    advice(
        format!("The shared secret {binding}, by which this token would be judged, is too short: {reason}."),
        format!(
            "{make} a longer secret:\n    openssl rand -base64 48\nSet it at the issuer, and here:\n    npx wrangler secret put {binding}\nTokens signed with the short secret stay refused: anybody who has one of them can guess such a secret."
        ),
    )
}

pub(in crate::explain) fn wrong_secret(examination: &Examination<'_>) -> Advice {
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

pub(in crate::explain) fn set_aside(kid: Option<&str>, reason: &str) -> Advice {
    advice(
        format!(
            "The issuer's key {} cannot be used: {reason}.",
            kid.map_or_else(|| "without a kid".to_owned(), |kid| format!("\"{}\"", excerpt(kid)))
        ),
        "The key has to be fixed where it is published; no setting here makes it usable. Have the identity provider publish a key that can be used (RSA of 2048 bits or more, P-256, P-384 or Ed25519; `use` \"sig\" or absent; `key_ops` with \"verify\" or absent; public members only) and sign with that.",
    )
}

/// Whether it is an access token for Microsoft Graph: what is signed has a hash of the header's `nonce` in its place, so that
/// Graph alone can verify it.
fn is_for_microsoft_graph(examination: &Examination<'_>) -> bool {
    const GRAPH: [&str; 2] = ["00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com"];
    examination.token.as_ref().is_some_and(|token| {
        let mut audience = token.claims().audience.iter().flatten();
        token.header().members().contains("nonce")
            && audience.any(|audience| GRAPH.contains(&audience.trim_end_matches('/')))
    })
}

pub(in crate::explain) fn signature_wrong(examination: &Examination<'_>) -> Advice {
    if is_for_microsoft_graph(examination) {
        return advice(
            "This is an access token for Microsoft Graph (its header has a `nonce`), and only Graph can verify its signature.",
            "Ask Entra for a token for your own API: expose a scope under App registrations → Expose an API, and request it in place of Graph's, as in\n    scope=api://<client id of the API>/<scope>",
        );
    }
    advice(
        format!(
            "The signature is wrong: the issuer's key {} did not sign this text.{}",
            kid(examination),
            ruled_out(examination)
        ),
        "Either the token was changed after it was signed (copied incompletely, edited, re-encoded), or somebody else signed it under this name. Take a fresh token straight from the identity provider; if that one fails too, whoever signs has another private key than the published one of the same kid.",
    )
}

pub(in crate::explain) fn provider_down(
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
            "The token may well be fine. {}",
            provider_fix(&source(examination), issuer, retry_after_seconds)
        ),
    )
}

/// The fix of an issuer that does not answer at `url`.
pub(in crate::explain) fn provider_fix(url: &str, issuer: &str, retry_after_seconds: u64) -> String {
    format!(
        "{issuer} must answer at {url}: open that URL, and look at the provider's status page. The Worker tries again by itself, in {retry_after_seconds} s at the earliest."
    )
}

fn source(examination: &Examination<'_>) -> String {
    examination
        .issuer()
        .and_then(|issuer| issuer.keys.as_ref())
        .map_or_else(|| "its JWKS URL".to_owned(), |source| source.identity().into_owned())
}

pub(in crate::explain) fn secret_missing(binding: &str, reason: &str) -> Advice {
    advice(
        format!(
            "The shared secret {binding}, by which this token would be judged, cannot be used: {reason}."
        ),
        format!(
            "Give it to the Worker:\n    npx wrangler secret put {binding}\nFor wrangler dev it stands in the file .dev.vars, one NAME=value a line."
        ),
    )
}

pub(in crate::explain) fn store_unavailable(binding: &str, reason: &str) -> Advice {
    advice(
        format!("The KV namespace {binding}, which the exchange needs, cannot be used: {reason}."),
        format!(
            "Check that wrangler.toml binds the namespace:\n    [[kv_namespaces]]\n    binding = \"{binding}\"\nIf it is bound, check the record that the reason names, or wait until Workers KV answers again."
        ),
    )
}

pub(in crate::explain) fn disagreement(examination: &Examination<'_>, algorithm: &str) -> Advice {
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
        format!(
            "This is a fault of the program or of the runtime, not of the token. Open {}?deep=1, which asks both engines questions with known answers, and report what it shows together with this text and the key's thumbprint. Until it is understood, such tokens stay refused.",
            readyz(examination)
        ),
    )
}
