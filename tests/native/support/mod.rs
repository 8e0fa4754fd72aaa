//! What the tests share: keys to sign with, tokens of every form, and a world of fakes.

// Each test binary takes its own part of this.
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

pub mod keys;
pub mod ladder;
pub mod platform;
pub mod request;
pub mod tokens;
pub mod world;
