//! Numbers of 256 or 384 bits as nine or fourteen limbs of 29 bits.
//!
//! Limbs are signed, so sums and differences need neither carry nor borrow. A number of *magnitude k* has limbs within k * 2^28,
//! of which the highest is also within 1.1 k times the modulus's highest limb.

use super::limb::{Limb, WIDTH, Wrapping, split, value};

/// Limbs, the least significant first.
pub(super) type Limbs<const N: usize> = [Limb; N];

/// The limbs of a literal.
pub(super) const fn literal<const N: usize>(limbs: [i64; N]) -> Limbs<N> {
    let mut literal = [Wrapping(0); N];
    let (mut places, mut rest): (&mut [Limb], &[i64]) = (&mut literal, &limbs);
    while let ([place, places_left @ ..], [limb, limbs_left @ ..]) = (places, rest) {
        *place = Wrapping(*limb);
        (places, rest) = (places_left, limbs_left);
    }
    literal
}

/// The number one.
#[inline]
pub(super) fn one<const N: usize>() -> Limbs<N> {
    let mut one = [Wrapping(0); N];
    if let Some(lowest) = one.first_mut() {
        *lowest = Wrapping(1);
    }
    one
}

/// The least significant limb.
#[inline]
pub(super) fn lowest(limbs: &[Limb]) -> Limb {
    limbs.first().copied().unwrap_or_default()
}

/// The big-endian number, in limbs from -2^28 to below 2^28.
pub(super) fn from_be_bytes<const N: usize>(number: &[u8]) -> Limbs<N> {
    let mut octets = number.iter().rev();
    let (mut pending, mut bits) = (Wrapping(0_i64), 0_usize);
    let limbs = [(); N].map(|()| {
        while bits < WIDTH {
            pending += Wrapping(octets.next().map_or(0, |octet| i64::from(*octet))) << bits;
            bits = bits.wrapping_add(8);
        }
        let limb = pending & Wrapping((1 << WIDTH) - 1);
        pending >>= WIDTH;
        bits = bits.wrapping_sub(WIDTH);
        limb
    });
    carried(limbs)
}

/// The lowest 8 * `width` bits of the number as eight words, the least significant first, and the number divided by
/// 2^(8 * `width`), rounded down. `width` is even and at most 64.
pub(super) fn to_eighths(number: &[Limb], width: usize) -> ([u64; 8], i64) {
    let half = width >> 1;
    let (mut pending, mut bits, mut carry) = (Wrapping(0_i64), 0_usize, Wrapping(0_i64));
    let mut limbs = number.iter();
    let mut next_half = || {
        while bits < half {
            carry += limbs.next().unwrap_or(&Wrapping(0));
            pending += (carry & Wrapping((1 << WIDTH) - 1)) << bits;
            carry >>= WIDTH;
            bits = bits.wrapping_add(WIDTH);
        }
        let next = pending & !(Wrapping(-1_i64) << half);
        pending >>= half;
        bits = bits.wrapping_sub(half);
        value(next).cast_unsigned()
    };
    let eighths = [(); 8].map(|()| next_half() | next_half() << half);
    (eighths, value(pending + (carry << bits)))
}

/// The same number with limbs from -2^28 to below 2^28, of which the highest takes what is left.
#[inline]
pub(super) fn carried<const N: usize>(limbs: Limbs<N>) -> Limbs<N> {
    let mut carry = Wrapping(0);
    let mut carried = limbs.map(|limb| {
        let (next, rest) = split(limb + carry);
        carry = next;
        rest
    });
    if let Some(top) = carried.last_mut() {
        *top += carry << WIDTH;
    }
    carried
}
