//! Arithmetic modulo 2^255 - 19: congruence of each operation, and limbs within 2^50 + 2^10 under any order of point operations.
//!
//! Compiled once with the kernels' files and once with those of each mutant.

use num_bigint_dig::BigInt;

use super::comb::Point as _;
use super::ed25519::field::Pair;
use super::ed25519::number::{Limbs, WIDTH};
use super::ed25519::point::{Entry, Point};
use super::lanes::{self, FUSED};
use edge_assay_abstract_numbers::dyadic::Dyadic;
use edge_assay_abstract_numbers::polynomial::Number;

/// The bound of a limb of magnitude one.
const MAGNITUDE: i128 = (1 << 50) + (1 << 10);

/// All proofs for Ed25519. Returns the bits of the largest column.
#[must_use]
pub fn ed25519() -> i32 {
    operations_are_congruent();
    any_order_closes();
    lanes::finished()
}

fn variables(times: i128) -> Limbs {
    [(); 5].map(|()| lanes::variable(times * MAGNITUDE))
}

fn number(limbs: &Limbs) -> Number {
    Number::of_limbs(limbs.map(lanes::polynomial), WIDTH as usize)
}

fn assert_magnitude_one(limbs: &Limbs) {
    assert!(lanes::largest(limbs) <= Dyadic::integer(MAGNITUDE), "limbs beyond 2^50 + 2^10");
}

fn operations_are_congruent() {
    let p = (BigInt::from(1) << 255) - 19;
    let check = |limbs: &Limbs, expected: &Number| {
        assert!(number(limbs).minus(expected).is_multiple_of(&p), "not congruent modulo p");
        assert_magnitude_one(limbs);
    };
    for (first, second) in [(1, 1), (3, 1), (1, 3)] {
        let (a, b) = (variables(first), variables(second));
        let product = Pair::new(a, b, FUSED).times(&Pair::new(b, a, FUSED));
        let expected = number(&a).times(&number(&b));
        check(&product.first(), &expected);
        check(&product.second(), &expected);
    }
    let (a, b) = (variables(1), variables(1));
    let square = Pair::new(a, b, FUSED).squared();
    check(&square.first(), &number(&a).times(&number(&a)));
    check(&square.second(), &number(&b).times(&number(&b)));
    let (a, b) = (variables(8), variables(8));
    let carried = Pair::new(a, b, FUSED).carried();
    check(&carried.first(), &number(&a));
    check(&carried.second(), &number(&b));
}

/// From coordinates and table entries of magnitude one, doublings and additions give coordinates of magnitude one, and so does
/// the construction of a table.
fn any_order_closes() {
    let pair = || Pair::new(variables(1), variables(1), FUSED);
    let point = Point { xy: pair(), tz: pair() };
    let entry = Entry { first: pair(), second: pair() };
    let negated = Point::negated(&entry);
    let made = point.entry();
    let (doubled, sum) = (point.doubled(), point.plus(&entry));
    let results = [doubled.xy, doubled.tz, sum.xy, sum.tz, negated.first, negated.second, made.first, made.second];
    for result in results {
        assert_magnitude_one(&result.first());
        assert_magnitude_one(&result.second());
    }
}
