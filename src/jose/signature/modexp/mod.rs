//! The RSA public operation, s^e mod n, at the speed the edge needs (RFC 8017 §5.2.2).
//!
//! For public data only: neither time nor memory access is independent of it. Knows numbers; padding is another's.
//!
//! # How
//! wasm has neither a 64-bit product of 128 bits nor a carry flag, but it has SIMD over doubles. So numbers are held as
//! [balanced digits](digits) of 23 or 24 bits in doubles, which multiply and add them exactly, and carry rarely.
//! Reduction is Barrett's: with the key's `reciprocal`, computed once, quotient and remainder are two half products
//! without any chain of carries between digits, and no other form of the number (such as Montgomery's) is needed.

mod digits;
mod lanes;
mod product;
mod reciprocal;
#[cfg(test)]
mod tests;

use lanes::Lanes;
use product::{BLOCK, Carry, Column, LEAD, add_rows};

/// A modulus and an exponent, ready to be applied to signatures.
#[derive(Clone, Debug)]
pub(crate) struct PublicOperation {
    /// Big-endian, for the comparison with a signature.
    octets: Box<[u8]>,
    exponent: u64,
    width: u32,
    carry: Carry,
    /// The modulus.
    modulus: Box<[Lanes]>,
    /// floor(2^(width * (skipped + digits)) / modulus).
    reciprocal: Box<[Lanes]>,
    /// The pairs of a square's low digits that do not take part in finding the quotient.
    skipped: usize,
}

/// The least columns below the quotient's that must be summed too for their carries.
const GUARD: usize = 2;

impl PublicOperation {
    /// The operation under the big-endian `modulus`, without leading zeros, and `exponent`. `None` unless the modulus is an
    /// odd number of exactly 2048, 3072 or 4096 bits and the exponent is odd, at least 3, and below 2^33.
    pub(crate) fn new(modulus: &[u8], exponent: u64) -> Option<Self> {
        // Sums of `2 * pairs` products of two digits must stay below 2^53.
        let (width, pairs) = match modulus.len() {
            256 => (24, 44),
            384 => (23, 68),
            512 => (23, 92),
            _ => return None,
        };
        let (first, last) = (modulus.first()?, modulus.last()?);
        let served =
            first & 0x80 != 0 && last & 1 == 1 && exponent & 1 == 1 && (3..1 << 33).contains(&exponent);
        if !served {
            return None;
        }
        let bits = modulus.len().wrapping_mul(8);
        let pair_bits = usize::try_from(width).ok()?.wrapping_mul(2);
        // 2^(pair_bits * skipped) is at most a sixteenth of the modulus, so that what is skipped hardly moves the quotient.
        let skipped = bits.wrapping_sub(5).checked_div(pair_bits)?;
        let reciprocal = reciprocal::of(modulus, pair_bits.wrapping_mul(skipped.wrapping_add(pairs)));
        Some(Self {
            octets: modulus.into(),
            exponent,
            width,
            carry: Carry::new(width),
            modulus: digits::from_be_bytes(modulus, width, pairs).into(),
            reciprocal: digits::from_be_bytes(&reciprocal, width, pairs).into(),
            skipped,
        })
    }

    /// Writes `signature` to the power of the exponent to `out`, big-endian. `false`, and `out` means nothing, unless
    /// `signature` and `out` are exactly as long as the modulus and `signature` is less than it.
    pub(crate) fn apply(&self, signature: &[u8], out: &mut [u8]) -> bool {
        let in_range = signature.len() == self.octets.len() && signature < &*self.octets;
        if !in_range || out.len() != self.octets.len() {
            return false;
        }
        let base = digits::from_be_bytes(signature, self.width, self.modulus.len());
        let mut work = Work::new(&base);
        for bit in (0..self.exponent.ilog2()).rev() {
            work.square(self);
            if self.exponent >> bit & 1 == 1 {
                work.multiply(&base, self);
            }
        }
        digits::to_be_bytes(work.value(), &self.modulus, self.width, out);
        true
    }
}

/// A number modulo a [`PublicOperation`]'s, and the room to compute its powers.
///
/// The number lies between -0.6 and 0.6 times the modulus, except that the first one may be anything below the modulus.
struct Work {
    /// The number: [`LEAD`] zero pairs, its digits, and as many zero pairs again.
    value: Vec<Lanes>,
    /// Twice the number, laid out alike.
    twice: Vec<Lanes>,
    /// The columns of a product; zero between operations.
    product: Vec<Column>,
    /// A product's digits, and [`LEAD`] zero pairs.
    digits: Vec<Lanes>,
    /// The quotient's columns; zero between operations.
    quotient_columns: Vec<Column>,
    /// [`LEAD`] zero pairs and the quotient's digits.
    quotient: Vec<Lanes>,
}

impl Work {
    fn new(base: &[Lanes]) -> Self {
        let pairs = base.len();
        let room = |extra: usize| vec![Lanes::ZERO; pairs.wrapping_add(extra)];
        let lead = room(0).into_iter().take(LEAD);
        let twice = base.iter().map(|pair| pair.plus(*pair));
        Self {
            value: lead.clone().chain(base.iter().copied()).chain(lead.clone()).collect(),
            twice: lead.clone().chain(twice).chain(lead).collect(),
            product: vec![Column::ZERO; pairs.wrapping_mul(2)],
            digits: room(pairs.wrapping_add(LEAD)),
            quotient_columns: vec![Column::ZERO; pairs.wrapping_add(GUARD)],
            quotient: room(LEAD),
        }
    }

    fn value(&self) -> &[Lanes] {
        self.value.get(LEAD..).unwrap_or_default()
    }

    /// Squares the number: each product of two different digits once, with one of them doubled.
    fn square(&mut self, modulus: &PublicOperation) {
        let blocks = self.value.get(LEAD..).unwrap_or_default().as_chunks::<BLOCK>().0;
        let mut columns = &mut *self.product;
        let mut twice = &mut *self.twice;
        for block in blocks {
            // Within the block the number itself serves, since both orders of each product are there; before it, nothing.
            if let Some((before, within)) = twice.split_at_mut_checked(LEAD) {
                before.fill(Lanes::ZERO);
                within.iter_mut().zip(block).for_each(|(pair, single)| *pair = *single);
            }
            add_rows(columns, twice, block);
            columns = columns.get_mut(2 * BLOCK..).unwrap_or_default();
            twice = twice.get_mut(BLOCK..).unwrap_or_default();
        }
        self.reduce(modulus);
    }

    fn multiply(&mut self, factor: &[Lanes], modulus: &PublicOperation) {
        let mut columns = &mut *self.product;
        for block in factor.as_chunks::<BLOCK>().0 {
            add_rows(columns, &self.value, block);
            columns = columns.get_mut(BLOCK..).unwrap_or_default();
        }
        self.reduce(modulus);
    }

    /// Brings what is in `product` modulo the modulus to `value`.
    fn reduce(&mut self, modulus: &PublicOperation) {
        let Self { value, twice, product, digits, quotient_columns, quotient } = self;
        let pairs = modulus.modulus.len();
        modulus.carry.digits(product, |_, sum| sum, |index, pair| set(digits, index, pair));

        // The quotient: the upper half of (the product's upper digits) * reciprocal.
        let mut start = modulus.skipped.wrapping_add(pairs).wrapping_sub(GUARD).wrapping_sub(LEAD);
        for block in modulus.reciprocal.as_chunks::<BLOCK>().0 {
            add_rows(quotient_columns, digits.get(start..).unwrap_or_default(), block);
            start = start.wrapping_sub(BLOCK);
        }
        modulus.carry.digits(
            quotient_columns,
            |_, sum| sum,
            |index, pair| set(quotient, index.wrapping_add(LEAD - GUARD), pair),
        );
        quotient.iter_mut().take(LEAD).for_each(|guard| *guard = Lanes::ZERO);

        // The remainder: the lower half of product - quotient * modulus, which is all there is of it.
        let remainder = product.get_mut(..pairs).unwrap_or_default();
        let mut columns = &mut *remainder;
        for block in modulus.modulus.as_chunks::<BLOCK>().0 {
            add_rows(columns, quotient, block);
            columns = columns.get_mut(BLOCK..).unwrap_or_default();
        }
        modulus.carry.digits(
            remainder,
            |index, sum| digits.get(index).map_or(sum, |digit| digit.minus(sum)),
            |index, pair| {
                set(value, index.wrapping_add(LEAD), pair);
                set(twice, index.wrapping_add(LEAD), pair.plus(pair));
            },
        );
    }
}

fn set(lanes: &mut [Lanes], index: usize, pair: Lanes) {
    if let Some(place) = lanes.get_mut(index) {
        *place = pair;
    }
}
