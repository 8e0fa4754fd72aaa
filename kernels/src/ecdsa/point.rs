//! Points of a curve y^2 = x^3 - 3x + b, and their addition.
//!
//! Adding a point to itself or to its negative yields a `z` of zero, from which no later operation returns: such sums are
//! not computed by [`Point::plus`], but they cannot pass unseen. [`Jacobian::plus_any`] computes them all.

#![expect(clippy::many_single_char_names, reason = "they are those of the literature")]

use super::super::comb::Point;
use super::super::limb::{Stored, loaded, stored};
use super::Curve;
use super::field::Field;

/// A point that is not the one at infinity, as a table keeps it: limbs of one unit fit 32 bits.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Affine<const N: usize> {
    x: [Stored; N],
    y: [Stored; N],
}

impl<const N: usize> Affine<N> {
    pub(in super::super) fn new<C: Curve<N>>(x: &Field<C, N>, y: &Field<C, N>) -> Self {
        Self { x: x.carried().0.map(stored), y: y.carried().0.map(stored) }
    }

    pub(in super::super) fn x<C: Curve<N>>(&self) -> Field<C, N> {
        Field::new(self.x.map(loaded))
    }

    /// In one unit, like the coordinates of all that is not said to have more.
    pub(in super::super) fn y<C: Curve<N>>(&self) -> Field<C, N> {
        Field::new(self.y.map(loaded))
    }
}

/// The point (x / z^2, y / z^3), or where `z` is zero, the one at infinity. `y` and `z` have two units.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Jacobian<C, const N: usize> {
    pub(in super::super) x: Field<C, N>,
    pub(in super::super) y: Field<C, N>,
    pub(in super::super) z: Field<C, N>,
}

impl<C: Curve<N>, const N: usize> From<&Affine<N>> for Jacobian<C, N> {
    fn from(point: &Affine<N>) -> Self {
        Self { x: point.x(), y: point.y(), z: Field::ONE }
    }
}

impl<C: Curve<N>, const N: usize> Jacobian<C, N> {
    /// The sum of any two points, at a higher price.
    #[inline(never)]
    pub(in super::super) fn plus_any(&self, other: &Affine<N>) -> Self {
        if self.z.is_zero() {
            return Self::from(other);
        }
        let sum = self.plus(other);
        // Equal x-coordinates make `z` zero, and `x` the square of what the y-coordinates differ by. Of two points that are
        // each other's negatives, the sum is thus the point at infinity already.
        if sum.z.is_zero() && sum.x.is_zero() { self.doubled() } else { sum }
    }
}

impl<C: Curve<N>, const N: usize> Point for Jacobian<C, N> {
    type Entry = Affine<N>;

    const SPACING: u32 = C::EIGHTH;

    fn doubled(&self) -> Self {
        let delta = self.z.squared();
        let gamma = self.y.squared();
        let beta = self.x.times(&gamma);
        let alpha = self.x.minus(&delta).times(&self.x.plus(&delta)).small_multiple(3).carried();
        let x = alpha.squared().minus(&beta.small_multiple(8)).carried();
        let y = alpha.times(&beta.small_multiple(4).minus(&x));
        let y = y.minus(&gamma.squared().small_multiple(8)).carried();
        Self { x, y, z: self.y.times(&self.z).small_multiple(2) }
    }

    /// The sum of two different points that are not each other's negatives.
    fn plus(&self, other: &Affine<N>) -> Self {
        let square = self.z.squared();
        let h = other.x().times(&square).minus(&self.x);
        let r = other.y().times(&square.times(&self.z)).minus(&self.y);
        let h_squared = h.squared();
        let h_cubed = h_squared.times(&h);
        let v = self.x.times(&h_squared);
        let x = r.squared().minus(&h_cubed).minus(&v.small_multiple(2)).carried();
        let y = r.times(&v.minus(&x)).minus(&self.y.times(&h_cubed));
        Self { x, y, z: self.z.times(&h) }
    }

    /// The points with their `z` brought to one. None of them is the one at infinity.
    fn entries(points: &[Self]) -> Vec<Affine<N>> {
        // One inversion for all (Montgomery): of the product, from which each factor is then taken out again.
        let mut product = Field::ONE;
        let before: Vec<Field<C, N>> = points
            .iter()
            .map(|point| {
                let before = product;
                product = product.times(&point.z);
                before
            })
            .collect();
        let mut inverse = product.inverse();
        let mut affine: Vec<Affine<N>> = points
            .iter()
            .zip(&before)
            .rev()
            .map(|(point, before)| {
                let z = inverse.times(before);
                inverse = inverse.times(&point.z);
                let z_squared = z.squared();
                Affine::new(&point.x.times(&z_squared), &point.y.times(&z_squared.times(&z)))
            })
            .collect();
        affine.reverse();
        affine
    }

    fn negated(entry: &Affine<N>) -> Affine<N> {
        Affine { x: entry.x, y: entry.y.map(Stored::wrapping_neg) }
    }
}
