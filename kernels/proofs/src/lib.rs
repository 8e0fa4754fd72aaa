//! Proofs of the kernels' arithmetic for all inputs, by plain execution.
//!
//! The kernels' own files are compiled here over other number types: [`limb`] for ECDSA, [`lanes`] for RSA and Ed25519. Their
//! numbers are ranges, all values that may occur, and polynomials, which say how a result depends on the inputs. One run over these
//! covers every input. `build.rs` lays the files out, once as they are and once for each mutant in `mutants.rs`; `tests/` asserts
//! that the originals are proven and the mutants are not. docs/kernels.md lists what is proven.
//!
//! A proof is a function that panics where it fails.

#![cfg(not(target_arch = "wasm32"))]

#[allow(
    clippy::duplicate_mod,
    dead_code,
    unreachable_pub,
    unused_imports,
    unused_variables,
    reason = "of the kernels' files, the proofs run a part; a mutant uses less of its own; all have the same proofs beside them"
)]
mod trees {
    include!(concat!(env!("OUT_DIR"), "/trees.rs"));
}

pub use trees::MUTANTS;
pub use trees::ecdsa_original::proofs as ecdsa;
pub use trees::ed25519_original::proofs as ed25519;
pub use trees::rsa_original::proofs as rsa;

pub use ecdsa::Bounds;
