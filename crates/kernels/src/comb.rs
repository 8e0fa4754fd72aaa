//! Multiples of a fixed point, by a comb with eight teeth (Lim and Lee, with Hamburg's signed digits).
//!
//! With d the spacing of the teeth, a scalar is written as the sum of ±2^i for i below 8 d. Each of the d columns then adds one of
//! 128 precomputed points, ±P ± 2^d P ± … + 2^(7 d) P, or its negative. This module knows no curve.

/// A point of some curve, in the coordinates that arithmetic uses.
pub(super) trait Point: Copy {
    /// A point in the form that tables store.
    type Entry: Copy;

    /// The spacing of the teeth, d, which is also the number of columns.
    const SPACING: u32;

    fn doubled(&self) -> Self;

    fn plus(&self, entry: &Self::Entry) -> Self;

    /// Converts `points` for a table.
    fn entries(points: &[Self]) -> Vec<Self::Entry>;

    fn negated(entry: &Self::Entry) -> Self::Entry;
}

/// The table of a point P: at index `j`, the sum of 2^(7 d) P and of ±2^(d i) P for i from 0 to 6, with a plus where bit i of `j`
/// is one.
#[derive(Clone, Debug)]
pub(super) struct Comb<P: Point>(Box<[P::Entry]>);

impl<P: Point> Comb<P> {
    /// Builds the table of a point of the curve.
    ///
    /// Each entry is an odd multiple of the point, and the factor is below the group's order. So if the order is prime, no
    /// addition here meets equal or opposite points.
    #[inline(never)]
    pub(super) fn new(point: P) -> Self {
        let mut teeth = vec![point];
        for _ in 1..8 {
            let Some(last) = teeth.last() else { break };
            let next = (0..P::SPACING).fold(*last, |point, _| point.doubled());
            teeth.push(next);
        }
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

    /// The point that `column` of the scalar adds. `signs` has one word per tooth; bit i of a word is the sign in column i.
    #[inline]
    pub(super) fn column(&self, signs: &[u64; 8], column: u32) -> Option<P::Entry> {
        let [low @ .., top] = signs;
        let index = low.iter().rev().fold(0_u64, |index, tooth| index << 1 | tooth >> column & 1);
        if top >> column & 1 == 1 {
            self.0.get(usize::try_from(index).ok()?).copied()
        } else {
            self.0.get(usize::try_from(index ^ 0x7f).ok()?).map(P::negated)
        }
    }
}
