//! Numbers modulo the order n of P-256's group.

use std::num::Wrapping;

use super::digits::{self, Digit, Digits, WIDTH, literal, split};

/// A number modulo the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar(Digits);

/// The order, n.
const ORDER: Digits =
    literal([-60_611_247, -36_809_192, 99_066_173, 234_183_502, -1_074, 0, 262_144, -2_097_152, 16_777_216]);
/// -1/n modulo 2^29.
const NEGATED_INVERSE: Digit = Wrapping(234_929_231);
/// 2^(2 * 261 - 1) modulo n: what makes up for two divisions by 2^261, and halves.
const HALF: Scalar = Scalar(literal([
    -126_328_285,
    109_996_743,
    -44_620_857,
    -118_027_942,
    187_444_960,
    -114_594_836,
    -32_625_262,
    -157_919_864,
    12_737_323,
]));
/// (2^256 - 1)/2 modulo n.
const HALF_OF_ONES: Digits =
    literal([30_305_623, -250_030_860, -49_533_086, -117_091_751, 537, 0, -131_072, 1_048_576, 0]);

impl Scalar {
    /// The big-endian number, which may be any of 256 bits.
    pub(super) fn from_be_bytes(number: &[u8; 32]) -> Self {
        Self(digits::from_be_bytes(number))
    }

    /// The product, divided by 2^261 (Montgomery).
    pub(super) fn times(&self, other: &Self) -> Self {
        let mut columns = [Wrapping(0); 18];
        columns
            .iter_mut()
            .zip(digits::product(&self.0, &other.0))
            .for_each(|(place, column)| *place = column);
        let mut rest = &mut columns[..];
        for _ in 0..9 {
            let Some(first) = rest.first() else { break };
            let multiple = clearing(*first);
            rest.iter_mut().zip(ORDER).for_each(|(column, order)| *column += multiple * order);
            let [first, tail @ ..] = rest else { break };
            tail.first_mut().into_iter().for_each(|next| *next += *first >> WIDTH);
            rest = tail;
        }
        let [.., a, b, c, d, e, f, g, h, i] = columns;
        Self(digits::carried([a, b, c, d, e, f, g, h, i]))
    }

    /// The inverse of a number from 1 to n - 1, by Bernstein and Yang's divisions ("Fast constant-time gcd computation and
    /// modular inversion", 2019), 29 at a time.
    pub(super) fn inverse(&self) -> Self {
        // At all times f = d * self and g = e * self modulo n.
        let (mut f, mut g) = (ORDER, self.0);
        let (mut d, mut e) = (literal([0; 9]), literal([1, 0, 0, 0, 0, 0, 0, 0, 0]));
        let mut delta = Wrapping(1);
        while g.iter().any(|digit| digit.0 != 0) {
            let ([f0, ..], [g0, ..]) = (f, g);
            let steps = Steps::new(&mut delta, f0, g0);
            (f, g) = steps.applied(&f, &g, |_| Wrapping(0));
            (d, e) = steps.applied(&d, &e, clearing);
        }
        // f is 1 or -1, and so it is either's inverse.
        let [sign, ..] = f;
        Self(d.map(|digit| digit * sign))
    }

    /// The bits, from the least significant, of a number whose sum of ±2^i, plus for a one and minus for a zero, is the scalar
    /// times 2^261: half of its sum with 2^256 - 1.
    pub(super) fn signs(&self) -> [u32; 8] {
        let mut sum = self.times(&HALF).0;
        sum.iter_mut().zip(HALF_OF_ONES).for_each(|(digit, ones)| *digit += ones);
        // The sum lies between -n and 2 n.
        let (words, over) = to_words(sum, 0);
        if over == 0 { words } else { to_words(sum, over.signum().wrapping_neg()).0 }
    }
}

/// What n must be multiplied by to clear the lowest digit of a number that begins with `first` when it is added.
fn clearing(first: Digit) -> Digit {
    split(first * NEGATED_INVERSE).1
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

    /// Both numbers after the steps. `clearing` says which multiple of n makes the first column divisible.
    fn applied(&self, a: &Digits, b: &Digits, clearing: impl Fn(Digit) -> Digit) -> (Digits, Digits) {
        let row = |x: Digit, y: Digit| {
            let ([a0, ..], [b0, ..]) = (*a, *b);
            let multiple = clearing(x * a0 + y * b0);
            let mut carry = Wrapping(0);
            let mut columns = a.iter().zip(b).zip(ORDER).map(|((a, b), order)| {
                let (next, digit) = split(x * a + y * b + multiple * order + carry);
                carry = next;
                digit
            });
            // The first column is zero; what is left over comes last.
            columns.next();
            let mut shifted = literal([0; 9]);
            shifted.iter_mut().zip(columns).for_each(|(place, digit)| *place = digit);
            let [.., last] = &mut shifted;
            *last = carry;
            shifted
        };
        (row(self.u, self.v), row(self.q, self.r))
    }
}

/// The number plus `times` the order: its bits below 2^256, and its quotient by 2^256.
fn to_words(number: Digits, times: i64) -> ([u32; 8], i64) {
    let (mut pending, mut bits, mut carry) = (Wrapping(0_i64), 0_usize, Wrapping(0_i64));
    let mut digits = number.into_iter().zip(ORDER);
    let words = [(); 8].map(|()| {
        while bits < 32 {
            let (digit, order) = digits.next().unwrap_or_default();
            carry += digit + order * Wrapping(times);
            pending += (carry & Wrapping((1 << WIDTH) - 1)) << bits;
            carry >>= WIDTH;
            bits = bits.wrapping_add(WIDTH);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the rest stays pending")]
        let word = pending.0 as u32;
        pending >>= 32;
        bits = bits.wrapping_sub(32);
        word
    });
    (words, (pending + (carry << bits)).0)
}
