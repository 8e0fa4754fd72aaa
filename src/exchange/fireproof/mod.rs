//! `PUT` or `POST /api`: the Fireproof dashboard's protocol, as far as it exchanges tokens. The token travels in a JSON body.
//!
//! The messages are the dashboard's. What differs: a bad token is a refusal and not a breakdown, the one issuer that was
//! selected is named with what failed, nothing of the token comes back, `selected` is held against the subject's own
//! tenants and ledgers, and `expiresInSec` is a length of time.

mod message;
mod results;
mod session;

use std::rc::Rc;

use serde_json::{Value, json};

use self::message::Message;
use self::results::collect;
pub use self::results::{Results, result_key};
use self::session::Session;
use super::Exchange;
use super::mapping::Mapping;
use super::memberships::{self, SelectionError};
use super::mint::Audit;
use crate::jose::Algorithm;
use crate::keys::KeyCache;
use crate::ports::Platform;
use crate::rejection::{Fault, Refusal, Rejection, excerpt};
use crate::signing::Series;
use crate::trust::issuer::TrustedIssuer;
use crate::verify::{Observed, Terms, verify};

/// On which terms the dashboard's protocol is spoken.
#[derive(Clone, Debug, PartialEq)]
pub struct Fireproof {
    /// For each `auth.type`, whose tokens it stands for.
    pub auth_types: Vec<(String, Vec<String>)>,
    /// `iss` of the tokens.
    pub issuer: String,
    /// `aud` of the tokens.
    pub audience: String,
    /// Their longest life.
    pub ttl_seconds: u64,
    /// What they are signed under.
    pub algorithm: Algorithm,
    /// Where tenants and ledgers come from.
    pub memberships: memberships::Source,
    /// The user's claims: `userId`, `email` and further ones.
    pub claims: Vec<Mapping>,
}

impl Fireproof {
    /// The keys that its tokens are signed with.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::of(self.algorithm, &self.audience)
    }
}

/// Claims that this room writes itself, besides the registered ones.
pub const RESERVED: &[&str] = &["tenants", "ledgers", "selected"];

/// Why nothing is issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The message is not one of the protocol's.
    #[error("{0}")]
    Request(&'static str),
    /// The token is no good.
    #[error("the token is refused: {rejection}")]
    Token {
        /// The issuer that was selected, or that the token names.
        issuer: Option<String>,
        /// Why.
        rejection: Rejection,
    },
    /// The token is good, and another `auth.type`'s.
    #[error("the token's issuer is none of those that `auth.type` stands for")]
    OtherType {
        /// The token's issuer.
        issuer: String,
    },
    /// The subject does not belong there.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// Another subject's token waits under the `resultId`.
    #[error("the token of another subject waits under this `resultId`; send a new one")]
    ResultTaken,
    /// Neither the client nor the token is at fault.
    #[error("{fault}")]
    Fault {
        /// The issuer that was selected.
        issuer: Option<String>,
        /// What is wrong.
        fault: Fault,
    },
}

impl ApiError {
    /// Which rule it was.
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

    /// The protocol's error message.
    #[must_use]
    pub fn body(&self) -> Value {
        let (message, detail) = match self {
            Self::Token { rejection, .. } => (self.to_string(), rejection.to_string()),
            // The full text goes to the log: a client is not told which binding of ours is at fault.
            Self::Fault { fault, .. } => (fault.public_detail(), fault.public_detail()),
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

/// How it went.
pub struct Answered {
    /// The protocol's response message, or why there is none.
    pub outcome: Result<Value, ApiError>,
    /// What the log says of the token that was issued.
    pub audit: Option<Audit>,
    /// What may be logged of the subject's token.
    pub observed: Observed,
    /// The issuer whose key set is to be refreshed once the response is on its way.
    pub refresh: Option<Rc<TrustedIssuer>>,
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
            return collect(&exchange.results, &result_id, platform).await.into();
        }
        Ok(Message::Exchange(message)) => message,
        Err(error) => return Err(error).into(),
    };
    let Some((_, issuers)) = fireproof.auth_types.iter().find(|(name, _)| *name == message.auth_type) else {
        return Err(ApiError::Request("`auth.type` is not configured")).into();
    };
    let now = platform.now();
    let verification = verify(terms, keys, platform, &message.token, now).await;
    let issuer = verification.observed.issuer();
    let outcome = match verification.outcome {
        Err(Refusal::Rejection(rejection)) => Err(ApiError::Token { issuer, rejection }),
        Err(Refusal::Fault(fault)) => Err(ApiError::Fault { issuer, fault }),
        Ok(token) if !issuers.iter().any(|issuer| issuer == token.issuer()) => {
            Err(ApiError::OtherType { issuer: excerpt(token.issuer()) })
        }
        Ok(token) => Session { exchange, fireproof, message: &message }.open(&token, platform).await,
    };
    let (outcome, audit) = match outcome {
        Ok((message, audit)) => (Ok(message), Some(audit)),
        Err(error) => (Err(error), None),
    };
    Answered { outcome, audit, observed: verification.observed, refresh: verification.refresh }
}
