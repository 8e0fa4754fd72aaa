//! Rows of limb products, and the carries that turn their sums into limbs again.
//!
//! A product of two limbs has up to 99 bits, which no double holds. But a double near [`HIGH`] is a multiple of 2^50, so adding a
//! product to it rounds the product to its high part; a fused multiplication then gives the rest exactly. Both parts are
//! summed as integers: between two powers of two, the bits of a double count multiples of its last place.

use std::hint::black_box;

use super::lanes::{Fused, Lanes};
use super::limbs::WIDTH;

/// 1.5 * 2^52: a double near it is an integer, and its bits count ones.
const LOW: f64 = 6_755_399_441_055_744.0;
/// 1.5 * 2^102: a double near it is a multiple of 2^50, and its bits count the multiples.
const HIGH: f64 = LOW * 1_125_899_906_842_624.0;

/// Every sum is this much larger than the true column before its carry is taken: 2^62, to be positive, and half a limb, to round.
const OFFSET: u64 = (1 << 62) + (1 << (WIDTH - 1));

/// How many pairs of limbs [`Product::add_rows`] takes from the multiplier.
pub(in super::super) const BLOCK: usize = 3;

/// The zero pairs before a multiplicand: the rows of one block start within them.
pub(in super::super) const LEAD: usize = BLOCK - 1;

/// The sums for limbs `2k` and `2k + 1`, as integers, in two registers, so that no lane has to move.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(target_arch = "x86_64", repr(C))]
pub(in super::super) struct Column {
    /// Added to limbs `2k` and `2k + 1`.
    even: Lanes,
    /// Keeps the two apart: the compiler would join them to 256 bits, and shuffle registers for that: a quarter of the time.
    #[cfg(target_arch = "x86_64")]
    apart: Lanes,
    /// Added to limbs `2k + 1` and `2k + 2`.
    odd: Lanes,
}

impl Column {
    pub(super) const ZERO: Self = Self {
        even: Lanes::ZERO,
        #[cfg(target_arch = "x86_64")]
        apart: Lanes::ZERO,
        odd: Lanes::ZERO,
    };

    /// The initial value of a column, such that its final sum is [`OFFSET`] more than the true one. `self` is what rows of zeros
    /// made of [`Column::ZERO`]: the bits of [`HIGH`] and [`LOW`], as often as they were added.
    pub(super) fn start(&self) -> Self {
        Self {
            even: Lanes::integer(OFFSET).integer_minus(self.even),
            #[cfg(target_arch = "x86_64")]
            apart: Lanes::ZERO,
            odd: Lanes::integer(0).integer_minus(self.odd),
        }
    }

    /// The initial value `self` for a column to which [`countable`] limbs are added too.
    pub(super) fn for_countable(self) -> Self {
        Self { even: self.even.integer_minus(Lanes::integer(LOW.to_bits())), ..self }
    }
}

/// `limbs` in the form that can be added to a column's sum.
#[inline(always)]
pub(super) fn countable(limbs: Lanes) -> Lanes {
    limbs.plus(Lanes::splat(LOW))
}

/// The constants of multiplication.
///
/// They are hidden from the compiler: otherwise V8 rebuilds them in every iteration of the loop.
#[derive(Clone, Copy)]
pub(in super::super) struct Product {
    high: Lanes,
    /// [`HIGH`] + [`LOW`].
    both: Lanes,
    fused: Fused,
}

impl Product {
    pub(in super::super) fn new(fused: Fused) -> Self {
        Self { high: Lanes::splat(black_box(HIGH)), both: Lanes::splat(black_box(HIGH + LOW)), fused }
    }

    /// Adds `block` times a number to `columns`. `number` begins [`LEAD`] pairs before the pair whose product with the first of
    /// `block` belongs to the first column. The shorter of `columns` and `number` ends the loop.
    ///
    /// Three products go to each place at a time, and their high parts are summed in one double.
    #[inline(always)]
    pub(super) fn add_rows(self, columns: &mut [Column], number: &[Lanes], block: &[Lanes; BLOCK]) {
        self.fused.compiled(
            #[inline(always)]
            || self.add_rows_here(columns, number, block),
        );
    }

    #[inline(always)]
    fn add_rows_here(self, columns: &mut [Column], number: &[Lanes], block: &[Lanes; BLOCK]) {
        let [first, second, third] = block;
        let even = [first.first(), second.first(), third.first()].map(Lanes::splat);
        let odd = [first.second(), second.second(), third.second()].map(Lanes::splat);
        let [before, last, number @ ..] = number else { return };
        let (mut before, mut last) = (*before, *last);
        let mut columns = columns.iter_mut();
        let mut spill = Lanes::ZERO;
        for (limbs, column) in number.iter().zip(columns.by_ref()) {
            let (high, low) = self.split([*limbs, last, before], even);
            column.even = column.even.integer_plus(spill).integer_plus(low);
            let (next, low) = self.split([*limbs, last, before], odd);
            column.odd = column.odd.integer_plus(high).integer_plus(low);
            (spill, before, last) = (next, last, *limbs);
        }
        if let Some(column) = columns.next() {
            column.even = column.even.integer_plus(spill);
        }
    }

    /// The sum of the products of `limbs` with `factors`: [`HIGH`] plus a multiple of 2^50, and [`LOW`] plus the rest, which
    /// lies within 3 * 2^49.
    #[inline(always)]
    fn split(self, limbs: [Lanes; BLOCK], factors: [Lanes; BLOCK]) -> (Lanes, Lanes) {
        let [a, b, c] = limbs;
        let [by_a, by_b, by_c] = factors;
        let first = a.times_plus(by_a, self.high);
        let second = b.times_plus(by_b, first);
        let third = c.times_plus(by_c, second);
        let low = a.times_plus(by_a, self.both.minus(first));
        let low = low.plus(b.times_plus(by_b, first.minus(second)));
        (third, low.plus(c.times_plus(by_c, second.minus(third))))
    }
}

/// Passes the limbs of `columns` to `take`, from the least significant, and resets every column to its `starts`. `sum` may add to a
/// column before its carry is taken. Both get the column's index.
///
/// Columns stay within 2^57, so carries stay within 2^7 and limbs within 2^49 + 2^7, and no carry waits for another.
#[inline(always)]
pub(super) fn carry(
    columns: &mut [Column],
    starts: &[Column],
    sum: impl Fn(usize, Lanes) -> Lanes,
    mut take: impl FnMut(usize, Lanes),
) {
    let (offset, half) = (OFFSET >> WIDTH, 1 << (WIDTH - 1));
    let mask = Lanes::integer(black_box((1 << WIDTH) - 1));
    let back = Lanes::integer(black_box(LOW.to_bits().wrapping_sub(half).wrapping_sub(offset)));
    let low = Lanes::splat(black_box(LOW));
    let (mut odd, mut carried) = (Lanes::ZERO, Lanes::integer(offset));
    for (index, (column, start)) in columns.iter_mut().zip(starts).enumerate() {
        let sum = sum(index, column.even.integer_plus(column.odd.shifted_in(odd)));
        odd = column.odd;
        *column = *start;
        let over = sum.shifted_right(WIDTH);
        let limbs = sum.and(mask).integer_plus(over.shifted_in(carried));
        carried = over;
        take(index, limbs.integer_plus(back).minus(low));
    }
}
