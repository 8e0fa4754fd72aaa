//! Problem details (`application/problem+json`, RFC 9457), and JSON responses in general.

use http::StatusCode;
use serde::Serialize;

use super::Response;
use crate::codes::Code;
use crate::response::HeaderValue;
use crate::response::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};

/// The members of problem details. `type` is derived from `code`.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'p str>,
}

impl<'p> ProblemDetails<'p> {
    /// Problem details with this status and code. `title` is the same for every occurrence of the code, `detail` describes this
    /// occurrence.
    #[must_use]
    pub fn new(status: StatusCode, code: &'p str, title: &'p str, detail: &'p str) -> Self {
        Self {
            kind: format!("urn:edge-assay:{code}"),
            title,
            status: status.as_u16(),
            code,
            detail,
            claim: None,
            error: None,
        }
    }

    /// Problem details with the status, the name and the title of `code`.
    #[must_use]
    pub fn of(code: &'static Code, detail: &'p str) -> Self {
        Self::new(status_of(code.status()), code.name(), code.title(), detail)
    }

    /// Adds the name of the claim that the problem is about.
    #[must_use]
    pub fn about(mut self, claim: Option<&'p str>) -> Self {
        self.claim = claim;
        self
    }

    /// Adds the error code of RFC 6749 §5.2.
    #[must_use]
    pub fn with_error(mut self, error: &'p str) -> Self {
        self.error = Some(error);
        self
    }

    /// The response with these problem details as its body.
    #[must_use]
    pub fn into_response(self) -> Response {
        with_json(status_of(self.status), "application/problem+json", &self)
    }
}

/// The status with this number.
#[must_use]
pub fn status_of(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The response for a path that no endpoint and no route has.
#[must_use]
pub fn not_found(detail: &str) -> Response {
    ProblemDetails::new(StatusCode::NOT_FOUND, "not_found", "No endpoint or route has this path", detail)
        .into_response()
}

/// The response for a path whose methods are only those in `allow` (RFC 9110 §15.5.6).
#[must_use]
pub fn method_not_allowed(allow: &str, detail: &str) -> Response {
    let title = "The method is not allowed here";
    let mut response =
        ProblemDetails::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", title, detail)
            .into_response();
    if let Some(allow) = HeaderValue::read(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// A response of type `application/json` that must not be stored.
#[must_use]
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    with_json(status, "application/json", body)
}

fn with_json(status: StatusCode, media_type: &'static str, body: &impl Serialize) -> Response {
    // This fails only for maps whose keys are not strings and for `Serialize` implementations that fail; there are none.
    json_text(status, media_type, serde_json::to_vec(body).unwrap_or_default())
}

/// A response with this JSON text that must not be stored.
#[must_use]
pub fn json_text(status: StatusCode, media_type: &'static str, text: Vec<u8>) -> Response {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
