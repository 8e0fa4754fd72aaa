//! Whether this machine fuses multiplications with additions, and code that is compiled for that.
//!
//! The x86-64 processors of servers have such an instruction, but a compiler uses it only in functions that are compiled for it.
//! Elsewhere `f64::mul_add` calls a function of the C library: the result is the same, and RSA takes 12 times as long. So whatever
//! multiplies is given a [`Fused`], which exists only where the processor has x86-64-v3, and is compiled for that by
//! [`Fused::compiled`]. `tests/instructions.rs` asserts that no call of that function is left.
//!
//! On aarch64 every processor fuses, and every function is compiled for it. In wasm the engine decides; every key asks it.

use super::lanes::Lanes;

/// The proof that this machine fuses multiplication with addition, so that [`Lanes::times_plus`] is exact and fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fused(Level);

#[cfg(target_arch = "x86_64")]
type Level = fearless_simd::Avx2;
#[cfg(not(target_arch = "x86_64"))]
type Level = ();

impl Fused {
    /// `None` on a machine that does not fuse, or is not known to.
    #[inline(never)]
    #[expect(clippy::redundant_closure, reason = "only a closure can be made to be inlined here")]
    pub(super) fn here() -> Option<Self> {
        let fused = Self(level()?);
        fused
            .compiled(
                #[inline(always)]
                || Lanes::fuses(),
            )
            .then_some(fused)
    }

    /// What `work` returns, compiled for a processor that fuses. This holds for code that is inlined into `work`, so that must be
    /// `inline(always)` if it multiplies, and so must be `work`; or it calls this function again.
    #[inline(always)]
    pub(super) fn compiled<T>(self, work: impl FnOnce() -> T) -> T {
        #[cfg(target_arch = "x86_64")]
        {
            fearless_simd::Simd::vectorize(self.0, work)
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let Self(()) = self;
            work()
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn level() -> Option<Level> {
    fearless_simd::Level::new().as_avx2()
}

#[cfg(not(target_arch = "x86_64"))]
fn level() -> Option<Level> {
    cfg!(any(target_arch = "aarch64", target_arch = "wasm32")).then_some(())
}

/// Whether the operations of RSA and Ed25519 exist on this machine, so that their keys are accepted: it fuses multiplication with
/// addition.
#[must_use]
pub fn is_fused() -> bool {
    Fused::here().is_some()
}
