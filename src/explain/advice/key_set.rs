//! What to do when an issuer's URL gives no usable key set: one advice for each kind of answer that was seen.

use super::{Advice, advice, table};
use crate::explain::Examination;
use crate::keys::error::{KeySetError, KeySetProblem};
use crate::keys::{KeySource, Location};

pub(in crate::explain) fn jwks_invalid(examination: &Examination<'_>, issuer: &str, reason: &str) -> Advice {
    let failure = examination.key_failure();
    let problem = failure.map_or(KeySetProblem::Unrecorded, |failure| failure.problem);
    let summary = match problem {
        KeySetProblem::EmptySet | KeySetProblem::NoUsableKey => format!("{issuer} publishes {reason}."),
        _ => format!("{issuer} serves no usable key set: {reason}."),
    };
    let source = examination.issuer().and_then(|issuer| issuer.keys.as_ref());
    advice(summary, key_set_fix(source, &table(examination), issuer, failure))
}

/// The fix of an issuer's key set that cannot be used, whose table in the configuration is `place`.
pub(in crate::explain) fn key_set_fix(
    source: Option<&KeySource>,
    place: &str,
    issuer: &str,
    failure: Option<&KeySetError>,
) -> String {
    let problem = failure.map_or(KeySetProblem::Unrecorded, |failure| failure.problem);
    let points_to = failure.and_then(|failure| failure.points_to.as_deref());
    fix(problem, &asked_url(source), place, issuer, points_to)
}

/// The URL that is asked first.
fn asked_url(source: Option<&KeySource>) -> String {
    source.map_or_else(
        || "its JWKS URL".to_owned(),
        |source| match &source.location {
            Location::Jwks { uri } | Location::Discovery { uri } => uri.clone(),
        },
    )
}

fn fix(problem: KeySetProblem, url: &str, place: &str, issuer: &str, points_to: Option<&str>) -> String {
    let base = issuer.trim_end_matches('/');
    let write_uri = |uri: &str| {
        format!(
            "{place} write\n    jwks_uri = \"{uri}\"\nin place of `discovery = true` or the present `jwks_uri`."
        )
    };
    let look_up = format!(
        "Open {base}/.well-known/openid-configuration, take the `jwks_uri` that it shows, and {}",
        write_uri("https://…")
    );
    match (problem, points_to) {
        (KeySetProblem::Redirected, Some(target)) => format!(
            "Redirects are not followed, because whoever controls one would choose the keys. If that address is the issuer's own, {}",
            write_uri(target)
        ),
        (KeySetProblem::Redirected, None) => format!(
            "Redirects are not followed, because whoever controls one would choose the keys. Open {url} in a browser, find the `jwks_uri` where it leads, and {}",
            write_uri("https://…")
        ),
        (KeySetProblem::NotModified, _) => format!(
            "A cache or CDN in front of {url} answers 304 to a request without If-None-Match. Have it answer 200 with the key set. The Worker tries again by itself."
        ),
        (KeySetProblem::Forbidden, _) => format!(
            "GET {url} must work without credentials. If a firewall or bot protection is in front of it, let requests pass whose User-Agent is \"edge-assay/{}\" (Cloudflare: a WAF custom rule with the action Skip for this path). The Worker tries again by itself.",
            env!("CARGO_PKG_VERSION")
        ),
        (KeySetProblem::WorkerToWorker, _) => "Let this Worker reach other Workers by their public addresses: in wrangler.toml, at the top level, write\n    compatibility_flags = [\"global_fetch_strictly_public\"]\nand deploy. The flag holds for all fetches of this Worker: a gateway route whose upstream is in this Worker's own zone then enters by the public front door, and could reach this Worker again. `wrangler dev` does not show the problem.".to_owned(),
        (KeySetProblem::NotFound, _) => format!("The URL {url} is wrong. {look_up}"),
        (KeySetProblem::Page, _) => {
            format!("{url} shows a page for people, such as a login or an application's start page. {look_up}")
        }
        (KeySetProblem::DiscoveryDocument, Some(target)) => {
            format!("{url} is the discovery document, which names the key set: {}", write_uri(target))
        }
        (KeySetProblem::DiscoveryDocument, None) => format!(
            "{url} is the discovery document, and the `jwks_uri` that it names is no https URL. Have the issuer correct it."
        ),
        (KeySetProblem::Pem, _) => pem(url, place),
        (KeySetProblem::BareKeys, _) => format!(
            "Have the issuer serve its keys as a JWK Set (RFC 7517 §5) at {url}:\n    {{ \"keys\": [ … ] }}"
        ),
        (KeySetProblem::TooManyKeys | KeySetProblem::TooLarge, _) => format!(
            "No setting raises this limit. Have the issuer withdraw keys that no longer sign. If {url} serves the keys of all tenants, {}",
            write_uri("https://…").replace("write\n", "write the URL of your own tenant's keys:\n")
        ),
        (KeySetProblem::DuplicateMember, _) => format!(
            "Two readers would read this document differently, so nobody should use it. Whoever serves {url} must write each member once; there is nothing to change here."
        ),
        (KeySetProblem::Encoding, _) => {
            format!("JSON is UTF-8 (RFC 8259 §8.1). Have {url} served so; a byte order mark is accepted.")
        }
        (KeySetProblem::EmptySet, _) => format!(
            "Create a signing key at the issuer (Supabase: Project Settings → JWT Keys). If it signs with a shared secret instead, give the Worker that secret:\n    npx wrangler secret put ISSUER_JWT_SECRET\nand name it {place}:\n    secrets = [{{ binding = \"ISSUER_JWT_SECRET\" }}]"
        ),
        (KeySetProblem::NoUsableKey, _) => "Have the issuer publish a key that can be used: RSA of 2048 bits or more, P-256, P-384 or Ed25519; `use` \"sig\" or absent; `key_ops` with \"verify\" or absent; public members only. No setting here makes the present ones usable.".to_owned(),
        (KeySetProblem::OtherIssuer, Some(target)) => format!(
            "The token's `iss` is \"{issuer}\", so `issuer` is right and the discovery document is not about it. If the key set that it names is the one of this issuer, {}",
            write_uri(target)
        ),
        (KeySetProblem::OtherIssuer, None) => format!(
            "The token's `iss` is \"{issuer}\", so `issuer` is right and the discovery document is not about it. Find the URL of the issuer's key set, and {}",
            write_uri("https://…")
        ),
        (KeySetProblem::Discovery, _) => format!(
            "{url} must show a JSON object whose members `issuer` and `jwks_uri` are strings, the latter an https URL. If the issuer has no such document, {}",
            write_uri("https://…")
        ),
        (KeySetProblem::Url, _) => write_uri("https://…"),
        (KeySetProblem::NotASet | KeySetProblem::Status | KeySetProblem::Unanswered | KeySetProblem::Unrecorded, _) => format!(
            "Open {url} in a browser: it must show a JSON object with an array \"keys\". If it does not, the URL is wrong. {look_up}"
        ),
    }
}

/// Google serves each set of certificates as a JWK Set too.
fn pem(url: &str, place: &str) -> String {
    const GOOGLE: [(&str, &str); 2] = [
        ("/robot/v1/metadata/x509/", "/service_accounts/v1/jwk/"),
        ("googleapis.com/oauth2/v1/certs", "googleapis.com/oauth2/v3/certs"),
    ];
    match GOOGLE.into_iter().find(|(certificates, _)| url.contains(certificates)) {
        Some((certificates, set)) => format!(
            "Google serves the same keys as a JWK Set: {place} write\n    jwks_uri = \"{}\"",
            url.replace(certificates, set)
        ),
        None => format!(
            "Only JWK Sets (RFC 7517) are read. Look in the issuer's documentation for its JWKS URL, and {place} write\n    jwks_uri = \"https://…\"\nIf there is none, have {url} serve the keys as a JWK Set."
        ),
    }
}
