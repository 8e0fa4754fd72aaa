//! ECDSA verification over P-521 (FIPS 186-5 §6.4.2) on the points of the `p521` crate and the numbers of the `rsa` crate.
//!
//! The ECDSA of `p521` would do the same with its own numbers modulo the order: 30 kB of wasm for arithmetic that `rsa` has anyway.
//! For public data only: time and memory access depend on it. Numbers in octets are big-endian.

use p521::elliptic_curve::group::Group as _;
use p521::elliptic_curve::point::AffineCoordinates as _;
use p521::elliptic_curve::sec1::FromEncodedPoint as _;
use p521::{AffinePoint, EncodedPoint, ProjectivePoint};
use rsa::BigUint;

/// The first octet of an encoded point with both coordinates (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

/// The order of the base point.
const ORDER: [u8; 66] =
    *b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
    \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfa\x51\x86\x87\x83\xbf\x2f\x96\x6b\x7f\xcc\x01\x48\xf7\x09\
    \xa5\xd0\x3b\xb5\xc9\xb8\x89\x9c\x47\xae\xbb\x6f\xb7\x1e\x91\x38\x64\x09";

/// A public key.
#[derive(Clone, Debug)]
pub(super) struct PublicPoint(ProjectivePoint);

impl PublicPoint {
    /// The key at the point with these coordinates. `None` if the point is not on the curve, or a coordinate is not below the prime.
    pub(super) fn new(x: &[u8; 66], y: &[u8; 66]) -> Option<Self> {
        let encoded = EncodedPoint::from_bytes([&[UNCOMPRESSED], &x[..], y].concat()).ok()?;
        Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&encoded)).map(|point| Self(point.into()))
    }

    /// Whether (`r`, `s`) is a signature of a message with this hash.
    pub(super) fn verify(&self, hash: &[u8; 64], r: &[u8; 66], s: &[u8; 66]) -> bool {
        let is_in_range = |number: &[u8; 66]| number.iter().any(|octet| *octet != 0) && *number < ORDER;
        if !is_in_range(r) || !is_in_range(s) {
            return false;
        }
        let order = BigUint::from_bytes_be(&ORDER);
        let r_number = BigUint::from_bytes_be(r);
        // The order is a prime, so s^(order - 2) is the inverse of s.
        let exponent = BigUint::from_bytes_be(&ORDER_LESS_2);
        let inverse = BigUint::from_bytes_be(s).modpow(&exponent, &order);
        let over_s = |number: &BigUint| octets(&remainder(&product(number, &inverse), &order));
        let sum = self.sum(&over_s(&BigUint::from_bytes_be(hash)), &over_s(&r_number));
        !bool::from(sum.is_identity())
            && remainder(&BigUint::from_bytes_be(&sum.to_affine().x()), &order) == r_number
    }

    /// The base point times `base` plus the key's point times `key`: both factors are read together, two bits at a time.
    fn sum(&self, base: &[u8; 66], key: &[u8; 66]) -> ProjectivePoint {
        // The entry 4 i + j is i times the base point plus j times the key's.
        let mut table = Vec::with_capacity(16);
        for multiple_of_base in std::iter::successors(Some(ProjectivePoint::IDENTITY), |point| {
            Some(point.add(&ProjectivePoint::GENERATOR))
        })
        .take(4)
        {
            table.extend(
                std::iter::successors(Some(multiple_of_base), |point| Some(point.add(&self.0))).take(4),
            );
        }
        let mut sum = ProjectivePoint::IDENTITY;
        for (base, key) in base.iter().zip(key) {
            for shift in [6_u8, 4, 2, 0] {
                let two_bits = |octet: &u8| usize::from((*octet >> shift) & 3);
                sum = sum.double().double();
                if let Some(entry) = table.get((two_bits(base) << 2) | two_bits(key)) {
                    sum = sum.add(entry);
                }
            }
        }
        sum
    }
}

/// The order less two.
const ORDER_LESS_2: [u8; 66] = {
    let mut number = ORDER;
    if let Some(last) = number.last_mut() {
        // The last octet of the order is 9.
        *last = 7;
    }
    number
};

#[allow(clippy::arithmetic_side_effects, reason = "a product of big numbers does not overflow")]
fn product(a: &BigUint, b: &BigUint) -> BigUint {
    a * b
}

#[allow(clippy::arithmetic_side_effects, reason = "the order is not zero")]
fn remainder(number: &BigUint, order: &BigUint) -> BigUint {
    number % order
}

/// A number below the order as 66 octets.
fn octets(number: &BigUint) -> [u8; 66] {
    let mut octets = [0; 66];
    let minimal = number.to_bytes_be();
    octets.iter_mut().rev().zip(minimal.iter().rev()).for_each(|(octet, digit)| *octet = *digit);
    octets
}
