//! Keys that verify signatures. Each serves one kind of algorithm, which is fixed when the key is parsed.
//!
//! A public key and a shared secret are different types, so no token's header can turn an RSA key into an HMAC secret. All
//! data here is public, except HMAC's secrets, whose codes are compared in constant time.
//!
//! The kernels verify RSA of the common lengths, P-256, P-384 and Ed25519. Without the feature `kernels`, the crates of `RustCrypto` do, with the
//! same verdicts.

mod ecdsa;
mod eddsa;
mod hmac;
#[cfg(feature = "es512")]
mod p521;
mod roca;
mod rsa;
#[cfg(feature = "kernels")]
mod rsa_padding;
#[cfg(not(feature = "kernels"))]
mod rustcrypto;

pub use ecdsa::EcKey;
pub use eddsa::Ed25519Key;
pub use hmac::SharedSecret;
pub use rsa::RsaKey;

use serde_json::Value;

use super::algorithm::{Algorithm, KeyType};
use super::base64url;
use super::hash::Message;
use crate::limits;
use crate::members::json;

/// A public key, parsed and checked.
#[allow(
    clippy::large_enum_variant,
    reason = "a set has few keys, and a box would be one more step for each signature"
)]
#[derive(Clone, Debug)]
pub enum VerifyingKey {
    /// RSA, for RS256, RS384, RS512, PS256, PS384 and PS512.
    Rsa(RsaKey),
    /// A point of a curve, for the ECDSA algorithm of that curve.
    Ec(EcKey),
    /// Ed25519, for `EdDSA`.
    Ed25519(Ed25519Key),
}

impl VerifyingKey {
    /// The key's type.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::Rsa(_) => KeyType::Rsa,
            Self::Ec(key) => KeyType::Ec(key.curve()),
            Self::Ed25519(_) => KeyType::Ed25519,
        }
    }

    /// Whether the key can verify signatures of `algorithm`.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.key_type() == algorithm.key_type()
    }

    /// Whether `signature` is this key's on `message` under `algorithm`. It is `false` also if the key does not serve the
    /// algorithm, or if the signature does not have the form of RFC 7518 §3 or RFC 8037 §3.1.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verify_message(algorithm, &Message::new(message), signature)
    }

    /// As [`Self::verify`], for a message whose hash may be known already.
    #[must_use]
    pub fn verify_message(&self, algorithm: Algorithm, message: &Message<'_>, signature: &[u8]) -> bool {
        if !self.serves(algorithm) {
            return false;
        }
        match self {
            Self::Rsa(key) => key.verify(algorithm, message, signature),
            Self::Ec(key) => key.verify(message, signature),
            Self::Ed25519(key) => key.verify(message.octets(), signature),
        }
    }

    /// Why `signature` cannot be one of this key's, by its octets alone; `None` if it can be. [`Self::verify`] refuses these
    /// signatures too. Another engine may accept them, so they are refused before it is asked.
    #[must_use]
    pub fn fault_of_form(&self, signature: &[u8]) -> Option<&'static str> {
        const LENGTH: &str = "its length is not that of the key's signatures";
        let has_length = |length| (signature.len() != length).then_some(LENGTH);
        match self {
            Self::Rsa(key) => has_length(key.modulus().len()).or_else(|| {
                (signature >= key.modulus()).then_some("its number is not less than the modulus")
            }),
            Self::Ec(key) => has_length(key.curve().octets().saturating_mul(2)),
            Self::Ed25519(_) => match signature.split_first_chunk() {
                Some((r, s)) => s.try_into().map_or(Some(LENGTH), |s| eddsa::fault_of_form(r, s)),
                None => Some(LENGTH),
            },
        }
    }

    /// Why WebCrypto does not import the key, although [`Self::verify`] can use it; `None` if it does. The engines on `BoringSSL` are known for it.
    #[must_use]
    pub fn fault_in_web_crypto(&self) -> Option<&'static str> {
        match self {
            Self::Rsa(key) if key.exponent() != [1, 0, 1] => {
                Some("WebCrypto does not import an RSA key whose exponent is not 65537")
            }
            _ => None,
        }
    }

    /// The key as a JWK with the required members only (RFC 7518 §6, RFC 8037 §2), for another engine.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let encoded = |octets: &[u8]| base64url::encode(octets);
        match self {
            Self::Rsa(key) => {
                json!({ "kty": "RSA", "n": encoded(key.modulus()), "e": encoded(key.exponent()) })
            }
            Self::Ec(key) => {
                let (x, y) = key.coordinates();
                json!({ "kty": "EC", "crv": key.curve().name(), "x": encoded(x), "y": encoded(y) })
            }
            Self::Ed25519(key) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(key.point()) }),
        }
    }
}

/// Why a key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An RSA modulus that is too short (RFC 7518 §3.3).
    #[error("its RSA modulus has {bits} bits; at least {} are required", limits::RSA_MODULUS_BITS.0)]
    WeakRsa {
        /// The modulus's length in bits.
        bits: usize,
    },
    /// An RSA modulus that is too long: a verification would cost too much.
    #[error("its RSA modulus has {bits} bits; at most {} are accepted", limits::RSA_MODULUS_BITS.1)]
    OversizedRsa {
        /// The modulus's length in bits.
        bits: usize,
    },
    /// An RSA modulus that is not a product of odd primes.
    #[error("its RSA modulus is even")]
    EvenModulus,
    /// An RSA exponent that is even, below 65537, or longer than 33 bits.
    #[error("its RSA exponent is not an odd number from {} to 2^33 - 1", limits::MIN_RSA_EXPONENT)]
    BadExponent,
    /// An RSA modulus with the fingerprint of CVE-2017-15361: its factors can be computed.
    #[error("its RSA modulus has the ROCA fingerprint (CVE-2017-15361): its private key can be computed")]
    Roca,
    /// Coordinates that are not a point of the curve, or are the point at infinity.
    #[error("its coordinates are not a point of its curve")]
    NotOnCurve,
    /// An Ed25519 point whose encoding is not the canonical one (RFC 8032 §5.1.3).
    #[error("its point is not canonically encoded")]
    NonCanonicalPoint,
    /// An Ed25519 point of small order. One signature could be valid for many messages under it.
    #[error("its point has small order")]
    SmallOrderPoint,
}
