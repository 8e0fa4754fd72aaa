//! The arithmetic of signature verification, for which the generic code of `RustCrypto` is too slow at the edge.
//!
//! It is a crate of its own because the optimisation level is set per crate: this one is compiled for speed, the rest of the
//! Worker for size. It works on public data only, so it need not run in constant time. It takes numbers and knows no format
//! of keys or tokens. docs/kernels.md lists the bounds that the comments here state, and the tests that prove them.

#![allow(clippy::inline_always, reason = "see `dispatch`; and without it the compiler passes sums in memory")]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod ed25519;

pub mod modexp;

pub mod p256;

pub mod p384;

mod comb;

mod dispatch;

mod ecdsa;

mod inversion;

mod lanes;

mod limb;

mod limbs;

#[cfg(test)]
mod random;

pub use dispatch::is_fused;
