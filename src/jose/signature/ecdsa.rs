//! ECDSA verification (RFC 7518 §3.4): ES256 and ES384.
//!
//! A signature is `r || s`, each exactly as long as the curve's order (IEEE P1363); DER is refused by its length. Either
//! of `s` and `n - s` is accepted, as the standard has it: a token's identity is its text, not its signature.

use jwt_compact::Algorithm as _;
use jwt_compact::alg::Es256;
use p384::ecdsa::signature::Verifier as _;

use super::KeyFault;

/// A P-256 public key.
#[derive(Clone, Debug)]
pub struct P256Key(p256::ecdsa::VerifyingKey);

impl P256Key {
    /// The key at the point with these big-endian coordinates.
    ///
    /// # Errors
    /// [`KeyFault::NotOnCurve`] when there is no such point, or a coordinate is not reduced.
    pub fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, KeyFault> {
        let point = p256::EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
        p256::ecdsa::VerifyingKey::from_encoded_point(&point).map(Self).map_err(|_| KeyFault::NotOnCurve)
    }

    /// The coordinates, big-endian.
    pub(super) fn coordinates(&self) -> (Vec<u8>, Vec<u8>) {
        let point = self.0.to_encoded_point(false);
        let octets = |coordinate: Option<&p256::FieldBytes>| {
            coordinate.map_or_else(Vec::new, |octets| octets.to_vec())
        };
        (octets(point.x()), octets(point.y()))
    }

    /// Whether `signature` is this key's on `message` under ES256.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        // `from_slice` takes 64 octets only, and refuses zero and what is not below the order.
        p256::ecdsa::Signature::from_slice(signature)
            .is_ok_and(|signature| Es256.verify_signature(&signature, &self.0, message))
    }
}

/// A P-384 public key.
#[derive(Clone, Debug)]
pub struct P384Key(p384::ecdsa::VerifyingKey);

impl P384Key {
    /// The key at the point with these big-endian coordinates.
    ///
    /// # Errors
    /// [`KeyFault::NotOnCurve`] when there is no such point, or a coordinate is not reduced.
    pub fn from_coordinates(x: &[u8; 48], y: &[u8; 48]) -> Result<Self, KeyFault> {
        let point = p384::EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
        p384::ecdsa::VerifyingKey::from_encoded_point(&point).map(Self).map_err(|_| KeyFault::NotOnCurve)
    }

    /// The coordinates, big-endian.
    pub(super) fn coordinates(&self) -> (Vec<u8>, Vec<u8>) {
        let point = self.0.to_encoded_point(false);
        let octets = |coordinate: Option<&p384::FieldBytes>| {
            coordinate.map_or_else(Vec::new, |octets| octets.to_vec())
        };
        (octets(point.x()), octets(point.y()))
    }

    /// Whether `signature` is this key's on `message` under ES384.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        // The curve's associated digest is SHA-384, which is ES384's.
        p384::ecdsa::Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_off_the_curve_are_refused() {
        assert_eq!(P256Key::from_coordinates(&[0; 32], &[0; 32]).err(), Some(KeyFault::NotOnCurve));
        assert_eq!(P256Key::from_coordinates(&[1; 32], &[1; 32]).err(), Some(KeyFault::NotOnCurve));
        assert_eq!(P256Key::from_coordinates(&[0xff; 32], &[1; 32]).err(), Some(KeyFault::NotOnCurve));
        assert_eq!(P384Key::from_coordinates(&[0; 48], &[0; 48]).err(), Some(KeyFault::NotOnCurve));
        assert_eq!(P384Key::from_coordinates(&[0xff; 48], &[1; 48]).err(), Some(KeyFault::NotOnCurve));
    }
}
