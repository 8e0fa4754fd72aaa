//! Why the token endpoint issues nothing, as RFC 6749 §5.2, RFC 8693 §2.2.2 and RFC 8707 §2 name it.
//!
//! Two names each: `error` is the protocol's, of which there are few; `code` says which rule it was. Texts name rules,
//! parameters and what the configuration holds, never a value of a token.

use super::form::FormError;
use crate::rejection::{Fault, Rejection};

/// Why nothing is issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request itself.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// `grant_type` is neither of ours.
    #[error(
        "the grant_type is not supported; send urn:ietf:params:oauth:grant-type:token-exchange or urn:ietf:params:oauth:grant-type:jwt-bearer"
    )]
    GrantType,
    /// Who sent it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The client is who it says, and may not have this.
    #[error("the client's `targets` do not hold {audience}")]
    ClientNotAllowed {
        /// The audience asked for.
        audience: String,
    },
    /// A token in it.
    #[error("the {role} is refused: {rejection}")]
    Token {
        /// Which.
        role: Role,
        /// Why.
        rejection: Rejection,
    },
    /// Who would act for the subject.
    #[error(transparent)]
    Actor(#[from] ActorError),
    /// For whom the token would be.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// What it would allow.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// Neither the client nor the token is at fault.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What a token was sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `subject_token`.
    Subject,
    /// `actor_token`.
    Actor,
    /// `assertion`.
    Assertion,
}

impl std::fmt::Display for Role {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Subject => "subject_token",
            Self::Actor => "actor_token",
            Self::Assertion => "assertion",
        })
    }
}

/// What is wrong with a request's form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not sent as a form.
    #[error("the Content-Type is not application/x-www-form-urlencoded")]
    ContentType,
    /// Not a form.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A parameter that has to be there.
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    /// A parameter that has to be absent.
    #[error("the parameter `{0}` has no meaning without `{1}`")]
    Without(&'static str, &'static str),
    /// A parameter of the wrong form.
    #[error("the parameter `{0}` is malformed")]
    Malformed(&'static str),
    /// A token type that is not taken, or not issued.
    #[error("the {parameter} is not supported; supported: {supported}")]
    TokenType {
        /// The parameter.
        parameter: &'static str,
        /// What is supported.
        supported: &'static str,
    },
    /// Credentials in the header and in the body, or two names.
    #[error("the client authenticates in more than one way")]
    SeveralCredentials,
    /// A token with the scheme of an `Authorization` header before it.
    #[error("the {0} begins with `Bearer `; send the token alone, without that word")]
    Scheme(Role),
    /// Too many targets.
    #[error("more than {} audiences and resources are asked for", crate::limits::MAX_TARGETS_OF_A_REQUEST)]
    TooManyTargets,
}

/// Why the client is not who it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The `Authorization` header.
    #[error("the Authorization header is not `Basic` with a client_id and a client_secret (RFC 6749 §2.3.1)")]
    Header,
    /// No such client, or another secret.
    #[error("the client is unknown, or its client_secret is wrong")]
    Unauthenticated,
    /// A name that only this Worker writes into tokens.
    #[error(
        "`edge-assay` and `public` are client_ids that only this Worker assigns; send another one, or none"
    )]
    Reserved,
    /// No credentials, and a target that wants some.
    #[error(
        "the target takes no public clients; authenticate with client_secret_basic or client_secret_post"
    )]
    Required,
}

/// Why nobody acts for the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActorError {
    /// The subject token says who may, and it is somebody else.
    #[error("the subject_token's `may_act` names another actor, by `iss` and `sub`")]
    MayAct,
    /// The subject token does not say, nor does the target's configuration.
    #[error("the subject_token has no `may_act`, and the target's `actors` do not hold the actor")]
    NotListed,
    /// The actor token has no subject.
    #[error("the actor_token has no `sub`")]
    NoSubject,
    /// An `act` that says nothing. Issued again, it would be an actor without a name.
    #[error("the subject_token's `act` is not an object that names an actor by `iss`, `sub` or `client_id`")]
    Malformed,
    /// The chain is too long.
    #[error("the chain of `act` claims is longer than {}", crate::limits::MAX_ACTORS)]
    TooMany,
}

/// Why there is no token for a target. What is named is in the configuration, or was checked to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nobody configured such a target.
    #[error("no target is configured for an audience or resource asked for")]
    Unknown,
    /// The name of a target, but for a slash at the end. Audiences are compared exactly, so this is another one.
    #[error(
        "no target has the audience asked for; \"{audience}\" differs by the slash at the end only, so ask for exactly that"
    )]
    Slash {
        /// The configured audience.
        audience: String,
    },
    /// `resource` is no absolute URI, or has a fragment.
    #[error("a resource is not an absolute URI without a fragment (RFC 8707 §2)")]
    Resource,
    /// None was named, and it is not clear which is meant.
    #[error(
        "no audience or resource is asked for, and there is not exactly one target that takes this issuer's tokens"
    )]
    Unclear,
    /// The target takes other issuers' tokens.
    #[error("the target {audience} does not take tokens of this issuer")]
    Issuer {
        /// The target.
        audience: String,
    },
    /// A condition of the target's `when` is false.
    #[error("the target {audience} requires {rule} of {claim}")]
    Condition {
        /// The target.
        audience: String,
        /// The pointer that the condition looks at.
        claim: String,
        /// The condition's name.
        rule: &'static str,
    },
    /// Several targets that cannot share a token.
    #[error("the targets asked for cannot share a token: their {0} differ; ask for one after the other")]
    Apart(&'static str),
}

/// Why a scope is not granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not of the form of RFC 6749 §3.3.
    #[error("the scope is malformed")]
    Malformed,
    /// The target does not grant it.
    #[error("the target {audience} does not grant a scope asked for; it grants: {granted}")]
    NotGranted {
        /// The target.
        audience: String,
        /// What it grants.
        granted: String,
    },
    /// The subject token has a narrower scope.
    #[error("a scope asked for is not in the subject_token's own scope, and an exchange never widens it")]
    Widening,
}

impl TokenError {
    /// The protocol's `error`.
    #[must_use]
    pub fn error(&self) -> &'static str {
        match self {
            Self::Token { role: Role::Assertion, .. } => "invalid_grant",
            Self::Request(_) | Self::Actor(_) | Self::Token { .. } => "invalid_request",
            Self::GrantType => "unsupported_grant_type",
            Self::Client(_) => "invalid_client",
            Self::ClientNotAllowed { .. } => "unauthorized_client",
            Self::Target(_) => "invalid_target",
            Self::Scope(_) => "invalid_scope",
            Self::Fault(_) => "temporarily_unavailable",
        }
    }

    /// What the client is told. The full text of a fault goes to the log only.
    #[must_use]
    pub fn public_detail(&self) -> String {
        match self {
            Self::Fault(fault) => fault.public_detail(),
            other => other.to_string(),
        }
    }

    /// Which rule it was: the rejection's or fault's own code, or one of the exchange's.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token { rejection, .. } => rejection.code(),
            Self::Fault(fault) => fault.code(),
            Self::Request(_) => "request_invalid",
            Self::GrantType => "grant_type_unsupported",
            Self::Client(_) => "client_unauthenticated",
            Self::ClientNotAllowed { .. } => "client_not_allowed",
            Self::Actor(_) => "actor_not_allowed",
            Self::Target(
                TargetError::Unknown
                | TargetError::Slash { .. }
                | TargetError::Resource
                | TargetError::Unclear,
            ) => "target_unknown",
            Self::Target(TargetError::Issuer { .. }) => "issuer_not_accepted",
            Self::Target(TargetError::Condition { .. }) => "condition_failed",
            Self::Target(TargetError::Apart(_)) => "targets_apart",
            Self::Scope(_) => "scope_not_granted",
        }
    }
}
