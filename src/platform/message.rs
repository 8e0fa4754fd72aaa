//! Implements [`IncomingRequest`] with the runtime's `Request`, and makes the runtime's `Response` from ours.

use std::cell::{Cell, RefCell};

use http::Method;
use worker::js_sys::WebAssembly::Memory;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{JsString, Promise, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsCast as _, JsValue};
use worker::web_sys::{Request, Response};

use super::stream::{ReadError, read_whole};
use crate::intake::Reading;
use crate::keys::url::Parts;
use crate::limits;
use crate::ports::{BodyError, IncomingRequest};
use crate::response::Response as Answered;

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, module = "/src/platform/message.js")]
extern "C" {
    /// A request, with the parts of it that src/instance.js has read.
    #[derive(Debug)]
    pub type Incoming;

    #[wasm_bindgen(method, getter)]
    fn request(this: &Incoming) -> Request;

    fn header_names(incoming: &Incoming) -> String;

    fn header(incoming: &Incoming, name: &JsString) -> Option<String>;

    fn has_cf(incoming: &Incoming) -> bool;

    fn small_body(incoming: &Incoming, most: usize, milliseconds: u32) -> Option<Promise>;

    #[wasm_bindgen(catch)]
    fn respond(status: u16, headers: Option<&str>, body: &[u8]) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    fn respond_and_keep(
        number: u32,
        status: u16,
        headers: Option<&str>,
        body: &[u8],
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = next_number)]
    fn count() -> u32;
}

/// The least that the buffer for heads holds: a token of 16 KiB, which is the longest by default, and a long URL. The runtime accepts no head of more than 128 KiB.
const USUAL_BYTES: usize = 24 * 1024;

/// How many names of headers are kept as texts of JavaScript: more than an endpoint asks for.
const KEPT_NAMES: usize = 32;

thread_local! {
    /// The names of headers that were asked for first. To make a text of JavaScript costs more than to read the header.
    static NAMES: RefCell<Vec<(String, JsString)>> = RefCell::default();
    /// The head of the next request, which src/platform/head.js has written.
    static HEAD: RefCell<Vec<u8>> = RefCell::default();
    /// The status and the headers of the last response, as JavaScript has them. Most responses of an isolate have the same.
    static LATEST: RefCell<(u16, String)> = RefCell::default();
}

/// A view of the room for a head of this length. It is valid until the memory of the instance grows, or a longer head than usual was read.
#[must_use]
pub fn head_room(bytes: u32) -> Uint8Array {
    HEAD.with_borrow_mut(|buffer| {
        let length = usize::try_from(bytes).unwrap_or_default().max(USUAL_BYTES);
        buffer.resize(length, 0);
        let memory: Memory = wasm_bindgen::memory().unchecked_into();
        // Addresses have 32 bits here.
        let address = u32::try_from(buffer.as_ptr().addr()).unwrap_or_default();
        let length = u32::try_from(length).unwrap_or_default();
        Uint8Array::new_with_byte_offset_and_length(&memory.buffer(), address, length)
    })
}

/// Reads the head of `length` bytes that JavaScript has written.
fn read_head<T>(length: usize, read: impl FnOnce(&str) -> T) -> T {
    HEAD.with_borrow_mut(|buffer| {
        // JavaScript writes UTF-8, and no more than there is room for.
        let text = buffer.get(..length).and_then(|text| std::str::from_utf8(text).ok());
        let result = read(text.unwrap_or_default());
        if buffer.len() > USUAL_BYTES {
            buffer.truncate(USUAL_BYTES);
            buffer.shrink_to_fit();
        }
        result
    })
}

/// The value of the header `name`, which is written in lower case.
fn read_header(incoming: &Incoming, name: &str) -> Option<String> {
    let text = NAMES.with_borrow_mut(|names| {
        if let Some((_, text)) = names.iter().find(|(known, _)| known == name) {
            return text.clone();
        }
        let text = JsString::from(name);
        if names.len() < KEPT_NAMES {
            names.push((name.to_owned(), text.clone()));
        }
        text
    });
    // After the borrow: the `Request` of a caller in the same Worker may run any code.
    header(incoming, &text)
}

/// Calls `send` with the status and the headers of a response, or without headers if they are those of the last one.
fn with_head<T>(response: &Answered, send: impl FnOnce(u16, Option<&str>) -> T) -> T {
    let (status, lines) = (response.status().as_u16(), header_lines(response));
    LATEST.with_borrow_mut(|latest| {
        if latest.0 == status && latest.1 == lines {
            return send(status, None);
        }
        *latest = (status, lines);
        send(status, Some(&latest.1))
    })
}

/// A request of the runtime. The parts that nearly every endpoint needs are read in advance, with one call. Other headers are read
/// one by one.
#[derive(Debug)]
pub struct WorkerRequest {
    inner: Incoming,
    /// Whether anything was read of it but its method, its URL and its credentials.
    is_searched: Cell<bool>,
    method: Method,
    scheme: &'static str,
    /// The host, and the port unless it is the default of the scheme.
    host: String,
    /// The path and the query. The runtime serialises the URL as absolute and without a fragment.
    target: String,
    authorization: Option<String>,
}

impl WorkerRequest {
    /// Reads method, URL and credentials, whose head of `length` bytes JavaScript has just written.
    #[must_use]
    pub fn new(inner: Incoming, length: usize) -> Self {
        let (method, scheme, host, target, authorization) = read_head(length, |head| {
            // A method, a serialised URL and the value of a header contain no line break.
            let (line, authorization) = match head.split_once('\n') {
                Some((line, authorization)) => (line, Some(authorization.to_owned())),
                None => (head, None),
            };
            let (method, url) = line.split_once(' ').unwrap_or((line, ""));
            // The runtime serialises URLs, so the path begins with a slash and there is no user information.
            let url = Parts::of(url).unwrap_or(Parts { scheme: "", authority: "", target: "" });
            let scheme = if url.scheme == "https" { "https" } else { "http" };
            let (host, target) = (url.authority, if url.target.is_empty() { "/" } else { url.target });
            // The runtime accepts only tokens as a method (RFC 9110 §9.1).
            let method = method.parse().unwrap_or_default();
            (method, scheme, host.to_owned(), target.to_owned(), authorization)
        });
        Self { inner, is_searched: Cell::new(false), method, scheme, host, target, authorization }
    }

    /// Whether the method, the URL and the credentials are all that was read of it. Then they alone have decided about the response.
    #[must_use]
    pub fn is_known_whole(&self) -> bool {
        !self.is_searched.get()
    }

    fn searched(&self) -> &Incoming {
        self.is_searched.set(true);
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
        header_names(self.searched())
    }

    fn header(&self, name: &str) -> Option<String> {
        if name == "authorization" {
            return self.authorization.clone();
        }
        read_header(self.searched(), name)
    }

    fn has_body(&self) -> bool {
        // The runtime has a stream for every announced body, even if the announced length is 0.
        self.searched().request().body().is_some() && self.header("content-length").as_deref() != Some("0")
    }

    fn is_from_cloudflare(&self) -> bool {
        has_cf(self.searched())
    }

    async fn small_body(
        &self,
        milliseconds: u32,
        max_bytes: usize,
        reading: &Reading,
    ) -> Option<Result<(), BodyError>> {
        let arrival = small_body(self.searched(), limits::SMALL_BODY_BYTES, milliseconds)?;
        let arrived = JsFuture::from(arrival).await.unwrap_or_default();
        Some(match arrived.dyn_into::<Uint8Array>() {
            // The memory is reserved first: a Content-Length is not trusted.
            Ok(bytes) => reading
                .reserve(usize::try_from(bytes.length()).unwrap_or(usize::MAX), max_bytes)
                .and_then(|()| reading.push(&bytes.to_vec(), max_bytes)),
            Err(outcome) if outcome == "late" => Err(BodyError::Late(milliseconds)),
            Err(_) => Err(BodyError::Broken),
        })
    }

    async fn body(&self, max_bytes: usize, reading: &Reading) -> Result<(), BodyError> {
        let Some(stream) = self.searched().request().body() else {
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
pub fn header_lines(response: &Answered) -> String {
    let mut headers = String::new();
    for name in response.headers().names() {
        headers.push_str(name);
        headers.push('\n');
        // A list is one value with commas (RFC 9110 §5.3). `Set-Cookie` is not a list, and we never send it.
        for (position, value) in response.headers().get_all(name).enumerate() {
            if position > 0 {
                headers.push_str(", ");
            }
            headers.push_str(value);
        }
        headers.push('\n');
    }
    headers
}

/// Makes the runtime's response.
///
/// # Errors
/// The exception of the runtime if it refuses a header or the status.
pub fn to_worker(response: &Answered) -> Result<Response, JsValue> {
    with_head(response, |status, headers| respond(status, headers, response.body()))
}

/// The number of the next response or value that is kept. JavaScript counts, because it outlives an instance that has panicked.
#[must_use]
pub fn next_number() -> u32 {
    count()
}

/// Makes the runtime's response, and what JavaScript needs to make it again. Returns the number of the response with it.
///
/// # Errors
/// As [`to_worker`].
pub fn to_worker_and_keep(response: &Answered) -> Result<(u32, JsValue), JsValue> {
    let number = next_number();
    let kept =
        with_head(response, |status, headers| respond_and_keep(number, status, headers, response.body()))?;
    Ok((number, kept))
}
