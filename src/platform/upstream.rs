//! What the runtime reports if an upstream does not answer. `upstream.js` has sent the request: no byte of a body passes through wasm, and nothing
//! here waits.

use worker::wasm_bindgen::JsValue;

use super::describe;
use crate::ports::UpstreamError;

/// The error for an outcome of `upstream.js`. `upstream` names the upstream, `milliseconds` is the time limit of its route, and `error` the exception,
/// if there was one.
#[must_use]
pub fn error_of(outcome: &str, upstream: &str, milliseconds: u32, error: &JsValue) -> UpstreamError {
    match outcome {
        "late" => UpstreamError::Timeout(milliseconds),
        "stalled" => UpstreamError::BodyStalled(milliseconds),
        "broken" => UpstreamError::BodyBroken,
        "unbound" => UpstreamError::Unbound(upstream.to_owned()),
        "unsendable" => UpstreamError::Unsendable(describe(error)),
        _ => UpstreamError::Unreachable(describe(error)),
    }
}
