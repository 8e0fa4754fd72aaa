//! Exact numbers of the form m * 2^e: every double, and every sum and product of doubles, has this form.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Neg, Sub};

use num_bigint_dig::BigInt;

/// m * 2^e, where m is odd or the number is zero. Operations panic if m does not fit 128 bits; nothing is ever rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dyadic {
    mantissa: i128,
    exponent: i32,
}

impl Dyadic {
    pub const ZERO: Self = Self { mantissa: 0, exponent: 0 };
    pub const ONE: Self = Self { mantissa: 1, exponent: 0 };

    pub fn new(mantissa: i128, exponent: i32) -> Self {
        if mantissa == 0 {
            return Self::ZERO;
        }
        let zeros = mantissa.trailing_zeros();
        Self { mantissa: mantissa >> zeros, exponent: exponent + zeros.cast_signed() }
    }

    pub fn integer(value: i128) -> Self {
        Self::new(value, 0)
    }

    /// 2^`exponent`.
    pub fn power(exponent: i32) -> Self {
        Self { mantissa: 1, exponent }
    }

    /// The value of a finite double.
    pub fn of_double(value: f64) -> Self {
        assert!(value.is_finite());
        let bits = value.to_bits();
        let (fraction, biased) = (i128::from(bits & ((1 << 52) - 1)), ((bits >> 52) & 0x7ff) as i32);
        let magnitude = if biased == 0 {
            Self::new(fraction, -1074)
        } else {
            Self::new(fraction | 1 << 52, biased - 1075)
        };
        if value.is_sign_negative() { -magnitude } else { magnitude }
    }

    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    pub fn is_positive(self) -> bool {
        self.mantissa > 0
    }

    pub fn abs(self) -> Self {
        if self.mantissa < 0 { -self } else { self }
    }

    /// The e of m * 2^e: the number is a multiple of 2^e. `None` for zero, which is a multiple of every power.
    pub fn grain(self) -> Option<i32> {
        (!self.is_zero()).then_some(self.exponent)
    }

    /// The number times 2^`bits`.
    pub fn shifted(self, bits: i32) -> Self {
        if self.is_zero() { self } else { Self { exponent: self.exponent + bits, ..self } }
    }

    /// The exponent of the largest power of two that is not above this positive number.
    pub fn log2(self) -> i32 {
        assert!(self.is_positive());
        self.mantissa.ilog2().cast_signed() + self.exponent
    }

    /// The largest integer that is not above the number.
    pub fn floor(self) -> i128 {
        if self.exponent >= 0 {
            assert!(
                self.is_zero() || self.mantissa.unsigned_abs().ilog2().cast_signed() + self.exponent < 126
            );
            self.mantissa << self.exponent
        } else {
            self.mantissa >> (-self.exponent).min(127)
        }
    }

    /// The number as an integer. It must be one.
    pub fn to_big_integer(self) -> BigInt {
        BigInt::from(self.mantissa) << usize::try_from(self.exponent).expect("an integer")
    }

    /// The nearest double, or one next to it, for reports.
    #[expect(clippy::cast_precision_loss, reason = "for reports")]
    pub fn to_double(self) -> f64 {
        self.mantissa as f64 * f64::from(self.exponent).exp2()
    }

    /// Both mantissas at the smaller of both exponents.
    fn aligned(self, other: Self) -> (i128, i128, i32) {
        if self.is_zero() {
            return (0, other.mantissa, other.exponent);
        }
        if other.is_zero() {
            return (self.mantissa, 0, self.exponent);
        }
        let exponent = self.exponent.min(other.exponent);
        let at = |number: Self| {
            let shift = number.exponent - exponent;
            assert!(number.mantissa.unsigned_abs().ilog2().cast_signed() + shift < 126, "beyond 128 bits");
            number.mantissa << shift
        };
        (at(self), at(other), exponent)
    }
}

impl Neg for Dyadic {
    type Output = Self;

    fn neg(self) -> Self {
        Self { mantissa: -self.mantissa, ..self }
    }
}

impl Add for Dyadic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (a, b, exponent) = self.aligned(other);
        Self::new(a + b, exponent)
    }
}

impl Sub for Dyadic {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Dyadic {
    type Output = Self;

    #[expect(clippy::suspicious_arithmetic_impl, reason = "exponents add up")]
    fn mul(self, other: Self) -> Self {
        let mantissa = self.mantissa.checked_mul(other.mantissa).expect("within 128 bits");
        Self::new(mantissa, self.exponent + other.exponent)
    }
}

impl PartialOrd for Dyadic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dyadic {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b, _) = self.aligned(*other);
        a.cmp(&b)
    }
}
