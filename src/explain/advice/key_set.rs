//! What to do when an issuer's URL gives no usable key set: one advice for each kind of answer that was observed.

use super::{Advice, advice, quoted, table};
use crate::explain::Examination;
use crate::keys::error::{KeySetError, KeySetProblem};
use crate::keys::{KeySource, Location, OPENID_CONFIGURATION};

/// What makes a key usable.
pub(super) const USABLE: &str = "RSA of 2048 bits or more, P-256, P-384 or Ed25519; `use` absent or \"sig\"; `key_ops` absent or with \"verify\"; no private members";

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
    let asked = asked(source.map(|source| &source.location), failure, issuer);
    let channel = source.and_then(|source| source.channel.as_deref()).unwrap_or_default();
    fix(problem, &asked, channel, place, issuer, points_to)
}

/// What gave the answer, and how to find the right URL.
struct Asked {
    /// What stands for the URL in a sentence, not at its beginning.
    url: String,
    /// What a JSON object there must have.
    must_have: &'static str,
    /// How to find the URL of the key set; "set …" follows.
    look_up: String,
}

fn asked(location: Option<&Location>, failure: Option<&KeySetError>, issuer: &str) -> Asked {
    let url = match location {
        // Only an error that is known to be about the set is one of the URL that the document names.
        Some(Location::Discovery { uri }) if failure.is_none_or(KeySetError::is_in_discovery) => {
            return Asked {
                url: uri.clone(),
                must_have: "the strings `issuer` and `jwks_uri`",
                look_up: "Find the URL of the issuer's keys (JWKS URI) in its documentation (Better Auth: write preset = \"better-auth\" instead), and ".to_owned(),
            };
        }
        Some(Location::Discovery { uri }) => {
            return Asked {
                url: format!("the `jwks_uri` in {uri}"),
                must_have: KEYS,
                look_up: "Have the issuer correct this `jwks_uri`. Until then, find the URL of the keys in the issuer's documentation, and ".to_owned(),
            };
        }
        Some(Location::Jwks { uri }) => uri.clone(),
        None => "its JWKS URL".to_owned(),
    };
    let base = issuer.trim_end_matches('/');
    let look_up = format!("Open {base}{OPENID_CONFIGURATION}, take the `jwks_uri` that it shows, and ");
    Asked { url, must_have: KEYS, look_up }
}

/// What a key set must have.
const KEYS: &str = "an array \"keys\"";

fn fix(
    problem: KeySetProblem,
    Asked { url, must_have, look_up }: &Asked,
    channel: &str,
    place: &str,
    issuer: &str,
    points_to: Option<&str>,
) -> String {
    let set_uri = |uri: &str| {
        format!(
            "set {place}:\n    jwks_uri = \"{uri}\"\nin place of `discovery = true` or the present `jwks_uri`. A `preset` may stay."
        )
    };
    let look_up = format!("{look_up}{}", set_uri("https://…"));
    match (problem, points_to) {
        (KeySetProblem::Redirected, Some(target)) => format!(
            "The Worker follows no redirects, because a redirect would let another server choose the keys. If that address belongs to the issuer, {}",
            set_uri(target)
        ),
        (KeySetProblem::Redirected, None) => format!(
            "The Worker follows no redirects, because a redirect would let another server choose the keys. Open {url} in a browser, find the `jwks_uri` where it leads, and {}",
            set_uri("https://…")
        ),
        (KeySetProblem::NotModified, _) => format!(
            "A cache or CDN in front of {url} answers 304 to a request without If-None-Match. Have it answer 200 with the key set. The Worker tries again by itself."
        ),
        (KeySetProblem::Forbidden, _) => format!(
            "A GET request to {url} must work without credentials. If a firewall or bot protection is in front of it, let requests pass whose User-Agent is \"edge-assay/{}\" (Cloudflare: a WAF custom rule with the action Skip for this path). The Worker tries again by itself.",
            env!("CARGO_PKG_VERSION")
        ),
        (KeySetProblem::OwnNetwork, _) => format!(
            "Fetch the keys through a service binding. With the name of the Worker that serves {url} as `service`, set in wrangler.toml, at the top level\n    [[services]]\n    binding = \"AUTH\"\n    service = \"auth\"\nThen set {place}:\n    jwks_service = \"AUTH\"\nand deploy. The other way is the flag: `compatibility_flags = [\"global_fetch_strictly_public\"]` lets this Worker reach others by their public addresses. The flag applies to all of its fetches: a request to a route's upstream in its own zone could then reach this Worker again. `wrangler dev` does not show the problem."
        ),
        (KeySetProblem::NoChannel, _) => format!(
            "`jwks_service` names a service binding that this Worker does not have. With the name of the Worker that serves {url} as `service`, set in wrangler.toml, at the top level\n    [[services]]\n    binding = {}\n    service = \"auth\"\nand deploy. On the command line there are no bindings: add --online, and the Worker itself fetches the keys.",
            quoted(channel)
        ),
        (KeySetProblem::NotFound, _) => format!("Nothing is published at {url}. {look_up}"),
        (KeySetProblem::Page, _) => {
            format!("The server shows an HTML page at {url}, such as a login or an application's start page. {look_up}")
        }
        (KeySetProblem::DiscoveryDocument, Some(target)) => {
            format!("The JSON at {url} is the discovery document, which names the key set. To use that, {}", set_uri(target))
        }
        (KeySetProblem::DiscoveryDocument, None) => format!(
            "The JSON at {url} is the discovery document, and the `jwks_uri` in it is not an https URL. Have the issuer correct it."
        ),
        (KeySetProblem::Pem, _) => format!(
            "The Worker reads JWK Sets (RFC 7517), and objects with a PEM text for each `kid`, but no PEM text alone. If the issuer publishes no set, write its key into `public_keys` {place}. If it does, look up the URL in the issuer's documentation, and {}",
            set_uri("https://…")
        ),
        (KeySetProblem::BareKeys, _) => format!(
            "Have the issuer serve its keys as a JWK Set (RFC 7517 §5) at {url}:\n    {{ \"keys\": [ … ] }}"
        ),
        (KeySetProblem::TooManyKeys | KeySetProblem::TooLarge, _) => format!(
            "No setting raises this limit. Have the issuer withdraw keys that no longer sign. If {url} serves the keys of all tenants, find the URL of your own tenant's keys and {}",
            set_uri("https://…")
        ),
        (KeySetProblem::DuplicateMember, _) => format!(
            "Two JSON parsers could read this document differently, so the Worker does not use it. Have the operator of {url} write each member once. No setting here helps."
        ),
        (KeySetProblem::Encoding, _) => {
            format!("JSON is UTF-8 (RFC 8259 §8.1). Have the operator of {url} serve it in UTF-8; a byte order mark is accepted.")
        }
        (KeySetProblem::EmptySet, _) => "Create a signing key at the issuer (Supabase: Project Settings → JWT Keys). If the issuer signs with a shared secret instead, name the secret in `secrets` of its table; docs/configuration.md shows how.".to_owned(),
        (KeySetProblem::NoUsableKey, _) => format!(
            "Have the issuer publish a key that can be used: {USABLE}. No setting here makes the present keys usable."
        ),
        (KeySetProblem::OtherIssuer, Some(target)) => format!(
            "The token's `iss` is \"{issuer}\", so `issuer` is right and the discovery document is about another issuer. If the key set that it names is the one of this issuer, {}",
            set_uri(target)
        ),
        (KeySetProblem::OtherIssuer, None) => format!(
            "The token's `iss` is \"{issuer}\", so `issuer` is right and the discovery document is about another issuer. Find the URL of the issuer's key set, and {}",
            set_uri("https://…")
        ),
        (KeySetProblem::Discovery, _) => format!(
            "{url} must show a JSON object with the strings `issuer` and `jwks_uri`, the latter an https URL. If the issuer has no such document, find the URL of its key set, and {}",
            set_uri("https://…")
        ),
        (KeySetProblem::Url, _) => format!("Find the URL of the issuer's key set, and {}", set_uri("https://…")),
        (KeySetProblem::NotASet | KeySetProblem::Status | KeySetProblem::Unanswered | KeySetProblem::Unrecorded, _) => format!(
            "Open {url} in a browser: it must show a JSON object with {must_have}. If it does not, the URL is wrong. {look_up}"
        ),
    }
}
