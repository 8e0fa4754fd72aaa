//! The call `exchange`.

use http::StatusCode;

use super::is_too_large;
use crate::codes;
use crate::exchange::form::Form;
use crate::exchange::oauth::TokenRequest;
use crate::exchange::refusal::{RequestError, TokenError};
use crate::http::answer::Answer;
use crate::http::application::Application;
use crate::http::problem::{ProblemDetails, json as json_response, status_of};
use crate::http::{challenge, exchange, router};
use crate::ports::Platform;
use crate::response::header::RETRY_AFTER;

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
