//! Numbers modulo the order n of P-256's group.

use std::num::Wrapping;

use super::super::digits::{self, Digits, WIDTH, literal};
use super::super::inversion::Modulus;

/// A number modulo the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar(Digits);

/// The order, n.
const ORDER: Modulus = Modulus {
    digits: literal([
        -60_611_247,
        -36_809_192,
        99_066_173,
        234_183_502,
        -1_074,
        0,
        262_144,
        -2_097_152,
        16_777_216,
    ]),
    negated_inverse: Wrapping(234_929_231),
};
/// 2^(2 * 261 - 1) modulo n: what makes up for two divisions by 2^261, and halves.
const HALF: Scalar = Scalar(literal([
    -126_328_285,
    109_996_743,
    -44_620_857,
    -118_027_942,
    187_444_960,
    -114_594_836,
    -32_625_262,
    -157_919_864,
    12_737_323,
]));
/// (2^256 - 1)/2 modulo n.
const HALF_OF_ONES: Digits =
    literal([30_305_623, -250_030_860, -49_533_086, -117_091_751, 537, 0, -131_072, 1_048_576, 0]);

impl Scalar {
    /// The big-endian number, which may be any of 256 bits.
    pub(super) fn from_be_bytes(number: &[u8; 32]) -> Self {
        Self(digits::from_be_bytes(number))
    }

    /// The product, divided by 2^261 (Montgomery).
    pub(super) fn times(&self, other: &Self) -> Self {
        let mut columns = [Wrapping(0); 18];
        columns
            .iter_mut()
            .zip(digits::product(&self.0, &other.0))
            .for_each(|(place, column)| *place = column);
        let mut rest = &mut columns[..];
        for _ in 0..9 {
            let Some(first) = rest.first() else { break };
            let multiple = ORDER.clearing(*first);
            rest.iter_mut().zip(ORDER.digits).for_each(|(column, order)| *column += multiple * order);
            let [first, tail @ ..] = rest else { break };
            tail.first_mut().into_iter().for_each(|next| *next += *first >> WIDTH);
            rest = tail;
        }
        let [.., a, b, c, d, e, f, g, h, i] = columns;
        Self(digits::carried([a, b, c, d, e, f, g, h, i]))
    }

    /// The inverse of a number from 1 to n - 1.
    pub(super) fn inverse(&self) -> Self {
        Self(ORDER.inverse(&self.0))
    }

    /// The bits, from the least significant, of a number whose sum of ±2^i, plus for a one and minus for a zero, is the scalar
    /// times 2^261: half of its sum with 2^256 - 1.
    pub(super) fn signs(&self) -> [u32; 8] {
        let mut sum = self.times(&HALF).0;
        sum.iter_mut().zip(HALF_OF_ONES).for_each(|(digit, ones)| *digit += ones);
        // The sum lies between -n and 2 n.
        let (words, over) = digits::to_words(&sum);
        if over == 0 {
            return words;
        }
        let times = Wrapping(over.signum());
        sum.iter_mut().zip(ORDER.digits).for_each(|(digit, order)| *digit -= times * order);
        digits::to_words(&sum).0
    }
}
