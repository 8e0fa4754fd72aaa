//! Both rings of each curve against `fiat-crypto`, whose code is generated from a proof in Coq.

use rsa::BigUint;

use super::super::super::limb::WIDTH;
use super::arithmetic::value;
use super::{Curve, Field, Oracle, integer, limbs, numbers, octets, order, prime};

/// Sum, difference, product and square modulo one of a curve's two moduli. Arguments are below the modulus.
type Results = [BigUint; 4];

/// The numbers modulo the prime and modulo the order, as `fiat-crypto` computes with them.
pub(super) trait Fiat {
    fn modulo_prime(a: &BigUint, b: &BigUint) -> Results;
    fn modulo_order(a: &BigUint, b: &BigUint) -> Results;
}

macro_rules! results {
    ($a:ident, $b:ident, $length:literal, $module:ident: $from_bytes:ident $to_montgomery:ident $element:ident $plain:ident
     $add:ident $sub:ident $mul:ident $square:ident $from_montgomery:ident $to_bytes:ident) => {{
        use fiat_crypto::$module as fiat;
        let loaded = |number: &BigUint| {
            let mut octets = number.to_bytes_le();
            octets.resize($length, 0);
            let octets: [u8; $length] = octets.try_into().unwrap();
            let (mut words, mut element) = ([0; $length / 8], fiat::$element([0; $length / 8]));
            fiat::$from_bytes(&mut words, &octets);
            fiat::$to_montgomery(&mut element, &fiat::$plain(words));
            element
        };
        let (a, b) = (loaded($a), loaded($b));
        let mut results = [(); 4].map(|()| fiat::$element([0; $length / 8]));
        fiat::$add(&mut results[0], &a, &b);
        fiat::$sub(&mut results[1], &a, &b);
        fiat::$mul(&mut results[2], &a, &b);
        fiat::$square(&mut results[3], &a);
        results.map(|result| {
            let (mut plain, mut octets) = (fiat::$plain([0; $length / 8]), [0; $length]);
            fiat::$from_montgomery(&mut plain, &result);
            fiat::$to_bytes(&mut octets, &plain.0);
            BigUint::from_bytes_le(&octets)
        })
    }};
}

impl Fiat for super::P256 {
    fn modulo_prime(a: &BigUint, b: &BigUint) -> Results {
        results!(a, b, 32, p256_64: fiat_p256_from_bytes fiat_p256_to_montgomery fiat_p256_montgomery_domain_field_element
            fiat_p256_non_montgomery_domain_field_element fiat_p256_add fiat_p256_sub fiat_p256_mul fiat_p256_square
            fiat_p256_from_montgomery fiat_p256_to_bytes)
    }

    fn modulo_order(a: &BigUint, b: &BigUint) -> Results {
        results!(a, b, 32, p256_scalar_64: fiat_p256_scalar_from_bytes fiat_p256_scalar_to_montgomery
            fiat_p256_scalar_montgomery_domain_field_element fiat_p256_scalar_non_montgomery_domain_field_element
            fiat_p256_scalar_add fiat_p256_scalar_sub fiat_p256_scalar_mul fiat_p256_scalar_square
            fiat_p256_scalar_from_montgomery fiat_p256_scalar_to_bytes)
    }
}

impl Fiat for super::P384 {
    fn modulo_prime(a: &BigUint, b: &BigUint) -> Results {
        results!(a, b, 48, p384_64: fiat_p384_from_bytes fiat_p384_to_montgomery fiat_p384_montgomery_domain_field_element
            fiat_p384_non_montgomery_domain_field_element fiat_p384_add fiat_p384_sub fiat_p384_mul fiat_p384_square
            fiat_p384_from_montgomery fiat_p384_to_bytes)
    }

    fn modulo_order(a: &BigUint, b: &BigUint) -> Results {
        results!(a, b, 48, p384_scalar_64: fiat_p384_scalar_from_bytes fiat_p384_scalar_to_montgomery
            fiat_p384_scalar_montgomery_domain_field_element fiat_p384_scalar_non_montgomery_domain_field_element
            fiat_p384_scalar_add fiat_p384_scalar_sub fiat_p384_scalar_mul fiat_p384_scalar_square
            fiat_p384_scalar_from_montgomery fiat_p384_scalar_to_bytes)
    }
}

pub(super) fn field_arithmetic_is_that_of_proven_code<C: Curve<N> + Fiat, O: Oracle, const N: usize>() {
    let prime = prime::<C, N>();
    // A product with the plain number one undoes the Montgomery form.
    let plain = |number: Field<C, N>| value(&number.times(&Field::new(limbs::one())).0, &prime);
    let numbers = numbers::<C, N>(2_000);
    for (a, b) in numbers.iter().zip(numbers.iter().rev()) {
        let (x, y) = (Field::<C, N>::from_be_bytes(a), Field::from_be_bytes(b));
        let ours = [x.plus(&y), x.minus(&y), x.times(&y), x.squared()].map(plain);
        assert_eq!(ours, C::modulo_prime(&(integer(a) % &prime), &(integer(b) % &prime)), "{a:x?} {b:x?}");
    }
}

pub(super) fn arithmetic_modulo_the_order_is_that_of_proven_code<
    C: Curve<N> + Fiat,
    O: Oracle,
    const N: usize,
>() {
    let order = order::<C, N>();
    let (zero, r) = (BigUint::from(0_u8), BigUint::from(1_u8) << (WIDTH * N));
    for (a, b) in numbers::<C, N>(2_000).iter().zip(numbers::<C, N>(2_000).iter().rev()) {
        let (x, y) = (integer(a) % &order, integer(b) % &order);
        let [_, _, product, _] = C::modulo_order(&x, &y);
        let reduced = |number: &BigUint| limbs::from_be_bytes(&octets::<C, N>(number));
        let divided = C::ORDER.product(&reduced(&x), &reduced(&y));
        assert_eq!(value(&divided, &order) * &r % &order, product, "{a:x?} {b:x?}");
        // Each product is divided by R; one with R^2 / 2 makes up for two of them and halves.
        let ours = C::ORDER.product(&divided, &C::ORDER.half);
        assert_eq!(value(&ours, &order) * 2_u8 % &order, product, "{a:x?} {b:x?}");
        if x != zero {
            let inverse = value(&C::ORDER.inverse(&reduced(&x)), &order);
            let [_, _, product, _] = C::modulo_order(&x, &inverse);
            assert_eq!(product, BigUint::from(1_u8), "{a:x?}");
        }
    }
}
