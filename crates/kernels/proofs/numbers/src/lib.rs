//! Numbers for proofs: each represents all values that may occur.
//!
//! [`limb`] and [`lanes`] have the names and operations of the kernels' modules, so that the kernels' files can be compiled with
//! them. This is a separate crate because it is compiled with optimisation, and the files, once for each mutant, are not.

#![cfg(not(target_arch = "wasm32"))]

pub mod dyadic;

pub mod lanes;

pub mod limb;

pub mod polynomial;
