//! Inversion modulo an odd number, by Bernstein and Yang's divisions ("Fast constant-time gcd computation and
//! modular inversion", 2019), 29 at a time.

#![expect(clippy::many_single_char_names, reason = "they are the paper's")]

use super::limb::{Limb, WIDTH, Wrapping, split};
use super::limbs::{Limbs, lowest, one};

/// An odd modulus.
pub(super) struct Modulus<const N: usize> {
    pub(super) limbs: Limbs<N>,
    /// -1 divided by it, modulo 2^29.
    pub(super) negated_inverse: Limb,
}

impl<const N: usize> Modulus<N> {
    /// What the modulus must be multiplied by to clear the lowest limb of a number that begins with `first` when it is added.
    pub(super) fn clearing(&self, first: Limb) -> Limb {
        split(first * self.negated_inverse).1
    }

    /// The inverse of `number`, which has no factor in common with the modulus; of zero, zero.
    #[inline(never)]
    pub(super) fn inverse(&self, number: &Limbs<N>) -> Limbs<N> {
        // At all times f = d * number and g = e * number modulo the modulus.
        let (mut f, mut g) = (self.limbs, *number);
        let (mut d, mut e) = ([Wrapping(0); N], one());
        let mut delta = Wrapping(1);
        while g.iter().any(|limb| *limb != Wrapping(0)) {
            let steps = Steps::new(&mut delta, lowest(&f), lowest(&g));
            (f, g) = steps.applied(&f, &g, &self.limbs, |_| Wrapping(0));
            (d, e) = steps.applied(&d, &e, &self.limbs, |first| self.clearing(first));
        }
        // f is 1 or -1, and so it is either's inverse.
        let sign = lowest(&f);
        d.map(|limb| limb * sign)
    }
}

/// What 29 divisions make of f and g, times 2^29: (u f + v g, q f + r g).
struct Steps {
    u: Limb,
    v: Limb,
    q: Limb,
    r: Limb,
}

impl Steps {
    /// The steps for numbers that end in `f` and `g`. `delta` is twice the paper's.
    fn new(delta: &mut Limb, mut f: Limb, mut g: Limb) -> Self {
        let (mut u, mut v, mut q, mut r) = (Wrapping(1), Wrapping(0), Wrapping(0), Wrapping(1));
        for _ in 0..WIDTH {
            // Without branches, which no processor could predict: masks of all ones or all zeros.
            let odd = -(g & Wrapping(1));
            let swap = odd & (-*delta >> 63);
            // g + f if odd; but g - f, and g for f, if also delta is positive.
            let negate = |number: Limb| (number ^ swap) - swap;
            let (old_g, old_q, old_r) = (g, q, r);
            g += negate(f) & odd;
            q += negate(u) & odd;
            r += negate(v) & odd;
            f ^= (f ^ old_g) & swap;
            u ^= (u ^ old_q) & swap;
            v ^= (v ^ old_r) & swap;
            *delta = negate(*delta) + Wrapping(2);
            g >>= 1;
            u <<= 1;
            v <<= 1;
        }
        Self { u, v, q, r }
    }

    /// Both numbers after the steps. `clearing` says which multiple of `modulus` makes the first column divisible.
    fn applied<const N: usize>(
        &self,
        a: &Limbs<N>,
        b: &Limbs<N>,
        modulus: &Limbs<N>,
        clearing: impl Fn(Limb) -> Limb,
    ) -> (Limbs<N>, Limbs<N>) {
        let row = |x: Limb, y: Limb| {
            let multiple = clearing(x * lowest(a) + y * lowest(b));
            let mut carry = Wrapping(0);
            let mut columns = a.iter().zip(b).zip(modulus).map(|((a, b), modulus)| {
                let (next, limb) = split(x * a + y * b + multiple * modulus + carry);
                carry = next;
                limb
            });
            // The first column is zero; what is left over comes last.
            columns.next();
            let mut shifted = [Wrapping(0); N];
            shifted.iter_mut().zip(columns).for_each(|(place, limb)| *place = limb);
            if let Some(last) = shifted.last_mut() {
                *last = carry;
            }
            shifted
        };
        (row(self.u, self.v), row(self.q, self.r))
    }
}
