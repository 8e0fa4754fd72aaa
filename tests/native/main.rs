//! All native tests but Wycheproof's in one binary, so that the libraries are linked once. `support` is their common kit.

#![allow(
    clippy::arithmetic_side_effects,
    // What the tests read is their own, and what they compare with is meant to be another reader.
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod advice_applied;
mod advice_on_keys;
mod attacks_jose;
mod attacks_tokens;
mod cases;
mod cli;
mod configuration;
mod documents;
mod endpoints;
mod exchange;
mod explain;
mod gateway;
mod incidents;
mod jose_properties;
mod jwk_sets;
mod jwks_cache;
mod leaks;
mod rfc_vectors;
mod security_page;
mod signing;
mod supply_chain;
mod support;
mod verify;
