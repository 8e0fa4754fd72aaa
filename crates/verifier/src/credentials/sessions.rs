//! Session cookies of providers' own libraries: their names, and how the token is found in them.

use std::borrow::Cow;

use edge_assay_jose::{base64url, json};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{cookies, names};
use crate::keys::url::Parts;
use crate::rejection::{Missing, Rejection};

/// A cookie, or the cookies of one provider's library.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionCookie {
    /// The cookie of this name. Its value is the token.
    Named(String),
    /// The first of these names that is sent. The value is the token, which may be spread over the cookies `<name>.0`, `<name>.1`, …
    Chunked(Vec<String>),
    /// Clerk's `__session_<suffix>`, one for each of its applications, and `__session`.
    Clerk {
        /// The suffixes of the applications that are meant. Their cookies come before `__session`.
        suffixes: Vec<String>,
        /// Whether the cookies of other applications are ignored. Otherwise they are read if none of the applications above has one.
        only: bool,
    },
    /// The session of `@supabase/ssr`, in the first of these cookies that is sent: JSON, with the token as its `access_token`.
    Supabase(Vec<String>),
}

const CLERK: &str = "__session";
/// Clerk's suffixes have this length.
pub(super) const CLERK_SUFFIX_LENGTH: usize = 8;
/// What `@supabase/ssr` writes before base64url.
const SUPABASE_ENCODED: &str = "base64-";

impl SessionCookie {
    /// The cookie of `@supabase/ssr` for the project at this URL: `sb-<first label of its host>-auth-token`. `None` if it is not an absolute URL.
    #[must_use]
    pub fn supabase_name(url: &str) -> Option<String> {
        let url = Parts::of(url)?;
        let (host, _) = url.host_and_port();
        let label = host.split('.').next().filter(|label| !label.is_empty())?;
        Some(format!("sb-{}-auth-token", label.to_ascii_lowercase()))
    }

    /// The cookies of Better Auth's cache of the session, with `Secure` and without. Their value is a JWT with the strategy `jwt`.
    #[must_use]
    pub fn better_auth() -> Self {
        Self::Chunked(
            ["__Secure-better-auth.session_data", "better-auth.session_data"].map(str::to_owned).into(),
        )
    }

    /// The token in the header; `None` if none of the cookies is sent.
    pub(super) fn token(&self, header: &str) -> Result<Option<String>, Rejection> {
        match self {
            Self::Named(name) => Ok(cookies::one(header, &|given| given == name)?.map(str::to_owned)),
            Self::Chunked(names) => Ok(first_of(names, header)?.map(Cow::into_owned)),
            Self::Clerk { suffixes, only } => Ok(clerk(header, suffixes, *only)?.map(str::to_owned)),
            Self::Supabase(names) => first_of(names, header)?.map(|value| access_token(&value)).transpose(),
        }
    }

    /// Whether parts of a session are sent without its beginning. Only for a header in which no token was found.
    pub(super) fn lacks_beginning(&self, header: &str) -> bool {
        match self {
            Self::Chunked(names) | Self::Supabase(names) => {
                names.iter().any(|name| cookies::has_later_chunk(header, name))
            }
            Self::Named(_) | Self::Clerk { .. } => false,
        }
    }

    /// Whether a cookie of this name is one of them.
    #[must_use]
    pub fn is_part(&self, name: &str) -> bool {
        match self {
            Self::Named(known) => name == known,
            Self::Chunked(bases) | Self::Supabase(bases) => {
                bases.iter().any(|base| cookies::is_part_of(name, base))
            }
            Self::Clerk { .. } => name == CLERK || clerk_suffix(name).is_some(),
        }
    }

    /// Whether some server may take a cookie of this name for one of them.
    pub(super) fn may_be_part(&self, name: &str) -> bool {
        let is_chunk = |rest: &str| {
            rest.is_empty()
                || rest
                    .strip_prefix('_')
                    .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        match self {
            Self::Named(known) => names::may_be(name, known, str::is_empty),
            Self::Chunked(bases) | Self::Supabase(bases) => {
                bases.iter().any(|base| names::may_be(name, base, is_chunk))
            }
            Self::Clerk { .. } => names::may_be(name, CLERK, |rest| {
                rest.is_empty()
                    || (rest.starts_with('_') && rest.len() == CLERK_SUFFIX_LENGTH.saturating_add(1))
            }),
        }
    }

    /// The cookies of the header in which [`Self::token`] has read the token: their names and values.
    pub(super) fn read_in<'h>(&self, header: &'h str) -> Vec<(&'h str, &'h str)> {
        match self {
            Self::Chunked(bases) | Self::Supabase(bases) => {
                let mut parts = bases.iter().map(|base| cookies::parts(header, base));
                parts.find(|parts| !parts.is_empty()).unwrap_or_default()
            }
            Self::Named(_) | Self::Clerk { .. } => {
                let token = self.token(header).ok().flatten().unwrap_or_default();
                cookies::pairs(header).filter(|(name, value)| *value == token && self.is_part(name)).collect()
            }
        }
    }

    /// The names, in words.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Named(name) => format!("the cookie {name}"),
            Self::Chunked(names) | Self::Supabase(names) => format!("the cookie {}", names.join(" or ")),
            Self::Clerk { suffixes, only } => {
                let mut names: Vec<String> =
                    suffixes.iter().map(|suffix| format!("{CLERK}_{suffix}")).collect();
                if !only {
                    names.push(format!("{CLERK}_*"));
                }
                names.push(CLERK.to_owned());
                format!("the cookie {}", names.join(" or "))
            }
        }
    }
}

/// The suffix in the name of one of Clerk's cookies.
fn clerk_suffix(name: &str) -> Option<&str> {
    let suffix = name.strip_prefix(CLERK)?.strip_prefix('_')?;
    let is_suffix = suffix.len() == CLERK_SUFFIX_LENGTH
        && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_suffix.then_some(suffix)
}

/// Clerk's own libraries write the token into the cookie with the suffix and into the one without. With several applications on one site, the
/// latter is that of the application that was used last.
fn clerk<'h>(header: &'h str, suffixes: &[String], only: bool) -> Result<Option<&'h str>, Rejection> {
    let is_meant =
        |name: &str| clerk_suffix(name).is_some_and(|given| suffixes.iter().any(|one| one == given));
    if !suffixes.is_empty()
        && let Some(token) = cookies::one(header, &is_meant)?
    {
        return Ok(Some(token));
    }
    cookies::one(header, &|name| name == CLERK || (!only && clerk_suffix(name).is_some()))
}

fn first_of<'h>(names: &[String], header: &'h str) -> Result<Option<Cow<'h, str>>, Rejection> {
    for name in names {
        if let Some(value) = cookies::joined(header, name)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The access token in a session of Supabase: `base64-` and base64url of JSON, or the JSON itself, either of them percent-encoded by the cookie's
/// writer. The JSON is the session, or the list that older libraries wrote, with the access token first.
fn access_token(value: &str) -> Result<String, Rejection> {
    read_session(value).ok_or(Rejection::TokenMissing(Missing::SessionUnreadable))
}

fn read_session(value: &str) -> Option<String> {
    let value = percent_decode_str(value).decode_utf8().ok()?;
    let json = match value.strip_prefix(SUPABASE_ENCODED) {
        Some(encoded) => Cow::Owned(String::from_utf8(base64url::decode(encoded)?).ok()?),
        None => value,
    };
    let token = match json::parse_value(&json).ok()? {
        Value::Object(mut session) => session.remove("access_token")?,
        Value::Array(list) => list.into_iter().next()?,
        _ => return None,
    };
    match token {
        Value::String(token) if !token.is_empty() => Some(token),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::Ambiguous;

    const TWICE: Rejection = Rejection::RequestAmbiguous(Ambiguous::CookieTwice);
    const UNREADABLE: Rejection = Rejection::TokenMissing(Missing::SessionUnreadable);

    fn token(cookie: &SessionCookie, header: &str) -> Result<Option<String>, Rejection> {
        cookie.token(header)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is compared with results")]
    fn found(text: &str) -> Result<Option<String>, Rejection> {
        Ok(Some(text.to_owned()))
    }

    #[test]
    fn the_cookie_of_a_supabase_project_is_named_by_the_first_label_of_its_host() {
        for (url, name) in [
            ("https://fqceiphubiqnorytayiu.supabase.co/auth/v1", Some("sb-fqceiphubiqnorytayiu-auth-token")),
            ("https://Auth.example.com/auth/v1", Some("sb-auth-auth-token")),
            ("http://127.0.0.1:54321/auth/v1", Some("sb-127-auth-token")),
            ("http://localhost:54321/auth/v1", Some("sb-localhost-auth-token")),
            ("supabase", None),
            ("https:///auth/v1", None),
        ] {
            assert_eq!(SessionCookie::supabase_name(url).as_deref(), name, "{url}");
        }
    }

    #[test]
    fn the_access_token_is_found_in_every_form_of_a_supabase_session() {
        let session = r#"{"access_token":"a.b.c","refresh_token":"r","user":{"name":"Gr\u00e4ce"}}"#;
        let encoded = base64url::encode(session.as_bytes());
        let escaped: String =
            percent_encoding::utf8_percent_encode(session, percent_encoding::NON_ALPHANUMERIC).collect();
        let cookie = SessionCookie::Supabase(vec!["sb-x-auth-token".to_owned()]);
        for value in [
            format!("base64-{encoded}"),
            format!("base64%2D{encoded}"),
            format!("\"base64-{encoded}\""),
            session.to_owned(),
            escaped,
            r#"["a.b.c","r",null,null,null]"#.to_owned(),
        ] {
            assert_eq!(token(&cookie, &format!("x=1; sb-x-auth-token={value}")), found("a.b.c"), "{value}");
        }
        let whole = format!("base64-{encoded}");
        let (first, second) = whole.split_at(40);
        let chunks = format!("sb-x-auth-token.1={second}; sb-x-auth-token.0={first}");
        assert_eq!(token(&cookie, &chunks), found("a.b.c"));
        assert_eq!(token(&cookie, &format!("sb-y-auth-token={whole}; sb-x-auth-token-user=1")), Ok(None));
    }

    #[test]
    fn a_supabase_session_that_cannot_be_read_is_no_session() {
        let encoded = |text: &str| format!("base64-{}", base64url::encode(text.as_bytes()));
        let cookie = SessionCookie::Supabase(vec!["s".to_owned()]);
        for value in [
            "base64-".to_owned(),
            "base64-%".to_owned(),
            "base64-e30=".to_owned(),
            "base64-////".to_owned(),
            encoded("{}"),
            encoded("null"),
            encoded("[]"),
            encoded("\"a.b.c\""),
            encoded(r#"{"access_token":null}"#),
            encoded(r#"{"access_token":""}"#),
            encoded(r#"{"access_token":["a.b.c"]}"#),
            encoded(r#"{"access_token":"a.b.c","access_token":"d.e.f"}"#),
            encoded(r#"{"session":{"access_token":"a.b.c"}}"#),
            encoded(r#"{"access_token":"a.b.c"#),
            encoded(&format!("{}{}", "[".repeat(100), "]".repeat(100))),
            "a.b.c".to_owned(),
            "deleted".to_owned(),
            "%ff".to_owned(),
        ] {
            assert_eq!(token(&cookie, &format!("s={value}")), Err(UNREADABLE), "{value}");
        }
    }

    #[test]
    fn the_session_of_the_right_clerk_application_is_read_and_no_other_is_guessed() {
        let any = SessionCookie::Clerk { suffixes: Vec::new(), only: false };
        let ours = SessionCookie::Clerk { suffixes: vec!["AbCd-_12".to_owned()], only: false };
        let only = SessionCookie::Clerk { suffixes: vec!["AbCd-_12".to_owned()], only: true };
        for (header, of_any, of_ours, of_only) in [
            ("__session=a", found("a"), found("a"), found("a")),
            ("__session_AbCd-_12=a", found("a"), found("a"), found("a")),
            ("__session=a; __session_AbCd-_12=a", found("a"), found("a"), found("a")),
            ("__session=b; __session_AbCd-_12=a", Err(TWICE), found("a"), found("a")),
            ("__session_other000=b; __session_AbCd-_12=a", Err(TWICE), found("a"), found("a")),
            ("__session_other000=b; __session=a", Err(TWICE), Err(TWICE), found("a")),
            ("__session_other000=b", found("b"), found("b"), Ok(None)),
            ("__session_AbCd-_12=a; __session_AbCd-_12=b", Err(TWICE), Err(TWICE), Err(TWICE)),
            ("__session=; __session_AbCd-_12=", Ok(None), Ok(None), Ok(None)),
            ("__session_short=b; __session_longer000=c; __session_in.valid=d", Ok(None), Ok(None), Ok(None)),
            ("__Session=b; x__session=c; __client_uat=1", Ok(None), Ok(None), Ok(None)),
        ] {
            assert_eq!(token(&any, header), of_any, "{header}");
            assert_eq!(token(&ours, header), of_ours, "{header}");
            assert_eq!(token(&only, header), of_only, "{header}");
        }
    }

    #[test]
    fn the_names_of_the_cookies_are_told_in_words() {
        let named = SessionCookie::Named("__Host-t".to_owned());
        let supabase =
            SessionCookie::Supabase(vec!["sb-a-auth-token".to_owned(), "sb-b-auth-token".to_owned()]);
        let clerk = |suffixes: &[&str], only| {
            let suffixes = suffixes.iter().map(|one| (*one).to_owned()).collect();
            SessionCookie::Clerk { suffixes, only }
        };
        for (cookie, words) in [
            (named, "the cookie __Host-t"),
            (supabase, "the cookie sb-a-auth-token or sb-b-auth-token"),
            (
                SessionCookie::better_auth(),
                "the cookie __Secure-better-auth.session_data or better-auth.session_data",
            ),
            (clerk(&[], false), "the cookie __session_* or __session"),
            (clerk(&["AbCd-_12"], false), "the cookie __session_AbCd-_12 or __session_* or __session"),
            (clerk(&["AbCd-_12"], true), "the cookie __session_AbCd-_12 or __session"),
        ] {
            assert_eq!(cookie.in_words(), words);
        }
    }

    #[test]
    fn better_auths_secure_cookie_comes_before_the_one_that_http_can_set() {
        let cookie = SessionCookie::better_auth();
        for (header, expected) in [
            ("better-auth.session_data=a", found("a")),
            ("better-auth.session_data=b; __Secure-better-auth.session_data=a", found("a")),
            ("better-auth.session_data.0=a; better-auth.session_data.1=b", found("ab")),
            ("better-auth.session_token=a", Ok(None)),
        ] {
            assert_eq!(token(&cookie, header), expected, "{header}");
        }
        assert!(cookie.is_part("__Secure-better-auth.session_data.3"));
        assert!(!cookie.is_part("better-auth.session_token"));
    }
}
