//! How a request is sent on: its URL, what is taken from its headers, and what is set.

use std::net::IpAddr;

use super::headers::{self, Untrusted};
use super::path::Path;
use super::routes::{Credential, Route, Upstream};
use crate::jose::Claims;
use crate::ports::{Amendment, UpstreamRequest};

/// What has to be known of a request to send it on.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'r> {
    /// `http` or `https`.
    pub scheme: &'r str,
    /// The host, with its port unless that is the scheme's own.
    pub host: &'r str,
    /// The path in its one form.
    pub path: &'r Path,
    /// What follows the question mark.
    pub query: Option<&'r str>,
    /// The names of all headers in lower case, one a line.
    pub header_names: &'r str,
    /// The `Connection` header.
    pub connection: &'r str,
    /// Whether it asks to become a WebSocket.
    pub is_upgrade: bool,
    /// Who sent it, as the platform says.
    pub client: Option<IpAddr>,
    /// The `Cache-Control` header.
    pub cache_control: &'r str,
}

/// How a request is sent on to where `route` leads, on behalf of whom `claims` tell of; `None` if it leads nowhere. `minted`
/// is our own token for the upstream.
#[must_use]
pub fn onward(
    route: &Route,
    untrusted: &Untrusted,
    incoming: &Incoming<'_>,
    claims: Option<&Claims>,
    minted: Option<&str>,
    amend: Option<Amendment>,
) -> Option<UpstreamRequest> {
    let (origin, service) = match route.upstream.as_ref()? {
        Upstream::Origin(origin) => (origin.clone(), None),
        Upstream::Service(binding) => {
            (format!("{}://{}", incoming.scheme, incoming.host), Some(binding.clone()))
        }
    };
    let mut url = origin;
    url.push_str(incoming.path.as_str());
    if let Some(query) = incoming.query {
        url.push('?');
        url.push_str(query);
    }
    let mut remove =
        headers::taken_away(incoming.header_names, untrusted, incoming.connection, incoming.is_upgrade);
    if route.credential != Credential::Forward {
        remove.push("authorization".to_owned());
    }
    Some(UpstreamRequest {
        url,
        service,
        remove,
        set: told(route, incoming, claims, minted),
        timeout_ms: route.timeout_ms,
        is_cacheable: route.is_cacheable,
        amend,
    })
}

/// What the upstream is told.
fn told(
    route: &Route,
    incoming: &Incoming<'_>,
    claims: Option<&Claims>,
    minted: Option<&str>,
) -> Vec<(String, String)> {
    let mut set = Vec::with_capacity(route.headers.len().saturating_add(6));
    if let Some(client) = incoming.client {
        set.push(("x-forwarded-for".to_owned(), client.to_string()));
    }
    set.push(("x-forwarded-host".to_owned(), incoming.host.to_owned()));
    set.push(("x-forwarded-proto".to_owned(), incoming.scheme.to_owned()));
    set.push(("forwarded".to_owned(), forwarded(incoming)));
    if !route.is_cacheable {
        set.push(("cache-control".to_owned(), not_stored(incoming.cache_control)));
    }
    for header in &route.headers {
        let value = claims.map(|claims| headers::value(claims, &header.claim)).unwrap_or_default();
        set.push((header.name.clone(), value));
    }
    if let Some(token) = minted {
        set.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    set
}

/// The client's `Cache-Control` with `no-store` (RFC 9111 §5.2.1.5), for every cache between the Worker and the API. Without
/// one, the runtime would send `no-cache`, for which common frameworks answer no conditional request with 304.
fn not_stored(given: &str) -> String {
    let is_visible = given.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if given.is_empty() || !is_visible {
        return "no-store".to_owned();
    }
    if given.split(',').any(|directive| directive.trim().eq_ignore_ascii_case("no-store")) {
        return given.to_owned();
    }
    format!("{given}, no-store")
}

/// RFC 7239 §4. A colon needs quotes, and IPv6 brackets too.
fn forwarded(incoming: &Incoming<'_>) -> String {
    let client = match incoming.client {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
        None => "unknown".to_owned(),
    };
    format!("for={client};host=\"{}\";proto={}", incoming.host, incoming.scheme)
}
