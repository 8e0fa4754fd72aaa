//! Our own signing keys: private keys, their schedules, and the public documents about them.
//!
//! This module knows keys and formats; the time is an argument. It does not know what is signed, for whom, or why.

mod engine;
pub mod key;
pub mod keyring;
pub mod metadata;
pub mod plan;
pub mod schedule;
pub mod series;

pub use key::{Checks, SigningKey};
pub use keyring::{Keyring, KeyringError, RingKey};
pub use schedule::{Margins, Schedule, State};
pub use series::Series;
