//! The calls of other Workers (RPC through a service binding), and of code in the same Worker. The decisions, the codes and the log
//! lines are those of the endpoints. An answer becomes a value: `{ "ok": true, … }`, or `{ "ok": false, … }` with the problem details.
//!
//! Options and questions arrive as JSON. An argument that cannot be used is a refusal like any other, so a mistake in the calling code
//! never causes a token to be accepted.

#[cfg(feature = "exchange")]
mod exchange;
#[cfg(feature = "explain")]
mod explain;

#[cfg(feature = "exchange")]
pub use exchange::exchange;
#[cfg(feature = "explain")]
pub use explain::explain;

use super::answer::Answer;
use super::application::Application;
use super::problem::ProblemDetails;
use super::{Response, credentials, forward_auth, verdict};
use crate::codes;
use crate::gateway::requirement::Requirement;
use crate::limits;
use crate::ports::{IncomingRequest, Platform};
use crate::response::header::RETRY_AFTER;

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

/// The value of an answer, as JSON: the members of its body, after `ok` and, for a fault, `retry_after` in seconds.
#[must_use]
pub fn value(response: &Response) -> String {
    let body = String::from_utf8_lossy(response.body());
    let mut value = String::with_capacity(body.len().saturating_add(40));
    value.push_str(if response.status().is_success() { "{\"ok\":true," } else { "{\"ok\":false," });
    if let Some(seconds) = response.headers().get(RETRY_AFTER.as_str()) {
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
