//! Points of P-256, y^2 = x^3 - 3x + b, and their addition.
//!
//! Adding a point to itself or to its negative yields a `z` of zero, from which no later operation returns: such sums are
//! not computed here, but they cannot pass unseen.

use std::num::Wrapping;

use super::super::comb::Point;
use super::field::Field;

/// A point that is not the one at infinity, as a table keeps it: digits of one unit fit 32 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    x: [i32; 9],
    y: [i32; 9],
}

impl Affine {
    pub(super) fn new(x: &Field, y: &Field) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a carried digit has 29 bits")]
        let narrow = |number: &Field| number.carried().0.map(|digit| digit.0 as i32);
        Self { x: narrow(x), y: narrow(y) }
    }

    fn x(&self) -> Field {
        Field(self.x.map(|digit| Wrapping(digit.into())))
    }

    /// In one unit, like the coordinates of all that is not said to have more.
    fn y(&self) -> Field {
        Field(self.y.map(|digit| Wrapping(digit.into())))
    }
}

/// The point (x / z^2, y / z^3). `y` and `z` have two units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jacobian {
    pub(super) x: Field,
    pub(super) y: Field,
    pub(super) z: Field,
}

impl From<&Affine> for Jacobian {
    fn from(point: &Affine) -> Self {
        Self { x: point.x(), y: point.y(), z: Field::ONE }
    }
}

impl Point for Jacobian {
    type Entry = Affine;

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
    fn plus(&self, other: &Affine) -> Self {
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
    fn entries(points: &[Self]) -> Vec<Affine> {
        // One inversion for all (Montgomery): of the product, from which each factor is then taken out again.
        let mut product = Field::ONE;
        let before: Vec<Field> = points
            .iter()
            .map(|point| {
                let before = product;
                product = product.times(&point.z);
                before
            })
            .collect();
        let mut inverse = product.inverse();
        let mut affine: Vec<Affine> = points
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

    fn negated(entry: &Affine) -> Affine {
        Affine { x: entry.x, y: entry.y.map(i32::wrapping_neg) }
    }
}
