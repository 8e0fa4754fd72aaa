//! Numbers of 256 bits as nine digits of 29 bits, and their products.
//!
//! Digits are signed, so that sums and differences need neither carry nor borrow. A number of *k units* has digits within
//! k * 2^28, and a little, and lies within k times the modulus. The units of two factors may multiply to 13: then no
//! column of their product leaves 64 bits.

#![expect(clippy::many_single_char_names, reason = "plain digits")]

use std::num::Wrapping;

/// A digit, or a column of products of digits. It does not wrap; the type spares the compiler from checking that.
pub(super) type Digit = Wrapping<i64>;

/// Nine digits, the least significant first.
pub(super) type Digits = [Digit; 9];

/// The bits of a digit.
pub(super) const WIDTH: usize = 29;

/// Half a digit: the largest that a digit is after a carry.
const HALF: Digit = Wrapping(1 << (WIDTH - 1));

/// The digits written out.
pub(super) const fn literal(digits: [i64; 9]) -> Digits {
    let [a, b, c, d, e, f, g, h, i] = digits;
    [
        Wrapping(a),
        Wrapping(b),
        Wrapping(c),
        Wrapping(d),
        Wrapping(e),
        Wrapping(f),
        Wrapping(g),
        Wrapping(h),
        Wrapping(i),
    ]
}

/// The big-endian number, in one unit.
pub(super) fn from_be_bytes(number: &[u8; 32]) -> Digits {
    let mut octets = number.iter().rev();
    let (mut pending, mut bits) = (Wrapping(0_i64), 0_usize);
    let digits = [(); 9].map(|()| {
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

/// The number's bits below 2^256, the least significant word first, and its quotient by 2^256.
pub(super) fn to_words(number: &Digits) -> ([u32; 8], i64) {
    let (mut pending, mut bits, mut carry) = (Wrapping(0_i64), 0_usize, Wrapping(0_i64));
    let mut digits = number.iter();
    let words = [(); 8].map(|()| {
        while bits < 32 {
            carry += digits.next().unwrap_or(&Wrapping(0));
            pending += (carry & Wrapping((1 << WIDTH) - 1)) << bits;
            carry >>= WIDTH;
            bits = bits.wrapping_add(WIDTH);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the rest stays pending")]
        let word = pending.0 as u32;
        pending >>= 32;
        bits = bits.wrapping_sub(32);
        word
    });
    (words, (pending + (carry << bits)).0)
}

/// What is to be carried from `column`, and the digit that stays.
#[inline]
pub(super) fn split(column: Digit) -> (Digit, Digit) {
    let carry = (column + HALF) >> WIDTH;
    (carry, column - (carry << WIDTH))
}

/// The same number in one unit, from few units.
#[inline]
pub(super) fn carried(digits: Digits) -> Digits {
    let mut carry = Wrapping(0);
    let mut carried = digits.map(|digit| {
        let (next, rest) = split(digit + carry);
        carry = next;
        rest
    });
    let [.., top] = &mut carried;
    *top += carry << WIDTH;
    carried
}

/// The columns of the product of `a` and `b`.
#[expect(
    clippy::inline_always,
    reason = "left to itself, the compiler hands columns over in memory: a third of the time"
)]
#[inline(always)]
pub(super) fn product(a: &Digits, b: &Digits) -> [Digit; 17] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = *a;
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = *b;
    [
        a0 * b0,
        a0 * b1 + a1 * b0,
        a0 * b2 + a1 * b1 + a2 * b0,
        a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0,
        a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0,
        a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0,
        a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0,
        a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0,
        a0 * b8 + a1 * b7 + a2 * b6 + a3 * b5 + a4 * b4 + a5 * b3 + a6 * b2 + a7 * b1 + a8 * b0,
        a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1,
        a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2,
        a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3,
        a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4,
        a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5,
        a6 * b8 + a7 * b7 + a8 * b6,
        a7 * b8 + a8 * b7,
        a8 * b8,
    ]
}

/// The columns of the square of `a`.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub(super) fn square(a: &Digits) -> [Digit; 17] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = *a;
    let [d0, d1, d2, d3, d4, d5, d6, d7] =
        [a0 + a0, a1 + a1, a2 + a2, a3 + a3, a4 + a4, a5 + a5, a6 + a6, a7 + a7];
    [
        a0 * a0,
        d0 * a1,
        d0 * a2 + a1 * a1,
        d0 * a3 + d1 * a2,
        d0 * a4 + d1 * a3 + a2 * a2,
        d0 * a5 + d1 * a4 + d2 * a3,
        d0 * a6 + d1 * a5 + d2 * a4 + a3 * a3,
        d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4,
        d0 * a8 + d1 * a7 + d2 * a6 + d3 * a5 + a4 * a4,
        d1 * a8 + d2 * a7 + d3 * a6 + d4 * a5,
        d2 * a8 + d3 * a7 + d4 * a6 + a5 * a5,
        d3 * a8 + d4 * a7 + d5 * a6,
        d4 * a8 + d5 * a7 + a6 * a6,
        d5 * a8 + d6 * a7,
        d6 * a8 + a7 * a7,
        d7 * a8,
        a8 * a8,
    ]
}
