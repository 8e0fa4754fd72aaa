//! ECDSA verification (FIPS 186-5 §6.4.2) over a curve y^2 = x^3 - 3x + b of prime order.
//!
//! For public data only: time and memory access depend on it. The caller hashes. Numbers in octets are big-endian and as long
//! as the prime.

mod field;
mod order;
mod point;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::OnceLock;

use super::comb::{Comb, Point as _};
use super::inversion::Modulus;
use super::limbs::{self, Limbs};
pub(super) use field::Field;
pub(super) use order::Order;
pub(super) use point::{Affine, Jacobian};

/// A curve whose numbers have `N` limbs, so R = 2^(29 N).
pub(super) trait Curve<const N: usize>: Copy + Debug + 'static {
    /// The prime, p.
    const PRIME: Modulus<N>;
    const PRIME_OCTETS: &'static [u8];
    /// The bits of p in its highest limb, which is about 2^`TOP_BITS`.
    const TOP_BITS: usize;
    /// R modulo p.
    const R: Limbs<N>;
    /// R^2 modulo p.
    const R_SQUARED: Limbs<N>;
    /// The group's order, n.
    const ORDER: Order<N>;
    const ORDER_OCTETS: &'static [u8];
    /// p - n: only an `r` below it can be the residue of an x-coordinate of n or more.
    const PRIME_LESS_ORDER: &'static [u8];
    /// The base point's coordinates.
    const BASE_X: &'static [u8];
    const BASE_Y: &'static [u8];
    /// An eighth of the bits of the order.
    const EIGHTH: u32;

    /// The product, divided by R, modulo p.
    fn product(a: &Limbs<N>, b: &Limbs<N>) -> Limbs<N>;

    /// The square, divided by R, modulo p.
    fn square(a: &Limbs<N>) -> Limbs<N>;

    /// Where the base point's table is stored once it is made.
    fn base() -> &'static OnceLock<Comb<Jacobian<Self, N>>>;
}

/// A public key and its table.
#[derive(Clone, Debug)]
pub(super) struct Key<C: Curve<N>, const N: usize> {
    point: Affine<N>,
    /// Made when the key is first used, for the cost of a few verifications.
    comb: OnceLock<Comb<Jacobian<C, N>>>,
}

impl<C: Curve<N>, const N: usize> Key<C, N> {
    /// The key at the point with these coordinates, if they are below p and the point is on the curve.
    pub(super) fn new(x: &[u8], y: &[u8]) -> Option<Self> {
        if x >= C::PRIME_OCTETS || y >= C::PRIME_OCTETS {
            return None;
        }
        let (x, y) = (Field::from_be_bytes(x), Field::from_be_bytes(y));
        let (base_x, base_y) = base_point();
        let difference: Field<C, N> = constant(&x, &y).minus(&constant(&base_x, &base_y));
        difference.is_zero().then(|| Self::on_curve(&x, &y))
    }

    fn on_curve(x: &Field<C, N>, y: &Field<C, N>) -> Self {
        Self { point: Affine::new(x, y), comb: OnceLock::new() }
    }

    /// Whether (`r`, `s`) is a signature of a message with this hash.
    pub(super) fn verify(&self, hash: &[u8], r: &[u8], s: &[u8]) -> bool {
        let in_range = |number: &[u8]| number.iter().any(|octet| *octet != 0) && number < C::ORDER_OCTETS;
        in_range(r) && in_range(s) && self.sum(hash, r, s).is_some_and(|sum| has_x(&sum, r))
    }

    /// The base point times hash / s plus the key's point times r / s.
    fn sum(&self, hash: &[u8], r: &[u8], s: &[u8]) -> Option<Jacobian<C, N>> {
        let order = &C::ORDER;
        let inverse = order.inverse(&limbs::from_be_bytes(s));
        let signs = |number| {
            let quotient = order.product(&limbs::from_be_bytes(number), &inverse);
            order.signs(&quotient, C::EIGHTH as usize)
        };
        let (base_signs, key_signs) = (signs(hash), signs(r));
        let base = C::base().get_or_init(|| {
            let (x, y) = base_point();
            Comb::new(Jacobian::from(&Affine::new::<C>(&x, &y)))
        });
        let key = self.comb.get_or_init(|| Comb::new(Jacobian::from(&self.point)));
        let columns = || {
            let entries = |step| {
                let ([one, two], [three, four]) =
                    (base.columns(&base_signs, step)?, key.columns(&key_signs, step)?);
                Some([one, two, three, four])
            };
            (0..Comb::<Jacobian<C, N>>::STEPS).rev().filter_map(entries)
        };
        let sum = sum_of(columns(), Jacobian::plus)?;
        // If z is zero, an addition had equal or opposite points. Only the owner of the private key can make such a signature; for
        // others it takes as long as to find that key.
        if sum.z.is_zero() { sum_of(columns(), Jacobian::plus_any) } else { Some(sum) }
    }
}

/// The sum of the steps' entries, each step having twice the weight of the next.
#[inline]
fn sum_of<C: Curve<N>, const N: usize>(
    mut steps: impl Iterator<Item = [Affine<N>; 4]>,
    plus: impl Fn(&Jacobian<C, N>, &Affine<N>) -> Jacobian<C, N>,
) -> Option<Jacobian<C, N>> {
    let [first, others @ ..] = steps.next()?;
    let start = others.iter().fold(Jacobian::from(&first), |sum, entry| plus(&sum, entry));
    Some(steps.fold(start, |sum, entries| entries.iter().fold(sum.doubled(), |sum, entry| plus(&sum, entry))))
}

/// Whether `r` is the x-coordinate of `sum` modulo the order. The point at infinity has none.
fn has_x<C: Curve<N>, const N: usize>(sum: &Jacobian<C, N>, r: &[u8]) -> bool {
    // x / z^2 is r, or r + n.
    let z_squared = sum.z.squared();
    let is = |x: Field<C, N>| x.times(&z_squared).minus(&sum.x).is_zero();
    let r_field = Field::from_be_bytes(r);
    !sum.z.is_zero()
        && (is(r_field)
            || (r < C::PRIME_LESS_ORDER && is(r_field.plus(&Field::from_be_bytes(C::ORDER_OCTETS)))))
}

fn base_point<C: Curve<N>, const N: usize>() -> (Field<C, N>, Field<C, N>) {
    (Field::from_be_bytes(C::BASE_X), Field::from_be_bytes(C::BASE_Y))
}

/// The b of a curve with this point, of magnitude five.
pub(super) fn constant<C: Curve<N>, const N: usize>(x: &Field<C, N>, y: &Field<C, N>) -> Field<C, N> {
    y.squared().minus(&x.squared().times(x)).plus(&x.small_multiple(3))
}
