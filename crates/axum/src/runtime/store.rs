//! A store for key sets that several processes share.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

pub use edge_assay_verifier::ports::StoreError;

/// The future of a [`Store`]'s method.
pub type StoreFuture<'s, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 's>>;

/// A key-value store, such as Redis, that several processes share. Then one process fetches a key set, and the others read it from here.
///
/// It is a cache: when it fails, the verifier asks the identity provider, and everything that it reads is validated like an answer of the
/// network. An operation that takes longer than a second counts as failed.
pub trait Store: Debug + Send + Sync {
    /// The value under `key`, or `None`.
    fn get<'s>(&'s self, key: &'s str) -> StoreFuture<'s, Option<String>>;

    /// Stores `value` under `key` for `ttl_seconds`.
    fn put<'s>(&'s self, key: &'s str, value: &'s str, ttl_seconds: u64) -> StoreFuture<'s, ()>;

    /// Removes the value under `key`, if there is one.
    fn delete<'s>(&'s self, key: &'s str) -> StoreFuture<'s, ()>;
}
