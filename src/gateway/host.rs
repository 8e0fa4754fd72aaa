//! The hosts of requests and routes, parsed in this one place into one form.
//!
//! A text that is not a host is refused. If it counted as another host, a request for `admin.example.com..` would match no
//! route of `admin.example.com` and reach the laxer routes without a host, while the API could still take it for
//! `admin.example.com`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A host in its normal form: in lower case, without a dot at its end, IPv6 addresses as in RFC 5952.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// The longest name and the longest label in it, in bytes (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

impl Host {
    /// Reads the value of a `Host` header (RFC 9110 §7.2): a name, an IPv4 address or an IPv6 address in brackets, and
    /// optionally a port. `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
            (format!("[{address}]"), port)
        } else {
            let (name, port) = match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            };
            let name = name.strip_suffix('.').unwrap_or(name);
            if !is_name(name) {
                return None;
            }
            (name.to_ascii_lowercase(), port)
        };
        let port = match port {
            // `parse` alone would accept a plus sign.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
            None => None,
        };
        Some(Self { name, port })
    }

    /// Whether a route for the host `wanted` takes a request for `self`. A wanted host without a port includes all ports.
    #[must_use]
    pub fn is_covered_by(&self, wanted: &Self) -> bool {
        self.name == wanted.name && (wanted.port.is_none() || self.port == wanted.port)
    }

    /// Whether both have the same name or address. Ports are ignored.
    #[must_use]
    pub fn has_name_of(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// Whether `name`, without a dot at its end, is a host name or an IPv4 address.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() > MAX_NAME || !name.split('.').all(is_label) {
        return false;
    }
    // The URL standard reads texts such as `1.2` and `0x7f.1` as IPv4 addresses; other parsers read them as names.
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let ends_in_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    !ends_in_number || name.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Option<String> {
        Host::parse(text).map(|host| host.to_string())
    }

    #[test]
    fn a_host_has_one_form() {
        for (text, expected) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("api.example.com.:8443", "api.example.com:8443"),
            ("api.example.com:0443", "api.example.com:443"),
            ("my_service", "my_service"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("127.0.0.1:8787", "127.0.0.1:8787"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]:80", "[::1]:80"),
            ("[2001:DB8::A]", "[2001:db8::a]"),
        ] {
            assert_eq!(form(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_host_is_not_read_as_another_host() {
        let long = format!("{}.example", "a".repeat(64));
        for text in [
            "",
            ".",
            "admin.example.com..",
            ".admin.example.com",
            "admin..example.com",
            "a:443:443",
            "a:",
            "a:+80",
            "a:80x",
            "a:65536",
            ":80",
            "[admin.example.com]",
            "[::1",
            "::1",
            "[::1]80",
            "[::1%25eth0]",
            "[127.0.0.1]",
            "a b",
            "a,b",
            "a@b",
            "a/b",
            "a?b",
            "a#b",
            "a%2eb",
            "a\\b",
            "a\";for=root",
            "b\u{fc}cher.example",
            "127.1",
            "0x7f.1",
            "2130706433",
            "256.1.1.1",
            "1.2.3.0x4",
            long.as_str(),
        ] {
            assert_eq!(form(text), None, "{text}");
        }
    }

    /// RFC 1035 §2.3.4.
    #[test]
    fn a_name_and_each_label_have_a_maximum_length() {
        let label = "a".repeat(63);
        let name = |last: usize| format!("{label}.{label}.{label}.{}", "a".repeat(last));
        assert_eq!((name(61).len(), form(&name(61))), (253, Some(name(61))));
        assert_eq!((name(62).len(), form(&name(62))), (254, None));
        assert_eq!((name(63).len(), form(&name(63))), (255, None));
        assert_eq!(form(&label), Some(label.clone()));
        assert_eq!(form(&format!("{label}a")), None);
    }

    #[test]
    fn a_route_host_without_a_port_includes_all_ports() {
        let host = |text: &str| Host::parse(text).unwrap();
        for (given, wanted, expected) in [
            ("a.example:8443", "a.example", true),
            ("a.example:8443", "a.example:8443", true),
            ("a.example", "a.example:8443", false),
            ("a.example:443", "a.example:8443", false),
            ("b.example", "a.example", false),
            ("[::1]:80", "[0::1]", true),
        ] {
            assert_eq!(host(given).is_covered_by(&host(wanted)), expected, "{given} {wanted}");
        }
    }
}
