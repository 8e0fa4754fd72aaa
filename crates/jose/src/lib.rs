//! JSON Web Tokens, key sets and signatures: strict parsing, and verification in pure Rust. RFC 7515, 7517, 7518, 7519, 7638, 8037.
//!
//! This crate knows formats and mathematics. It does not know issuers, caches, a configuration or the current time: a token that it parses is
//! not to be trusted. `edge-assay-verifier` decides that.
//!
//! ```
//! use edge_assay_jose::{Algorithm, KeySet, UntrustedToken};
//!
//! // RFC 8037, appendix A.
//! let set = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
//! let key = &set.keys[0].key;
//! let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
//! let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
//! let signature = edge_assay_jose::base64url::decode(signature).ok_or("no base64url")?;
//! assert!(key.verify(Algorithm::EdDsa, message, &signature));
//!
//! let token = UntrustedToken::parse("eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSJ9.AAAA")?;
//! assert_eq!(token.header().algorithm()?, Algorithm::Es256);
//! assert_eq!(token.claims().issuer.as_deref(), Some("https://a.example"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::disallowed_methods))]

pub mod algorithm;
pub mod base64url;
pub mod characters;
pub mod hash;
pub mod json;
pub mod json_type;
pub mod jwk;
pub mod limits;
pub mod malformed;
pub mod members;
pub mod object;
pub mod pem;
pub mod signature;
pub mod time;
pub mod token;

pub use algorithm::{Algorithm, Curve, HashFunction, KeyType, Scheme};
pub use jwk::{Jwk, KeySet, KeySetFormatError, SetAside, SetAsideReason, SetIdentity};
pub use malformed::{Malformed, Segment};
pub use object::Object;
pub use pem::PemError;
pub use signature::{SharedSecret, VerifyingKey};
pub use token::{Claims, Header, TokenFormatError, UntrustedToken};
