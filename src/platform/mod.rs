//! The only code that knows Workers: it implements the ports with the runtime's APIs, and makes no decisions.

pub mod coordinator;
pub mod eager;
pub mod environment;
pub mod fetch;
pub mod kv;
pub mod message;
mod notes;
mod stream;
pub mod upstream;
mod webcrypto;

use worker::wasm_bindgen::{JsCast as _, JsValue};

/// The message of a JavaScript exception, for a log line.
fn describe(error: &JsValue) -> String {
    let text = error
        .dyn_ref::<worker::js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "an exception without a message".to_owned());
    crate::rejection::excerpt(&text)
}
