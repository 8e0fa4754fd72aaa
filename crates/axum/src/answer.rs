//! The answer to a request that is refused: status, challenge (RFC 6750 §3) and problem details (RFC 9457), or gRPC's status.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use axum_core::body::Body;
use axum_core::response::IntoResponse;
use bytes::Bytes;
use edge_assay_verifier::Refusal;
use edge_assay_verifier::challenge::challenge;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

/// Why a request is refused, and the realm of the challenge. As a response it is 400, 401, 403 or 503.
///
/// | status | when | headers |
/// | --- | --- | --- |
/// | 400 | the request has several credentials, or a malformed `Authorization` header | `WWW-Authenticate` with `error="invalid_request"` |
/// | 401 | there is no token | `WWW-Authenticate` without `error` (RFC 6750 §3.1) |
/// | 401 | the token is not accepted | `WWW-Authenticate` with `error="invalid_token"` |
/// | 403 | the token lacks a scope | `WWW-Authenticate` with `error="insufficient_scope"` and the scopes |
/// | 503 | the issuer's keys are not available | `Retry-After` |
///
/// The body is `application/problem+json` with a stable `code`. It shows nothing of the token but its `iss`, `kid` and `alg`. Every
/// response has `Cache-Control: no-store`.
#[derive(Clone, Debug)]
pub struct Refused {
    reason: Reason,
    realm: Arc<str>,
}

#[derive(Clone, Debug)]
enum Reason {
    Refusal(Refusal),
    /// The token is good, but its claims do not have the form of the application's type.
    Claims,
}

/// What [`Reason::Claims`] says in detail. It names no claim, because serde's error quotes the value.
const CLAIMS_DETAIL: &str = "a claim of the token does not have the type that this API expects";

impl Refused {
    pub(crate) fn new(refusal: impl Into<Refusal>, realm: &Arc<str>) -> Self {
        Self { reason: Reason::Refusal(refusal.into()), realm: Arc::clone(realm) }.logged()
    }

    pub(crate) fn claims(realm: &Arc<str>) -> Self {
        Self { reason: Reason::Claims, realm: Arc::clone(realm) }.logged()
    }

    /// Notes the refusal in the log. Each is made here, so each is noted once.
    fn logged(self) -> Self {
        let code = self.code();
        if let Some(Refusal::Fault(fault)) = self.refusal() {
            tracing::warn!(target: "edge_assay", code, "token_not_verified: {fault}");
        } else {
            tracing::debug!(target: "edge_assay", code, "token_refused: {self}");
        }
        self
    }

    /// The verifier's reason; `None` if the token is good, but a claim does not have the type that the application expects.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.reason {
            Reason::Refusal(refusal) => Some(refusal),
            Reason::Claims => None,
        }
    }

    /// The stable code of the reason, as in `token_expired`. It is one of the verifier's, or `claim_type_unexpected`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.refusal().map_or("claim_type_unexpected", Refusal::code)
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        let status = self.refusal().map_or(401, Refusal::status);
        StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// The response, for a service that is not axum's.
    #[must_use]
    pub fn to_http(&self) -> Response<Bytes> {
        let details = ProblemDetails {
            kind: format!("urn:edge-assay:{}", self.code()),
            title: self.refusal().map_or("A claim has an unexpected type", Refusal::title),
            status: self.status().as_u16(),
            code: self.code(),
            detail: self.to_string(),
            claim: match self.refusal() {
                Some(Refusal::Rejection(rejection)) => rejection.claim(),
                _ => None,
            },
        };
        // Strings and numbers can always be serialised.
        let mut response = Response::new(Bytes::from(serde_json::to_vec(&details).unwrap_or_default()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        self.add_headers(headers);
        response
    }

    /// The same for a call of gRPC: status 200 and no body, the outcome in `grpc-status` and `grpc-message` (a *trailers-only* response).
    ///
    /// A refused token is `UNAUTHENTICATED` (16), a lacking scope `PERMISSION_DENIED` (7), and keys that are not available `UNAVAILABLE` (14),
    /// which clients may try again.
    #[must_use]
    pub fn to_grpc(&self) -> Response<Bytes> {
        let status = match self.status() {
            StatusCode::FORBIDDEN => "7",
            StatusCode::SERVICE_UNAVAILABLE => "14",
            _ => "16",
        };
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static(status));
        let message = format!("{}: {self}", self.code());
        if let Ok(message) = HeaderValue::from_str(&percent_encoded(&message)) {
            headers.insert(HeaderName::from_static("grpc-message"), message);
        }
        self.add_headers(headers);
        response
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge().and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.refusal().and_then(Refusal::retry_after_seconds) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }

    fn challenge(&self) -> Option<String> {
        let realm = &self.realm;
        match &self.reason {
            Reason::Refusal(Refusal::Rejection(rejection)) => {
                Some(challenge(rejection, realm, &rejection.to_string()))
            }
            Reason::Refusal(Refusal::Fault(_)) => None,
            Reason::Claims => Some(format!(
                "Bearer realm=\"{realm}\", error=\"invalid_token\", error_description=\"{CLAIMS_DETAIL}\""
            )),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusal() {
            Some(refusal) => formatter.write_str(&refusal.public_detail()),
            None => formatter.write_str(CLAIMS_DETAIL),
        }
    }
}

impl Error for Refused {}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        self.to_http().map(Body::from)
    }
}

/// The members of problem details (RFC 9457 §3.1).
#[derive(Serialize)]
struct ProblemDetails<'p> {
    #[serde(rename = "type")]
    kind: String,
    title: &'p str,
    status: u16,
    code: &'p str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<&'p str>,
}

/// `text` as gRPC writes messages: bytes that are not visible ASCII or a space, and `%`, as `%` and two hexadecimal digits.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_grpc_is_ascii() {
        assert_eq!(percent_encoded("a \u{fc} 100%\n"), "a %C3%BC 100%25%0A");
    }
}
