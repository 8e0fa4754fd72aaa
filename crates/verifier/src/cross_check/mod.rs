//! Which engines check signatures: pure Rust, the runtime's WebCrypto, or both; and what a process has observed of them.
//!
//! A signature on which two engines disagree is never accepted. The author of a token can provoke no more than that: an
//! process stops verifying an algorithm only if an engine fails a test whose input no token determines.

mod self_test;

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

pub use self_test::{Answers, self_test};

use crate::jose::Algorithm;
use crate::members::json;
use crate::ports::{EngineError, Level, Log, PlatformCrypto, Random, SignatureCheck};
use crate::sync::Shared;

/// Which engines check the signatures of live requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Pure Rust. WebCrypto checks only a share of them as well.
    #[default]
    Rust,
    /// The runtime's WebCrypto alone. Rust computes no signature.
    WebCrypto,
    /// Both. A signature is valid if both accept it.
    Both,
}

impl Engine {
    /// Every engine, with its name in the configuration.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        (Self::Rust.name(), Self::Rust),
        (Self::WebCrypto.name(), Self::WebCrypto),
        (Self::Both.name(), Self::Both),
    ];

    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::WebCrypto => "webcrypto",
            Self::Both => "both",
        }
    }

    /// Whether pure Rust checks every signature.
    #[must_use]
    pub const fn uses_rust(self) -> bool {
        !matches!(self, Self::WebCrypto)
    }

    /// Whether WebCrypto must check every signature.
    #[must_use]
    pub const fn needs_web_crypto(self) -> bool {
        !matches!(self, Self::Rust)
    }
}

/// Which engines check signatures, how often a second one is asked, and the results of that in this process.
#[derive(Debug, Default)]
pub struct CrossChecks {
    engine: Engine,
    share: Share,
    agreed: AtomicU64,
    unanswered: AtomicU64,
    disagreements: AtomicU64,
    last: Shared<Option<Disagreement>>,
    distrusted: Shared<Vec<Algorithm>>,
}

/// A share of all requests, from none to every one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Out of 2^32.
    parts: u64,
}

impl Share {
    /// The share nearest to `fraction`, which is cut to 0..=1.
    #[must_use]
    pub fn from_fraction(fraction: f64) -> Self {
        // It is cut first, so the conversion loses neither sign nor size.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let parts = (fraction.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
        Self { parts }
    }

    fn is_drawn(self, random: &impl Random) -> bool {
        if self.parts == 0 {
            return false;
        }
        let mut drawn = [0; 4];
        random.fill(&mut drawn);
        u64::from(u32::from_le_bytes(drawn)) < self.parts
    }
}

/// The verdicts of two engines that disagree on a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// The algorithm.
    pub alg: &'static str,
    /// The key's RFC 7638 thumbprint; shared secrets have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// The verdict of pure Rust.
    pub pure_rust: bool,
    /// The verdict of the runtime's WebCrypto.
    pub web_crypto: bool,
}

/// The cross-checks of a process so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrossCheckState {
    /// How often both engines gave the same verdict.
    pub agreed: u64,
    /// How often WebCrypto gave no result.
    pub unanswered: u64,
    /// How often the verdicts differed.
    pub disagreements: u64,
    /// The last disagreement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_disagreement: Option<Disagreement>,
    /// The algorithms for which an engine failed its test. Their tokens are not verified.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distrusted: Vec<&'static str>,
}

impl CrossChecks {
    /// Checks signatures with `engine`, and asks WebCrypto about `share` of those that pure Rust alone would check.
    #[must_use]
    pub fn new(engine: Engine, share: Share) -> Self {
        Self { engine, share, ..Self::default() }
    }

    /// Which engines check signatures.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// Whether this verification is one of the share.
    #[must_use]
    pub fn is_drawn(&self, random: &impl Random) -> bool {
        self.share.is_drawn(random)
    }

    /// Whether a verification may be one of the share.
    pub(crate) fn may_be_drawn(&self) -> bool {
        self.share.parts > 0
    }

    /// Counts a check that WebCrypto answered in agreement with pure Rust, or did not answer.
    pub(crate) fn count(&self, is_answered: bool) {
        let counter = if is_answered { &self.agreed } else { &self.unanswered };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a disagreement about `checks`, and tests both engines. The token may have been made to provoke it, so it
    /// alone shows no fault of an engine. An engine is at fault if it contradicts itself, that is, if its result
    /// differs when the key is read again and the check is repeated, or if it fails the self-test. Then no token of the
    /// algorithm is verified any more.
    ///
    /// Costs a constant multiple of the verification itself.
    pub(crate) async fn examine_engines(
        &self,
        platform: &(impl PlatformCrypto + Log),
        algorithm: Algorithm,
        checks: &[SignatureCheck<'_>],
        disagreement: Disagreement,
    ) {
        self.disagreements.fetch_add(1, Ordering::Relaxed);
        let rust_again = checks.iter().any(|check| self_test::verify_again(algorithm, check));
        let web_crypto_again = ask_web_crypto(platform, checks).await.map(|holds| holds.is_some());
        if rust_again != disagreement.pure_rust || web_crypto_again != Ok(disagreement.web_crypto) {
            self.distrust(algorithm);
            platform.log(
                Level::Error,
                &json!({
                    "event": "engine_contradicts_itself", "alg": disagreement.alg,
                    "pure_rust": [disagreement.pure_rust, rust_again],
                    "web_crypto": [Some(disagreement.web_crypto), web_crypto_again.ok()],
                }),
            );
        }
        self.last.with(|last| *last = Some(disagreement));
        self_test(self, platform, &[algorithm]).await;
    }

    /// From now on no token of `algorithm` is verified.
    fn distrust(&self, algorithm: Algorithm) {
        self.distrusted.with(|distrusted| {
            if !distrusted.contains(&algorithm) {
                distrusted.push(algorithm);
            }
        });
    }

    /// Whether an engine has failed its test for `algorithm`.
    #[must_use]
    pub fn is_distrusted(&self, algorithm: Algorithm) -> bool {
        self.distrusted.with(|distrusted| distrusted.contains(&algorithm))
    }

    /// The counts so far.
    #[must_use]
    pub fn state(&self) -> CrossCheckState {
        CrossCheckState {
            agreed: self.agreed.load(Ordering::Relaxed),
            unanswered: self.unanswered.load(Ordering::Relaxed),
            disagreements: self.disagreements.load(Ordering::Relaxed),
            last_disagreement: self.last.with(|last| last.clone()),
            distrusted: self
                .distrusted
                .with(|distrusted| distrusted.iter().map(|algorithm| algorithm.name()).collect()),
        }
    }

    /// Whether an engine has failed its test for some algorithm.
    #[must_use]
    pub fn has_failed_engine(&self) -> bool {
        self.distrusted.with(|distrusted| !distrusted.is_empty())
    }

    /// Whether the engines have disagreed on some token.
    #[must_use]
    pub fn has_disagreement(&self) -> bool {
        self.disagreements.load(Ordering::Relaxed) > 0
    }
}

/// The position of the first of `checks` that the platform finds valid; `None` if it finds none valid.
///
/// # Errors
/// [`EngineError`] if none is found valid and the engine gave no result for at least one of them.
pub async fn ask_web_crypto(
    platform: &impl PlatformCrypto,
    checks: &[SignatureCheck<'_>],
) -> Result<Option<usize>, EngineError> {
    let mut verdict = Ok(None);
    for (position, check) in checks.iter().enumerate() {
        match platform.verify_signature(check).await {
            Ok(true) => return Ok(Some(position)),
            Ok(false) => {}
            Err(error) => verdict = Err(error),
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dice(u32);

    impl Random for Dice {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.to_le_bytes());
        }
    }

    #[test]
    fn a_share_is_drawn_as_often_as_it_says() {
        assert!(!Share::from_fraction(0.0).is_drawn(&Dice(0)));
        assert!(Share::from_fraction(1.0).is_drawn(&Dice(u32::MAX)));
        let one_percent = Share::from_fraction(0.01);
        assert!(one_percent.is_drawn(&Dice(42_949_671)));
        assert!(!one_percent.is_drawn(&Dice(42_949_673)));
        assert_eq!(Share::from_fraction(-1.0), Share::from_fraction(0.0));
        assert_eq!(Share::from_fraction(7.0), Share::from_fraction(1.0));
    }
}
