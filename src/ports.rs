//! What the application asks of the world, as traits. `platform/` answers them in a Worker, `tests/native/support` with fakes.
//!
//! Futures are not required to be `Send`: Workers' own are not, and an isolate has one thread.

// A `Send` bound is exactly what the lint wants stated, and exactly what no implementation here could keep.
#![allow(async_fn_in_trait)]

pub use crate::intake::BodyError;
use crate::intake::Reading;
use crate::time::Timestamp;

/// The time, and the passing of it.
pub trait Clock {
    /// The current time. In production it moves only after I/O, so a request reads it once.
    fn now(&self) -> Timestamp;

    /// Waits for `milliseconds`. The only way one request may wait for what another is fetching: workerd cancels
    /// a future that belongs to another request.
    async fn sleep(&self, milliseconds: u32);
}

/// A store shared by all isolates, eventually consistent, without compare-and-set: Workers KV.
pub trait KeyValueStore {
    /// The value under `key`, or `None`.
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Puts `value` under `key` for `ttl_seconds` (60 at least).
    async fn put(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError>;

    /// Removes what is under `key`, if anything is.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}

/// Stores that somebody else fills and the configuration names: KV namespaces by their binding. Read only.
pub trait Directory {
    /// The value under `key` in the namespace bound as `binding`, or `None`.
    async fn find(&self, binding: &str, key: &str) -> Result<Option<String>, StoreError>;
}

/// The store did not answer, or refused. Never fatal for keys, of which the store is a cache.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key-value store failed: {0}")]
pub struct StoreError(pub String);

/// Fetches small documents from elsewhere.
pub trait HttpClient {
    /// Sends a GET and reads the answer whole, within the request's limits. Redirects are returned, not followed.
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError>;
}

/// What to GET, and how much of it and for how long at the most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRequest {
    /// The absolute URL.
    pub url: String,
    /// The `Accept` header.
    pub accept: &'static str,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
    /// Milliseconds until the whole answer, body included, must be here.
    pub timeout_ms: u32,
    /// The largest body accepted, in bytes.
    pub max_bytes: usize,
}

/// An answer as it came, whatever its status.
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
    /// The `Date` header: the origin's clock.
    pub date: Option<String>,
    /// The `Location` header: where a redirect leads.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why no answer came.
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

/// Values that the configuration names and never holds.
pub trait Secrets {
    /// The secret bound under `name`, or `None`.
    fn secret(&self, name: &str) -> Option<String>;
}

/// How urgent a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A client's fault: worth counting.
    Info,
    /// Degraded, and still serving.
    Warn,
    /// Somebody has to act.
    Error,
}

/// Where log lines go.
pub trait Log {
    /// Writes one line of JSON.
    fn log(&self, level: Level, line: &serde_json::Value);
}

/// A request as it came in. Asking costs a call into JavaScript, so nothing is read that nobody asks for.
pub trait IncomingRequest {
    /// The method.
    fn method(&self) -> &http::Method;
    /// The path as sent, percent-encoding untouched.
    fn path(&self) -> &str;
    /// What follows the question mark, if there is one.
    fn query(&self) -> Option<&str>;
    /// The scheme it came by: `http` or `https`.
    fn scheme(&self) -> &str;
    /// The host that it was sent to, with its port unless that is the scheme's own.
    fn host(&self) -> &str;
    /// The values of a header, joined with `, ` when there are several (Fetch §2.2.2).
    fn header(&self, name: &str) -> Option<String>;
    /// The names of all headers in lower case, one a line: one call into JavaScript instead of one per header.
    fn header_names(&self) -> String;
    /// Whether it has a body that is not announced to be empty.
    fn has_body(&self) -> bool;
    /// Whether Cloudflare's edge has delivered it, and so has set its `CF-*` headers.
    fn is_from_cloudflare(&self) -> bool;
    /// Reads the body to its end into `reading`. Asked for once at the most.
    async fn body(&self, max_bytes: usize, reading: &Reading) -> Result<(), BodyError>;
}

/// Sends requests on to the APIs behind. Neither body is read: both are handed through as they stream, and an upgrade to
/// WebSocket is handed through too. Redirects come back as they are.
pub trait Upstreams<R> {
    /// An answer as it came.
    type Answer;

    /// Sends `request` on as `onward` says.
    async fn send(&self, request: &R, onward: &Onward) -> Result<Self::Answer, UpstreamError>;
}

/// How a request is sent on. Its method and body stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onward {
    /// The absolute URL.
    pub url: String,
    /// The service binding that takes it; without one it goes out by HTTP.
    pub service: Option<String>,
    /// The headers to take away first.
    pub remove: Vec<String>,
    /// The headers to set then; values are visible ASCII and spaces.
    pub set: Vec<(String, String)>,
    /// Milliseconds from the end of the request's body until the answer's headers must be here, and between two steps of that
    /// body. A body that moves may take as long as it likes.
    pub timeout_ms: u32,
    /// Whether the platform's own cache may answer in the upstream's place and keep what it answers.
    pub is_cacheable: bool,
    /// What becomes of the answer's headers; `None` leaves the answer as it came.
    pub amend: Option<Amendment>,
}

/// What becomes of an answer's headers. Status and body stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    /// The headers to take away first.
    pub remove: &'static [&'static str],
    /// The headers to set then.
    pub set: Vec<(&'static str, String)>,
    /// The headers to add to what is there.
    pub append: Vec<(&'static str, &'static str)>,
}

/// Why there is no answer of an upstream. The texts are for the log: they may name what is behind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// The upstream took nothing of the request's body for so long, or did not answer for so long after its end.
    #[error("no answer within {0} ms")]
    Timeout(u32),
    /// The client sent nothing of the request's body for so long.
    #[error("the client sent nothing of the request's body for {0} ms")]
    BodyStalled(u32),
    /// The client broke the request's body off.
    #[error("the request's body ended early")]
    BodyBroken,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Unreachable(String),
    /// Nothing is bound under this name.
    #[error("no service is bound as {0}")]
    Unbound(String),
    /// The request could not be sent as it is.
    #[error("the request cannot be sent on: {0}")]
    Unsendable(String),
}

/// Randomness fit for secrets.
pub trait Random {
    /// Fills `bytes`, all of them.
    fn fill(&self, bytes: &mut [u8]);
}

/// The runtime's own cryptography: a second engine beside the pure-Rust one, to compare the two.
pub trait PlatformCrypto {
    /// Whether the signature holds, in this engine's opinion.
    async fn verify_signature(&self, check: &SignatureCheck<'_>) -> Result<bool, NoOpinion>;
}

/// One signature to judge.
#[derive(Clone, Copy, Debug)]
pub struct SignatureCheck<'c> {
    /// The algorithm, as RFC 7518 §3.1 and RFC 8037 §3.1 name it.
    pub alg: &'c str,
    /// The key.
    pub key: CheckingKey<'c>,
    /// What was signed.
    pub message: &'c [u8],
    /// The signature's octets.
    pub signature: &'c [u8],
}

/// The key of a [`SignatureCheck`].
#[derive(Clone, Copy)]
pub enum CheckingKey<'c> {
    /// A public key as a JWK (RFC 7517) of its required members alone: whether `alg`, `use` and `key_ops` allow the check
    /// has been decided, and engines differ on what they accept there.
    Public(&'c serde_json::Value),
    /// The octets of a shared secret.
    Secret(&'c [u8]),
}

/// Shows nothing of a secret.
impl std::fmt::Debug for CheckingKey<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public(jwk) => formatter.debug_tuple("Public").field(jwk).finish(),
            Self::Secret(_) => formatter.write_str("Secret(..)"),
        }
    }
}

/// The engine could not judge: it is absent, or refuses the key. No verdict, and no disagreement either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoOpinion(pub String);

/// Where the program runs.
pub trait Runtime {
    /// What the runtime says of itself.
    fn facts(&self) -> RuntimeFacts;
}

/// What a runtime says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RuntimeFacts {
    /// Its name, as in `Cloudflare-Workers`.
    pub runtime: String,
    /// The compatibility date that the Worker was built for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility_date: Option<String>,
}

/// All the services above at once, as the endpoints take it.
pub trait Platform:
    Clock + KeyValueStore + Directory + HttpClient + Secrets + Log + Random + PlatformCrypto + Runtime
{
}

impl<T> Platform for T where
    T: Clock + KeyValueStore + Directory + HttpClient + Secrets + Log + Random + PlatformCrypto + Runtime
{
}
