//! The JOSE formats: compact JWS, JWT claims, JWK sets and signature algorithms.
//!
//! This crate knows formats and mathematics. It does not know issuers, caches, a configuration or the current time.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::disallowed_methods))]

pub mod algorithm;
pub mod base64url;
pub mod characters;
pub mod json;
pub mod json_type;
pub mod jwk;
pub mod limits;
pub mod malformed;
pub mod members;
pub mod object;
pub mod signature;
pub mod time;
pub mod token;

pub use algorithm::Algorithm;
pub use jwk::{Jwk, KeySet, KeySetFormatError, SetAside, SetAsideReason, SetIdentity};
pub use malformed::{Malformed, Segment};
pub use object::Object;
pub use signature::{SharedSecret, VerifyingKey};
pub use token::{Claims, Header, TokenFormatError, UntrustedToken};
