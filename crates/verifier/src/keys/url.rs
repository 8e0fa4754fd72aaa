//! The URLs from which keys may be fetched: `https`, and `http` for this machine only.
//!
//! The check is stricter than a URL parser on purpose. It refuses everything that two parsers could read differently (user
//! information, backslashes, spaces, control characters), so that the platform connects to the host that is checked here.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::limits::MAX_URL_BYTES;

/// The scheme of an accepted URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `https`.
    Https,
    /// `http` to a loopback host: development and tests.
    Loopback,
}

/// Why a URL is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is longer than [`MAX_URL_BYTES`].
    #[error("the URL is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// It begins with neither `https://` nor `http://`.
    #[error("the URL is not absolute with the scheme https")]
    Scheme,
    /// `http` to a host that is not loopback.
    #[error("the URL has the scheme http, which is accepted for loopback hosts only")]
    Insecure,
    /// It has no host, or one that is not valid.
    #[error("the URL has no valid host")]
    Host,
    /// It has user information before the host.
    #[error("the URL holds user information")]
    UserInformation,
    /// It contains a character that a URL must encode (RFC 3986 §2), or a fragment.
    #[error("the URL holds a character that is not allowed there")]
    Character,
}

/// Accepts an absolute URL with the scheme `https`, or `http` for `localhost`, 127.0.0.0/8 and `[::1]`.
///
/// # Errors
/// The reason why any other URL is refused.
pub fn accept(url: &str) -> Result<Transport, UrlError> {
    if url.len() > MAX_URL_BYTES {
        return Err(UrlError::TooLong);
    }
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
    let secure = scheme.eq_ignore_ascii_case("https");
    if !secure && !scheme.eq_ignore_ascii_case("http") {
        return Err(UrlError::Scheme);
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && !br##""#<>\^`{|}"##.contains(&byte)) {
        return Err(UrlError::Character);
    }
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err(UrlError::UserInformation);
    }
    let host = host_of(authority).ok_or(UrlError::Host)?;
    match (secure, is_loopback(host)) {
        (true, _) => Ok(Transport::Https),
        (false, true) => Ok(Transport::Loopback),
        (false, false) => Err(UrlError::Insecure),
    }
}

/// The URL to which `location`, in an answer from `base`, refers (RFC 3986 §5): an absolute URL, or a path of the same
/// origin. No other form is resolved, and nothing is fetched.
#[must_use]
pub fn resolve(base: &str, location: &str) -> Option<String> {
    let (scheme, rest) = base.split_once("://")?;
    let resolved = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        let authority = rest.split(['/', '?']).next().unwrap_or(rest);
        format!("{scheme}://{authority}{location}")
    } else {
        location.to_owned()
    };
    accept(&resolved).is_ok().then_some(resolved)
}

/// The host of `authority`, after a check of the port. An IPv6 address keeps its brackets.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.find(']') {
        Some(end) => authority.split_at_checked(end.saturating_add(1))?,
        None => authority.split_at_checked(authority.find(':').unwrap_or(authority.len()))?,
    };
    let digits = port.strip_prefix(':').unwrap_or("0");
    let port_is_valid = port.is_empty() || (port.starts_with(':') && digits.parse::<u16>().is_ok());
    let host_is_valid = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.bytes().all(is_name_byte),
    };
    (port_is_valid && host_is_valid).then_some(host)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

fn is_loopback(host: &str) -> bool {
    let ipv6 = host.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || ipv6
            .and_then(|address| address.parse::<Ipv6Addr>().ok())
            .is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_accepted_everywhere_and_http_on_this_machine_only() {
        for (url, expected) in [
            ("https://issuer.example/jwks", Ok(Transport::Https)),
            ("https://issuer.example:8443/jwks?a=b", Ok(Transport::Https)),
            ("HTTPS://issuer.example", Ok(Transport::Https)),
            ("http://localhost:8787/jwks", Ok(Transport::Loopback)),
            ("http://127.0.0.1/jwks", Ok(Transport::Loopback)),
            ("http://127.9.8.7:1/jwks", Ok(Transport::Loopback)),
            ("http://[::1]:8787/jwks", Ok(Transport::Loopback)),
            ("http://issuer.example/jwks", Err(UrlError::Insecure)),
            ("http://128.0.0.1/jwks", Err(UrlError::Insecure)),
            ("http://127.0.0.1.example/jwks", Err(UrlError::Insecure)),
            ("http://localhost.example/jwks", Err(UrlError::Insecure)),
            ("http://127.1/jwks", Err(UrlError::Insecure)),
            ("http://[::2]/jwks", Err(UrlError::Insecure)),
            ("http://localhost@issuer.example/jwks", Err(UrlError::UserInformation)),
            ("https://user:word@issuer.example/jwks", Err(UrlError::UserInformation)),
            (r"http://localhost\@issuer.example/jwks", Err(UrlError::Character)),
            ("https://issuer.example/a b", Err(UrlError::Character)),
            ("https://issuer.example/jwks#keys", Err(UrlError::Character)),
            ("https://issuer.example/\u{e9}", Err(UrlError::Character)),
            ("https://issuer.example/\n", Err(UrlError::Character)),
            ("https:///jwks", Err(UrlError::Host)),
            ("https://issuer.ex*mple/jwks", Err(UrlError::Host)),
            ("https://issuer!example/jwks", Err(UrlError::Host)),
            ("https://issuer_1.example/jwks", Ok(Transport::Https)),
            ("https://[::1/jwks", Err(UrlError::Host)),
            ("https://[::1]8787/jwks", Err(UrlError::Host)),
            ("https://issuer.example:http/jwks", Err(UrlError::Host)),
            ("https://issuer.example:99999/jwks", Err(UrlError::Host)),
            ("ftp://issuer.example/jwks", Err(UrlError::Scheme)),
            ("issuer.example/jwks", Err(UrlError::Scheme)),
            ("//issuer.example/jwks", Err(UrlError::Scheme)),
            ("", Err(UrlError::Scheme)),
        ] {
            assert_eq!(accept(url), expected, "{url}");
        }
        let base = "https://issuer.example:8443/a/jwks?x=1";
        for (location, expected) in [
            ("https://other.example/jwks", Some("https://other.example/jwks")),
            ("/a/jwks/", Some("https://issuer.example:8443/a/jwks/")),
            ("//other.example/jwks", Some("https://other.example/jwks")),
            ("jwks/", None),
            ("http://other.example/jwks", None),
            ("javascript:alert(1)", None),
            ("/a\"b", None),
            ("", None),
        ] {
            assert_eq!(resolve(base, location).as_deref(), expected, "{location}");
        }
        let longest = format!("{:a<width$}", "https://issuer.example/", width = MAX_URL_BYTES);
        assert_eq!(accept(&longest), Ok(Transport::Https));
        let long = format!("{longest}a");
        assert_eq!(accept(&long), Err(UrlError::TooLong));
    }
}
