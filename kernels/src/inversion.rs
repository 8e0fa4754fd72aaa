//! Inversion modulo an odd number, by Bernstein and Yang's divisions ("Fast constant-time gcd computation and
//! modular inversion", 2019), 29 at a time.

#![expect(clippy::many_single_char_names, reason = "they are the paper's")]

use std::num::Wrapping;

use super::digits::{Digit, Digits, WIDTH, lowest, one, split};

/// An odd modulus.
pub(super) struct Modulus<const N: usize> {
    pub(super) digits: Digits<N>,
    /// -1 divided by it, modulo 2^29.
    pub(super) negated_inverse: Digit,
}

impl<const N: usize> Modulus<N> {
    /// What the modulus must be multiplied by to clear the lowest digit of a number that begins with `first` when it is added.
    pub(super) fn clearing(&self, first: Digit) -> Digit {
        split(first * self.negated_inverse).1
    }

    /// The inverse of `number`, which has no factor in common with the modulus; of zero, zero.
    #[inline(never)]
    pub(super) fn inverse(&self, number: &Digits<N>) -> Digits<N> {
        // At all times f = d * number and g = e * number modulo the modulus.
        let (mut f, mut g) = (self.digits, *number);
        let (mut d, mut e) = ([Wrapping(0); N], one());
        let mut delta = Wrapping(1);
        while g.iter().any(|digit| digit.0 != 0) {
            let steps = Steps::new(&mut delta, lowest(&f), lowest(&g));
            (f, g) = steps.applied(&f, &g, &self.digits, |_| Wrapping(0));
            (d, e) = steps.applied(&d, &e, &self.digits, |first| self.clearing(first));
        }
        // f is 1 or -1, and so it is either's inverse.
        let sign = lowest(&f);
        d.map(|digit| digit * sign)
    }
}

/// What 29 divisions make of f and g, times 2^29: (u f + v g, q f + r g).
struct Steps {
    u: Digit,
    v: Digit,
    q: Digit,
    r: Digit,
}

impl Steps {
    /// The steps for numbers that end in `f` and `g`. `delta` is twice the paper's.
    fn new(delta: &mut Digit, mut f: Digit, mut g: Digit) -> Self {
        let (mut u, mut v, mut q, mut r) = (Wrapping(1), Wrapping(0), Wrapping(0), Wrapping(1));
        for _ in 0..WIDTH {
            // Without branches, which no processor could predict: masks of all ones or all zeros.
            let odd = -(g & Wrapping(1));
            let swap = odd & (-*delta >> 63);
            // g + f if odd; but g - f, and g for f, if also delta is positive.
            let negate = |number: Digit| (number ^ swap) - swap;
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
        a: &Digits<N>,
        b: &Digits<N>,
        modulus: &Digits<N>,
        clearing: impl Fn(Digit) -> Digit,
    ) -> (Digits<N>, Digits<N>) {
        let row = |x: Digit, y: Digit| {
            let multiple = clearing(x * lowest(a) + y * lowest(b));
            let mut carry = Wrapping(0);
            let mut columns = a.iter().zip(b).zip(modulus).map(|((a, b), modulus)| {
                let (next, digit) = split(x * a + y * b + multiple * modulus + carry);
                carry = next;
                digit
            });
            // The first column is zero; what is left over comes last.
            columns.next();
            let mut shifted = [Wrapping(0); N];
            shifted.iter_mut().zip(columns).for_each(|(place, digit)| *place = digit);
            if let Some(last) = shifted.last_mut() {
                *last = carry;
            }
            shifted
        };
        (row(self.u, self.v), row(self.q, self.r))
    }
}
