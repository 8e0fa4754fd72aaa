//! edge-assay verifies third parties' JWTs at the edge, in pure Rust, as a Cloudflare Worker.
//!
//! `docs/architecture.md` draws the house: each module here knows only those listed after it.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod jose;
pub mod keys;
pub mod limits;
pub mod ports;
pub mod rejection;
pub mod time;
