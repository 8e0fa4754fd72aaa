//! Refusals as `application/problem+json` (RFC 9457), and JSON responses in general.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::Response;

/// A problem's members. `type` is derived from `code`.
#[derive(Debug, Serialize)]
pub struct ProblemDetails<'p> {
    #[serde(rename = "type")]
    kind: String,
    title: &'p str,
    status: u16,
    code: &'p str,
    detail: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<&'p str>,
}

impl<'p> ProblemDetails<'p> {
    /// A problem of this status and code. `title` is the same for every occurrence, `detail` tells of this one.
    #[must_use]
    pub fn new(status: StatusCode, code: &'p str, title: &'p str, detail: &'p str) -> Self {
        Self {
            kind: format!("urn:edge-assay:{code}"),
            title,
            status: status.as_u16(),
            code,
            detail,
            claim: None,
        }
    }

    /// Names the claim that the problem is about.
    #[must_use]
    pub fn about(mut self, claim: Option<&'p str>) -> Self {
        self.claim = claim;
        self
    }

    /// The response that carries it.
    #[must_use]
    pub fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        with_json(status, "application/problem+json", &self)
    }
}

/// Nothing answers here.
#[must_use]
pub fn not_found(detail: &str) -> Response {
    ProblemDetails::new(StatusCode::NOT_FOUND, "not_found", "Nothing is here", detail).into_response()
}

/// Something answers here, to other methods: `allow` (RFC 9110 §15.5.6).
#[must_use]
pub fn method_not_allowed(allow: &str, detail: &str) -> Response {
    let title = "The method is not allowed here";
    let mut response =
        ProblemDetails::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", title, detail)
            .into_response();
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// A response of `application/json`, not to be stored.
#[must_use]
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    with_json(status, "application/json", body)
}

fn with_json(status: StatusCode, media_type: &'static str, body: &impl Serialize) -> Response {
    // Only maps with keys that are not strings, and failing Serialize implementations, fail here; there are none.
    json_text(status, media_type, serde_json::to_vec(body).unwrap_or_default())
}

/// A response of this JSON, not to be stored.
#[must_use]
pub fn json_text(status: StatusCode, media_type: &'static str, text: Vec<u8>) -> Response {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
