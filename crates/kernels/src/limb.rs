//! One limb, the number type of ECDSA and of inversion.
//!
//! No other module here names the machine's integers for limbs. So `crates/kernels/proofs` can compile the others, unchanged, over a
//! limb of its own: all values that a limb may have, in place of one.

pub(super) use std::num::Wrapping;

/// A limb, or a column: a sum of products of limbs. It wraps, so that the compiler adds no checks. The proofs show that
/// field arithmetic never wraps; [`clearing`](super::inversion::Modulus::clearing) wraps on purpose.
pub(super) type Limb = Wrapping<i64>;

/// A limb as tables store it.
pub(super) type Stored = i32;

/// The bits of a limb.
pub(super) const WIDTH: usize = 29;

/// The carry from `column` into the next one, and the limb that stays.
#[inline]
pub(super) fn split(column: Limb) -> (Limb, Limb) {
    split_at(WIDTH, column)
}

/// `number` divided by 2^`bits`, rounded, and the remainder: from -2^(`bits` - 1) to below 2^(`bits` - 1).
#[inline]
pub(super) fn split_at(bits: usize, number: Limb) -> (Limb, Limb) {
    let quotient = (number + (Wrapping(1_i64) << bits.wrapping_sub(1))) >> bits;
    (quotient, number - (quotient << bits))
}

/// The value.
#[inline]
pub(super) fn value(limb: Limb) -> i64 {
    limb.0
}

/// The absolute value.
pub(super) fn magnitude(limb: Limb) -> u64 {
    limb.0.unsigned_abs()
}

/// A limb below 2^31 in magnitude, for a table.
#[expect(clippy::cast_possible_truncation, reason = "the caller's limb fits")]
pub(super) fn stored(limb: Limb) -> Stored {
    limb.0 as Stored
}

/// The limb that a table stores.
#[inline]
pub(super) fn loaded(stored: Stored) -> Limb {
    Wrapping(stored.into())
}

#[cfg(test)]
mod tests {
    use super::{Wrapping, split_at, value};

    #[test]
    fn splitting_keeps_the_number_and_leaves_a_remainder_within_half_of_the_divisor() {
        for bits in [7, 16, 24, 29] {
            let half = 1_i64 << (bits - 1);
            for multiple in [0, 1, -1, 2, -2, 1 << 20, -(1 << 20), (1 << 33) - 1, -(1 << 33)] {
                for offset in [-half, 1 - half, -1, 0, 1, half - 1] {
                    let number = (multiple << bits) + offset;
                    let (quotient, rest) = split_at(bits, Wrapping(number));
                    assert_eq!((value(quotient), value(rest)), (multiple, offset));
                }
            }
        }
    }
}
