//! Why an issuer's keys could not be had: what an attempt reports, the record keeps and `/readyz` shows.

use serde::Serialize;
use serde_json::Value;

use crate::rejection::excerpt;

/// Why an attempt brought nothing of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Whose turn it is to act.
    pub kind: FailureKind,
    /// What was met, in words, bounded.
    pub reason: String,
}

/// Whether an origin was silent or talked nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

    /// What a record keeps of a failure, and nothing besides; `None` where it is something else.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let kind = match value.get("kind")?.as_str()? {
            "unavailable" => FailureKind::Unavailable,
            "invalid" => FailureKind::Invalid,
            _ => return None,
        };
        let reason = value.get("reason")?.as_str()?.to_owned();
        (value.as_object()?.len() == 2).then_some(Self { kind, reason })
    }

    /// The same, fit for a log line and a response.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { reason: excerpt(&self.reason), ..self }
    }
}
