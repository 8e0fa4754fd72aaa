//! Squaring, multiplying and reducing one number modulo another, in place.

use super::Modulus;
use super::lanes::Lanes;
use super::product::{BLOCK, Column, LEAD, Product, carry, countable};

/// The pairs of columns below a quotient's first that are summed too, for their carries into it.
pub(in super::super) const GUARD: usize = 2;

/// The initial columns of each kind of product; see [`Column::start`].
#[derive(Clone, Debug)]
pub(in super::super) struct Starts {
    square: Box<[Column]>,
    pub(in super::super) multiple: Box<[Column]>,
    quotient: Box<[Column]>,
    remainder: Box<[Column]>,
}

impl Starts {
    /// The initial columns for numbers of `pairs` pairs of limbs, found by multiplying zeros.
    pub(super) fn new(product: Product, pairs: usize, skipped: usize) -> Self {
        let nothing = |count: usize| vec![Column::ZERO; count].into_boxed_slice();
        let none = Self {
            square: nothing(pairs.wrapping_mul(2)),
            multiple: nothing(pairs.wrapping_mul(2)),
            quotient: nothing(pairs.wrapping_add(GUARD)),
            remainder: nothing(pairs),
        };
        let zero = vec![Lanes::ZERO; pairs];
        let mut squared = Work::new(&zero, &none);
        squared.add_square(product);
        squared.add_quotient(product, &zero, skipped);
        squared.add_remainder(product, &zero);
        let mut multiplied = Work::new(&zero, &none);
        multiplied.add_multiple(product, &zero);
        Self {
            square: squared.product.iter().map(Column::start).collect(),
            multiple: multiplied.product.iter().map(Column::start).collect(),
            quotient: squared.quotient_sums.iter().map(Column::start).collect(),
            remainder: squared.remainder.iter().map(|column| column.start().for_countable()).collect(),
        }
    }
}

/// A number modulo n, and the memory to compute its powers.
///
/// The number lies within 0.6 n; only the first one may be any number below n. All limbs lie within 2^49 + 2^7.
/// `crates/kernels/proofs` proves both.
pub(in super::super) struct Work {
    /// [`LEAD`] zero pairs, the number's limbs, and [`LEAD`] zero pairs.
    value: Vec<Lanes>,
    /// Twice the number, in the same layout.
    pub(in super::super) twice: Vec<Lanes>,
    /// The columns of a product; reset between operations, like the other columns.
    pub(in super::super) product: Vec<Column>,
    /// The product's limbs, and [`LEAD`] zero pairs.
    pub(in super::super) limbs: Vec<Lanes>,
    quotient_sums: Vec<Column>,
    /// [`GUARD`] pairs, which are set to zero before it is multiplied, and the quotient's limbs.
    pub(in super::super) quotient: Vec<Lanes>,
    remainder: Vec<Column>,
}

impl Work {
    pub(in super::super) fn new(base: &[Lanes], starts: &Starts) -> Self {
        let pairs = base.len();
        let padding = [Lanes::ZERO; LEAD];
        let twice: Vec<Lanes> = base.iter().map(|limbs| limbs.plus(*limbs)).collect();
        Self {
            value: [&padding, base, &padding].concat(),
            twice: [&padding[..], &twice, &padding].concat(),
            product: starts.square.to_vec(),
            limbs: vec![Lanes::ZERO; pairs.wrapping_mul(2).wrapping_add(LEAD)],
            quotient_sums: starts.quotient.to_vec(),
            quotient: vec![Lanes::ZERO; pairs.wrapping_add(GUARD)],
            remainder: starts.remainder.to_vec(),
        }
    }

    /// The number's limbs, followed by zeros.
    pub(in super::super) fn value(&self) -> &[Lanes] {
        self.value.get(LEAD..).unwrap_or_default()
    }

    /// Replaces the number by its square.
    pub(super) fn square(&mut self, product: Product, modulus: &Modulus) {
        self.add_square(product);
        self.reduce(product, modulus);
    }

    /// Replaces the number by its product with `factor`.
    pub(super) fn multiply(&mut self, product: Product, factor: &[Lanes], modulus: &Modulus) {
        self.product.clone_from_slice(&modulus.starts.multiple);
        self.add_multiple(product, factor);
        self.reduce(product, modulus);
    }

    /// Adds the number's square to `product`: each product of different limbs once, with one of them doubled. Destroys
    /// `twice`.
    pub(in super::super) fn add_square(&mut self, product: Product) {
        let blocks = self.value.get(LEAD..).unwrap_or_default().as_chunks::<BLOCK>().0;
        let (mut columns, mut twice) = (&mut *self.product, &mut *self.twice);
        for block in blocks {
            // Within the block, both orders of each product occur, so limbs are not doubled there; before it, they are zero.
            if let Some((before, within)) = twice.split_at_mut_checked(LEAD) {
                before.fill(Lanes::ZERO);
                within.iter_mut().zip(block).for_each(|(limbs, single)| *limbs = *single);
            }
            product.add_rows(columns, twice, block);
            columns = columns.get_mut(2 * BLOCK..).unwrap_or_default();
            twice = twice.get_mut(BLOCK..).unwrap_or_default();
        }
    }

    /// Adds the number's product with `factor` to `product`.
    pub(in super::super) fn add_multiple(&mut self, product: Product, factor: &[Lanes]) {
        let mut columns = &mut *self.product;
        for block in factor.as_chunks::<BLOCK>().0 {
            product.add_rows(columns, &self.value, block);
            columns = columns.get_mut(BLOCK..).unwrap_or_default();
        }
    }

    /// Adds the upper half of the product of the upper `limbs` with `reciprocal` to `quotient_sums`.
    fn add_quotient(&mut self, product: Product, reciprocal: &[Lanes], skipped: usize) {
        let mut start = skipped.wrapping_add(reciprocal.len()).wrapping_sub(GUARD).wrapping_sub(LEAD);
        for block in reciprocal.as_chunks::<BLOCK>().0 {
            product.add_rows(&mut self.quotient_sums, self.limbs.get(start..).unwrap_or_default(), block);
            start = start.wrapping_sub(BLOCK);
        }
    }

    /// Adds the lower half of the product of `quotient` with the modulus times -1 to `remainder`.
    fn add_remainder(&mut self, product: Product, negated: &[Lanes]) {
        let mut columns = &mut *self.remainder;
        for block in negated.as_chunks::<BLOCK>().0 {
            product.add_rows(columns, self.quotient.get(GUARD - LEAD..).unwrap_or_default(), block);
            columns = columns.get_mut(BLOCK..).unwrap_or_default();
        }
    }

    /// Replaces the number by the one in `product`, modulo n (Barrett).
    ///
    /// The quotient differs from the exact fraction by less than 0.6, so the remainder lies within 0.6 n and its lower half is
    /// all of it.
    fn reduce(&mut self, product: Product, modulus: &Modulus) {
        self.carry_product(modulus);
        self.find_quotient(product, modulus);
        self.find_remainder(product, modulus);
    }

    /// Turns `product` into `limbs`.
    pub(in super::super) fn carry_product(&mut self, modulus: &Modulus) {
        let limbs = &mut self.limbs;
        carry(&mut self.product, &modulus.starts.square, |_, sum| sum, |index, pair| set(limbs, index, pair));
    }

    /// Computes the quotient of `limbs`, within 0.6 of the exact fraction, and its guard limbs.
    pub(in super::super) fn find_quotient(&mut self, product: Product, modulus: &Modulus) {
        self.add_quotient(product, &modulus.reciprocal, modulus.skipped);
        let quotient = &mut self.quotient;
        carry(
            &mut self.quotient_sums,
            &modulus.starts.quotient,
            |_, sum| sum,
            |index, pair| set(quotient, index, pair),
        );
    }

    /// Replaces the number by `limbs` less n times `quotient`.
    pub(in super::super) fn find_remainder(&mut self, product: Product, modulus: &Modulus) {
        self.quotient.iter_mut().take(GUARD).for_each(|guard| *guard = Lanes::ZERO);
        self.add_remainder(product, &modulus.negated);
        let starts = &modulus.starts;
        let Self { value, twice, limbs, remainder, .. } = self;
        let add = |index, sum: Lanes| limbs.get(index).map_or(sum, |pair| sum.integer_plus(countable(*pair)));
        carry(remainder, &starts.remainder, add, |index: usize, pair| {
            set(value, index.wrapping_add(LEAD), pair);
            set(twice, index.wrapping_add(LEAD), pair.plus(pair));
        });
    }
}

fn set(limbs: &mut [Lanes], index: usize, pair: Lanes) {
    if let Some(place) = limbs.get_mut(index) {
        *place = pair;
    }
}
