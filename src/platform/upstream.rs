//! Implements [`Upstreams`](crate::ports::Upstreams) with `fetch` and with service bindings. No byte of a body passes through wasm.

use worker::js_sys::Promise;
use worker::js_sys::futures::JsFuture;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::Response;

use super::describe;
use super::message::{Incoming, WorkerRequest};
use crate::ports::{IncomingRequest as _, UpstreamError, UpstreamRequest};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, module = "/src/platform/upstream.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn send(
        incoming: &Incoming,
        has_body: bool,
        service: Option<&JsValue>,
        url: &str,
        remove: &str,
        set: &str,
        is_cacheable: bool,
        milliseconds: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    fn amend(response: &Response, remove: &str, set: &str, append: &str) -> Result<Response, JsValue>;
}

/// Sends the upstream request: through `service` if there is one, otherwise by HTTP. Sets no `cf` properties.
pub(super) async fn forward(
    request: &WorkerRequest,
    upstream_request: &UpstreamRequest,
    service: Option<&JsValue>,
) -> Result<Response, UpstreamError> {
    let unreachable = |error: JsValue| UpstreamError::Unreachable(describe(&error));
    let set = in_turn(upstream_request.set.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let answer = send(
        request.inner(),
        request.has_body(),
        service,
        &upstream_request.url,
        &upstream_request.remove.join("\n"),
        &set,
        upstream_request.is_cacheable,
        upstream_request.timeout_ms,
    )
    .map_err(|error| UpstreamError::Unsendable(describe(&error)))?;
    let answer = JsFuture::from(answer).await.map_err(unreachable)?;
    let response: Response = match answer.as_string().as_deref() {
        None => answer.unchecked_into(),
        Some("stalled") => return Err(UpstreamError::BodyStalled(upstream_request.timeout_ms)),
        Some("broken") => return Err(UpstreamError::BodyBroken),
        Some(_) => return Err(UpstreamError::Timeout(upstream_request.timeout_ms)),
    };
    let Some(amendment) = &upstream_request.amend else { return Ok(response) };
    let set = in_turn(amendment.set.iter().map(|(name, value)| (*name, value.as_str())));
    let append = in_turn(amendment.append.iter().copied());
    amend(&response, &amendment.remove.join("\n"), &set, &append).map_err(unreachable)
}

/// Names and values in turn, each followed by a line break. Neither contains a line break.
fn in_turn<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let mut text = String::new();
    for part in pairs.flat_map(|(name, value)| [name, value]) {
        text.push_str(part);
        text.push('\n');
    }
    text
}
