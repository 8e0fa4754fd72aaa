//! Workers KV as the [`KeyValueStore`](crate::ports::KeyValueStore) and the [`Directory`](crate::ports::Directory).

use js_sys::Promise;
use js_sys::futures::JsFuture;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::describe;
use super::environment::Environment;
use crate::limits;
use crate::ports::StoreError;

/// The KV namespace's binding.
const BINDING: &str = "JWKS_CACHE";

#[wasm_bindgen(module = "/src/platform/kv.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = get)]
    fn ask(namespace: &JsValue, key: &str, cache_ttl: u32) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = put)]
    fn write(namespace: &JsValue, key: &str, value: &str, expiration_ttl: f64) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    fn remove(namespace: &JsValue, key: &str) -> Result<Promise, JsValue>;
}

/// The value under `key`. Read with the shortest edge cache KV offers, because cooldowns are shared through it.
pub(super) async fn get(env: &Environment, key: &str) -> Result<Option<String>, StoreError> {
    get_from(env, BINDING, key).await
}

/// As [`get`], from the namespace bound as `binding`.
pub(super) async fn get_from(
    env: &Environment,
    binding: &str,
    key: &str,
) -> Result<Option<String>, StoreError> {
    let namespace = namespace(env, binding)?;
    Ok(settled(ask(&namespace, key, limits::KV_CACHE_TTL_SECONDS)).await?.as_string())
}

/// Puts `value` under `key` for `ttl_seconds`.
pub(super) async fn put(
    env: &Environment,
    key: &str,
    value: &str,
    ttl_seconds: u64,
) -> Result<(), StoreError> {
    let namespace = namespace(env, BINDING)?;
    // A lifetime in seconds is far below 2^53.
    #[allow(clippy::cast_precision_loss)]
    let expiration_ttl = ttl_seconds as f64;
    settled(write(&namespace, key, value, expiration_ttl)).await.map(drop)
}

/// Removes what is under `key`.
pub(super) async fn delete(env: &Environment, key: &str) -> Result<(), StoreError> {
    let namespace = namespace(env, BINDING)?;
    settled(remove(&namespace, key)).await.map(drop)
}

fn namespace(env: &Environment, binding: &str) -> Result<JsValue, StoreError> {
    env.binding(binding).ok_or_else(|| StoreError(format!("no KV namespace is bound as {binding}")))
}

/// What `promise` comes to.
async fn settled(promise: Result<Promise, JsValue>) -> Result<JsValue, StoreError> {
    let failed = |error: JsValue| StoreError(describe(&error));
    JsFuture::from(promise.map_err(failed)?).await.map_err(failed)
}
