//! A second opinion on signatures: the runtime's own cryptography beside the pure-Rust one.
//!
//! Knows when to ask, how to compare, and what an isolate has seen so far. It does not know tokens or issuers, and it
//! never turns a bad signature into a good one: where the two engines disagree, nobody is believed.

use std::cell::{Cell, RefCell};

use serde::Serialize;

use crate::jose::Algorithm;
use crate::ports::{NoOpinion, PlatformCrypto, Random, SignatureCheck};

/// How often live verifications ask for a second opinion, and what came of it in this isolate.
#[derive(Debug, Default)]
pub struct CrossChecks {
    share: Share,
    agreed: Cell<u64>,
    unanswered: Cell<u64>,
    disagreements: Cell<u64>,
    last: RefCell<Option<Disagreement>>,
    distrusted: RefCell<Vec<Algorithm>>,
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
        // Cut first, so that neither the sign nor the size can be lost.
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

/// Two engines, one signature, two verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// The algorithm.
    pub alg: &'static str,
    /// The key's RFC 7638 thumbprint; shared secrets have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// What pure Rust says of the signature.
    pub pure_rust: bool,
    /// What the runtime's WebCrypto says of it.
    pub web_crypto: bool,
}

/// What an isolate has seen of cross-checks, for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrossCheckState {
    /// Checks in which both engines said the same.
    pub agreed: u64,
    /// Checks on which the runtime's engine had no opinion.
    pub unanswered: u64,
    /// Checks in which they did not agree.
    pub disagreements: u64,
    /// The last of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_disagreement: Option<Disagreement>,
    /// Algorithms that failed the self-test; their tokens are not judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distrusted: Vec<&'static str>,
}

impl CrossChecks {
    /// Asks for a second opinion on this share of live verifications.
    #[must_use]
    pub fn sampling(share: Share) -> Self {
        Self { share, ..Self::default() }
    }

    /// Whether this verification is one of the share.
    #[must_use]
    pub fn is_drawn(&self, random: &impl Random) -> bool {
        self.share.is_drawn(random)
    }

    /// Takes note of what one check has shown.
    pub(crate) fn note(&self, outcome: Result<(), Disagreement>, answered: bool) {
        let counter = match (&outcome, answered) {
            (Err(_), _) => &self.disagreements,
            (Ok(()), true) => &self.agreed,
            (Ok(()), false) => &self.unanswered,
        };
        counter.set(counter.get().saturating_add(1));
        if let Err(disagreement) = outcome {
            self.last.replace(Some(disagreement));
        }
    }

    /// From now on no token of `algorithm` is judged: an engine gave a known question the wrong answer.
    pub fn distrust(&self, algorithm: Algorithm) {
        let mut distrusted = self.distrusted.borrow_mut();
        if !distrusted.contains(&algorithm) {
            distrusted.push(algorithm);
        }
    }

    /// Whether the self-test has found `algorithm` wanting.
    #[must_use]
    pub fn is_distrusted(&self, algorithm: Algorithm) -> bool {
        self.distrusted.borrow().contains(&algorithm)
    }

    /// What has been seen so far.
    #[must_use]
    pub fn state(&self) -> CrossCheckState {
        CrossCheckState {
            agreed: self.agreed.get(),
            unanswered: self.unanswered.get(),
            disagreements: self.disagreements.get(),
            last_disagreement: self.last.borrow().clone(),
            distrusted: self.distrusted.borrow().iter().map(|algorithm| algorithm.name()).collect(),
        }
    }

    /// Whether the engines have agreed in everything so far.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.disagreements.get() == 0 && self.distrusted.borrow().is_empty()
    }
}

/// The platform's verdict on the `checks`, any of which may hold. The first that holds settles it.
///
/// # Errors
/// [`NoOpinion`] when none holds and the engine could not judge all of them.
pub async fn second_opinion(
    platform: &impl PlatformCrypto,
    checks: &[SignatureCheck<'_>],
) -> Result<bool, NoOpinion> {
    let mut verdict = Ok(false);
    for check in checks {
        match platform.verify_signature(check).await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(no_opinion) => verdict = Err(no_opinion),
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
