//! Keys that verify, each bound at parsing to the one kind of algorithm it serves.
//!
//! A public key and a shared secret are different types: an RSA key cannot become an HMAC secret whatever a token's
//! header says. All verification here is over public data, except HMAC's comparison, which is constant-time.

mod ecdsa;
mod eddsa;
mod hmac;
mod roca;
mod rsa;
mod rsa_padding;

pub use ecdsa::{P256Key, P384Key};
pub use eddsa::Ed25519Key;
pub use hmac::SharedSecret;
pub use rsa::RsaKey;

use serde_json::{Value, json};

use super::algorithm::Algorithm;
use super::base64url;
use crate::limits;

/// A public key, parsed, checked and ready.
#[derive(Clone, Debug)]
pub enum VerifyingKey {
    /// RSA, for RS256, RS384, RS512, PS256, PS384 and PS512.
    Rsa(RsaKey),
    /// P-256, for ES256.
    P256(P256Key),
    /// P-384, for ES384.
    P384(P384Key),
    /// Ed25519, for `EdDSA`.
    Ed25519(Ed25519Key),
}

impl VerifyingKey {
    /// Whether the key is of `algorithm`'s kind.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        match self {
            Self::Rsa(_) => {
                matches!(algorithm, A::Rs256 | A::Rs384 | A::Rs512 | A::Ps256 | A::Ps384 | A::Ps512)
            }
            Self::P256(_) => algorithm == A::Es256,
            Self::P384(_) => algorithm == A::Es384,
            Self::Ed25519(_) => algorithm == A::EdDsa,
        }
    }

    /// Whether `signature` is this key's on `message` under `algorithm`; `false` too when the algorithm is not of the
    /// key's kind, or the signature not of the form that RFC 7518 §3 or RFC 8037 §3.1 gives it.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.serves(algorithm) {
            return false;
        }
        match self {
            Self::Rsa(key) => key.verify(algorithm, message, signature),
            Self::P256(key) => key.verify(message, signature),
            Self::P384(key) => key.verify(message, signature),
            Self::Ed25519(key) => key.verify(message, signature),
        }
    }
}

impl VerifyingKey {
    /// The key as a JWK of its required members alone (RFC 7518 §6, RFC 8037 §2), for another engine to judge with.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let spell = |octets: &[u8]| base64url::encode(octets);
        match self {
            Self::Rsa(key) => json!({ "kty": "RSA", "n": spell(key.modulus()), "e": spell(key.exponent()) }),
            Self::P256(key) => {
                let (x, y) = key.coordinates();
                json!({ "kty": "EC", "crv": "P-256", "x": spell(x), "y": spell(y) })
            }
            Self::P384(key) => {
                let (x, y) = key.coordinates();
                json!({ "kty": "EC", "crv": "P-384", "x": spell(x), "y": spell(y) })
            }
            Self::Ed25519(key) => json!({ "kty": "OKP", "crv": "Ed25519", "x": spell(key.point()) }),
        }
    }
}

/// Why key material is no key that may verify anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An RSA modulus that is too short (RFC 7518 §3.3).
    #[error("its RSA modulus has {bits} bits; at least {} are required", limits::RSA_MODULUS_BITS.0)]
    WeakRsa {
        /// The modulus's length in bits.
        bits: usize,
    },
    /// An RSA modulus that costs too much to compute with.
    #[error("its RSA modulus has {bits} bits; at most {} are accepted", limits::RSA_MODULUS_BITS.1)]
    OversizedRsa {
        /// The modulus's length in bits.
        bits: usize,
    },
    /// An RSA modulus that is no product of odd primes.
    #[error("its RSA modulus is even")]
    EvenModulus,
    /// An RSA exponent that is even, below 65537, or longer than 33 bits.
    #[error("its RSA exponent is not an odd number from {} to 2^33 - 1", limits::MIN_RSA_EXPONENT)]
    BadExponent,
    /// An RSA modulus that bears the mark of CVE-2017-15361: its factors can be computed.
    #[error("its RSA modulus bears the ROCA fingerprint (CVE-2017-15361): its private key can be computed")]
    Roca,
    /// Coordinates that are no point of the curve, the point at infinity included.
    #[error("its coordinates are not a point of its curve")]
    NotOnCurve,
    /// An Ed25519 point in other than its one spelling (RFC 8032 §5.1.3).
    #[error("its point is not canonically encoded")]
    NonCanonicalPoint,
    /// An Ed25519 point of small order, under which one signature fits many messages.
    #[error("its point has small order")]
    SmallOrderPoint,
}
