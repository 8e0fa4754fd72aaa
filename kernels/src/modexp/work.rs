//! Squaring, multiplying and reducing one number modulo another, in place.

use super::Modulus;
use super::lanes::Lanes;
use super::product::{BLOCK, Column, LEAD, Product, carry, countable};

/// The columns below a quotient's first that must be summed too, for what they carry into it.
pub(in super::super) const GUARD: usize = 2;

/// What the columns of each kind of product must hold at first; see [`Column::start`].
#[derive(Clone, Debug)]
pub(in super::super) struct Starts {
    square: Box<[Column]>,
    pub(in super::super) multiple: Box<[Column]>,
    quotient: Box<[Column]>,
    remainder: Box<[Column]>,
}

impl Starts {
    /// The starts for numbers of `pairs` pairs of limbs, found by working with zeros.
    pub(super) fn new(pairs: usize, skipped: usize) -> Self {
        let nothing = |count: usize| vec![Column::ZERO; count].into_boxed_slice();
        let none = Self {
            square: nothing(pairs.wrapping_mul(2)),
            multiple: nothing(pairs.wrapping_mul(2)),
            quotient: nothing(pairs.wrapping_add(GUARD)),
            remainder: nothing(pairs),
        };
        let zero = vec![Lanes::ZERO; pairs];
        let product = Product::new();
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

/// A number modulo another, and the room to compute its powers.
///
/// The number lies between -0.6 and 0.6 times the modulus; only the first one may be anything below the modulus.
pub(in super::super) struct Work {
    /// [`LEAD`] zero pairs, the number's limbs, and as many zero pairs again.
    value: Vec<Lanes>,
    /// Twice the number, laid out alike.
    pub(in super::super) twice: Vec<Lanes>,
    /// A square or other product; at its start between operations, like the other columns.
    pub(in super::super) product: Vec<Column>,
    /// The product's limbs, and [`LEAD`] zero pairs.
    pub(in super::super) limbs: Vec<Lanes>,
    quotient_sums: Vec<Column>,
    /// [`GUARD`] pairs that are zero when it serves as a multiplicand, and the quotient's limbs.
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

    /// The number's limbs, and zeros.
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

    /// Adds the number's square to `product`: each product of different limbs once, with one of them doubled. Uses
    /// `twice` up.
    pub(in super::super) fn add_square(&mut self, product: Product) {
        let blocks = self.value.get(LEAD..).unwrap_or_default().as_chunks::<BLOCK>().0;
        let (mut columns, mut twice) = (&mut *self.product, &mut *self.twice);
        for block in blocks {
            // Within the block both orders of each product are met, so the number itself serves there; before it, nothing.
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

    /// Replaces the number by what is in `product`, modulo the modulus (Barrett).
    ///
    /// The quotient is rounded, and wrong by little more than that, so the remainder is small and its lower half is all of it.
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

    /// Finds the quotient of what `limbs` hold, within 0.6.
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

    /// Replaces the number by what `limbs` hold, less the modulus times `quotient`.
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
