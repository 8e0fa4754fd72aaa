//! The JOSE formats: compact JWS, JWT claims, JWK sets and signature algorithms.
//!
//! This module knows formats and mathematics. It does not know issuers, caches, the configuration or the current time.

pub mod algorithm;
pub mod base64url;
pub mod json;
pub mod json_type;
pub mod jwk;
pub mod object;
pub mod signature;
pub mod token;

pub use algorithm::Algorithm;
pub use jwk::{Jwk, KeySet, KeySetFormatError, SetAside, SetAsideReason, SetIdentity};
pub use object::Object;
pub use signature::{SharedSecret, VerifyingKey};
pub use token::{Claims, Header, UntrustedToken};
