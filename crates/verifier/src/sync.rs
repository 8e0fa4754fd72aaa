//! A value that several threads use.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A value behind a lock. The lock is held only while a closure runs, so it is never held across an `await`, and no thread takes two.
/// Without threads, as in WebAssembly, it costs no more than a `RefCell`.
#[derive(Default)]
pub(crate) struct Shared<T>(Mutex<T>);

impl<T> Shared<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Gives `act` the value. `act` must not use the same [`Shared`] again.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.guard())
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    // A closure that panics leaves a value that is still well-formed: each changes one field, or one entry.
    fn guard(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Copy> Shared<T> {
    pub(crate) fn get(&self) -> T {
        *self.guard()
    }

    pub(crate) fn set(&self, value: T) {
        *self.guard() = value;
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}
