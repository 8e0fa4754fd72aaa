//! Inversion modulo an odd number, by Bernstein and Yang's division steps ("Fast constant-time gcd computation and modular
//! inversion", 2019), 29 at a time.

#![expect(clippy::many_single_char_names, reason = "the names are the paper's")]

use super::limb::{Limb, WIDTH, Wrapping, split};
use super::limbs::{Limbs, lowest, one};

/// An odd modulus.
pub(super) struct Modulus<const N: usize> {
    pub(super) limbs: Limbs<N>,
    /// -1 / modulus, modulo 2^29.
    pub(super) negated_inverse: Limb,
}

impl<const N: usize> Modulus<N> {
    /// The multiple of the modulus that, added to a number with the lowest limb `first`, makes that limb zero modulo 2^29. The
    /// product may wrap: only its low 29 bits matter.
    pub(super) fn clearing(&self, first: Limb) -> Limb {
        split(first * self.negated_inverse).1
    }

    /// The inverse of `number`, which is coprime to the modulus or zero. Zero for zero.
    #[inline(never)]
    pub(super) fn inverse(&self, number: &Limbs<N>) -> Limbs<N> {
        // Invariant: f = d * number and g = e * number, modulo the modulus.
        let (mut f, mut g) = (self.limbs, *number);
        let (mut d, mut e) = ([Wrapping(0); N], one());
        let mut delta = Wrapping(1);
        while g.iter().any(|limb| *limb != Wrapping(0)) {
            let steps = Steps::new(&mut delta, lowest(&f), lowest(&g));
            (f, g) = steps.applied(&f, &g, &self.limbs, |_| Wrapping(0));
            (d, e) = steps.applied(&d, &e, &self.limbs, |first| self.clearing(first));
        }
        // f is 1 or -1, so it is its own inverse.
        let sign = lowest(&f);
        d.map(|limb| limb * sign)
    }
}

/// The result of 29 division steps on f and g, times 2^29: (u f + v g, q f + r g).
struct Steps {
    u: Limb,
    v: Limb,
    q: Limb,
    r: Limb,
}

impl Steps {
    /// The steps for numbers with the lowest limbs `f` and `g`. `delta` is twice the paper's.
    fn new(delta: &mut Limb, mut f: Limb, mut g: Limb) -> Self {
        let (mut u, mut v, mut q, mut r) = (Wrapping(1), Wrapping(0), Wrapping(0), Wrapping(1));
        for _ in 0..WIDTH {
            // Masks of all ones or all zeros: no processor could predict branches here.
            let odd = -(g & Wrapping(1));
            let swap = odd & (-*delta >> 63);
            // If g is odd: g becomes g + f; or, if delta is positive too, g - f, and f becomes g.
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

    /// Both numbers after the steps. `clearing` returns the multiple of `modulus` that makes the first column divisible by 2^29.
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
            // The first limb is zero and is dropped; the last carry becomes the highest limb.
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
