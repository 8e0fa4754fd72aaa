//! What is known about a subject beside the token, and, from the verifier, the conditions that a policy or a route sets on it.

#[cfg(feature = "exchange")]
pub mod directory;

pub use crate::trust::{conditions, facts};
