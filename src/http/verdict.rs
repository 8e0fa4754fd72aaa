//! `GET` and `POST /verify`: the verdict on the request's Bearer token.

use http::StatusCode;
use serde::Serialize;

use super::Response;
use super::problem::json_text;
use crate::verify::VerifiedToken;

/// The response for a token that verified.
#[must_use]
pub fn accepted(token: &VerifiedToken) -> Response {
    let (claims, key) = (token.claims(), token.key());
    let mut key_object = Object::default();
    key_object.member("alg", key.algorithm.name());
    key_object.member_if_any("kid", key.kid.as_ref());
    key_object.member_if_any("thumbprint", key.thumbprint.as_ref());

    let mut verdict = Object::with_room_for(claims.raw().len());
    verdict.member("issuer", token.issuer());
    verdict.member("subject", &claims.subject);
    // As it was signed, so that no number loses a digit on its way through here.
    verdict.text("claims", claims.raw());
    verdict.text("key", &key_object.close());
    verdict.member("expires_at", &claims.expires_at);
    verdict.member_if_any("not_before", claims.not_before.as_ref());
    verdict.member_if_any("issued_at", claims.issued_at.as_ref());
    json_text(StatusCode::OK, "application/json", verdict.close().into_bytes())
}

/// A JSON object, written member by member: the claims are JSON already, and are not to be read again to be written.
#[derive(Default)]
struct Object(String);

impl Object {
    fn with_room_for(bytes: usize) -> Self {
        const REST_BYTES: usize = 512;
        Self(String::with_capacity(bytes.saturating_add(REST_BYTES)))
    }

    /// A member whose value is this JSON text.
    fn text(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        // Texts and numbers always have a spelling.
        self.text(name, &serde_json::to_string(value).unwrap_or_default());
    }

    fn member_if_any<T: Serialize>(&mut self, name: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.member(name, value);
        }
    }

    fn close(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
