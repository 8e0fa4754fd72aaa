//! Reads `credentials`: the places of a request where a token is read, in order of preference.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD, STANDARD_NO_PAD, URL_SAFE,
};
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use super::fields::credentials::{AUTHORIZATION, CREDENTIAL, Credential, LIST_FIX, PLACE_FIX, WEBSOCKET};
use super::reader::Table;
use super::rows::{Field, Optional, Raw};
use crate::credentials::{Place, Places, SessionCookie};
use crate::gateway::forward_auth::Dialect;
use crate::gateway::headers::{Meaning, Untrusted, is_reserved};
use crate::keys::url;

/// The header of Cloudflare Access, which Cloudflare's edge sets. Other names of Cloudflare have other meanings.
const ACCESS_HEADER: &str = "cf-access-jwt-assertion";

/// The list `issuers`, which may have faults. Providers name their cookies after their hosts.
#[derive(Clone, Copy)]
pub(super) struct Providers<'d>(pub(super) Option<&'d Value>);

impl<'d> Providers<'d> {
    /// The issuers with this preset.
    fn of(self, preset: &str) -> impl Iterator<Item = &'d str> {
        let text = |table: &'d Value, member| table.get(member).and_then(Value::as_str);
        let tables = self.0.and_then(Value::as_array).into_iter().flatten();
        tables
            .filter(move |table| text(table, "preset") == Some(preset))
            .filter_map(move |table| text(table, "issuer"))
    }

    /// The suffixes of the cookies of the configured Clerk instances.
    fn clerk(self) -> Vec<String> {
        self.of("clerk").flat_map(suffixes_of).collect()
    }

    /// The cookies of the configured Supabase projects.
    fn supabase(self) -> Vec<String> {
        self.of("supabase").filter_map(SessionCookie::supabase_name).collect()
    }
}

/// The suffixes of the cookies of the Clerk instance with this issuer. Its publishable key is made from the host, with `pk_test_` in development and
/// `pk_live_` in production; keys occur with and without the padding of base64.
fn suffixes_of(issuer: &str) -> impl Iterator<Item = String> {
    let host = url::Parts::of(issuer).map(|url| url.authority).unwrap_or_default();
    let hosted = format!("{host}$");
    let kind = if host.ends_with(".accounts.dev") { "pk_test_" } else { "pk_live_" };
    let mut suffixes = BTreeSet::new();
    // `collect` would compile a sort for texts.
    for encoded in [STANDARD.encode(&hosted), STANDARD_NO_PAD.encode(&hosted)] {
        suffixes.insert(suffix_of(&format!("{kind}{encoded}")));
    }
    suffixes.into_iter()
}

/// The suffix of Clerk's cookies for a publishable key: the first eight characters of the base64url of its SHA-1.
fn suffix_of(publishable_key: &str) -> String {
    URL_SAFE.encode(Sha1::digest(publishable_key)).chars().take(8).collect()
}

/// The list in `field`; `None` if it is not given.
pub(super) fn read(
    table: &Table<'_>,
    field: &Field<Optional<Raw>>,
    providers: Providers<'_>,
) -> Option<Places> {
    let Some(list) = table.read(field)?.as_array().filter(|list| !list.is_empty()) else {
        table.fault(field.name, "is not a list of places, or an empty one", LIST_FIX);
        return None;
    };
    let mut places: Vec<Place> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let path = format!("{}[{index}]", field.name);
        if let Some(place) = place(table, &path, value, providers) {
            if places.contains(&place) {
                table.fault(&path, "occurs twice", "remove one of the two");
            } else {
                places.push(place);
            }
        }
    }
    Some(places.into_iter().collect())
}

/// The places of one entry; none if a fault was reported.
fn place(table: &Table<'_>, path: &str, value: &Value, providers: Providers<'_>) -> Option<Place> {
    match value {
        Value::String(word) if word == AUTHORIZATION => return Some(Place::Authorization),
        Value::String(word) if word == WEBSOCKET => return Some(Place::WebSocket),
        Value::Object(_) => {}
        _ => {
            table.fault(path, "is neither one of the two words nor a table", PLACE_FIX);
            return None;
        }
    }
    let one = table.below::<Credential>(path, value);
    let cookie = one.read(&CREDENTIAL.cookie);
    let header = one.read(&CREDENTIAL.header);
    let query = one.read(&CREDENTIAL.query);
    let publishable_key = one.read(&CREDENTIAL.publishable_key);
    let name = one.read(&CREDENTIAL.name);
    let given = [
        one.given(&CREDENTIAL.cookie).is_some(),
        one.given(&CREDENTIAL.header).is_some(),
        one.given(&CREDENTIAL.query).is_some(),
    ];
    let place = if given.into_iter().filter(|is_given| *is_given).count() != 1 {
        one.fault("", "does not have exactly one of `cookie`, `header` and `query`", PLACE_FIX);
        None
    } else if let Some(name) = header {
        header_place(&one, &name)
    } else if let Some(name) = query {
        query_place(&one, name)
    } else {
        cookie.and_then(|cookie| cookie_place(&one, cookie, publishable_key.as_deref(), name, providers))
    };
    for (is_given, field, with) in [
        (one.given(&CREDENTIAL.publishable_key).is_some(), CREDENTIAL.publishable_key.name, &["clerk"][..]),
        (one.given(&CREDENTIAL.name).is_some(), CREDENTIAL.name.name, &["supabase", "better-auth"]),
    ] {
        let cookie = one.given(&CREDENTIAL.cookie).and_then(Value::as_str);
        if is_given && !cookie.is_some_and(|cookie| with.contains(&cookie)) {
            let words = with.iter().map(|word| format!("`cookie = \"{word}\"`")).collect::<Vec<_>>();
            one.fault(field, format!("has no effect without {}", words.join(" or ")), "remove it");
        }
    }
    one.finish();
    place
}

fn header_place(one: &Table<'_>, name: &str) -> Option<Place> {
    let name = name.to_ascii_lowercase();
    let Some((problem, fix)) = problem_of_header(&name) else { return Some(Place::Header(name)) };
    one.fault(CREDENTIAL.header.name, problem, fix);
    None
}

/// Why no token can be in a header of this name, in lower case, and what to write instead.
fn problem_of_header(name: &str) -> Option<(&'static str, &'static str)> {
    const FIX: &str = "write the header in which your tokens come, for example \"X-Access-Token\"";
    if !super::header_name::is_header_name(name) {
        return Some((
            "is not a name that all servers read in the same way",
            "write letters, digits and -, for example \"X-Access-Token\"",
        ));
    }
    match name {
        "authorization" => {
            return Some((
                "has another meaning here",
                "write the word \"authorization\" in place of the table",
            ));
        }
        "cookie" => return Some(("has another meaning here", "write { cookie = \"<its name>\" }")),
        "sec-websocket-protocol" => {
            return Some(("has another meaning here", "write the word \"websocket\" in place of the table"));
        }
        ACCESS_HEADER => return None,
        _ => {}
    }
    let has_meaning = matches!(
        Untrusted::default().meaning(name),
        Some((Meaning::Identity | Meaning::Request | Meaning::Origin, _))
    );
    (has_meaning || is_reserved(name) || Dialect::is_name_of_any(name))
        .then_some(("has another meaning", FIX))
}

fn query_place(one: &Table<'_>, name: String) -> Option<Place> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
    if name.bytes().all(is_plain) {
        return Some(Place::Query(name));
    }
    one.fault(
        CREDENTIAL.query.name,
        "is not a name that all servers read in the same way",
        "write letters, digits and -._~, for example \"access_token\"",
    );
    None
}

/// Whether `name` is a token (RFC 6265 §4.1.1).
fn is_cookie_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn cookie_place(
    one: &Table<'_>,
    cookie: String,
    publishable_key: Option<&str>,
    name: Option<String>,
    providers: Providers<'_>,
) -> Option<Place> {
    for (field, text) in [(CREDENTIAL.cookie.name, Some(&cookie)), (CREDENTIAL.name.name, name.as_ref())] {
        if text.is_some_and(|text| !is_cookie_name(text)) {
            one.fault(
                field,
                "is not the name of a cookie",
                "write it as it stands in the browser, for example \"__session\"",
            );
            return None;
        }
    }
    let session = match cookie.as_str() {
        "clerk" => match publishable_key {
            Some(key) if !is_publishable(key) => {
                one.fault(
                    CREDENTIAL.publishable_key.name,
                    "is not a publishable key",
                    "write the whole key that begins with pk_live_ or pk_test_, as Clerk's dashboard shows it, and never the secret key",
                );
                return None;
            }
            Some(key) => SessionCookie::Clerk { suffixes: vec![suffix_of(key)], only: true },
            None => SessionCookie::Clerk { suffixes: providers.clerk(), only: false },
        },
        "supabase" => {
            let names = name.map_or_else(|| providers.supabase(), |name| vec![name]);
            if names.is_empty() {
                one.fault(
                    CREDENTIAL.cookie.name,
                    "needs an issuer with preset = \"supabase\", whose host is part of the cookie's name",
                    "add the issuer, or `name` with the name of the cookie, such as \"sb-<project>-auth-token\"",
                );
                return None;
            }
            SessionCookie::Supabase(names)
        }
        "better-auth" => {
            name.map_or_else(SessionCookie::better_auth, |name| SessionCookie::Chunked(vec![name]))
        }
        _ => SessionCookie::Named(cookie),
    };
    Some(Place::Cookie(session))
}

/// Whether the text is a publishable key: base64 of a host and `$`, behind a prefix, as `isPublishableKey` of `@clerk/shared` reads it. The
/// cookie's suffix is a hash of the whole key, so with a part of the key no cookie would ever be found. A secret key must not be in the
/// configuration, so the fault does not repeat the text.
fn is_publishable(key: &str) -> bool {
    let encoded = ["pk_live_", "pk_test_"].iter().find_map(|prefix| key.strip_prefix(prefix));
    let decoded =
        encoded.and_then(|encoded| LENIENT.decode(encoded.replace('-', "+").replace('_', "/")).ok());
    let host = decoded.and_then(|octets| String::from_utf8(octets).ok());
    let host = host.as_deref().and_then(|text| text.strip_suffix('$'));
    host.is_some_and(|host| {
        host.contains('.')
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'))
    })
}

/// Base64 with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of `getCookieSuffix` in `@clerk/shared` 4.6.0.
    #[test]
    fn a_publishable_key_gives_the_suffix_that_clerks_library_uses() {
        for (key, suffix) in [
            ("pk_test_Y2xlcmsuaW5jbHVkZWQua2F0eWRpZC05Mi5sY2wuZGV2JA", "Xyg-L-mN"),
            ("pk_test_c2luY2VyZS1jaGVldGFoLTMwLmNsZXJrLmFjY291bnRzLmRldiQ=", "TCc0Rym0"),
            ("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "naoXFJnI"),
        ] {
            assert_eq!(suffix_of(key), suffix, "{key}");
        }
    }

    #[test]
    fn a_publishable_key_is_the_base64_of_a_host_and_a_dollar_sign() {
        let key = |text: &str| format!("pk_live_{}", STANDARD.encode(text));
        for (key, expected) in [
            (key("clerk.example.com$"), true),
            (key("clerk.example.com$").trim_end_matches('=').to_owned(), true),
            ("pk_test_c2luY2VyZS1jaGVldGFoLTMwLmNsZXJrLmFjY291bnRzLmRldiQ=".to_owned(), true),
            ("pk_test_Y2xlcmsuaW5jbHVkZWQua2F0eWRpZC05Mi5sY2wuZGV2JA".to_owned(), true),
            (key("clerk.example.com"), false),
            (key("clerk$"), false),
            (key("clerk.example.com$$"), false),
            (key("clerk.example.com/$"), false),
            (key("$"), false),
            (key(""), false),
            ("pk_live_abc".to_owned(), false),
            ("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k…".to_owned(), false),
            (key("clerk.example.com$").replace("pk_live_", "sk_live_"), false),
        ] {
            assert_eq!(is_publishable(&key), expected, "{key}");
        }
    }

    #[test]
    fn a_clerk_issuer_gives_the_suffix_of_its_publishable_key() {
        let suffixes = |issuer: &str| suffixes_of(issuer).collect::<Vec<_>>();
        assert_eq!(suffixes("https://clerk.example.com"), ["naoXFJnI"], "a key without padding");
        let padded = suffixes("https://sincere-cheetah-30.clerk.accounts.dev");
        assert!(padded.len() == 2 && padded.contains(&"TCc0Rym0".to_owned()), "{padded:?}");
    }
}
