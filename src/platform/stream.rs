//! Reads a `ReadableStream` to its end, chunk by chunk.

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::{ReadableStream, ReadableStreamDefaultReader};

/// Why a stream was not read to its end.
pub(super) enum ReadError<E> {
    /// The caller refused a chunk.
    Refused(E),
    /// The exception of the runtime.
    Exception(JsValue),
}

impl<E> From<JsValue> for ReadError<E> {
    fn from(error: JsValue) -> Self {
        Self::Exception(error)
    }
}

/// Cancels the stream when it is dropped before the end of the stream. The runtime then handles the rest.
struct Reader {
    inner: ReadableStreamDefaultReader,
    has_ended: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.has_ended {
            drop(self.inner.cancel());
        }
    }
}

/// Reads `stream` to its end. For each chunk, `admit` gets the length first and may refuse it; then `take` gets the chunk. At most one
/// chunk beyond the admitted ones is in memory. If the future is dropped before the end, the rest is not read.
pub(super) async fn read_whole<E>(
    stream: &ReadableStream,
    mut admit: impl FnMut(usize) -> Result<(), E>,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), ReadError<E>> {
    let mut reader = Reader { inner: stream.get_reader().unchecked_into(), has_ended: false };
    loop {
        let read = JsFuture::from(reader.inner.read()).await;
        // A stream that has failed need not be cancelled.
        reader.has_ended = read.is_err();
        let chunk = read?;
        if Reflect::get(&chunk, &JsValue::from_str("done"))?.is_truthy() {
            reader.has_ended = true;
            return Ok(());
        }
        let bytes: Uint8Array = Reflect::get(&chunk, &JsValue::from_str("value"))?.unchecked_into();
        admit(usize::try_from(bytes.length()).unwrap_or(usize::MAX)).map_err(ReadError::Refused)?;
        take(&bytes.to_vec()).map_err(ReadError::Refused)?;
    }
}
