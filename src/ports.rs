//! Traits for everything outside the application. `platform/` implements them with the Workers runtime, `tests/native/support`
//! with fakes.
//!
//! Futures need not be `Send`: those of the Workers runtime are not, and an isolate has one thread.

// The lint asks for an explicit `Send` bound. No implementation here could satisfy one.
#![allow(async_fn_in_trait)]

use std::any::Any;
use std::rc::Rc;

pub use edge_assay_verifier::ports::*;

pub use crate::intake::BodyError;
use crate::intake::Reading;

/// KV namespaces with the operator's own data. The configuration names them by their binding.
pub trait Directory {
    /// The value under `key` in the namespace bound as `binding`, or `None`.
    async fn find(&self, binding: &str, key: &str) -> Result<Option<String>, StoreError>;

    /// Stores `value` under `key` in the namespace bound as `binding`, for ever.
    async fn keep(&self, binding: &str, key: &str, value: &str) -> Result<(), StoreError>;
}

/// `document`, unless Cloudflare answered in place of the origin, because a Worker asked for another Worker of its account.
///
/// # Errors
/// [`FetchError::OwnNetwork`] in that case.
pub fn from_origin(document: Document) -> Result<Document, FetchError> {
    /// The error page is shorter.
    const LOOKED_AT_BYTES: usize = 4096;
    let start = document.body.get(..LOOKED_AT_BYTES).unwrap_or(&document.body);
    if document.status == 404 && String::from_utf8_lossy(start).contains("error code: 1042") {
        return Err(FetchError::OwnNetwork(
            "the status is 404 with \"error code: 1042\": a Worker cannot fetch the workers.dev address of another Worker of its account"
                .to_owned(),
        ));
    }
    Ok(document)
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
    /// Reads the whole body into `reading`, chunk by chunk. Called at most once, and not after [`Self::small_body`] has read it.
    async fn body(&self, max_bytes: usize, reading: &Reading) -> Result<(), BodyError>;
    /// The same for a small body, within `milliseconds`, if the platform has a faster way for it; `None` if it has not. Then nothing was read.
    async fn small_body(
        &self,
        milliseconds: u32,
        max_bytes: usize,
        reading: &Reading,
    ) -> Option<Result<(), BodyError>> {
        let _ = (milliseconds, max_bytes, reading);
        None
    }
}

/// The upstream request, which forwards an incoming one to an upstream, an API behind the gateway. Method and body stay the same. The platform streams
/// both bodies through without reading them, and so an upgrade to WebSocket. Redirects are returned, not followed.
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

/// The runtime's own signatures with our private keys: native code that takes constant time. Whoever asks verifies signatures, and can
/// make them in Rust.
pub trait SigningEngine {
    /// Imports a private key for [`Self::sign`], so that nobody can export it again.
    ///
    /// # Errors
    /// [`EngineError`] if the engine does not take the key. This is what a platform without such an engine does. The text holds nothing of the
    /// key.
    async fn import_signing_key(&self, key: &PrivateKey<'_>) -> Result<EngineKey, EngineError> {
        let _ = key;
        Err(EngineError("this platform does not sign".to_owned()))
    }

    /// The signature of `message`, in the form of RFC 7518 §3 and RFC 8037 §3.1. `key` is one that [`Self::import_signing_key`] returned.
    ///
    /// # Errors
    /// [`EngineError`] if the engine does not sign.
    async fn sign(&self, key: &EngineKey, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        let _ = (key, message);
        Err(EngineError("this platform does not sign".to_owned()))
    }
}

/// A private key on its way into a [`SigningEngine`].
#[derive(Clone, Copy)]
pub struct PrivateKey<'k> {
    /// The algorithm that it signs with, as RFC 7518 §3.1 and RFC 8037 §3.1 name it.
    pub alg: &'k str,
    /// The key as `PrivateKeyInfo` of PKCS #8 (RFC 5208 §5), in DER.
    pub pkcs8: &'k [u8],
}

/// Does not show the key.
impl std::fmt::Debug for PrivateKey<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PrivateKey").field("alg", &self.alg).finish_non_exhaustive()
    }
}

/// An imported private key. Only the engine that imported it knows its type.
pub type EngineKey = Rc<dyn Any>;

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

/// All of the services above, as the endpoints need them.
pub trait Platform: VerifierPlatform + Directory + Runtime + SigningEngine {}

impl<T> Platform for T where T: VerifierPlatform + Directory + Runtime + SigningEngine {}
