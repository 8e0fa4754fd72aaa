//! Which route takes the refused request, and whether it accepts the token.
//!
//! It applies the gateway's own rules in the order of a live request: path, host, method and route before the token, the
//! route's requirements after it. It sends nothing to an upstream and issues no token.

use http::Method;
use serde_json::Value;

use crate::config::Config;
use crate::exchange::refusal::TokenError;
use crate::gateway::credential;
use crate::gateway::host::Host;
use crate::gateway::path::{Path, PathError, Specials};
use crate::gateway::requirement::RequirementError;
use crate::gateway::routes::{Credential, Found, Route, USUAL_METHODS, is_never_routed};
use crate::keys::url;
use crate::members::{json, put};
use crate::ports::Platform;
use crate::rejection::excerpt;
use crate::time::Timestamp;
use crate::verify::VerifiedToken;

/// The request that was refused, as the caller describes it.
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
    /// Reads the description. An empty text counts as absent; `None` if all are absent. `path` may have a query or be a whole URL.
    /// Without `host`, the host is the URL's, or else `own_host`.
    ///
    /// # Errors
    /// Says what to send instead.
    pub fn read(
        method: Option<&str>,
        host: Option<&str>,
        path: Option<&str>,
        own_host: &str,
    ) -> Result<Option<Self>, &'static str> {
        let given =
            |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (method, host, path) = (given(method), given(host), given(path));
        let Some(path) = path else {
            return if method.is_none() && host.is_none() {
                Ok(None)
            } else {
                Err(
                    "send `path` too, the path of the refused request: `method` and `host` mean nothing without it",
                )
            };
        };
        let (url_host, path) = match url::Parts::of(&path) {
            Some(url) => {
                let path = if url.target.starts_with('/') { url.target } else { "/" };
                (Some(url.authority.to_owned()), path.to_owned())
            }
            None => (None, path),
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
        let method = method.unwrap_or_else(|| "GET".to_owned()).to_ascii_uppercase();
        let method = method.parse().map_err(|_| "`method` is not the name of a method, such as \"GET\"")?;
        let host = host.or(url_host).unwrap_or_else(|| own_host.to_owned());
        Ok(Some(Self { method, host, path }))
    }
}

/// Which route takes the request, before its token is verified.
#[derive(Debug)]
pub(super) enum Routing<'c> {
    /// No routes are configured, and no request was described.
    Absent,
    /// Routes are configured, and no request was described.
    NotTold,
    /// A request was described, and no routes are configured.
    NoRoutes,
    /// An endpoint of the Worker answers the request, not a route.
    Endpoint,
    /// The request is refused, with any token.
    Refused(RoutingError<'c>),
    /// OPTIONS without a token, taken for a CORS preflight to this route, which is not public or has `cors`.
    Preflight(&'c Route),
    /// This route takes the request.
    Route(&'c Route),
}

impl<'c> Routing<'c> {
    /// The route whose rules apply to the request.
    pub(super) fn route(&self) -> Option<&'c Route> {
        match self {
            Self::Route(route) | Self::Preflight(route) => Some(route),
            Self::Absent | Self::NotTold | Self::NoRoutes | Self::Endpoint | Self::Refused(_) => None,
        }
    }
}

/// Why a request is refused before its token is verified.
#[derive(Debug, PartialEq)]
pub(super) enum RoutingError<'c> {
    /// Servers could read its path in different ways.
    ///
    /// With this value as its `allow_in_path`, this route would take the path.
    Path(PathError, Option<(&'c Route, Specials)>),
    /// Servers could read its host in different ways.
    Host,
    /// The routes of its path take only other methods.
    Method {
        /// The methods that they take.
        allow: String,
        /// The first of the routes; `None` if no route may take the request's method.
        route: Option<&'c Route>,
    },
    /// No route takes its host and path.
    NoRoute,
}

impl RoutingError<'_> {
    /// The code with which a live request is refused.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Path(..) => "path_refused",
            Self::Host => "host_refused",
            Self::Method { .. } => "method_not_allowed",
            Self::NoRoute => "not_found",
        }
    }

    fn note(&self) -> String {
        match self {
            Self::Path(error, _) => error.to_string(),
            Self::Host => "the host is not a name or an address with an optional port".to_owned(),
            Self::Method { allow, .. } => format!("the routes of this path take {allow}"),
            Self::NoRoute => "no route takes this host and path".to_owned(),
        }
    }
}

/// Why a route does not accept a good token.
#[derive(Debug)]
pub(super) enum RouteError {
    /// The token does not meet a requirement of the route.
    Requirement(RequirementError),
    /// The exchange does not issue the token that the upstream gets.
    Exchange(TokenError),
}

impl RouteError {
    /// The code with which a live request is refused.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Requirement(unmet) => unmet.code(),
            Self::Exchange(error) => error.code(),
        }
    }

    fn note(&self) -> String {
        match self {
            Self::Requirement(unmet) => unmet.to_string(),
            Self::Exchange(error) => error.to_string(),
        }
    }
}

/// Which route takes the request.
pub(super) fn find<'c>(
    config: &'c Config,
    request: Option<&RefusedRequest>,
    is_without_token: bool,
) -> Routing<'c> {
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
        Err(error) => return Routing::Refused(RoutingError::Path(error, None)),
    };
    let Some(host) = Host::parse(&request.host) else { return Routing::Refused(RoutingError::Host) };
    if is_never_routed(&request.method) {
        return Routing::Refused(RoutingError::Method { allow: USUAL_METHODS.to_owned(), route: None });
    }
    let routing = match gateway.routes.find(&host, &path, &request.method) {
        Found::Route(route) => Routing::Route(route),
        Found::Nothing => Routing::Refused(RoutingError::NoRoute),
        Found::OtherMethods(allow, route) => {
            Routing::Refused(RoutingError::Method { allow, route: Some(route) })
        }
        Found::Refused(error, allow) => Routing::Refused(RoutingError::Path(error, allow)),
    };
    let may_be_preflight = is_without_token && request.method == Method::OPTIONS;
    match routing {
        Routing::Route(route) if may_be_preflight && (route.cors.is_some() || !route.public) => {
            Routing::Preflight(route)
        }
        Routing::Refused(RoutingError::Method { route: Some(route), .. })
            if may_be_preflight && route.cors.is_some() =>
        {
            Routing::Preflight(route)
        }
        other => other,
    }
}

/// Why `route` does not accept `token`; `None` if it does.
pub(super) async fn check_token<P: Platform>(
    config: &Config,
    platform: &P,
    route: &Route,
    token: &VerifiedToken,
    now: Timestamp,
) -> Option<RouteError> {
    if let Err(unmet) = route.check(token) {
        return Some(RouteError::Requirement(unmet));
    }
    let (Credential::Exchange(audience), Some(exchange)) = (&route.credential, &config.exchange) else {
        return None;
    };
    if let Err(error) = credential::exchangeable(exchange, platform, audience, token, now).await {
        return Some(RouteError::Exchange(error));
    }
    // No token is signed here, but a live request needs a key that is active now.
    let target = exchange.targets.iter().find(|target| target.audience == *audience)?;
    let signer = exchange.keys().and_then(|ring| ring.signer_or_fault(&target.series(), now));
    signer.err().map(|fault| RouteError::Exchange(fault.into()))
}

/// The evidence of the step `route`.
pub(super) fn evidence(
    routing: &Routing<'_>,
    request: Option<&RefusedRequest>,
    route_error: Option<&RouteError>,
) -> Value {
    let mut evidence = json!({});
    let Some(members) = evidence.as_object_mut() else { return evidence };
    if let Some(request) = request {
        put(members, "method", json!(request.method.as_str()));
        put(members, "host", json!(excerpt(&request.host)));
        put(members, "path", json!(excerpt(&request.path)));
    }
    let note = match (routing, route_error) {
        (Routing::Refused(error), _) => error.note(),
        (Routing::Preflight(route), _) if route.cors.is_some() => {
            format!("{} answers preflights itself", route.name)
        }
        (Routing::Preflight(route), _) => format!("{} has no `cors`", route.name),
        (Routing::Route(_), Some(error)) => error.note(),
        (Routing::Route(route), None) if route.public => format!("{} is public", route.name),
        (Routing::Route(route), None) => format!("{} takes the request", route.name),
        _ => return evidence,
    };
    put(members, "note", json!(note));
    let (Routing::Route(route) | Routing::Preflight(route)) = routing else { return evidence };
    put(members, "route", json!(route.name));
    if !route.credentials.is_default() {
        let places: Vec<String> = route.credentials.iter().map(ToString::to_string).collect();
        put(members, "credentials", json!(places));
    }
    if let Some(issuers) = &route.require.issuers {
        put(members, "issuers", json!(issuers));
    }
    if !route.require.scopes.is_empty() {
        put(members, "scopes", json!(route.require.scopes));
    }
    let conditions: Vec<String> = route
        .require
        .claims
        .iter()
        .map(|condition| format!("{} {}", condition.about, condition.test.name()))
        .collect();
    if !conditions.is_empty() {
        put(members, "conditions", json!(conditions));
    }
    let required: Vec<&str> = route
        .headers
        .iter()
        .filter(|header| header.is_required)
        .map(|header| header.claim.as_str())
        .collect();
    if !required.is_empty() {
        put(members, "required_by_headers", json!(required));
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_from_a_path_or_a_url() {
        let read = |method, host, path| RefusedRequest::read(method, host, path, "own.example").unwrap();
        let expected = |method: Method, host: &str, path: &str| {
            Some(RefusedRequest { method, host: host.to_owned(), path: path.to_owned() })
        };
        assert_eq!(read(Some(""), None, Some(" ")), None);
        assert_eq!(read(None, None, Some("/a?b=c")), expected(Method::GET, "own.example", "/a"));
        assert_eq!(
            read(Some("post"), Some("x.example"), Some("/a")),
            expected(Method::POST, "x.example", "/a")
        );
        assert_eq!(
            read(None, None, Some("https://x.example:8443/a?b")),
            expected(Method::GET, "x.example:8443", "/a")
        );
        assert_eq!(read(None, None, Some("https://x.example")), expected(Method::GET, "x.example", "/"));
        assert!(RefusedRequest::read(Some("GET"), None, None, "own.example").is_err());
        assert!(RefusedRequest::read(Some("G T"), None, Some("/"), "own.example").is_err());
    }
}
