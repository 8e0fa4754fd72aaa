//! `PUT` or `POST /api`: the part of the Fireproof dashboard's protocol that exchanges tokens. The token is sent in a JSON body.
//!
//! The messages are those of the dashboard, with these differences: a bad token is a 401 and not a 500; an error names the one
//! issuer that was selected and what failed; no response repeats a part of the token; `selected` is compared with the
//! subject's own tenants and ledgers; `expiresInSec` is a duration.

mod message;
mod results;
mod session;

use std::sync::Arc;

use serde_json::Value;

use self::message::Message;
use self::results::collect_result;
pub use self::results::{Results, result_key};
use self::session::Session;
use super::Exchange;
use super::mapping::Mapping;
use super::memberships::{self, SelectionError};
use super::mint::Audit;
use super::token_form::TokenFormError;
use crate::details;
use crate::jose::Algorithm;
use crate::keys::KeyCache;
use crate::members::json;
use crate::ports::Platform;
use crate::rejection::{Fault, Refusal, Rejection, excerpt};
use crate::signing::Series;
use crate::trust::issuer::TrustedIssuer;
use crate::verify::{Observed, Terms, verify};

/// The configuration of the dashboard's protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct Fireproof {
    /// Each `auth.type` with the issuers whose tokens it accepts.
    pub auth_types: Vec<(String, Vec<String>)>,
    /// The `iss` of issued tokens.
    pub issuer: String,
    /// The `aud` of issued tokens.
    pub audience: String,
    /// Their longest lifetime, in seconds.
    pub ttl_seconds: u64,
    /// The algorithm that signs them.
    pub algorithm: Algorithm,
    /// The source of tenants and ledgers.
    pub memberships: memberships::Source,
    /// The claims about the user: `userId`, `email` and further ones.
    pub claims: Vec<Mapping>,
}

impl Fireproof {
    /// The series of keys that sign its tokens.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::of(self.algorithm, &self.audience)
    }
}

/// Claims that the configuration may not set, besides the registered ones, because this protocol writes them itself.
pub const RESERVED: &[&str] = &["tenants", "ledgers", "selected"];

/// Why the endpoint issues no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The message is malformed, or not one of the supported ones.
    #[error(transparent)]
    Request(#[from] MessageError),
    /// The token is refused.
    #[error("the token is refused: {rejection}")]
    Token {
        /// The issuer that was selected, or that the token names.
        issuer: Option<String>,
        /// Why it is refused.
        rejection: Rejection,
    },
    /// The token is valid, but its issuer belongs to another `auth.type`.
    #[error("the `auth.type` does not accept tokens of this issuer")]
    OtherType {
        /// The token's issuer.
        issuer: String,
    },
    /// The subject does not belong to the selected tenant or ledger.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// A token of another subject is stored under the `resultId`.
    #[error("a token of another subject is stored under this `resultId`; send another `resultId`")]
    ResultTaken,
    /// The operator, an identity provider or Workers KV is at fault.
    #[error("{fault}")]
    Fault {
        /// The issuer that was selected.
        issuer: Option<String>,
        /// The fault.
        fault: Fault,
    },
}

/// Why a request message cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The message, or one of its members, does not have the right form; the text says which.
    #[error("{0}")]
    Form(&'static str),
    /// `auth.token` does not hold a token alone.
    #[error("the `auth.token` {0}")]
    Token(#[from] TokenFormError),
}

impl ApiError {
    /// The code of the rule.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "request_invalid",
            Self::Token { rejection, .. } => rejection.code(),
            Self::OtherType { .. } => "issuer_not_accepted",
            Self::Selection(_) => "selection_not_permitted",
            Self::ResultTaken => "result_taken",
            Self::Fault { fault, .. } => fault.code(),
        }
    }

    /// The body of the error response: the protocol's message `error`. `prefix` is that of the endpoints.
    #[must_use]
    pub fn body(&self, prefix: &str) -> Value {
        let (message, detail) = match self {
            Self::Token { rejection, .. } => (self.to_string(), rejection.to_string()),
            // The full text is written only to the log, because it names a binding of the Worker.
            Self::Fault { fault, .. } => {
                let detail = details::of_fault(fault, prefix);
                (detail.clone(), detail)
            }
            other => (other.to_string(), other.to_string()),
        };
        let attempts: Vec<Value> = match self {
            Self::Token { issuer, .. } | Self::Fault { issuer, .. } => issuer.clone(),
            Self::OtherType { issuer } => Some(issuer.clone()),
            Self::Request(_) | Self::Selection(_) | Self::ResultTaken => None,
        }
        .into_iter()
        .map(|issuer| json!({ "issuer": issuer, "code": self.code(), "detail": detail }))
        .collect();
        json!({ "type": "error", "message": message, "code": self.code(), "attempts": attempts })
    }
}

/// The result of one message, and what to log about it.
pub struct Answered {
    /// The protocol's response message, or the error.
    pub outcome: Result<Value, ApiError>,
    /// What to log about the issued token.
    pub audit: Option<Audit>,
    /// What to log about the subject's token.
    pub observed: Observed,
    /// The issuer whose key set is to be refreshed after the response was sent.
    pub refresh: Option<Arc<TrustedIssuer>>,
}

impl From<Result<Value, ApiError>> for Answered {
    fn from(outcome: Result<Value, ApiError>) -> Self {
        Self { outcome, audit: None, observed: Observed::default(), refresh: None }
    }
}

/// Answers one message.
pub async fn answer<P: Platform>(
    exchange: &Exchange,
    terms: &Terms,
    fireproof: &Fireproof,
    keys: &KeyCache,
    platform: &P,
    body: &[u8],
) -> Answered {
    let message = match Message::parse(body) {
        Ok(Message::TokenByResultId(result_id)) => {
            return collect_result(&exchange.results, &result_id, platform).await.into();
        }
        Ok(Message::Exchange(message)) => message,
        Err(error) => return Err(error.into()).into(),
    };
    let Some((_, issuers)) = fireproof.auth_types.iter().find(|(name, _)| *name == message.auth_type) else {
        return Err(MessageError::Form("`auth.type` is not configured").into()).into();
    };
    let now = platform.now();
    let verification = verify(terms, keys, platform, &message.token, now).await;
    let issuer = verification.observed.issuer();
    let outcome = match verification.outcome {
        Err(Refusal::Rejection(rejection)) => Err(ApiError::Token { issuer, rejection }),
        Err(Refusal::Fault(fault)) => Err(ApiError::Fault { issuer, fault }),
        Ok(token) if !issuers.iter().any(|issuer| token.is_of(issuer)) => {
            Err(ApiError::OtherType { issuer: excerpt(token.issuer()) })
        }
        Ok(token) => Session { exchange, fireproof, message: &message }.issue(&token, platform).await,
    };
    let (outcome, audit) = match outcome {
        Ok((message, audit)) => (Ok(message), Some(audit)),
        Err(error) => (Err(error), None),
    };
    Answered { outcome, audit, observed: verification.observed, refresh: verification.refresh }
}
