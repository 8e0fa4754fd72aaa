//! Large numbers as balanced limbs in doubles, and back.
//!
//! A limb lies within 2^49, or within 2^49 + 2^7 after [`carry`](super::product::carry). Two limbs share one [`Lanes`], the less
//! significant first.

use super::lanes::{Lanes, double, integer};

/// The bits of a limb. Sums of three products stay below 2^100, far enough from the next power of two for splitting them.
pub(in super::super) const WIDTH: u32 = 50;

/// The big-endian `number` as `pairs` pairs of balanced limbs, the least significant first. `number` is below
/// 2^(100 * `pairs` - 1).
pub(super) fn from_be_bytes(number: &[u8], pairs: usize) -> Vec<Lanes> {
    let mut octets = number.iter().rev();
    let (mut pending, mut bits, mut carry) = (0_u64, 0_u32, 0_i64);
    let mut next = || {
        while bits < WIDTH {
            pending |= octets.next().map_or(0, |octet| u64::from(*octet)) << bits;
            bits = bits.wrapping_add(8);
        }
        let limb = (pending & !(u64::MAX << WIDTH)).cast_signed().wrapping_add(carry);
        pending >>= WIDTH;
        bits = bits.wrapping_sub(WIDTH);
        carry = i64::from(limb > 1 << (WIDTH - 1));
        double(limb.wrapping_sub(carry << WIDTH))
    };
    (0..pairs).map(|_| Lanes::doubles(next(), next())).collect()
}

/// Writes `value`, plus the modulus if it is negative, to `out`, big-endian and padded. `negated` is the modulus times -1. The
/// number fits `out`.
pub(super) fn to_be_bytes(value: &[Lanes], negated: &[Lanes], out: &mut [u8]) {
    let integers = |lanes: &Lanes| [integer(lanes.first()), integer(lanes.second())];
    let sign = value.iter().flat_map(integers).fold(0, |carry: i64, limb| carry.wrapping_add(limb) >> WIDTH);
    let mut limbs = value.iter().flat_map(integers).zip(negated.iter().flat_map(integers));
    let (mut pending, mut bits, mut carry) = (0_i64, 0_u32, 0_i64);
    for octet in out.iter_mut().rev() {
        if bits < 8 {
            let (limb, negated) = limbs.next().unwrap_or_default();
            carry = carry.wrapping_add(limb).wrapping_sub(negated & (sign >> 63));
            pending |= (carry & !(-1 << WIDTH)) << bits;
            carry >>= WIDTH;
            bits = bits.wrapping_add(WIDTH);
        }
        let [low, ..] = pending.to_le_bytes();
        *octet = low;
        pending >>= 8;
        bits = bits.wrapping_sub(8);
    }
}
