//! The client's headers that must not reach an API, for the gateway and for forward-auth, and how claims become headers.
//!
//! Servers disagree on which names are equal: CGI and its successors read `X-User-Id`, `X_User_Id` and `x.user.id` as one name.
//! So names are compared folded: case is ignored, and every character other than a letter or digit counts as `-`. The gateway
//! removes the headers listed here and then sets its own. Forward-auth refuses requests that have them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::path::push_escape;
use crate::claims::facts::{Pointer, select};
use crate::jose::Claims;
use crate::trust::claims::claim_at;

/// An identity header: it tells an upstream which user or client sends the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeader {
    /// Its name, in lower case.
    pub name: String,
    /// The claim that it holds.
    pub claim: Pointer,
    /// Whether a token is refused if this claim is absent or empty.
    pub is_required: bool,
}

/// What an API may read from a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The identity of the sender.
    Identity,
    /// Another method, host or path than those of the request.
    Request,
    /// Where the request comes from. Proxies on the way set these headers.
    Origin,
    /// The identity of the sender according to a platform in front of the proxy. The platform overwrites these headers.
    Platform,
}

/// Names of identity headers in every configuration: applications read them from a proxy that signs users in or
/// has checked a client certificate (RFC 9440).
const IDENTITY: &[&str] = &[
    "remote-user",
    "remote-group",
    "remote-groups",
    "remote-name",
    "remote-email",
    "remote-role",
    "remote-roles",
    "auth-user",
    "x-userinfo",
    "x-token-subject",
    "client-cert",
    "client-cert-chain",
    "x-client-cert",
];

/// All names with these beginnings are identity headers, except those listed with another meaning.
const IDENTITY_PREFIXES: &[&str] = &[
    "x-forwarded-",
    "x-auth-request-",
    "x-authenticated-",
    "x-remote-",
    "x-webauth-",
    "x-authentik-",
    "x-vouch-",
    "x-consumer-",
    "x-pomerium-",
    "ssl-client-",
    "x-ssl-client-",
    "x-client-cert-",
];

/// The names that platforms use: Cloudflare Access, Google's Identity-Aware Proxy, AWS load balancers, Azure, Tailscale. A proxy can
/// be behind one of them, so forward-auth accepts these names; the gateway removes them.
const PLATFORM_PREFIXES: &[&str] = &[
    "cf-access-authenticated-user-",
    "x-goog-authenticated-user-",
    "x-amzn-oidc-",
    "x-ms-client-principal",
    "x-ms-token-",
    "tailscale-user-",
];

/// Names from which some servers take another method, host or path than the one that was checked; the names in which proxies send
/// forward-auth the original request; and `proxy`, which CGI programs read as the proxy that their own requests must use.
const REQUEST: &[&str] = &[
    "proxy",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-original-uri",
    "x-original-method",
    "x-original-host",
    "x-rewrite-url",
    "x-host",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-forwarded-host",
    "x-forward-auth-path",
];

/// Names that tell where a request comes from.
const ORIGIN: &[&str] = &[
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "x-cluster-client-ip",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-prefix",
    "x-forwarded-scheme",
    "x-forwarded-ssl",
    "x-forwarded-protocol",
    "x-forwarded-path",
    "x-forwarded-by",
    "x-forwarded",
    "forwarded-for",
    "x-original-forwarded-for",
    "x-remote-ip",
    "x-remote-addr",
    "proxy-client-ip",
    "wl-proxy-client-ip",
    "fastly-client-ip",
    "cf-connecting-ipv6",
    "x-azure-clientip",
];

/// Headers for one connection only (RFC 9110 §7.6.1, RFC 7540 §3.2.1), and `expect`, which the platform has already answered.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "expect",
    "host",
];

/// A `Connection` header of at most this length is searched again for each header. Real ones have about twenty bytes.
const SEARCHED_CONNECTION_BYTES: usize = 128;

/// Names that say where a body ends and how to read it. They are forwarded in this spelling only.
const FRAMING: &[&str] = &["content-length", "content-type", "content-encoding", "content-range"];

/// The beginning of Cloudflare's names. They are forwarded in this spelling only.
const CLOUDFLARE_PREFIX: &str = "cf-";

/// The header with the operator's key for details. No API needs it: a request that has it was meant for an endpoint of ours, under another path.
const EXPLAIN_KEY: &str = "x-explain-key";

/// Further names that may not be configured as identity headers, because they have another meaning.
const RESERVED: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "authentication-info",
    "authorization",
    "cache-control",
    "cdn-cache-control",
    "cdn-loop",
    "clear-site-data",
    "close",
    "content-disposition",
    "content-language",
    "content-location",
    "content-security-policy",
    "cookie",
    "date",
    "depth",
    "destination",
    "early-data",
    "etag",
    "expires",
    "from",
    "if",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-event-id",
    "last-modified",
    "link",
    "location",
    "lock-token",
    "max-forwards",
    "origin",
    "overwrite",
    "pragma",
    "prefer",
    "priority",
    "proxy",
    "proxy-authentication-info",
    "proxy-status",
    "range",
    "referer",
    "refresh",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "surrogate-control",
    "timeout",
    "traceparent",
    "tracestate",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-accel-buffering",
    "x-accel-redirect",
    "x-assay-code",
    "x-content-type-options",
    EXPLAIN_KEY,
    "x-forward-auth-secret",
    "x-requested-with",
    "x-sendfile",
];

/// Whether a name, in lower case, may not be configured as an identity header.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    [RESERVED, HOP_BY_HOP, FRAMING, REQUEST, ORIGIN].iter().any(|list| list.contains(&name))
        || ["access-control-", CLOUDFLARE_PREFIX, "sec-"].iter().any(|prefix| name.starts_with(prefix))
}

/// The headers that no client may send to an upstream: the lists above, and the identity headers of all routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Untrusted {
    /// In lower case, sorted, each once.
    configured: Vec<String>,
}

impl Untrusted {
    /// The list with the names of all routes' identity headers.
    pub fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut configured = Vec::new();
        for name in names.map(str::to_ascii_lowercase) {
            if let Err(place) = configured.binary_search(&name) {
                configured.insert(place, name);
            }
        }
        Self { configured }
    }

    /// What an API may read from a header of this name, and the listed name that it folds to; `None` if it folds to no listed name.
    #[must_use]
    pub fn meaning<'u>(&'u self, name: &str) -> Option<(Meaning, &'u str)> {
        let configured = self.configured.iter().map(String::as_str);
        if let Some(known) = configured.chain(IDENTITY.iter().copied()).find(|known| folds_alike(known, name))
        {
            return Some((Meaning::Identity, known));
        }
        for (list, meaning) in [(REQUEST, Meaning::Request), (ORIGIN, Meaning::Origin)] {
            if let Some(known) = list.iter().find(|known| folds_alike(known, name)) {
                return Some((meaning, known));
            }
        }
        [(IDENTITY_PREFIXES, Meaning::Identity), (PLATFORM_PREFIXES, Meaning::Platform)].into_iter().find_map(
            |(list, meaning)| {
                list.iter().find(|prefix| begins_alike(name, prefix)).map(|prefix| (meaning, *prefix))
            },
        )
    }

    /// The configured names, in lower case, each once.
    pub fn configured(&self) -> impl Iterator<Item = &str> {
        self.configured.iter().map(String::as_str)
    }
}

/// Whether a server can read both names as the same.
#[must_use]
pub fn folds_alike(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(|(a, b)| fold(a) == fold(b))
}

fn begins_alike(name: &str, prefix: &str) -> bool {
    name.len() >= prefix.len() && name.bytes().zip(prefix.bytes()).all(|(a, b)| fold(a) == fold(b))
}

fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Whether `name`, in lower case, is not a token (RFC 9110 §5.1), or is another spelling of a hop-by-hop, framing or Cloudflare name.
#[must_use]
pub fn is_disguised(name: &str) -> bool {
    let is_token = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    !is_token
        || (begins_alike(name, CLOUDFLARE_PREFIX) && !name.starts_with(CLOUDFLARE_PREFIX))
        || [HOP_BY_HOP, FRAMING]
            .iter()
            .any(|list| list.iter().any(|known| *known != name && folds_alike(known, name)))
}

/// The client's headers that are removed before the request is forwarded. `names` holds one name per line, in lower case;
/// `connection` is the `Connection` header, which can name further headers; `is_upgrade` says that the request asks for a
/// WebSocket.
#[must_use]
pub fn to_remove(names: &str, untrusted: &Untrusted, connection: &str, is_upgrade: bool) -> Vec<String> {
    let options = |text| str::split(text, ',').map(|option| option.trim_matches([' ', '\t']));
    // With thousands of headers and of options, comparing each with each would take seconds.
    let long = (connection.len() > SEARCHED_CONNECTION_BYTES).then(|| connection.to_ascii_lowercase());
    let mut dropped = BTreeSet::new();
    for option in long.iter().flat_map(|text| options(text)) {
        dropped.insert(option);
    }
    let is_named = |name: &str| match &long {
        Some(_) => dropped.contains(name),
        None => options(connection).any(|option| option.eq_ignore_ascii_case(name)),
    };
    names
        .lines()
        .filter(|name| {
            if *name == "upgrade" && is_upgrade {
                return false;
            }
            HOP_BY_HOP.contains(name)
                || *name == EXPLAIN_KEY
                || untrusted.meaning(name).is_some()
                || is_disguised(name)
                || (!connection.is_empty() && is_named(name))
        })
        .map(str::to_owned)
        .collect()
}

/// The value of an identity header: a text as it is, a number or boolean as in JSON, a list of texts joined by commas; empty if
/// the claim is absent or null. Characters that a header cannot hold (all but visible ASCII and inner spaces) are
/// percent-encoded, and so is `%`, so that decoding is always safe.
#[must_use]
pub fn value(claims: &Claims, pointer: &Pointer) -> String {
    let Some(found) = claim_at(claims, pointer.as_str()) else { return String::new() };
    let mut text = String::new();
    match &found {
        Value::String(words) => push(&mut text, words, false),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            for (index, words) in list.iter().filter_map(Value::as_str).enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push(&mut text, words, true);
            }
        }
        Value::Null => {}
        // The signed text, so that no number loses a digit.
        _ => push(&mut text, select(claims.members(), pointer).map_or("", |raw| raw.get()), false),
    }
    text
}

fn push(text: &mut String, words: &str, is_element: bool) {
    let last = words.len().saturating_sub(1);
    for (index, byte) in words.bytes().enumerate() {
        let is_kept = match byte {
            b'%' => false,
            b',' => !is_element,
            // HTTP removes spaces at both ends.
            b' ' => index > 0 && index < last,
            _ => byte.is_ascii_graphic(),
        };
        if is_kept {
            text.push(char::from(byte));
        } else {
            push_escape(text, byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_over_case_and_every_separator() {
        let untrusted = Untrusted::new(["x-user-id"].into_iter());
        for name in
            ["x-user-id", "X-User-Id", "x_user_id", "x.user.id", "X_USER-Id", "x-user_id", "x~user!id"]
        {
            assert_eq!(untrusted.meaning(name), Some((Meaning::Identity, "x-user-id")), "{name}");
        }
        for name in ["x-user-idx", "x-user", "xx-user-id", "xuserid", "user-id", "accept"] {
            assert_eq!(untrusted.meaning(name), None, "{name}");
        }
        for (name, expected) in [
            ("Forwarded", (Meaning::Origin, "forwarded")),
            ("x_forwarded_for", (Meaning::Origin, "x-forwarded-for")),
            ("X.Forwarded.Host", (Meaning::Request, "x-forwarded-host")),
            ("X.Forwarded.Anything", (Meaning::Identity, "x-forwarded-")),
            ("x-auth-request-user", (Meaning::Identity, "x-auth-request-")),
            ("remote_user", (Meaning::Identity, "remote-user")),
            ("X_Remote_User", (Meaning::Identity, "x-remote-")),
            ("X-Remote-IP", (Meaning::Origin, "x-remote-ip")),
            ("Tailscale_User_Login", (Meaning::Platform, "tailscale-user-")),
            ("Proxy", (Meaning::Request, "proxy")),
        ] {
            assert_eq!(untrusted.meaning(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn no_client_can_set_its_identity_by_a_header_of_another_proxy_or_platform() {
        let names = [
            "x-webauth-user",
            "x-remote-group",
            "x-authentik-username",
            "x-goog-authenticated-user-email",
            "x-amzn-oidc-identity",
            "x-ms-client-principal-name",
            "tailscale-user-login",
            "cf-access-authenticated-user-email",
            "ssl-client-verify",
            "x-ssl-client-s-dn",
            "x-client-cert",
            "client-cert",
            "x-consumer-username",
            "x-token-subject",
            "x-userinfo",
            "x-vouch-user",
            "x-pomerium-jwt-assertion",
            "x-authenticated-user",
            "auth-user",
            "proxy",
            "cf-connecting-ipv6",
            "x-original-forwarded-for",
        ];
        assert_eq!(to_remove(&names.join("\n"), &Untrusted::default(), "", false), names);
        let others = "accept\ncf-access-jwt-assertion\ncf-ray\nx-api-key\nx-request-id\nuser-agent\nx-user";
        assert!(to_remove(others, &Untrusted::default(), "", false).is_empty());
    }

    #[test]
    fn no_upstream_gets_the_operators_key() {
        let names = "accept\nx-api-key\nx-explain-key";
        assert_eq!(to_remove(names, &Untrusted::default(), "", false), ["x-explain-key"]);
    }

    #[test]
    fn another_spelling_of_a_name_of_the_platform_is_removed() {
        for name in [
            "cf_connecting_ip",
            "cf.ray",
            "content_length",
            "content.length",
            "content_type",
            "transfer_encoding",
            "proxy_authorization",
            "keep_alive",
            "http2_settings",
            "x(user)",
            "caf\u{e9}",
            "a b",
            "",
        ] {
            assert!(is_disguised(name), "{name}");
        }
        for name in
            ["content-length", "content-type", "cf-connecting-ip", "cf-ray", "host", "x_api_key", "cfx"]
        {
            assert!(!is_disguised(name), "{name}");
        }
        let names = "accept\ncontent-length\ncontent_length\ncf-ray\ncf_ray\nproxy_authorization";
        assert_eq!(
            to_remove(names, &Untrusted::default(), "", false),
            ["content_length", "cf_ray", "proxy_authorization"]
        );
    }

    #[test]
    fn an_upgrade_is_kept_for_a_websocket_alone() {
        let names = "accept\nupgrade\nconnection\nte";
        assert_eq!(to_remove(names, &Untrusted::default(), "upgrade", true), ["connection", "te"]);
        assert_eq!(
            to_remove(names, &Untrusted::default(), "upgrade", false),
            ["upgrade", "connection", "te"]
        );
    }

    #[test]
    fn connection_names_further_headers() {
        let names = "accept\nx-once\nx-more";
        assert_eq!(to_remove(names, &Untrusted::default(), "close, X-Once", false), ["x-once"]);
        let many = format!("{}\t X-Once ,x-more", "close,".repeat(100));
        assert_eq!(to_remove(names, &Untrusted::default(), &many, false), ["x-once", "x-more"]);
    }

    #[test]
    fn thousands_of_headers_and_of_names_in_connection_take_little_time() {
        let lines = |prefix: &str| (0..30_000).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
        let removed = to_remove(&lines("a").join("\n"), &Untrusted::default(), &lines("b").join(","), false);
        assert!(removed.is_empty());
    }
}
