//! Points and verdicts, against another implementation.

use rsa::BigUint;

use super::super::super::random::Random;
use super::super::{Curve, Key};
use super::{Oracle, edges, integer, number, numbers, octets, order, prime, scalar};

/// Of many verdicts, each `STEP`-th is checked. In wasm the crates take milliseconds for one, so fewer are checked there.
const STEP: usize = if cfg!(target_arch = "wasm32") { 8 } else { 1 };

/// A point, x and y, of each curve with a `y` so small that y + p has no more bits than p.
fn point_with_small_y(bits: u32) -> (BigUint, u8) {
    let (x, y) = match bits {
        256 => (&b"d7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7"[..], 5),
        _ => (&b"2261b2bf605c22f2f3aef6338719b2c486388ad5240719a5257315969ef01ba27f0a104c89704773a81fdabee6ab5c78"[..], 1),
    };
    (BigUint::parse_bytes(x, 16).unwrap(), y)
}

pub(super) fn coordinates_are_taken_if_they_are_reduced_and_of_a_point<
    C: Curve<N>,
    O: Oracle,
    const N: usize,
>() {
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

/// A key of the reference implementation, and the same key here.
struct Pair<C: Curve<N>, O, const N: usize> {
    theirs: O,
    point: (Vec<u8>, Vec<u8>),
    ours: Key<C, N>,
}

impl<C: Curve<N>, O: Oracle, const N: usize> Pair<C, O, N> {
    fn new(secret: &BigUint) -> Self {
        let theirs = O::new(&octets::<C, N>(secret));
        let point = theirs.public();
        let ours = Key::new(&point.0, &point.1).unwrap();
        Self { theirs, point, ours }
    }

    /// The verdict, which is the crate's too.
    fn check(&self, hash: &[u8], r: &[u8], s: &[u8]) -> bool {
        let verdict = self.ours.verify(hash, r, s);
        assert_eq!(verdict, O::verify((&self.point.0, &self.point.1), hash, r, s), "{hash:x?} {r:x?} {s:x?}");
        verdict
    }
}

pub(super) fn signatures_of_random_keys_are_valid_and_neighbours_are_not<
    C: Curve<N>,
    O: Oracle,
    const N: usize,
>() {
    let mut random = Random(1);
    for _ in (0..40).step_by(2 * STEP) {
        let pair = Pair::<C, O, N>::new(&scalar::<C, N>(&mut random));
        for _ in 0..10 {
            let hash = number::<C, N>(&mut random);
            let (r, s) = pair.theirs.sign(&hash);
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

pub(super) fn numbers_at_the_edges_get_the_crates_verdict<C: Curve<N>, O: Oracle, const N: usize>() {
    let pair = Pair::<C, O, N>::new(&scalar::<C, N>(&mut Random(2)));
    let edges = edges::<C, N>();
    for (index, number) in edges.iter().enumerate().step_by(2 * STEP) {
        let other = &edges[(index * 7 + 3) % edges.len()];
        let third = &edges[(index * 11 + 5) % edges.len()];
        pair.check(number, other, third);
        let (r, s) = pair.theirs.sign(number);
        assert!(pair.check(number, &r, &s), "{number:x?}");
        pair.check(number, other, &s);
        pair.check(number, &r, other);
    }
}

pub(super) fn keys_next_to_the_base_point_get_the_crates_verdict<C: Curve<N>, O: Oracle, const N: usize>() {
    let n = order::<C, N>();
    let mut random = Random(3);
    for small in [1_u32, 2, 3, 4, 5, 7, 8, 0x1_0000, u32::MAX].into_iter().step_by(STEP) {
        let top = BigUint::from(1_u8) << (7 * C::EIGHTH as usize);
        for secret in [BigUint::from(small), &n - small, BigUint::from(small) << C::EIGHTH as usize, top] {
            let pair = Pair::<C, O, N>::new(&secret);
            let zero = vec![0; C::EIGHTH as usize];
            let hashes =
                [number::<C, N>(&mut random), zero, C::ORDER_OCTETS.to_vec(), octets::<C, N>(&small.into())];
            for hash in hashes {
                let (r, s) = pair.theirs.sign(&hash);
                assert!(pair.check(&hash, &r, &s), "{secret} {hash:x?}");
                pair.check(&hash, &r, &octets::<C, N>(&(integer(&s) >> 1)));
                // u1 = ±u2: the two combs of the base point itself meet.
                pair.check(&r, &r, &s);
                pair.check(&octets::<C, N>(&(&n - integer(&r))), &r, &s);
            }
        }
    }
}

pub(super) fn sums_that_meet_equal_and_opposite_points_get_the_crates_verdict<
    C: Curve<N>,
    O: Oracle,
    const N: usize,
>() {
    let n = order::<C, N>();
    let inverse = |number: &BigUint| number.modpow(&(&n - 2_u8), &n);
    let mut random = Random(6);
    let one = BigUint::from(1_u8);
    let mut factors = vec![one.clone(), 2_u8.into(), 3_u8.into(), &n - 1_u8, &n - 2_u8, &n >> 1];
    factors.extend([C::EIGHTH, 7 * C::EIGHTH].map(|bit| &one << bit as usize));
    factors.push(scalar::<C, N>(&mut random));
    let (mut sums, mut infinities) = (0, 0);
    for secret in factors.iter().step_by(STEP) {
        let pair = Pair::<C, O, N>::new(secret);
        for u2 in &factors {
            // One that makes both summands equal, and one that makes them opposite.
            let product = u2 * secret % &n;
            for u1 in factors.iter().chain([&product, &(&n - &product)]) {
                let k = (u1 + &product) % &n;
                if k == BigUint::from(0_u8) {
                    // The point at infinity has no x-coordinate, so no `r` is valid.
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
    assert!(sums * STEP > 700 && infinities * STEP > 80, "{sums} {infinities}");
}

pub(super) fn zero_and_what_is_not_below_the_order_is_no_part_of_a_signature<
    C: Curve<N>,
    O: Oracle,
    const N: usize,
>() {
    let pair = Pair::<C, O, N>::new(&scalar::<C, N>(&mut Random(4)));
    let hash = number::<C, N>(&mut Random(5));
    let (r, s) = pair.theirs.sign(&hash);
    let count = C::EIGHTH as usize;
    let above = octets::<C, N>(&(order::<C, N>() + 1_u8));
    for bad in [&vec![0; count], C::ORDER_OCTETS, &above, C::PRIME_OCTETS, &vec![0xff; count]] {
        assert!(!pair.check(&hash, bad, &s));
        assert!(!pair.check(&hash, &r, bad));
    }
}

pub(super) fn an_x_coordinate_of_the_order_or_more_is_taken_modulo_the_order<
    C: Curve<N>,
    O: Oracle,
    const N: usize,
>() {
    let n = order::<C, N>();
    let zero = vec![0; C::EIGHTH as usize];
    let mut points = 0;
    for r in 1..40_u8 {
        // With a hash of zero and s = r, the sum is the key's point itself.
        let x = octets::<C, N>(&(&n + r));
        let r = octets::<C, N>(&r.into());
        if let Some(y) = O::y_for(&x) {
            assert!(Key::<C, N>::new(&x, &y).unwrap().verify(&zero, &r, &r));
            assert!(O::verify((&x, &y), &zero, &r, &r));
            // The `r` and `s` of a signature are residues.
            for (first, second) in [(&x, &r), (&r, &x)] {
                assert!(!Key::<C, N>::new(&x, &y).unwrap().verify(&zero, first, second));
                assert!(!O::verify((&x, &y), &zero, first, second));
            }
            points += 1;
        }
    }
    assert!(points > 10);
    // The sum of `r` and n is congruent to the x-coordinate, but modulo p.
    let x = integer(C::BASE_X);
    let r = octets::<C, N>(&(x + integer(C::PRIME_LESS_ORDER)));
    assert!(!Key::<C, N>::new(C::BASE_X, C::BASE_Y).unwrap().verify(&zero, &r, &r));
    assert!(!O::verify((C::BASE_X, C::BASE_Y), &zero, &r, &r));
}

pub(super) fn r_equal_to_the_prime_less_the_order_does_not_stand_for_an_x_coordinate_of_zero<
    C: Curve<N>,
    O: Oracle,
    const N: usize,
>() {
    // r + n = p, which is congruent to the x-coordinate zero, but no x-coordinate.
    let zero = vec![0; C::EIGHTH as usize];
    let y = O::y_for(&zero).unwrap();
    let key = Key::<C, N>::new(&zero, &y).unwrap();
    let r = C::PRIME_LESS_ORDER;
    assert!(!key.verify(&zero, r, r));
    assert!(!O::verify((&zero, &y), &zero, r, r));
}
