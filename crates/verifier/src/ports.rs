//! Traits for everything outside of the verifier: time, the network, a shared store, the log. A server implements them for its runtime.
//!
//! The futures need not be `Send`, so that a runtime with one thread can implement the traits. If all futures of a platform are `Send`, so
//! are the futures of a verifier that uses it.

// The lint asks for an explicit `Send` bound. Runtimes with one thread cannot satisfy one, and for others the compiler infers it.
#![allow(async_fn_in_trait)]

use crate::time::Timestamp;

/// The current time, and waiting.
pub trait Clock {
    /// The current time. In production it advances only after I/O, so a request reads it once.
    fn now(&self) -> Timestamp;

    /// Waits for `milliseconds`. A request that needs the result of another request's fetch must wait this way, because
    /// a server may drop the future that the other request belongs to.
    async fn sleep(&self, milliseconds: u32);
}

/// A store shared by all processes, eventually consistent, without compare-and-set.
pub trait KeyValueStore {
    /// The value under `key`, or `None`.
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Stores `value` under `key` for `ttl_seconds`, which is at least 60.
    async fn put(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError>;

    /// Removes the value under `key`, if there is one.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}

/// The store did not answer, or refused the operation. For keys this is never fatal, because the store only caches them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key-value store failed: {0}")]
pub struct StoreError(pub String);

/// Fetches small documents over HTTP.
pub trait HttpClient {
    /// Sends a GET and reads the whole answer, within the request's limits. Redirects are returned, not followed.
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError>;

    /// Whether the platform has a coordinator: one place that fetches key sets for all processes
    /// ([`Coordinator`](crate::keys::coordinator::Coordinator)).
    fn has_coordinator(&self) -> bool {
        false
    }

    /// Whether processes nearby share the answers to requests that allow it ([`DocumentRequest::max_age_seconds`]).
    fn has_shared_cache(&self) -> bool {
        false
    }

    /// What the processes that share that cache have noted of their fetches from this URL ([`Self::write_note`]); `None` if there is nothing. The caller
    /// limits the time. The text is checked by whoever reads it. A platform without such a cache has no notes.
    async fn read_note(&self, url: &str) -> Option<String> {
        let _ = url;
        None
    }

    /// Notes this text of some hundred bytes about fetches from this URL, for `seconds`, beside the answers that are shared. It takes the place of the one
    /// before. If that fails, the processes do without.
    async fn write_note(&self, url: &str, note: &str, seconds: u64) {
        let _ = (url, note, seconds);
    }

    /// Sends `question` to the coordinator of the source `name` and returns its answer. Both are texts of
    /// [`coordinator::wire`](crate::keys::coordinator::wire). The caller limits the time, and drops the future when it is over.
    ///
    /// # Errors
    /// [`CoordinatorError`] if there is no answer. This is what a platform without a coordinator does.
    async fn ask_coordinator(&self, name: &str, question: &str) -> Result<String, CoordinatorError> {
        let _ = (name, question);
        Err(CoordinatorError("this platform has no coordinator".to_owned()))
    }
}

/// Why a coordinator gave no answer that can be used. The caller then fetches by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CoordinatorError(pub String);

/// A GET request, with limits on the size and the time of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRequest {
    /// The absolute URL.
    pub url: String,
    /// The named channel of the platform to send it through; `None`: the network. A platform may know a way to a server besides its public
    /// address. One that does not know this channel returns [`FetchError::NoChannel`] and does not use the network.
    pub channel: Option<String>,
    /// The `Accept` header.
    pub accept: &'static str,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
    /// Milliseconds within which the whole answer must arrive, including its body.
    pub timeout_ms: u32,
    /// The largest body accepted, in bytes.
    pub max_bytes: usize,
    /// How old an answer may be, in seconds, at most [`MAX_SHARED_SECONDS`](crate::limits::MAX_SHARED_SECONDS). A platform with a cache that
    /// processes nearby share may answer from it, and keep an answer for others for that long. 0: the origin itself must be asked.
    pub max_age_seconds: u64,
}

/// An answer with any status, unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The HTTP status.
    pub status: u16,
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `Cache-Control` header.
    pub cache_control: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Date` header: the time of the origin's clock.
    pub date: Option<String>,
    /// The `Location` header: the target of a redirect.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// `None` if the origin has just answered this request. Otherwise the answer is shared with other processes and at most this many
    /// seconds old.
    pub age_seconds: Option<u64>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The answer was not complete in time.
    #[error("no complete answer within {0} ms")]
    Timeout(u32),
    /// The body is larger than the request allows.
    #[error("the body exceeds {0} bytes")]
    TooLarge(usize),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Unreachable(String),
    /// The platform has no channel with this name.
    #[error("nothing is bound as {0}")]
    NoChannel(String),
    /// The request was not sent, because processes nearby have just sent as many as the origin is to get from them. It may be sent in this many seconds.
    #[error("not asked, because processes nearby have just done so; again in {0} s")]
    HeldBack(u64),
    /// The network in which this server runs answered in place of the origin, for this reason.
    #[error("{0}")]
    OwnNetwork(String),
}

/// Secrets. The configuration contains only their names.
pub trait Secrets {
    /// The secret bound under `name`, or `None`.
    ///
    /// A platform whose secrets are given as octets has none.
    fn secret(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
}

/// How urgent a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A client's fault. Operators count these lines.
    Info,
    /// Something is degraded, but requests are still served.
    Warn,
    /// The operator has to act.
    Error,
}

/// The log.
pub trait Log {
    /// Writes one line of JSON.
    fn log(&self, level: Level, line: &serde_json::Value);
}

/// Cryptographically secure random bytes.
pub trait Random {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The runtime's cryptography: a second engine, whose results are compared with those of the pure-Rust one.
pub trait PlatformCrypto {
    /// Whether this engine finds the signature valid.
    ///
    /// # Errors
    /// [`EngineError`] if the engine gives no result. This is what a platform without a second engine does.
    async fn verify_signature(&self, check: &SignatureCheck<'_>) -> Result<bool, EngineError> {
        let _ = check;
        Err(EngineError("this platform has no second engine".to_owned()))
    }
}

/// One signature to check.
#[derive(Clone, Copy, Debug)]
pub struct SignatureCheck<'c> {
    /// The algorithm, as RFC 7518 §3.1 and RFC 8037 §3.1 name it.
    pub alg: &'c str,
    /// The key.
    pub key: CheckingKey<'c>,
    /// The signed octets.
    pub message: &'c [u8],
    /// The signature's octets.
    pub signature: &'c [u8],
}

/// The key of a [`SignatureCheck`].
#[derive(Clone, Copy)]
pub enum CheckingKey<'c> {
    /// A public key as a JWK (RFC 7517) with its required members only. `alg`, `use` and `key_ops` have been checked already,
    /// and engines differ in the values that they accept for them.
    Public(&'c serde_json::Value),
    /// The octets of a shared secret.
    Secret(&'c [u8]),
}

/// Does not show a secret.
impl std::fmt::Debug for CheckingKey<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public(jwk) => formatter.debug_tuple("Public").field(jwk).finish(),
            Self::Secret(_) => formatter.write_str("Secret(..)"),
        }
    }
}

/// Why an engine gives no result: it is absent, or does not accept the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

/// The services that the cache of key sets needs.
pub trait KeyPlatform: Clock + KeyValueStore + HttpClient + Log + Random {}

impl<T> KeyPlatform for T where T: Clock + KeyValueStore + HttpClient + Log + Random {}

/// The services that the verification of a token needs.
pub trait VerifierPlatform: KeyPlatform + Secrets + PlatformCrypto {}

impl<T> VerifierPlatform for T where T: KeyPlatform + Secrets + PlatformCrypto {}
