//! Verifies JSON Web Tokens of trusted issuers, with a cache of their keys.
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
