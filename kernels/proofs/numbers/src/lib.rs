//! Numbers for proofs: one of them stands for all values that may occur.
//!
//! [`limb`] and [`lanes`] have the names and operations of the kernels' modules, so that the kernels' files can be compiled over
//! them. A crate of its own because it is compiled with optimisation, and the files, once for each mutant, are not.

#![cfg(not(target_arch = "wasm32"))]

pub mod dyadic;

pub mod lanes;

pub mod limb;

pub mod polynomial;
