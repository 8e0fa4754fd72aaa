//! Cross-origin requests from browsers (Fetch §3.3). Without configured origins nothing here adds a header.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, ORIGIN, VARY,
};
use http::{HeaderValue, Method, StatusCode};

use super::Response;
use crate::config::CorsPolicy;
use crate::limits;
use crate::ports::IncomingRequest;

/// Whether this is a CORS preflight: OPTIONS with both `Origin` and `Access-Control-Request-Method`.
#[must_use]
pub fn is_preflight(request: &impl IncomingRequest) -> bool {
    request.method() == Method::OPTIONS
        && request.header("origin").is_some()
        && request.header("access-control-request-method").is_some()
}

/// The answer to a preflight for an endpoint of these methods. [`allow_origin`] adds whether the origin may.
#[must_use]
pub fn preflight(allow: &HeaderValue) -> Response {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ALLOW, allow.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(limits::CORS_MAX_AGE_SECONDS));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Adds what lets the request's origin read the response, if the policy names that origin.
pub fn allow_origin(policy: Option<&CorsPolicy>, request: &impl IncomingRequest, response: &mut Response) {
    let Some(policy) = policy else { return };
    if response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        // An endpoint that is open to all has said so itself.
        return;
    }
    let anybody = policy.origins.iter().any(|origin| origin == "*");
    let allowed = if anybody {
        Some("*".to_owned())
    } else {
        response.headers_mut().append(VARY, HeaderValue::from(ORIGIN));
        request.header("origin").filter(|origin| policy.origins.contains(origin))
    };
    if let Some(value) = allowed.and_then(|origin| HeaderValue::from_str(&origin).ok()) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
        response
            .headers_mut()
            .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, Retry-After"));
    }
}
