//! What to do about the key: where it is, what is wrong with it, and what its signature says.

use super::{Advice, advice, kid, table};
use crate::explain::cause::CauseId;
use crate::explain::{Examination, cross_check, keys};
use crate::jose::Algorithm;
use crate::keys::LookedAgain;
use crate::rejection::excerpt;
use crate::time::duration_in_words;

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

pub(in crate::explain) fn weak_secret(examination: &Examination<'_>, algorithm: Algorithm) -> Advice {
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
        "The key itself has to be mended where it is published; no setting here makes it usable. Have the identity provider publish a sound key (RSA of 2048 bits or more, P-256, P-384 or Ed25519; `use` \"sig\" or absent; public members only) and sign with that.",
    )
}

pub(in crate::explain) fn signature_wrong(examination: &Examination<'_>) -> Advice {
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

pub(in crate::explain) fn jwks_invalid(examination: &Examination<'_>, issuer: &str, reason: &str) -> Advice {
    advice(
        format!("What {issuer} serves in place of its keys is no key set: {reason}."),
        format!(
            "Open {} in a browser: it must show JSON with an array \"keys\". If it does not, the URL is wrong; write the right one {}:\n    jwks_uri = \"https://…\"",
            source(examination),
            table(examination)
        ),
    )
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
        "This is a fault of the program or of the runtime, not of the token. Open /readyz?deep=1, which asks both engines questions with known answers, and report what it shows together with this text and the key's thumbprint. Until it is understood, such tokens stay refused.",
    )
}
