//! The arithmetic against big integers, and points and verdicts against `curve25519-dalek`.

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity as _;
use fiat_crypto::curve25519_64 as fiat;
use rsa::BigUint;

use super::super::comb::Point as _;
use super::super::lanes::Fused;
use super::super::random::Random;
use super::field::Pair;
use super::number::{self, Limbs};
use super::point::Point;
use super::{PublicPoint, signs};

/// This machine's, which must fuse for these tests.
fn fused() -> Fused {
    Fused::here().unwrap()
}

fn prime() -> BigUint {
    (BigUint::from(1_u8) << 255) - 19_u8
}

fn octets(number: &BigUint) -> [u8; 32] {
    let mut octets = number.to_bytes_le();
    octets.resize(32, 0);
    octets.try_into().unwrap()
}

/// The number that the limbs represent, modulo p.
fn value(limbs: &Limbs) -> BigUint {
    let prime = prime();
    limbs.iter().rev().fold(BigUint::from(0_u8), |sum, limb| {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be an integer, far below 2^60")]
        let integer = *limb as i64;
        assert!(limb.fract().abs() < f64::MIN_POSITIVE && limb.abs() < 1e18);
        let limb = BigUint::from((integer + (1 << 60)).cast_unsigned()) + &prime - (1_u64 << 60);
        ((sum << 51) + limb) % &prime
    })
}

/// Whether the limbs have this magnitude or less.
fn within(magnitude: f64, limbs: &Limbs) -> bool {
    limbs.iter().all(|limb| limb.abs() <= magnitude * LARGEST)
}

/// The largest limb of magnitude one.
const LARGEST: f64 = 1_125_899_906_843_648.0;

fn pair_within(magnitude: f64, pair: &Pair) -> bool {
    within(magnitude, &pair.first()) && within(magnitude, &pair.second())
}

/// All combinations of limbs that are zero or the largest of magnitude one.
fn extremes() -> Vec<Limbs> {
    let extreme = |mut arrangement: usize| {
        [(); 5].map(|()| {
            let limb = [-LARGEST, 0.0, LARGEST][arrangement % 3];
            arrangement /= 3;
            limb
        })
    };
    (0..3_usize.pow(5)).map(extreme).collect()
}

/// Limbs of magnitude one: extreme ones, and those of edges and of random numbers.
fn limbs() -> Vec<Limbs> {
    let mut all = extremes();
    let one = BigUint::from(1_u8);
    let mut numbers = vec![[0; 32], [0xff; 32], [0x55; 32], [0xaa; 32]];
    for bit in 0..255 {
        numbers.push(octets(&(&one << bit)));
        numbers.push(octets(&((&one << bit) - 1_u8)));
    }
    for small in 0_u8..40 {
        numbers.push(octets(&(prime() - 20_u8 + small)));
        numbers.push(octets(&BigUint::from(small)));
        numbers.push(octets(&((prime() >> 1) - 20_u8 + small)));
    }
    let mut random = Random(25519);
    for _ in 0..500 {
        numbers.extend([random.number(), random.runs()]);
    }
    all.extend(
        numbers.iter().map(|octets| Pair::both(number::from_le_bytes(octets), fused()).carried().first()),
    );
    all
}

#[test]
fn limbs_are_the_numbers_255_low_bits_and_their_octets_its_residue() {
    let mut random = Random(1);
    for index in 0..1_000 {
        let octets = if index % 2 == 0 { random.number() } else { random.runs() };
        let mut unsigned = octets;
        unsigned[31] &= 0x7f;
        let limbs = number::from_le_bytes(&octets);
        assert!(within(2.0, &limbs));
        assert_eq!(value(&limbs), BigUint::from_bytes_le(&unsigned) % prime());
    }
    for limbs in limbs() {
        assert!(within(1.0, &limbs));
        assert_eq!(number::to_le_bytes(&limbs), self::octets(&value(&limbs)), "{limbs:?}");
    }
}

#[test]
fn sums_and_products_modulo_the_prime_are_those_of_big_integers_in_both_lanes() {
    let prime = prime();
    let all = limbs();
    let check = |pair: &Pair, first: BigUint, second: BigUint| {
        assert_eq!(value(&pair.first()), first % &prime);
        assert_eq!(value(&pair.second()), second % &prime);
    };
    for (index, a) in all.iter().enumerate() {
        let at = |step: usize, offset: usize| &all[(index * step + offset) % all.len()];
        let (b, c, d) = (at(7, 3), at(11, 5), at(13, 8));
        let (x, y) = (Pair::new(*a, *b, fused()), Pair::new(*c, *d, fused()));
        let [a, b, c, d] = [a, b, c, d].map(value);
        check(&x.plus(&y), &a + &c, &b + &d);
        check(&x.minus(&y), &a + &prime - &c, &b + &prime - &d);
        check(&x.swapped(), b.clone(), a.clone());
        check(&x.crossed(&y), a.clone(), d.clone());
        check(&x.difference_and_sum(), &b + &prime - &a, &a + &b);
        check(&x.scaled_plus(-1.0, 2.0, &y), &c + &prime - &a, &b * 2_u8 + &d);
        let product = x.times(&y);
        check(&product, &a * &c, &b * &d);
        let square = x.squared();
        check(&square, &a * &a, &b * &b);
        assert!(pair_within(1.0, &product) && pair_within(1.0, &square));
        // The largest magnitudes of factors.
        let three = x.plus(&x).plus(&x);
        let product = three.times(&y);
        check(&product, &a * &c * 3_u8, &b * &d * 3_u8);
        assert!(pair_within(1.0, &product));
        let product = y.times(&three);
        check(&product, &a * &c * 3_u8, &b * &d * 3_u8);
        assert!(pair_within(1.0, &product));
        let carried = three.plus(&x).carried();
        check(&carried, &a * 4_u8, &b * 4_u8);
        assert!(pair_within(1.0, &carried));
    }
}

/// `operation` on numbers below p, by `fiat-crypto`, whose code is generated from a proof in Coq.
fn fiat(
    operation: fn(
        &mut fiat::fiat_25519_tight_field_element,
        &fiat::fiat_25519_loose_field_element,
        &fiat::fiat_25519_loose_field_element,
    ),
    a: &BigUint,
    b: &BigUint,
) -> BigUint {
    let [a, b] = [a, b].map(|number| {
        let mut tight = fiat::fiat_25519_tight_field_element([0; 5]);
        let mut loose = fiat::fiat_25519_loose_field_element([0; 5]);
        fiat::fiat_25519_from_bytes(&mut tight, &octets(number));
        fiat::fiat_25519_relax(&mut loose, &tight);
        loose
    });
    let (mut result, mut octets) = (fiat::fiat_25519_tight_field_element([0; 5]), [0; 32]);
    operation(&mut result, &a, &b);
    fiat::fiat_25519_to_bytes(&mut octets, &result);
    BigUint::from_bytes_le(&octets)
}

#[test]
fn field_arithmetic_is_that_of_proven_code() {
    let all = limbs();
    for (x, y) in all.iter().zip(all.iter().rev()) {
        let (a, b) = (value(x), value(y));
        let product = fiat(fiat::fiat_25519_carry_mul, &a, &b);
        let square = fiat(|out, a, _| fiat::fiat_25519_carry_square(out, a), &a, &a);
        let ours = |number: Pair| BigUint::from_bytes_le(&number::to_le_bytes(&number.second()));
        assert_eq!(
            ours(Pair::new([0.0; 5], *x, fused()).times(&Pair::both(*y, fused()))),
            product,
            "{x:?} {y:?}"
        );
        assert_eq!(ours(Pair::new([0.0; 5], *x, fused()).squared()), square, "{x:?}");
        if a != BigUint::from(0_u8) {
            let inverse = value(&number::inverse(x));
            assert_eq!(fiat(fiat::fiat_25519_carry_mul, &a, &inverse), BigUint::from(1_u8), "{x:?}");
        }
    }
}

#[test]
fn the_largest_limbs_overflow_no_column_and_no_double() {
    let extremes = extremes();
    let most = |limbs: &Limbs| limbs.map(|limb| 3.0 * limb);
    for (index, a) in extremes.iter().enumerate() {
        for b in extremes.iter().skip(index % 5).step_by(5).chain([a, &[LARGEST; 5], &[-LARGEST; 5]]) {
            let product = Pair::new(*a, most(a), fused()).times(&Pair::new(most(b), *b, fused()));
            let expected = value(a) * value(b) * 3_u8 % prime();
            assert_eq!(value(&product.first()), expected, "{a:?} {b:?}");
            assert_eq!(value(&product.second()), expected, "{a:?} {b:?}");
            assert!(pair_within(1.0, &product));
        }
        assert_eq!(value(&Pair::both(*a, fused()).squared().first()), value(a) * value(a) % prime());
    }
}

#[test]
fn only_multiples_of_the_prime_are_zero() {
    for limbs in limbs() {
        let zero = value(&limbs) == BigUint::from(0_u8);
        assert_eq!(Pair::new(limbs, [1.0; 5], fused()).is_zero(), zero, "{limbs:?}");
    }
    assert!(Pair::both([-19.0, 0.0, 0.0, 0.0, 2_251_799_813_685_248.0], fused()).is_zero());
}

#[test]
fn a_number_times_its_inverse_is_one_and_zeros_inverse_is_zero() {
    for limbs in limbs() {
        let inverse = number::inverse(&limbs);
        assert!(within(2.0, &inverse));
        let number = value(&limbs);
        let product = number.clone() * value(&inverse) % prime();
        assert_eq!(product, BigUint::from(u8::from(number != BigUint::from(0_u8))), "{limbs:?}");
    }
}

#[test]
fn the_power_for_roots_is_that_of_big_integers() {
    let exponent = (prime() - 5_u8) >> 3;
    for limbs in limbs().iter().step_by(5) {
        let expected = value(limbs).modpow(&exponent, &prime());
        let power = Pair::new([0.0; 5], *limbs, fused()).root_power();
        assert_eq!(value(&power.second()), expected, "{limbs:?}");
    }
}

fn ours(point: &EdwardsPoint) -> Point {
    Point::decoded(&point.compress().to_bytes(), fused()).unwrap()
}

/// A random point of any order.
fn point(random: &mut Random) -> EdwardsPoint {
    let torsion = EIGHT_TORSION[usize::from(random.number()[0]) % 8];
    EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order(random.number())) + torsion
}

#[test]
fn octets_are_decoded_to_the_point_that_dalek_finds_or_to_none() {
    let mut random = Random(2);
    let mut candidates: Vec<[u8; 32]> = (0..200).map(|_| random.number()).collect();
    for small in 0_u8..60 {
        candidates.extend([octets(&BigUint::from(small)), octets(&(prime() - 30_u8 + small))]);
    }
    let mut found = 0;
    for mut octets in candidates {
        for _ in 0..2 {
            octets[31] ^= 0x80;
            let theirs = CompressedEdwardsY(octets).decompress();
            let ours = Point::decoded(&octets, fused());
            assert_eq!(ours.is_some(), theirs.is_some(), "{octets:x?}");
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                assert_eq!(ours.encoded(), theirs.compress().to_bytes(), "{octets:x?}");
                found += 1;
            }
        }
    }
    assert!(found > 200);
}

#[test]
fn sums_and_doubles_of_all_kinds_of_points_are_daleks() {
    let mut random = Random(3);
    let mut points = EIGHT_TORSION.to_vec();
    points.extend([B, -B]);
    points.extend((0..8).map(|_| point(&mut random)));
    let negatives: Vec<EdwardsPoint> = points.iter().map(|a| -a).collect();
    points.extend(negatives);
    let entries = Point::entries(&points.iter().map(ours).collect::<Vec<_>>());
    for a in &points {
        let point = ours(a);
        assert_eq!(point.encoded(), a.compress().to_bytes());
        assert_eq!(point.doubled().encoded(), (a + a).compress().to_bytes());
        assert_eq!(point.has_small_order(), a.is_small_order());
        for (b, entry) in points.iter().zip(&entries) {
            // From a sum, whose Z is not one, and to it.
            let sum = point.plus(entry);
            assert_eq!(sum.encoded(), (a + b).compress().to_bytes());
            assert_eq!(sum.has_small_order(), (a + b).is_small_order());
            assert_eq!(sum.doubled().encoded(), (a + b + a + b).compress().to_bytes());
            assert_eq!(sum.plus(entry).encoded(), (a + b + b).compress().to_bytes());
            assert_eq!(sum.plus(&Point::negated(entry)).encoded(), a.compress().to_bytes());
            let again = Point::entries(&[sum]);
            assert_eq!(point.plus(&again[0]).encoded(), (a + a + b).compress().to_bytes());
        }
    }
    let neutral = Point::identity(fused());
    assert_eq!(neutral.encoded(), EdwardsPoint::identity().compress().to_bytes());
}

/// The smallest and largest scalars, and random ones.
fn scalars(random: &mut Random, count: usize) -> Vec<Scalar> {
    let mut scalars: Vec<Scalar> = (0_u8..20).map(Scalar::from).collect();
    scalars.extend((1_u8..10).map(|small| -Scalar::from(small)));
    for bit in [31, 32, 33, 63, 64, 127, 223, 224, 225, 250, 251, 252] {
        let power = Scalar::from_bytes_mod_order(octets(&(BigUint::from(1_u8) << bit)));
        scalars.extend([power, power - Scalar::ONE, power + Scalar::ONE]);
    }
    for _ in 0..count {
        scalars.push(Scalar::from_bytes_mod_order(random.number()));
        scalars.push(Scalar::from_bytes_mod_order(random.runs()));
    }
    scalars
}

#[test]
fn the_signs_of_a_scalar_sum_up_to_it_or_to_one_more_if_it_is_even() {
    let ones = (BigUint::from(1_u8) << 256) - 1_u8;
    for scalar in scalars(&mut Random(4), 500) {
        let words = signs(scalar.as_bytes()).map(|eighth| u32::try_from(eighth).unwrap().to_le_bytes());
        let sum = BigUint::from_bytes_le(words.as_flattened()) * 2_u8 - &ones;
        let mut odd = scalar.to_bytes();
        odd[0] |= 1;
        assert_eq!(sum, BigUint::from_bytes_le(&odd));
    }
}

/// s B - k A by dalek, with `k` as an integer: a part of small order in A gets `k` modulo 8.
fn combination(s: &Scalar, k: &Scalar, a: &EdwardsPoint) -> EdwardsPoint {
    EdwardsPoint::vartime_double_scalar_mul_basepoint(k, &-a, s)
}

/// Checks the verdict on s B - k A, and returns it.
fn check(key: &PublicPoint, a: &EdwardsPoint, s: &Scalar, k: &Scalar) -> bool {
    let sum = combination(s, k, a);
    let verdict = key.verify(&sum.compress().to_bytes(), s.as_bytes(), k.as_bytes());
    assert_eq!(verdict, !sum.is_small_order(), "{s:?} B - {k:?} {a:?}");
    verdict
}

#[test]
fn the_combination_is_daleks_for_keys_and_scalars_of_all_kinds() {
    let mut random = Random(5);
    let mut keys = vec![B, -B, B + B, B + EIGHT_TORSION[1], EIGHT_TORSION[4] - B];
    keys.extend(scalars(&mut random, 3).iter().skip(2).step_by(6).map(EdwardsPoint::mul_base));
    keys.extend((0..12).map(|_| point(&mut random)));
    let scalars = scalars(&mut random, 40);
    let mut valid = 0;
    for (number, a) in keys.iter().filter(|a| !a.is_small_order()).enumerate() {
        let key = PublicPoint::new(&a.compress().to_bytes()).unwrap();
        for (index, s) in scalars.iter().enumerate() {
            let k = &scalars[(index * 7 + number) % scalars.len()];
            valid += u32::from(check(&key, a, s, k));
        }
    }
    assert!(valid > 3_000, "{valid}");
}

#[test]
fn any_other_r_is_refused() {
    let mut random = Random(6);
    for _ in 0..4 {
        let a = point(&mut random);
        let key = PublicPoint::new(&a.compress().to_bytes()).unwrap();
        let [s, k] = [(); 2].map(|()| Scalar::from_bytes_mod_order(random.number()));
        let sum = combination(&s, &k, &a);
        assert!(check(&key, &a, &s, &k));
        for bit in 0..256 {
            let mut r = sum.compress().to_bytes();
            r[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(&r, s.as_bytes(), k.as_bytes()), "{bit}");
        }
        // The equation is without the cofactor.
        for torsion in &EIGHT_TORSION[1..] {
            let r = (sum + torsion).compress().to_bytes();
            assert!(!key.verify(&r, s.as_bytes(), k.as_bytes()));
        }
    }
}

#[test]
fn an_r_of_small_order_is_refused_although_the_equation_holds() {
    let mut random = Random(7);
    let secret = Scalar::from_bytes_mod_order(random.number());
    let a = EdwardsPoint::mul_base(&secret) + EIGHT_TORSION[1];
    let key = PublicPoint::new(&a.compress().to_bytes()).unwrap();
    let mut met = Vec::new();
    for number in 0_u8..8 {
        let k = Scalar::from(number);
        let s = k * secret;
        assert!(!check(&key, &a, &s, &k));
        met.push(combination(&s, &k, &a).compress().to_bytes());
    }
    met.sort_unstable();
    met.dedup();
    assert_eq!(met.len(), 8, "all eight occurred");
}

#[test]
fn an_r_that_is_not_canonical_is_refused_although_its_point_is_right() {
    let mut random = Random(8);
    let (mut spellings, mut small) = (0, 0);
    for y in 0_u8..19 {
        for sign in [0, 0x80] {
            let mut r = octets(&BigUint::from(y));
            r[31] |= sign;
            let mut other = octets(&(prime() + y));
            other[31] |= sign;
            let Some(point) = CompressedEdwardsY(r).decompress() else { continue };
            assert_eq!(CompressedEdwardsY(other).decompress(), Some(point));
            // The key A for which s B - A is that point. With k = 1 no division is needed, so A keeps a part of small order.
            let s = Scalar::from_bytes_mod_order(random.number());
            let a = EdwardsPoint::mul_base(&s) - point;
            let key = PublicPoint::new(&a.compress().to_bytes()).unwrap();
            assert_eq!(key.verify(&r, s.as_bytes(), Scalar::ONE.as_bytes()), !point.is_small_order());
            assert!(!key.verify(&other, s.as_bytes(), Scalar::ONE.as_bytes()));
            spellings += 1;
            small += u8::from(point.is_small_order());
        }
    }
    assert!(spellings > 10 && small >= 2);
}
