//! A `ReadableStream` read whole, up to a bound.

use js_sys::futures::JsFuture;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

/// Why a stream was not read to its end.
pub(super) enum Failure {
    /// It holds more than the bound.
    TooLarge,
    /// The runtime's exception.
    Exception(JsValue),
}

impl From<JsValue> for Failure {
    fn from(error: JsValue) -> Self {
        Self::Exception(error)
    }
}

/// All bytes of `stream`, of which there may be `max_bytes`. No more than one chunk beyond is ever held.
pub(super) async fn read_whole(stream: &ReadableStream, max_bytes: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    loop {
        let chunk = JsFuture::from(reader.read()).await?;
        if Reflect::get(&chunk, &JsValue::from_str("done"))?.is_truthy() {
            return Ok(body);
        }
        let bytes: Uint8Array = Reflect::get(&chunk, &JsValue::from_str("value"))?.unchecked_into();
        let length = usize::try_from(bytes.length()).unwrap_or(usize::MAX);
        if body.len().saturating_add(length) > max_bytes {
            // What becomes of the rest is the runtime's business; the connection is not reused.
            drop(reader.cancel());
            return Err(Failure::TooLarge);
        }
        body.extend(bytes.to_vec());
    }
}
