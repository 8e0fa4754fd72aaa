//! A number modulo p = 2^255 - 19 as five limbs of 51 bits in doubles, as octets, and its inverse.

use super::super::inversion::Modulus;
use super::super::lanes::{double, integer};
use super::super::limb::Wrapping;
use super::super::limbs;

/// Five limbs, the least significant first. Those of a number of *magnitude k* lie within k * (2^50 + 2^10).
pub(in super::super) type Limbs = [f64; 5];

/// The bits of a limb. Five limbs have 255 bits, so a carry out of the highest is added to the lowest, times 19.
pub(in super::super) const WIDTH: u32 = 51;

/// p, for inversion.
const PRIME: Modulus<9> = Modulus {
    limbs: limbs::literal([-19, 0, 0, 0, 0, 0, 0, 0, 1 << 23]),
    negated_inverse: Wrapping(141_281_819),
};

const MASK: u64 = (1 << WIDTH) - 1;

/// The 255 low bits of the little-endian `octets`, of magnitude two. The highest bit is ignored.
pub(super) fn from_le_bytes(octets: &[u8; 32]) -> Limbs {
    let mut words = [0_u64; 4];
    for (word, octets) in words.iter_mut().zip(octets.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*octets);
    }
    regrouped(words)
}

/// The 255 low bits of `words`, the least significant first, of magnitude two.
fn regrouped(words: [u64; 4]) -> Limbs {
    let [a, b, c, d] = words;
    [a, a >> 51 | b << 13, b >> 38 | c << 26, c >> 25 | d << 39, d >> 12]
        .map(|limb| double((limb & MASK).cast_signed()))
}

/// The residue, from 0 to p - 1, of a number of magnitude one, little-endian.
#[inline(never)]
pub(super) fn to_le_bytes(number: &Limbs) -> [u8; 32] {
    let limbs = number.map(integer);
    let sign = limbs.iter().fold(0, |carry: i64, limb| carry.wrapping_add(*limb) >> WIDTH);
    // The number lies above -p. To add p to a negative one is to subtract 19 and keep 255 bits.
    let mut carry = if sign < 0 { -19_i64 } else { 0 };
    let [a, b, c, d, e] = limbs.map(|limb| {
        carry = carry.wrapping_add(limb);
        let rest = carry.cast_unsigned() & MASK;
        carry >>= WIDTH;
        rest
    });
    let words = [a | b << 51, b >> 13 | c << 38, c >> 26 | d << 25, d >> 39 | e << 12];
    let mut octets = [0; 32];
    for (octets, word) in octets.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *octets = word.to_le_bytes();
    }
    octets
}

/// The inverse, of magnitude two, of a number of magnitude one.
pub(super) fn inverse(number: &Limbs) -> Limbs {
    let mut octets = to_le_bytes(number);
    octets.reverse();
    let inverse = PRIME.inverse(&limbs::from_be_bytes(&octets));
    let ([a, b, c, d, e, f, g, h], over) = limbs::to_eighths(&inverse, 32);
    let [lowest, high @ ..] = regrouped([a | b << 32, c | d << 32, e | f << 32, g | h << 32]);
    // The number divided by 2^255, rounded down.
    let beyond = over << 1 | (h >> 31).cast_signed();
    let [p, q, r, s] = high;
    [lowest + 19.0 * double(beyond), p, q, r, s]
}
