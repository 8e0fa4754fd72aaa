//! Implements [`KeyValueStore`](crate::ports::KeyValueStore) and [`Directory`](crate::ports::Directory) with Workers KV. JavaScript makes the
//! calls: those of the `worker` crate would bring a serialiser of options and the formatting of fractions, 5 kB.

use worker::Env;
use worker::js_sys::Promise;
use worker::js_sys::futures::JsFuture;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::describe;
use crate::limits;
use crate::ports::StoreError;

/// The binding of the KV namespace.
const BINDING: &str = "JWKS_CACHE";

// They are asynchronous, so they throw nothing.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, module = "/src/platform/kv.js")]
extern "C" {
    #[wasm_bindgen(js_name = get)]
    fn begin_get(env: &JsValue, binding: &str, key: &str, cache_ttl: u32) -> Promise;
    #[wasm_bindgen(js_name = put)]
    fn begin_put(
        env: &JsValue,
        binding: &str,
        key: &str,
        value: &str,
        expiration_ttl: Option<u32>,
    ) -> Promise;
    #[wasm_bindgen(js_name = remove)]
    fn begin_remove(env: &JsValue, binding: &str, key: &str) -> Promise;
}

/// The value of `key`. Uses the shortest edge cache that KV allows, because isolates share cooldowns through KV.
pub(super) async fn get(env: &Env, key: &str) -> Result<Option<String>, StoreError> {
    get_from(env, BINDING, key).await
}

/// As [`get`], from the namespace with this binding.
pub(super) async fn get_from(env: &Env, binding: &str, key: &str) -> Result<Option<String>, StoreError> {
    let value = ended(begin_get(env, binding, key, limits::KV_CACHE_TTL_SECONDS)).await?;
    Ok(value.as_string())
}

/// Stores `value` as the value of `key` for `ttl_seconds`.
pub(super) async fn put(env: &Env, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError> {
    put_into(env, BINDING, key, value, Some(ttl_seconds)).await
}

/// As [`put`], into the namespace with this binding; without `ttl_seconds` for ever.
pub(super) async fn put_into(
    env: &Env,
    binding: &str,
    key: &str,
    value: &str,
    ttl_seconds: Option<u64>,
) -> Result<(), StoreError> {
    let ttl_seconds = ttl_seconds.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
    ended(begin_put(env, binding, key, value, ttl_seconds)).await.map(drop)
}

/// Deletes the value of `key`.
pub(super) async fn delete(env: &Env, key: &str) -> Result<(), StoreError> {
    ended(begin_remove(env, BINDING, key)).await.map(drop)
}

async fn ended(operation: Promise) -> Result<JsValue, StoreError> {
    JsFuture::from(operation).await.map_err(|error| StoreError(describe(&error)))
}
