//! The fuzz targets: for each parser one function that takes any octets and panics where a property does not hold.
//!
//! `fuzz/src/main.rs` runs them under libFuzzer, and `tests/native/fuzz_corpus.rs` runs them on the committed corpus. A
//! property compares a parser with an independent one, with itself on its own output, or with its documentation.
//! `docs/fuzzing.md` lists them. The crate that includes this module has the tests' `support` as `crate::support`.

// The crate that includes this module decides which parts are used.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used
)]

mod configuration;
mod coordinator;
mod keys;
mod places;
mod requests;
mod tokens;

/// A target. Returns whether the parser accepted the input.
pub type Target = fn(&[u8]) -> bool;

/// All targets by name. The corpus of each is in `fuzz/corpus/<name>`.
pub const TARGETS: &[(&str, Target)] = &[
    ("token", tokens::token),
    ("claims", tokens::claims),
    ("explain", tokens::explain),
    ("key_set", keys::key_set),
    ("record", keys::record),
    ("discovery", keys::discovery),
    ("coordinator", coordinator::coordinator),
    ("form", requests::form),
    ("url", requests::url),
    ("credentials", requests::credentials),
    ("places", places::places),
    ("forward_auth", requests::forward_auth),
    ("request", requests::request),
    ("configuration", configuration::configuration),
];

/// The target called `name`.
pub fn find(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}
