//! Ed25519 verification's arithmetic, at the speed the edge needs (RFC 8032 §5.1.7).
//!
//! For public data only: neither time nor memory access is independent of it. Knows numbers; hashing is another's. Like
//! RSA's, numbers are limbs in doubles, here five of 51 bits; two of them share a register, so that one product is two.

#![expect(clippy::many_single_char_names, reason = "they are those of the literature, or plain limbs")]

pub(super) mod field;
pub(super) mod number;
pub(super) mod point;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use super::comb::{Comb, Point as _};
use super::lanes::Lanes;
use point::Point;

/// A public key, and what was precomputed for it.
#[derive(Clone, Debug)]
pub struct PublicPoint {
    /// Those of the key's point times -1.
    negative: Multiples,
}

/// A point, and what was precomputed for its multiples.
#[derive(Clone, Debug)]
struct Multiples {
    point: Point,
    /// Made when the point is first used: 20 KiB, for the price of three verifications.
    comb: OnceLock<Comb<Point>>,
}

/// The encoding of the base point, B.
const BASE_POINT: [u8; 32] = [
    0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
];

/// The base point's multiples, made once: in the wasm they would take 20 KiB that no compression shortens.
static BASE: OnceLock<Option<Multiples>> = OnceLock::new();

impl PublicPoint {
    /// The key at the point A that `octets` encode, which the caller knows to be on the curve, and not of small order.
    /// `None` on a machine that does not fuse multiplications with additions.
    #[must_use]
    pub fn new(octets: &[u8; 32]) -> Option<Self> {
        if !Lanes::fuses() {
            return None;
        }
        // The sign of x is the highest bit.
        let mut negative = *octets;
        let [.., last] = &mut negative;
        *last ^= 0x80;
        Some(Self { negative: Multiples::new(Point::decoded(&negative)?) })
    }

    /// Whether `r` is the encoding of s B - k A, and that point not of small order. The scalars are little-endian, and below
    /// the group's order.
    ///
    /// A point has one canonical encoding, and `r` is compared with that octet by octet. So an `r` that is not canonical, or
    /// of no point, is refused without being decoded; and where it is equal, the point it stands for is the one at hand.
    ///
    /// The equation is the one without the cofactor. It is computed with the integer `k` itself: where A has a part of small
    /// order, other integers that are congruent to it modulo the order lead elsewhere.
    #[must_use]
    pub fn verify(&self, r: &[u8; 32], s: &[u8; 32], k: &[u8; 32]) -> bool {
        let Some(base) = BASE.get_or_init(|| Point::decoded(&BASE_POINT).map(Multiples::new)) else {
            return false;
        };
        let (base_comb, key_comb) = (base.comb(), self.negative.comb());
        let (base_signs, key_signs) = (signs(s), signs(k));
        let sum = (0..Point::SPACING).rev().try_fold(Point::IDENTITY, |sum, column| {
            let (base, key) = (base_comb.column(&base_signs, column)?, key_comb.column(&key_signs, column)?);
            Some(sum.doubled().plus(&base).plus(&key))
        });
        let sum = sum.map(|sum| self.negative.made_even(base.made_even(sum, s), k));
        sum.is_some_and(|sum| sum.encoded() == *r && !sum.has_small_order())
    }
}

impl Multiples {
    fn new(point: Point) -> Self {
        Self { point, comb: OnceLock::new() }
    }

    fn comb(&self) -> &Comb<Point> {
        self.comb.get_or_init(|| Comb::new(self.point))
    }

    /// `sum`, less the point if `scalar` is even; see [`signs`].
    fn made_even(&self, sum: Point, scalar: &[u8; 32]) -> Point {
        let [lowest, ..] = scalar;
        if lowest & 1 == 0 { sum.plus(&Point::negated(&self.point.entry())) } else { sum }
    }
}

/// The bits, from the least significant, of a number whose sum of ±2^i, plus for a one and minus for a zero, is `scalar`, or
/// one more where that is even: half of its sum with 2^256 - 1.
fn signs(scalar: &[u8; 32]) -> [u64; 8] {
    let mut over = 1;
    let mut words = [0; 8];
    for (word, octets) in words.iter_mut().zip(scalar.as_chunks::<4>().0).rev() {
        let limbs = u32::from_le_bytes(*octets);
        *word = u64::from(limbs >> 1 | over << 31);
        over = limbs & 1;
    }
    words
}
