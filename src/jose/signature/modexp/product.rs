//! Rows of digit products, and the carries that turn their sums into digits again.
//!
//! Every sum here is an integer of at most 2^53, so doubles hold it exactly: no operation ever rounds but the one in
//! [`Carry`] that is meant to.

use super::lanes::Lanes;

/// The sums of products for digits `2k` and `2k + 1`, kept in two registers so that no lane ever has to move.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// What belongs to digits `2k` and `2k + 1`.
    even: Lanes,
    /// What belongs to digits `2k + 1` and `2k + 2`.
    odd: Lanes,
}

impl Column {
    pub(super) const ZERO: Self = Self { even: Lanes::ZERO, odd: Lanes::ZERO };
}

/// How many pairs of digits one call of [`add_rows`] takes from the multiplier.
pub(super) const BLOCK: usize = 4;

/// The zero pairs that stand before a multiplicand, for the rows of one block to slide into it.
pub(super) const LEAD: usize = BLOCK - 1;

/// Adds `block` times a number to `columns`. `number` begins [`LEAD`] pairs before the one which, times the first of
/// `block`, belongs to the first column. The shorter of the two slices ends the work.
pub(super) fn add_rows(columns: &mut [Column], number: &[Lanes], block: &[Lanes; BLOCK]) {
    let [first, second, third, fourth] = block;
    let (a0, a1) = (Lanes::splat(first.first()), Lanes::splat(first.second()));
    let (b0, b1) = (Lanes::splat(second.first()), Lanes::splat(second.second()));
    let (c0, c1) = (Lanes::splat(third.first()), Lanes::splat(third.second()));
    let (d0, d1) = (Lanes::splat(fourth.first()), Lanes::splat(fourth.second()));
    let [w, v, u, number @ ..] = number else { return };
    let (mut w, mut v, mut u) = (*w, *v, *u);
    for (column, t) in columns.iter_mut().zip(number) {
        let even = column.even.plus(t.times(a0)).plus(u.times(b0));
        column.even = even.plus(v.times(c0)).plus(w.times(d0));
        let odd = column.odd.plus(t.times(a1)).plus(u.times(b1));
        column.odd = odd.plus(v.times(c1)).plus(w.times(d1));
        (w, v, u) = (v, u, *t);
    }
}

/// The constants of carrying in one digit width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carry {
    /// 1.5 * 2^(52 + width): adding it rounds to a multiple of 2^width, for that is the last bit it leaves a double.
    round: f64,
    /// 2^-width.
    shift: f64,
}

impl Carry {
    pub(super) fn new(width: u32) -> Self {
        let base = f64::from(1_u32 << width);
        Self { round: 6_755_399_441_055_744.0 * base, shift: 1.0 / base }
    }

    /// Empties `columns`, from the least significant, and hands their digits to `take` with their index. `from` may change a
    /// sum before it is carried.
    ///
    /// A sum of 2^53 carries up to 2^(53 - width); the second pass leaves carries of at most 2^(53 - 2 * width), and
    /// digits that exceed their range by no more. Neither pass waits for a neighbour's carry to be carried.
    #[inline]
    pub(super) fn digits(
        self,
        columns: &mut [Column],
        from: impl Fn(usize, Lanes) -> Lanes,
        mut take: impl FnMut(usize, Lanes),
    ) {
        let (round, shift) = (Lanes::splat(self.round), Lanes::splat(self.shift));
        let split = |sum: Lanes| {
            let rounded = sum.plus(round).minus(round);
            (sum.minus(rounded), rounded.times(shift))
        };
        let (mut odd, mut first, mut second) = (Lanes::ZERO, Lanes::ZERO, Lanes::ZERO);
        for (index, column) in columns.iter_mut().enumerate() {
            let sum = from(index, column.even.plus(column.odd.shifted_in(odd)));
            odd = column.odd;
            *column = Column::ZERO;
            let (rest, carry) = split(sum);
            let sum = rest.plus(carry.shifted_in(first));
            first = carry;
            let (rest, carry) = split(sum);
            take(index, rest.plus(carry.shifted_in(second)));
            second = carry;
        }
    }
}
