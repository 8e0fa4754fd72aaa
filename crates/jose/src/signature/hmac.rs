//! HMAC with SHA-2 (RFC 7518 §3.2).
//!
//! A secret's octets go in and never come out: there is no accessor, no thumbprint (a hash of the secret, against which
//! guesses could be tested), and nothing in the debug output.

use std::fmt;

use jwt_compact::alg::{Hs256, Hs256Key, Hs384, Hs384Key, Hs512, Hs512Key};
use jwt_compact::{Algorithm as Jwa, AlgorithmSignature};

use crate::algorithm::{Algorithm, HashFunction};

/// A shared secret. It is overwritten in memory when dropped.
#[derive(Clone)]
pub struct SharedSecret {
    length: usize,
    hs256: Hs256Key,
    hs384: Hs384Key,
    hs512: Hs512Key,
}

impl SharedSecret {
    /// The secret with these octets.
    // It takes ownership, so that the caller keeps no copy by mistake.
    #[allow(clippy::needless_pass_by_value)]
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len(),
            hs256: Hs256Key::new(&bytes),
            hs384: Hs384Key::new(&bytes),
            hs512: Hs512Key::new(&bytes),
        }
    }

    /// Whether the secret is at least as long as the hash (RFC 7518 §3.2); `false` if `algorithm` is no HMAC.
    #[must_use]
    pub fn strong_enough_for(&self, algorithm: Algorithm) -> bool {
        algorithm.code_length().is_some_and(|length| self.length >= length)
    }

    /// Why the secret is too short for `algorithm`; `None` if it is not.
    #[must_use]
    pub fn weakness_for(&self, algorithm: Algorithm) -> Option<String> {
        let needed = algorithm.code_length().filter(|needed| self.length < *needed)?;
        // The text omits its length, which would help a client to guess it.
        Some(format!("it is shorter than the {needed} octets that {algorithm} needs (RFC 7518, section 3.2)"))
    }

    /// Whether `signature` is the whole authentication code of `message` under this secret, compared in constant time;
    /// `false` if `algorithm` is no HMAC.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        algorithm.is_shared_secret()
            && match algorithm.hash() {
                HashFunction::Sha256 => check(&Hs256, &self.hs256, message, signature),
                HashFunction::Sha384 => check(&Hs384, &self.hs384, message, signature),
                HashFunction::Sha512 => check(&Hs512, &self.hs512, message, signature),
            }
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedSecret(..)")
    }
}

fn check<A: Jwa>(algorithm: &A, key: &A::VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    // `jwt-compact` panics on any other length.
    A::Signature::LENGTH.is_some_and(|length| length.get() == signature.len())
        && A::Signature::try_from_slice(signature)
            .is_ok_and(|signature| algorithm.verify_signature(&signature, key, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shorter_than_the_hash_is_weak() {
        let strong = |length| {
            let secret = SharedSecret::new(vec![7; length]);
            [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512].map(|hs| secret.strong_enough_for(hs))
        };
        assert_eq!(strong(0), [false, false, false]);
        assert_eq!(strong(31), [false, false, false]);
        assert_eq!(strong(32), [true, false, false]);
        assert_eq!(strong(48), [true, true, false]);
        assert_eq!(strong(64), [true, true, true]);
        assert!(!SharedSecret::new(vec![7; 512]).strong_enough_for(Algorithm::Rs256));
    }

    #[test]
    fn a_code_of_any_other_length_is_refused_without_a_panic() {
        let secret = SharedSecret::new(vec![7; 64]);
        for length in 0..130 {
            for algorithm in Algorithm::ALL {
                assert!(!secret.verify(*algorithm, b"m", &vec![0; length]));
            }
        }
    }

    #[test]
    fn the_debug_output_contains_nothing_of_the_secret() {
        assert_eq!(format!("{:?}", SharedSecret::new(b"hunter2".to_vec())), "SharedSecret(..)");
    }
}
