//! The code of all curves on a curve so small that all its points can be listed: y^2 = x^3 - 3x + b modulo 65479, with 65413
//! points. Each verdict is compared with the table's.
//!
//! Scalars have 16 bits, so a comb has two columns, one for each table, and equal and opposite points occur all the time.

use std::sync::OnceLock;

use super::super::super::comb::Comb;
use super::super::super::inversion::Modulus;
use super::super::super::limb::{Limb, WIDTH, Wrapping, split};
use super::super::super::limbs::Limbs;
use super::super::{Curve, Jacobian, Key, Order};

const P: i64 = 65_479;
const N: i64 = 65_413;
const BASE: (i64, i64) = (1, 18_007);

/// Every `STEP`-th scalar of the base point is tried with each key and factor.
const STEP: usize = if cfg!(target_arch = "wasm32") { 1_024 } else { 128 };

const fn power(base: i64, mut exponent: i64, modulus: i64) -> i64 {
    let (mut result, mut square) = (1, base % modulus);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * square % modulus;
        }
        square = square * square % modulus;
        exponent >>= 1;
    }
    result
}

/// -1 / `modulus` modulo 2^29, between -2^28 and 2^28.
const fn negated_inverse(modulus: i64) -> Limb {
    // Each step of Newton's method doubles the bits that are right.
    let mut inverse = 1_i64;
    let mut step = 0;
    while step < 5 {
        inverse = inverse.wrapping_mul(2_i64.wrapping_sub(modulus.wrapping_mul(inverse)));
        step += 1;
    }
    let low = -inverse & ((1 << WIDTH) - 1);
    Wrapping(if low < 1 << (WIDTH - 1) { low } else { low - (1 << WIDTH) })
}

const fn modulus(value: i64) -> Modulus<1> {
    Modulus { limbs: [Wrapping(value)], negated_inverse: negated_inverse(value) }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of the curve have 16 bits"
)]
const fn octets(number: i64) -> [u8; 2] {
    (number as u16).to_be_bytes()
}

/// The product's residue, divided by R = 2^29.
fn reduced(column: Limb) -> Limbs<1> {
    let multiple = split(split(column).1 * negated_inverse(P)).1;
    let (quotient, rest) = split(column + multiple * Wrapping(P));
    assert_eq!(rest.0, 0);
    [quotient]
}

#[derive(Clone, Copy, Debug)]
struct Toy;

impl Curve<1> for Toy {
    const PRIME: Modulus<1> = modulus(P);
    const PRIME_OCTETS: &'static [u8] = &octets(P);
    const TOP_BITS: usize = 16;
    const R: Limbs<1> = [Wrapping((1 << WIDTH) % P)];
    const R_SQUARED: Limbs<1> = [Wrapping((1 << (2 * WIDTH)) % P)];
    const ORDER: Order<1> = Order {
        modulus: modulus(N),
        half: [Wrapping((1 << (2 * WIDTH)) % N * N.midpoint(1) % N)],
        half_of_ones: [Wrapping(0xffff % N * N.midpoint(1) % N)],
    };
    const ORDER_OCTETS: &'static [u8] = &octets(N);
    const PRIME_LESS_ORDER: &'static [u8] = &octets(P - N);
    const BASE_X: &'static [u8] = &octets(BASE.0);
    const BASE_Y: &'static [u8] = &octets(BASE.1);
    const EIGHTH: u32 = 2;

    fn product(a: &Limbs<1>, b: &Limbs<1>) -> Limbs<1> {
        reduced(a[0] * b[0])
    }

    fn square(a: &Limbs<1>) -> Limbs<1> {
        reduced(a[0] * a[0])
    }

    fn base() -> &'static OnceLock<Comb<Jacobian<Self, 1>>> {
        static BASE: OnceLock<Comb<Jacobian<Toy, 1>>> = OnceLock::new();
        &BASE
    }
}

/// A point; `None` is the one at infinity.
type Point = Option<(i64, i64)>;

#[expect(clippy::many_single_char_names, reason = "they are coordinates")]
fn sum(a: Point, b: Point) -> Point {
    let (Some((x, y)), Some((u, v))) = (a, b) else { return a.or(b) };
    if x == u && (y + v) % P == 0 {
        return None;
    }
    let (rise, run) = if x == u { (3 * x * x - 3, 2 * y) } else { (v - y, u - x) };
    let slope = rise.rem_euclid(P) * power(run.rem_euclid(P), P - 2, P) % P;
    let w = (slope * slope - x - u).rem_euclid(P);
    Some((w, (slope * (x - w) - y).rem_euclid(P)))
}

/// All multiples of the base point, from the zeroth, and the inverses of all numbers modulo the order.
struct Group {
    points: Vec<Point>,
    inverses: Vec<i64>,
}

impl Group {
    fn new() -> Self {
        let mut points = vec![None];
        for _ in 1..N {
            points.push(sum(*points.last().unwrap(), Some(BASE)));
        }
        assert_eq!(sum(*points.last().unwrap(), Some(BASE)), None, "the order is 65413");
        // 1 / i from 1 / (n mod i): n = (n / i) i + n mod i.
        let mut inverses = vec![0, 1];
        for number in 2..N {
            let rest = inverses[usize::try_from(N % number).unwrap()];
            inverses.push(N - N / number * rest % N);
        }
        Self { points, inverses }
    }

    fn point(&self, scalar: i64) -> Point {
        self.points[usize::try_from(scalar.rem_euclid(N)).unwrap()]
    }

    fn inverse(&self, number: i64) -> i64 {
        self.inverses[usize::try_from(number.rem_euclid(N)).unwrap()]
    }

    fn key(&self, secret: i64) -> Key<Toy, 1> {
        let (x, y) = self.point(secret).unwrap();
        Key::new(&octets(x), &octets(y)).unwrap()
    }

    /// Secrets at the edges, and those of points whose x-coordinate is zero, or the order or more.
    fn secrets(&self) -> Vec<i64> {
        let mut secrets =
            vec![1, 2, 3, 4, 5, 16, 64, 256, 16_384, N - 1, N - 2, N - 16_384, N.midpoint(1), 12_345];
        secrets.push((1..N).find(|k| self.point(*k).unwrap().0 == 0).unwrap());
        secrets.extend((1..N).filter(|k| self.point(*k).unwrap().0 >= N).take(4));
        secrets
    }
}

fn verdict(key: &Key<Toy, 1>, hash: i64, r: i64, s: i64) -> bool {
    key.verify(&octets(hash), &octets(r), &octets(s))
}

#[test]
fn verdicts_on_sums_of_all_kinds_are_those_of_the_listed_group() {
    let group = Group::new();
    let (mut accepted, mut at_infinity, mut beyond_the_order) = (0, 0, 0);
    for secret in group.secrets() {
        let key = group.key(secret);
        let inverse = group.inverse(secret);
        let mut factors =
            vec![1, 2, 3, 4, 15, 16, 63, 64, 255, 256, 16_384, N - 1, N - 2, N - 4, N.midpoint(1)];
        factors.extend([inverse, N - inverse]);
        factors.extend((1..9).map(|index| (7_919 * index + secret * 31) % (N - 1) + 1));
        for u2 in factors {
            // All kinds of u1, and those for which both summands are equal or opposite.
            let product = u2 * secret % N;
            for u1 in (0..N).step_by(STEP).chain([product, N - product]) {
                let point = group.point(u1 + product);
                // The right r, or any for the point at infinity; and another one, as often as not below p - n.
                let right = point.map_or(1 + u1 * 7 % (N - 1), |(x, _)| x % N);
                let other = if u1 % 2 == 0 {
                    1 + (u1 / 2 + u2) % (P - N + 2)
                } else {
                    1 + (u1 * 3 + u2 * 5) % (N - 1)
                };
                for r in [right, other].into_iter().filter(|r| *r != 0) {
                    let s = r * group.inverse(u2) % N;
                    let expected = point.is_some_and(|(x, _)| x % N == r);
                    assert_eq!(verdict(&key, u1 * s % N, r, s), expected, "{secret} {u1} {u2} {r}");
                    accepted += u32::from(expected);
                    at_infinity += u32::from(point.is_none());
                    beyond_the_order += u32::from(expected && point.is_some_and(|(x, _)| x >= N));
                }
            }
        }
    }
    assert!(accepted > 20_000 && at_infinity > 400 && beyond_the_order > 20);
}

#[test]
fn r_and_s_at_the_edges_are_accepted_only_as_residues_from_1_to_below_the_order() {
    let group = Group::new();
    // Sums whose x-coordinate is at an edge, or maps to one.
    let at_edge = |x: i64| x < 4 || (x - N).abs() < 20 || x > P - 4 || x == P - N;
    let sums: Vec<i64> = (1..N).filter(|k| at_edge(group.point(*k).unwrap().0)).collect();
    let edges = [0, 1, 2, 3, P - N - 1, P - N, P - N + 1, N - 2, N - 1, N, N + 1, P - 1, P, P + 1, 0xffff];
    let mut accepted = 0;
    for secret in group.secrets() {
        let key = group.key(secret);
        for k in &sums {
            let x = group.point(*k).unwrap().0;
            for r in edges {
                for s in [r % N * group.inverse(777) % N, r % N, 0, 1, N - 1, N, N + 1] {
                    // The hash for which the sum is k times the base point, as far as s has an inverse.
                    let u2 = r % N * group.inverse(s) % N;
                    let u1 = (k - u2 * secret).rem_euclid(N);
                    let expected = (1..N).contains(&r) && (1..N).contains(&s) && x % N == r;
                    assert_eq!(verdict(&key, u1 * (s % N) % N, r, s), expected, "{secret} {k} {r} {s}");
                    accepted += u32::from(expected);
                }
            }
        }
    }
    assert!(accepted > 200, "{accepted}");
}
