//! The call `explain`.

use http::StatusCode;

use super::{invalid, is_too_large};
use crate::http::application::Application;
use crate::http::problem::json as json_response;
use crate::http::{Response, explanation, router};
use crate::ports::Platform;

/// What `explain` accepts.
const QUESTION: &str = "pass an object such as { token: \"eyJ...\" }; if routes are configured, add `method`, `host` and `path` of the request that was refused, as texts";

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
