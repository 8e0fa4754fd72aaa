//! Reads the whole body of a request with limits on time and memory, and gives the status and code if that fails.

use http::StatusCode;

use super::application::Application;
use crate::codes;
use crate::intake::Reading;
use crate::limits;
use crate::ports::{BodyError, IncomingRequest, Platform};
use crate::waiting::with_timeout;

/// A body. It counts towards the memory limit until it is dropped.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    _reading: Reading,
}

/// Reads the body of `request`.
pub(super) async fn read<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
) -> Result<Body, BodyError> {
    let reading = app.intake.open(platform.now());
    let (milliseconds, most) = (limits::BODY_TIMEOUT_MS, limits::MAX_REQUEST_BODY_BYTES);
    let outcome = match request.small_body(milliseconds, most, &reading).await {
        Some(outcome) => Some(outcome),
        None => with_timeout(platform, milliseconds, request.body(most, &reading)).await,
    };
    outcome.unwrap_or(Err(BodyError::Late(milliseconds)))?;
    Ok(Body { bytes: reading.complete()?, _reading: reading })
}

/// The status and the code for a body that could not be read. `broken` is the code of the endpoint for a body that ended early.
pub(super) fn refusal(error: BodyError, broken: &'static str) -> (StatusCode, &'static str) {
    match error {
        BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, codes::BODY_TOO_LARGE.name()),
        BodyError::Broken => (StatusCode::BAD_REQUEST, broken),
        BodyError::Late(_) => (StatusCode::REQUEST_TIMEOUT, "body_incomplete"),
        BodyError::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
    }
}

/// The value of `Retry-After`, if a retry can succeed.
pub(super) fn retry_after_seconds(error: BodyError) -> Option<u64> {
    (error == BodyError::NoRoom).then_some(limits::RETRY_AFTER_OVERLOAD_SECONDS)
}
