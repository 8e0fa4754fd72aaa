//! What to do about who issued a token, and how it is signed.

use super::keys::no_secret;
use super::{Advice, advice, table};
use crate::explain::Examination;
use crate::explain::cause::CauseId;
use crate::explain::issuers::{self, Difference, Provider};
use crate::jose::Algorithm;
use crate::rejection::excerpt;

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
