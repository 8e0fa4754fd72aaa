//! The errors of the token endpoint (RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 8707 §2).
//!
//! Each has two names: `error` is one of the protocol's few error codes, `code` names the rule that was broken. The texts
//! become `error_description`, so they are ASCII without quotation marks and backslashes of their own. They name rules,
//! parameters and configured values, never a value of a token.

use super::form::FormError;
use super::token_form::TokenFormError;
use crate::claims::conditions::Member;
use crate::codes::{self, Code};
use crate::details;
use crate::rejection::{Fault, Rejection};

/// Why the token endpoint issues no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The form is at fault.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// `grant_type` is not one of the two supported grants.
    #[error(
        "the grant_type is not supported; send urn:ietf:params:oauth:grant-type:token-exchange or urn:ietf:params:oauth:grant-type:jwt-bearer"
    )]
    GrantType,
    /// The client is not authenticated.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The client is authenticated, and its configuration does not list the target.
    #[error("the client's `targets` do not include {audience}")]
    ClientNotAllowed {
        /// The requested audience.
        audience: String,
    },
    /// A token in the request is refused.
    #[error("the {role} is refused: {rejection}")]
    Token {
        /// The parameter that holds the token.
        role: Role,
        /// Why it is refused.
        rejection: Rejection,
    },
    /// The actor may not act for the subject.
    #[error(transparent)]
    Actor(#[from] ActorError),
    /// No token can be issued for the target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The scope cannot be granted.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The operator, an identity provider or Workers KV is at fault.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The parameter that holds a token.
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
    /// The `Content-Type` is not that of a form.
    #[error("the Content-Type is not application/x-www-form-urlencoded")]
    ContentType,
    /// The body cannot be read as a form.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A required parameter is missing or empty.
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    /// The first parameter was sent without the second, which it describes.
    #[error("the parameter `{0}` was sent without `{1}`; send both, or neither")]
    Without(&'static str, &'static str),
    /// A parameter has characters that it may not have, or is too long.
    #[error("the parameter `{0}` is malformed: send at most {max} printable ASCII characters, without spaces around them", max = crate::limits::MAX_CLIENT_ID_BYTES)]
    Malformed(&'static str),
    /// A token type that is not accepted, or not issued.
    #[error("the {parameter} is not supported; supported: {supported}")]
    TokenType {
        /// The parameter.
        parameter: &'static str,
        /// What is supported.
        supported: &'static str,
    },
    /// Credentials in the header and in the body, or two different `client_id`s.
    #[error(
        "the client authenticates in more than one way; send the credentials once, in the header or in the body"
    )]
    SeveralCredentials,
    /// A parameter does not hold a token alone.
    #[error("the {0} {1}")]
    TokenForm(Role, TokenFormError),
    /// Too many targets.
    #[error(
        "the request names more than {} audiences and resources",
        crate::limits::MAX_TARGETS_OF_A_REQUEST
    )]
    TooManyTargets,
}

/// Why the client is not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The `Authorization` header is not Basic authentication.
    #[error(
        "the Authorization header is not `Basic` with a client_id and a client_secret (RFC 6749, section 2.3.1)"
    )]
    Header,
    /// No such client is configured, or its secret is another one.
    #[error("the client is unknown, or its client_secret is wrong")]
    Unauthenticated,
    /// A public client sent a reserved `client_id`.
    #[error(
        "the client_ids `edge-assay` and `public` are reserved for this Worker; send another one, or none"
    )]
    Reserved,
    /// No credentials were sent, and the target requires a registered client.
    #[error(
        "the target does not accept public clients; authenticate with client_secret_basic or client_secret_post"
    )]
    Required,
}

/// Why the actor may not act for the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActorError {
    /// The subject token's `may_act` names another actor.
    #[error("the subject_token's `may_act` names another actor, by `iss` and `sub`")]
    MayAct,
    /// The subject token has no `may_act`, and the target's configuration does not list the actor.
    #[error("the subject_token has no `may_act`, and the target's `actors` do not include the actor")]
    NotListed,
    /// The actor token has no subject.
    #[error("the actor_token has no `sub`")]
    NoSubject,
    /// The subject token's `act` names no actor. It is not copied, because the issued token would have an actor without a name.
    #[error("the subject_token's `act` is not an object that names an actor by `iss`, `sub` or `client_id`")]
    Malformed,
    /// The chain of actors is too long.
    #[error("the chain of `act` claims has more than {} actors", crate::limits::MAX_ACTORS)]
    TooMany,
}

/// Why no token is issued for a target. Every audience in these texts is a configured one, so no text repeats a value that a
/// client sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A requested target is not configured.
    #[error("no target is configured for a requested audience or resource")]
    Unknown,
    /// A requested name differs from a configured audience only by a slash at the end. Audiences are compared exactly.
    #[error(
        "no target has the requested audience; the target {audience} differs only by a slash at the end, so request exactly that"
    )]
    Slash {
        /// The configured audience.
        audience: String,
    },
    /// `resource` is not an absolute URI, or has a fragment.
    #[error("a resource is not an absolute URI without a fragment (RFC 8707, section 2)")]
    Resource,
    /// The request names no target, and not exactly one target accepts the issuer's tokens.
    #[error(
        "the request names no audience or resource, and not exactly one target accepts tokens of this issuer; name the target"
    )]
    Unclear,
    /// The target does not accept the issuer's tokens.
    #[error("the target {audience} does not accept tokens of this issuer")]
    Issuer {
        /// The target.
        audience: String,
    },
    /// A condition in the target's `when` is not fulfilled.
    #[error("the token does not fulfil a condition of the target {audience}: {rule} on {about}")]
    Condition {
        /// The target.
        audience: String,
        /// The member that it is about.
        about: Member,
        /// The name of the test.
        rule: &'static str,
    },
    /// The requested targets cannot share one token.
    #[error(
        "the requested targets cannot share a token, because their {0} differ; request one token for each"
    )]
    Apart(&'static str),
}

/// Why a scope is not granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not a list of scopes (RFC 6749 §3.3).
    #[error("the scope is not a list of scopes separated by single spaces (RFC 6749, section 3.3)")]
    Malformed,
    /// The target does not grant a requested scope.
    #[error("the target {audience} does not grant a requested scope; it grants: {granted}")]
    NotGranted {
        /// The target.
        audience: String,
        /// The scopes that it grants, separated by spaces.
        granted: String,
    },
    /// A requested scope is not in the subject token's own scope.
    #[error(
        "a requested scope is not in the subject_token's own scope, and an exchange grants no more than that"
    )]
    Widening,
}

impl TokenError {
    /// The protocol's error code, for `error`.
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

    /// The text for the client. The full text of a fault is written only to the log. `prefix` is that of the endpoints.
    #[must_use]
    pub fn public_detail(&self, prefix: &str) -> String {
        match self {
            Self::Fault(fault) => details::of_fault(fault, prefix),
            other => other.to_string(),
        }
    }

    /// The code of the rule: the code of the rejection or the fault, or one of the exchange.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token { rejection, .. } => rejection.code(),
            _ => self.row().name(),
        }
    }

    /// A short title, the same for every occurrence of the code.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::Token { rejection, .. } => rejection.title(),
            _ => self.row().title(),
        }
    }

    /// The status of the response. A refused token is a 400: in an exchange it is a parameter, and not the credential of the request.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.row().status()
    }

    /// The row of its code. A refused token has a code of its own, and here the row with its status.
    fn row(&self) -> &'static Code {
        match self {
            Self::Request(_) | Self::Token { .. } => &codes::REQUEST_INVALID,
            Self::GrantType => &codes::GRANT_TYPE_UNSUPPORTED,
            Self::Client(_) => &codes::CLIENT_UNAUTHENTICATED,
            Self::ClientNotAllowed { .. } => &codes::CLIENT_NOT_ALLOWED,
            Self::Actor(_) => &codes::ACTOR_NOT_ALLOWED,
            Self::Target(
                TargetError::Unknown
                | TargetError::Slash { .. }
                | TargetError::Resource
                | TargetError::Unclear,
            ) => &codes::TARGET_UNKNOWN,
            Self::Target(TargetError::Issuer { .. }) => &codes::TARGET_ISSUER,
            Self::Target(TargetError::Condition { .. }) => &codes::CONDITION_FAILED,
            Self::Target(TargetError::Apart(_)) => &codes::TARGETS_APART,
            Self::Scope(_) => &codes::SCOPE_NOT_GRANTED,
            Self::Fault(fault) => fault.row(),
        }
    }
}
