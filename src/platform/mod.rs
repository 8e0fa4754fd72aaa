//! The only code that knows Workers: the ports answered with what the runtime offers. No decision is taken here.

pub mod eager;
pub mod environment;
pub mod fetch;
pub mod kv;
pub mod message;
mod stream;
mod timer;
mod upstream;
mod webcrypto;

use wasm_bindgen::{JsCast as _, JsValue};

/// What a JavaScript exception says, for a log line.
fn describe(error: &JsValue) -> String {
    let text = error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "an exception without a message".to_owned());
    crate::rejection::excerpt(&text)
}
