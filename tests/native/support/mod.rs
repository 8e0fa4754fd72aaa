//! Shared by the tests: keys to sign with, tokens, and fakes of the platform.

// Each test binary uses only a part of this.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod faulty_token;
pub mod keys;
pub mod platform;
pub mod request;
pub mod schema;
pub mod signer;
pub mod tokens;
pub mod world;
