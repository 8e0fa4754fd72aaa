//! Whom we believe, and on which terms. `jose/` knows formats and `keys/` knows where keys come from; people live here.

pub mod claims;
pub mod issuer;
pub mod password;
pub mod presets;
pub mod secrets;
