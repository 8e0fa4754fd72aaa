//! A secret that somebody has to know: compared without telling by the time it takes how much of it was right.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Kept as its SHA-256: so all have one length, and nothing that is held or printed shows it.
#[derive(Clone, Copy)]
pub struct Password([u8; 32]);

impl Password {
    /// The one that `text` is.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether `given` is it.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        self.0.ct_eq(&Self::new(given).0).into()
    }
}
