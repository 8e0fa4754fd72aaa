//! The arithmetic against big integers, and the verdicts against the `p256` and `p384` crates, for both curves.

use rsa::BigUint;

use super::super::inversion::Modulus;
use super::super::p256::P256;
use super::super::p384::P384;
use super::super::random::Random;
use super::field::Field;
use super::{Curve, Key, digits};

/// A key pair of another implementation.
trait Oracle: Sized {
    fn new(secret: &[u8]) -> Self;
    fn public(&self) -> (Vec<u8>, Vec<u8>);
    fn sign(&self, hash: &[u8]) -> (Vec<u8>, Vec<u8>);
    fn verify(&self, hash: &[u8], r: &[u8], s: &[u8]) -> bool;
    /// Whether there is a point with this x-coordinate; the `y` of one.
    fn y_for(x: &[u8]) -> Option<Vec<u8>>;
    fn is_point(x: &[u8], y: &[u8]) -> bool;
}

macro_rules! oracle {
    ($name:ident) => {
        impl Oracle for ::$name::ecdsa::SigningKey {
            fn new(secret: &[u8]) -> Self {
                Self::from_slice(secret).unwrap()
            }

            fn public(&self) -> (Vec<u8>, Vec<u8>) {
                let point = self.verifying_key().to_encoded_point(false);
                (point.x().unwrap().to_vec(), point.y().unwrap().to_vec())
            }

            fn sign(&self, hash: &[u8]) -> (Vec<u8>, Vec<u8>) {
                use ::$name::ecdsa::signature::hazmat::PrehashSigner as _;
                let signature: ::$name::ecdsa::Signature = self.sign_prehash(hash).unwrap();
                let (r, s) = signature.split_bytes();
                (r.to_vec(), s.to_vec())
            }

            fn verify(&self, hash: &[u8], r: &[u8], s: &[u8]) -> bool {
                use ::$name::ecdsa::signature::hazmat::PrehashVerifier as _;
                ::$name::ecdsa::Signature::from_slice(&[r, s].concat())
                    .is_ok_and(|signature| self.verifying_key().verify_prehash(hash, &signature).is_ok())
            }

            fn y_for(x: &[u8]) -> Option<Vec<u8>> {
                let key = ::$name::ecdsa::VerifyingKey::from_sec1_bytes(&[&[2], x].concat()).ok()?;
                Some(key.to_encoded_point(false).y()?.to_vec())
            }

            fn is_point(x: &[u8], y: &[u8]) -> bool {
                ::$name::ecdsa::VerifyingKey::from_sec1_bytes(&[&[4], x, y].concat()).is_ok()
            }
        }
    };
}
oracle!(p256);
oracle!(p384);

/// Every test for every curve.
macro_rules! of_both_curves {
    ($($name:ident)*) => {
        mod p256_ {
            $(#[test] fn $name() { super::$name::<super::P256, ::p256::ecdsa::SigningKey, 9>(); })*
        }
        mod p384_ {
            $(#[test] fn $name() { super::$name::<super::P384, ::p384::ecdsa::SigningKey, 14>(); })*
        }
    };
}
of_both_curves! {
    the_constants_are_what_they_are_said_to_be
    sums_and_products_modulo_the_prime_are_those_of_big_integers
    only_multiples_of_the_prime_are_zero
    a_field_element_times_its_inverse_is_one
    the_signs_of_a_quotient_sum_up_to_it
    coordinates_are_taken_if_they_are_reduced_and_of_a_point
    signatures_of_random_keys_are_valid_and_neighbours_are_not
    numbers_at_the_edges_get_the_crates_verdict
    keys_next_to_the_base_point_get_the_crates_verdict
    sums_that_meet_equal_and_opposite_points_get_the_crates_verdict
    zero_and_what_is_not_below_the_order_is_no_part_of_a_signature
}

fn integer(number: &[u8]) -> BigUint {
    BigUint::from_bytes_be(number)
}

fn prime<C: Curve<N>, const N: usize>() -> BigUint {
    integer(C::PRIME_OCTETS)
}

fn order<C: Curve<N>, const N: usize>() -> BigUint {
    integer(C::ORDER_OCTETS)
}

/// As many octets as the curve's numbers have.
fn octets<C: Curve<N>, const N: usize>(number: &BigUint) -> Vec<u8> {
    let octets = number.to_bytes_be();
    [vec![0; C::EIGHTH as usize - octets.len()], octets].concat()
}

/// A random number, as long.
fn number<C: Curve<N>, const N: usize>(random: &mut Random) -> Vec<u8> {
    [random.number(), random.number()].concat()[..C::EIGHTH as usize].to_vec()
}

/// A random number from 1 to n - 1.
fn scalar<C: Curve<N>, const N: usize>(random: &mut Random) -> BigUint {
    integer(&number::<C, N>(random)) % (order::<C, N>() - 1_u8) + 1_u8
}

/// What the digits of the field stand for, modulo p.
fn value<const N: usize>(digits: &[std::num::Wrapping<i64>; N], modulus: &BigUint) -> BigUint {
    digits.iter().rev().fold(BigUint::from(0_u8), |sum, digit| {
        let digit = if digit.0 < 0 {
            modulus - BigUint::from(digit.0.unsigned_abs()) % modulus
        } else {
            BigUint::from(digit.0.unsigned_abs())
        };
        ((sum << digits::WIDTH) + digit) % modulus
    })
}

/// Numbers at the edges of digits, of the prime and of the order.
fn edges<C: Curve<N>, const N: usize>() -> Vec<Vec<u8>> {
    let (bits, count) = (8 * C::EIGHTH as usize, C::EIGHTH as usize);
    let one = BigUint::from(1_u8);
    let mut edges = [0, 0xff, 0x55, 0xaa].map(|octet| vec![octet; count]).to_vec();
    edges.extend([C::PRIME_OCTETS, C::ORDER_OCTETS, C::BASE_X, C::BASE_Y].map(<[u8]>::to_vec));
    for modulus in [prime::<C, N>(), order::<C, N>()] {
        edges.extend(
            [&modulus - 1_u8, &modulus - 2_u8, &modulus + 1_u8, &modulus >> 1, (&modulus >> 1) + 1_u8]
                .map(|n| octets::<C, N>(&n)),
        );
    }
    for bit in 0..bits {
        edges.push(octets::<C, N>(&(&one << bit)));
        edges.push(octets::<C, N>(&((&one << bit) - 1_u8)));
    }
    // Every digit at its largest, in both signs.
    let largest = (0..N - 1).fold(BigUint::from(0_u8), |sum, digit| sum + (&one << (29 * digit + 28)));
    edges.push(octets::<C, N>(&largest));
    edges.push(octets::<C, N>(&(&largest - 1_u8)));
    edges.push(octets::<C, N>(&(largest + (&one << (bits - 1)))));
    edges
}

fn numbers<C: Curve<N>, const N: usize>(random: usize) -> Vec<Vec<u8>> {
    let mut source = Random(256);
    let mut numbers = edges::<C, N>();
    for _ in 0..random {
        numbers.push(number::<C, N>(&mut source));
        numbers.push([source.runs(), source.runs()].concat()[..C::EIGHTH as usize].to_vec());
    }
    numbers
}

fn the_constants_are_what_they_are_said_to_be<C: Curve<N>, O: Oracle, const N: usize>() {
    let (p, n) = (prime::<C, N>(), order::<C, N>());
    let r = BigUint::from(1_u8) << (digits::WIDTH * N);
    let is_modulus = |modulus: &Modulus<N>, number: &BigUint| {
        assert_eq!(value(&modulus.digits, &(number + 1_u8)), *number);
        assert_eq!(modulus.clearing(digits::lowest(&modulus.digits)).0, -1);
    };
    is_modulus(&C::PRIME, &p);
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

fn sums_and_products_modulo_the_prime_are_those_of_big_integers<C: Curve<N>, O: Oracle, const N: usize>() {
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
        // The most units that factors may have.
        let most = x.small_multiple(3);
        let other = y.minus(&x.small_multiple(2));
        let expected = &a * 3_u8 * (&b + (&prime * 4_u8 - &a) * 2_u8);
        assert!(equal(most.times(&other), expected), "3 {a} * ({b} - 2 {a})");
        assert!(equal(most.squared(), &a * &a * 9_u8), "(3 {a})^2");
    }
}

fn only_multiples_of_the_prime_are_zero<C: Curve<N>, O: Oracle, const N: usize>() {
    for number in numbers::<C, N>(100) {
        let zero = integer(&number) % prime::<C, N>() == BigUint::from(0_u8);
        assert_eq!(Field::<C, N>::from_be_bytes(&number).is_zero(), zero, "{number:x?}");
    }
}

fn a_field_element_times_its_inverse_is_one<C: Curve<N>, O: Oracle, const N: usize>() {
    for number in numbers::<C, N>(50) {
        let field = Field::<C, N>::from_be_bytes(&number);
        if !field.is_zero() {
            assert!(field.times(&field.inverse()).minus(&Field::ONE).is_zero(), "{number:x?}");
        }
    }
    assert!(Field::<C, N>::from_be_bytes(&[0; 32]).inverse().is_zero());
}

fn the_signs_of_a_quotient_sum_up_to_it<C: Curve<N>, O: Oracle, const N: usize>() {
    let n = order::<C, N>();
    let width = C::EIGHTH as usize;
    let ones = (BigUint::from(1_u8) << (8 * width)) - 1_u8;
    let numbers = numbers::<C, N>(500);
    for (a, s) in numbers.iter().zip(numbers.iter().rev()) {
        if integer(s) == BigUint::from(0_u8) || integer(s) >= n {
            continue;
        }
        let inverse = C::ORDER.inverse(&digits::from_be_bytes(s));
        let quotient = C::ORDER.product(&digits::from_be_bytes(a), &inverse);
        let signs = C::ORDER.signs(&quotient, width);
        let bits = signs.iter().rev().fold(BigUint::from(0_u8), |bits, eighth| (bits << width) + *eighth);
        let sum = (bits * 2_u8 + &n + &n - &ones) % &n;
        assert_eq!(sum * integer(s) % &n, integer(a) % &n, "{a:x?} / {s:x?}");
    }
}

/// A point of each curve with a `y` so small that the sum with p has as many bits: first x, then y.
fn point_with_small_y(bits: u32) -> (BigUint, u8) {
    let (x, y) = match bits {
        256 => (&b"d7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7"[..], 5),
        _ => (&b"2261b2bf605c22f2f3aef6338719b2c486388ad5240719a5257315969ef01ba27f0a104c89704773a81fdabee6ab5c78"[..], 1),
    };
    (BigUint::parse_bytes(x, 16).unwrap(), y)
}

fn coordinates_are_taken_if_they_are_reduced_and_of_a_point<C: Curve<N>, O: Oracle, const N: usize>() {
    let p = prime::<C, N>();
    let check = |x: &[u8], y: &[u8]| {
        let is_point = Key::<C, N>::new(x, y).is_some();
        assert_eq!(is_point, O::is_point(x, y), "{x:x?} {y:x?}");
        is_point
    };
    let mut points = 0;
    for x in numbers::<C, N>(200) {
        let y = O::y_for(&x).unwrap_or_else(|| x.clone());
        points += usize::from(check(&x, &y));
        let other = (&p * 2_u8 - integer(&y)) % &p;
        for other in [other.clone(), other + 1_u8, integer(&y) ^ BigUint::from(1_u8), 0_u8.into(), p.clone()]
        {
            check(&x, &octets::<C, N>(&other));
        }
        check(&y, &x);
    }
    assert!(points > 200);
    // The same points, with p added to a coordinate.
    for x in 0..20_u8 {
        let small = octets::<C, N>(&x.into());
        if let Some(y) = O::y_for(&small) {
            assert!(check(&small, &y));
            assert!(!check(&octets::<C, N>(&(&p + x)), &y));
        }
    }
    let (x, y) = point_with_small_y(8 * C::EIGHTH);
    let x = octets::<C, N>(&x);
    assert!(check(&x, &octets::<C, N>(&y.into())));
    assert!(!check(&x, &octets::<C, N>(&(p + y))));
}

/// A key of the oracle's, and the same here.
struct Pair<C: Curve<N>, O, const N: usize>(O, Key<C, N>);

impl<C: Curve<N>, O: Oracle, const N: usize> Pair<C, O, N> {
    fn new(secret: &BigUint) -> Self {
        let theirs = O::new(&octets::<C, N>(secret));
        let (x, y) = theirs.public();
        Self(theirs, Key::new(&x, &y).unwrap())
    }

    /// The verdict, which is the crate's too.
    fn check(&self, hash: &[u8], r: &[u8], s: &[u8]) -> bool {
        let verdict = self.1.verify(hash, r, s);
        assert_eq!(verdict, self.0.verify(hash, r, s), "{hash:x?} {r:x?} {s:x?}");
        verdict
    }
}

fn signatures_of_random_keys_are_valid_and_neighbours_are_not<C: Curve<N>, O: Oracle, const N: usize>() {
    let mut random = Random(1);
    for _ in 0..40 {
        let pair = Pair::<C, O, N>::new(&scalar::<C, N>(&mut random));
        for _ in 0..10 {
            let hash = number::<C, N>(&mut random);
            let (r, s) = pair.0.sign(&hash);
            assert!(pair.check(&hash, &r, &s));
            assert!(pair.check(&hash, &r, &octets::<C, N>(&(order::<C, N>() - integer(&s)))));
            let bit = usize::from(random.number()[0]);
            for which in 0..3 {
                let mut changed = [hash.clone(), r.clone(), s.clone()];
                changed[which][bit / 8] ^= 1 << (bit % 8);
                assert!(!pair.check(&changed[0], &changed[1], &changed[2]));
            }
        }
    }
}

fn numbers_at_the_edges_get_the_crates_verdict<C: Curve<N>, O: Oracle, const N: usize>() {
    let pair = Pair::<C, O, N>::new(&scalar::<C, N>(&mut Random(2)));
    let edges = edges::<C, N>();
    for (index, number) in edges.iter().enumerate() {
        let other = &edges[(index * 7 + 3) % edges.len()];
        let third = &edges[(index * 11 + 5) % edges.len()];
        pair.check(number, other, third);
        let (r, s) = pair.0.sign(number);
        assert!(pair.check(number, &r, &s), "{number:x?}");
        pair.check(number, other, &s);
        pair.check(number, &r, other);
    }
}

fn keys_next_to_the_base_point_get_the_crates_verdict<C: Curve<N>, O: Oracle, const N: usize>() {
    let n = order::<C, N>();
    let mut random = Random(3);
    for small in [1_u32, 2, 3, 4, 5, 7, 8, 0x1_0000, u32::MAX] {
        let top = BigUint::from(1_u8) << (7 * C::EIGHTH as usize);
        for secret in [BigUint::from(small), &n - small, BigUint::from(small) << C::EIGHTH as usize, top] {
            let pair = Pair::<C, O, N>::new(&secret);
            let zero = vec![0; C::EIGHTH as usize];
            let hashes =
                [number::<C, N>(&mut random), zero, C::ORDER_OCTETS.to_vec(), octets::<C, N>(&small.into())];
            for hash in hashes {
                let (r, s) = pair.0.sign(&hash);
                assert!(pair.check(&hash, &r, &s), "{secret} {hash:x?}");
                pair.check(&hash, &r, &octets::<C, N>(&(integer(&s) >> 1)));
                // u1 = ±u2: the two combs of the base point itself meet.
                pair.check(&r, &r, &s);
                pair.check(&octets::<C, N>(&(&n - integer(&r))), &r, &s);
            }
        }
    }
}

fn sums_that_meet_equal_and_opposite_points_get_the_crates_verdict<C: Curve<N>, O: Oracle, const N: usize>() {
    let n = order::<C, N>();
    let inverse = |number: &BigUint| number.modpow(&(&n - 2_u8), &n);
    let mut random = Random(6);
    let one = BigUint::from(1_u8);
    let mut factors = vec![one.clone(), 2_u8.into(), 3_u8.into(), &n - 1_u8, &n - 2_u8, &n >> 1];
    factors.extend([C::EIGHTH, 7 * C::EIGHTH].map(|bit| &one << bit as usize));
    factors.push(scalar::<C, N>(&mut random));
    let (mut sums, mut infinities) = (0, 0);
    for secret in &factors {
        let pair = Pair::<C, O, N>::new(secret);
        for u2 in &factors {
            // One that makes both summands equal, and one that makes them opposite.
            let product = u2 * secret % &n;
            for u1 in factors.iter().chain([&product, &(&n - &product)]) {
                let k = (u1 + &product) % &n;
                if k == BigUint::from(0_u8) {
                    // The point at infinity has no x-coordinate, whatever `r` may be.
                    let r = octets::<C, N>(&scalar::<C, N>(&mut random));
                    let s = integer(&r) * inverse(u2) % &n;
                    let hash = octets::<C, N>(&(u1 * &s % &n));
                    assert!(!pair.check(&hash, &r, &octets::<C, N>(&s)), "{secret} {u1} {u2}");
                    infinities += 1;
                    continue;
                }
                let r = integer(&O::new(&octets::<C, N>(&k)).public().0) % &n;
                let s = &r * inverse(u2) % &n;
                let [hash, r, s] = [u1 * &s % &n, r, s].map(|number| octets::<C, N>(&number));
                assert!(pair.check(&hash, &r, &s), "{secret} {u1} {u2}");
                sums += 1;
            }
        }
    }
    assert!(sums > 700 && infinities > 80, "{sums} {infinities}");
}

fn zero_and_what_is_not_below_the_order_is_no_part_of_a_signature<C: Curve<N>, O: Oracle, const N: usize>() {
    let pair = Pair::<C, O, N>::new(&scalar::<C, N>(&mut Random(4)));
    let hash = number::<C, N>(&mut Random(5));
    let (r, s) = pair.0.sign(&hash);
    let count = C::EIGHTH as usize;
    let above = octets::<C, N>(&(order::<C, N>() + 1_u8));
    for bad in [&vec![0; count], C::ORDER_OCTETS, &above, C::PRIME_OCTETS, &vec![0xff; count]] {
        assert!(!pair.check(&hash, bad, &s));
        assert!(!pair.check(&hash, &r, bad));
    }
}
