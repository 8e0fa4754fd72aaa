//! The RSA public operation, s^e mod n (RFC 8017 §5.2.2).
//!
//! For public data only: time and memory access depend on it. The caller checks the padding.
//!
//! wasm has no 128-bit product and no carry flag, but it has SIMD over doubles with a fused multiplication. So numbers have
//! limbs of 50 bits in doubles, with exact products and few carries. Reduction is Barrett's: with the modulus's reciprocal,
//! computed once, quotient and remainder take half a product each, in which no limb waits for another.

pub(super) mod limbs;
pub(super) mod product;
mod reciprocal;
#[cfg(test)]
mod tests;
pub(super) mod work;

use super::lanes::{self, Fused, Lanes};
use limbs::WIDTH;
use product::{BLOCK, Product};
use work::{Starts, Work};

/// A modulus and an exponent, ready to be applied to signatures.
#[derive(Clone, Debug)]
pub struct PublicOperation {
    /// The modulus, big-endian.
    octets: Box<[u8]>,
    exponent: u64,
    pub(super) modulus: Modulus,
    fused: Fused,
}

/// A modulus, as reduction needs it.
#[derive(Clone, Debug)]
pub(super) struct Modulus {
    /// The modulus times -1.
    pub(super) negated: Box<[Lanes]>,
    /// floor(2^(2 * WIDTH * (skipped + pairs)) / modulus).
    pub(super) reciprocal: Box<[Lanes]>,
    /// The pairs of a product's low limbs that do not affect the quotient, but for one pair's products with the reciprocal's
    /// highest.
    pub(super) skipped: usize,
    pub(super) starts: Starts,
}

impl PublicOperation {
    /// The operation under the big-endian `modulus`, without leading zeros, and `exponent`. `None` unless the modulus is an
    /// odd number of exactly 2048, 3072 or 4096 bits, the exponent odd and from 3 to below 2^33, and multiplication fused with
    /// addition on this machine.
    #[must_use]
    pub fn new(modulus: &[u8], exponent: u64) -> Option<Self> {
        // Whole blocks of limbs: 2100, 3300 or 4200 bits.
        let pairs = match modulus.len() {
            256 => 7 * BLOCK,
            384 => 11 * BLOCK,
            512 => 14 * BLOCK,
            _ => return None,
        };
        let (first, last) = (modulus.first()?, modulus.last()?);
        let fits =
            first & 0x80 != 0 && last & 1 == 1 && exponent & 1 == 1 && (3..1 << 33).contains(&exponent);
        if !fits {
            return None;
        }
        let fused = Fused::here()?;
        // 2^(100 * skipped) is at most 1/16 of the modulus, so what is skipped changes the quotient by less than 1/32.
        let pair_bits = usize::try_from(WIDTH).ok()?.wrapping_mul(2);
        let skipped = modulus.len().wrapping_mul(8).wrapping_sub(5).checked_div(pair_bits)?;
        let reciprocal = reciprocal::of(modulus, pair_bits.wrapping_mul(skipped.wrapping_add(pairs)));
        let negated = limbs::from_be_bytes(modulus, pairs).into_iter().map(|limbs| Lanes::ZERO.minus(limbs));
        let operation = Self {
            octets: modulus.into(),
            exponent,
            modulus: Modulus {
                negated: negated.collect(),
                reciprocal: limbs::from_be_bytes(&reciprocal, pairs).into(),
                skipped,
                starts: Starts::new(Product::new(fused), pairs, skipped),
            },
            fused,
        };
        operation.is_odd_function().then_some(operation)
    }

    /// Whether x^e + (n - x)^e = n for an x, as it must be for odd e. This would fail if [`Fused`] were wrong: the limbs of
    /// x and n - x have nothing in common, so rounding errors do not cancel.
    fn is_odd_function(&self) -> bool {
        // The modulus's octets in reverse, without the highest bit: any number below the modulus is suitable.
        let mut base: Vec<u8> = self.octets.iter().rev().copied().collect();
        if let Some(first) = base.first_mut() {
            *first &= 0x7f;
        }
        let power = |base: &[u8]| {
            let mut power = vec![0; base.len()];
            self.apply(base, &mut power).then_some(power)
        };
        power(&base)
            .zip(power(&self.less(&base)))
            .is_some_and(|(power, opposite)| self.less(&power) == opposite)
    }

    /// The modulus less `number`, which is as long and not larger.
    fn less(&self, number: &[u8]) -> Vec<u8> {
        let mut borrow = false;
        let subtract = |(octet, other): (&u8, &u8)| {
            let (octet, first) = octet.overflowing_sub(*other);
            let (octet, second) = octet.overflowing_sub(borrow.into());
            borrow = first || second;
            octet
        };
        let mut difference: Vec<u8> = self.octets.iter().zip(number).rev().map(subtract).collect();
        difference.reverse();
        difference
    }

    /// Writes `signature` to the power of the exponent, modulo the modulus, to `out`, big-endian. Returns `false`, with no meaning
    /// in `out`, unless `signature` and `out` are as long as the modulus and `signature` is less than it.
    #[must_use]
    pub fn apply(&self, signature: &[u8], out: &mut [u8]) -> bool {
        let length = self.octets.len();
        if signature.len() != length || out.len() != length || signature >= &*self.octets {
            return false;
        }
        let product = Product::new(self.fused);
        let base = limbs::from_be_bytes(signature, self.modulus.negated.len());
        let mut work = Work::new(&base, &self.modulus.starts);
        for bit in (0..self.exponent.ilog2()).rev() {
            work.square(product, &self.modulus);
            if self.exponent >> bit & 1 == 1 {
                work.multiply(product, &base, &self.modulus);
            }
        }
        limbs::to_be_bytes(work.value(), &self.modulus.negated, out);
        true
    }
}
