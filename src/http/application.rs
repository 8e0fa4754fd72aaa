//! The state of an isolate between requests, and its background work: refreshing keys, the self-test, and the cron trigger.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::config::Config;
use crate::cross_check::self_test;
use crate::http::deep_check::DeepCheck;
#[cfg(feature = "exchange")]
use crate::http::issuing;
use crate::http::record::Record;
use crate::http::{access, log};
use crate::intake::Intake;
use crate::jose::Algorithm;
use crate::keys::KeyCache;
use crate::limits;
use crate::ports::{Log, Platform, Secrets};
use crate::time::Timestamp;
use crate::trust::issuer::TrustedIssuer;

/// The configuration and the key sets of an isolate. This is plain data: no request awaits a future of another request.
#[derive(Debug)]
pub struct Application {
    /// The configuration, parsed once.
    pub config: Config,
    /// The key sets in the memory of the isolate. They are kept when the configuration changes.
    pub keys: Rc<KeyCache>,
    /// The request bodies that are being read.
    pub intake: Rc<Intake>,
    /// Whether the self-test of this isolate has started.
    tested: Cell<bool>,
    /// The record in KV that the configuration is from, if it is from one.
    pub record: Option<Rc<Record>>,
    /// The result of the last deep check.
    pub(super) deep: RefCell<Option<DeepCheck>>,
}

impl Application {
    /// Reads the JSON text of the configuration and the secrets that it names. Logs the faults, once.
    #[must_use]
    pub fn load(text: Option<&str>, keys: Rc<KeyCache>, platform: &(impl Secrets + Log)) -> Self {
        let config = Config::load(text, platform);
        if let (Err(faults), None) = (&config.terms, &config.record) {
            log::configuration_invalid(platform, faults);
        }
        if let Some(fault) = access::unusable_key(config.surface.details, platform) {
            log::key_unusable(platform, &fault);
        }
        Self::new(config, keys)
    }

    /// An application with this configuration.
    #[must_use]
    pub fn new(config: Config, keys: Rc<KeyCache>) -> Self {
        let (tested, deep) = (Cell::new(false), RefCell::new(None));
        Self { config, keys, intake: Rc::default(), tested, record: None, deep }
    }

    /// Whether an attempt to fetch keys is not yet in the store: then [`Self::write_back`] has to run after the response.
    #[must_use]
    pub fn has_unwritten(&self) -> bool {
        self.keys.has_unwritten()
    }

    /// Writes to the store what attempts to fetch keys have brought. Runs after the response (`wait_until`).
    pub async fn write_back<P: Platform>(&self, platform: &P) {
        self.keys.write_back(platform).await;
    }

    /// Refreshes the keys of an issuer after a request has found that they are due, and writes back. Runs after the response
    /// (`wait_until`).
    pub async fn refresh<P: Platform>(&self, platform: &P, issuer: &TrustedIssuer) {
        if let (Ok(terms), Some(source)) = (&self.config.terms, &issuer.keys) {
            self.keys.refresh(platform, source, &terms.cache, platform.now()).await;
        }
    }

    /// Runs known-answer tests of both engines for the algorithms in use, once per isolate. Runs after a response (`wait_until`),
    /// because a Worker may not compute for long before its first request.
    pub async fn self_test<P: Platform>(&self, platform: &P) {
        // Set first: without valid terms there is nothing to test, and later requests need not try again.
        if self.tested.replace(true) {
            return;
        }
        let Ok(terms) = &self.config.terms else { return };
        let is_in_use =
            |algorithm: &Algorithm| terms.issuers.iter().any(|issuer| issuer.algorithms.contains(algorithm));
        let in_use: Vec<Algorithm> = Algorithm::ALL.iter().copied().filter(is_in_use).collect();
        self_test(&terms.cross_checks, platform, &in_use).await;
    }

    /// Whether [`Self::self_test`] has not run yet.
    #[must_use]
    pub fn is_untested(&self) -> bool {
        !self.tested.get()
    }

    /// The work of the cron trigger: refreshes every key set that becomes due before the next run. Of very many, each run takes the next ones.
    pub async fn refresh_scheduled<P: Platform>(&self, platform: &P) {
        let Ok(terms) = &self.config.terms else { return };
        let sources: Vec<_> = terms.issuers.iter().filter_map(|issuer| issuer.keys.as_ref()).collect();
        let first = first_of_run(sources.len(), platform.now());
        let run = sources.iter().cycle().skip(first).take(sources.len().min(limits::CRON_SOURCES));
        for source in run {
            self.keys
                .refresh_scheduled(
                    platform,
                    source,
                    &terms.cache,
                    limits::CRON_HORIZON_SECONDS,
                    platform.now(),
                )
                .await;
        }
        #[cfg(feature = "exchange")]
        issuing::warn_of_expiring_keys(self, platform);
    }
}

/// In seconds, as a number of the width of a place.
#[allow(clippy::cast_possible_truncation)]
const CRON_INTERVAL: usize = limits::CRON_INTERVAL_SECONDS as usize;

/// Where the run of the cron trigger at `now` begins among so many key sets. If they are more than a run takes, the next run begins where this
/// one ends.
fn first_of_run(sources: usize, now: Timestamp) -> usize {
    if sources <= limits::CRON_SOURCES {
        return 0;
    }
    let seconds = usize::try_from(now.epoch_seconds()).unwrap_or_default();
    let run = seconds.checked_div(CRON_INTERVAL).unwrap_or_default().checked_rem(sources).unwrap_or_default();
    run.saturating_mul(limits::CRON_SOURCES).checked_rem(sources).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_of_the_cron_trigger_take_every_key_set_in_turn() {
        let at = |run: i64| Timestamp::from_epoch_seconds(1_800_000_000 + 300 * run);
        assert_eq!(first_of_run(limits::CRON_SOURCES, at(7)), 0);
        let (sources, mut taken) = (10_000, vec![false; 10_000]);
        for run in 0..50 {
            for place in 0..limits::CRON_SOURCES {
                taken[(first_of_run(sources, at(run)) + place) % sources] = true;
            }
        }
        assert!(taken.iter().all(|one| *one));
    }
}
