//! The notes that isolates of a data centre leave for each other: in its cache, under URLs of their own. The cache does not replicate to other data centres.

use worker::js_sys::Promise;
use worker::js_sys::futures::JsFuture;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, module = "/src/platform/notes.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = readNote)]
    fn read_note(url: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = writeNote)]
    fn write_note(url: &str, note: &str, seconds: f64) -> Result<Promise, JsValue>;
}

/// What is noted of fetches from `url`; `None` as well if the cache cannot be read.
pub(super) async fn read(url: &str) -> Option<String> {
    JsFuture::from(read_note(url).ok()?).await.ok()?.as_string()
}

/// Notes `note` about fetches from `url` for `seconds`, if the cache takes it.
pub(super) async fn write(url: &str, note: &str, seconds: u64) {
    #[allow(clippy::cast_precision_loss)]
    if let Ok(written) = write_note(url, note, seconds as f64) {
        // Without the note, a data centre asks a provider that does not answer more often. Nothing else depends on it.
        let _ = JsFuture::from(written).await;
    }
}
