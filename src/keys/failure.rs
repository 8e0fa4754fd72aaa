//! Why an issuer's keys could not be had: what an attempt reports, the record keeps and `/readyz` shows.

use serde::{Deserialize, Serialize};

use crate::rejection::excerpt;

/// Why an attempt brought nothing of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Whose turn it is to act.
    pub kind: FailureKind,
    /// What was met, in words, bounded.
    pub reason: String,
}

/// Whether an origin was silent or talked nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// No answer, or one that promises a better one later (408, 429, 5xx).
    Unavailable,
    /// An answer that is not what it has to be.
    Invalid,
}

impl Failure {
    /// Nobody answered, or not now.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Unavailable, reason: reason.into() }.bounded()
    }

    /// The answer is not what it has to be.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Invalid, reason: reason.into() }.bounded()
    }

    /// The same, fit for a log line and a response.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { reason: excerpt(&self.reason), ..self }
    }
}
