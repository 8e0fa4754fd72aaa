//! Trusted issuers and the verification policy for their tokens: keys, secrets, presets, token classes, rules for claims, and conditions.

pub mod claims;
pub mod classes;
pub mod conditions;
pub mod distrust;
pub mod facts;
mod forms;
pub mod issuer;
mod media_type;
pub mod presets;
pub mod secrets;
pub mod tenants;
