//! Implements [`HttpClient`](crate::ports::HttpClient) with `fetch`: with limits on time and size, and without following redirects.

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Object, Reflect};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::{
    AbortSignal, Headers, RequestCache, RequestInit, RequestRedirect, Response, WorkerGlobalScope,
};

use super::describe;
use super::stream::{ReadError, read_whole};
use crate::limits;
use crate::ports::{Document, DocumentRequest, FetchError};

/// Sends the request, through `service` if there is one, and reads the whole response. Sets no `cf` properties besides those of [`share`]: the
/// defaults of the `worker` crate would enable caching and minification.
pub(super) async fn get(
    request: &DocumentRequest,
    service: Option<&JsValue>,
) -> Result<Document, FetchError> {
    let signal = AbortSignal::timeout_with_u32(request.timeout_ms);
    read(request, service, &signal).await.map_err(|failure| match failure {
        ReadError::Refused(TooLarge) => FetchError::TooLarge(request.max_bytes),
        ReadError::Exception(_) if signal.aborted() => FetchError::Timeout(request.timeout_ms),
        ReadError::Exception(error) => FetchError::Unreachable(describe(&error)),
    })
}

/// The response is larger than allowed.
struct TooLarge;

async fn read(
    request: &DocumentRequest,
    service: Option<&JsValue>,
    signal: &AbortSignal,
) -> Result<Document, ReadError<TooLarge>> {
    let headers = Headers::new()?;
    headers.set("accept", request.accept)?;
    headers.set("user-agent", concat!("edge-assay/", env!("CARGO_PKG_VERSION")))?;
    // Otherwise the runtime sends `no-cache`, and then common servers never answer `If-None-Match` with 304.
    headers.set("cache-control", "max-age=0")?;
    if let Some(etag) = &request.if_none_match {
        headers.set("if-none-match", etag)?;
    }
    let init = RequestInit::new();
    init.set_headers(headers.as_ref());
    init.set_redirect(RequestRedirect::Manual);
    let is_shared = service.is_none() && request.max_age_seconds >= limits::MAX_SHARED_SECONDS;
    if is_shared {
        share(&init, request.max_age_seconds)?;
    } else {
        // A cache would keep serving a withdrawn key, and hide a new one. The runtime refuses this together with `cacheTtl`.
        init.set_cache(RequestCache::NoStore);
    }
    init.set_signal(Some(signal));

    // A service binding has a `fetch` like the global one.
    let fetcher: WorkerGlobalScope =
        service.cloned().unwrap_or_else(|| worker::js_sys::global().into()).unchecked_into();
    let response = JsFuture::from(fetcher.fetch_with_str_and_init(&request.url, &init)).await?;
    let response: Response = response.unchecked_into();
    let mut body = Vec::new();
    if let Some(stream) = response.body() {
        let mut left = request.max_bytes;
        let admit = |length| {
            left = left.checked_sub(length).ok_or(TooLarge)?;
            Ok(())
        };
        let take = |piece: &[u8]| {
            body.extend_from_slice(piece);
            Ok(())
        };
        read_whole(&stream, admit, take).await?;
    }
    let header = |name| response.headers().get(name).ok().flatten();
    let is_from_cache = is_shared && header("cf-cache-status").is_some_and(|status| !is_of_origin(&status));
    Ok(Document {
        status: response.status(),
        etag: header("etag"),
        cache_control: header("cache-control"),
        content_type: header("content-type"),
        date: header("date"),
        location: header("location"),
        body,
        age_seconds: is_from_cache.then_some(request.max_age_seconds),
    })
}

/// Lets the cache of the data centre answer this request, and keep its answer for `seconds`, whatever its status. The cache sends one
/// of many concurrent requests to the origin. It does not apply to an origin in another zone of Cloudflare, nor to service bindings.
fn share(init: &RequestInit, seconds: u64) -> Result<(), JsValue> {
    #[allow(clippy::cast_precision_loss)]
    let seconds = JsValue::from_f64(seconds as f64);
    let cf = Object::new();
    Reflect::set(&cf, &JsValue::from_str("cacheTtl"), &seconds)?;
    Reflect::set(&cf, &JsValue::from_str("cacheEverything"), &JsValue::TRUE)?;
    Reflect::set(init.as_ref(), &JsValue::from_str("cf"), &cf)?;
    Ok(())
}

/// Whether the origin itself has answered, by the header `CF-Cache-Status`.
fn is_of_origin(cache_status: &str) -> bool {
    ["MISS", "EXPIRED", "BYPASS", "DYNAMIC"].contains(&cache_status)
}
