//! SHA-256 (FIPS 180-4), the hash that identifies texts and keys.

use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of `octets`. One function, so that its code is linked once.
#[inline(never)]
#[must_use]
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

/// A message whose signature is checked. Its SHA-256 is computed at most once, when it is asked for.
#[derive(Clone, Debug)]
pub struct Message<'m> {
    octets: &'m [u8],
    sha256: OnceLock<[u8; 32]>,
}

impl<'m> Message<'m> {
    /// A message that nothing is known of.
    #[must_use]
    pub const fn new(octets: &'m [u8]) -> Self {
        Self { octets, sha256: OnceLock::new() }
    }

    /// The message itself.
    #[must_use]
    pub const fn octets(&self) -> &'m [u8] {
        self.octets
    }

    /// Its SHA-256.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        *self.sha256.get_or_init(|| sha256(self.octets))
    }
}
