//! Two doubles side by side: a SIMD128 register in wasm, a plain pair elsewhere.
//!
//! Both do the same IEEE 754 operations in the same order, so what is proven natively holds in wasm. Knows nothing of
//! what the doubles stand for.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod register {
    use core::arch::wasm32 as simd;

    /// Two doubles, worked on together.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Lanes(simd::v128);

    impl Lanes {
        pub(in super::super) const ZERO: Self = Self(simd::f64x2(0.0, 0.0));

        #[inline]
        pub(in super::super) fn new(first: f64, second: f64) -> Self {
            Self(simd::f64x2(first, second))
        }

        #[inline]
        pub(in super::super) fn splat(value: f64) -> Self {
            Self(simd::f64x2_splat(value))
        }

        #[inline]
        pub(in super::super) fn first(self) -> f64 {
            simd::f64x2_extract_lane::<0>(self.0)
        }

        #[inline]
        pub(in super::super) fn second(self) -> f64 {
            simd::f64x2_extract_lane::<1>(self.0)
        }

        /// The second of `before` beside the first of `self`.
        #[inline]
        pub(in super::super) fn shifted_in(self, before: Self) -> Self {
            Self(simd::i64x2_shuffle::<1, 2>(before.0, self.0))
        }

        #[inline]
        pub(in super::super) fn plus(self, other: Self) -> Self {
            Self(simd::f64x2_add(self.0, other.0))
        }

        #[inline]
        pub(in super::super) fn minus(self, other: Self) -> Self {
            Self(simd::f64x2_sub(self.0, other.0))
        }

        #[inline]
        pub(in super::super) fn times(self, other: Self) -> Self {
            Self(simd::f64x2_mul(self.0, other.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod register {
    /// Two doubles, worked on together.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Lanes(f64, f64);

    impl Lanes {
        pub(in super::super) const ZERO: Self = Self(0.0, 0.0);

        #[inline]
        pub(in super::super) fn new(first: f64, second: f64) -> Self {
            Self(first, second)
        }

        #[inline]
        pub(in super::super) fn splat(value: f64) -> Self {
            Self(value, value)
        }

        #[inline]
        pub(in super::super) fn first(self) -> f64 {
            self.0
        }

        #[inline]
        pub(in super::super) fn second(self) -> f64 {
            self.1
        }

        /// The second of `before` beside the first of `self`.
        #[inline]
        pub(in super::super) fn shifted_in(self, before: Self) -> Self {
            Self(before.1, self.0)
        }

        #[inline]
        pub(in super::super) fn plus(self, other: Self) -> Self {
            Self(self.0 + other.0, self.1 + other.1)
        }

        #[inline]
        pub(in super::super) fn minus(self, other: Self) -> Self {
            Self(self.0 - other.0, self.1 - other.1)
        }

        #[inline]
        pub(in super::super) fn times(self, other: Self) -> Self {
            Self(self.0 * other.0, self.1 * other.1)
        }
    }
}

pub(super) use register::Lanes;
