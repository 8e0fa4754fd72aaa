//! The coordinator of [`keys::coordinator`](crate::keys::coordinator) as a Durable Object: the way to it, and its questions when this isolate
//! runs it.

use std::rc::Rc;

use worker::js_sys::Promise;
use worker::js_sys::futures::JsFuture;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::{describe, eager};
use crate::keys::coordinator::Coordinator;
use crate::limits;
use crate::ports::{Clock, CoordinatorError, HttpClient, KeyValueStore};

/// The binding of the Durable Object namespace.
pub(super) const BINDING: &str = "COORDINATOR";

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, module = "/src/platform/coordinator.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn ask(namespace: &JsValue, name: &str, question: &str, most: usize) -> Result<Promise, JsValue>;
}

/// The answer of the object `name` in this namespace.
pub(super) async fn answer_of(
    namespace: &JsValue,
    name: &str,
    question: &str,
) -> Result<String, CoordinatorError> {
    let failed = |error: JsValue| CoordinatorError(describe(&error));
    // One more than may be read, so that a longer answer is refused.
    let most = limits::MAX_ANSWER_BYTES.saturating_add(1);
    let answer = JsFuture::from(ask(namespace, name, question, most).map_err(failed)?).await;
    let answer = answer.map_err(failed)?.as_string();
    answer.ok_or_else(|| CoordinatorError("its answer is not a text".to_owned()))
}

/// Answers a question that the object has received. The fetch that it begins goes on without it.
pub async fn answer<P: Clock + HttpClient + KeyValueStore + Clone + 'static>(
    coordinator: Rc<Coordinator>,
    platform: P,
    question: &str,
) -> String {
    let (asked, fetch) = coordinator.ask(question, platform.now());
    let kept_ms = if asked.tells_of_purge() { PURGE_KEPT_MS } else { KEPT_MS };
    if fetch.is_some() || asked.tells_of_purge() {
        let (coordinator, platform) = (Rc::clone(&coordinator), platform.clone());
        drop(eager::promise_of(Box::pin(async move {
            if let Some(fetch) = fetch {
                coordinator.fetch(&platform, fetch).await;
            }
            // The runtime removes an object that waits for nothing from memory after 10 s, and what it knows with it.
            platform.sleep(kept_ms).await;
            Ok(JsValue::UNDEFINED)
        })));
    }
    coordinator.answer(&platform, asked).await
}

/// For how long an object stays in memory after a fetch: as long as its outcome may be held.
#[allow(clippy::cast_possible_truncation)]
const KEPT_MS: u32 = limits::COORDINATOR_LONGEST_HOLD_SECONDS as u32 * 1000;

/// The same after it was told of a purge.
#[allow(clippy::cast_possible_truncation)]
const PURGE_KEPT_MS: u32 = limits::PURGE_KEPT_SECONDS as u32 * 1000;
