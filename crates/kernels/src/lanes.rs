//! Two 64-bit lanes, each a double or an integer, as each operation takes it: a SIMD128 register in wasm, a pair of `u64`
//! elsewhere.
//!
//! Both do the same IEEE 754 operations in the same order, so results are the same if there is a [`Fused`]. `crates/kernels/proofs` replaces
//! this module by one whose lanes hold all values that may occur. This module does not know the meaning of the numbers.

#[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
compile_error!(
    "build for wasm with -C target-feature=+simd128,+relaxed-simd, as .cargo/config.toml says (a RUSTFLAGS variable \
     overrides it): an emulated fused multiplication takes a hundred times as long"
);

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod register {
    use core::arch::wasm32 as simd;

    /// Two lanes.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Lanes(simd::v128);

    impl Lanes {
        #[inline(always)]
        pub(in super::super) const fn doubles(first: f64, second: f64) -> Self {
            Self(simd::f64x2(first, second))
        }

        #[inline(always)]
        pub(in super::super) const fn integer(both: u64) -> Self {
            Self(simd::u64x2(both, both))
        }

        #[inline(always)]
        pub(in super::super) fn first(self) -> f64 {
            simd::f64x2_extract_lane::<0>(self.0)
        }

        #[inline(always)]
        pub(in super::super) fn second(self) -> f64 {
            simd::f64x2_extract_lane::<1>(self.0)
        }

        /// The second lane of `before` and the first of `self`.
        #[inline(always)]
        pub(in super::super) fn shifted_in(self, before: Self) -> Self {
            Self(simd::i64x2_shuffle::<1, 2>(before.0, self.0))
        }

        /// The first lane of `self` and the second of `other`.
        #[inline(always)]
        pub(in super::super) fn crossed(self, other: Self) -> Self {
            Self(simd::i64x2_shuffle::<0, 3>(self.0, other.0))
        }

        /// `self * factor + addend`, rounded once where there is a [`Fused`](super::Fused).
        #[inline(always)]
        pub(in super::super) fn times_plus(self, factor: Self, addend: Self) -> Self {
            Self(simd::f64x2_relaxed_madd(self.0, factor.0, addend.0))
        }

        #[inline(always)]
        pub(in super::super) fn plus(self, other: Self) -> Self {
            Self(simd::f64x2_add(self.0, other.0))
        }

        #[inline(always)]
        pub(in super::super) fn minus(self, other: Self) -> Self {
            Self(simd::f64x2_sub(self.0, other.0))
        }

        #[inline(always)]
        pub(in super::super) fn integer_plus(self, other: Self) -> Self {
            Self(simd::u64x2_add(self.0, other.0))
        }

        #[inline(always)]
        pub(in super::super) fn integer_minus(self, other: Self) -> Self {
            Self(simd::u64x2_sub(self.0, other.0))
        }

        #[inline(always)]
        pub(in super::super) fn and(self, other: Self) -> Self {
            Self(simd::v128_and(self.0, other.0))
        }

        #[inline(always)]
        pub(in super::super) fn shifted_left(self, bits: u32) -> Self {
            Self(simd::u64x2_shl(self.0, bits))
        }

        #[inline(always)]
        pub(in super::super) fn shifted_right(self, bits: u32) -> Self {
            Self(simd::u64x2_shr(self.0, bits))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
mod register {
    /// Two lanes.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Lanes(u64, u64);

    impl Lanes {
        #[inline(always)]
        pub(in super::super) const fn doubles(first: f64, second: f64) -> Self {
            Self(first.to_bits(), second.to_bits())
        }

        #[inline(always)]
        pub(in super::super) const fn integer(both: u64) -> Self {
            Self(both, both)
        }

        #[inline(always)]
        pub(in super::super) fn first(self) -> f64 {
            f64::from_bits(self.0)
        }

        #[inline(always)]
        pub(in super::super) fn second(self) -> f64 {
            f64::from_bits(self.1)
        }

        /// The second lane of `before` and the first of `self`.
        #[inline(always)]
        pub(in super::super) fn shifted_in(self, before: Self) -> Self {
            Self(before.1, self.0)
        }

        /// The first lane of `self` and the second of `other`.
        #[inline(always)]
        pub(in super::super) fn crossed(self, other: Self) -> Self {
            Self(self.0, other.1)
        }

        /// `self * factor + addend`, rounded once where there is a [`Fused`](super::Fused).
        #[inline(always)]
        pub(in super::super) fn times_plus(self, factor: Self, addend: Self) -> Self {
            Self::doubles(
                self.first().mul_add(factor.first(), addend.first()),
                self.second().mul_add(factor.second(), addend.second()),
            )
        }

        #[inline(always)]
        pub(in super::super) fn plus(self, other: Self) -> Self {
            Self::doubles(self.first() + other.first(), self.second() + other.second())
        }

        #[inline(always)]
        pub(in super::super) fn minus(self, other: Self) -> Self {
            Self::doubles(self.first() - other.first(), self.second() - other.second())
        }

        #[inline(always)]
        pub(in super::super) fn integer_plus(self, other: Self) -> Self {
            Self(self.0.wrapping_add(other.0), self.1.wrapping_add(other.1))
        }

        #[inline(always)]
        pub(in super::super) fn integer_minus(self, other: Self) -> Self {
            Self(self.0.wrapping_sub(other.0), self.1.wrapping_sub(other.1))
        }

        #[inline(always)]
        pub(in super::super) fn and(self, other: Self) -> Self {
            Self(self.0 & other.0, self.1 & other.1)
        }

        #[inline(always)]
        pub(in super::super) fn shifted_left(self, bits: u32) -> Self {
            Self(self.0 << bits, self.1 << bits)
        }

        #[inline(always)]
        pub(in super::super) fn shifted_right(self, bits: u32) -> Self {
            Self(self.0 >> bits, self.1 >> bits)
        }
    }
}

pub(super) use super::dispatch::Fused;
pub(super) use register::Lanes;

impl Lanes {
    pub(super) const ZERO: Self = Self::integer(0);

    #[inline(always)]
    pub(super) fn splat(value: f64) -> Self {
        Self::doubles(value, value)
    }

    /// Whether `times_plus` rounds once on this machine. wasm leaves that to the engine, which depends on the processor. All
    /// server processors of the last ten years fuse.
    #[inline(always)]
    pub(super) fn fuses() -> bool {
        let factor = std::hint::black_box(Self::splat(1.0 + f64::EPSILON));
        let square = factor.times_plus(factor, Self::splat(-(1.0 + 2.0 * f64::EPSILON)));
        let exact = f64::EPSILON * f64::EPSILON;
        square.first().to_bits() == exact.to_bits() && square.second().to_bits() == exact.to_bits()
    }
}

/// A limb as a double.
#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "a limb has fewer than 53 bits")]
pub(super) fn double(limb: i64) -> f64 {
    limb as f64
}

/// The limb that a double holds.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a limb is an integer of fewer than 53 bits")]
pub(super) fn integer(limb: f64) -> i64 {
    limb as i64
}
