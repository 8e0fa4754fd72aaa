//! `GET /openapi.json`: what answers where, for programs (`OpenAPI` 3.1). The text is a file; only the prefix is filled in.

use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::Response;

/// The document for endpoints below `prefix`.
#[must_use]
pub fn document(prefix: &str) -> Response {
    let text = include_str!("openapi.json")
        .replace("$PREFIX", prefix)
        .replace("$VERSION", env!("CARGO_PKG_VERSION"));
    let mut response = Response::new(text.into_bytes());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
