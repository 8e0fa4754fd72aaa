//! All native tests except Wycheproof's, in one binary, so that the libraries are linked once. They share `support`.

#![allow(
    clippy::arithmetic_side_effects,
    // The tests read their own texts, and compare with `serde_json` as an independent parser.
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod advice_applied;
mod advice_on_keys;
mod algorithms;
mod attacks_jose;
mod attacks_tokens;
mod cache_model;
mod cases;
mod codes;
mod configuration;
mod documents;
mod ed25519_verdicts;
mod endpoints;
mod exchange;
mod explain;
mod fleet;
mod fuzz_corpus;
mod gateway;
mod incidents;
mod javascript;
mod jose_properties;
mod jwk_sets;
mod jwks_cache;
mod leaks;
mod pasting;
mod presets;
mod providers;
mod repeated;
mod rfc_vectors;
mod security_page;
mod signing;
mod supply_chain;
mod support;
mod texts;
mod verify;
