//! Numbers modulo the prime of P-256, p = 2^256 - 2^224 + 2^192 + 2^96 - 1, in Montgomery's form with R = 2^261.
//!
//! Knows nothing of points. Units are those of [`digits`](super::super::digits); what an operation returns has one, if it does not
//! say otherwise.

use std::num::Wrapping;

use super::super::digits::{self, Digit, Digits, WIDTH, literal, split};
use super::super::inversion::Modulus;

/// A number times R, modulo p.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field(pub(super) Digits);

/// p. It is -1 in its lowest digits.
const PRIME: Modulus = Modulus {
    digits: literal([-1, 0, 0, 512, 0, 0, 262_144, -2_097_152, 16_777_216]),
    negated_inverse: Wrapping(1),
};

/// R^2 modulo p.
const R_SQUARED: Field = Field(literal([3_072, 0, -65_536, -2_097_152, -4_194_304, 0, 0, -1, 20]));

impl Field {
    /// R modulo p.
    pub(super) const ONE: Self = Self(literal([32, 0, 0, -16_384, 0, 0, -8_388_608, 67_108_864, 0]));

    /// The big-endian number, which may be any of 256 bits.
    pub(super) fn from_be_bytes(number: &[u8; 32]) -> Self {
        Self(digits::from_be_bytes(number)).times(&R_SQUARED)
    }

    /// Units add up.
    #[inline]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        sum.0.iter_mut().zip(other.0).for_each(|(digit, other)| *digit += other);
        sum
    }

    /// Units add up.
    #[inline]
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut difference = *self;
        difference.0.iter_mut().zip(other.0).for_each(|(digit, other)| *digit -= other);
        difference
    }

    /// `factor` times as many units.
    #[inline]
    pub(super) fn small_multiple(&self, factor: i64) -> Self {
        Self(self.0.map(|digit| digit * Wrapping(factor)))
    }

    /// The same number in one unit.
    #[inline]
    pub(super) fn carried(&self) -> Self {
        Self(digits::carried(self.0))
    }

    #[inline(never)]
    pub(super) fn times(&self, other: &Self) -> Self {
        reduced(digits::product(&self.0, &other.0))
    }

    #[inline(never)]
    pub(super) fn squared(&self) -> Self {
        reduced(digits::square(&self.0))
    }

    /// Whether the number, of at most 13 units, is zero modulo p.
    pub(super) fn is_zero(&self) -> bool {
        // Times 1/R, anything so small comes out within half of p, and zero as itself.
        let unit = literal([1, 0, 0, 0, 0, 0, 0, 0, 0]);
        reduced(digits::product(&self.0, &unit)).0.iter().all(|digit| digit.0 == 0)
    }

    /// The inverse, and zero's is zero.
    pub(super) fn inverse(&self) -> Self {
        // Of the number times R, it is the inverse divided by R; each product with R^2 multiplies that by R.
        Self(PRIME.inverse(&self.0)).times(&R_SQUARED).times(&R_SQUARED)
    }
}

/// The number in `columns`, divided by R.
///
/// p is -1 in its three lowest digits, so each column's lowest digit `q` is itself what p must be multiplied by to clear it.
#[expect(clippy::inline_always, reason = "see `digits::product`")]
#[inline(always)]
fn reduced(columns: [Digit; 17]) -> Field {
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15, t16] = columns;
    let mut carry = Wrapping(0);
    let mut digit = |column: Digit| {
        let (next, digit) = split(column + carry);
        carry = next;
        digit
    };
    // What q times 2^96, 2^192, 2^224 and 2^256 adds to columns three, six, seven and eight further on.
    let a = |q: Digit| q << (96 - 3 * WIDTH);
    let b = |q: Digit| q << (192 - 6 * WIDTH);
    let c = |q: Digit| q << (224 - 7 * WIDTH);
    let d = |q: Digit| q << (256 - 8 * WIDTH);
    let q0 = digit(t0);
    let q1 = digit(t1);
    let q2 = digit(t2);
    let q3 = digit(t3 + a(q0));
    let q4 = digit(t4 + a(q1));
    let q5 = digit(t5 + a(q2));
    let q6 = digit(t6 + a(q3) + b(q0));
    let q7 = digit(t7 + a(q4) + b(q1) - c(q0));
    let q8 = digit(t8 + a(q5) + b(q2) - c(q1) + d(q0));
    Field([
        digit(t9 + a(q6) + b(q3) - c(q2) + d(q1)),
        digit(t10 + a(q7) + b(q4) - c(q3) + d(q2)),
        digit(t11 + a(q8) + b(q5) - c(q4) + d(q3)),
        digit(t12 + b(q6) - c(q5) + d(q4)),
        digit(t13 + b(q7) - c(q6) + d(q5)),
        digit(t14 + b(q8) - c(q7) + d(q6)),
        digit(t15 - c(q8) + d(q7)),
        digit(t16 + d(q8)),
        carry,
    ])
}
