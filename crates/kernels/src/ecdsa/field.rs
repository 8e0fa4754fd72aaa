//! Numbers modulo a curve's prime p, in Montgomery form: times R = 2^(29 N), for N limbs. This module knows no points.
//!
//! Magnitudes are those of [`limbs`](super::super::limbs). Results have magnitude one unless their documentation says otherwise.
//! The magnitudes of two factors may have a product of up to nine: then every column fits 64 bits. `crates/kernels/proofs` proves that,
//! and that any order of point operations keeps to it, with all intermediate results below 2^62.9.

use std::marker::PhantomData;

use super::super::limb::{Wrapping, magnitude, split_at};
use super::super::limbs::{self, Limbs};
use super::Curve;

/// The largest product that the largest limbs of two factors may have.
const MOST: u64 = 9 << 56;

/// A number times R, modulo p.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Field<C, const N: usize>(pub(in super::super) Limbs<N>, PhantomData<C>);

impl<C: Curve<N>, const N: usize> Field<C, N> {
    pub(in super::super) const ONE: Self = Self::new(C::R);

    const R_SQUARED: Self = Self::new(C::R_SQUARED);

    /// The number that these limbs hold, divided by R.
    pub(in super::super) const fn new(limbs: Limbs<N>) -> Self {
        Self(limbs, PhantomData)
    }

    /// The big-endian number: any that is as long as p, reduced or not.
    pub(in super::super) fn from_be_bytes(number: &[u8]) -> Self {
        Self::new(limbs::from_be_bytes(number)).times(&Self::R_SQUARED)
    }

    /// Magnitudes add up.
    #[inline]
    pub(in super::super) fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        sum.0.iter_mut().zip(other.0).for_each(|(limb, other)| *limb += other);
        sum
    }

    /// Magnitudes add up.
    #[inline]
    pub(in super::super) fn minus(&self, other: &Self) -> Self {
        let mut difference = *self;
        difference.0.iter_mut().zip(other.0).for_each(|(limb, other)| *limb -= other);
        difference
    }

    /// The magnitude is multiplied by `factor`.
    #[inline]
    pub(in super::super) fn small_multiple(&self, factor: i64) -> Self {
        Self::new(self.0.map(|limb| limb * Wrapping(factor)))
    }

    /// The same number modulo p, from magnitude 13 or less, with limbs within 2^28 and a value within 0.6 p: the nearest
    /// multiple of p is subtracted.
    ///
    /// Carrying alone would shrink the limbs, not the value: x and y would grow with each doubling, and the bounds of a column
    /// would exceed 64 bits at the seventh doubling in a row.
    #[inline]
    pub(in super::super) fn carried(&self) -> Self {
        let mut limbs = self.0;
        let [Some(top), Some(prime_top)] = [&limbs, &C::PRIME.limbs].map(|limbs| limbs.last().copied())
        else {
            return *self;
        };
        let (multiple, rest) = split_at(C::TOP_BITS, top);
        limbs.iter_mut().zip(C::PRIME.limbs).for_each(|(limb, prime)| *limb -= multiple * prime);
        if let Some(top) = limbs.last_mut() {
            // The second summand is zero where p's highest limb is 2^TOP_BITS, as for P-256 and P-384.
            *top = rest + multiple * ((Wrapping(1_i64) << C::TOP_BITS) - prime_top);
        }
        Self::new(limbs::carried(limbs))
    }

    #[inline(never)]
    pub(in super::super) fn times(&self, other: &Self) -> Self {
        debug_assert!(
            self.largest().saturating_mul(other.largest()) <= MOST,
            "a product of magnitudes above nine"
        );
        Self::new(C::product(&self.0, &other.0))
    }

    #[inline(never)]
    pub(in super::super) fn squared(&self) -> Self {
        debug_assert!(
            self.largest().saturating_mul(self.largest()) <= MOST,
            "a product of magnitudes above nine"
        );
        Self::new(C::square(&self.0))
    }

    /// The largest magnitude of a limb, for the assertions above.
    fn largest(&self) -> u64 {
        self.0.iter().map(|limb| magnitude(*limb)).max().unwrap_or(0)
    }

    /// Whether the number, of magnitude 13 or less, is zero modulo p.
    pub(in super::super) fn is_zero(&self) -> bool {
        // The product with 1/R lies within 0.6 p, so only zero is a multiple of p, and zero has only one form.
        self.times(&Self::new(limbs::one())).0.iter().all(|limb| *limb == Wrapping(0))
    }

    /// The inverse. Zero for zero.
    pub(in super::super) fn inverse(&self) -> Self {
        // The inverse of number * R is the number's inverse divided by R; each product with R^2 multiplies that by R.
        Self::new(C::PRIME.inverse(&self.0)).times(&Self::R_SQUARED).times(&Self::R_SQUARED)
    }
}
