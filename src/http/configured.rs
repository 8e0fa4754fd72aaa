//! The configuration of an `env`. It is the variable `ASSAY` itself, or a record in Workers KV to which the variable refers.
//!
//! Once a version of the record is in force, no request waits for KV: the record is read after a response, at most once a minute per
//! isolate. A version with faults is refused, and the one before it stays in force. No request awaits a future of another request.
//!
//! An isolate that starts while the record has faults has no version before it. So the cron trigger keeps a copy of the last version without
//! faults in the same namespace.

use std::cell::RefCell;
use std::rc::Rc;

use super::application::Application;
use super::log;
use super::record::{Record, Turn, Version};
use crate::config::{Config, ConfigFault, Surface};
use crate::intake::Intake;
use crate::keys::KeyCache;
use crate::limits;
use crate::ports::{Clock, Log, Platform, Secrets};
use crate::time::Timestamp;

/// The configuration of an `env`, with the state that belongs to it.
#[derive(Debug)]
pub struct Configured {
    application: RefCell<Rc<Application>>,
    record: Option<Rc<Record>>,
}

impl Configured {
    /// Reads the JSON text of the variable, and the secrets that it names. A record to which it refers is read when it is needed.
    #[must_use]
    pub fn load(
        text: Option<&str>,
        keys: Rc<KeyCache>,
        intake: Rc<Intake>,
        platform: &(impl Secrets + Log),
    ) -> Self {
        let mut application = Application::load(text, keys, platform);
        application.intake = intake;
        let record = application.config.record.clone().map(|reference| Rc::new(Record::new(reference)));
        application.record.clone_from(&record);
        Self { application: RefCell::new(Rc::new(application)), record }
    }

    /// The application with the configuration that is in force. Waits only if none is, because this isolate has just started.
    pub async fn application<P: Platform>(&self, platform: &P) -> Rc<Application> {
        if let Some(record) = self.record.as_ref().filter(|record| !record.is_in_force()) {
            // Boxed, so that the future of a request is no larger because of it.
            Box::pin(self.begin(record, platform)).await;
        }
        Rc::clone(&self.application.borrow())
    }

    /// Reads the record, or waits for the request that reads it.
    async fn begin<P: Platform>(&self, record: &Rc<Record>, platform: &P) {
        let mut waited_ms = 0;
        while !record.is_in_force() && waited_ms <= limits::RECORD_TIMEOUT_MS {
            match record.turn(platform.now()) {
                Turn::Read => return self.ask(record, platform, false).await,
                Turn::Later => return,
                Turn::Wait => platform.sleep(limits::RECORD_POLL_MS).await,
            }
            waited_ms = waited_ms.saturating_add(limits::RECORD_POLL_MS);
        }
    }

    /// Whether [`Self::renew`] has something to do.
    #[must_use]
    pub fn is_due(&self, clock: &impl Clock) -> bool {
        self.record.is_some() && self.is_due_at(clock.now())
    }

    /// The same at `now`.
    #[must_use]
    pub fn is_due_at(&self, now: Timestamp) -> bool {
        self.record.as_ref().is_some_and(|record| record.turn(now) == Turn::Read)
    }

    /// Whether `application` has the configuration that is in force.
    #[must_use]
    pub fn has(&self, application: &Rc<Application>) -> bool {
        Rc::ptr_eq(&self.application.borrow(), application)
    }

    /// Reads the record again if it is time. Runs after the response (`wait_until`).
    pub async fn renew<P: Platform>(&self, platform: &P) {
        if let Some(record) = self.record.as_ref().filter(|_| self.is_due(platform)) {
            self.ask(record, platform, false).await;
        }
    }

    /// The part of the cron trigger: reads the record, and keeps a copy of it if it has no faults.
    pub async fn renew_scheduled<P: Platform>(&self, platform: &P) {
        if let Some(record) = &self.record {
            self.ask(record, platform, true).await;
        }
    }

    async fn ask<P: Platform>(&self, record: &Rc<Record>, platform: &P, keeps_copy: bool) {
        match record.read(platform).await {
            Err(error) => {
                let reason = error.to_string();
                log::record_unavailable(platform, &record.reference, &reason);
                if !record.is_in_force() {
                    let why = format!("it cannot be read: {reason}");
                    self.replace(record, Config::unread(record.reference.clone(), Vec::new(), &why));
                }
            }
            Ok(text) => {
                let is_in_force = self.judge(record, platform, text.as_deref()).await;
                if let Some(text) = text.filter(|_| is_in_force && keeps_copy) {
                    record.keep_copy(platform, &text).await;
                }
            }
        }
    }

    /// Puts the version with this text in force, or refuses it. Returns whether it is in force now.
    async fn judge<P: Platform>(&self, record: &Rc<Record>, platform: &P, text: Option<&str>) -> bool {
        let reference = &record.reference;
        let (version, config) = match text {
            None => (None, faulty(reference.absent())),
            Some(text) if text.len() > limits::MAX_RECORD_BYTES => {
                (None, faulty(reference.too_large(text.len(), limits::MAX_RECORD_BYTES)))
            }
            Some(text) => {
                let version = Version::of(text, platform.now());
                if let Some(is_in_force) = record.known(&version) {
                    return is_in_force;
                }
                (Some(version), Config::of_record(text, platform))
            }
        };
        if let Err(faults) = &config.terms {
            record.refuse(platform, version, faults);
            if !record.is_in_force() && !self.fall_back(record, platform).await {
                self.replace(record, config);
            }
            return false;
        }
        record.forget_refused();
        self.replace(record, config);
        if let Some(version) = version {
            record.put_in_force(platform, version);
        }
        true
    }

    /// Puts the copy of the last version without faults in force, if there is one and it still has none.
    async fn fall_back<P: Platform>(&self, record: &Rc<Record>, platform: &P) -> bool {
        let Ok(Some(text)) = record.read_copy(platform).await else { return false };
        if text.len() > limits::MAX_RECORD_BYTES {
            return false;
        }
        let config = Config::of_record(&text, platform);
        let is_sound = config.terms.is_ok();
        if is_sound {
            self.replace(record, config);
            record.put_in_force(platform, Version::of(&text, platform.now()));
        }
        is_sound
    }

    /// Uses this configuration from now on. Requests that have begun end with the one before. What does not depend on the configuration is
    /// kept: key sets, bodies that are being read, and which results were handed out.
    fn replace(&self, record: &Rc<Record>, config: Config) {
        let former = Rc::clone(&self.application.borrow());
        let mut application = Application::new(config, Rc::clone(&former.keys));
        application.intake = Rc::clone(&former.intake);
        application.record = Some(Rc::clone(record));
        #[cfg(feature = "exchange")]
        if let (Some(exchange), Some(before)) = (&mut application.config.exchange, &former.config.exchange) {
            exchange.results = Rc::clone(&before.results);
        }
        self.application.replace(Rc::new(application));
    }
}

/// A configuration with only this fault.
fn faulty(fault: ConfigFault) -> Config {
    Config::without_terms(Surface::default(), vec![fault])
}
