//! The platform of the verifier on tokio: clock, HTTP client, random numbers, log and store.
//!
//! [`Tokio`] implements the verifier's ports. It knows nothing about requests or tokens.

mod http_client;
#[cfg(feature = "testing")]
mod memory;
mod store;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use edge_assay_verifier::jose::time::Timestamp;
use edge_assay_verifier::ports::{
    Clock, Document, DocumentRequest, FetchError, HttpClient, KeyValueStore, Level, Log, PlatformCrypto,
    Random, Secrets,
};
use http_client::Client;
pub use store::{Store, StoreError, StoreFuture};

#[cfg(feature = "testing")]
pub(crate) use memory::Documents;

/// tokio as the platform of a [`Verifier`](crate::Verifier): the system's clock, HTTPS with rustls, and the log of `tracing`.
///
/// Key sets are kept in the memory of the verifier. A [`Store`] is needed only if several processes should share them.
///
/// A clone shares the connections and the store.
#[derive(Clone)]
pub struct Tokio {
    client: Fetching,
    store: Option<Arc<dyn Store>>,
}

/// Where documents come from.
#[derive(Clone)]
enum Fetching {
    Network(Client),
    #[cfg(feature = "testing")]
    Memory(Documents),
}

impl fmt::Debug for Tokio {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokio").field("has_store", &self.store.is_some()).finish_non_exhaustive()
    }
}

impl Default for Tokio {
    fn default() -> Self {
        Self::new()
    }
}

impl Tokio {
    /// The platform with an HTTP client that trusts Mozilla's root certificates.
    ///
    /// The client follows no redirect and uses no proxy, whatever the environment says: the key set decides who may sign tokens, so it comes
    /// from the configured URL or not at all.
    #[must_use]
    pub fn new() -> Self {
        Self::fetching(Fetching::Network(Client::new()))
    }

    /// The platform with an HTTP client that uses these TLS settings, as for a provider whose certificate a private authority has signed.
    #[must_use]
    pub fn with_tls(tls: rustls::ClientConfig) -> Self {
        Self::fetching(Fetching::Network(Client::with_tls(tls)))
    }

    /// The platform with documents in memory, without a network.
    #[cfg(feature = "testing")]
    pub(crate) fn in_memory(documents: Documents) -> Self {
        Self::fetching(Fetching::Memory(documents))
    }

    fn fetching(client: Fetching) -> Self {
        Self { client, store: None }
    }

    /// The same platform with a store that several processes share.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }
}

impl Clock for Tokio {
    fn now(&self) -> Timestamp {
        // The only place in this crate that reads the clock.
        #[expect(clippy::disallowed_methods, reason = "this is ports::Clock")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_epoch_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    async fn sleep(&self, milliseconds: u32) {
        tokio::time::sleep(Duration::from_millis(u64::from(milliseconds))).await;
    }
}

impl KeyValueStore for Tokio {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        match &self.store {
            Some(store) => store.get(key).await,
            None => Ok(None),
        }
    }

    async fn put(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError> {
        match &self.store {
            Some(store) => store.put(key, value, ttl_seconds).await,
            None => Ok(()),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match &self.store {
            Some(store) => store.delete(key).await,
            None => Ok(()),
        }
    }
}

impl HttpClient for Tokio {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        if let Some(name) = &request.channel {
            return Err(FetchError::NoChannel(name.clone()));
        }
        match &self.client {
            Fetching::Network(client) => client.get(request).await,
            #[cfg(feature = "testing")]
            Fetching::Memory(documents) => documents.get(&request.url),
        }
    }
}

impl Log for Tokio {
    fn log(&self, level: Level, line: &serde_json::Value) {
        let event = line.get("event").and_then(serde_json::Value::as_str).unwrap_or("event");
        match level {
            Level::Info => tracing::info!(target: "edge_assay", %line, "{event}"),
            Level::Warn => tracing::warn!(target: "edge_assay", %line, "{event}"),
            Level::Error => tracing::error!(target: "edge_assay", %line, "{event}"),
        }
    }
}

impl Random for Tokio {
    /// The numbers spread refreshes over time, and no secret comes from them. So a machine without a source of randomness still verifies: the
    /// numbers are zeros then.
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::getrandom(bytes) {
            tracing::error!(target: "edge_assay", %error, "this machine has no source of randomness");
        }
    }
}

/// The application gives a secret to [`Issuer::shared_secret`](crate::Issuer::shared_secret), so none has to be found by its name.
impl Secrets for Tokio {}

/// A server has no second engine.
impl PlatformCrypto for Tokio {}
