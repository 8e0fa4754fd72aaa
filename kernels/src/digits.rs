//! Numbers of 256 or 384 bits as nine or fourteen digits of 29 bits.
//!
//! Digits are signed, so that sums and differences need neither carry nor borrow. A number of *k units* has digits within
//! k * 2^28, and a little, and lies within k times the modulus.

use std::num::Wrapping;

/// A digit, or a column of products of digits. Where it wraps, what comes of it does not depend on that; the type spares the
/// compiler from checking.
pub(super) type Digit = Wrapping<i64>;

/// Digits, the least significant first.
pub(super) type Digits<const N: usize> = [Digit; N];

/// The bits of a digit.
pub(super) const WIDTH: usize = 29;

/// The digits written out.
pub(super) const fn literal<const N: usize>(digits: [i64; N]) -> Digits<N> {
    let mut literal = [Wrapping(0); N];
    let (mut places, mut rest): (&mut [Digit], &[i64]) = (&mut literal, &digits);
    while let ([place, places_left @ ..], [digit, digits_left @ ..]) = (places, rest) {
        *place = Wrapping(*digit);
        (places, rest) = (places_left, digits_left);
    }
    literal
}

/// The number one.
#[inline]
pub(super) fn one<const N: usize>() -> Digits<N> {
    let mut one = [Wrapping(0); N];
    if let Some(lowest) = one.first_mut() {
        *lowest = Wrapping(1);
    }
    one
}

/// The least significant digit.
#[inline]
pub(super) fn lowest(digits: &[Digit]) -> Digit {
    digits.first().copied().unwrap_or_default()
}

/// The big-endian number, in one unit.
pub(super) fn from_be_bytes<const N: usize>(number: &[u8]) -> Digits<N> {
    let mut octets = number.iter().rev();
    let (mut pending, mut bits) = (Wrapping(0_i64), 0_usize);
    let digits = [(); N].map(|()| {
        while bits < WIDTH {
            pending += Wrapping(octets.next().map_or(0, |octet| i64::from(*octet))) << bits;
            bits = bits.wrapping_add(8);
        }
        let digit = pending & Wrapping((1 << WIDTH) - 1);
        pending >>= WIDTH;
        bits = bits.wrapping_sub(WIDTH);
        digit
    });
    carried(digits)
}

/// The number's lowest bits, eight times `width` of them with the least significant first, and its quotient by 2^(8 width).
/// `width` is even, and at most 64.
pub(super) fn to_eighths(number: &[Digit], width: usize) -> ([u64; 8], i64) {
    let half = width >> 1;
    let (mut pending, mut bits, mut carry) = (Wrapping(0_i64), 0_usize, Wrapping(0_i64));
    let mut digits = number.iter();
    let mut next_half = || {
        while bits < half {
            carry += digits.next().unwrap_or(&Wrapping(0));
            pending += (carry & Wrapping((1 << WIDTH) - 1)) << bits;
            carry >>= WIDTH;
            bits = bits.wrapping_add(WIDTH);
        }
        let next = pending & !(Wrapping(-1_i64) << half);
        pending >>= half;
        bits = bits.wrapping_sub(half);
        next.0.cast_unsigned()
    };
    let eighths = [(); 8].map(|()| next_half() | next_half() << half);
    (eighths, (pending + (carry << bits)).0)
}

/// What is to be carried from `column`, and the digit that stays.
#[inline]
pub(super) fn split(column: Digit) -> (Digit, Digit) {
    split_at(WIDTH, column)
}

/// `number` divided by 2^`bits`, rounded, and what is left: from -2^(`bits` - 1) to below 2^(`bits` - 1).
#[inline]
pub(super) fn split_at(bits: usize, number: Digit) -> (Digit, Digit) {
    let quotient = (number + (Wrapping(1_i64) << bits.wrapping_sub(1))) >> bits;
    (quotient, number - (quotient << bits))
}

/// The same number in one unit, from few units.
#[inline]
pub(super) fn carried<const N: usize>(digits: Digits<N>) -> Digits<N> {
    let mut carry = Wrapping(0);
    let mut carried = digits.map(|digit| {
        let (next, rest) = split(digit + carry);
        carry = next;
        rest
    });
    if let Some(top) = carried.last_mut() {
        *top += carry << WIDTH;
    }
    carried
}
