//! Which of a client's headers never reach an upstream, and how claims become headers.
//!
//! Take away, then set. Servers disagree on which names are one: CGI and its heirs read `X-User-Id`, `X_User_Id` and
//! `x.user.id` as the same. So names are compared folded, case and everything that is no letter or digit alike, and what folds
//! to a name that upstreams trust is taken away however it is spelt.

use serde_json::Value;

use super::path::push_escape;
use crate::exchange::facts::{Facts, Pointer};
use crate::jose::Claims;
use crate::trust::claims::claim_at;

/// A header that tells an upstream who is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeader {
    /// Its name, in lower case.
    pub name: String,
    /// Where its value comes from.
    pub claim: Pointer,
}

/// What only the gateway itself tells an upstream, whatever is configured: who is there, and from where.
const OURS: &[&str] = &[
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "x-cluster-client-ip",
    "remote-user",
    "remote-groups",
    "remote-name",
    "remote-email",
];
/// The same for all names that begin so.
const OUR_PREFIXES: &[&str] = &["x-forwarded-", "x-auth-request-"];

/// Headers by which some servers take a request for another one, of another method or path than the one that was matched.
pub const OVERRIDING: &[&str] = &[
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-original-uri",
    "x-original-method",
    "x-original-host",
    "x-rewrite-url",
    "x-host",
];

/// What concerns one connection only (RFC 9110 §7.6.1), and `expect`, which the platform has answered already.
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
    "expect",
    "host",
];

/// Names that may not be configured as identity headers: they have a meaning of their own.
pub const RESERVED: &[&str] = &[
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "origin",
    "set-cookie",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Whether a name may not be configured as an identity header.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    [RESERVED, HOP_BY_HOP].iter().any(|list| list.contains(&name))
        || ["access-control-", "cf-", "sec-"].iter().any(|prefix| name.starts_with(prefix))
}

/// The headers that no client may send to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Untrusted(Vec<String>);

impl Untrusted {
    /// Those of this gateway: the names of all routes' identity headers, and what the gateway says of the request itself.
    pub fn new<'n>(configured: impl Iterator<Item = &'n str>) -> Self {
        let mut names: Vec<String> =
            OURS.iter().chain(OVERRIDING).copied().chain(configured).map(str::to_ascii_lowercase).collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// Whether a header of this name is taken away.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        OUR_PREFIXES.iter().any(|prefix| {
            name.as_bytes().get(..prefix.len()).is_some_and(|start| folds_alike(start, prefix.as_bytes()))
        }) || self.0.iter().any(|untrusted| folds_alike(untrusted.as_bytes(), name.as_bytes()))
    }

    /// The configured names and ours, in lower case.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Whether a server might take one name for the other.
#[must_use]
pub fn folds_alike(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fold(*a) == fold(*b))
}

fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Which of a client's headers do not reach the upstream. `names` holds one a line; `connection` is the `Connection` header,
/// which can name further ones; `is_upgrade` says that the request is to become a WebSocket.
#[must_use]
pub fn taken_away(names: &str, untrusted: &Untrusted, connection: &str, is_upgrade: bool) -> Vec<String> {
    let is_named = |name: &str| {
        connection.split(',').any(|option| option.trim_matches([' ', '\t']).eq_ignore_ascii_case(name))
    };
    names
        .lines()
        .filter(|name| {
            if *name == "upgrade" && is_upgrade {
                return false;
            }
            HOP_BY_HOP.contains(name) || untrusted.holds(name) || (!connection.is_empty() && is_named(name))
        })
        .map(str::to_owned)
        .collect()
}

/// The value of an identity header: a text as it is, numbers and booleans as JSON writes them, lists with commas between;
/// nothing where the claim is absent or null. What a header cannot hold (anything but visible ASCII and inner spaces) is
/// percent-encoded, and so is `%` itself, that one may decode without asking.
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
        // As it was signed, so that no number loses a digit.
        _ => push(&mut text, Facts::of(claims).raw(pointer).map_or("", |raw| raw.get()), false),
    }
    text
}

fn push(text: &mut String, words: &str, is_element: bool) {
    let last = words.len().saturating_sub(1);
    for (index, byte) in words.bytes().enumerate() {
        let stands_as_it_is = match byte {
            b'%' => false,
            b',' => !is_element,
            // HTTP cuts spaces off at both ends.
            b' ' => index > 0 && index < last,
            _ => byte.is_ascii_graphic(),
        };
        if stands_as_it_is {
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
            assert!(untrusted.holds(name), "{name}");
        }
        for name in ["x-user-idx", "x-user", "xx-user-id", "xuserid", "user-id", "accept"] {
            assert!(!untrusted.holds(name), "{name}");
        }
        for name in
            ["Forwarded", "x_forwarded_for", "X.Forwarded.Anything", "x-auth-request-user", "remote_user"]
        {
            assert!(untrusted.holds(name), "{name}");
        }
    }

    #[test]
    fn an_upgrade_is_kept_for_a_websocket_alone() {
        let names = "accept\nupgrade\nconnection\nte";
        assert_eq!(taken_away(names, &Untrusted::default(), "upgrade", true), ["connection", "te"]);
        assert_eq!(
            taken_away(names, &Untrusted::default(), "upgrade", false),
            ["upgrade", "connection", "te"]
        );
    }

    #[test]
    fn connection_names_further_headers() {
        let names = "accept\nx-once\nx-more";
        assert_eq!(taken_away(names, &Untrusted::default(), "close, X-Once", false), ["x-once"]);
    }
}
