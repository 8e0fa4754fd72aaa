//! What an isolate holds between requests, and what it does besides answering them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::config::Config;
use crate::explain::cross_check::self_test;
use crate::http::deep_check::DeepCheck;
use crate::http::{access, log};
use crate::intake::Intake;
use crate::jose::Algorithm;
use crate::keys::KeyCache;
use crate::limits;
use crate::ports::{Log, Platform, Secrets};
use crate::trust::issuer::TrustedIssuer;

/// The configuration and the key sets of an isolate. Plain data: no request waits on another's future.
#[derive(Debug)]
pub struct Application {
    /// The configuration, parsed once.
    pub config: Config,
    /// The isolate's memory of key sets. It outlives a change of the configuration.
    pub keys: Rc<KeyCache>,
    /// The bodies that are being read.
    pub intake: Rc<Intake>,
    /// Whether this isolate has tested itself.
    tested: Cell<bool>,
    /// What the last deep check found.
    pub(super) deep: RefCell<Option<DeepCheck>>,
}

impl Application {
    /// Reads the configuration's JSON text and the secrets it names. Its faults are logged here, once.
    #[must_use]
    pub fn load(text: Option<&str>, keys: Rc<KeyCache>, platform: &(impl Secrets + Log)) -> Self {
        let config = Config::load(text, platform);
        if let Err(faults) = &config.terms {
            log::configuration_invalid(platform, faults);
        }
        if let Some(fault) = access::unusable_key(config.surface.details, platform) {
            log::key_unusable(platform, &fault);
        }
        Self { config, keys, intake: Rc::default(), tested: Cell::new(false), deep: RefCell::new(None) }
    }

    /// Refreshes the keys of one issuer that a request found due. Runs after the response (`wait_until`).
    pub async fn refresh<P: Platform>(&self, platform: &P, issuer: &TrustedIssuer) {
        if let (Ok(terms), Some(source)) = (&self.config.terms, &issuer.keys) {
            self.keys.refresh(platform, source, &terms.cache, platform.now()).await;
        }
    }

    /// Asks both engines questions with known answers, once per isolate, about the algorithms in use. Runs after a
    /// response (`wait_until`), since a Worker may not compute for long before its first request.
    pub async fn self_test<P: Platform>(&self, platform: &P) {
        // Noted first: without terms there is nothing to test, and no later request need come back to it.
        if self.tested.replace(true) {
            return;
        }
        let Ok(terms) = &self.config.terms else { return };
        let is_in_use =
            |algorithm: &Algorithm| terms.issuers.iter().any(|issuer| issuer.algorithms.contains(algorithm));
        let in_use: Vec<Algorithm> = Algorithm::ALL.iter().copied().filter(is_in_use).collect();
        self_test(&terms.cross_checks, platform, &in_use).await;
    }

    /// Whether [`Self::self_test`] is still to be run.
    #[must_use]
    pub fn is_untested(&self) -> bool {
        !self.tested.get()
    }

    /// The cron trigger: refreshes every key set that falls due before the next run.
    pub async fn refresh_scheduled<P: Platform>(&self, platform: &P) {
        let Ok(terms) = &self.config.terms else { return };
        for source in terms.issuers.iter().filter_map(|issuer| issuer.keys.as_ref()) {
            self.keys.refresh_scheduled(platform, source, &terms.cache, platform.now()).await;
        }
        self.warn_of_expiring_keys(platform);
    }

    /// Logs every series of keys of which none will sign before long.
    fn warn_of_expiring_keys<P: Platform>(&self, platform: &P) {
        let now = platform.now();
        let Some((exchange, Ok(ring))) = self.config.exchange.as_ref().map(|one| (one, one.keys())) else {
            return;
        };
        for series in exchange.series() {
            let until = ring.signs_until(&series, now).unwrap_or(now);
            if until < now.plus(limits::SUCCESSOR_WARNING_SECONDS) {
                log::successor_missing(platform, &series, until);
            }
        }
    }
}
