//! Whether the platform's engine signs with a key pair.
//!
//! An engine in the runtime signs several times faster than constant-time code in WebAssembly. It gets the private key once, and keeps it
//! as a key that cannot be exported. If it gives no signature, one request a while later imports the key again. Once it has made a wrong
//! signature, it is not asked for that key again.
//!
//! Rust needs longer to verify a signature than the engine to make it. So in each second of the clock the engine's signatures with a key are verified until one is
//! good, and the others of that second may be trusted.

use std::cell::RefCell;
use std::rc::Rc;

use crate::jose::Algorithm;
use crate::limits;
use crate::members::json;
use crate::ports::{Clock, EngineError, EngineKey, Level, Log};
use crate::time::Timestamp;

/// What is known about the engine and one key pair, in one isolate and for one configuration. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Engine(Rc<RefCell<State>>);

/// Whether the engine has the key.
#[derive(Default)]
enum State {
    /// No signature was needed so far.
    #[default]
    NotYet,
    /// The engine has it. The time is that of the last of its signatures that was verified.
    Imported { key: EngineKey, verified_at: Option<Timestamp> },
    /// The engine gave no signature, and is asked again at this time. If that has begun, the key is imported, but has not signed yet.
    Failed { again_at: Timestamp, imported: Option<EngineKey> },
    /// The engine has made a wrong signature.
    Never,
}

/// How the next signature is made.
pub(super) enum Turn {
    /// By the engine, which has the key. The signature may be trusted if another one was verified in the same second.
    Sign { key: EngineKey, is_trusted: bool },
    /// By the engine, which has to import the key first.
    Import,
    /// In Rust.
    Rust,
}

/// How the engine has failed.
pub(super) enum Failure {
    /// It has not imported the key, or not signed.
    NoSignature(EngineError),
    /// Its signature does not verify.
    WrongSignature,
}

impl Engine {
    /// How the next signature is made. After a failure it is made in Rust for [`limits::SIGNING_ENGINE_RETRY_SECONDS`]. Then one request asks the
    /// engine, and the others do not wait for it.
    pub(super) fn turn(&self, clock: &impl Clock) -> Turn {
        let mut state = self.0.borrow_mut();
        match &mut *state {
            State::NotYet => Turn::Import,
            State::Imported { key, verified_at } => {
                // Not `<`: a clock that was set back must not extend the trust.
                Turn::Sign { key: Rc::clone(key), is_trusted: *verified_at == Some(clock.now()) }
            }
            State::Never => Turn::Rust,
            State::Failed { again_at, .. } => {
                let now = clock.now();
                if now < *again_at {
                    return Turn::Rust;
                }
                *again_at = next_attempt(now);
                Turn::Import
            }
        }
    }

    /// Keeps an imported key. After a failure it is used when it [has signed](Self::has_signed). Returns the key to sign with: the one that was
    /// kept first, so that no other is trusted for its signatures.
    pub(super) fn keep(&self, key: EngineKey) -> EngineKey {
        let mut state = self.0.borrow_mut();
        match &mut *state {
            State::NotYet => *state = State::Imported { key: Rc::clone(&key), verified_at: None },
            State::Imported { key: kept, .. } => return Rc::clone(kept),
            State::Failed { imported, .. } => *imported = Some(Rc::clone(&key)),
            State::Never => {}
        }
        key
    }

    /// The engine has made a signature that was verified. The others of this second may be trusted.
    pub(super) fn has_signed(&self, clock: &impl Clock) {
        let now = Some(clock.now());
        let mut state = self.0.borrow_mut();
        match &mut *state {
            State::Imported { verified_at, .. } => *verified_at = now,
            State::Failed { imported, .. } => {
                if let Some(key) = imported.take() {
                    *state = State::Imported { key, verified_at: now };
                }
            }
            State::NotYet | State::Never => {}
        }
    }

    /// The engine is not asked for a while, or not any more. This is logged, unless the attempt after a failure has failed in the same way.
    pub(super) fn has_failed(
        &self,
        platform: &(impl Clock + Log),
        (algorithm, kid): (Algorithm, &str),
        failure: Failure,
    ) {
        const WRONG: &str = "its signature does not verify";
        let again_at = next_attempt(platform.now());
        let mut state = self.0.borrow_mut();
        let is_known = match (&*state, &failure) {
            (State::Never, _) => return,
            (before, Failure::NoSignature(_)) => matches!(before, State::Failed { .. }),
            (_, Failure::WrongSignature) => false,
        };
        let (next, level, reason) = match failure {
            Failure::NoSignature(error) => (State::Failed { again_at, imported: None }, Level::Warn, error.0),
            Failure::WrongSignature => (State::Never, Level::Error, WRONG.to_owned()),
        };
        *state = next;
        if !is_known {
            let line = json!({ "event": "signing_engine_failed", "alg": algorithm.name(), "kid": kid, "reason": reason });
            platform.log(level, &line);
        }
    }
}

/// When the engine is asked again after it gave no signature at `now`.
fn next_attempt(now: Timestamp) -> Timestamp {
    now.plus(limits::SIGNING_ENGINE_RETRY_SECONDS)
}
