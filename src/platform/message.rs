//! Implements [`IncomingRequest`] with the runtime's `Request`, and makes the runtime's `Response` from ours.

use http::Method;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::{Request, Response};

use super::stream::{ReadError, read_whole};
use crate::intake::Reading;
use crate::keys::url::Parts;
use crate::ports::{BodyError, IncomingRequest};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, module = "/src/platform/message.js")]
extern "C" {
    fn head(request: &Request) -> String;

    fn header_names(request: &Request) -> String;

    fn has_cf(request: &Request) -> bool;

    #[wasm_bindgen(catch)]
    fn respond(status: u16, headers: &str, body: &[u8]) -> Result<Response, JsValue>;
}

/// A request of the runtime. The parts that nearly every endpoint needs are read in advance, with one call. Other headers are read
/// one by one.
#[derive(Debug)]
pub struct WorkerRequest {
    inner: Request,
    method: Method,
    scheme: &'static str,
    /// The host, and the port unless it is the default of the scheme.
    host: String,
    /// The path and the query. The runtime serialises the URL as absolute and without a fragment.
    target: String,
    authorization: Option<String>,
}

impl WorkerRequest {
    /// Reads method, URL and credentials.
    #[must_use]
    pub fn new(inner: Request) -> Self {
        let head = head(&inner);
        // A method, a serialised URL and the value of a header contain no line break.
        let (line, authorization) = match head.split_once('\n') {
            Some((line, authorization)) => (line, Some(authorization.to_owned())),
            None => (head.as_str(), None),
        };
        let (method, url) = line.split_once(' ').unwrap_or((line, ""));
        // The runtime serialises URLs, so the path begins with a slash and there is no user information.
        let url = Parts::of(url).unwrap_or(Parts { scheme: "", authority: "", target: "" });
        let scheme = if url.scheme == "https" { "https" } else { "http" };
        let (host, target) = (url.authority, if url.target.is_empty() { "/" } else { url.target });
        // The runtime accepts only tokens as a method (RFC 9110 §9.1).
        let method = method.parse().unwrap_or_default();
        let (host, target) = (host.to_owned(), target.to_owned());
        Self { inner, method, scheme, host, target, authorization }
    }

    /// The request of the runtime.
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
        header_names(&self.inner)
    }

    fn header(&self, name: &str) -> Option<String> {
        if name == "authorization" {
            return self.authorization.clone();
        }
        self.inner.headers().get(name).ok().flatten()
    }

    fn has_body(&self) -> bool {
        // The runtime has a stream for every announced body, even if the announced length is 0.
        self.inner.body().is_some() && self.header("content-length").as_deref() != Some("0")
    }

    fn is_from_cloudflare(&self) -> bool {
        has_cf(&self.inner)
    }

    async fn body(&self, max_bytes: usize, reading: &Reading) -> Result<(), BodyError> {
        let Some(stream) = self.inner.body() else {
            return Ok(());
        };
        if stream.locked() {
            return Err(BodyError::Broken);
        }
        let admit = |length| reading.reserve(length, max_bytes);
        read_whole(&stream, admit, |piece| reading.push(piece, max_bytes)).await.map_err(|failure| {
            match failure {
                ReadError::Refused(error) => error,
                ReadError::Exception(_) => BodyError::Broken,
            }
        })
    }
}

/// The names and the values of the response's headers in turn, each followed by a line break. No name occurs twice.
#[must_use]
pub fn header_lines(response: &http::Response<Vec<u8>>) -> String {
    let mut headers = String::new();
    for name in response.headers().keys() {
        headers.push_str(name.as_str());
        headers.push('\n');
        // A list is one value with commas (RFC 9110 §5.3). `Set-Cookie` is not a list, and we never send it.
        for (position, value) in response.headers().get_all(name).iter().enumerate() {
            if position > 0 {
                headers.push_str(", ");
            }
            // All our values are visible ASCII, so this never fails.
            headers.push_str(value.to_str().unwrap_or_default());
        }
        headers.push('\n');
    }
    headers
}

/// Makes the runtime's response.
///
/// # Errors
/// The exception of the runtime if it refuses a header or the status.
pub fn to_worker(response: &http::Response<Vec<u8>>) -> Result<Response, JsValue> {
    respond(response.status().as_u16(), &header_lines(response), response.body())
}
