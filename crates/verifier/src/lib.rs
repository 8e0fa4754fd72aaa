//! Verifies JSON Web Tokens of trusted issuers (RFC 7519), with a cache of their keys (RFC 7517), on any async runtime.
//!
//! - **It never lets the wrong one in.** The issuer is selected by the exact `iss`, then the algorithm from an allow-list, then the key. One
//!   signature is checked. Nothing is fetched that the application has not named. The audience has no default.
//! - **It does not fail with its provider.** Keys are cached, refreshed in advance, and used for a day while the provider is down. A new key is
//!   found at once, and a flood of unknown keys causes one fetch per cooldown. Many threads that need the same keys fetch them once.
//! - **A refusal says what to do.** A [`Rejection`] is the token's fault (401 or 403), a [`Fault`] is not (503). Each has a stable code.
//!
//! Servers on tokio use it through `edge-assay-axum`, which has the HTTP client, the clock and the background task.
//!
//! # A complete program
//!
//! The [platform](ports) is what the server provides: the time, an HTTP client, a log, and, if it has one, a store that its processes share.
//! This one has a key set in memory. A real one fetches `request.url`, follows no redirect, and keeps the limits of the request.
//!
//! ```
//! use edge_assay_verifier::jose::time::Timestamp;
//! use edge_assay_verifier::ports::{
//!     Clock, Document, DocumentRequest, FetchError, HttpClient, KeyValueStore, Level, Log, PlatformCrypto, Random, Secrets,
//!     StoreError,
//! };
//! use edge_assay_verifier::{Issuer, Refusal, Verifier};
//!
//! struct Platform;
//!
//! impl Clock for Platform {
//!     fn now(&self) -> Timestamp {
//!         Timestamp::from_epoch_seconds(1_800_000_000) // the time of the system
//!     }
//!     async fn sleep(&self, milliseconds: u32) {
//!         tokio::time::sleep(std::time::Duration::from_millis(milliseconds.into())).await;
//!     }
//! }
//! impl HttpClient for Platform {
//!     async fn get(&self, _request: &DocumentRequest) -> Result<Document, FetchError> {
//!         let body = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
//!         Ok(Document { status: 200, body: body.to_vec(), ..Document::default() })
//!     }
//! }
//! impl KeyValueStore for Platform {
//!     async fn get(&self, _key: &str) -> Result<Option<String>, StoreError> { Ok(None) }
//!     async fn put(&self, _key: &str, _value: &str, _ttl_seconds: u64) -> Result<(), StoreError> { Ok(()) }
//!     async fn delete(&self, _key: &str) -> Result<(), StoreError> { Ok(()) }
//! }
//! impl Log for Platform {
//!     fn log(&self, level: Level, line: &serde_json::Value) {
//!         eprintln!("{level:?} {line}");
//!     }
//! }
//! impl Random for Platform {
//!     fn fill(&self, bytes: &mut [u8]) {
//!         bytes.fill(4); // random bytes of the system
//!     }
//! }
//! impl Secrets for Platform {}
//! impl PlatformCrypto for Platform {}
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let verifier = Verifier::builder()
//!     .issuer(Issuer::better_auth("https://app.example").audience(["https://app.example"]))
//!     .build_on(Platform)?;
//!
//! match verifier.verify("eyJhbGciOiJFZERTQSJ9.e30.AAAA").await {
//!     Ok(token) => println!("{:?} may {:?}", token.subject(), token.scopes()),
//!     Err(Refusal::Rejection(rejection)) => println!("{}: {rejection}", rejection.status()),
//!     Err(Refusal::Fault(fault)) => println!("503: {fault}"),
//! }
//! # assert_eq!(verifier.verify("eyJhbGciOiJFZERTQSJ9.e30.AAAA").await.unwrap_err().code(), "issuer_missing");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Claims
//!
//! [`VerifiedToken`] is made by verification alone, so a function that takes one cannot be called without it. [`VerifiedToken::claims_as`]
//! reads the claims into a type of the application's, [`VerifiedToken::require_scopes`] checks scopes.
//!
//! # Responses
//!
//! [`Refusal::status`], [`Refusal::code`], [`Refusal::title`] and [`Refusal::public_detail`] are the problem details of RFC 9457;
//! [`challenge::challenge`] is the `WWW-Authenticate` header of RFC 6750; [`Refusal::retry_after_seconds`] is `Retry-After`.
//! [`credentials::bearer_token`] reads the `Authorization` header, and names what clients send by mistake, such as `Bearer null`;
//! [`credentials::Places`] reads cookies and other places too.
//!
//! # Keys in the background
//!
//! Call [`Verifier::upkeep`] every [`Verifier::upkeep_interval`]. Without it, a request that needs keys fetches them.
//!
//! # Features
//!
//! `kernels` (on by default): arithmetic of our own for RSA, P-256, P-384 and Ed25519. Without it, the crates of `RustCrypto` verify. The
//! verdicts are the same.
//!
//! Each module uses only modules that are listed after it here.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::disallowed_methods))]

mod verifier;

mod builder;

mod issuer;

pub mod credentials;

pub mod challenge;

pub mod verify;

pub mod cross_check;

pub mod trust;

pub mod keys;

pub mod waiting;

mod sync;

pub mod ports;

pub mod rejection;

pub mod codes;

pub mod limits;

pub use builder::{BuildError, Builder};
pub use issuer::Issuer;
pub use rejection::{Fault, Refusal, Rejection};
pub use verifier::Verifier;
pub use verify::VerifiedToken;

pub use edge_assay_jose as jose;

pub(crate) use edge_assay_jose::{members, time};
