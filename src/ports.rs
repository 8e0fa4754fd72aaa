//! Traits for everything outside the application. `platform/` implements them with the Workers runtime, `tests/native/support`
//! with fakes.
//!
//! Futures need not be `Send`: those of the Workers runtime are not, and an isolate has one thread.

// The lint asks for an explicit `Send` bound. No implementation here could satisfy one.
#![allow(async_fn_in_trait)]

pub use crate::intake::BodyError;
use crate::intake::Reading;
use crate::time::Timestamp;

/// The current time, and waiting.
pub trait Clock {
    /// The current time. In production it advances only after I/O, so a request reads it once.
    fn now(&self) -> Timestamp;

    /// Waits for `milliseconds`. A request that needs the result of another request's fetch must wait this way, because
    /// workerd cancels a future that belongs to another request.
    async fn sleep(&self, milliseconds: u32);
}

/// Workers KV: a store shared by all isolates, eventually consistent, without compare-and-set.
pub trait KeyValueStore {
    /// The value under `key`, or `None`.
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Stores `value` under `key` for `ttl_seconds`, which is at least 60.
    async fn put(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError>;

    /// Removes the value under `key`, if there is one.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}

/// KV namespaces with the operator's own data. The configuration names them by their binding. Read only.
pub trait Directory {
    /// The value under `key` in the namespace bound as `binding`, or `None`.
    async fn find(&self, binding: &str, key: &str) -> Result<Option<String>, StoreError>;
}

/// The store did not answer, or refused the operation. For keys this is never fatal, because the store only caches them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key-value store failed: {0}")]
pub struct StoreError(pub String);

/// Fetches small documents over HTTP.
pub trait HttpClient {
    /// Sends a GET and reads the whole answer, within the request's limits. Redirects are returned, not followed.
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError>;
}

/// A GET request, with limits on the size and the time of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRequest {
    /// The absolute URL.
    pub url: String,
    /// The `Accept` header.
    pub accept: &'static str,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
    /// Milliseconds within which the whole answer must arrive, including its body.
    pub timeout_ms: u32,
    /// The largest body accepted, in bytes.
    pub max_bytes: usize,
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
}

/// Secrets. The configuration contains only their names.
pub trait Secrets {
    /// The secret bound under `name`, or `None`.
    fn secret(&self, name: &str) -> Option<String>;
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

/// An incoming request. Each method may call into JavaScript, so a value is read only when it is needed.
pub trait IncomingRequest {
    /// The method.
    fn method(&self) -> &http::Method;
    /// The path as sent, still percent-encoded.
    fn path(&self) -> &str;
    /// The query without its question mark, if there is one.
    fn query(&self) -> Option<&str>;
    /// The scheme: `http` or `https`.
    fn scheme(&self) -> &str;
    /// The host that it was sent to, with its port unless that is the scheme's default.
    fn host(&self) -> &str;
    /// The values of a header, joined with `, ` when there are several (Fetch §2.2.2).
    fn header(&self, name: &str) -> Option<String>;
    /// The names of all headers in lower case, one per line. This needs one call into JavaScript instead of one per header.
    fn header_names(&self) -> String;
    /// Whether it has a body, unless its headers say that the body is empty.
    fn has_body(&self) -> bool;
    /// Whether Cloudflare's edge has delivered it. Then the edge has set its `CF-*` headers.
    fn is_from_cloudflare(&self) -> bool;
    /// Reads the whole body into `reading`. Called at most once.
    async fn body(&self, max_bytes: usize, reading: &Reading) -> Result<(), BodyError>;
}

/// Forwards requests to upstreams, the APIs behind the gateway. Both bodies are streamed through without being read, and so is
/// an upgrade to WebSocket. Redirects are returned, not followed.
pub trait Upstreams<R> {
    /// The upstream's answer.
    type Answer;

    /// Forwards `request` as `upstream_request` describes.
    async fn send(
        &self,
        request: &R,
        upstream_request: &UpstreamRequest,
    ) -> Result<Self::Answer, UpstreamError>;
}

/// The upstream request, which forwards an incoming one. Method and body stay the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRequest {
    /// The absolute URL.
    pub url: String,
    /// The service binding to send it to; `None`: it is sent over HTTP.
    pub service: Option<String>,
    /// The headers to remove first.
    pub remove: Vec<String>,
    /// The headers to set after that; values are visible ASCII and spaces.
    pub set: Vec<(String, String)>,
    /// The longest time, in milliseconds, between two chunks of the request's body, and from its end to the answer's headers. A
    /// body that keeps moving has no time limit as a whole.
    pub timeout_ms: u32,
    /// Whether the platform's cache may store the upstream's answer and reuse it.
    pub is_cacheable: bool,
    /// Changes to the answer's headers; `None` leaves the answer unchanged.
    pub amend: Option<Amendment>,
}

/// Changes to an answer's headers. Status and body stay the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    /// The headers to remove first.
    pub remove: &'static [&'static str],
    /// The headers to set after that.
    pub set: Vec<(&'static str, String)>,
    /// The headers to add, beside those of the same name.
    pub append: Vec<(&'static str, &'static str)>,
}

/// Why an upstream gave no answer. The texts are for the log, because they may name the upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// The upstream accepted no byte of the request's body for this long, or did not answer for this long after its end.
    #[error("no answer within {0} ms")]
    Timeout(u32),
    /// The client sent no byte of the request's body for this long.
    #[error("the client sent no byte of the request's body for {0} ms")]
    BodyStalled(u32),
    /// The client ended the connection before the end of the request's body.
    #[error("the request's body ended early")]
    BodyBroken,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Unreachable(String),
    /// No service is bound under this name.
    #[error("no service is bound as {0}")]
    Unbound(String),
    /// The request cannot be sent in this form.
    #[error("the request cannot be forwarded: {0}")]
    Unsendable(String),
}

/// Cryptographically secure random bytes.
pub trait Random {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The runtime's cryptography: a second engine, whose results are compared with those of the pure-Rust one.
pub trait PlatformCrypto {
    /// Whether this engine finds the signature valid.
    async fn verify_signature(&self, check: &SignatureCheck<'_>) -> Result<bool, EngineError>;
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

/// The runtime that executes the program.
pub trait Runtime {
    /// Facts that the runtime reports about itself.
    fn facts(&self) -> RuntimeFacts;
}

/// Facts that a runtime reports about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RuntimeFacts {
    /// Its name, as in `Cloudflare-Workers`.
    pub runtime: String,
    /// The compatibility date that the Worker was built for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility_date: Option<String>,
}

/// The services that the cache of key sets needs.
pub trait KeyPlatform: Clock + KeyValueStore + HttpClient + Log + Random {}

impl<T> KeyPlatform for T where T: Clock + KeyValueStore + HttpClient + Log + Random {}

/// All of the services above, as the endpoints need them.
pub trait Platform: KeyPlatform + Directory + Secrets + PlatformCrypto + Runtime {}

impl<T> Platform for T where T: KeyPlatform + Directory + Secrets + PlatformCrypto + Runtime {}
