//! Numbers modulo the order n of a curve's group.

use super::super::inversion::Modulus;
use super::super::limb::{WIDTH, Wrapping};
use super::super::limbs::{self, Limbs, carried};

/// The order and its constants. R is 2^(29 N).
pub(in super::super) struct Order<const N: usize> {
    pub(in super::super) modulus: Modulus<N>,
    /// R^2 / 2 modulo n: makes up for two divisions by R, and halves.
    pub(in super::super) half: Limbs<N>,
    /// (2^b - 1) / 2 modulo n, where b is 256 or 384, the bits of the order.
    pub(in super::super) half_of_ones: Limbs<N>,
}

impl<const N: usize> Order<N> {
    /// The product, divided by R (Montgomery).
    pub(super) fn product(&self, a: &Limbs<N>, b: &Limbs<N>) -> Limbs<N> {
        let mut sum = [Wrapping(0); N];
        for limb in a {
            sum.iter_mut().zip(b).for_each(|(column, other)| *column += limb * other);
            let multiple = self.modulus.clearing(limbs::lowest(&sum));
            sum.iter_mut().zip(&self.modulus.limbs).for_each(|(column, order)| *column += multiple * order);
            // The lowest column is now a multiple of 2^29: it is carried into the next one, and all move down.
            let carry = limbs::lowest(&sum) >> WIDTH;
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
    pub(super) fn inverse(&self, number: &Limbs<N>) -> Limbs<N> {
        self.modulus.inverse(number)
    }

    /// Writes `scalar` * R as a sum of ±2^i and returns the signs, one for plus, in eighths from the least significant. As a
    /// number, they are half of (`scalar` * R + 2^b - 1).
    pub(super) fn signs(&self, scalar: &Limbs<N>, eighth: usize) -> [u64; 8] {
        let mut sum = self.product(scalar, &self.half);
        sum.iter_mut().zip(self.half_of_ones).for_each(|(limb, ones)| *limb += ones);
        // The sum lies between -n and 2 n.
        let (eighths, over) = limbs::to_eighths(&sum, eighth);
        if over == 0 {
            return eighths;
        }
        let times = Wrapping(over.signum());
        sum.iter_mut().zip(self.modulus.limbs).for_each(|(limb, order)| *limb -= times * order);
        limbs::to_eighths(&sum, eighth).0
    }
}
