//! How a request is forwarded: its URL, the headers that are removed, and the headers that are set.

use std::net::IpAddr;

use super::headers::{self, Untrusted};
use super::path::Path;
use super::routes::{Credential, Route, Upstream};
use crate::credentials::Places;
use crate::jose::Claims;
use crate::ports::{Amendment, UpstreamRequest};

/// The parts of a client's request that decide how it is forwarded.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'r> {
    /// `http` or `https`.
    pub scheme: &'r str,
    /// The host, with its port unless that is the scheme's default.
    pub host: &'r str,
    /// The path in its normal form.
    pub path: &'r Path,
    /// The query, without its question mark.
    pub query: Option<&'r str>,
    /// The names of all headers in lower case, one per line.
    pub header_names: &'r str,
    /// The `Connection` header.
    pub connection: &'r str,
    /// Whether the request asks for a WebSocket.
    pub is_upgrade: bool,
    /// The client's address, if it is known.
    pub client: Option<IpAddr>,
    /// The `Cache-Control` header.
    pub cache_control: &'r str,
    /// The `Cookie` header, if a cookie is one of the route's credentials.
    pub cookies: &'r str,
    /// The `Sec-WebSocket-Protocol` header, if it is one of the route's credentials.
    pub protocols: &'r str,
}

/// What the upstream learns about the sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForUpstream<'r> {
    /// The claims of the verified token.
    pub claims: Option<&'r Claims>,
    /// The token that the upstream gets in `Authorization`, if that is not the client's own header.
    pub bearer: Option<&'r str>,
    /// The place of the client's token in the route's credentials, if the upstream gets the client's token.
    pub kept: Option<usize>,
}

/// The upstream request for `incoming` on `route`; `None` if the route has no upstream. `amend` changes the headers of the upstream's answer.
///
/// Of the places in the route's credentials the upstream sees at most the one whose token was verified, so that it cannot take another, unverified
/// token for it.
#[must_use]
pub fn upstream_request(
    route: &Route,
    untrusted: &Untrusted,
    incoming: &Incoming<'_>,
    sender: &ForUpstream<'_>,
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
    let places = &route.credentials;
    let query = if places.is_default() { None } else { Some(places.without_query(incoming.query)) };
    if let Some(query) = query.as_ref().map_or(incoming.query, Option::as_deref) {
        url.push('?');
        url.push_str(query);
    }
    let mut remove =
        headers::to_remove(incoming.header_names, untrusted, incoming.connection, incoming.is_upgrade);
    let keeps_authorization = route.credential == Credential::Forward
        && places.has_authorization()
        && sender.kept.is_none_or(|place| places.is_authorization(place));
    if !keeps_authorization {
        remove.push("authorization".to_owned());
    }
    let mut set = headers_to_set(route, incoming, sender);
    if !places.is_default() {
        remove_credentials(places, incoming, sender.kept, &mut remove, &mut set);
    }
    Some(UpstreamRequest {
        url,
        service,
        remove,
        set,
        timeout_ms: route.timeout_ms,
        is_cacheable: route.is_cacheable,
        amend,
    })
}

/// Whether servers may read a header of this name, in lower case, as one of the places, although it is spelt differently.
#[must_use]
pub fn is_another_spelling(places: &Places, name: &str) -> bool {
    let protocols = places.has_websocket().then_some(SUBPROTOCOLS);
    let mut known = places.headers(None).chain(protocols);
    known.any(|known| known != name && headers::folds_alike(known, name))
}

/// The header with the subprotocols of a WebSocket (RFC 6455 §11.3.4).
const SUBPROTOCOLS: &str = "sec-websocket-protocol";

/// Removes what the places hold, but not what the place `kept` holds; and every other spelling of their headers.
fn remove_credentials(
    places: &Places,
    incoming: &Incoming<'_>,
    kept: Option<usize>,
    remove: &mut Vec<String>,
    set: &mut Vec<(String, String)>,
) {
    let is_credential =
        |name: &&str| is_another_spelling(places, name) || places.headers(kept).any(|known| known == *name);
    remove.extend(incoming.header_names.lines().filter(is_credential).map(str::to_owned));
    let rest = [
        ("cookie", incoming.cookies, places.without_cookies(incoming.cookies, kept)),
        (SUBPROTOCOLS, incoming.protocols, places.without_protocol(incoming.protocols)),
    ];
    for (name, sent, left) in rest {
        if left.is_empty() && !sent.is_empty() {
            remove.push(name.to_owned());
        } else if left != sent {
            set.push((name.to_owned(), left));
        }
    }
}

/// The headers that the gateway sets, with their values.
fn headers_to_set(route: &Route, incoming: &Incoming<'_>, sender: &ForUpstream<'_>) -> Vec<(String, String)> {
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
        let value = sender.claims.map(|claims| headers::value(claims, &header.claim)).unwrap_or_default();
        set.push((header.name.clone(), value));
    }
    if let Some(token) = sender.bearer {
        set.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    set
}

/// The client's `Cache-Control` with `no-store` (RFC 9111 §5.2.1.5), for every cache between the Worker and the API. Without
/// a `Cache-Control`, the runtime would send `no-cache`, and common frameworks then answer no conditional request with 304.
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

/// The value of `Forwarded` (RFC 7239 §4). A value with a colon needs quotes, and an IPv6 address brackets too.
fn forwarded(incoming: &Incoming<'_>) -> String {
    let client = match incoming.client {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
        None => "unknown".to_owned(),
    };
    format!("for={client};host=\"{}\";proto={}", incoming.host, incoming.scheme)
}
