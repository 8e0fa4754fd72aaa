//! Polynomials of degree two in integer variables, for identities that hold for all values of the variables.

use std::collections::BTreeMap;

use num_bigint_dig::BigInt;

use crate::dyadic::Dyadic;

/// A variable; [`ONE`] is the factor 1.
pub type Variable = u32;

/// The factor that a monomial of lower degree has in place of a variable.
pub const ONE: Variable = 0;

/// The product of two variables, the smaller first.
pub type Monomial = (Variable, Variable);

const CONSTANT: Monomial = (ONE, ONE);

/// A sum of monomials with coefficients, none of which is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polynomial(BTreeMap<Monomial, Dyadic>);

impl Polynomial {
    pub fn constant(value: Dyadic) -> Self {
        Self::default().plus_multiple(&Self(BTreeMap::from([(CONSTANT, value)])), Dyadic::ONE)
    }

    pub fn variable(variable: Variable) -> Self {
        Self(BTreeMap::from([((ONE, variable), Dyadic::ONE)]))
    }

    pub fn constant_term(&self) -> Dyadic {
        self.0.get(&CONSTANT).copied().unwrap_or(Dyadic::ZERO)
    }

    /// The monomials with variables in them, and their coefficients.
    pub fn variable_terms(&self) -> Vec<(Monomial, Dyadic)> {
        self.0.iter().filter(|(monomial, _)| **monomial != CONSTANT).map(|(m, c)| (*m, *c)).collect()
    }

    /// The degree; zero for the number zero too.
    pub fn degree(&self) -> usize {
        let degree = |(a, b): &Monomial| usize::from(*a != ONE) + usize::from(*b != ONE);
        self.0.keys().map(degree).max().unwrap_or(0)
    }

    /// The largest e for which all coefficients are multiples of 2^e.
    pub fn grain(&self) -> Option<i32> {
        self.0.values().filter_map(|coefficient| coefficient.grain()).min()
    }

    pub fn plus_multiple(&self, other: &Self, factor: Dyadic) -> Self {
        let mut sum = self.clone();
        for (monomial, coefficient) in &other.0 {
            let place = sum.0.entry(*monomial).or_default();
            *place = *place + *coefficient * factor;
            if place.is_zero() {
                sum.0.remove(monomial);
            }
        }
        sum
    }

    pub fn plus(&self, other: &Self) -> Self {
        self.plus_multiple(other, Dyadic::ONE)
    }

    pub fn minus(&self, other: &Self) -> Self {
        self.plus_multiple(other, -Dyadic::ONE)
    }

    /// The polynomial times 2^`bits`.
    pub fn shifted(&self, bits: i32) -> Self {
        Self(self.0.iter().map(|(monomial, coefficient)| (*monomial, coefficient.shifted(bits))).collect())
    }

    pub fn times(&self, other: &Self) -> Self {
        let mut product = BTreeMap::<Monomial, Dyadic>::new();
        for (a, x) in &self.0 {
            for (b, y) in &other.0 {
                let place = product.entry(monomial_product(*a, *b)).or_default();
                *place = *place + *x * *y;
            }
        }
        product.retain(|_, coefficient| !coefficient.is_zero());
        Self(product)
    }
}

fn monomial_product((a, b): Monomial, (c, d): Monomial) -> Monomial {
    let mut variables = [a, b, c, d];
    variables.sort_unstable();
    let [ONE, ONE, first, second] = variables else { panic!("a product of degree above two") };
    (first, second)
}

/// A number in limbs, as one polynomial with coefficients of any size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Number(pub BTreeMap<Monomial, BigInt>);

impl Number {
    /// The number with these limbs, the least significant first, of `width` bits each.
    pub fn of_limbs(limbs: impl IntoIterator<Item = Polynomial>, width: usize) -> Self {
        limbs.into_iter().enumerate().fold(Self::default(), |sum, (place, limb)| {
            let limb = limb.0.iter().map(|(m, c)| (*m, c.to_big_integer() << (place * width))).collect();
            sum.plus_multiple(&Self(limb), 1)
        })
    }

    pub fn plus_multiple(mut self, other: &Self, factor: i32) -> Self {
        for (monomial, coefficient) in &other.0 {
            *self.0.entry(*monomial).or_default() += coefficient * factor;
        }
        self
    }

    pub fn minus(self, other: &Self) -> Self {
        self.plus_multiple(other, -1)
    }

    /// The number times 2^`bits`.
    pub fn shifted(self, bits: usize) -> Self {
        Self(self.0.into_iter().map(|(monomial, coefficient)| (monomial, coefficient << bits)).collect())
    }

    pub fn times(&self, other: &Self) -> Self {
        let mut product = BTreeMap::<Monomial, BigInt>::new();
        for (a, x) in &self.0 {
            for (b, y) in &other.0 {
                *product.entry(monomial_product(*a, *b)).or_default() += x * y;
            }
        }
        Self(product)
    }

    /// Whether the number is a multiple of `modulus` for all integer values of the variables: each coefficient is.
    pub fn is_multiple_of(&self, modulus: &BigInt) -> bool {
        self.0.values().all(|coefficient| coefficient % modulus == BigInt::from(0))
    }
}
