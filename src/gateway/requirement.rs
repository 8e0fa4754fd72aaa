//! What a route requires of a token beyond that it verifies.

use crate::exchange::conditions::Condition;
use crate::exchange::facts::Facts;
use crate::rejection::Rejection;
use crate::trust::claims::scopes;
use crate::verify::VerifiedToken;

/// What a token must prove.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requirement {
    /// Who may have issued it, by exact `iss`; `None`: whoever is trusted.
    pub issuers: Option<Vec<String>>,
    /// What its `scope` must hold.
    pub scopes: Vec<String>,
    /// What must hold of its claims.
    pub claims: Vec<Condition>,
}

/// What a good token does not prove: 403.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// It is from another issuer.
    #[error("tokens of this issuer are not accepted here")]
    Issuer,
    /// It lacks a scope ([`Rejection::ScopeInsufficient`]), or a claim that a header must hold ([`Rejection::ClaimMissing`]).
    #[error(transparent)]
    Rejected(Rejection),
    /// A condition is false.
    #[error("{rule} is required of {claim}")]
    Condition {
        /// The pointer that the condition looks at.
        claim: String,
        /// The condition's name.
        rule: &'static str,
    },
}

impl Unmet {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Issuer => "issuer_not_accepted",
            Self::Rejected(rejection) => rejection.code(),
            Self::Condition { .. } => "condition_failed",
        }
    }
}

impl Requirement {
    /// Whether `token` proves all of it.
    ///
    /// # Errors
    /// The first that it does not.
    pub fn check(&self, token: &VerifiedToken) -> Result<(), Unmet> {
        if self.issuers.as_ref().is_some_and(|issuers| !issuers.iter().any(|one| one == token.issuer())) {
            return Err(Unmet::Issuer);
        }
        if !self.scopes.is_empty() {
            let granted = scopes(token.claims());
            let missing: Vec<String> = self
                .scopes
                .iter()
                .filter(|scope| !granted.iter().any(|one| one == *scope))
                .cloned()
                .collect();
            if !missing.is_empty() {
                let required = self.scopes.clone();
                return Err(Unmet::Rejected(Rejection::ScopeInsufficient { required, missing }));
            }
        }
        let facts = Facts::of(token.claims());
        match self.claims.iter().find(|condition| !condition.holds(&facts)) {
            None => Ok(()),
            Some(broken) => {
                Err(Unmet::Condition { claim: broken.claim.as_str().to_owned(), rule: broken.test.name() })
            }
        }
    }
}
