//! The arithmetic against big integers, and the verdicts against the `p256` and `p384` crates, for both curves.

mod arithmetic;
mod fiat;
mod toy;
mod verdicts;

use rsa::BigUint;

use super::super::p256::P256;
use super::super::p384::P384;
use super::super::random::Random;
use super::{Curve, Field, limbs};

/// A key pair of another implementation.
trait Oracle: Sized {
    fn new(secret: &[u8]) -> Self;
    fn public(&self) -> (Vec<u8>, Vec<u8>);
    fn sign(&self, hash: &[u8]) -> (Vec<u8>, Vec<u8>);
    /// The verdict with the key at a point.
    fn verify(point: (&[u8], &[u8]), hash: &[u8], r: &[u8], s: &[u8]) -> bool;
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

            fn verify((x, y): (&[u8], &[u8]), hash: &[u8], r: &[u8], s: &[u8]) -> bool {
                use ::$name::ecdsa::signature::hazmat::PrehashVerifier as _;
                let key = ::$name::ecdsa::VerifyingKey::from_sec1_bytes(&[&[4], x, y].concat()).unwrap();
                ::$name::ecdsa::Signature::from_slice(&[r, s].concat())
                    .is_ok_and(|signature| key.verify_prehash(hash, &signature).is_ok())
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
    ($($module:ident::$name:ident)*) => {
        mod of_p256 {
            $(
                #[test]
                fn $name() {
                    super::$module::$name::<super::P256, ::p256::ecdsa::SigningKey, 9>();
                }
            )*
        }
        mod of_p384 {
            $(
                #[test]
                fn $name() {
                    super::$module::$name::<super::P384, ::p384::ecdsa::SigningKey, 14>();
                }
            )*
        }
    };
}
of_both_curves! {
    arithmetic::the_constants_are_as_documented
    arithmetic::sums_and_products_modulo_the_prime_are_those_of_big_integers
    arithmetic::the_largest_limbs_overflow_no_column
    arithmetic::a_carried_number_is_congruent_and_within_0_6_times_the_prime
    arithmetic::a_thousand_doublings_in_a_row_keep_the_coordinates_small
    arithmetic::only_multiples_of_the_prime_are_zero
    arithmetic::a_field_element_times_its_inverse_is_one
    arithmetic::the_signs_of_a_quotient_sum_up_to_it
    fiat::field_arithmetic_is_that_of_proven_code
    fiat::arithmetic_modulo_the_order_is_that_of_proven_code
    verdicts::coordinates_are_taken_if_they_are_reduced_and_of_a_point
    verdicts::signatures_of_random_keys_are_valid_and_neighbours_are_not
    verdicts::numbers_at_the_edges_get_the_crates_verdict
    verdicts::keys_next_to_the_base_point_get_the_crates_verdict
    verdicts::sums_that_meet_equal_and_opposite_points_get_the_crates_verdict
    verdicts::zero_and_what_is_not_below_the_order_is_no_part_of_a_signature
    verdicts::an_x_coordinate_of_the_order_or_more_is_taken_modulo_the_order
    verdicts::r_equal_to_the_prime_less_the_order_does_not_stand_for_an_x_coordinate_of_zero
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

/// Numbers at the edges of limbs, of the prime and of the order.
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
    // Every limb at its largest, in both signs.
    let largest = (0..N - 1).fold(BigUint::from(0_u8), |sum, limb| sum + (&one << (29 * limb + 28)));
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
