//! Multiples of a fixed point, by a comb with eight teeth (Lim and Lee, with Hamburg's signed digits).
//!
//! With d the spacing of the teeth, a scalar is written as the sum of ±2^i for i below 8 d. Each of the d columns then adds one of
//! 128 precomputed points, ±P ± 2^d P ± … + 2^(7 d) P, or its negative. The upper half of the columns has the points of a table of its own, which are
//! 2^(d / 2) times those of the lower half. So a column of each half is added after one doubling. This module knows no curve.

use std::fmt::Debug;

/// A point of some curve, in the coordinates that arithmetic uses.
pub(super) trait Point: Copy {
    /// A point in the form that tables store.
    type Entry: Copy + Debug;

    /// The spacing of the teeth, d, which is also the number of columns. It is even.
    const SPACING: u32;

    fn doubled(&self) -> Self;

    fn plus(&self, entry: &Self::Entry) -> Self;

    /// Converts `points` for a table.
    fn entries(points: &[Self]) -> Vec<Self::Entry>;

    fn negated(entry: &Self::Entry) -> Self::Entry;
}

/// The tables of a point P, for the lower and the upper half of the columns.
#[derive(Clone, Debug)]
pub(super) struct Comb<P: Point> {
    lower: Table<P>,
    upper: Table<P>,
}

/// The table of a point Q, which is P or 2^(d / 2) P: at index `j`, the sum of 2^(7 d) Q and of ±2^(d i) Q for i from 0 to 6, with a plus where bit i of
/// `j` is one.
#[derive(Clone, Debug)]
struct Table<P: Point>(Box<[P::Entry]>);

impl<P: Point> Comb<P> {
    /// The columns of each half. This many steps, from the last to the first, sum up all columns.
    pub(super) const STEPS: u32 = P::SPACING >> 1;

    /// Builds the tables of a point of the curve.
    pub(super) fn new(point: P) -> Self {
        let half_a_spacing = |point: &P| (0..Self::STEPS).fold(*point, |point, _| point.doubled());
        let (mut lower, mut upper) = (vec![point], vec![half_a_spacing(&point)]);
        for _ in 1..8 {
            let Some(last) = upper.last() else { break };
            let next = half_a_spacing(last);
            lower.push(next);
            upper.push(half_a_spacing(&next));
        }
        Self { lower: Table::new(&lower), upper: Table::new(&upper) }
    }

    /// The points that the two columns of `step` of the scalar add. `signs` has one word per tooth; bit i of a word is the sign in column i.
    #[inline]
    pub(super) fn columns(&self, signs: &[u64; 8], step: u32) -> Option<[P::Entry; 2]> {
        Some([self.lower.column(signs, step)?, self.upper.column(signs, step.wrapping_add(Self::STEPS))?])
    }
}

impl<P: Point> Table<P> {
    /// Builds the table from the teeth: Q, 2^d Q, …, 2^(7 d) Q.
    ///
    /// Each entry is an odd multiple of Q, and the factor is below the group's order. So if the order is prime, no addition here meets equal or
    /// opposite points.
    #[inline(never)]
    fn new(teeth: &[P]) -> Self {
        let Some((top, low)) = teeth.split_last() else { return Self(Box::default()) };
        let doubles: Vec<P> = low.iter().map(P::doubled).collect();
        let (singles, doubles) = (P::entries(low), P::entries(&doubles));
        let mut points = vec![singles.iter().fold(*top, |sum, tooth| sum.plus(&P::negated(tooth)))];
        for double in &doubles {
            let with: Vec<P> = points.iter().map(|point| point.plus(double)).collect();
            points.extend(with);
        }
        Self(P::entries(&points).into())
    }

    /// The point that `column` of the scalar adds.
    #[inline]
    fn column(&self, signs: &[u64; 8], column: u32) -> Option<P::Entry> {
        let [low @ .., top] = signs;
        let index = low.iter().rev().fold(0_u64, |index, tooth| index << 1 | tooth >> column & 1);
        if top >> column & 1 == 1 {
            self.0.get(usize::try_from(index).ok()?).copied()
        } else {
            self.0.get(usize::try_from(index ^ 0x7f).ok()?).map(P::negated)
        }
    }
}
