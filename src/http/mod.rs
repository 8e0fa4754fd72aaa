//! From a request to a response: which endpoint answers, and how a verdict looks on the wire.
//!
//! Knows HTTP and nothing of Workers: the same code answers in the isolate and in native tests.

pub mod access;
mod admission;
pub mod answer;
pub mod application;
mod body;
pub mod challenge;
pub mod cors;
pub mod credentials;
pub mod deep_check;
pub mod exchange;
pub mod explanation;
pub mod forward_auth;
pub mod gateway;
mod issuing;
pub mod log;
pub mod openapi;
pub mod problem;
pub mod readiness;
pub mod router;
pub mod verdict;

/// A response whose body is in memory.
pub type Response = http::Response<Vec<u8>>;
