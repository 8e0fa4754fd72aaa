//! Numbers modulo the order n of a curve's group, as digits.

use std::num::Wrapping;

use super::super::digits::{self, Digits, WIDTH, carried};
use super::super::inversion::Modulus;

/// The order, and what is computed with. R is 2^29 to the power of the number of digits.
pub(in super::super) struct Order<const N: usize> {
    pub(in super::super) modulus: Modulus<N>,
    /// R^2 / 2 modulo n: what makes up for two divisions by R, and halves.
    pub(in super::super) half: Digits<N>,
    /// (2^b - 1) / 2 modulo n, where b is 256 or 384, the bits of the order.
    pub(in super::super) half_of_ones: Digits<N>,
}

impl<const N: usize> Order<N> {
    /// The product, divided by R (Montgomery).
    pub(super) fn product(&self, a: &Digits<N>, b: &Digits<N>) -> Digits<N> {
        let mut sum = [Wrapping(0); N];
        for digit in a {
            sum.iter_mut().zip(b).for_each(|(column, other)| *column += digit * other);
            let multiple = self.modulus.clearing(digits::lowest(&sum));
            sum.iter_mut().zip(&self.modulus.digits).for_each(|(column, order)| *column += multiple * order);
            // The lowest column is now a multiple of 2^29: it goes into the next one, and all move down.
            let carry = digits::lowest(&sum) >> WIDTH;
            sum.rotate_left(1);
            if let Some(top) = sum.last_mut() {
                *top = Wrapping(0);
            }
            if let Some(lowest) = sum.first_mut() {
                *lowest += carry;
            }
        }
        carried(sum)
    }

    /// The inverse of a number from 1 to n - 1.
    pub(super) fn inverse(&self, number: &Digits<N>) -> Digits<N> {
        self.modulus.inverse(number)
    }

    /// The bits, in eighths from the least significant, of a number whose sum of ±2^i, plus for a one and minus for a zero, is
    /// `scalar` times R: half of its sum with 2^b - 1.
    pub(super) fn signs(&self, scalar: &Digits<N>, eighth: usize) -> [u64; 8] {
        let mut sum = self.product(scalar, &self.half);
        sum.iter_mut().zip(self.half_of_ones).for_each(|(digit, ones)| *digit += ones);
        // The sum lies between -n and 2 n.
        let (eighths, over) = digits::to_eighths(&sum, eighth);
        if over == 0 {
            return eighths;
        }
        let times = Wrapping(over.signum());
        sum.iter_mut().zip(self.modulus.digits).for_each(|(digit, order)| *digit -= times * order);
        digits::to_eighths(&sum, eighth).0
    }
}
