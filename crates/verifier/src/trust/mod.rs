//! Trusted issuers and the verification policy for their tokens: keys, secrets, presets and rules for claims.

pub mod claims;
pub mod distrust;
pub mod issuer;
pub mod presets;
pub mod secrets;
