//! `fetch`, and a service binding's, as [`Upstreams`](crate::ports::Upstreams): the request's own stream goes out, the
//! answer's own stream comes back, and this code sees neither's bytes.

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Function, Promise, Reflect, global};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::{Headers, ReadableStream, RequestInit, RequestRedirect, Response, ResponseInit};

use super::describe;
use super::message::WorkerRequest;
use crate::ports::{Amendment, Onward, UpstreamError};

/// Sends the request on, by `service` where it is bound or else by HTTP. No `cf` properties are set.
pub(super) async fn send(
    request: &WorkerRequest,
    onward: &Onward,
    service: Option<&JsValue>,
) -> Result<Response, UpstreamError> {
    let global = global();
    let race = begun(request, onward, service.unwrap_or(&global))
        .map_err(|error| UpstreamError::Unsendable(describe(&error)))?;
    let unreachable = |error: JsValue| UpstreamError::Unreachable(describe(&error));
    let first = JsFuture::from(race).await.map_err(unreachable)?;
    // The clock brings nothing. What it has overtaken is cancelled by the runtime once we have answered.
    if first.is_undefined() {
        return Err(UpstreamError::Timeout(onward.timeout_ms));
    }
    let response = first.dyn_into().map_err(unreachable)?;
    match &onward.amend {
        None => Ok(response),
        Some(amendment) => amended(&response, amendment).map_err(unreachable),
    }
}

/// A promise of the answer, or of nothing when the time is over. A race, and no `AbortSignal`: that would cut off an answer that
/// takes longer to read.
fn begun(request: &WorkerRequest, onward: &Onward, fetcher: &JsValue) -> Result<Promise, JsValue> {
    let init = prepared(request, onward)?;
    let scheduler = Reflect::get(&global(), &JsValue::from_str("scheduler"))?;
    let wait = function(&scheduler, "wait")?;
    let milliseconds = JsValue::from(onward.timeout_ms);
    let clock = match request.inner().body() {
        None => wait.call1(&scheduler, &milliseconds)?,
        Some(body) => {
            let (through, sent) = measured(request, &body)?;
            init.set_body(&through);
            // The time that a large upload takes is not the API's.
            let wait = function(wait.as_ref(), "bind")?.call2(wait.as_ref(), &scheduler, &milliseconds)?;
            // Also where it is not taken to its end: an API may answer before it has read all.
            function(&sent, "then")?.call2(&sent, &wait, &wait)?
        }
    };
    let answer =
        function(fetcher, "fetch")?.call2(fetcher, &JsValue::from_str(&onward.url), init.as_ref())?;
    Ok(Promise::race(&Array::of2(&answer, &clock)))
}

/// The request's method, with its headers changed.
fn prepared(request: &WorkerRequest, onward: &Onward) -> Result<RequestInit, JsValue> {
    let incoming = request.inner();
    let headers = Headers::new_with_headers(&incoming.headers())?;
    for name in &onward.remove {
        headers.delete(name)?;
    }
    for (name, value) in &onward.set {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method(&incoming.method());
    init.set_headers(headers.as_ref());
    init.set_redirect(RequestRedirect::Manual);
    Ok(init)
}

/// The request's stream as another one, and a promise that it has all been taken. The runtime moves the bytes itself; what
/// had a length keeps it.
fn measured(request: &WorkerRequest, body: &ReadableStream) -> Result<(JsValue, JsValue), JsValue> {
    let length = request.inner().headers().get("content-length")?.and_then(|text| text.parse::<f64>().ok());
    let (kind, arguments) = match length {
        Some(length) => ("FixedLengthStream", Array::of1(&JsValue::from(length))),
        None => ("IdentityTransformStream", Array::new()),
    };
    let constructor = function(global().as_ref(), kind)?;
    let pair = Reflect::construct(&constructor, &arguments)?;
    let readable = Reflect::get(&pair, &JsValue::from_str("readable"))?;
    let writable = Reflect::get(&pair, &JsValue::from_str("writable"))?;
    let sent = function(body.as_ref(), "pipeTo")?.call1(body.as_ref(), &writable)?;
    Ok((readable, sent))
}

fn function(object: &JsValue, name: &str) -> Result<Function, JsValue> {
    Reflect::get(object, &JsValue::from_str(name))?.dyn_into()
}

/// The same response with other headers. Its stream is handed on.
fn amended(response: &Response, amendment: &Amendment) -> Result<Response, JsValue> {
    // A response serves as the description of another: status, headers, encoding.
    let like: &ResponseInit = response.unchecked_ref();
    let fresh = Response::new_with_opt_readable_stream_and_init(response.body().as_ref(), like)?;
    let headers = fresh.headers();
    for name in amendment.remove {
        headers.delete(name)?;
    }
    for (name, value) in &amendment.set {
        headers.set(name, value)?;
    }
    for (name, value) in &amendment.append {
        headers.append(name, value)?;
    }
    Ok(fresh)
}
