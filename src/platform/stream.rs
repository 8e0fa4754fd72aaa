//! A `ReadableStream` read to its end, piece by piece.

use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::{ReadableStream, ReadableStreamDefaultReader};

/// Why a stream was not read to its end.
pub(super) enum ReadError<E> {
    /// Whoever takes the pieces wants no more.
    Refused(E),
    /// The runtime's exception.
    Exception(JsValue),
}

impl<E> From<JsValue> for ReadError<E> {
    fn from(error: JsValue) -> Self {
        Self::Exception(error)
    }
}

/// Cancels the stream when it is dropped, unless that has ended: what becomes of the rest is the runtime's business.
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

/// Reads `stream` to its end. `admit` is told each piece's length first and may refuse it; `take` gets the piece. No more than
/// one piece beyond what was admitted is ever held. Dropped before the end, it gives up the rest.
pub(super) async fn read_whole<E>(
    stream: &ReadableStream,
    mut admit: impl FnMut(usize) -> Result<(), E>,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), ReadError<E>> {
    let mut reader = Reader { inner: stream.get_reader().unchecked_into(), has_ended: false };
    loop {
        let read = JsFuture::from(reader.inner.read()).await;
        // A stream that has failed has nothing to cancel.
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
