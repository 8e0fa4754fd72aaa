//! Whether the platform's engine signs with a key pair.
//!
//! An engine in the runtime signs several times faster than constant-time code in WebAssembly. It gets the private key once, and keeps it
//! as a key that cannot be exported. Once it has failed with a key, it is not asked for that key again.

use std::cell::RefCell;
use std::rc::Rc;

use crate::jose::Algorithm;
use crate::members::json;
use crate::ports::{EngineError, EngineKey, Level, Log};

/// What is known about the engine and one key pair, in one isolate and for one configuration. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Engine(Rc<RefCell<Imported>>);

/// Whether the engine has the key.
#[derive(Clone, Default)]
pub(super) enum Imported {
    /// No signature was needed so far.
    #[default]
    NotYet,
    /// The engine has it.
    Yes(EngineKey),
    /// The engine has failed.
    Never,
}

/// How the engine has failed.
pub(super) enum Failure {
    /// It has not imported the key, or not signed.
    NoSignature(EngineError),
    /// Its signature does not verify.
    WrongSignature,
}

impl Engine {
    pub(super) fn imported(&self) -> Imported {
        self.0.borrow().clone()
    }

    /// Keeps an imported key, unless the engine has failed meanwhile. Returns the key.
    pub(super) fn keep(&self, key: EngineKey) -> EngineKey {
        let mut imported = self.0.borrow_mut();
        if matches!(*imported, Imported::NotYet) {
            *imported = Imported::Yes(Rc::clone(&key));
        }
        key
    }

    /// The engine is not asked any more. The first time, this is logged.
    pub(super) fn give_up(&self, log: &impl Log, (algorithm, kid): (Algorithm, &str), failure: Failure) {
        const WRONG: &str = "its signature does not verify";
        if matches!(self.0.replace(Imported::Never), Imported::Never) {
            return;
        }
        let (level, reason) = match failure {
            Failure::NoSignature(error) => (Level::Warn, error.0),
            Failure::WrongSignature => (Level::Error, WRONG.to_owned()),
        };
        let line = json!({ "event": "signing_engine_failed", "alg": algorithm.name(), "kid": kid, "reason": reason });
        log.log(level, &line);
    }
}
