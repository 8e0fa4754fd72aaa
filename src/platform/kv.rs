//! Implements [`KeyValueStore`](crate::ports::KeyValueStore) and [`Directory`](crate::ports::Directory) with Workers KV.

use worker::{Env, KvError};

use super::describe;
use crate::limits;
use crate::ports::StoreError;

/// The binding of the KV namespace.
const BINDING: &str = "JWKS_CACHE";

/// The value of `key`. Uses the shortest edge cache that KV allows, because isolates share cooldowns through KV.
pub(super) async fn get(env: &Env, key: &str) -> Result<Option<String>, StoreError> {
    get_from(env, BINDING, key).await
}

/// As [`get`], from the namespace with this binding.
pub(super) async fn get_from(env: &Env, binding: &str, key: &str) -> Result<Option<String>, StoreError> {
    env.kv(binding)
        .map_err(|_| unbound(binding))?
        .get(key)
        .cache_ttl(limits::KV_CACHE_TTL_SECONDS)
        .text()
        .await
        .map_err(|error| failed(&error))
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
    let namespace = env.kv(binding).map_err(|_| unbound(binding))?;
    let mut put = namespace.put(key, value).map_err(|error| failed(&error))?;
    if let Some(seconds) = ttl_seconds {
        put = put.expiration_ttl(seconds);
    }
    put.execute().await.map_err(|error| failed(&error))
}

/// Deletes the value of `key`.
pub(super) async fn delete(env: &Env, key: &str) -> Result<(), StoreError> {
    env.kv(BINDING)
        .map_err(|_| unbound(BINDING))?
        .delete(key)
        .await
        .map_err(|error| StoreError(crate::rejection::excerpt(&error.to_string())))
}

fn unbound(binding: &str) -> StoreError {
    StoreError(format!("no KV namespace is bound as {binding}"))
}

fn failed(error: &KvError) -> StoreError {
    StoreError(match error {
        KvError::JavaScript(exception) => describe(exception),
        other => crate::rejection::excerpt(&other.to_string()),
    })
}
