//! The field, the numbers modulo the order, and the constants of both, against big integers.

use std::num::Wrapping;

use rsa::BigUint;

use super::super::super::comb::Point as _;
use super::super::super::inversion::Modulus;
use super::super::super::limb::WIDTH;
use super::super::field::Field;
use super::super::{Affine, Curve, Jacobian, limbs};
use super::{Oracle, integer, numbers, octets, order, prime};

/// The number that the limbs hold, modulo `modulus`.
pub(super) fn value<const N: usize>(limbs: &[Wrapping<i64>; N], modulus: &BigUint) -> BigUint {
    limbs.iter().rev().fold(BigUint::from(0_u8), |sum, limb| {
        let limb = if limb.0 < 0 {
            modulus - BigUint::from(limb.0.unsigned_abs()) % modulus
        } else {
            BigUint::from(limb.0.unsigned_abs())
        };
        ((sum << WIDTH) + limb) % modulus
    })
}

pub(super) fn the_constants_are_as_documented<C: Curve<N>, O: Oracle, const N: usize>() {
    let (p, n) = (prime::<C, N>(), order::<C, N>());
    let r = BigUint::from(1_u8) << (WIDTH * N);
    let is_modulus = |modulus: &Modulus<N>, number: &BigUint| {
        assert_eq!(value(&modulus.limbs, &(number + 1_u8)), *number);
        assert_eq!(modulus.clearing(limbs::lowest(&modulus.limbs)).0, -1);
    };
    is_modulus(&C::PRIME, &p);
    assert_eq!(C::PRIME.limbs[N - 1].0, 1 << C::TOP_BITS);
    is_modulus(&C::ORDER.modulus, &n);
    assert_eq!(value(&C::R, &p), &r % &p);
    assert_eq!(value(&C::R_SQUARED, &p), &r * &r % &p);
    assert_eq!(value(&C::ORDER.half, &n) * 2_u8 % &n, &r * &r % &n);
    let ones = (BigUint::from(1_u8) << (8 * C::EIGHTH as usize)) - 1_u8;
    assert_eq!(value(&C::ORDER.half_of_ones, &n) * 2_u8 % &n, ones % &n);
    assert_eq!(integer(C::PRIME_LESS_ORDER), &p - &n);
    let one = O::new(&octets::<C, N>(&BigUint::from(1_u8)));
    assert_eq!(one.public(), (C::BASE_X.to_vec(), C::BASE_Y.to_vec()));
}

pub(super) fn sums_and_products_modulo_the_prime_are_those_of_big_integers<
    C: Curve<N>,
    O: Oracle,
    const N: usize,
>() {
    let prime = prime::<C, N>();
    let field = |number: &[u8]| Field::<C, N>::from_be_bytes(number);
    let equal = |number: Field<C, N>, expected: BigUint| {
        number.minus(&field(&octets::<C, N>(&(expected % &prime)))).is_zero()
    };
    let numbers = numbers::<C, N>(1_000);
    for (a, b) in numbers.iter().zip(numbers.iter().rev()) {
        let (x, y, a, b) = (field(a), field(b), integer(a), integer(b));
        assert!(equal(x.times(&y), &a * &b), "{a} * {b}");
        assert!(equal(x.squared(), &a * &a), "{a}^2");
        assert!(equal(x.plus(&y), &a + &b), "{a} + {b}");
        assert!(equal(x.minus(&y), &a + &prime + &prime - &b), "{a} - {b}");
        assert!(equal(x.small_multiple(8).carried(), &a * 8_u8), "8 * {a}");
        // The largest magnitudes of factors.
        let most = x.small_multiple(3);
        let other = y.minus(&x.small_multiple(2));
        let expected = &a * 3_u8 * (&b + (&prime * 4_u8 - &a) * 2_u8);
        assert!(equal(most.times(&other), expected), "3 {a} * ({b} - 2 {a})");
        assert!(equal(most.squared(), &a * &a * 9_u8), "(3 {a})^2");
    }
}

pub(super) fn the_largest_limbs_overflow_no_column<C: Curve<N>, O: Oracle, const N: usize>() {
    let prime = prime::<C, N>();
    let r = BigUint::from(1_u8) << (WIDTH * N);
    // The largest magnitudes of two factors, in limbs of one sign and of both.
    for (first, second) in [(3, 3), (-3, 3), (9, 1), (1, -9), (5, 1)] {
        for signs in [[1, 1], [1, -1], [-1, 1]] {
            let largest = |magnitude: i64| {
                let mut limbs = [Wrapping(0); N];
                let signs = signs.iter().cycle();
                limbs
                    .iter_mut()
                    .zip(signs)
                    .for_each(|(limb, sign)| *limb = Wrapping((sign * magnitude) << 28));
                // The highest is as small as the modulus leaves it.
                limbs[N - 1] = Wrapping(magnitude << (8 * C::EIGHTH as usize - WIDTH * (N - 1) - 1));
                Field::<C, N>::new(limbs)
            };
            let (a, b) = (largest(first), largest(second));
            let of = |field: &Field<C, N>| value(&field.0, &prime);
            assert_eq!(of(&a.times(&b)) * &r % &prime, of(&a) * of(&b) % &prime, "{first} {second}");
            if first.abs() <= 3 {
                assert_eq!(of(&a.squared()) * &r % &prime, of(&a) * of(&a) % &prime, "{first}");
            }
        }
    }
}

pub(super) fn a_carried_number_is_congruent_and_within_0_6_times_the_prime<
    C: Curve<N>,
    O: Oracle,
    const N: usize,
>() {
    let p = prime::<C, N>();
    let numbers = numbers::<C, N>(500);
    for (index, (a, b)) in numbers.iter().zip(numbers.iter().rev()).enumerate() {
        let [x, y] = [a, b].map(|number| Field::<C, N>::new(limbs::from_be_bytes(number)));
        let factor = i64::try_from(index % 25).unwrap() - 12;
        let number = x.small_multiple(factor).minus(&y);
        let carried = number.carried();
        assert_eq!(value(&carried.0, &p), value(&number.0, &p), "{factor} {a:x?} - {b:x?}");
        assert!(carried.0.iter().all(|limb| limb.0.abs() <= 1 << 28));
        assert!(carried.0[N - 1].0.abs() * 10 < 6 << C::TOP_BITS);
    }
}

pub(super) fn a_thousand_doublings_in_a_row_keep_the_coordinates_small<
    C: Curve<N>,
    O: Oracle,
    const N: usize,
>() {
    let (order, prime) = (order::<C, N>(), prime::<C, N>());
    let (x, y) = super::super::base_point::<C, N>();
    let mut point = Jacobian::from(&Affine::new(&x, &y));
    let mut scalar = BigUint::from(1_u8);
    for _ in 0..1_000 {
        point = point.doubled();
        scalar = (scalar << 1) % &order;
        let top = |field: &Field<C, N>| field.0[N - 1].0.abs();
        assert!(top(&point.x) * 10 < 6 << C::TOP_BITS && top(&point.y) * 10 < 6 << C::TOP_BITS);
        assert!(top(&point.z) * 10 < 12 << C::TOP_BITS);
    }
    let affine = Jacobian::entries(&[point]).remove(0);
    let (x, y) = O::new(&octets::<C, N>(&scalar)).public();
    let r = BigUint::from(1_u8) << (WIDTH * N);
    assert_eq!(value(&affine.x::<C>().0, &prime), integer(&x) * &r % &prime);
    assert_eq!(value(&affine.y::<C>().0, &prime), integer(&y) * &r % &prime);
}

pub(super) fn only_multiples_of_the_prime_are_zero<C: Curve<N>, O: Oracle, const N: usize>() {
    for number in numbers::<C, N>(100) {
        let zero = integer(&number) % prime::<C, N>() == BigUint::from(0_u8);
        assert_eq!(Field::<C, N>::from_be_bytes(&number).is_zero(), zero, "{number:x?}");
    }
}

pub(super) fn a_field_element_times_its_inverse_is_one<C: Curve<N>, O: Oracle, const N: usize>() {
    for number in numbers::<C, N>(50) {
        let field = Field::<C, N>::from_be_bytes(&number);
        if !field.is_zero() {
            assert!(field.times(&field.inverse()).minus(&Field::ONE).is_zero(), "{number:x?}");
        }
    }
    assert!(Field::<C, N>::from_be_bytes(&[0; 32]).inverse().is_zero());
}

pub(super) fn the_signs_of_a_quotient_sum_up_to_it<C: Curve<N>, O: Oracle, const N: usize>() {
    let n = order::<C, N>();
    let width = C::EIGHTH as usize;
    let ones = (BigUint::from(1_u8) << (8 * width)) - 1_u8;
    let numbers = numbers::<C, N>(500);
    for (a, s) in numbers.iter().zip(numbers.iter().rev()) {
        if integer(s) == BigUint::from(0_u8) || integer(s) >= n {
            continue;
        }
        let inverse = C::ORDER.inverse(&limbs::from_be_bytes(s));
        let quotient = C::ORDER.product(&limbs::from_be_bytes(a), &inverse);
        let signs = C::ORDER.signs(&quotient, width);
        let bits = signs.iter().rev().fold(BigUint::from(0_u8), |bits, eighth| (bits << width) + *eighth);
        let sum = (bits * 2_u8 + &n + &n - &ones) % &n;
        assert_eq!(sum * integer(s) % &n, integer(a) % &n, "{a:x?} / {s:x?}");
    }
}
