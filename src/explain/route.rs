//! The route's part of an explanation: which route takes the refused request, and whether it accepts the token.
//!
//! It asks the gateway's own rules, in the order in which a live request meets them: the path, the host, the method and the
//! route come before the token, what the route requires comes after it. Nothing is sent to an upstream, and no token is
//! issued.

use http::Method;
use serde_json::{Value, json};

use crate::config::Config;
use crate::exchange::refusal::TokenError;
use crate::gateway::credential;
use crate::gateway::host::Host;
use crate::gateway::path::{Path, PathError, Specials};
use crate::gateway::requirement::Unmet;
use crate::gateway::routes::{Credential, Found, Route};
use crate::ports::Platform;
use crate::rejection::excerpt;
use crate::time::Timestamp;
use crate::verify::VerifiedToken;

/// The request that was refused, as whoever asks tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRequest {
    /// Its method.
    pub method: Method,
    /// Its host, with a port if it had one.
    pub host: String,
    /// Its path, without the query.
    pub path: String,
}

impl RefusedRequest {
    /// Reads what was told. Empty texts count as not told: `None` if all are. `path` may hold a query or be a whole URL; a host
    /// that is not told is the URL's, else `own_host`.
    ///
    /// # Errors
    /// What has to be told in addition.
    pub fn read(
        method: Option<&str>,
        host: Option<&str>,
        path: Option<&str>,
        own_host: &str,
    ) -> Result<Option<Self>, &'static str> {
        let told =
            |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (method, host, path) = (told(method), told(host), told(path));
        let Some(path) = path else {
            return if method.is_none() && host.is_none() {
                Ok(None)
            } else {
                Err("send `path` beside `method` and `host`: the path of the request that was refused")
            };
        };
        let (url_host, path) = match path.split_once("://") {
            Some((_, rest)) => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (host, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (Some(host.to_owned()), if path.is_empty() { "/".to_owned() } else { path.to_owned() })
            }
            None => (None, path),
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
        let method = method.unwrap_or_else(|| "GET".to_owned()).to_ascii_uppercase();
        let method = method.parse().map_err(|_| "send as `method` the name of a method, as in \"GET\"")?;
        let host = host.or(url_host).unwrap_or_else(|| own_host.to_owned());
        Ok(Some(Self { method, host, path }))
    }
}

/// What the routes say of the request, before its token is judged.
#[derive(Debug)]
pub(super) enum Routing<'c> {
    /// Nothing: no routes are configured, and no request was told.
    Absent,
    /// Routes are configured, and no request was told.
    NotTold,
    /// A request was told, and no routes are configured.
    NoRoutes,
    /// An endpoint of the Worker answers the request, not a route.
    Endpoint,
    /// The request is refused whatever its token.
    Barred(Barred),
    /// This route takes it.
    Route(&'c Route),
}

/// Why a request is refused before its token is judged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Barred {
    /// Servers read its path in different ways. With the second value as its `allow_in_path`, the route would take the path; if the
    /// value is empty, no route would.
    Path(PathError, Specials),
    /// Its host could.
    Host,
    /// The routes of its path take other methods: these.
    Method(String),
    /// No route takes its host and path.
    NoRoute,
}

impl Barred {
    /// The code of the live request's refusal.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Path(..) => "path_refused",
            Self::Host => "host_refused",
            Self::Method(_) => "method_not_allowed",
            Self::NoRoute => "not_found",
        }
    }

    fn note(&self) -> String {
        match self {
            Self::Path(error, _) => error.to_string(),
            Self::Host => "the host is no name or address with an optional port".to_owned(),
            Self::Method(allow) => format!("the routes of this path take {allow}"),
            Self::NoRoute => "no route takes this host and path".to_owned(),
        }
    }
}

/// Why a route does not let a good token pass.
#[derive(Debug)]
pub(super) enum Unpassed {
    /// It requires more.
    Unmet(Unmet),
    /// The token cannot be exchanged for the one that the upstream gets.
    Exchange(TokenError),
}

impl Unpassed {
    /// The code of the live request's refusal.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unmet(unmet) => unmet.code(),
            Self::Exchange(error) => error.code(),
        }
    }

    fn note(&self) -> String {
        match self {
            Self::Unmet(unmet) => unmet.to_string(),
            Self::Exchange(error) => error.to_string(),
        }
    }
}

/// What the routes say of the request.
pub(super) fn find<'c>(config: &'c Config, request: Option<&RefusedRequest>) -> Routing<'c> {
    let (gateway, request) = match (&config.gateway, request) {
        (None, None) => return Routing::Absent,
        (None, Some(_)) => return Routing::NoRoutes,
        (Some(_), None) => return Routing::NotTold,
        (Some(gateway), Some(request)) => (gateway, request),
    };
    if config.endpoints().find(&request.path).is_some() {
        return Routing::Endpoint;
    }
    let path = match Path::normalise(&request.path) {
        Ok(path) => path,
        Err(error) => return Routing::Barred(Barred::Path(error, Specials::default())),
    };
    let Some(host) = Host::parse(&request.host) else { return Routing::Barred(Barred::Host) };
    match gateway.routes.find(&host, &path, &request.method) {
        Found::Route(route) => Routing::Route(route),
        Found::Nothing => Routing::Barred(Barred::NoRoute),
        Found::OtherMethods(allow) => Routing::Barred(Barred::Method(allow)),
        Found::Refused(error, allow) => Routing::Barred(Barred::Path(error, allow)),
    }
}

/// Why `route` does not let `token` pass, if it does not.
pub(super) async fn judge<P: Platform>(
    config: &Config,
    platform: &P,
    route: &Route,
    token: &VerifiedToken,
    now: Timestamp,
) -> Option<Unpassed> {
    if let Err(unmet) = route.check(token) {
        return Some(Unpassed::Unmet(unmet));
    }
    let (Credential::Exchange(audience), Some(exchange)) = (&route.credential, &config.exchange) else {
        return None;
    };
    credential::exchangeable(exchange, platform, audience, token, now).await.err().map(Unpassed::Exchange)
}

/// The evidence of the step `route`.
pub(super) fn evidence(
    routing: &Routing<'_>,
    request: Option<&RefusedRequest>,
    unpassed: Option<&Unpassed>,
) -> Value {
    let mut evidence = json!({});
    let Some(members) = evidence.as_object_mut() else { return evidence };
    if let Some(request) = request {
        members.insert("method".to_owned(), json!(request.method.as_str()));
        members.insert("host".to_owned(), json!(excerpt(&request.host)));
        members.insert("path".to_owned(), json!(excerpt(&request.path)));
    }
    let note = match (routing, unpassed) {
        (Routing::Barred(barred), _) => barred.note(),
        (Routing::Route(_), Some(unpassed)) => unpassed.note(),
        (Routing::Route(route), None) if route.public => format!("{} is public", route.name),
        (Routing::Route(route), None) => format!("{} takes the request", route.name),
        _ => return evidence,
    };
    members.insert("note".to_owned(), json!(note));
    let Routing::Route(route) = routing else { return evidence };
    members.insert("route".to_owned(), json!(route.name));
    if let Some(issuers) = &route.require.issuers {
        members.insert("issuers".to_owned(), json!(issuers));
    }
    if !route.require.scopes.is_empty() {
        members.insert("scopes".to_owned(), json!(route.require.scopes));
    }
    let conditions: Vec<String> = route
        .require
        .claims
        .iter()
        .map(|condition| format!("{} {}", condition.claim.as_str(), condition.test.name()))
        .collect();
    if !conditions.is_empty() {
        members.insert("conditions".to_owned(), json!(conditions));
    }
    let required: Vec<&str> = route
        .headers
        .iter()
        .filter(|header| header.is_required)
        .map(|header| header.claim.as_str())
        .collect();
    if !required.is_empty() {
        members.insert("required_by_headers".to_owned(), json!(required));
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_from_a_path_or_a_url() {
        let read = |method, host, path| RefusedRequest::read(method, host, path, "own.example").unwrap();
        let told = |method: Method, host: &str, path: &str| {
            Some(RefusedRequest { method, host: host.to_owned(), path: path.to_owned() })
        };
        assert_eq!(read(Some(""), None, Some(" ")), None);
        assert_eq!(read(None, None, Some("/a?b=c")), told(Method::GET, "own.example", "/a"));
        assert_eq!(read(Some("post"), Some("x.example"), Some("/a")), told(Method::POST, "x.example", "/a"));
        assert_eq!(
            read(None, None, Some("https://x.example:8443/a?b")),
            told(Method::GET, "x.example:8443", "/a")
        );
        assert_eq!(read(None, None, Some("https://x.example")), told(Method::GET, "x.example", "/"));
        assert!(RefusedRequest::read(Some("GET"), None, None, "own.example").is_err());
        assert!(RefusedRequest::read(Some("G T"), None, Some("/"), "own.example").is_err());
    }
}
