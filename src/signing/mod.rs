//! Our own keys: what they sign with, when, and what others are told of them.
//!
//! Knows keys, formats and the clock that is handed to it. Does not know what is signed, for whom, or why.

pub mod key;
pub mod keyring;
pub mod metadata;
pub mod plan;
pub mod schedule;
pub mod series;

pub use key::SigningKey;
pub use keyring::{Keyring, KeyringError, RingKey};
pub use schedule::{Margins, Schedule, State};
pub use series::Series;
