//! `fetch`, and a service binding's, as [`Upstreams`](crate::ports::Upstreams): the request's own stream goes out, the
//! answer's own stream comes back, and this code sees neither's bytes.

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Function, Object, Promise, Reflect, global};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::{AbortController, Headers, RequestInit, RequestRedirect, Response, ResponseInit};

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
    let init = prepared(request, onward, &controller).map_err(|error| unsendable(&error))?;
    let global = global();
    let fetcher = service.unwrap_or(&global);
    let timer = Timer::start(&controller, onward.timeout_ms).map_err(|error| unsendable(&error))?;
    let answered = fetch(fetcher, &onward.url, &init).await;
    timer.stop();
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
    if let Some(stream) = incoming.body() {
        init.set_body(stream.as_ref());
    }
    Ok(init)
}

async fn fetch(fetcher: &JsValue, url: &str, init: &RequestInit) -> Result<Response, JsValue> {
    let function: Function = Reflect::get(fetcher, &JsValue::from_str("fetch"))?.dyn_into()?;
    let promise: Promise = function.call2(fetcher, &JsValue::from_str(url), init.as_ref())?.dyn_into()?;
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

/// Aborts after a while unless it is stopped. `AbortSignal.timeout` would not do: it would cut off a body that takes longer.
struct Timer {
    clear: Function,
    handle: JsValue,
}

impl Timer {
    fn start(controller: &AbortController, milliseconds: u32) -> Result<Self, JsValue> {
        let global: Object = global();
        let function = |object: &JsValue, name: &str| -> Result<Function, JsValue> {
            Reflect::get(object, &JsValue::from_str(name))?.dyn_into()
        };
        let abort = function(controller.as_ref(), "abort")?;
        let set = function(global.as_ref(), "setTimeout")?;
        let clear = function(global.as_ref(), "clearTimeout")?;
        let bound: Function =
            function(abort.as_ref(), "bind")?.call1(abort.as_ref(), controller.as_ref())?.dyn_into()?;
        let handle = set.call2(&JsValue::UNDEFINED, bound.as_ref(), &JsValue::from(milliseconds))?;
        Ok(Self { clear, handle })
    }

    fn stop(self) {
        // Clearing a timer cannot fail.
        let _ = self.clear.call1(&JsValue::UNDEFINED, &self.handle);
    }
}
