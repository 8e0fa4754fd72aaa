//! `fetch`, and a service binding's, as [`Upstreams`](crate::ports::Upstreams): the request's own stream goes out, the
//! answer's own stream comes back, and this code sees neither's bytes.

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Function, Object, Promise, Reflect, global};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::{
    AbortController, Headers, ReadableStream, RequestInit, RequestRedirect, Response, ResponseInit,
};

use super::describe;
use super::message::WorkerRequest;
use crate::ports::{Amendment, Onward, UpstreamError};

/// Sends the request on, by `service` where it is bound or else by HTTP. No `cf` properties are set.
pub(super) async fn send(
    request: &WorkerRequest,
    onward: &Onward,
    service: Option<&JsValue>,
) -> Result<Response, UpstreamError> {
    let controller = AbortController::new().map_err(|error| unsendable(&error))?;
    let global = global();
    let fetcher = service.unwrap_or(&global);
    let init = prepared(request, onward, &controller).map_err(|error| unsendable(&error))?;
    let timer = Timer::new(&controller, onward.timeout_ms).map_err(|error| unsendable(&error))?;
    let running = match request.inner().body() {
        None => timer.start(),
        Some(body) => measured(request, &body).and_then(|(through, sent)| {
            init.set_body(&through);
            timer.start_after(&sent)
        }),
    };
    let running = running.map_err(|error| unsendable(&error))?;
    let answered = fetch(fetcher, &onward.url, &init).await;
    running.stop();
    let response = answered.map_err(|error| {
        if controller.signal().aborted() {
            UpstreamError::Timeout(onward.timeout_ms)
        } else {
            UpstreamError::Unreachable(describe(&error))
        }
    })?;
    match &onward.amend {
        None => Ok(response),
        Some(amendment) => {
            amended(&response, amendment).map_err(|error| UpstreamError::Unreachable(describe(&error)))
        }
    }
}

fn unsendable(error: &JsValue) -> UpstreamError {
    UpstreamError::Unsendable(describe(error))
}

/// The request's method and stream, with its headers changed.
fn prepared(
    request: &WorkerRequest,
    onward: &Onward,
    controller: &AbortController,
) -> Result<RequestInit, JsValue> {
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
    init.set_signal(Some(&controller.signal()));
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

async fn fetch(fetcher: &JsValue, url: &str, init: &RequestInit) -> Result<Response, JsValue> {
    let promise: Promise =
        function(fetcher, "fetch")?.call2(fetcher, &JsValue::from_str(url), init.as_ref())?.dyn_into()?;
    JsFuture::from(promise).await?.dyn_into()
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

/// Aborts a while after the request has been sent, unless it is stopped. `AbortSignal.timeout` would not do: it would cut off
/// an answer that takes longer to read, and count the time that a large upload takes.
struct Timer {
    /// `setTimeout(abort, milliseconds)`, to be called.
    set: Function,
    clear: Function,
}

/// A timer that runs, or will once the request has been sent.
enum Running {
    Now { clear: Function, handle: JsValue },
    Then { clear: Function, promise: JsValue },
}

impl Timer {
    fn new(controller: &AbortController, milliseconds: u32) -> Result<Self, JsValue> {
        let global: Object = global();
        let controller: &JsValue = controller.as_ref();
        let abort = bound(&function(controller, "abort")?, &[controller])?;
        let nothing = JsValue::UNDEFINED;
        let milliseconds = JsValue::from(milliseconds);
        let set =
            bound(&function(global.as_ref(), "setTimeout")?, &[&nothing, abort.as_ref(), &milliseconds])?;
        Ok(Self { set, clear: function(global.as_ref(), "clearTimeout")? })
    }

    fn start(self) -> Result<Running, JsValue> {
        let handle = self.set.call0(&JsValue::UNDEFINED)?;
        Ok(Running::Now { clear: self.clear, handle })
    }

    /// `sent` is a promise. If it fails, so does the request, and there is nothing to time.
    fn start_after(self, sent: &JsValue) -> Result<Running, JsValue> {
        let promise = function(sent, "then")?.call2(sent, self.set.as_ref(), self.clear.as_ref())?;
        Ok(Running::Then { clear: self.clear, promise })
    }
}

impl Running {
    fn stop(self) {
        // Neither clearing a timer nor waiting for a promise can fail.
        let _ = match self {
            Self::Now { clear, handle } => clear.call1(&JsValue::UNDEFINED, &handle),
            Self::Then { clear, promise } => {
                function(&promise, "then").and_then(|then| then.call1(&promise, clear.as_ref()))
            }
        };
    }
}

/// `function.bind(...arguments)`.
fn bound(function: &Function, arguments: &[&JsValue]) -> Result<Function, JsValue> {
    let bind = self::function(function.as_ref(), "bind")?;
    bind.apply(function.as_ref(), &arguments.iter().collect())?.dyn_into()
}
