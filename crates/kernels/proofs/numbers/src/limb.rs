//! Replaces the kernels' `limb`: a limb is a range, all values that it may have. On request it is also a polynomial of
//! variables, which says how it depends on them.
//!
//! A property of ranges holds for every number within them. An operation panics if its result might not fit 64 bits, or if
//! this arithmetic does not support it: a panic means "not proven".

use std::cell::{Cell, RefCell};
use std::ops::{
    Add, AddAssign, BitAnd, BitAndAssign, BitXor, BitXorAssign, Mul, MulAssign, Neg, Not, Shl, ShlAssign,
    Shr, ShrAssign, Sub, SubAssign,
};

use crate::dyadic::Dyadic;
use crate::polynomial::{Polynomial, Variable};

/// All values that a limb may have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limb {
    low: i128,
    high: i128,
    /// The index in [`POLYNOMIALS`]; `None` if no polynomial was requested. A range of one value needs none.
    polynomial: Option<usize>,
}

pub type Stored = Limb;

pub const WIDTH: usize = 29;

thread_local! {
    static POLYNOMIALS: RefCell<Vec<Polynomial>> = const { RefCell::new(Vec::new()) };
    static VARIABLES: Cell<Variable> = const { Cell::new(0) };
    static LARGEST: Cell<u128> = const { Cell::new(0) };
}

/// The largest magnitude that any sum, product or shift had since the last call.
pub fn largest_magnitude() -> u128 {
    LARGEST.take()
}

#[expect(non_snake_case, reason = "it replaces a constructor")]
pub const fn Wrapping(value: i64) -> Limb {
    Limb { low: value as i128, high: value as i128, polynomial: None }
}

impl Limb {
    /// Any value from `low` to `high`.
    pub const fn range(low: i128, high: i128) -> Self {
        Self { low, high, polynomial: None }
    }

    /// Any value of at most this magnitude.
    pub const fn within(magnitude: i128) -> Self {
        Self::range(-magnitude, magnitude)
    }

    /// A variable of at most this magnitude.
    pub fn variable(magnitude: i128) -> Self {
        Self::made(-magnitude, magnitude, Some(fresh_variable()))
    }

    /// The range of all values of either.
    pub fn join(self, other: Self) -> Self {
        Self::range(self.low.min(other.low), self.high.max(other.high))
    }

    pub fn same_range(self, other: Self) -> bool {
        (self.low, self.high) == (other.low, other.high)
    }

    fn made(low: i128, high: i128, polynomial: Option<Polynomial>) -> Self {
        let largest = low.unsigned_abs().max(high.unsigned_abs());
        LARGEST.set(LARGEST.get().max(largest));
        assert!(
            low >= i128::from(i64::MIN) && high <= i128::from(i64::MAX),
            "a value may not fit 64 bits: {low} to {high}"
        );
        let polynomial = polynomial.filter(|_| low < high).map(|polynomial| {
            POLYNOMIALS.with_borrow_mut(|all| {
                all.push(polynomial);
                all.len() - 1
            })
        });
        Self { low, high, polynomial }
    }

    fn constant(self) -> Option<i128> {
        (self.low == self.high).then_some(self.low)
    }

    pub fn polynomial(self) -> Option<Polynomial> {
        match self.constant() {
            Some(value) => Some(Polynomial::constant(Dyadic::integer(value))),
            None => self.polynomial.map(|at| POLYNOMIALS.with_borrow(|all| all[at].clone())),
        }
    }

    fn polynomials(self, other: Self) -> Option<(Polynomial, Polynomial)> {
        // Constants alone need none.
        (self.polynomial.is_some() || other.polynomial.is_some()).then_some(())?;
        Some((self.polynomial()?, other.polynomial()?))
    }

    /// Both values, for an operation that is modelled only for known values.
    fn known(self, other: Self) -> (i64, i64) {
        (value(self), value(other))
    }

    /// As in the kernels, where an `i32` has it.
    pub fn wrapping_neg(self) -> Self {
        stored(-self)
    }
}

fn fresh_variable() -> Polynomial {
    VARIABLES.set(VARIABLES.get() + 1);
    Polynomial::variable(VARIABLES.get())
}

pub fn split(column: Limb) -> (Limb, Limb) {
    split_at(WIDTH, column)
}

/// The quotient becomes a new variable. For each of its values, the remainder is the number less its multiple, and within half of
/// the divisor. A test in the kernels shows that their `split_at` does that.
pub fn split_at(bits: usize, number: Limb) -> (Limb, Limb) {
    let half = 1 << (bits - 1);
    let rounded = number + Limb::range(half, half);
    let (low, high) = (rounded.low >> bits, rounded.high >> bits);
    if low == high {
        let quotient = Limb::range(low, high);
        return (quotient, number - (quotient << bits));
    }
    let polynomial = number.polynomial.is_some().then(fresh_variable);
    let rest = polynomial.as_ref().and_then(|quotient| {
        Some(number.polynomial()?.plus_multiple(quotient, Dyadic::power(i32::try_from(bits).ok()?).neg()))
    });
    (Limb::made(low, high, polynomial), Limb::made(-half, half - 1, rest))
}

pub fn value(limb: Limb) -> i64 {
    i64::try_from(limb.constant().expect("a known value")).expect("64 bits")
}

pub fn magnitude(limb: Limb) -> u64 {
    u64::try_from(limb.low.unsigned_abs().max(limb.high.unsigned_abs())).expect("64 bits")
}

pub fn stored(limb: Limb) -> Stored {
    assert!(magnitude(limb) < 1 << 31, "a table's limb does not fit 32 bits");
    limb
}

pub fn loaded(stored: Stored) -> Limb {
    stored
}

impl PartialEq for Limb {
    fn eq(&self, other: &Self) -> bool {
        if self.high < other.low || other.high < self.low {
            return false;
        }
        let (a, b) = self.known(*other);
        a == b
    }
}

impl Add for Limb {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let polynomial = self.polynomials(other).map(|(a, b)| a.plus(&b));
        Self::made(self.low + other.low, self.high + other.high, polynomial)
    }
}

impl Sub for Limb {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let polynomial = self.polynomials(other).map(|(a, b)| a.minus(&b));
        Self::made(self.low - other.high, self.high - other.low, polynomial)
    }
}

impl Mul for Limb {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let polynomial = self.polynomials(other).map(|(a, b)| a.times(&b));
        let ends = [self.low, self.high].map(|a| [a * other.low, a * other.high]);
        let [low, high] = [ends.as_flattened().iter().min(), ends.as_flattened().iter().max()]
            .map(|end| *end.expect("four ends"));
        Self::made(low, high, polynomial)
    }
}

impl Neg for Limb {
    type Output = Self;

    fn neg(self) -> Self {
        Wrapping(0) - self
    }
}

impl Not for Limb {
    type Output = Self;

    fn not(self) -> Self {
        Wrapping(!value(self))
    }
}

impl BitAnd for Limb {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        let (a, b) = self.known(other);
        Wrapping(a & b)
    }
}

impl BitXor for Limb {
    type Output = Self;

    fn bitxor(self, other: Self) -> Self {
        let (a, b) = self.known(other);
        Wrapping(a ^ b)
    }
}

impl Shl<usize> for Limb {
    type Output = Self;

    fn shl(self, bits: usize) -> Self {
        self * Self::range(1 << bits, 1 << bits)
    }
}

/// Rounds down. The result has no polynomial; that of [`split_at`] has one.
impl Shr<usize> for Limb {
    type Output = Self;

    fn shr(self, bits: usize) -> Self {
        Self::made(self.low >> bits, self.high >> bits, None)
    }
}

/// The forms of an operation that the kernels use: with references, and in place.
macro_rules! forms {
    ($($trait:ident $method:ident $in_place:ident $assign:ident;)*) => { $(
        impl $trait<&Limb> for Limb {
            type Output = Limb;

            fn $method(self, other: &Limb) -> Limb {
                $trait::$method(self, *other)
            }
        }

        impl $trait<Limb> for &Limb {
            type Output = Limb;

            fn $method(self, other: Limb) -> Limb {
                $trait::$method(*self, other)
            }
        }

        impl $trait<&Limb> for &Limb {
            type Output = Limb;

            fn $method(self, other: &Limb) -> Limb {
                $trait::$method(*self, *other)
            }
        }

        impl $in_place for Limb {
            fn $assign(&mut self, other: Limb) {
                *self = $trait::$method(*self, other);
            }
        }

        impl $in_place<&Limb> for Limb {
            fn $assign(&mut self, other: &Limb) {
                *self = $trait::$method(*self, *other);
            }
        }
    )* };
}
forms! {
    Add add AddAssign add_assign;
    Sub sub SubAssign sub_assign;
    Mul mul MulAssign mul_assign;
    BitAnd bitand BitAndAssign bitand_assign;
    BitXor bitxor BitXorAssign bitxor_assign;
}

impl ShlAssign<usize> for Limb {
    fn shl_assign(&mut self, bits: usize) {
        *self = *self << bits;
    }
}

impl ShrAssign<usize> for Limb {
    fn shr_assign(&mut self, bits: usize) {
        *self = *self >> bits;
    }
}

#[cfg(test)]
mod tests {
    use super::{Limb, Wrapping, split_at, value};

    /// Pseudo-random numbers, the same in every run (xorshift64*).
    fn random(state: &mut u64) -> i128 {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        // Of any size up to 30 bits.
        i128::from(state.wrapping_mul(0x2545_f491_4f6c_dd1d).cast_signed() >> (34 + *state % 28))
    }

    fn range(state: &mut u64) -> (Limb, [i128; 3]) {
        let (a, b) = (random(state), random(state));
        (Limb::range(a.min(b), a.max(b)), [a, b, i128::midpoint(a, b)])
    }

    #[test]
    fn operations_on_ranges_contain_the_results_of_all_members() {
        let contains = |limb: Limb, value: i128| limb.low <= value && value <= limb.high;
        let mut state = 1;
        for _ in 0..10_000 {
            let ((a, members), (b, others)) = (range(&mut state), range(&mut state));
            for x in members {
                for y in others {
                    assert!(contains(a + b, x + y) && contains(a - b, x - y) && contains(a * b, x * y));
                }
                assert!(contains(-a, -x) && contains(a << 7, x << 7) && contains(a >> 7, x >> 7));
                let (quotient, rest) = split_at(7, a);
                let exact = (x + 64) >> 7;
                assert!(contains(quotient, exact) && contains(rest, x - (exact << 7)));
            }
        }
    }

    #[test]
    fn a_known_limb_is_split_exactly() {
        let (quotient, rest) = split_at(29, Wrapping((5 << 29) - 3));
        assert_eq!((value(quotient), value(rest)), (5, -3));
    }
}
