//! What a route requires of a token that verifies.

use crate::claims::conditions::{Condition, Member};
use crate::claims::facts::Facts;
use crate::codes;
use crate::rejection::Rejection;
use crate::trust::claims::scope_violation;
use crate::verify::VerifiedToken;

/// What a token must fulfil.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requirement {
    /// The issuers that it accepts, by exact `iss`; `None`: all configured ones.
    pub issuers: Option<Vec<String>>,
    /// The scopes that the token's `scope` must contain.
    pub scopes: Vec<String>,
    /// The conditions that its claims and its header must meet.
    pub claims: Vec<Condition>,
}

/// The rule of a route that a verified token does not meet. Always 403, except for an absent claim (401).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// The token is from another issuer.
    #[error("tokens of this issuer are not accepted here")]
    Issuer,
    /// The token lacks a scope ([`Rejection::ScopeInsufficient`]), or a claim that a header requires
    /// ([`Rejection::ClaimMissing`], 401).
    #[error(transparent)]
    Rejected(Rejection),
    /// A condition is false.
    #[error("{rule} is required of {about}")]
    Condition {
        /// The member that it is about.
        about: Member,
        /// The name of the condition's test.
        rule: &'static str,
    },
}

impl RequirementError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Issuer => codes::ISSUER_NOT_ACCEPTED.name(),
            Self::Rejected(rejection) => rejection.code(),
            Self::Condition { .. } => codes::REQUIREMENT_UNMET.name(),
        }
    }
}

impl Requirement {
    /// Whether `token` meets every rule.
    ///
    /// # Errors
    /// The first rule that it does not meet.
    pub fn check(&self, token: &VerifiedToken) -> Result<(), RequirementError> {
        if self.issuers.as_ref().is_some_and(|issuers| !issuers.iter().any(|one| token.is_of(one))) {
            return Err(RequirementError::Issuer);
        }
        if let Some(rejection) = scope_violation(token.claims(), &self.scopes) {
            return Err(RequirementError::Rejected(rejection));
        }
        let facts = Facts::of(token.header(), token.claims());
        match self.claims.iter().find(|condition| !condition.holds(&facts)) {
            None => Ok(()),
            Some(broken) => {
                Err(RequirementError::Condition { about: broken.about.clone(), rule: broken.test.name() })
            }
        }
    }
}
