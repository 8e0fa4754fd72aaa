//! Large numbers as balanced digits in doubles, and back.
//!
//! A digit of `width` bits lies in -2^(width-1) ..= 2^(width-1), so that sums of products stay small enough for a
//! double to hold them exactly. Two digits share one [`Lanes`], the less significant first.

use super::lanes::Lanes;

/// `number`, big-endian, as `pairs` pairs of balanced digits, the least significant first. `number` is below half of
/// what so many digits can hold.
pub(super) fn from_be_bytes(number: &[u8], width: u32, pairs: usize) -> Vec<Lanes> {
    let mut octets = number.iter().rev();
    let (mut pending, mut bits, mut carry) = (0_u64, 0_u32, 0_i64);
    let mut next = || {
        while bits < width {
            pending |= octets.next().map_or(0, |octet| u64::from(*octet)) << bits;
            bits = bits.wrapping_add(8);
        }
        let digit = low_bits(pending, width).wrapping_add(carry);
        pending >>= width;
        bits = bits.wrapping_sub(width);
        carry = i64::from(digit > 1 << width.wrapping_sub(1));
        double(digit.wrapping_sub(carry << width))
    };
    (0..pairs).map(|_| Lanes::new(next(), next())).collect()
}

/// Writes `value` to all of `out`, big-endian, adding `modulus` once if it is negative. Digits may have left their
/// range by a carry; the number written fits `out`.
pub(super) fn to_be_bytes(value: &[Lanes], modulus: &[Lanes], width: u32, out: &mut [u8]) {
    let integers = |lanes: &Lanes| [integer(lanes.first()), integer(lanes.second())];
    let top = value.iter().flat_map(integers).fold(0, |carry: i64, digit| carry.wrapping_add(digit) >> width);
    let addend = if top < 0 { -1 } else { 0 };
    let mut digits = value.iter().flat_map(integers).zip(modulus.iter().flat_map(integers));
    let (mut pending, mut bits, mut carry) = (0_i64, 0_u32, 0_i64);
    for octet in out.iter_mut().rev() {
        if bits < 8 {
            let (digit, modulus) = digits.next().unwrap_or_default();
            carry = carry.wrapping_add(digit).wrapping_add(modulus & addend);
            pending |= (carry & !(-1 << width)) << bits;
            carry >>= width;
            bits = bits.wrapping_add(width);
        }
        let [low, ..] = pending.to_le_bytes();
        *octet = low;
        pending >>= 8;
        bits = bits.wrapping_sub(8);
    }
}

fn low_bits(value: u64, width: u32) -> i64 {
    (value & !(u64::MAX << width)).cast_signed()
}

#[expect(clippy::cast_precision_loss, reason = "a digit has far fewer than 53 bits")]
fn double(digit: i64) -> f64 {
    digit as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a digit is an integer of far fewer than 63 bits")]
fn integer(digit: f64) -> i64 {
    digit as i64
}
