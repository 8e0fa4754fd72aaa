//! SHA-256 (FIPS 180-4), the hash that identifies texts and keys.

use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of `octets`. One function, so that its code is linked once.
#[inline(never)]
#[must_use]
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

/// A message whose signature is checked. Its SHA-256 is computed at most once: when it is asked for, or together with that of a longer text.
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

    /// The message `octets`, with which `whole` begins, and the SHA-256 of `whole`. If `whole` begins with something else, the message is hashed
    /// by itself when that is asked for.
    pub(crate) fn within(octets: &'m [u8], whole: &[u8]) -> (Self, [u8; 32]) {
        let Some(rest) = whole.strip_prefix(octets) else {
            return (Self::new(octets), sha256(whole));
        };
        let mut state = Sha256::new();
        state.update(octets);
        let sha256 = OnceLock::from(<[u8; 32]>::from(state.clone().finalize()));
        state.update(rest);
        (Self { octets, sha256 }, state.finalize().into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_same_hash_alone_and_within_a_longer_text() {
        let text: Vec<u8> = (0..300_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
        for length in 0..=text.len() {
            let octets = &text[..length];
            let (message, digest) = Message::within(octets, &text);
            assert_eq!(message.sha256.get(), Some(&sha256(octets)), "it is known already");
            assert_eq!((message.octets(), digest), (octets, sha256(&text)), "{length}");
            assert_eq!(Message::new(octets).sha256(), sha256(octets), "{length}");
        }
        let (message, digest) = Message::within(b"another", &text);
        assert_eq!((message.sha256(), digest), (sha256(b"another"), sha256(&text)));
    }
}
