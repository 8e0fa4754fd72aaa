//! Proofs of the kernels' arithmetic for all inputs, by plain execution.
//!
//! The kernels' own files are compiled here with other number types: `limb` for ECDSA, `lanes` for RSA and Ed25519. Their
//! numbers are ranges, all values that may occur, and polynomials, which say how a result depends on the inputs. One run over these
//! covers every input. `build.rs` copies the files, once unchanged and once for each mutant in `mutants.rs`; `tests/` asserts
//! that the originals are proven and the mutants are not. docs/kernels.md lists what is proven.
//!
//! A proof is a function that panics if it fails.

#![cfg(not(target_arch = "wasm32"))]

#[allow(
    clippy::duplicate_mod,
    clippy::inline_always,
    clippy::module_inception,
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the proofs run a part of the kernels, and are compiled with each mutant too"
)]
mod originals {
    include!(concat!(env!("OUT_DIR"), "/originals.rs"));
}

#[allow(warnings, clippy::all, clippy::pedantic, reason = "mutants are deliberately wrong code")]
mod mutants {
    include!(concat!(env!("OUT_DIR"), "/mutants.rs"));
}

/// Each mutant's name, and the proof that must fail for it.
pub const MUTANTS: &[(&str, fn())] = mutants::MUTANTS;

pub use originals::{ecdsa::proofs as ecdsa, ed25519::proofs as ed25519, rsa::proofs as rsa};

pub use ecdsa::Bounds;
