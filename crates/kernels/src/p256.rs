//! ECDSA verification over P-256, at the speed the edge needs.
//!
//! `ecdsa` has the code that all curves share. This module has the constants and multiplication modulo the prime.

use std::sync::OnceLock;

use super::comb::Comb;
use super::ecdsa::{Curve, Jacobian, Key, Order};
use super::inversion::Modulus;
use super::limb::{Limb, WIDTH, Wrapping, split};
use super::limbs::{Limbs, literal};

/// The curve. p = 2^256 - 2^224 + 2^192 + 2^96 - 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct P256;

/// A public key and its table.
#[derive(Clone, Debug)]
pub struct PublicPoint(Key<P256, 9>);

impl PublicPoint {
    /// The key at the point with these big-endian coordinates. `None` if the point is not on the curve, or a coordinate is not
    /// below p.
    #[must_use]
    pub fn new(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        Key::new(x, y).map(Self)
    }

    /// Whether (`r`, `s`) is a signature of a message with this hash. All are big-endian.
    #[must_use]
    pub fn verify(&self, hash: &[u8; 32], r: &[u8; 32], s: &[u8; 32]) -> bool {
        self.0.verify(hash, r, s)
    }
}

impl Curve<9> for P256 {
    const PRIME: Modulus<9> = Modulus {
        limbs: literal([-1, 0, 0, 512, 0, 0, 262_144, -2_097_152, 16_777_216]),
        negated_inverse: Wrapping(1),
    };
    const PRIME_OCTETS: &'static [u8] = &[
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
    const TOP_BITS: usize = 24;
    const R: Limbs<9> = literal([32, 0, 0, -16_384, 0, 0, -8_388_608, 67_108_864, 0]);
    const R_SQUARED: Limbs<9> = literal([3_072, 0, -65_536, -2_097_152, -4_194_304, 0, 0, -1, 20]);
    const ORDER: Order<9> = Order {
        modulus: Modulus {
            limbs: literal([
                -60_611_247,
                -36_809_192,
                99_066_173,
                234_183_502,
                -1_074,
                0,
                262_144,
                -2_097_152,
                16_777_216,
            ]),
            negated_inverse: Wrapping(234_929_231),
        },
        half: literal([
            -65_717_038,
            146_805_935,
            -143_687_030,
            184_659_468,
            187_446_033,
            -114_594_836,
            -32_887_406,
            -155_822_712,
            -4_039_893,
        ]),
        half_of_ones: literal([
            30_305_623,
            -250_030_860,
            -49_533_086,
            -117_091_751,
            537,
            0,
            -131_072,
            1_048_576,
            0,
        ]),
    };
    const ORDER_OCTETS: &'static [u8] = &[
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    const PRIME_LESS_ORDER: &'static [u8] = &[
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x43, 0x19, 0x05, 0x53, 0x58, 0xe8, 0x61, 0x7b, 0x0c,
        0x46, 0x35, 0x3d, 0x03, 0x9c, 0xda, 0xae,
    ];
    const BASE_X: &'static [u8] = &[
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77,
        0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    ];
    const BASE_Y: &'static [u8] = &[
        0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b,
        0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    ];
    const EIGHTH: u32 = 32;

    fn product(a: &Limbs<9>, b: &Limbs<9>) -> Limbs<9> {
        reduced(product(a, b))
    }

    fn square(a: &Limbs<9>) -> Limbs<9> {
        reduced(square(a))
    }

    fn base() -> &'static OnceLock<Comb<Jacobian<Self, 9>>> {
        static BASE: OnceLock<Comb<Jacobian<P256, 9>>> = OnceLock::new();
        &BASE
    }
}

/// The columns of the product of `a` and `b`.
#[expect(
    clippy::inline_always,
    reason = "otherwise the compiler passes columns in memory: a third of the time"
)]
#[inline(always)]
fn product(a: &Limbs<9>, b: &Limbs<9>) -> [Limb; 17] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = *a;
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = *b;
    [
        a0 * b0,
        a0 * b1 + a1 * b0,
        a0 * b2 + a1 * b1 + a2 * b0,
        a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0,
        a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0,
        a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0,
        a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0,
        a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0,
        a0 * b8 + a1 * b7 + a2 * b6 + a3 * b5 + a4 * b4 + a5 * b3 + a6 * b2 + a7 * b1 + a8 * b0,
        a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1,
        a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2,
        a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3,
        a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4,
        a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5,
        a6 * b8 + a7 * b7 + a8 * b6,
        a7 * b8 + a8 * b7,
        a8 * b8,
    ]
}

/// The columns of the square of `a`.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
fn square(a: &Limbs<9>) -> [Limb; 17] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = *a;
    let [d0, d1, d2, d3, d4, d5, d6, d7] =
        [a0 + a0, a1 + a1, a2 + a2, a3 + a3, a4 + a4, a5 + a5, a6 + a6, a7 + a7];
    [
        a0 * a0,
        d0 * a1,
        d0 * a2 + a1 * a1,
        d0 * a3 + d1 * a2,
        d0 * a4 + d1 * a3 + a2 * a2,
        d0 * a5 + d1 * a4 + d2 * a3,
        d0 * a6 + d1 * a5 + d2 * a4 + a3 * a3,
        d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4,
        d0 * a8 + d1 * a7 + d2 * a6 + d3 * a5 + a4 * a4,
        d1 * a8 + d2 * a7 + d3 * a6 + d4 * a5,
        d2 * a8 + d3 * a7 + d4 * a6 + a5 * a5,
        d3 * a8 + d4 * a7 + d5 * a6,
        d4 * a8 + d5 * a7 + a6 * a6,
        d5 * a8 + d6 * a7,
        d6 * a8 + a7 * a7,
        d7 * a8,
        a8 * a8,
    ]
}

/// The number in `columns`, divided by R.
///
/// The three lowest limbs of p are -1, 0 and 0, so the multiple of p that clears a column's lowest limb `q` is `q`.
#[expect(clippy::inline_always, reason = "see `product`")]
#[inline(always)]
fn reduced(columns: [Limb; 17]) -> Limbs<9> {
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15, t16] = columns;
    let mut carry = Wrapping(0);
    let mut limb = |column: Limb| {
        let (next, limb) = split(column + carry);
        carry = next;
        limb
    };
    // What q * 2^96, q * 2^192, q * 2^224 and q * 2^256 add to the third, sixth, seventh and eighth next column.
    let a = |q: Limb| q << (96 - 3 * WIDTH);
    let b = |q: Limb| q << (192 - 6 * WIDTH);
    let c = |q: Limb| q << (224 - 7 * WIDTH);
    let d = |q: Limb| q << (256 - 8 * WIDTH);
    let q0 = limb(t0);
    let q1 = limb(t1);
    let q2 = limb(t2);
    let q3 = limb(t3 + a(q0));
    let q4 = limb(t4 + a(q1));
    let q5 = limb(t5 + a(q2));
    let q6 = limb(t6 + a(q3) + b(q0));
    let q7 = limb(t7 + a(q4) + b(q1) - c(q0));
    let q8 = limb(t8 + a(q5) + b(q2) - c(q1) + d(q0));
    [
        limb(t9 + a(q6) + b(q3) - c(q2) + d(q1)),
        limb(t10 + a(q7) + b(q4) - c(q3) + d(q2)),
        limb(t11 + a(q8) + b(q5) - c(q4) + d(q3)),
        limb(t12 + b(q6) - c(q5) + d(q4)),
        limb(t13 + b(q7) - c(q6) + d(q5)),
        limb(t14 + b(q8) - c(q7) + d(q6)),
        limb(t15 - c(q8) + d(q7)),
        limb(t16 + d(q8)),
        carry,
    ]
}
