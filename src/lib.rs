//! edge-assay is a Cloudflare Worker in pure Rust. It verifies JWTs of other issuers, explains refusals, exchanges tokens, and is a
//! gateway in front of APIs.
//!
//! `docs/architecture.md` describes the modules. Each module uses only modules that are listed after it here.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::disallowed_methods))]

#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "bench"))]
pub mod bench;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub mod entry;

pub mod http;

pub mod explain;

pub mod config;

pub mod gateway;

pub mod exchange;

pub mod verify;

pub mod cross_check;

pub mod trust;

pub mod keys;

pub mod signing;

pub mod jose;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub mod platform;

mod waiting;

pub mod ports;

pub mod intake;

pub mod rejection;

pub mod codes;

pub mod endpoints;

mod characters;

mod members;

pub mod limits;

pub mod time;
