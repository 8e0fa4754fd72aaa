//! Whether a request that a browser sent with a cookie was made by the site itself, or by another one (cross-site request forgery).
//!
//! A browser sends a cookie with every request to its site, whoever wrote the page that makes the request. `Origin` and `Sec-Fetch-Site` say who
//! did; no script can set them (Fetch §2.2.2).

use crate::keys::url::Parts;

/// What is known of a request's sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sender<'r> {
    /// The `Origin` header.
    pub origin: Option<&'r str>,
    /// The `Sec-Fetch-Site` header.
    pub fetch_site: Option<&'r str>,
}

impl Sender<'_> {
    /// Whether it is a page of the request's own origin, or of an origin of the list. `own` is the scheme of the request and its host, with a
    /// port unless that is the scheme's default; `None` if they are not known. `*` in the list is no origin.
    #[must_use]
    pub fn is_trusted(&self, own: Option<(&str, &str)>, listed: &[String]) -> bool {
        if self.fetch_site == Some("same-origin") {
            return true;
        }
        let Some(origin) = self.origin else { return false };
        own.is_some_and(|(scheme, host)| is_origin_of(origin, scheme, host))
            || listed.iter().any(|one| one == origin && one != "*")
    }
}

/// Whether `origin` is the origin of this scheme and host.
fn is_origin_of(origin: &str, scheme: &str, host: &str) -> bool {
    let own = format!("{scheme}://{host}");
    match (parts(origin), parts(&own)) {
        (Some(origin), Some(own)) => origin == own,
        _ => false,
    }
}

/// Scheme, host and port. `None` for `null`, and for what is more or less than an origin.
fn parts(origin: &str) -> Option<(&str, String, &str)> {
    let url = Parts::of(origin)?;
    let default = match url.scheme {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let (host, port) = url.host_and_port();
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_bare = url.target.is_empty() && !host.is_empty() && !host.contains(['@', ',', ' ']);
    is_bare.then(|| (url.scheme, host, port.unwrap_or(default)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_trusted(origin: Option<&str>, fetch_site: Option<&str>, own: &str) -> bool {
        let listed = ["*", "https://app.example.com", "http://localhost:5173"].map(str::to_owned);
        Sender { origin, fetch_site }.is_trusted(own.split_once("://"), &listed)
    }

    #[test]
    fn only_the_own_origin_and_the_listed_ones_are_trusted() {
        const OWN: &str = "https://api.example.com";
        for (origin, own, expected) in [
            (OWN, OWN, true),
            ("https://API.example.com", OWN, true),
            ("https://api.example.com:443", OWN, true),
            (OWN, "https://api.example.com:443", true),
            (OWN, "https://api.example.com.", true),
            ("http://[::1]:8787", "http://[::1]:8787", true),
            ("http://127.0.0.1", "http://127.0.0.1:80", true),
            ("https://app.example.com", OWN, true),
            ("http://localhost:5173", OWN, true),
            ("http://api.example.com", OWN, false),
            ("https://api.example.com:8443", OWN, false),
            (OWN, "https://api.example.com:8443", false),
            ("https://evil.example", OWN, false),
            ("https://api.example.com.evil.example", OWN, false),
            ("https://evil.example/https://api.example.com", OWN, false),
            ("https://api.example.com/", OWN, false),
            ("https://api.example.com@evil.example", OWN, false),
            ("https://evil@api.example.com", OWN, false),
            ("https://api.example.com, https://evil.example", OWN, false),
            ("https://app.example.com:443", OWN, false),
            ("https://sub.app.example.com", OWN, false),
            ("null", OWN, false),
            ("null", "null", false),
            ("*", OWN, false),
            ("", OWN, false),
            ("api.example.com", OWN, false),
            ("file://api.example.com", "file://api.example.com", false),
            ("https://", "https://", false),
        ] {
            assert_eq!(is_trusted(Some(origin), None, own), expected, "{origin} at {own}");
        }
    }

    #[test]
    fn without_an_origin_only_the_browsers_word_same_origin_counts() {
        const OWN: &str = "https://api.example.com";
        for (origin, fetch_site, expected) in [
            (None, None, false),
            (None, Some("same-origin"), true),
            (Some("null"), Some("same-origin"), true),
            (None, Some("same-site"), false),
            (None, Some("none"), false),
            (None, Some("cross-site"), false),
            (None, Some("Same-Origin"), false),
            (None, Some("same-origin, cross-site"), false),
            (Some("https://evil.example"), Some("cross-site"), false),
            (Some("https://app.example.com"), Some("same-site"), true),
        ] {
            assert_eq!(is_trusted(origin, fetch_site, OWN), expected, "{origin:?} {fetch_site:?}");
        }
        assert!(!Sender { origin: Some(OWN), fetch_site: None }.is_trusted(None, &[]), "nothing is known");
    }
}
