//! The JOSE formats: compact JWS, JWT claims, JWK sets, and the signature algorithms behind them.
//!
//! Knows formats and mathematics. Has never heard of an issuer, a cache, a configuration or the time of day.

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
