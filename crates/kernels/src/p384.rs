//! ECDSA verification over P-384, at the speed the edge needs.
//!
//! `ecdsa` has the code that all curves share. This module has the constants and multiplication modulo the prime.

use std::sync::OnceLock;

use super::comb::Comb;
use super::ecdsa::{Curve, Jacobian, Key, Order};
use super::inversion::Modulus;
use super::limb::{Limb, WIDTH, Wrapping, split};
use super::limbs::{Limbs, literal};

/// The curve. p = 2^384 - 2^128 - 2^96 + 2^32 - 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct P384;

/// A public key and its table.
#[derive(Clone, Debug)]
pub struct PublicPoint(Key<P384, 14>);

impl PublicPoint {
    /// The key at the point with these big-endian coordinates. `None` if the point is not on the curve, or a coordinate is not
    /// below p.
    #[must_use]
    pub fn new(x: &[u8; 48], y: &[u8; 48]) -> Option<Self> {
        Key::new(x, y).map(Self)
    }

    /// Whether (`r`, `s`) is a signature of a message with this hash. All are big-endian.
    #[must_use]
    pub fn verify(&self, hash: &[u8; 48], r: &[u8; 48], s: &[u8; 48]) -> bool {
        self.0.verify(hash, r, s)
    }
}

impl Curve<14> for P384 {
    const PRIME: Modulus<14> = Modulus {
        limbs: literal([-1, 8, 0, -512, -4_096, 0, 0, 0, 0, 0, 0, 0, 0, 128]),
        negated_inverse: Wrapping(1),
    };
    const PRIME_OCTETS: &'static [u8] = &[
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff,
        0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
    ];
    const TOP_BITS: usize = 7;
    const R: Limbs<14> = literal([4_194_304, -33_554_432, 0, 0, 4, 32, 0, 0, 0, 0, 0, 0, 0, 0]);
    const R_SQUARED: Limbs<14> =
        literal([0, 32_768, -524_288, 2_097_152, 33_554_432, 0, 0, -4, 16, 256, 1_024, 0, 0, 0]);
    const ORDER: Order<14> = Order {
        modulus: Modulus {
            limbs: literal([
                214_247_795,
                123_784_022,
                204_070_587,
                -199_531_375,
                -220_334_718,
                113_310_236,
                -57_971,
                0,
                0,
                0,
                0,
                0,
                0,
                128,
            ]),
            negated_inverse: Wrapping(143_645_765),
        },
        half: literal([
            216_687_250,
            -71_420_397,
            -262_662_166,
            -249_382_790,
            91_465_303,
            27_938_526,
            -70_500_311,
            -16_579_065,
            -178_723_282,
            55_723_475,
            215_034_792,
            95_920_770,
            -7_299_112,
            -25,
        ]),
        half_of_ones: literal([
            -107_123_898,
            206_543_445,
            166_400_162,
            99_765_687,
            110_167_359,
            211_780_338,
            28_985,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ]),
    };
    const ORDER_OCTETS: &'static [u8] = &[
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a,
        0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
    ];
    const PRIME_LESS_ORDER: &'static [u8] = &[
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x38, 0x9c, 0xb2, 0x7e, 0x0b,
        0xc8, 0xd2, 0x1f, 0xa7, 0xe5, 0xf2, 0x4c, 0xb7, 0x4f, 0x58, 0x85, 0x13, 0x13, 0xe6, 0x96, 0x33, 0x3a,
        0xd6, 0x8c,
    ];
    const BASE_X: &'static [u8] = &[
        0xaa, 0x87, 0xca, 0x22, 0xbe, 0x8b, 0x05, 0x37, 0x8e, 0xb1, 0xc7, 0x1e, 0xf3, 0x20, 0xad, 0x74, 0x6e,
        0x1d, 0x3b, 0x62, 0x8b, 0xa7, 0x9b, 0x98, 0x59, 0xf7, 0x41, 0xe0, 0x82, 0x54, 0x2a, 0x38, 0x55, 0x02,
        0xf2, 0x5d, 0xbf, 0x55, 0x29, 0x6c, 0x3a, 0x54, 0x5e, 0x38, 0x72, 0x76, 0x0a, 0xb7,
    ];
    const BASE_Y: &'static [u8] = &[
        0x36, 0x17, 0xde, 0x4a, 0x96, 0x26, 0x2c, 0x6f, 0x5d, 0x9e, 0x98, 0xbf, 0x92, 0x92, 0xdc, 0x29, 0xf8,
        0xf4, 0x1d, 0xbd, 0x28, 0x9a, 0x14, 0x7c, 0xe9, 0xda, 0x31, 0x13, 0xb5, 0xf0, 0xb8, 0xc0, 0x0a, 0x60,
        0xb1, 0xce, 0x1d, 0x7e, 0x81, 0x9d, 0x7a, 0x43, 0x1d, 0x7c, 0x90, 0xea, 0x0e, 0x5f,
    ];
    const EIGHTH: u32 = 48;

    fn product(a: &Limbs<14>, b: &Limbs<14>) -> Limbs<14> {
        reduced(product(a, b))
    }

    fn square(a: &Limbs<14>) -> Limbs<14> {
        reduced(square(a))
    }

    fn base() -> &'static OnceLock<Comb<Jacobian<Self, 14>>> {
        static BASE: OnceLock<Comb<Jacobian<P384, 14>>> = OnceLock::new();
        &BASE
    }
}

/// The sum of the products of pairs.
macro_rules! sum {
    ($a:ident $b:ident $(, $c:ident $d:ident)*) => { $a * $b $(+ $c * $d)* };
}

/// The columns of the product of `a` and `b`. Fourteen products fit a column because the highest limbs are below 2^12.
#[expect(
    clippy::inline_always,
    reason = "otherwise the compiler passes columns in memory: twice the time, even with Karatsuba's method"
)]
#[inline(always)]
fn product(a: &Limbs<14>, b: &Limbs<14>) -> [Limb; 27] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13] = *a;
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13] = *b;
    [
        sum!(a0 b0),
        sum!(a0 b1, a1 b0),
        sum!(a0 b2, a1 b1, a2 b0),
        sum!(a0 b3, a1 b2, a2 b1, a3 b0),
        sum!(a0 b4, a1 b3, a2 b2, a3 b1, a4 b0),
        sum!(a0 b5, a1 b4, a2 b3, a3 b2, a4 b1, a5 b0),
        sum!(a0 b6, a1 b5, a2 b4, a3 b3, a4 b2, a5 b1, a6 b0),
        sum!(a0 b7, a1 b6, a2 b5, a3 b4, a4 b3, a5 b2, a6 b1, a7 b0),
        sum!(a0 b8, a1 b7, a2 b6, a3 b5, a4 b4, a5 b3, a6 b2, a7 b1, a8 b0),
        sum!(a0 b9, a1 b8, a2 b7, a3 b6, a4 b5, a5 b4, a6 b3, a7 b2, a8 b1, a9 b0),
        sum!(a0 b10, a1 b9, a2 b8, a3 b7, a4 b6, a5 b5, a6 b4, a7 b3, a8 b2, a9 b1, a10 b0),
        sum!(a0 b11, a1 b10, a2 b9, a3 b8, a4 b7, a5 b6, a6 b5, a7 b4, a8 b3, a9 b2, a10 b1, a11 b0),
        sum!(a0 b12, a1 b11, a2 b10, a3 b9, a4 b8, a5 b7, a6 b6, a7 b5, a8 b4, a9 b3, a10 b2, a11 b1, a12 b0),
        sum!(a0 b13, a1 b12, a2 b11, a3 b10, a4 b9, a5 b8, a6 b7, a7 b6, a8 b5, a9 b4, a10 b3, a11 b2, a12 b1, a13 b0),
        sum!(a1 b13, a2 b12, a3 b11, a4 b10, a5 b9, a6 b8, a7 b7, a8 b6, a9 b5, a10 b4, a11 b3, a12 b2, a13 b1),
        sum!(a2 b13, a3 b12, a4 b11, a5 b10, a6 b9, a7 b8, a8 b7, a9 b6, a10 b5, a11 b4, a12 b3, a13 b2),
        sum!(a3 b13, a4 b12, a5 b11, a6 b10, a7 b9, a8 b8, a9 b7, a10 b6, a11 b5, a12 b4, a13 b3),
        sum!(a4 b13, a5 b12, a6 b11, a7 b10, a8 b9, a9 b8, a10 b7, a11 b6, a12 b5, a13 b4),
        sum!(a5 b13, a6 b12, a7 b11, a8 b10, a9 b9, a10 b8, a11 b7, a12 b6, a13 b5),
        sum!(a6 b13, a7 b12, a8 b11, a9 b10, a10 b9, a11 b8, a12 b7, a13 b6),
        sum!(a7 b13, a8 b12, a9 b11, a10 b10, a11 b9, a12 b8, a13 b7),
        sum!(a8 b13, a9 b12, a10 b11, a11 b10, a12 b9, a13 b8),
        sum!(a9 b13, a10 b12, a11 b11, a12 b10, a13 b9),
        sum!(a10 b13, a11 b12, a12 b11, a13 b10),
        sum!(a11 b13, a12 b12, a13 b11),
        sum!(a12 b13, a13 b12),
        sum!(a13 b13),
    ]
}

/// The columns of the square of `a`.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
fn square(a: &Limbs<14>) -> [Limb; 27] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13] = *a;
    let [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11, d12] =
        [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12].map(|limb| limb + limb);
    [
        sum!(a0 a0),
        sum!(d0 a1),
        sum!(d0 a2, a1 a1),
        sum!(d0 a3, d1 a2),
        sum!(d0 a4, d1 a3, a2 a2),
        sum!(d0 a5, d1 a4, d2 a3),
        sum!(d0 a6, d1 a5, d2 a4, a3 a3),
        sum!(d0 a7, d1 a6, d2 a5, d3 a4),
        sum!(d0 a8, d1 a7, d2 a6, d3 a5, a4 a4),
        sum!(d0 a9, d1 a8, d2 a7, d3 a6, d4 a5),
        sum!(d0 a10, d1 a9, d2 a8, d3 a7, d4 a6, a5 a5),
        sum!(d0 a11, d1 a10, d2 a9, d3 a8, d4 a7, d5 a6),
        sum!(d0 a12, d1 a11, d2 a10, d3 a9, d4 a8, d5 a7, a6 a6),
        sum!(d0 a13, d1 a12, d2 a11, d3 a10, d4 a9, d5 a8, d6 a7),
        sum!(d1 a13, d2 a12, d3 a11, d4 a10, d5 a9, d6 a8, a7 a7),
        sum!(d2 a13, d3 a12, d4 a11, d5 a10, d6 a9, d7 a8),
        sum!(d3 a13, d4 a12, d5 a11, d6 a10, d7 a9, a8 a8),
        sum!(d4 a13, d5 a12, d6 a11, d7 a10, d8 a9),
        sum!(d5 a13, d6 a12, d7 a11, d8 a10, a9 a9),
        sum!(d6 a13, d7 a12, d8 a11, d9 a10),
        sum!(d7 a13, d8 a12, d9 a11, a10 a10),
        sum!(d8 a13, d9 a12, d10 a11),
        sum!(d9 a13, d10 a12, a11 a11),
        sum!(d10 a13, d11 a12),
        sum!(d11 a13, a12 a12),
        sum!(d12 a13),
        sum!(a13 a13),
    ]
}

/// The number in `columns`, divided by R.
///
/// The lowest limb of p is -1, so the multiple of p that clears a column's lowest limb `q` is `q`.
#[expect(clippy::inline_always, reason = "see `product`")]
#[inline(always)]
fn reduced(columns: [Limb; 27]) -> Limbs<14> {
    let [
        t0,
        t1,
        t2,
        t3,
        t4,
        t5,
        t6,
        t7,
        t8,
        t9,
        t10,
        t11,
        t12,
        t13,
        t14,
        t15,
        t16,
        t17,
        t18,
        t19,
        t20,
        t21,
        t22,
        t23,
        t24,
        t25,
        t26,
    ] = columns;
    let mut carry = Wrapping(0);
    let mut limb = |column: Limb| {
        let (next, limb) = split(column + carry);
        carry = next;
        limb
    };
    // What q * 2^32, q * 2^96, q * 2^128 and q * 2^384 add to the next, third, fourth and thirteenth next column.
    let a = |q: Limb| q << (32 - WIDTH);
    let b = |q: Limb| q << (96 - 3 * WIDTH);
    let c = |q: Limb| q << (128 - 4 * WIDTH);
    let d = |q: Limb| q << (384 - 13 * WIDTH);
    let q0 = limb(t0);
    let q1 = limb(t1 + a(q0));
    let q2 = limb(t2 + a(q1));
    let q3 = limb(t3 + a(q2) - b(q0));
    let q4 = limb(t4 + a(q3) - b(q1) - c(q0));
    let q5 = limb(t5 + a(q4) - b(q2) - c(q1));
    let q6 = limb(t6 + a(q5) - b(q3) - c(q2));
    let q7 = limb(t7 + a(q6) - b(q4) - c(q3));
    let q8 = limb(t8 + a(q7) - b(q5) - c(q4));
    let q9 = limb(t9 + a(q8) - b(q6) - c(q5));
    let q10 = limb(t10 + a(q9) - b(q7) - c(q6));
    let q11 = limb(t11 + a(q10) - b(q8) - c(q7));
    let q12 = limb(t12 + a(q11) - b(q9) - c(q8));
    let q13 = limb(t13 + a(q12) - b(q10) - c(q9) + d(q0));
    [
        limb(t14 + a(q13) - b(q11) - c(q10) + d(q1)),
        limb(t15 - b(q12) - c(q11) + d(q2)),
        limb(t16 - b(q13) - c(q12) + d(q3)),
        limb(t17 - c(q13) + d(q4)),
        limb(t18 + d(q5)),
        limb(t19 + d(q6)),
        limb(t20 + d(q7)),
        limb(t21 + d(q8)),
        limb(t22 + d(q9)),
        limb(t23 + d(q10)),
        limb(t24 + d(q11)),
        limb(t25 + d(q12)),
        limb(t26 + d(q13)),
        carry,
    ]
}
