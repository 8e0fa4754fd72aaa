//! Trusted issuers and the verification policy for their tokens: keys, secrets, presets, rules for claims, and conditions.

pub mod claims;
pub mod conditions;
pub mod distrust;
pub mod facts;
mod forms;
pub mod issuer;
pub mod presets;
pub mod secrets;
