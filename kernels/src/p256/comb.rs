//! Multiples of a point that is met often, by a comb of eight teeth (Lim and Lee; with signs as Hamburg has them).
//!
//! A scalar is taken as the sum of ±2^i for i from 0 to 255. Each of its 32 columns then needs one of 128 precomputed
//! points, ±P ± 2^32 P ± … + 2^224 P, or the negative of one.

use super::point::{Affine, Jacobian, normalized};

/// The distance of two teeth, and so the number of columns.
pub(super) const SPACING: u32 = 32;

/// What is precomputed for a point: at index `j`, 2^224 P plus or minus 2^(32 i) P for i from 0 to 6, plus where bit i of `j`
/// is one.
#[derive(Clone, Debug)]
pub(super) struct Comb(Box<[Affine]>);

impl Comb {
    /// The table for a point of the curve.
    ///
    /// Every entry is an odd multiple of the point, below the group's order, so no sum here is of equal or opposite points.
    pub(super) fn new(point: &Affine) -> Self {
        let mut teeth = vec![Jacobian::from(point)];
        for _ in 1..8 {
            let Some(last) = teeth.last() else { break };
            let next = (0..SPACING).fold(*last, |point, _| point.doubled());
            teeth.push(next);
        }
        // The teeth, and twice each.
        let doubles: Vec<Jacobian> = teeth.iter().map(Jacobian::doubled).collect();
        let teeth = normalized(&teeth);
        let doubles = normalized(&doubles);
        let Some((top, teeth)) = teeth.split_last() else { return Self(Box::default()) };
        let lowest = teeth.iter().fold(Jacobian::from(top), |sum, tooth| sum.plus(&tooth.negated()));
        let mut points = vec![lowest];
        for double in doubles.iter().take(7) {
            let with: Vec<Jacobian> = points.iter().map(|point| point.plus(double)).collect();
            points.extend(with);
        }
        Self(normalized(&points).into())
    }

    /// What `column` of the scalar contributes. `signs` has the scalar's signs by tooth, those of a column at its bit.
    #[inline]
    pub(super) fn column(&self, signs: &[u32; 8], column: u32) -> Option<Affine> {
        let [low @ .., top] = signs;
        let index = low.iter().rev().fold(0_u32, |index, tooth| index << 1 | tooth >> column & 1);
        if top >> column & 1 == 1 {
            self.0.get(usize::try_from(index).ok()?).copied()
        } else {
            self.0.get(usize::try_from(index ^ 0x7f).ok()?).map(Affine::negated)
        }
    }
}
