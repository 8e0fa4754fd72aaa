//! The verifier as a library uses it: trusted issuers, their keys, and the rules for their tokens, behind one method.

use std::fmt;
use std::time::Duration;

use crate::keys::{KeyCache, Purged};
use crate::ports::VerifierPlatform;
use crate::rejection::Refusal;
use crate::verify::{self, Terms, VerifiedToken};
use crate::waiting::join_all;

/// How many times in the life of a key set [`Verifier::upkeep`] should run.
const RUNS_PER_TTL: u64 = 20;
/// The longest time between two runs, in seconds, so that a provider's recovery is noticed.
const LONGEST_INTERVAL_SECONDS: u64 = 60;

/// Verifies the tokens of trusted issuers.
///
/// It is made once, by a [`Builder`](crate::Builder), and shared by all requests, as in an `Arc`. `P` is the platform: the clock, the HTTP client and the
/// log of the server. If the futures of `P` are `Send`, so are those of the verifier.
pub struct Verifier<P> {
    terms: Terms,
    keys: KeyCache,
    platform: P,
}

/// Shows the trusted issuers and the rules, and nothing of the platform.
impl<P> fmt::Debug for Verifier<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Verifier").field("terms", &self.terms).finish_non_exhaustive()
    }
}

impl<P> Verifier<P> {
    pub(super) fn new(terms: Terms, platform: P) -> Self {
        Self { terms, keys: KeyCache::new(), platform }
    }

    /// The platform.
    #[must_use]
    pub const fn platform(&self) -> &P {
        &self.platform
    }

    /// How often [`Self::upkeep`] should run: twenty times in the life of a key set, and at least once a minute.
    #[must_use]
    pub fn upkeep_interval(&self) -> Duration {
        Duration::from_secs(self.upkeep_interval_seconds())
    }

    fn upkeep_interval_seconds(&self) -> u64 {
        (self.terms.cache.ttl_seconds / RUNS_PER_TTL).clamp(1, LONGEST_INTERVAL_SECONDS)
    }
}

impl<P: VerifierPlatform> Verifier<P> {
    /// Verifies `token`, a JWT in the form of a compact JWS, without `Bearer` before it.
    ///
    /// The issuer is selected by the exact `iss`, then the algorithm, then the key; then one signature is checked, and then the claims
    /// (RFC 7519 §7.2). If the keys of the issuer are not known, the token waits until they are fetched, for the time limit of a fetch at
    /// most.
    ///
    /// If the future is dropped while it fetches keys, that fetch ends, and other tokens that need the keys wait up to 2 s longer than
    /// the time limit before one of them fetches. A server that drops the futures of requests whose clients went away runs it on
    /// a task of its own, as `edge-assay-axum` does.
    ///
    /// # Errors
    /// [`Refusal::Rejection`] if the token is at fault: respond with 401 or 403. [`Refusal::Fault`] if it is not, because the issuer's keys
    /// cannot be had or a secret is missing: respond with 503. [`Refusal::status`] has the status.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, Refusal> {
        verify::verify(&self.terms, &self.keys, &self.platform, token, self.platform.now()).await.outcome
    }

    /// Drops the cached keys of an issuer and fetches them again, for when the provider has withdrawn a key. `issuer` is the name that it was
    /// described with. Processes with the same store drop them within about a minute. It takes two seconds and a fetch.
    ///
    /// One outcome for each issuer of this name whose keys are fetched; none if there is no such issuer.
    pub async fn purge(&self, issuer: &str) -> Vec<Purged> {
        let mut purged = Vec::new();
        let named = self.terms.issuers.iter().filter(|one| one.issuer == issuer);
        for source in named.filter_map(|one| one.keys.as_ref()) {
            let (platform, policy) = (&self.platform, &self.terms.cache);
            purged.push(self.keys.purge(platform, source, policy, platform.now()).await);
        }
        purged
    }

    /// Fetches the key sets that come due soon, and those that are not known yet, so that no request waits for them; and writes to the
    /// store what was fetched. Call it every [`Self::upkeep_interval`] in a background task. Without such calls, a request that finds a set
    /// past its life fetches it.
    ///
    /// It has no result: an attempt that fails is logged, and the next one is due after a waiting time that grows up to a minute.
    pub async fn upkeep(&self) {
        let horizon_seconds = self.upkeep_interval_seconds().saturating_mul(2);
        let sources = self.terms.issuers.iter().filter_map(|issuer| issuer.keys.as_ref());
        // Together, so that a provider that does not answer delays no other.
        join_all(sources.map(|source| {
            let (platform, policy) = (&self.platform, &self.terms.cache);
            self.keys.refresh_scheduled(platform, source, policy, horizon_seconds, platform.now())
        }))
        .await;
        self.keys.write_back(&self.platform).await;
    }
}
