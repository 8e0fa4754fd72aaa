//! Arithmetic of two numbers modulo p = 2^255 - 19 at a time, one in each lane. This module knows no points.
//!
//! Magnitudes are those of [`number`](super::number). Results have magnitude one unless their documentation says otherwise.
//! `crates/kernels/proofs` proves that, and that they are congruent to their definitions, for all limbs.

use super::super::lanes::{Fused, Lanes};
use super::number::{self, Limbs, WIDTH};

/// Two numbers modulo p.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Pair([Lanes; 5], Fused);

/// 1.5 * 2^52: a double near it is an integer, and its bits count ones.
const LOW: f64 = 6_755_399_441_055_744.0;
/// 1.5 * 2^103: a double within 2^102 of it is a multiple of 2^51, and its bits count the multiples.
const HIGH: f64 = LOW * 2_251_799_813_685_248.0;

/// Half a limb.
const HALF: u64 = 1 << (WIDTH - 1);
/// Every sum is this much larger than the true column before its carry is taken: 2^62, to be positive, and half a limb, to round.
const OFFSET: u64 = (1 << 62) + HALF;

impl Pair {
    pub(in super::super) const fn new(first: Limbs, second: Limbs, fused: Fused) -> Self {
        Self::of(Self::limbs(first, second), fused)
    }

    /// The pair with these limbs.
    pub(super) const fn of(limbs: [Lanes; 5], fused: Fused) -> Self {
        Self(limbs, fused)
    }

    /// The limbs of a pair.
    pub(super) const fn limbs(first: Limbs, second: Limbs) -> [Lanes; 5] {
        let ([a, b, c, d, e], [f, g, h, i, j]) = (first, second);
        [
            Lanes::doubles(a, f),
            Lanes::doubles(b, g),
            Lanes::doubles(c, h),
            Lanes::doubles(d, i),
            Lanes::doubles(e, j),
        ]
    }

    /// The same number twice.
    pub(in super::super) const fn both(number: Limbs, fused: Fused) -> Self {
        Self::new(number, number, fused)
    }

    /// What the numbers are computed with.
    pub(in super::super) const fn fused(&self) -> Fused {
        self.1
    }

    pub(in super::super) fn first(&self) -> Limbs {
        self.0.map(Lanes::first)
    }

    pub(in super::super) fn second(&self) -> Limbs {
        self.0.map(Lanes::second)
    }

    #[inline(always)]
    fn with(&self, other: &Self, operation: impl Fn(Lanes, Lanes) -> Lanes) -> Self {
        let ([a, b, c, d, e], [f, g, h, i, j]) = (self.0, other.0);
        Self([operation(a, f), operation(b, g), operation(c, h), operation(d, i), operation(e, j)], self.1)
    }

    /// Magnitudes add up.
    #[inline(always)]
    pub(in super::super) fn plus(&self, other: &Self) -> Self {
        self.with(other, Lanes::plus)
    }

    /// Magnitudes add up.
    #[inline(always)]
    pub(in super::super) fn minus(&self, other: &Self) -> Self {
        self.with(other, Lanes::minus)
    }

    /// Each number times a small one, plus the number of `addend`; and the same for magnitudes.
    #[inline(always)]
    pub(in super::super) fn scaled_plus(&self, first: f64, second: f64, addend: &Self) -> Self {
        let factors = Lanes::doubles(first, second);
        self.with(addend, |limb, addend| limb.times_plus(factors, addend))
    }

    /// The two numbers in the other order.
    #[inline(always)]
    pub(in super::super) fn swapped(&self) -> Self {
        Self(self.0.map(|limbs| limbs.shifted_in(limbs)), self.1)
    }

    /// The first number and the second of `other`.
    #[inline(always)]
    pub(in super::super) fn crossed(&self, other: &Self) -> Self {
        self.with(other, Lanes::crossed)
    }

    /// (b - a, b + a) for (a, b). Magnitudes add up.
    #[inline(always)]
    pub(in super::super) fn difference_and_sum(&self) -> Self {
        self.scaled_plus(-1.0, 1.0, &self.swapped())
    }

    /// The same numbers, from magnitude eight or less.
    #[inline(always)]
    pub(in super::super) fn carried(&self) -> Self {
        // A double near HIGH is a multiple of 2^51.
        let high = Lanes::splat(HIGH);
        let [a, b, c, d, e] = self.0.map(|limb| {
            let carry = limb.plus(high).minus(high);
            (limb.minus(carry), carry)
        });
        let carry = |(limb, _): (Lanes, Lanes), (_, carry): (Lanes, Lanes), times: f64| {
            carry.times_plus(Lanes::splat(times * (1.0 / 2_251_799_813_685_248.0)), limb)
        };
        let limbs =
            [carry(a, e, 19.0), carry(b, a, 1.0), carry(c, b, 1.0), carry(d, c, 1.0), carry(e, d, 1.0)];
        Self(limbs, self.1)
    }

    /// The products. The magnitudes of two factors may have a product of up to 3.
    #[inline(never)]
    pub(in super::super) fn times(&self, other: &Self) -> Self {
        self.1.compiled(
            #[inline(always)]
            || Self(products(self.0, other.0), self.1),
        )
    }

    /// The squares of numbers of magnitude one.
    #[inline(never)]
    pub(in super::super) fn squared(&self) -> Self {
        self.1.compiled(
            #[inline(always)]
            || Self(squares(self.0), self.1),
        )
    }

    /// The powers with the exponent 2^`times`.
    #[inline(never)]
    fn squared_times(&self, times: usize) -> Self {
        (0..times).fold(*self, |power, _| power.squared())
    }

    /// The powers with the exponent (p - 5) / 8 = 2^252 - 3.
    pub(in super::super) fn root_power(&self) -> Self {
        // Exponents of 1, 2, 4, 5, 10, … ones in binary.
        let twice_as_long = |power: &Self, ones: usize| power.squared_times(ones).times(power);
        let two = twice_as_long(self, 1);
        let five = twice_as_long(&two, 2).squared().times(self);
        let ten = twice_as_long(&five, 5);
        let fifty = twice_as_long(&twice_as_long(&ten, 10), 20).squared_times(10).times(&ten);
        let hundred = twice_as_long(&fifty, 50);
        let all = twice_as_long(&hundred, 100).squared_times(50).times(&fifty);
        all.squared_times(2).times(self)
    }

    /// Whether the first number is a multiple of p.
    pub(in super::super) fn is_zero(&self) -> bool {
        self.1.compiled(
            #[inline(always)]
            || number::to_le_bytes(&self.carried().first()) == [0; 32],
        )
    }
}

/// The limbs of products.
#[inline(always)]
fn products(a: [Lanes; 5], b: [Lanes; 5]) -> [Lanes; 5] {
    const STARTS: [Lanes; 5] = starts([1, 2, 3, 4, 5, 4, 3, 2, 1]);
    let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (a, b);
    reduced(
        [
            sum([(a0, b0)]),
            sum([(a0, b1), (a1, b0)]),
            sum([(a0, b2), (a1, b1), (a2, b0)]),
            sum([(a0, b3), (a1, b2), (a2, b1), (a3, b0)]),
            sum([(a0, b4), (a1, b3), (a2, b2), (a3, b1), (a4, b0)]),
            sum([(a1, b4), (a2, b3), (a3, b2), (a4, b1)]),
            sum([(a2, b4), (a3, b3), (a4, b2)]),
            sum([(a3, b4), (a4, b3)]),
            sum([(a4, b4)]),
        ],
        STARTS,
    )
}

/// The limbs of squares.
#[inline(always)]
fn squares(a: [Lanes; 5]) -> [Lanes; 5] {
    const STARTS: [Lanes; 5] = starts([1, 1, 2, 2, 3, 2, 2, 1, 1]);
    let [a0, a1, a2, a3, a4] = a;
    let [d0, d1, d2, d3] = [a0.plus(a0), a1.plus(a1), a2.plus(a2), a3.plus(a3)];
    reduced(
        [
            sum([(a0, a0)]),
            sum([(d0, a1)]),
            sum([(d0, a2), (a1, a1)]),
            sum([(d0, a3), (d1, a2)]),
            sum([(d0, a4), (d1, a3), (a2, a2)]),
            sum([(d1, a4), (d2, a3)]),
            sum([(d2, a4), (a3, a3)]),
            sum([(d3, a4)]),
            sum([(a4, a4)]),
        ],
        STARTS,
    )
}

/// The sum of products of limbs: its high part in multiples of 2^51, and the rest. Both are integers, and too large by the bits of
/// [`HIGH`] and of [`LOW`] for each product.
///
/// A product of two limbs has up to 102 bits, which no double holds. But adding it to [`HIGH`] rounds it to its high part, and a
/// fused multiplication then gives the rest exactly.
#[expect(clippy::inline_always, reason = "otherwise the compiler passes sums in memory")]
#[inline(always)]
fn sum<const N: usize>(products: [(Lanes, Lanes); N]) -> (Lanes, Lanes) {
    let (high, both) = (Lanes::splat(HIGH), Lanes::splat(HIGH + LOW));
    products.into_iter().fold((Lanes::ZERO, Lanes::ZERO), |(highs, lows), (a, b)| {
        let rounded = a.times_plus(b, high);
        let rest = a.times_plus(b, both.minus(rounded));
        (highs.integer_plus(rounded), lows.integer_plus(rest))
    })
}

/// The initial values of the five columns, such that their final sums are [`OFFSET`] more than the true ones, when `counts`
/// products are added at each place.
const fn starts(counts: [u64; 9]) -> [Lanes; 5] {
    const fn start(lows: u64, highs: u64, upper_lows: u64, upper_highs: u64) -> Lanes {
        let lows = lows.wrapping_add(upper_lows.wrapping_mul(19)).wrapping_mul(LOW.to_bits());
        let highs = highs.wrapping_add(upper_highs.wrapping_mul(19)).wrapping_mul(HIGH.to_bits());
        Lanes::integer(OFFSET.wrapping_sub(lows).wrapping_sub(highs))
    }
    let [a, b, c, d, e, f, g, h, i] = counts;
    [start(a, 0, f, e), start(b, a, g, f), start(c, b, h, g), start(d, c, i, h), start(e, d, 0, i)]
}

/// The number whose columns are `sums`, from the least significant place.
///
/// Columns stay within 2^58, so carries stay within 2^7, and 19 times the one out of the highest limb within 2^10. No carry waits
/// for another.
#[inline(always)]
fn reduced(sums: [(Lanes, Lanes); 9], starts: [Lanes; 5]) -> [Lanes; 5] {
    const LOWEST: Lanes = back(19);
    const OTHER: Lanes = back(1);
    let [(h0, l0), (h1, l1), (h2, l2), (h3, l3), (h4, l4), (h5, l5), (h6, l6), (h7, l7), (h8, l8)] = sums;
    let [s0, s1, s2, s3, s4] = starts;
    let column = |start: Lanes, low: Lanes, high: Lanes, upper: Lanes| {
        start.integer_plus(low).integer_plus(high).integer_plus(times_19(upper))
    };
    let columns = [
        column(s0, l0, Lanes::ZERO, l5.integer_plus(h4)),
        column(s1, l1, h0, l6.integer_plus(h5)),
        column(s2, l2, h1, l7.integer_plus(h6)),
        column(s3, l3, h2, l8.integer_plus(h7)),
        column(s4, l4, h3, h8),
    ];
    let [c0, c1, c2, c3, c4] = columns.map(|column| column.shifted_right(WIDTH));
    let [d0, d1, d2, d3, d4] = columns.map(|column| column.and(Lanes::integer((1 << WIDTH) - 1)));
    let limb = |rest: Lanes, carry: Lanes, back: Lanes| {
        rest.integer_plus(carry).integer_plus(back).minus(Lanes::splat(LOW))
    };
    [
        limb(d0, times_19(c4), LOWEST),
        limb(d1, c0, OTHER),
        limb(d2, c1, OTHER),
        limb(d3, c2, OTHER),
        limb(d4, c3, OTHER),
    ]
}

#[inline(always)]
fn times_19(number: Lanes) -> Lanes {
    number.integer_plus(number.shifted_left(1)).integer_plus(number.shifted_left(4))
}

/// Added to a limb that contains half a limb and `times` the carry of [`OFFSET`], it gives the bits of a double near [`LOW`].
const fn back(times: u64) -> Lanes {
    Lanes::integer(LOW.to_bits().wrapping_sub(HALF).wrapping_sub(times.wrapping_mul(OFFSET >> WIDTH)))
}
