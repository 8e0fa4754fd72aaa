//! Replaces the kernels' `lanes`: each lane is a polynomial of integer variables and its range, as a double or as 64 bits.
//!
//! If a double is rounded, the result, a multiple of its last place, is a new variable. The difference from the exact value is a
//! polynomial too, and is recorded as at most half of that place. The bits of a double can be read only if its range lies
//! between two powers of two; a shift to the right yields a new variable. Every other operation panics: a panic means
//! "not proven".

use std::cell::RefCell;
use std::collections::HashMap;

use crate::dyadic::Dyadic;
use crate::polynomial::{Monomial, Polynomial, Variable};

/// All values that a lane may have.
#[derive(Clone, Debug)]
struct Node {
    polynomial: Polynomial,
    low: Dyadic,
    high: Dyadic,
    /// Whether it represents a double; otherwise it represents 64 bits, modulo 2^64.
    is_double: bool,
}

/// The terms of a polynomial, without its constant term.
type Terms = Vec<(Monomial, Dyadic)>;

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    variables: Variable,
    /// For the terms of a polynomial: a constant term, and the range that is known for the sum of both.
    facts: HashMap<Terms, Vec<(Dyadic, Dyadic)>>,
    /// The quotients by powers of two that were requested before.
    quotients: HashMap<(usize, u32), usize>,
    /// The variables that replace nodes whose product has too high a degree.
    linear: HashMap<usize, usize>,
    /// The bits of the largest column without its offset.
    column_bits: i32,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// A lane: bits that are known, or an index into the nodes.
#[derive(Clone, Copy, Debug)]
enum Lane {
    Bits(u64),
    Node(usize),
}

/// The upper half of a NaN that no arithmetic yields. With it, a double is the index of a node.
const TAG: u64 = 0x7ff8_5a5a << 32;

impl Lane {
    fn of(bits: u64) -> Self {
        if bits >> 32 == TAG >> 32 { Self::Node((bits & 0xffff_ffff) as usize) } else { Self::Bits(bits) }
    }

    fn bits(self) -> u64 {
        match self {
            Self::Bits(bits) => bits,
            Self::Node(index) => TAG | index as u64,
        }
    }

    fn node(index: usize) -> Node {
        STATE.with_borrow(|state| state.nodes[index].clone())
    }

    /// The lane as a double.
    fn double(self) -> Node {
        let index = match self {
            Self::Bits(bits) => return Node::constant(Dyadic::of_double(f64::from_bits(bits)), true),
            Self::Node(index) => index,
        };
        let node = Self::node(index);
        if node.is_double {
            return node;
        }
        let node = node.within_64_bits();
        let exponent = node.low.floor() >> 52;
        assert_eq!(exponent, node.high.floor() >> 52, "bits of doubles beyond one power of two");
        assert!(exponent > 0 && exponent < 2_047, "bits of no positive double");
        // (bits - exponent * 2^52) * 2^place + 2^(place + 52)
        let place = i32::try_from(exponent).expect("11 bits") - 1_075;
        node.plus(Dyadic::power(52) - Dyadic::new(exponent, 52)).times_power(place, true)
    }

    /// The lane as 64 bits.
    fn integer(self) -> Node {
        let index = match self {
            Self::Bits(bits) => return Node::constant(Dyadic::integer(bits.into()), false),
            Self::Node(index) => index,
        };
        let node = Self::node(index);
        if !node.is_double {
            return node;
        }
        if node.low == node.high {
            return Self::Bits(node.low.to_double().to_bits()).integer();
        }
        assert!(node.low.is_positive(), "the bits of a double of either sign");
        let power = node.low.log2();
        assert!(node.high < Dyadic::power(power + 1), "the bits of doubles beyond one power of two");
        node.times_power(52 - power, false).plus(Dyadic::new(i128::from(power) + 1_022, 52))
    }

    /// The lane divided by 2^`bits`, rounded down: a new variable, the same at each request.
    fn quotient(index: usize, bits: u32) -> usize {
        if let Some(quotient) = STATE.with_borrow(|state| state.quotients.get(&(index, bits)).copied()) {
            return quotient;
        }
        let node = Self::Node(index).integer().within_64_bits();
        let half_width = (node.high - node.low).shifted(-1);
        let [low, high] =
            [node.low, node.high].map(|end| Dyadic::integer(end.shifted(-bits.cast_signed()).floor()));
        let quotient = Node { polynomial: fresh_variable(), low, high, is_double: false }.stored();
        STATE.with_borrow_mut(|state| {
            if half_width.is_positive() {
                state.column_bits = state.column_bits.max(half_width.log2() + 1);
            }
            state.quotients.insert((index, bits), quotient);
        });
        quotient
    }

    /// The lane as a polynomial of degree one: a variable in place of one of degree two.
    fn linear_double(self) -> Node {
        let Self::Node(index) = self else { return self.double() };
        let node = self.double();
        if node.polynomial.degree() < 2 {
            return node;
        }
        if let Some(linear) = STATE.with_borrow(|state| state.linear.get(&index).copied()) {
            return Self::node(linear);
        }
        let grain = node.polynomial.grain().unwrap_or(0);
        let linear = Node { polynomial: fresh_variable().shifted(grain), ..node };
        let stored = linear.clone().stored();
        STATE.with_borrow_mut(|state| state.linear.insert(index, stored));
        linear
    }
}

fn fresh_variable() -> Polynomial {
    STATE.with_borrow_mut(|state| {
        state.variables += 1;
        Polynomial::variable(state.variables)
    })
}

impl Node {
    fn constant(value: Dyadic, is_double: bool) -> Self {
        Self { polynomial: Polynomial::constant(value), low: value, high: value, is_double }
    }

    fn stored(mut self) -> usize {
        if self.polynomial.degree() == 0 {
            self.low = self.polynomial.constant_term();
            self.high = self.low;
        }
        STATE.with_borrow_mut(|state| {
            state.nodes.push(self);
            state.nodes.len() - 1
        })
    }

    fn lane(self) -> Lane {
        Lane::Node(self.stored())
    }

    fn plus(mut self, constant: Dyadic) -> Self {
        self.polynomial = self.polynomial.plus(&Polynomial::constant(constant));
        (self.low, self.high) = (self.low + constant, self.high + constant);
        self
    }

    fn times_power(self, bits: i32, is_double: bool) -> Self {
        let (low, high) = (self.low.shifted(bits), self.high.shifted(bits));
        Self { polynomial: self.polynomial.shifted(bits), low, high, is_double }
    }

    /// The same bits: between 0 and 2^64.
    fn within_64_bits(self) -> Self {
        let wraps = self.low.shifted(-64).floor();
        let node = self.plus(-Dyadic::new(wraps, 64));
        assert!(node.high < Dyadic::power(64), "a range beyond 64 bits");
        node
    }

    fn sum(&self, other: &Self, is_double: bool) -> Self {
        let polynomial = self.polynomial.plus(&other.polynomial);
        Self { polynomial, low: self.low + other.low, high: self.high + other.high, is_double }
    }

    fn difference(&self, other: &Self, is_double: bool) -> Self {
        let polynomial = self.polynomial.minus(&other.polynomial);
        Self { polynomial, low: self.low - other.high, high: self.high - other.low, is_double }
    }

    fn product(&self, other: &Self) -> Self {
        let ends = [self.low, self.high].map(|a| [a * other.low, a * other.high]);
        let [low, high] = [ends.as_flattened().iter().min(), ends.as_flattened().iter().max()]
            .map(|end| *end.expect("four ends"));
        Self { polynomial: self.polynomial.times(&other.polynomial), low, high, is_double: true }
    }

    /// The double nearest to the value, which this node holds exactly.
    fn rounded(mut self) -> Lane {
        let (terms, constant) = (self.polynomial.variable_terms(), self.polynomial.constant_term());
        if terms.is_empty() {
            (self.low, self.high) = (constant, constant);
        }
        STATE.with_borrow(|state| {
            for (known, bound) in state.facts.get(&terms).into_iter().flatten() {
                let offset = constant - *known;
                self.low = self.low.max(offset - *bound);
                self.high = self.high.min(offset + *bound);
            }
        });
        let grain = self.polynomial.grain().unwrap_or(0);
        if self.low.abs().max(self.high.abs()) <= Dyadic::power(53 + grain) {
            return self.lane();
        }
        assert!(self.low.is_positive(), "a rounded double of either sign");
        let power = self.low.log2();
        assert!(self.high <= Dyadic::power(power + 1), "rounded doubles beyond one power of two");
        let place = power - 52;
        let center = Dyadic::power(power) + Dyadic::power(power - 1);
        let polynomial = Polynomial::constant(center).plus(&fresh_variable().shifted(place));
        let error = self.polynomial.minus(&polynomial);
        let fact = (error.constant_term(), Dyadic::power(place - 1));
        STATE.with_borrow_mut(|state| state.facts.entry(error.variable_terms()).or_default().push(fact));
        let at_place = |units: i128| Dyadic::new(units, place);
        let low = at_place(self.low.shifted(-place).floor());
        let high = at_place(-(-self.high).shifted(-place).floor());
        Self { polynomial, low, high, is_double: true }.lane()
    }
}

fn known(lane: Lane) -> Option<u64> {
    match lane {
        Lane::Bits(bits) => Some(bits),
        Lane::Node(_) => None,
    }
}

/// The proofs are about machines with fused multiplication.
#[derive(Clone, Copy, Debug)]
pub struct Fused(());

pub const FUSED: Fused = Fused(());

impl Fused {
    #[must_use]
    pub const fn here() -> Option<Self> {
        Some(FUSED)
    }

    pub fn compiled<T>(self, work: impl FnOnce() -> T) -> T {
        work()
    }
}

/// Two lanes.
#[derive(Clone, Copy, Debug)]
pub struct Lanes(u64, u64);

impl Lanes {
    pub const ZERO: Self = Self(0, 0);

    pub const fn doubles(first: f64, second: f64) -> Self {
        Self(first.to_bits(), second.to_bits())
    }

    pub const fn integer(both: u64) -> Self {
        Self(both, both)
    }

    pub fn splat(value: f64) -> Self {
        Self::doubles(value, value)
    }

    pub fn first(self) -> f64 {
        f64::from_bits(self.0)
    }

    pub fn second(self) -> f64 {
        f64::from_bits(self.1)
    }

    pub fn shifted_in(self, before: Self) -> Self {
        Self(before.1, self.0)
    }

    pub fn crossed(self, other: Self) -> Self {
        Self(self.0, other.1)
    }

    fn each(self, operation: impl Fn(Lane) -> Lane) -> Self {
        Self(operation(Lane::of(self.0)).bits(), operation(Lane::of(self.1)).bits())
    }

    fn with(self, other: Self, operation: impl Fn(Lane, Lane) -> Lane) -> Self {
        let [first, second] =
            [(self.0, other.0), (self.1, other.1)].map(|(a, b)| operation(Lane::of(a), Lane::of(b)).bits());
        Self(first, second)
    }

    pub fn times_plus(self, factor: Self, addend: Self) -> Self {
        let lane = |number: u64, factor: u64, addend: u64| {
            let lanes = [number, factor, addend].map(Lane::of);
            if let [Some(number), Some(factor), Some(addend)] = lanes.map(known) {
                return f64::from_bits(number)
                    .mul_add(f64::from_bits(factor), f64::from_bits(addend))
                    .to_bits();
            }
            let [number, factor, addend] = lanes;
            let mut factors = [number, factor].map(Lane::double);
            if factors.iter().map(|node| node.polynomial.degree()).sum::<usize>() > 2 {
                factors = [number, factor].map(Lane::linear_double);
            }
            let [number, factor] = factors;
            number.product(&factor).sum(&addend.double(), true).rounded().bits()
        };
        Self(lane(self.0, factor.0, addend.0), lane(self.1, factor.1, addend.1))
    }

    pub fn plus(self, other: Self) -> Self {
        self.with(other, |a, b| match (a, b) {
            (Lane::Bits(a), Lane::Bits(b)) => Lane::Bits((f64::from_bits(a) + f64::from_bits(b)).to_bits()),
            _ => a.double().sum(&b.double(), true).rounded(),
        })
    }

    pub fn minus(self, other: Self) -> Self {
        self.with(other, |a, b| match (a, b) {
            (Lane::Bits(a), Lane::Bits(b)) => Lane::Bits((f64::from_bits(a) - f64::from_bits(b)).to_bits()),
            _ => a.double().difference(&b.double(), true).rounded(),
        })
    }

    pub fn integer_plus(self, other: Self) -> Self {
        self.with(other, |a, b| match (a, b) {
            (Lane::Bits(a), Lane::Bits(b)) => Lane::Bits(a.wrapping_add(b)),
            _ => a.integer().sum(&b.integer(), false).lane(),
        })
    }

    pub fn integer_minus(self, other: Self) -> Self {
        self.with(other, |a, b| match (a, b) {
            (Lane::Bits(a), Lane::Bits(b)) => Lane::Bits(a.wrapping_sub(b)),
            _ => a.integer().difference(&b.integer(), false).lane(),
        })
    }

    /// `other` is a mask of low bits.
    pub fn and(self, other: Self) -> Self {
        self.with(other, |a, mask| {
            let mask = known(mask).expect("a mask");
            let index = match a {
                Lane::Bits(bits) => return Lane::Bits(bits & mask),
                Lane::Node(index) => index,
            };
            assert!(mask.wrapping_add(1).is_power_of_two(), "a mask of low bits");
            let bits = mask.count_ones();
            let quotient = Lane::node(Lane::quotient(index, bits));
            let node = a.integer().within_64_bits();
            let polynomial = node.polynomial.minus(&quotient.polynomial.shifted(bits.cast_signed()));
            Node { polynomial, low: Dyadic::ZERO, high: Dyadic::integer(mask.into()), is_double: false }
                .lane()
        })
    }

    pub fn shifted_left(self, bits: u32) -> Self {
        self.each(|lane| match lane {
            Lane::Bits(known) => Lane::Bits(known << bits),
            Lane::Node(_) => lane.integer().times_power(bits.cast_signed(), false).lane(),
        })
    }

    pub fn shifted_right(self, bits: u32) -> Self {
        self.each(|lane| match lane {
            Lane::Bits(known) => Lane::Bits(known >> bits),
            Lane::Node(index) => Lane::Node(Lane::quotient(index, bits)),
        })
    }
}

/// As in the kernels, for known limbs.
#[expect(clippy::cast_precision_loss, reason = "as in the kernels")]
pub fn double(limb: i64) -> f64 {
    limb as f64
}

/// As in the kernels, for known limbs.
#[expect(clippy::cast_possible_truncation, reason = "as in the kernels")]
pub fn integer(limb: f64) -> i64 {
    assert!(limb.is_finite(), "a limb that is not known");
    limb as i64
}

/// A double that may be any integer of at most this magnitude.
pub fn variable(magnitude: i128) -> f64 {
    let (low, high) = (Dyadic::integer(-magnitude), Dyadic::integer(magnitude));
    f64::from_bits(Node { polynomial: fresh_variable(), low, high, is_double: true }.lane().bits())
}

/// The double as a polynomial.
pub fn polynomial(double: f64) -> Polynomial {
    Lane::of(double.to_bits()).double().polynomial
}

/// The largest magnitude that any of `doubles` may have.
pub fn largest(doubles: &[f64]) -> Dyadic {
    let ends = doubles.iter().map(|double| {
        let node = Lane::of(double.to_bits()).double();
        node.low.abs().max(node.high.abs())
    });
    ends.max().unwrap_or(Dyadic::ZERO)
}

/// The bits of the largest column since the last call, without its offset. Forgets all numbers.
pub fn finished() -> i32 {
    STATE.take().column_bits
}

#[cfg(test)]
mod tests {
    use super::{Lanes, finished, largest, polynomial, variable};
    use crate::dyadic::Dyadic;

    const HIGH: f64 = 6_755_399_441_055_744.0 * 1_125_899_906_842_624.0;

    fn product(a: f64, b: f64) -> (f64, f64) {
        let [a, b, high] = [a, b, HIGH].map(Lanes::splat);
        let rounded = a.times_plus(b, high);
        (rounded.minus(high).first(), a.times_plus(b, high.minus(rounded)).first())
    }

    #[test]
    fn a_split_product_is_exact_as_a_polynomial_and_as_a_number() {
        let (a, b) = (variable(1 << 49), variable(1 << 49));
        let (high, low) = product(a, b);
        let sum = polynomial(high).plus(&polynomial(low));
        assert_eq!(sum, polynomial(a).times(&polynomial(b)));
        assert!(largest(&[low]) == Dyadic::power(49) && largest(&[high]) == Dyadic::power(98));
        let (a, b) = (562_949_953_421_311.0, -562_949_953_421_307.0);
        let (high, low) = product(a, b);
        let exact = Dyadic::of_double(a) * Dyadic::of_double(b);
        assert_eq!(Dyadic::of_double(high) + Dyadic::of_double(low), exact);
        finished();
    }

    #[test]
    fn the_bits_of_a_double_count_multiples_of_its_last_place() {
        let number = variable(1 << 50);
        let low = 6_755_399_441_055_744.0_f64;
        let counted = Lanes::splat(number).plus(Lanes::splat(low));
        let back = counted.integer_plus(Lanes::integer(5)).minus(Lanes::splat(low)).first();
        let five_more = polynomial(number).plus(&polynomial(5.0));
        assert_eq!(polynomial(back), five_more);
        finished();
    }

    #[test]
    #[should_panic(expected = "a rounded double of either sign")]
    fn a_product_that_may_be_inexact_is_no_double() {
        let (a, b) = (variable(1 << 49), variable(1 << 49));
        let _ = Lanes::splat(a).times_plus(Lanes::splat(b), Lanes::ZERO);
    }
}
