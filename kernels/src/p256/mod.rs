//! ECDSA verification over P-256, at the speed the edge needs (FIPS 186-5 §6.4.2).
//!
//! For public data only: neither time nor memory access is independent of it. Knows numbers; hashing is another's. Nine
//! digits of 29 bits suit wasm, which multiplies 64 bits by 64 and keeps 64.

#![expect(clippy::many_single_char_names, reason = "they are those of the literature, or plain digits")]

mod field;
mod point;
mod scalar;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use super::comb::{Comb, Point as _, SPACING};
use field::Field;
use point::{Affine, Jacobian};
use scalar::Scalar;

/// A public key, and what was precomputed for it.
#[derive(Clone, Debug)]
pub struct PublicPoint {
    point: Affine,
    /// Made when the key is first used: 9 KiB, for the price of a few verifications.
    comb: OnceLock<Comb<Jacobian>>,
}

/// What verification came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this key's signature on the hash.
    Valid,
    /// It is not.
    Invalid,
    /// Equal or opposite points were met on the way, which the formulas here do not add. Only who knows the private key, or
    /// searches as long as for it, makes such signatures.
    Undecided,
}

const BASE_X: [u8; 32] = [
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77,
    0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
];
const BASE_Y: [u8; 32] = [
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b,
    0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];
/// The group's order, n.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// p - n: only an `r` below it may stand for an x-coordinate of n or more.
const PRIME_LESS_ORDER: [u8; 32] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x43, 0x19, 0x05, 0x53, 0x58, 0xe8, 0x61, 0x7b, 0x0c,
    0x46, 0x35, 0x3d, 0x03, 0x9c, 0xda, 0xae,
];

/// The base point's comb, made once.
static BASE: OnceLock<Comb<Jacobian>> = OnceLock::new();

impl PublicPoint {
    /// The key at the point with these big-endian coordinates, which the caller knows to be on the curve.
    #[must_use]
    pub fn new(x: &[u8; 32], y: &[u8; 32]) -> Self {
        let point = Affine::new(&Field::from_be_bytes(x), &Field::from_be_bytes(y));
        Self { point, comb: OnceLock::new() }
    }

    /// Whether (`r`, `s`) is a signature on what hashes to `hash`; all are big-endian.
    #[must_use]
    pub fn verify(&self, hash: &[u8; 32], r: &[u8; 32], s: &[u8; 32]) -> Verdict {
        let in_range = |number: &[u8; 32]| *number != [0; 32] && *number < ORDER;
        if !in_range(r) || !in_range(s) {
            return Verdict::Invalid;
        }
        let inverse = Scalar::from_be_bytes(s).inverse();
        let base_signs = Scalar::from_be_bytes(hash).times(&inverse).signs();
        let key_signs = Scalar::from_be_bytes(r).times(&inverse).signs();
        let base = BASE.get_or_init(|| {
            let base = Affine::new(&Field::from_be_bytes(&BASE_X), &Field::from_be_bytes(&BASE_Y));
            Comb::new(Jacobian::from(&base))
        });
        let key = self.comb.get_or_init(|| Comb::new(Jacobian::from(&self.point)));
        let mut columns = (0..SPACING)
            .rev()
            .filter_map(|column| Some((base.column(&base_signs, column)?, key.column(&key_signs, column)?)));
        let Some((first, second)) = columns.next() else { return Verdict::Undecided };
        let sum = columns.fold(Jacobian::from(&first).plus(&second), |sum, (base, key)| {
            sum.doubled().plus(&base).plus(&key)
        });
        if sum.z.is_zero() {
            return Verdict::Undecided;
        }
        // x / z^2 is r, or r + n.
        let z_squared = sum.z.squared();
        let is = |x: Field| x.times(&z_squared).minus(&sum.x).is_zero();
        let r_field = Field::from_be_bytes(r);
        if is(r_field) || (*r < PRIME_LESS_ORDER && is(r_field.plus(&Field::from_be_bytes(&ORDER)))) {
            Verdict::Valid
        } else {
            Verdict::Invalid
        }
    }
}
