//! The texts of refusals where only this Worker can say them: they name its endpoints or its configuration.

use crate::rejection::{Fault, Missing, Refusal, Rejection};

/// The text of a fault for clients. It leaves out the names of the Worker's bindings; the operator finds them in the log and at `/readyz`,
/// whose path begins with `prefix` (`endpoints.prefix`).
#[must_use]
pub(crate) fn of_fault(fault: &Fault, prefix: &str) -> String {
    match fault {
        Fault::SecretMissing { .. } => format!(
            "a secret of this Worker is missing or cannot be used; the operator finds its name in the log and at {prefix}/readyz"
        ),
        Fault::StoreUnavailable { .. } => "a store that this Worker needs is unavailable".to_owned(),
        other => other.to_string(),
    }
}

/// The text of a rejection.
#[must_use]
pub(crate) fn of_rejection(rejection: &Rejection) -> String {
    match rejection {
        Rejection::TokenMissing(Missing::Preflight) => format!(
            "{rejection}, and the route has no `cors`; the operator sets cors.origins for all routes, or `cors` for this route"
        ),
        other => other.to_string(),
    }
}

/// The whole text of a refusal, for the log and for readers who may see details.
#[must_use]
pub(crate) fn of_refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Rejection(rejection) => of_rejection(rejection),
        Refusal::Fault(fault) => fault.to_string(),
    }
}
