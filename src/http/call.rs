//! The calls of other Workers (RPC through a service binding), and of code in the same Worker. The decisions, the codes and the log
//! lines are those of the endpoints. An answer becomes a value: `{ "ok": true, … }`, or `{ "ok": false, … }` with the problem details.
//!
//! Options and questions arrive as JSON. An argument that cannot be used is a refusal like any other, so a mistake in the calling code
//! never causes a token to be accepted.

use http::StatusCode;
use http::header::RETRY_AFTER;

use super::answer::Answer;
use super::application::Application;
use super::problem::{ProblemDetails, json as json_response, status_of};
use super::{Response, challenge, credentials, exchange, explanation, forward_auth, router, verdict};
use crate::codes;
use crate::exchange::form::Form;
use crate::exchange::oauth::TokenRequest;
use crate::exchange::refusal::{RequestError, TokenError};
use crate::gateway::requirement::Requirement;
use crate::limits;
use crate::ports::{IncomingRequest, Platform};

/// What `explain` accepts.
const QUESTION: &str = "pass an object such as { token: \"eyJ...\" }; if routes are configured, add `method`, `host` and `path` of the request that was refused, as texts";

/// `verify(token, options)`. `token` is `None` if the value is not a text, `options` if there are none.
pub async fn verify<P: Platform>(
    app: &Application,
    platform: &P,
    token: Option<&str>,
    options: Option<&str>,
) -> Answer {
    match requirement(app, options) {
        Ok(requirement) => {
            let token = credentials::passed_token(token);
            verdict::of_token(app, platform, token, requirement.as_ref(), &|| None).await
        }
        Err(detail) => invalid(&detail).into(),
    }
}

/// `authenticate(request, options)`: the verdict on the request's credential, as `/verify` gives it.
pub async fn authenticate<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
    options: Option<&str>,
) -> Answer {
    match requirement(app, options) {
        Ok(requirement) => match forward_auth::refuse_misdirected(&app.config, platform, request) {
            Some(response) => response.into(),
            None => verdict::of_request(app, platform, request, requirement.as_ref()).await,
        },
        Err(detail) => invalid(&detail).into(),
    }
}

/// `exchange(params)`, with the rules of `POST /token`. `params` is the form; a client authenticates with `client_id` and `client_secret`.
pub async fn exchange<P: Platform>(app: &Application, platform: &P, params: &str) -> Answer {
    if is_too_large(params) {
        return router::body_too_large().into();
    }
    let surface = &app.config.surface;
    let Ok(terms) = &app.config.terms else {
        return challenge::refuse(&app.config.fault().into(), surface).into();
    };
    let Some(configured) = &app.config.exchange else {
        let detail = "add the table `exchange` to the configuration; docs/exchange.md shows how";
        return ProblemDetails::of(&codes::EXCHANGE_NOT_CONFIGURED, detail).into_response().into();
    };
    let form = Form::parse(params.as_bytes()).map_err(RequestError::from);
    let request = TokenRequest { authorization: None, form };
    let answered = exchange::issue(app, terms, configured, platform, request, None).await;
    let response = match answered.outcome {
        Ok(issued) => json_response(StatusCode::OK, &issued),
        Err(error) => {
            let claim = match &error {
                TokenError::Token { rejection, .. } => rejection.claim(),
                _ => None,
            };
            let detail = error.public_detail(&surface.prefix);
            let status = status_of(error.status());
            let mut response = ProblemDetails::new(status, error.code(), error.title(), &detail)
                .about(claim)
                .with_error(error.error())
                .into_response();
            if let TokenError::Fault(fault) = &error {
                response.headers_mut().insert(RETRY_AFTER, fault.retry_after_seconds().into());
            }
            response
        }
    };
    Answer { response, refresh: answered.refresh, grounds: None }
}

/// `explain(question)`: the report of `POST /explain`. Who may call may see details, so no key is asked for.
pub async fn explain<P: Platform>(app: &Application, platform: &P, question: &str) -> Response {
    if is_too_large(question) {
        return router::body_too_large();
    }
    match explanation::question(question, "") {
        Ok(presented) => json_response(StatusCode::OK, &explanation::report(app, platform, presented).await),
        Err(missing) => invalid(missing.unwrap_or(QUESTION)),
    }
}

/// The value of an answer, as JSON: the members of its body, after `ok` and, for a fault, `retry_after` in seconds.
#[must_use]
pub fn value(response: &Response) -> String {
    let body = String::from_utf8_lossy(response.body());
    let mut value = String::with_capacity(body.len().saturating_add(40));
    value.push_str(if response.status().is_success() { "{\"ok\":true," } else { "{\"ok\":false," });
    if let Some(seconds) = response.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()) {
        value.push_str("\"retry_after\":");
        value.push_str(seconds);
        value.push(',');
    }
    // Every answer is an object with members.
    value.push_str(body.strip_prefix('{').unwrap_or_default());
    value
}

/// What the options require of a token.
fn requirement(app: &Application, options: Option<&str>) -> Result<Option<Requirement>, String> {
    options.map(|options| app.config.requirement(options)).transpose()
}

fn is_too_large(argument: &str) -> bool {
    argument.len() > limits::MAX_REQUEST_BODY_BYTES
}

fn invalid(detail: &str) -> Response {
    ProblemDetails::of(&codes::CALL_INVALID, detail).into_response()
}
