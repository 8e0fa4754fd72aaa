//! Squaring, multiplying and reducing modulo n, for all numbers and all moduli of a size.
//!
//! Compiled once with the kernels' files and once with those of each mutant.

use num_bigint_dig::BigInt;

use super::lanes::{self, FUSED, Lanes};
use super::modexp::limbs::WIDTH;
use super::modexp::product::{BLOCK, LEAD, Product};
use super::modexp::work::{GUARD, Work};
use super::modexp::{Modulus, PublicOperation};
use edge_assay_abstract_numbers::dyadic::Dyadic;
use edge_assay_abstract_numbers::polynomial::{Number, ONE};

/// The bound of every limb: half of 2^WIDTH, plus the carry from its neighbour.
const MAGNITUDE: i128 = (1 << 49) + (1 << 7);

const PAIR_BITS: usize = 2 * WIDTH as usize;

/// All proofs for moduli of 2048 bits. Returns the bits of the largest column.
#[must_use]
pub fn rsa_2048() -> i32 {
    all(2048)
}

/// All proofs for moduli of 3072 bits.
#[must_use]
pub fn rsa_3072() -> i32 {
    all(3072)
}

/// All proofs for moduli of 4096 bits.
#[must_use]
pub fn rsa_4096() -> i32 {
    all(4096)
}

fn all(bits: usize) -> i32 {
    // Any modulus of that size gives the number of limbs, the number of skipped limbs and the initial columns.
    let shape = PublicOperation::new(&vec![0xff; bits / 8], 3).expect("a modulus").modulus;
    products_are_exact(&shape);
    let neglected = quotients_are_products_with_the_reciprocal(&shape);
    remainders_are_exact(&shape);
    quotients_are_right_within_0_6(bits, &shape, &neglected);
    lanes::finished()
}

fn variables(pairs: usize) -> Vec<Lanes> {
    let variable = || lanes::variable(MAGNITUDE);
    (0..pairs).map(|_| Lanes::doubles(variable(), variable())).collect()
}

fn limbs(pairs: &[Lanes]) -> Vec<f64> {
    pairs.iter().flat_map(|pair| [pair.first(), pair.second()]).collect()
}

fn number(pairs: &[Lanes]) -> Number {
    Number::of_limbs(limbs(pairs).into_iter().map(lanes::polynomial), WIDTH as usize)
}

/// Checks that `pairs` are `expected` modulo 2^(100 * `pairs`), in limbs of the magnitude that is required of all.
fn check(pairs: &[Lanes], expected: &Number) {
    assert!(number(pairs).minus(expected).is_multiple_of(&power(PAIR_BITS * pairs.len())), "another number");
    assert_magnitude(pairs);
}

fn assert_magnitude(pairs: &[Lanes]) {
    assert!(lanes::largest(&limbs(pairs)) <= Dyadic::integer(MAGNITUDE), "limbs beyond 2^49 + 2^7");
}

fn power(bits: usize) -> BigInt {
    BigInt::from(1) << bits
}

fn products_are_exact(shape: &Modulus) {
    let pairs = shape.negated.len();
    let (a, b) = (variables(pairs), variables(pairs));
    let mut work = Work::new(&a, &shape.starts);
    work.add_square(Product::new(FUSED));
    work.carry_product(shape);
    check(&work.limbs[..2 * pairs], &number(&a).times(&number(&a)));
    work.product.clone_from_slice(&shape.starts.multiple);
    work.add_multiple(Product::new(FUSED), &b);
    work.carry_product(shape);
    check(&work.limbs[..2 * pairs], &number(&a).times(&number(&b)));
}

/// The quotient, with its guard limbs, is the product of the limbs that are not skipped with the reciprocal, except for products
/// of low limbs. Returns the bound of those, as a multiple of 2^(100 * (skipped + pairs)) / 2^(100 * (skipped + pairs)), the
/// quotient's unit.
fn quotients_are_products_with_the_reciprocal(shape: &Modulus) -> BigInt {
    let pairs = shape.negated.len();
    let modulus = Modulus { reciprocal: variables(pairs).into(), ..shape.clone() };
    let mut work = Work::new(&vec![Lanes::ZERO; pairs], &shape.starts);
    let product = variables(2 * pairs);
    work.limbs[..2 * pairs].copy_from_slice(&product);
    work.find_quotient(Product::new(FUSED), &modulus);
    assert_magnitude(&work.quotient);
    let lowest = PAIR_BITS * (shape.skipped + pairs - GUARD);
    let first = first_taken(shape);
    let taken = number(&product[first..]).shifted(PAIR_BITS * first);
    let error = number(&work.quotient).shifted(lowest).minus(&taken.times(&number(&modulus.reciprocal)));
    let beyond = power(lowest + PAIR_BITS * work.quotient.len());
    let mut neglected = BigInt::from(0);
    for (monomial, coefficient) in error.0 {
        if &coefficient % &beyond != BigInt::from(0) {
            assert!(monomial.0 != ONE, "the quotient has a term that is no product of two limbs");
            let magnitude = if coefficient < BigInt::from(0) { -coefficient } else { coefficient };
            neglected += magnitude * BigInt::from(MAGNITUDE) * BigInt::from(MAGNITUDE);
        }
    }
    neglected
}

/// The first pair of a product's limbs that takes part in finding the quotient. Blocks of the reciprocal begin `skipped` pairs up,
/// and the last pair of the last block reaches one further down.
fn first_taken(shape: &Modulus) -> usize {
    shape.skipped + BLOCK - GUARD - LEAD
}

fn remainders_are_exact(shape: &Modulus) {
    let pairs = shape.negated.len();
    let modulus = Modulus { negated: variables(pairs).into(), ..shape.clone() };
    let mut work = Work::new(&vec![Lanes::ZERO; pairs], &shape.starts);
    let (product, quotient) = (variables(2 * pairs), variables(pairs + GUARD));
    work.limbs[..2 * pairs].copy_from_slice(&product);
    work.quotient.copy_from_slice(&quotient);
    work.find_remainder(Product::new(FUSED), &modulus);
    let taken_off = number(&quotient[GUARD..]).times(&number(&modulus.negated));
    let value = &work.value()[..pairs];
    check(value, &number(&product[..pairs]).plus_multiple(&taken_off, 1));
    let twice = number(&work.twice[LEAD..][..pairs]);
    assert_eq!(twice, Number::default().plus_multiple(&number(value), 2), "not twice the remainder");
}

/// The Barrett inequality, in exact multiples of 1 / `one`: for all n of this size and all |x| < n^2, the computed quotient q is
/// an integer with |x / n - q| < 0.6. So the remainder lies within 0.6 n.
fn quotients_are_right_within_0_6(bits: usize, shape: &Modulus, neglected: &BigInt) {
    let pairs = shape.negated.len();
    let unit_bits = PAIR_BITS * (shape.skipped + pairs);
    let scale = unit_bits + bits;
    let one = power(scale);
    // The largest number in `count` pairs of limbs.
    let most = |count: usize| {
        (0..2 * count).fold(BigInt::from(0), |sum, limb| sum + (BigInt::from(MAGNITUDE) << (limb * WIDTH as usize)))
    };
    // |x / n - x * reciprocal / 2^unit_bits| <= |x| / 2^unit_bits, because the reciprocal is rounded down.
    let reciprocal_rounded = power(scale + 2 * bits - unit_bits);
    // The reciprocal is at most 2^(unit_bits + 1 - bits), because n is at least 2^(bits - 1).
    let skipped = most(first_taken(shape)) << (scale + 1 - bits);
    let neglected = neglected << (scale - unit_bits);
    let guard_dropped = most(GUARD) << (scale - PAIR_BITS * GUARD);
    let error = reciprocal_rounded + skipped + neglected + guard_dropped;
    assert!(error * 10 < &one * 6, "quotients are wrong by 0.6 or more");

    // A number that is known modulo a power of two is known: the number in the limbs and the exact number differ by less than that power.
    let fits = |pairs: usize, magnitude_bits: usize| most(pairs) + power(magnitude_bits) < power(PAIR_BITS * pairs);
    assert!(fits(2 * pairs, 2 * bits), "products");
    assert!(fits(pairs + GUARD, 2 + bits + PAIR_BITS * GUARD), "quotients");
    assert!(fits(pairs, bits), "remainders");
    // The reciprocal and the modulus fit their limbs.
    assert!(most(pairs) > power(unit_bits + 1 - bits) && most(pairs) > power(bits));
}
