//! What an isolate knows of the record in Workers KV that has the configuration: which version is in force, which one was refused, and when
//! to read it again.
//!
//! It knows nothing about what a version says. This is plain data: no request awaits a future of another request.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use serde::Serialize;

use super::log;
use crate::config::{ConfigFault, RecordReference};
use crate::jose::hash::sha256;
use crate::limits;
use crate::ports::{Platform, StoreError};
use crate::time::Timestamp;
use crate::waiting::with_timeout;

/// The octets of a SHA-256 that a version shows.
const FINGERPRINT_BYTES: usize = 16;

/// What an isolate knows of the record.
#[derive(Debug)]
pub struct Record {
    pub(super) reference: RecordReference,
    /// When the last read began.
    asked_at: Cell<Option<Timestamp>>,
    is_asking: Cell<bool>,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    in_force: Option<Version>,
    refused: Option<Refused>,
    /// Why the last read had no answer.
    unanswered: Option<String>,
}

/// A version of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The first half of the SHA-256 of its text, in hexadecimal.
    sha256: String,
    /// When this isolate read it first.
    read_at: Timestamp,
}

impl Version {
    /// The version with this text.
    pub(super) fn of(text: &str, read_at: Timestamp) -> Self {
        let mut hexadecimal = String::new();
        for byte in sha256(text.as_bytes()).iter().take(FINGERPRINT_BYTES) {
            // Writing to a String cannot fail.
            let _ = write!(hexadecimal, "{byte:02x}");
        }
        Self { sha256: hexadecimal, read_at }
    }
}

/// A version with faults.
#[derive(Clone, Debug, Serialize)]
struct Refused {
    /// `None` if there is no record, or one that is too large.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    faults: Vec<ConfigFault>,
}

/// The state of the record, for `/readyz`.
#[derive(Clone, Debug, Serialize)]
pub struct RecordReport {
    kv: String,
    key: String,
    /// The version in force.
    version: Option<Version>,
    /// When KV was asked last.
    asked_at: Option<Timestamp>,
    /// Why KV did not answer then.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The newer version that has faults.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

/// What a request may do about the record now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Read it: no other request does.
    Read,
    /// Another request reads it.
    Wait,
    /// It was read a moment ago.
    Later,
}

impl Record {
    pub(super) fn new(reference: RecordReference) -> Self {
        Self { reference, asked_at: Cell::new(None), is_asking: Cell::new(false), state: RefCell::default() }
    }

    pub(super) fn is_in_force(&self) -> bool {
        self.state.borrow().in_force.is_some()
    }

    /// Whether it is time to read it.
    pub(super) fn turn(&self, now: Timestamp) -> Turn {
        let Some(asked_at) = self.asked_at.get() else { return Turn::Read };
        // The clock may be set back.
        let Ok(age_seconds) = u64::try_from(now.since(asked_at)) else { return Turn::Read };
        let interval_seconds =
            if self.is_in_force() { limits::RECORD_INTERVAL_SECONDS } else { limits::RECORD_RETRY_SECONDS };
        if self.is_asking.get() && age_seconds < limits::RECORD_LEASE_SECONDS {
            return Turn::Wait;
        }
        // A request that was cancelled while it read has left `is_asking`.
        if age_seconds >= interval_seconds { Turn::Read } else { Turn::Later }
    }

    /// Reads its text. `None` if there is none.
    pub(super) async fn read<P: Platform>(&self, platform: &P) -> Result<Option<String>, StoreError> {
        self.asked_at.set(Some(platform.now()));
        self.is_asking.set(true);
        let answer = self.text(platform, &self.reference.key).await;
        self.is_asking.set(false);
        self.state.borrow_mut().unanswered = answer.as_ref().err().map(ToString::to_string);
        answer
    }

    /// Reads the copy of the last version without faults.
    pub(super) async fn read_copy<P: Platform>(&self, platform: &P) -> Result<Option<String>, StoreError> {
        self.text(platform, &self.reference.key_of_copy()).await
    }

    /// Stores the copy, unless there is an equal one. A failure matters only to isolates that start while the record has faults.
    pub(super) async fn keep_copy<P: Platform>(&self, platform: &P, text: &str) {
        if self.read_copy(platform).await.is_ok_and(|copy| copy.as_deref() != Some(text)) {
            let key = self.reference.key_of_copy();
            let kept = with_limit(platform, platform.keep(&self.reference.binding, &key, text)).await;
            if let Err(error) = kept {
                log::record_unavailable(platform, &self.reference, &error.to_string());
            }
        }
    }

    async fn text<P: Platform>(&self, platform: &P, key: &str) -> Result<Option<String>, StoreError> {
        with_limit(platform, platform.find(&self.reference.binding, key)).await
    }

    /// If the version is known already: whether it is in force. It has been read again, so no newer one is refused.
    pub(super) fn known(&self, version: &Version) -> Option<bool> {
        let mut state = self.state.borrow_mut();
        if state.in_force.as_ref().is_some_and(|known| known.sha256 == version.sha256) {
            state.refused = None;
            return Some(true);
        }
        let refused = state.refused.as_ref().and_then(|refused| refused.version.as_ref());
        refused.filter(|known| known.sha256 == version.sha256).map(|_| false)
    }

    /// The version is in force from now on.
    pub(super) fn put_in_force<P: Platform>(&self, platform: &P, version: Version) {
        log::record_in_force(platform, &self.reference, &version.sha256);
        self.state.borrow_mut().in_force = Some(version);
    }

    /// No version is refused any more.
    pub(super) fn forget_refused(&self) {
        self.state.borrow_mut().refused = None;
    }

    /// The version is refused. `None` stands for a record that is absent or too large.
    pub(super) fn refuse<P: Platform>(&self, platform: &P, version: Option<Version>, faults: &[ConfigFault]) {
        log::record_refused(platform, &self.reference, version.as_ref().map(|one| &*one.sha256), faults);
        self.state.borrow_mut().refused = Some(Refused { version, faults: faults.to_vec() });
    }

    /// Whether something is wrong with it although a version is in force.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        let state = self.state.borrow();
        state.refused.is_some() || state.unanswered.is_some()
    }

    /// Its state.
    #[must_use]
    pub fn report(&self) -> RecordReport {
        let state = self.state.borrow();
        RecordReport {
            kv: self.reference.binding.clone(),
            key: self.reference.key.clone(),
            version: state.in_force.clone(),
            asked_at: self.asked_at.get(),
            problem: state.unanswered.clone(),
            refused: state.refused.clone(),
        }
    }
}

/// The outcome of `operation`, or an error if it takes longer than [`limits::RECORD_TIMEOUT_MS`].
async fn with_limit<P: Platform, T>(
    platform: &P,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let outcome = with_timeout(platform, limits::RECORD_TIMEOUT_MS, operation).await;
    outcome.unwrap_or_else(|| Err(StoreError(format!("no answer within {} ms", limits::RECORD_TIMEOUT_MS))))
}
