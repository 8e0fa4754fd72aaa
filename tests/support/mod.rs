//! What the integration tests share.

#![allow(dead_code, unreachable_pub)] // each test file is a crate of its own and uses a part of it
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod keys;
pub mod platform;
pub mod tokens;
