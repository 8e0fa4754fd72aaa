//! Implements [`HttpClient`](crate::ports::HttpClient) with `fetch`: with limits on time and size, and without following redirects.

use worker::js_sys::futures::JsFuture;
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::{
    AbortSignal, Headers, RequestCache, RequestInit, RequestRedirect, Response, WorkerGlobalScope,
};

use super::describe;
use super::stream::{ReadError, read_whole};
use crate::ports::{Document, DocumentRequest, FetchError};

/// Sends the request, through `service` if there is one, and reads the whole response. Sets no `cf` properties: the defaults of the `worker` crate would enable caching
/// and minification.
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
    // The zone's cache would keep serving a withdrawn key, and hide a new one.
    init.set_cache(RequestCache::NoStore);
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
    Ok(Document {
        status: response.status(),
        etag: header("etag"),
        cache_control: header("cache-control"),
        content_type: header("content-type"),
        date: header("date"),
        location: header("location"),
        body,
        age_seconds: None,
    })
}
