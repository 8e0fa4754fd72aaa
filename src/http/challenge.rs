//! The response to a refused request: status, `WWW-Authenticate` (RFC 6750 §3) and problem details (RFC 9457).

use edge_assay_verifier::challenge::{challenge, quotable};
use http::StatusCode;

use super::Response;
use super::problem::{ProblemDetails, status_of};
use crate::config::Surface;
use crate::details;
use crate::rejection::{Fault, Refusal, Rejection};
use crate::response::HeaderValue;
use crate::response::header::{RETRY_AFTER, WWW_AUTHENTICATE};

/// The response to a request that is refused.
#[must_use]
pub fn refuse(refusal: &Refusal, surface: &Surface) -> Response {
    match refusal {
        Refusal::Rejection(rejection) => reject(rejection, &surface.realm, status_of(rejection.status())),
        Refusal::Fault(fault) => report(fault, &surface.prefix, StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The same for proxies that take only 401 and 403 as a refusal: 401 in place of 400, and 403 in place of 503.
#[must_use]
pub fn refuse_narrowly(refusal: &Refusal, surface: &Surface) -> Response {
    match refusal {
        Refusal::Rejection(rejection) => {
            let status = match status_of(rejection.status()) {
                StatusCode::FORBIDDEN => StatusCode::FORBIDDEN,
                _ => StatusCode::UNAUTHORIZED,
            };
            reject(rejection, &surface.realm, status)
        }
        Refusal::Fault(fault) => report(fault, &surface.prefix, StatusCode::FORBIDDEN),
    }
}

/// The 403 for a token that verifies and does not suffice for the request. RFC 6750 §3.1 has one error for all such cases:
/// `insufficient_scope`.
#[must_use]
pub fn forbid(code: &str, detail: &str, surface: &Surface) -> Response {
    let title = "The token is not accepted for this";
    let mut response = ProblemDetails::new(StatusCode::FORBIDDEN, code, title, detail).into_response();
    let challenge = format!(
        "Bearer realm=\"{}\", error=\"insufficient_scope\", error_description=\"{}\"",
        surface.realm,
        quotable(detail)
    );
    if let Some(value) = HeaderValue::read(&challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

fn reject(rejection: &Rejection, realm: &str, status: StatusCode) -> Response {
    let detail = details::of_rejection(rejection);
    let mut response = ProblemDetails::new(status, rejection.code(), rejection.title(), &detail)
        .about(rejection.claim())
        .into_response();

    if let Some(value) = HeaderValue::read(&challenge(rejection, realm, &detail)) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

fn report(fault: &Fault, prefix: &str, status: StatusCode) -> Response {
    let detail = details::of_fault(fault, prefix);
    let mut response = ProblemDetails::new(status, fault.code(), fault.title(), &detail).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(fault.retry_after_seconds()));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DetailsAccess;
    use crate::rejection::Missing;

    fn surface() -> Surface {
        let (prefix, realm) = ("/_assay".to_owned(), "api".to_owned());
        Surface { prefix, realm, cors: None, details: DetailsAccess::Key }
    }

    #[test]
    fn typographic_characters_get_their_ascii_form_in_headers() {
        for (text, expected) in [
            ("RFC 6749 §5.2", "RFC 6749 section 5.2"),
            ("eyJ…", "eyJ..."),
            ("‘a’ ‚b‛ “c” „d‟ «e» ‹f›", "'a' 'b' 'c' 'd' 'e' 'f'"),
            ("a–b—c‑d−e", "a-b-c-d-e"),
            ("10\u{a0}s\u{202f}ago", "10 s ago"),
            ("a → b", "a -> b"),
            ("\"a\" `b` \\", "'a' 'b' ?"),
            ("é日\u{200b}\r\n\u{7f}", "??????"),
        ] {
            assert_eq!(quotable(text), expected, "{text}");
        }
    }

    #[test]
    fn a_missing_secret_is_reported_with_the_path_of_readyz_and_without_its_name() {
        let fault = Fault::SecretMissing { binding: "SUPABASE".to_owned(), reason: "not bound".to_owned() };
        let response = refuse(&fault.into(), &surface());
        let body = String::from_utf8(response.into_body()).unwrap();
        assert!(body.contains(" /_assay/readyz\"") && !body.contains("SUPABASE"), "{body}");
    }

    fn challenge_of(response: &Response) -> &str {
        response.headers().get(WWW_AUTHENTICATE.as_str()).unwrap()
    }

    #[test]
    fn without_credentials_the_challenge_carries_no_error() {
        let response = refuse(&Rejection::TokenMissing(Missing::NoCredentials).into(), &surface());
        assert_eq!(response.status(), 401);
        assert_eq!(challenge_of(&response), "Bearer realm=\"api\"");
    }

    #[test]
    fn text_from_a_token_cannot_break_out_of_the_challenge() {
        let issuer = "x\", error=\"none\\\u{fffd}".to_owned();
        let response = refuse(&Rejection::IssuerUnknown { issuer, problem: None }.into(), &surface());
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
        let response = refuse(&rejection.into(), &surface());
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
        let response = refuse(&fault.into(), &surface());
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get(RETRY_AFTER.as_str()), Some("7"));
        assert_eq!(response.headers().get(WWW_AUTHENTICATE.as_str()), None);
    }
}
