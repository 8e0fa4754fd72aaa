//! edge-assay is a Cloudflare Worker in pure Rust. It verifies JWTs of other issuers, explains refusals, exchanges tokens, and is a
//! gateway in front of APIs.
//!
//! `docs/architecture.md` describes the modules. Each module uses only modules that are listed after it here.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::disallowed_methods))]
// A build without a part does not use all that the others share with it. The whole build finds what nothing uses.
#![cfg_attr(not(feature = "explain"), allow(dead_code))]

#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "bench"))]
pub mod bench;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub mod entry;

pub mod http;

#[cfg(feature = "explain")]
pub mod explain;

pub mod config;

pub mod gateway;

#[cfg(feature = "exchange")]
pub mod exchange;

pub mod claims;

#[cfg(feature = "exchange")]
pub mod signing;

pub mod secrets;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub mod platform;

pub mod ports;

pub mod audiences;

mod details;

pub mod intake;

pub mod response;

pub mod codes;

pub mod endpoints;

pub mod limits;

// The floors below, which other servers use as libraries.
pub use edge_assay_jose as jose;
pub use edge_assay_jose::time;
pub use edge_assay_verifier::{credentials, cross_check, keys, rejection, trust, verify};

pub(crate) use edge_assay_jose::{characters, members};
pub(crate) use edge_assay_verifier::waiting;
