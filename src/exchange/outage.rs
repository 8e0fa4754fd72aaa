//! Why nothing can be issued now, whoever asks: what keeps tokens from being judged, and a store that is needed and down.

use crate::limits;
use crate::rejection::Fault;

/// Why nothing can be issued now. Always 503 with `Retry-After`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// A token cannot be judged, or there is nothing to sign with.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A KV namespace that is needed does not answer, or holds what nobody can read.
    #[error("the KV namespace {binding} cannot be used: {reason}")]
    Store {
        /// The namespace's binding name.
        binding: String,
        /// What is wrong.
        reason: String,
    },
}

impl Outage {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::Store { .. } => "upstream_unavailable",
        }
    }

    /// What a client is told: no binding's name. The full text goes to the log.
    #[must_use]
    pub fn public_detail(&self) -> String {
        match self {
            Self::Fault(fault) => fault.public_detail(),
            Self::Store { .. } => "a store that this Worker needs cannot be used now".to_owned(),
        }
    }

    /// Seconds after which to try again.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        match self {
            Self::Fault(fault) => fault.retry_after_seconds(),
            Self::Store { .. } => limits::RETRY_AFTER_STORE_SECONDS,
        }
    }
}
