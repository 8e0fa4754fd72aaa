//! The URLs from which keys may be fetched: `https`, and `http` for this machine only.
//!
//! The check is stricter than a URL parser on purpose. It refuses everything that two parsers could read differently (user
//! information, backslashes, spaces, control characters), so that the platform connects to the host that is checked here.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::limits::MAX_URL_BYTES;

/// An absolute URL, split in the one place where this is done. The parts are not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'u> {
    /// The scheme, as in `https`.
    pub scheme: &'u str,
    /// Host and port, and user information if there is any (RFC 3986 §3.2).
    pub authority: &'u str,
    /// All that follows: empty, or path, query and fragment with their first delimiter.
    pub target: &'u str,
}

impl<'u> Parts<'u> {
    /// The parts of `url`; `None` if it is not absolute.
    #[must_use]
    pub fn of(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end)?;
        Some(Self { scheme, authority, target })
    }

    /// The host, with the brackets of an IPv6 address, and the text of the port behind its colon, if there is a colon.
    #[must_use]
    pub fn host_and_port(&self) -> (&'u str, Option<&'u str>) {
        let after_address = self.authority.rfind(']').map_or(0, |end| end.saturating_add(1));
        match self.authority.get(after_address..).and_then(|rest| rest.find(':')) {
            Some(colon) => {
                let colon = after_address.saturating_add(colon);
                let (host, port) = self.authority.split_at_checked(colon).unwrap_or((self.authority, ""));
                (host, port.strip_prefix(':'))
            }
            None => (self.authority, None),
        }
    }
}

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
    let parts = Parts::of(url).ok_or(UrlError::Scheme)?;
    let Parts { scheme, authority, .. } = parts;
    let secure = scheme.eq_ignore_ascii_case("https");
    if !secure && !scheme.eq_ignore_ascii_case("http") {
        return Err(UrlError::Scheme);
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && !br##""#<>\^`{|}"##.contains(&byte)) {
        return Err(UrlError::Character);
    }
    if authority.contains('@') {
        return Err(UrlError::UserInformation);
    }
    let host = host_of(parts).ok_or(UrlError::Host)?;
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
    let Parts { scheme, authority, .. } = Parts::of(base)?;
    let resolved = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        location.to_owned()
    };
    accept(&resolved).is_ok().then_some(resolved)
}

/// The host, after a check of it and of the port. An IPv6 address keeps its brackets.
fn host_of(parts: Parts<'_>) -> Option<&str> {
    let (host, port) = parts.host_and_port();
    let port_is_valid = port.is_none_or(|digits| digits.parse::<u16>().is_ok());
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
