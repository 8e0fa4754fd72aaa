//! A refusal on the wire: status, `WWW-Authenticate` (RFC 6750 §3) and problem details (RFC 9457).

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use super::Response;
use super::problem::ProblemDetails;
use crate::rejection::{Fault, Refusal, Rejection};

/// The response to a request that was refused.
#[must_use]
pub fn refuse(refusal: &Refusal, realm: &str) -> Response {
    match refusal {
        Refusal::Rejection(rejection) => reject(rejection, realm, bearer_error(rejection).0),
        Refusal::Fault(fault) => report(fault, StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The same for who understands 401 and 403 alone: a malformed request is 401, and what cannot be judged now 403.
#[must_use]
pub fn refuse_narrowly(refusal: &Refusal, realm: &str) -> Response {
    match refusal {
        Refusal::Rejection(rejection) => {
            let status = match bearer_error(rejection).0 {
                StatusCode::FORBIDDEN => StatusCode::FORBIDDEN,
                _ => StatusCode::UNAUTHORIZED,
            };
            reject(rejection, realm, status)
        }
        Refusal::Fault(fault) => report(fault, StatusCode::FORBIDDEN),
    }
}

/// The response to a request whose token is good, and not good for what it asks: RFC 6750 has one error for all of these.
#[must_use]
pub fn forbid(code: &str, detail: &str, realm: &str) -> Response {
    let title = "The token is not accepted for this";
    let mut response = ProblemDetails::new(StatusCode::FORBIDDEN, code, title, detail).into_response();
    let challenge = format!(
        "Bearer realm=\"{realm}\", error=\"insufficient_scope\", error_description=\"{}\"",
        quotable(detail)
    );
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

/// The status that a rejection earns, and the RFC 6750 error code that goes with it. A request without credentials
/// earns none (§3.1).
#[must_use]
pub fn bearer_error(rejection: &Rejection) -> (StatusCode, Option<&'static str>) {
    match rejection {
        Rejection::TokenMissing(_) => (StatusCode::UNAUTHORIZED, None),
        Rejection::RequestAmbiguous(_) => (StatusCode::BAD_REQUEST, Some("invalid_request")),
        Rejection::ScopeInsufficient { .. } => (StatusCode::FORBIDDEN, Some("insufficient_scope")),
        _ => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
    }
}

fn reject(rejection: &Rejection, realm: &str, status: StatusCode) -> Response {
    let (_, error) = bearer_error(rejection);
    let detail = rejection.to_string();
    let mut response = ProblemDetails::new(status, rejection.code(), rejection.title(), &detail)
        .about(rejection.claim())
        .into_response();

    let mut challenge = vec![format!("Bearer realm=\"{realm}\"")];
    if let Some(error) = error {
        challenge.push(format!("error=\"{error}\""));
        challenge.push(format!("error_description=\"{}\"", quotable(&detail)));
    }
    if let Rejection::ScopeInsufficient { required, .. } = rejection {
        challenge.push(format!("scope=\"{}\"", quotable(&required.join(" "))));
    }
    if let Ok(value) = HeaderValue::from_str(&challenge.join(", ")) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

fn report(fault: &Fault, status: StatusCode) -> Response {
    let detail = fault.public_detail();
    let mut response = ProblemDetails::new(status, fault.code(), fault.title(), &detail).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(fault.retry_after_seconds()));
    response
}

/// `text` with every character that RFC 6750 §3 forbids in `error_description` and `scope` replaced; RFC 6749 §5.2 forbids
/// the same.
pub(super) fn quotable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '`' => '\'',
            ' '..='~' if c != '\\' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::Missing;

    fn challenge_of(response: &Response) -> &str {
        response.headers()[WWW_AUTHENTICATE].to_str().unwrap()
    }

    #[test]
    fn without_credentials_the_challenge_carries_no_error() {
        let response = refuse(&Rejection::TokenMissing(Missing::NoCredentials).into(), "api");
        assert_eq!(response.status(), 401);
        assert_eq!(challenge_of(&response), "Bearer realm=\"api\"");
    }

    #[test]
    fn text_from_a_token_cannot_break_out_of_the_challenge() {
        let issuer = "x\", error=\"none\\\u{fffd}".to_owned();
        let response = refuse(&Rejection::IssuerUnknown { issuer }.into(), "api");
        let description = challenge_of(&response).split("error_description=").nth(1).unwrap();
        assert_eq!(description.matches('"').count(), 2);
        assert!(!description.contains('\\'));
    }

    #[test]
    fn a_lacking_scope_is_403_and_names_all_that_is_required() {
        let rejection = Rejection::ScopeInsufficient {
            required: vec!["a".to_owned(), "b".to_owned()],
            missing: vec!["b".to_owned()],
        };
        let response = refuse(&rejection.into(), "api");
        assert_eq!(response.status(), 403);
        assert!(challenge_of(&response).contains("error=\"insufficient_scope\""));
        assert!(challenge_of(&response).ends_with("scope=\"a b\""));
    }

    #[test]
    fn a_fault_is_503_with_retry_after_and_no_challenge() {
        let fault = Fault::JwksUnavailable {
            issuer: "i".to_owned(),
            reason: "down".to_owned(),
            retry_after_seconds: 7,
        };
        let response = refuse(&fault.into(), "api");
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "7");
        assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
    }
}
