//! Numbers modulo a curve's prime, p, in Montgomery's form: times R, 2^29 to the power of the number of limbs.
//!
//! Knows nothing of points. Units are those of [`limbs`](super::super::limbs); what an operation returns has one, if it does not
//! say otherwise. The units of two factors may multiply to nine: then no column of their product leaves 64 bits.

use std::marker::PhantomData;

use super::super::limb::{Wrapping, magnitude, split_at};
use super::super::limbs::{self, Limbs};
use super::Curve;

/// What the largest limbs of two factors may multiply to: nine units, and a little.
const MOST: u64 = (9 << 56) | (1 << 54);

/// A number times R, modulo p.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Field<C, const N: usize>(pub(in super::super) Limbs<N>, PhantomData<C>);

impl<C: Curve<N>, const N: usize> Field<C, N> {
    pub(in super::super) const ONE: Self = Self::new(C::R);

    const R_SQUARED: Self = Self::new(C::R_SQUARED);

    /// The number with these limbs, divided by R.
    pub(in super::super) const fn new(limbs: Limbs<N>) -> Self {
        Self(limbs, PhantomData)
    }

    /// The big-endian number, which may be any of as many octets as p.
    pub(in super::super) fn from_be_bytes(number: &[u8]) -> Self {
        Self::new(limbs::from_be_bytes(number)).times(&Self::R_SQUARED)
    }

    /// Units add up.
    #[inline]
    pub(in super::super) fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        sum.0.iter_mut().zip(other.0).for_each(|(limb, other)| *limb += other);
        sum
    }

    /// Units add up.
    #[inline]
    pub(in super::super) fn minus(&self, other: &Self) -> Self {
        let mut difference = *self;
        difference.0.iter_mut().zip(other.0).for_each(|(limb, other)| *limb -= other);
        difference
    }

    /// `factor` times as many units.
    #[inline]
    pub(in super::super) fn small_multiple(&self, factor: i64) -> Self {
        Self::new(self.0.map(|limb| limb * Wrapping(factor)))
    }

    /// The same number modulo p, with limbs within 2^28, and within 0.6 p: the multiple of p next to it is taken off.
    ///
    /// Without that, only the limbs would shrink, not the number: doublings would enlarge x and y, and after six in a row
    /// the bounds of a column would leave 64 bits.
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
            // The second summand is zero where p's highest limb is a power of two.
            *top = rest + multiple * ((Wrapping(1_i64) << C::TOP_BITS) - prime_top);
        }
        Self::new(limbs::carried(limbs))
    }

    #[inline(never)]
    pub(in super::super) fn times(&self, other: &Self) -> Self {
        debug_assert!(self.largest().saturating_mul(other.largest()) <= MOST, "too many units");
        Self::new(C::product(&self.0, &other.0))
    }

    #[inline(never)]
    pub(in super::super) fn squared(&self) -> Self {
        debug_assert!(self.largest().saturating_mul(self.largest()) <= MOST, "too many units");
        Self::new(C::square(&self.0))
    }

    /// The largest limb, for the assertions above.
    fn largest(&self) -> u64 {
        self.0.iter().map(|limb| magnitude(*limb)).max().unwrap_or(0)
    }

    /// Whether the number, of at most 13 units, is zero modulo p.
    pub(in super::super) fn is_zero(&self) -> bool {
        // Times 1/R, anything so small comes out within p, and zero as itself.
        self.times(&Self::new(limbs::one())).0.iter().all(|limb| *limb == Wrapping(0))
    }

    /// The inverse, and zero's is zero.
    pub(in super::super) fn inverse(&self) -> Self {
        // Of the number times R, it is the inverse divided by R; each product with R^2 multiplies that by R.
        Self::new(C::PRIME.inverse(&self.0)).times(&Self::R_SQUARED).times(&Self::R_SQUARED)
    }
}
