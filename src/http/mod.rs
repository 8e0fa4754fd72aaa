//! From a request to a response: selects the endpoint, and turns its result into status, headers and body.
//!
//! This module knows HTTP but not Workers, so the same code runs in the isolate and in native tests.

pub mod access;
mod admission;
pub mod answer;
pub mod application;
mod body;
pub mod call;
pub mod challenge;
pub mod configured;
pub mod cors;
pub mod credentials;
pub mod deep_check;
#[cfg(feature = "exchange")]
pub mod exchange;
#[cfg(feature = "explain")]
pub mod explanation;
pub mod forward_auth;
pub mod forwarding;
pub mod gateway;
#[cfg(feature = "exchange")]
mod issuing;
pub mod log;
#[cfg(feature = "explain")]
pub mod openapi;
#[cfg(feature = "explain")]
pub mod presented;
pub mod problem;
mod purge;
pub mod readiness;
pub mod record;
pub mod router;
pub mod standing;
pub mod verdict;

pub use crate::response::Response;
