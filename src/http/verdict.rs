//! `GET` and `POST /verify`, and the same verdict on a token that code passes.

use http::StatusCode;
use serde::Serialize;

use super::admission::AdmissionError;
use super::answer::Answer;
use super::application::Application;
use super::problem::json_text;
use super::{Response, challenge, credentials};
use crate::gateway::requirement::Requirement;
use crate::ports::{IncomingRequest, Platform};
use crate::rejection::Rejection;
use crate::verify::{Observed, Verification, VerifiedToken, verify};

/// The verdict on the token of `request`, which must also meet `requirement` if there is one.
pub(super) async fn of_request<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
    requirement: Option<&Requirement>,
) -> Answer {
    of_token(app, platform, credentials::of_request(&app.config, request), requirement, &|| {
        request.header("cf-ray")
    })
    .await
}

/// The verdict on `token`, or the refusal because there is none. `ray` gives the id of the request for the log.
pub(super) async fn of_token<P: Platform>(
    app: &Application,
    platform: &P,
    token: Result<String, Rejection>,
    requirement: Option<&Requirement>,
    ray: &dyn Fn() -> Option<String>,
) -> Answer {
    let surface = &app.config.surface;
    let Ok(terms) = &app.config.terms else {
        return challenge::refuse(&app.config.fault().into(), surface).into();
    };
    let (error, observed, refresh) = match token {
        Err(rejection) => (AdmissionError::Refused(rejection.into()), Observed::default(), None),
        Ok(token) => {
            let verification = verify(terms, &app.keys, platform, &token, platform.now()).await;
            let unmet = |token: &VerifiedToken| requirement.and_then(|one| one.check(token).err());
            let error = match verification.outcome {
                Err(refusal) => AdmissionError::Refused(refusal),
                Ok(token) => match unmet(&token) {
                    None => {
                        let Verification { refresh, grounds, .. } = verification;
                        return Answer { response: accepted(&token), refresh, grounds };
                    }
                    Some(unmet) => unmet.into(),
                },
            };
            (error, verification.observed, verification.refresh)
        }
    };
    error.report(platform, &observed, None, ray().as_deref());
    Answer { response: error.response(surface), refresh, grounds: None }
}

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
    // The text as it was signed, so that no number loses precision.
    verdict.text("claims", claims.raw());
    verdict.text("key", &key_object.close());
    verdict.member("expires_at", &claims.expires_at);
    verdict.member_if_any("not_before", claims.not_before.as_ref());
    verdict.member_if_any("issued_at", claims.issued_at.as_ref());
    json_text(StatusCode::OK, "application/json", verdict.close().into_bytes())
}

/// A JSON object that is written member by member, so that the text of the claims is copied and not parsed again.
#[derive(Default)]
struct Object(String);

impl Object {
    fn with_room_for(bytes: usize) -> Self {
        const REST_BYTES: usize = 512;
        Self(String::with_capacity(bytes.saturating_add(REST_BYTES)))
    }

    /// Writes a member with this JSON text as its value.
    fn text(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        // Strings and numbers can always be serialised.
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
