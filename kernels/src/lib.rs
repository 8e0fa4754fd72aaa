//! The arithmetic of signature verification, where the generic one of `RustCrypto` is too slow for the edge.
//!
//! A crate of its own because a compiler's level of optimisation is a crate's: this one is compiled for speed, the rest
//! of the Worker for size. For public data only, knows numbers alone, and has never heard of a key's or a token's format.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod ed25519;

pub mod modexp;

pub mod p256;

pub mod p384;

mod comb;

mod ecdsa;

mod inversion;

mod lanes;

mod limb;

mod limbs;

#[cfg(test)]
mod random;
