//! Cross-origin requests from browsers (Fetch §3.3). Without configured origins no header is added.

use http::{Method, StatusCode};

use super::Response;
use crate::config::CorsPolicy;
use crate::gateway::routes::{Route, RouteCors};
use crate::limits;
use crate::ports::{Amendment, IncomingRequest};
use crate::response::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, VARY,
};
use crate::response::{HeaderName, HeaderValue};

/// Whether this is a CORS preflight: OPTIONS with both `Origin` and `Access-Control-Request-Method`.
#[must_use]
pub fn is_preflight(request: &impl IncomingRequest) -> bool {
    request.method() == Method::OPTIONS
        && request.header("origin").is_some()
        && request.header("access-control-request-method").is_some()
}

/// The answer to a preflight for an endpoint with these methods. [`allow_origin`] adds the origin if it is allowed.
#[must_use]
pub fn preflight(allow: HeaderValue) -> Response {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ALLOW, allow.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allow);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(limits::CORS_MAX_AGE_SECONDS));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Adds the headers that let the request's origin read the response, if the policy lists that origin.
pub fn allow_origin(policy: Option<&CorsPolicy>, request: &impl IncomingRequest, response: &mut Response) {
    let Some(policy) = policy else { return };
    if response.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN.as_str()).is_some() {
        // An endpoint that is open to all origins has set it.
        return;
    }
    let is_for_all = policy.origins.iter().any(|origin| origin == "*");
    let allowed = if is_for_all {
        Some("*".to_owned())
    } else {
        response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
        request.header("origin").filter(|origin| policy.origins.contains(origin))
    };
    if let Some(value) = allowed.and_then(|origin| HeaderValue::read(&origin)) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
        response
            .headers_mut()
            .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, Retry-After"));
    }
}

/// The origins whose pages may use the user's cookies on a route: those whose scripts may call it.
#[must_use]
pub fn origins_of(route: &Route) -> &[String] {
    route.cors.as_ref().map_or(&[], |policy| policy.origins.as_slice())
}

/// The changes to an answer's headers that let scripts of `origin` read it if the policy lists that origin. The upstream's own
/// permissions are removed.
#[must_use]
pub fn route_amendment(policy: &RouteCors, origin: Option<&str>) -> Amendment {
    let is_for_all = policy.origins.iter().any(|one| one == "*");
    let allowed = if is_for_all {
        Some("*".to_owned())
    } else {
        origin.filter(|origin| policy.origins.iter().any(|one| one == origin)).map(str::to_owned)
    };
    let mut set = Vec::new();
    if let Some(origin) = allowed {
        set.push(("access-control-allow-origin", origin));
        if policy.credentials {
            set.push(("access-control-allow-credentials", "true".to_owned()));
        }
    }
    let append = if is_for_all {
        vec![("access-control-expose-headers", "WWW-Authenticate, Retry-After")]
    } else {
        vec![("vary", "Origin"), ("access-control-expose-headers", "WWW-Authenticate, Retry-After")]
    };
    Amendment { remove: &["access-control-allow-origin", "access-control-allow-credentials"], set, append }
}

/// Applies the changes of [`route_amendment`] to the Worker's own response.
pub fn amend(response: &mut Response, amendment: Amendment) {
    let headers = response.headers_mut();
    for (name, value) in amendment.set {
        if let Some(value) = HeaderValue::read(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    for (name, value) in amendment.append {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// The answer to a preflight for a route with this policy.
#[must_use]
pub fn route_preflight(policy: &RouteCors, request: &impl IncomingRequest) -> Response {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let amendment = route_amendment(policy, request.header("origin").as_deref());
    let is_allowed = !amendment.set.is_empty();
    amend(&mut response, amendment);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(
        VARY,
        HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers"),
    );
    if !is_allowed {
        return response;
    }
    // Every method and header is allowed: the API decides which it accepts.
    for (asked, allowed) in [
        ("access-control-request-method", ACCESS_CONTROL_ALLOW_METHODS),
        ("access-control-request-headers", ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        let value = request.header(asked).filter(|list| list.len() <= limits::MAX_PREFLIGHT_HEADERS_BYTES);
        if let Some(value) = value.and_then(|list| HeaderValue::read(&list)) {
            headers.insert(allowed, value);
        }
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(limits::CORS_MAX_AGE_SECONDS));
    response
}
