//! Multiples of a point that is met often, by a comb of eight teeth (Lim and Lee; with signs as Hamburg has them).
//!
//! A scalar is taken as the sum of ±2^i for i below eight times the spacing of the teeth, d. Each of its d columns then
//! needs one of 128 precomputed points, ±P ± 2^d P ± … + 2^(7 d) P, or the negative of one. Knows no curve.

/// A point of some curve, as it is computed with.
pub(super) trait Point: Copy {
    /// A point as a table keeps it.
    type Entry: Copy;

    /// The distance of two teeth, d, and so the number of columns.
    const SPACING: u32;

    fn doubled(&self) -> Self;

    fn plus(&self, entry: &Self::Entry) -> Self;

    /// All of `points`, as a table keeps them.
    fn entries(points: &[Self]) -> Vec<Self::Entry>;

    fn negated(entry: &Self::Entry) -> Self::Entry;
}

/// What is precomputed for a point: at index `j`, 2^(7 d) P plus or minus 2^(d i) P for i from 0 to 6, plus where bit i of
/// `j` is one.
#[derive(Clone, Debug)]
pub(super) struct Comb<P: Point>(Box<[P::Entry]>);

impl<P: Point> Comb<P> {
    /// The table for a point of the curve.
    ///
    /// Every entry is an odd multiple of the point, below the group's order, so no sum here is of equal or opposite points
    /// if the order is prime.
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

    /// What `column` of the scalar contributes. `signs` has the scalar's signs by tooth, those of a column at its bit.
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
