//! The runtime's `Request` and `Response` as ours, and back.

use http::Method;
use worker::js_sys::{Array, Uint8Array};
use worker::wasm_bindgen::JsValue;
use worker::web_sys::{Headers, Request, Response, ResponseInit};

use super::stream::{Failure, read_whole};
use crate::ports::{BodyError, IncomingRequest};

/// A request as the runtime hands it over. Only method and URL are read ahead; headers are asked for one by one.
#[derive(Debug)]
pub struct WorkerRequest {
    inner: Request,
    method: Method,
    /// The scheme.
    scheme: &'static str,
    /// Host and, unless it is the scheme's own, port.
    host: String,
    /// From the path on: the runtime serialises an absolute URL without a fragment.
    target: String,
}

impl WorkerRequest {
    /// Reads method and URL.
    #[must_use]
    pub fn new(inner: Request) -> Self {
        // The runtime lets only tokens through as a method (RFC 9110 §9.1).
        let method = inner.method().parse().unwrap_or_default();
        let url = inner.url();
        let (scheme, after_scheme) = url.split_once("://").unwrap_or(("", url.as_str()));
        let scheme = if scheme == "https" { "https" } else { "http" };
        let slash = after_scheme.find('/').unwrap_or(after_scheme.len());
        let (host, target) = after_scheme.split_at_checked(slash).unwrap_or((after_scheme, ""));
        let target = if target.is_empty() { "/" } else { target }.to_owned();
        let host = host.to_owned();
        Self { inner, method, scheme, host, target }
    }

    /// The runtime's own.
    pub(super) fn inner(&self) -> &Request {
        &self.inner
    }
}

impl IncomingRequest for WorkerRequest {
    fn method(&self) -> &Method {
        &self.method
    }

    fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    fn scheme(&self) -> &str {
        self.scheme
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn header_names(&self) -> String {
        // No name holds a line break.
        Array::from(&self.inner.headers().keys()).join("\n").into()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.inner.headers().get(name).ok().flatten()
    }

    async fn body(&self, max_bytes: usize) -> Result<Vec<u8>, BodyError> {
        let Some(stream) = self.inner.body() else {
            return Ok(Vec::new());
        };
        if stream.locked() {
            return Err(BodyError::Broken);
        }
        read_whole(&stream, max_bytes).await.map_err(|failure| match failure {
            Failure::TooLarge => BodyError::TooLarge(max_bytes),
            Failure::Exception(_) => BodyError::Broken,
        })
    }
}

/// The runtime's form of `response`.
///
/// # Errors
/// The runtime's exception, should it refuse a header or a status.
pub fn to_worker(response: &http::Response<Vec<u8>>) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in response.headers() {
        // Every value of ours is visible ASCII; what is not would have been refused when it was set.
        headers.append(name.as_str(), value.to_str().unwrap_or_default())?;
    }
    let init = ResponseInit::new();
    init.set_status(response.status().as_u16());
    init.set_headers(headers.as_ref());
    if response.body().is_empty() {
        return Response::new_with_opt_str_and_init(None, &init);
    }
    let body = Uint8Array::from(response.body().as_slice());
    Response::new_with_opt_buffer_source_and_init(Some(&body), &init)
}
