//! Points of edwards25519, -x^2 + y^2 = 1 + d x^2 y^2, and their addition (Hisil, Wong, Carter and Dawson, 2008, with
//! their T = X Y / Z).
//!
//! The formulas are complete: they hold for all points of the curve, equal, opposite and of small order. Their eight
//! products are four of pairs.

use super::super::comb;
use super::super::lanes::{Fused, Lanes};
use super::field::Pair;
use super::number::{self, Limbs};

const ZERO: Limbs = [0.0; 5];
const ONE: Limbs = [1.0, 0.0, 0.0, 0.0, 0.0];
const TWO: Limbs = [2.0, 0.0, 0.0, 0.0, 0.0];
/// d = -121665/121666.
const D: Limbs = [
    929_955_233_495_222.0,
    466_365_720_129_213.0,
    -589_740_348_686_295.0,
    -217_950_738_957_124.0,
    -809_005_158_844_672.0,
];
/// 2 d.
const TWICE_D: Limbs = [
    -391_889_346_694_823.0,
    932_731_440_258_427.0,
    1_072_319_116_312_658.0,
    -435_901_477_914_249.0,
    633_789_495_995_904.0,
];
/// 2^((p - 1) / 4), a square root of -1.
const ROOT_OF_MINUS_ONE: Limbs = [
    -533_094_393_274_192.0,
    234_908_883_556_510.0,
    -18_285_341_111_200.0,
    -134_597_186_663_265.0,
    765_476_049_583_134.0,
];

/// The point (X / Z, Y / Z).
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Point {
    /// X and Y.
    pub(in super::super) xy: Pair,
    /// T and Z.
    pub(in super::super) tz: Pair,
}

/// A point in the form that tables store and additions take.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Entry {
    /// Y - X and Y + X.
    pub(in super::super) first: Pair,
    /// 2 d T and 2 Z.
    pub(in super::super) second: Pair,
}

impl Point {
    /// The neutral point.
    pub(super) const fn identity(fused: Fused) -> Self {
        // In the wasm file, a table is shorter than the instructions that would make it.
        const LIMBS: [Lanes; 5] = Pair::limbs(ZERO, ONE);
        Self { xy: Pair::of(LIMBS, fused), tz: Pair::of(LIMBS, fused) }
    }

    /// What the coordinates are computed with.
    pub(super) const fn fused(&self) -> Fused {
        self.xy.fused()
    }

    /// The point that `octets` encode (RFC 8032 §5.1.3), if there is one. A `y` of p or more is reduced, and the sign of an x of
    /// zero is ignored.
    pub(super) fn decoded(octets: &[u8; 32], fused: Fused) -> Option<Self> {
        fused.compiled(
            #[inline(always)]
            || Self::decoded_here(octets, fused),
        )
    }

    #[inline(always)]
    fn decoded_here(octets: &[u8; 32], fused: Fused) -> Option<Self> {
        let one = Pair::both(ONE, fused);
        let y = Pair::both(number::from_le_bytes(octets), fused).carried();
        let square = y.squared();
        // x^2 = u / v.
        let u = square.minus(&one).carried();
        let v = square.times(&Pair::both(D, fused)).plus(&one).carried();
        let v_cubed = v.squared().times(&v);
        let power = u.times(&v_cubed.squared().times(&v)).root_power();
        let x = u.times(&v_cubed).times(&power);
        let is_root = |x: &Pair| v.times(&x.squared()).minus(&u).is_zero();
        let x = [x, x.times(&Pair::both(ROOT_OF_MINUS_ONE, fused))].into_iter().find(is_root)?;
        let [.., last] = octets;
        let x = if is_odd(&x.first()) == (last >> 7 == 1) { x } else { Pair::both(ZERO, fused).minus(&x) };
        Some(Self { xy: x.crossed(&y), tz: x.times(&y).crossed(&one) })
    }

    /// Whether eight times the point is the neutral point.
    pub(super) fn has_small_order(&self) -> bool {
        // Doubling a point with x^2 = -y^2 gives y = 0, doubling that gives (0, -1), and doubling that the neutral point.
        let squares = self.xy.squared();
        self.xy.is_zero() || self.xy.swapped().is_zero() || squares.plus(&squares.swapped()).is_zero()
    }

    /// The point's canonical encoding (RFC 8032 §5.1.2).
    pub(super) fn encoded(&self) -> [u8; 32] {
        let xy = self.xy.times(&Pair::both(number::inverse(&self.tz.second()), self.fused()));
        let mut octets = number::to_le_bytes(&xy.second());
        let [.., last] = &mut octets;
        *last |= u8::from(is_odd(&xy.first())) << 7;
        octets
    }

    #[inline(never)]
    pub(in super::super) fn entry(&self) -> Entry {
        self.fused().compiled(
            #[inline(always)]
            || {
                let first = self.xy.difference_and_sum().carried();
                Entry { first, second: self.tz.times(&Pair::new(TWICE_D, TWO, self.fused())) }
            },
        )
    }

    /// The point (E F, G H, E H, G F) from (E, G), of magnitude three or less, and (F, H), of magnitude eight or less.
    #[inline(always)]
    fn from_factors(eg: &Pair, fh: &Pair) -> Self {
        let fh = fh.carried();
        Self { xy: eg.times(&fh), tz: eg.times(&fh.swapped()) }
    }
}

impl comb::Point for Point {
    type Entry = Entry;

    const SPACING: u32 = 32;

    #[inline(never)]
    fn doubled(&self) -> Self {
        self.fused().compiled(
            #[inline(always)]
            || {
                // The literature's (A, B) and (E, C) / 2. F and H have the opposite sign here, and so have all coordinates.
                let squares = self.xy.squared();
                let products = self.xy.crossed(&self.tz).times(&self.xy.swapped().crossed(&self.tz));
                let gh = squares.difference_and_sum();
                let ec = products.plus(&products);
                let ch = ec.swapped().crossed(&gh);
                Self::from_factors(&ec.crossed(&gh.swapped()), &gh.scaled_plus(-1.0, 0.0, &ch))
            },
        )
    }

    #[inline(never)]
    fn plus(&self, entry: &Entry) -> Self {
        self.fused().compiled(
            #[inline(always)]
            || {
                let ab = self.xy.difference_and_sum().times(&entry.first);
                let cd = self.tz.times(&entry.second);
                let (eh, fg) = (ab.difference_and_sum(), cd.difference_and_sum());
                Self::from_factors(&eh.crossed(&fg), &fg.crossed(&eh))
            },
        )
    }

    fn entries(points: &[Self]) -> Vec<Entry> {
        points.iter().map(Self::entry).collect()
    }

    fn negated(entry: &Entry) -> Entry {
        let negative = Pair::both(ZERO, entry.second.fused()).minus(&entry.second);
        Entry { first: entry.first.swapped(), second: negative.crossed(&entry.second) }
    }
}

fn is_odd(number: &Limbs) -> bool {
    let [lowest, ..] = number::to_le_bytes(number);
    lowest & 1 == 1
}
