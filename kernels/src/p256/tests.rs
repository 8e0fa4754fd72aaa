//! The arithmetic against big integers, and the verdicts against the `p256` crate.

use ::p256::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use ::p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use rsa::BigUint;

use super::super::random::Random;
use super::field::Field;
use super::scalar::Scalar;
use super::{BASE_X, ORDER, PublicPoint, Verdict};

const PRIME: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];

fn integer(number: &[u8; 32]) -> BigUint {
    BigUint::from_bytes_be(number)
}

fn octets(number: &BigUint) -> [u8; 32] {
    let octets = number.to_bytes_be();
    [vec![0; 32 - octets.len()], octets].concat().try_into().unwrap()
}

/// Numbers of 256 bits at the edges of digits, of the prime and of the order.
fn edges() -> Vec<[u8; 32]> {
    let one = BigUint::from(1_u8);
    let mut edges = vec![[0; 32], [0xff; 32], [0x55; 32], [0xaa; 32], PRIME, ORDER, BASE_X];
    for modulus in [integer(&PRIME), integer(&ORDER)] {
        edges.extend(
            [&modulus - 1_u8, &modulus - 2_u8, &modulus + 1_u8, &modulus >> 1, (&modulus >> 1) + 1_u8]
                .map(|n| octets(&n)),
        );
    }
    for bit in 0..256 {
        edges.push(octets(&(&one << bit)));
        edges.push(octets(&((&one << bit) - 1_u8)));
    }
    // Every digit at its largest, in both signs.
    let largest = (0..8).fold(BigUint::from(0_u8), |sum, digit| sum + (&one << (29 * digit + 28)));
    edges.push(octets(&largest));
    edges.push(octets(&(&largest - 1_u8)));
    edges.push(octets(&(largest + (&one << 255))));
    edges
}

fn numbers(random: usize) -> Vec<[u8; 32]> {
    let mut source = Random(256);
    let mut numbers = edges();
    for _ in 0..random {
        numbers.extend([source.number(), source.runs()]);
    }
    numbers
}

#[test]
fn sums_and_products_modulo_the_prime_are_those_of_big_integers() {
    let prime = integer(&PRIME);
    let equal = |field: Field, expected: BigUint| {
        field.minus(&Field::from_be_bytes(&octets(&(expected % &prime)))).is_zero()
    };
    let numbers = numbers(1_000);
    for (a, b) in numbers.iter().zip(numbers.iter().rev()) {
        let (x, y, a, b) = (Field::from_be_bytes(a), Field::from_be_bytes(b), integer(a), integer(b));
        assert!(equal(x.times(&y), &a * &b), "{a} * {b}");
        assert!(equal(x.squared(), &a * &a), "{a}^2");
        assert!(equal(x.plus(&y), &a + &b), "{a} + {b}");
        assert!(equal(x.minus(&y), &a + &prime + &prime - &b), "{a} - {b}");
        assert!(equal(x.small_multiple(8).carried(), &a * 8_u8), "8 * {a}");
        // The most units that factors may have.
        let (most, few) = (x.small_multiple(3), y.minus(&x.small_multiple(3)));
        assert!(
            equal(most.times(&few), &a * 3_u8 * (&b + (&prime * 4_u8 - &a) * 3_u8)),
            "3 {a} * ({b} - 3 {a})"
        );
    }
}

#[test]
fn only_multiples_of_the_prime_are_zero() {
    for number in numbers(100) {
        let zero = (integer(&number) % integer(&PRIME)).to_bytes_be() == [0];
        assert_eq!(Field::from_be_bytes(&number).is_zero(), zero, "{number:x?}");
    }
}

#[test]
fn a_field_element_times_its_inverse_is_one() {
    for number in numbers(50) {
        let field = Field::from_be_bytes(&number);
        if !field.is_zero() {
            assert!(field.times(&field.inverse()).minus(&Field::ONE).is_zero(), "{number:x?}");
        }
    }
    assert!(Field::from_be_bytes(&[0; 32]).inverse().is_zero());
}

/// The sum of ±2^i that `signs` stands for, modulo the order.
fn sum_of_signs(signs: [u32; 8]) -> BigUint {
    let order = integer(&ORDER);
    let ones = (BigUint::from(1_u8) << 256) - 1_u8;
    let words = signs.iter().rev().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    (BigUint::from_bytes_be(&words) * 2_u8 + &order + &order - ones) % order
}

#[test]
fn the_signs_of_a_quotient_sum_up_to_it() {
    let order = integer(&ORDER);
    let exponent = &order - 2_u8;
    let numbers = numbers(500);
    for (a, s) in numbers.iter().zip(numbers.iter().rev()) {
        if *s == [0; 32] || *s >= ORDER {
            continue;
        }
        let signs = Scalar::from_be_bytes(a).times(&Scalar::from_be_bytes(s).inverse()).signs();
        let expected = integer(a) * integer(s).modpow(&exponent, &order) % &order;
        assert_eq!(sum_of_signs(signs), expected, "{a:x?} / {s:x?}");
    }
}

fn signing_key(secret: &[u8; 32]) -> SigningKey {
    SigningKey::from_slice(secret).unwrap()
}

fn public(key: &SigningKey) -> PublicPoint {
    let point = VerifyingKey::from(key).to_encoded_point(false);
    PublicPoint::new((*point.x().unwrap()).as_ref(), (*point.y().unwrap()).as_ref())
}

/// The verdict here, which must be the `p256` crate's unless it is left to it.
fn check(key: &SigningKey, point: &PublicPoint, hash: &[u8; 32], r: &[u8; 32], s: &[u8; 32]) -> Verdict {
    let verdict = point.verify(hash, r, s);
    let theirs = Signature::from_scalars(*r, *s)
        .is_ok_and(|signature| VerifyingKey::from(key).verify_prehash(hash, &signature).is_ok());
    match verdict {
        Verdict::Valid => assert!(theirs, "{hash:x?} {r:x?} {s:x?}"),
        Verdict::Invalid => assert!(!theirs, "{hash:x?} {r:x?} {s:x?}"),
        Verdict::Undecided => {}
    }
    verdict
}

fn sign(key: &SigningKey, hash: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    let signature: Signature = key.sign_prehash(hash).unwrap();
    let (r, s) = signature.split_bytes();
    (r.into(), s.into())
}

#[test]
fn signatures_of_random_keys_are_valid_and_neighbours_are_not() {
    let mut random = Random(1);
    for _ in 0..40 {
        let key = signing_key(&random.number());
        let point = public(&key);
        for _ in 0..10 {
            let hash = random.number();
            let (r, s) = sign(&key, &hash);
            assert_eq!(check(&key, &point, &hash, &r, &s), Verdict::Valid);
            let other = octets(&(integer(&ORDER) - integer(&s)));
            assert_eq!(check(&key, &point, &hash, &r, &other), Verdict::Valid);
            let bit = usize::from(random.number()[0]);
            for which in 0..3 {
                let mut changed = [hash, r, s];
                changed[which][bit / 8] ^= 1 << (bit % 8);
                assert_eq!(check(&key, &point, &changed[0], &changed[1], &changed[2]), Verdict::Invalid);
            }
        }
    }
}

#[test]
fn numbers_at_the_edges_get_the_crates_verdict() {
    let key = signing_key(&Random(2).number());
    let point = public(&key);
    let edges = edges();
    for (index, number) in edges.iter().enumerate() {
        let other = edges[(index * 7 + 3) % edges.len()];
        let third = edges[(index * 11 + 5) % edges.len()];
        check(&key, &point, number, &other, &third);
        let (r, s) = sign(&key, number);
        assert_eq!(check(&key, &point, number, &r, &s), Verdict::Valid, "{number:x?}");
        check(&key, &point, number, &other, &s);
        check(&key, &point, number, &r, &other);
    }
}

#[test]
fn keys_next_to_the_base_point_are_decided_rightly_or_not_at_all() {
    let order = integer(&ORDER);
    let mut random = Random(3);
    let mut undecided = 0;
    for small in [1_u32, 2, 3, 4, 5, 7, 8, 0x1_0000, u32::MAX] {
        for secret in
            [BigUint::from(small), &order - small, BigUint::from(small) << 32, BigUint::from(1_u8) << 224]
        {
            let key = signing_key(&octets(&secret));
            let point = public(&key);
            for hash in [random.number(), [0; 32], ORDER, octets(&BigUint::from(small))] {
                let (r, s) = sign(&key, &hash);
                match check(&key, &point, &hash, &r, &s) {
                    Verdict::Valid => {}
                    Verdict::Undecided => undecided += 1,
                    Verdict::Invalid => panic!("{secret} {hash:x?}"),
                }
                check(&key, &point, &hash, &r, &octets(&(integer(&s) >> 1)));
                // u1 = ±u2: the two combs of the base point itself meet.
                check(&key, &point, &r, &r, &s);
                check(&key, &point, &octets(&(&order - integer(&r))), &r, &s);
            }
        }
    }
    assert!(undecided > 0, "the case that is left to the crate was never met");
}

#[test]
fn zero_and_what_is_not_below_the_order_is_no_part_of_a_signature() {
    let key = signing_key(&Random(4).number());
    let point = public(&key);
    let hash = Random(5).number();
    let (r, s) = sign(&key, &hash);
    for bad in [[0; 32], ORDER, octets(&(integer(&ORDER) + 1_u8)), PRIME, [0xff; 32]] {
        assert_eq!(check(&key, &point, &hash, &bad, &s), Verdict::Invalid);
        assert_eq!(check(&key, &point, &hash, &r, &bad), Verdict::Invalid);
    }
}
