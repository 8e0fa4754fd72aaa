//! SHA-256 (FIPS 180-4), the hash that identifies texts and keys.

use sha2::{Digest as _, Sha256};

/// The SHA-256 of `octets`. One function, so that its code is linked once.
#[inline(never)]
#[must_use]
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}
