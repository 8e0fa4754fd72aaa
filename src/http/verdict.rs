//! `GET` and `POST /verify`: the verdict on the request's Bearer token.

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Response;
use super::problem::json;
use crate::time::Timestamp;
use crate::verify::VerifiedToken;

#[derive(Serialize)]
struct Verdict<'v> {
    issuer: &'v str,
    subject: Option<&'v str>,
    /// The payload as it was signed, so that no number loses a digit on its way through here.
    claims: Option<&'v RawValue>,
    key: Key<'v>,
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Key<'v> {
    alg: &'v str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'v str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbprint: Option<&'v str>,
}

/// The response for a token that verified.
#[must_use]
pub fn accepted(token: &VerifiedToken) -> Response {
    let claims = token.claims();
    let key = token.key();
    json(
        StatusCode::OK,
        &Verdict {
            issuer: token.issuer(),
            subject: claims.subject.as_deref(),
            claims: serde_json::from_str(claims.raw()).ok(),
            key: Key {
                alg: key.algorithm.name(),
                kid: key.kid.as_deref(),
                thumbprint: key.thumbprint.as_deref(),
            },
            expires_at: claims.expires_at,
            not_before: claims.not_before,
            issued_at: claims.issued_at,
        },
    )
}
