//! Field arithmetic of P-256 and P-384: congruence of each operation, and 64 bits under any order of point operations.
//!
//! Compiled once with the kernels' files and once with those of each mutant.

use num_bigint_dig::{BigInt, Sign};

use super::comb::Point as _;
use super::ecdsa::{Affine, Curve, Field, Jacobian};
use super::limb::{self, Limb, WIDTH};
use super::limbs;
use super::p256::P256;
use super::p384::P384;
use edge_assay_abstract_numbers::polynomial::Number;

/// The bounds of the highest limbs of coordinates, as multiples of p's highest limb, under any order of doublings and additions;
/// and the binary logarithm of the largest magnitude of any intermediate result.
#[derive(Debug)]
pub struct Bounds {
    /// Of the x-coordinate.
    pub x: f64,
    /// Of the y-coordinate.
    pub y: f64,
    /// Of z.
    pub z: f64,
    /// Of all sums and products: must be less than 63.
    pub largest: f64,
}

/// All proofs for P-256.
#[must_use]
pub fn p256() -> Bounds {
    all::<P256, 9>()
}

/// All proofs for P-384.
#[must_use]
pub fn p384() -> Bounds {
    all::<P384, 14>()
}

fn all<C: Curve<N>, const N: usize>() -> Bounds {
    operations_are_congruent::<C, N>();
    small_multiples_of_p_are_zero_only_as_zero::<C, N>();
    let bounds = any_order::<C, N>();
    the_remaining_operations_fit::<C, N>();
    bounds
}

/// A magnitude of limbs and value: limbs within `times` 2^28, and the highest within 1.1 `times` that of p.
fn limbs_within<C: Curve<N>, const N: usize>(times: i128, limb: impl Fn(i128) -> Limb) -> [Limb; N] {
    let mut limbs = [(); N].map(|()| limb(times << (WIDTH - 1)));
    limbs[N - 1] = limb(((times * 11) << C::TOP_BITS) / 10);
    limbs
}

fn range<C: Curve<N>, const N: usize>(times: i128) -> Field<C, N> {
    Field::new(limbs_within::<C, N>(times, Limb::within))
}

fn number(limbs: &[Limb]) -> Number {
    Number::of_limbs(limbs.iter().map(|limb| limb.polynomial().expect("a polynomial")), WIDTH)
}

/// Products, squares and carried numbers are congruent to their definitions, for all limbs of these magnitudes, and every
/// intermediate result fits 64 bits.
fn operations_are_congruent<C: Curve<N>, const N: usize>() {
    let p = BigInt::from_bytes_be(Sign::Plus, C::PRIME_OCTETS);
    let variables = |times| Field::<C, N>::new(limbs_within::<C, N>(times, Limb::variable));
    let r_bits = WIDTH * N;
    // All other magnitudes with a product of up to nine are no larger than those of one of these pairs.
    for (first, second) in [(3, 3), (1, 9), (9, 1), (2, 4), (4, 2)] {
        let (a, b) = (variables(first), variables(second));
        let product = number(&a.times(&b).0).shifted(r_bits);
        let difference = product.minus(&number(&a.0).times(&number(&b.0)));
        assert!(difference.is_multiple_of(&p), "R * product is not congruent to a * b");
    }
    let a = variables(3);
    let square = number(&a.squared().0).shifted(r_bits);
    let difference = square.minus(&number(&a.0).times(&number(&a.0)));
    assert!(difference.is_multiple_of(&p), "R * square is not congruent to a^2");
    let a = variables(13);
    let carried = a.carried();
    assert!(number(&carried.0).minus(&number(&a.0)).is_multiple_of(&p), "a carried number is not congruent");
    assert!(carried.0.iter().all(|limb| limb::magnitude(*limb) <= 1 << (WIDTH - 1)));
    assert!(top(&carried) < 0.6);
}

/// [`Field::is_zero`] relies on this: the product of 1 and any number of this magnitude lies between -p and p, and zero has only
/// one form in its limbs.
fn small_multiples_of_p_are_zero_only_as_zero<C: Curve<N>, const N: usize>() {
    let result = range::<C, N>(13).times(&Field::new(limbs::one()));
    let (last, lower) = result.0.split_last().expect("limbs");
    assert!(lower.iter().all(|limb| limb::magnitude(*limb) <= 1 << (WIDTH - 1)));
    assert!(u128::from(limb::magnitude(*last)) * 10 < 6 << C::TOP_BITS);
}

/// Any order of doublings and additions of table entries closes: the ranges of the coordinates after one more operation lie
/// within those before.
fn any_order<C: Curve<N>, const N: usize>() -> Bounds {
    // An entry's limbs are always those of a carried number.
    let entry = Affine::new(&range::<C, N>(9), &range::<C, N>(9));
    let negated = Jacobian::<C, N>::negated(&entry);
    limb::largest_magnitude();
    let mut point = Jacobian::<C, N>::from(&entry);
    for _ in 0..100 {
        let mut next = point;
        for after in [point.doubled(), point.plus(&entry), point.plus(&negated), Jacobian::from(&negated)] {
            next.x = join(&next.x, &after.x);
            next.y = join(&next.y, &after.y);
            next.z = join(&next.z, &after.z);
        }
        let same = |a: &Field<C, N>, b: &Field<C, N>| a.0.iter().zip(b.0).all(|(a, b)| a.same_range(b));
        if same(&next.x, &point.x) && same(&next.y, &point.y) && same(&next.z, &point.z) {
            the_verdict_fits(&point);
            #[expect(clippy::cast_precision_loss, reason = "for reports")]
            let largest = (limb::largest_magnitude() as f64).log2();
            return Bounds { x: top(&point.x), y: top(&point.y), z: top(&point.z), largest };
        }
        point = next;
    }
    panic!("the ranges of the coordinates do not close");
}

fn join<C: Curve<N>, const N: usize>(a: &Field<C, N>, b: &Field<C, N>) -> Field<C, N> {
    let mut joined = *a;
    joined.0.iter_mut().zip(b.0).for_each(|(a, b)| *a = a.join(b));
    joined
}

/// The highest limb's largest magnitude, as a multiple of p's.
#[expect(clippy::cast_precision_loss, reason = "for reports")]
fn top<C: Curve<N>, const N: usize>(field: &Field<C, N>) -> f64 {
    limb::magnitude(field.0[N - 1]) as f64 / (1_u64 << C::TOP_BITS) as f64
}

/// The comparison with the sum fits too: x * z^2 with its x, for an x that is the sum of two numbers.
fn the_verdict_fits<C: Curve<N>, const N: usize>(sum: &Jacobian<C, N>) {
    let one = Field::<C, N>::new(limbs::one());
    let x = from_octets::<C, N>();
    let difference = x.plus(&x).times(&sum.z.squared()).minus(&sum.x);
    for tested in [difference, sum.z, sum.x] {
        assert!(tested.0.iter().all(|limb| limb::magnitude(*limb) <= 13 << (WIDTH - 1)));
        assert!(top(&tested) <= 13.0);
        let _ = tested.times(&one);
    }
}

/// The limbs of any octets of p's length.
fn from_octets<C: Curve<N>, const N: usize>() -> Field<C, N> {
    range::<C, N>(1).times(&Field::new(C::R_SQUARED))
}

/// The operations that create a key.
fn the_remaining_operations_fit<C: Curve<N>, const N: usize>() {
    let (x, y) = (from_octets::<C, N>(), from_octets::<C, N>());
    let constant = super::ecdsa::constant(&x, &y);
    let difference = constant.minus(&constant);
    assert!(top(&difference) <= 13.0);
    let _ = difference.times(&Field::new(limbs::one()));
}
