//! The HTTP side of the exchange: `/token`, `/api`, and the documents under `/.well-known`.

use std::collections::BTreeSet;

use edge_assay_verifier::challenge::quotable;
use http::StatusCode;

use super::answer::Answer;
use super::application::Application;
use super::problem::{json as json_response, status_of};
use super::{Response, body, challenge, log};

use crate::config::Surface;
use crate::exchange::Exchange;
use crate::exchange::fireproof::{self, ApiError, Fireproof};
use crate::exchange::oauth::{self, Answered, TokenRequest};
use crate::exchange::refusal::TokenError;
use crate::limits;
use crate::members::json;
use crate::ports::{BodyError, IncomingRequest, Platform};
use crate::rejection::{Fault, Rejection};
use crate::response::HeaderValue;
use crate::response::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use crate::signing::metadata::{self, Published, ServerMetadata};
use crate::time::Timestamp;
use crate::verify::{Observed, Terms};

const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");

/// `POST /token`.
pub async fn token<P: Platform, R: IncomingRequest>(
    app: &Application,
    terms: &Terms,
    exchange: &Exchange,
    platform: &P,
    request: &R,
    body: &[u8],
) -> Answer {
    let (authorization, content_type) = (request.header("authorization"), request.header("content-type"));
    let form = oauth::read_form(content_type.as_deref(), body);
    let token_request = TokenRequest { authorization: authorization.as_deref(), form };
    let ray = request.header("cf-ray");
    let answered = issue(app, terms, exchange, platform, token_request, ray.as_deref()).await;
    let mut response = match answered.outcome {
        Ok(issued) => json_response(StatusCode::OK, &issued),
        Err(error) => refuse_token(&error, &app.config.surface),
    };
    // RFC 6749 §5.1 requires this in addition to `Cache-Control`, for HTTP/1.0 caches.
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    Answer { response, refresh: answered.refresh, grounds: None }
}

/// Issues a token, and logs that or why not.
pub(super) async fn issue<P: Platform>(
    app: &Application,
    terms: &Terms,
    exchange: &Exchange,
    platform: &P,
    request: TokenRequest<'_>,
    ray: Option<&str>,
) -> Answered {
    let answered = oauth::answer(exchange, terms, &app.keys, platform, request).await;
    if let Some(audit) = &answered.audit {
        log::token_issued(platform, audit, &answered.observed, ray);
    }
    if let Err(error) = &answered.outcome {
        let reason = match error {
            TokenError::Token { rejection, .. } => Reason::Token(rejection),
            TokenError::Fault(fault) => Reason::Fault(fault),
            _ => Reason::Other(error.code(), error.to_string()),
        };
        report(platform, ray, reason, answered.client.as_deref(), &answered.observed);
    }
    answered
}

/// The error response of RFC 6749 §5.2, with the `code` of the rule as a further member.
fn refuse_token(error: &TokenError, surface: &Surface) -> Response {
    let body = json!({
        "error": error.error(),
        "error_description": quotable(&error.public_detail(&surface.prefix)),
        "code": error.code(),
    });
    let mut response = json_response(status_of(error.status()), &body);
    match error {
        TokenError::Fault(fault) => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(fault.retry_after_seconds()));
        }
        TokenError::Client(_) => {
            let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", surface.realm);
            if let Some(value) = HeaderValue::read(&challenge) {
                response.headers_mut().insert(WWW_AUTHENTICATE, value);
            }
        }
        _ => {}
    }
    response
}

/// `PUT` and `POST /api`.
pub async fn api<P: Platform, R: IncomingRequest>(
    app: &Application,
    terms: &Terms,
    exchange: &Exchange,
    fireproof: &Fireproof,
    platform: &P,
    request: &R,
    body: &[u8],
) -> Answer {
    let answered = fireproof::answer(exchange, terms, fireproof, &app.keys, platform, body).await;
    let ray = request.header("cf-ray");
    if let Some(audit) = &answered.audit {
        log::token_issued(platform, audit, &answered.observed, ray.as_deref());
    }
    let response = match answered.outcome {
        Ok(message) => json_response(StatusCode::OK, &message),
        Err(error) => {
            let reason = match &error {
                ApiError::Token { rejection, .. } => Reason::Token(rejection),
                ApiError::Fault { fault, .. } => Reason::Fault(fault),
                _ => Reason::Other(error.code(), error.to_string()),
            };
            report(platform, ray.as_deref(), reason, None, &answered.observed);
            refuse_api(&error, &app.config.surface.prefix)
        }
    };
    Answer { response: for_any_origin(response), refresh: answered.refresh, grounds: None }
}

fn refuse_api(error: &ApiError, prefix: &str) -> Response {
    let status = match error {
        ApiError::Request(_) => StatusCode::BAD_REQUEST,
        ApiError::Token { .. } | ApiError::OtherType { .. } => StatusCode::UNAUTHORIZED,
        ApiError::Selection(_) => StatusCode::FORBIDDEN,
        ApiError::ResultTaken => StatusCode::CONFLICT,
        ApiError::Fault { .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = json_response(status, &error.body(prefix));
    if let ApiError::Fault { fault, .. } = error {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(fault.retry_after_seconds()));
    }
    response
}

/// `OPTIONS /api`, with the same answer as the dashboard.
#[must_use]
pub fn api_preflight() -> Response {
    let mut response = json_response(StatusCode::OK, &json!({ "type": "ok", "message": "CORS preflight" }));
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST,OPTIONS,PUT,DELETE"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Origin, Content-Type, Accept"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(limits::FIREPROOF_CORS_MAX_AGE_SECONDS));
    for_any_origin(response)
}

/// The response to a body that could not be read, in the format of the endpoint.
#[must_use]
pub fn broken_body(error: BodyError, is_api: bool) -> Response {
    let (status, code) = body::refusal(error, "request_invalid");
    let detail = error.to_string();
    let mut response = if is_api {
        let body =
            json!({ "type": "error", "message": detail, "code": code, "attempts": Vec::<&str>::new() });
        for_any_origin(json_response(status, &body))
    } else {
        let error = if status.is_server_error() { "temporarily_unavailable" } else { "invalid_request" };
        json_response(status, &json!({ "error": error, "error_description": detail, "code": code }))
    };
    if let Some(seconds) = body::retry_after_seconds(error) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// `GET /.well-known/jwks.json`.
#[must_use]
pub fn key_set(
    exchange: &Exchange,
    surface: &Surface,
    now: Timestamp,
    request: &impl IncomingRequest,
) -> Response {
    match exchange.keys() {
        Ok(ring) => publish(&metadata::key_set(ring, exchange.max_age_seconds, now), request),
        Err(fault) => for_any_origin(challenge::refuse(&fault.into(), surface)),
    }
}

/// `GET /.well-known/oauth-authorization-server`.
#[must_use]
pub fn server_metadata(exchange: &Exchange, request: &impl IncomingRequest) -> Response {
    let mut scopes = BTreeSet::new();
    scopes.extend(exchange.targets.iter().flat_map(|one| &one.scopes).map(String::as_str));
    let mut client_authentication = Vec::new();
    if exchange.targets.iter().any(|target| target.public_clients) {
        client_authentication.push("none");
    }
    if !exchange.clients.is_empty() {
        client_authentication.extend(["client_secret_basic", "client_secret_post"]);
    }
    let metadata = ServerMetadata {
        issuer: &exchange.issuer,
        token_endpoint: &exchange.token_endpoint,
        jwks_uri: &exchange.jwks_uri,
        scopes,
        client_authentication,
    };
    publish(&metadata::server_metadata(&metadata, exchange.max_age_seconds), request)
}

fn publish(document: &Published, request: &impl IncomingRequest) -> Response {
    let known = request.header("if-none-match").is_some_and(|tags| {
        tags.split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == document.etag || tag == "*")
    });
    let mut response = Response::new(if known { Vec::new() } else { document.body.clone().into_bytes() });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let cache = match document.max_age_seconds {
        0 => "no-store".to_owned(),
        seconds => format!("public, max-age={seconds}"),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let (Some(cache), Some(etag)) = (HeaderValue::read(&cache), HeaderValue::read(&document.etag)) {
        headers.insert(CACHE_CONTROL, cache);
        headers.insert(ETAG, etag);
    }
    for_any_origin(response)
}

/// Lets scripts of any origin read the response: it holds public material, or belongs to a protocol without cookies.
fn for_any_origin(mut response: Response) -> Response {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
    response
}

/// Why no token was issued, by the kind of log line.
enum Reason<'r> {
    Token(&'r Rejection),
    Fault(&'r Fault),
    /// A code and a sentence that contains nothing from the request.
    Other(&'static str, String),
}

fn report<P: Platform>(
    platform: &P,
    ray: Option<&str>,
    reason: Reason<'_>,
    client: Option<&str>,
    observed: &Observed,
) {
    match reason {
        Reason::Token(rejection) => log::refused(platform, &rejection.clone().into(), observed, None, ray),
        Reason::Fault(fault) => log::refused(platform, &fault.clone().into(), observed, None, ray),
        Reason::Other(code, detail) => {
            log::exchange_refused(platform, (code, &detail), client, observed, ray);
        }
    }
}
