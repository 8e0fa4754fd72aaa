//! The arithmetic of Ed25519 verification (RFC 8032 §5.1.7).
//!
//! For public data only: time and memory access depend on it. The caller hashes. As for RSA, numbers have limbs in doubles, here
//! five of 51 bits. Two numbers share registers, so one product computes two.

#![expect(clippy::many_single_char_names, reason = "the names are the literature's, or single limbs")]

pub(super) mod field;
pub(super) mod number;
pub(super) mod point;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use super::comb::{Comb, Point as _};
use super::lanes::Fused;
use point::Point;

/// A public key and its table.
#[derive(Clone, Debug)]
pub struct PublicPoint {
    /// The key's point times -1.
    negative: Multiples,
}

/// A point and the table of its multiples.
#[derive(Clone, Debug)]
struct Multiples {
    point: Point,
    /// Made when the point is first used: 40 KiB, for the cost of four verifications.
    comb: OnceLock<Comb<Point>>,
}

/// The encoding of the base point, B.
const BASE_POINT: [u8; 32] = [
    0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
];

/// The base point's table, made once: in the wasm file it would take 40 KiB that do not compress.
static BASE: OnceLock<Option<Multiples>> = OnceLock::new();

impl PublicPoint {
    /// The key at the point A that `octets` encode. The caller has checked that A is on the curve and not of small order. `None` on
    /// a machine that does not fuse multiplication with addition.
    #[must_use]
    pub fn new(octets: &[u8; 32]) -> Option<Self> {
        let fused = Fused::here()?;
        // The sign of x is the highest bit.
        let mut negative = *octets;
        let [.., last] = &mut negative;
        *last ^= 0x80;
        let point = Point::decoded(&negative, fused)?;
        // This would fail if `Fused` were wrong: both sums have nothing in common but the result.
        let twice = point.plus(&point.entry());
        (point.doubled().encoded() == twice.encoded()).then(|| Self { negative: Multiples::new(point) })
    }

    /// Whether `r` encodes s B - k A, and that point is not of small order. The scalars are little-endian and below the group's
    /// order.
    ///
    /// `r` is compared with the point's one canonical encoding. So an `r` that is not canonical, or encodes no point, is refused
    /// without decoding it.
    ///
    /// The equation is the one without the cofactor, with the integer `k` itself: if A has a component of small order, integers
    /// that are only congruent to `k` modulo the order give other points.
    #[must_use]
    pub fn verify(&self, r: &[u8; 32], s: &[u8; 32], k: &[u8; 32]) -> bool {
        let fused = self.negative.point.fused();
        let Some(base) = BASE.get_or_init(|| Point::decoded(&BASE_POINT, fused).map(Multiples::new)) else {
            return false;
        };
        let (base_comb, key_comb) = (base.comb(), self.negative.comb());
        let (base_signs, key_signs) = (signs(s), signs(k));
        let sum = (0..Comb::<Point>::STEPS).rev().try_fold(Point::identity(fused), |sum, step| {
            let entries = [base_comb.columns(&base_signs, step)?, key_comb.columns(&key_signs, step)?];
            // Twice the identity is the identity.
            let twice = if step.wrapping_add(1) == Comb::<Point>::STEPS { sum } else { sum.doubled() };
            Some(entries.as_flattened().iter().fold(twice, |sum, entry| sum.plus(entry)))
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

    /// `sum`, minus the point if `scalar` is even; see [`signs`].
    fn made_even(&self, sum: Point, scalar: &[u8; 32]) -> Point {
        let [lowest, ..] = scalar;
        if lowest & 1 == 0 { sum.plus(&Point::negated(&self.point.entry())) } else { sum }
    }
}

/// Writes `scalar`, or `scalar` + 1 if it is even, as a sum of ±2^i and returns the signs, one for plus, in eighths from the least
/// significant. As a number, they are half of (that + 2^256 - 1).
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
