//! `PUT` or `POST /api`: the Fireproof dashboard's protocol, as far as it exchanges tokens. The token travels in a JSON body.
//!
//! The messages are the dashboard's. What differs: a bad token is a refusal and not a breakdown, the one issuer that was
//! selected is named with what failed, nothing of the token comes back, `selected` is held against the subject's own
//! tenants and ledgers, and `expiresInSec` is a length of time.

use std::rc::Rc;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Exchange;
use super::facts::Facts;
use super::mapping::{self, Mapping};
use super::memberships::{self, Memberships, Selected, SelectionFault};
use super::mint::{Draft, Minted};
use crate::jose::json::{self as strict, Members};
use crate::jose::{Algorithm, base64url};
use crate::keys::KeyCache;
use crate::limits;
use crate::ports::{Level, Platform};
use crate::rejection::{Fault, Refusal, Rejection, excerpt};
use crate::trust::issuer::TrustedIssuer;
use crate::verify::{Observed, Terms, VerifiedToken, verify};

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
    Selection(#[from] SelectionFault),
    /// Nobody's fault who asked.
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
            Self::Fault { fault, .. } => fault.code(),
        }
    }

    /// The protocol's error message.
    #[must_use]
    pub fn body(&self) -> Value {
        let detail = match self {
            Self::Token { rejection, .. } => rejection.to_string(),
            other => other.to_string(),
        };
        let attempts: Vec<Value> = match self {
            Self::Token { issuer, .. } | Self::Fault { issuer, .. } => issuer.clone(),
            Self::OtherType { issuer } => Some(issuer.clone()),
            Self::Request(_) | Self::Selection(_) => None,
        }
        .into_iter()
        .map(|issuer| json!({ "issuer": issuer, "code": self.code(), "detail": detail }))
        .collect();
        json!({ "type": "error", "message": self.to_string(), "code": self.code(), "attempts": attempts })
    }
}

/// How it went.
pub struct Answered {
    /// The protocol's response message, or why there is none.
    pub outcome: Result<Value, ApiError>,
    /// What may be logged of the token.
    pub observed: Observed,
    /// The issuer whose key set is to be refreshed once the response is on its way.
    pub refresh: Option<Rc<TrustedIssuer>>,
}

impl From<Result<Value, ApiError>> for Answered {
    fn from(outcome: Result<Value, ApiError>) -> Self {
        Self { outcome, observed: Observed::default(), refresh: None }
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
            return collect(&result_id, platform).await.into();
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
    Answered { outcome, observed: verification.observed, refresh: verification.refresh }
}

const AUTH: &str = "`auth` is not an object of two strings, `type` and `token`";

const SELECTED: &str = "`appId`, `tenant` and `ledger` are strings";

/// A message of a client's.
enum Message {
    TokenByResultId(String),
    Exchange(ExchangeMessage),
}

/// `reqCloudSessionToken` or `reqEnsureCloudToken`.
struct ExchangeMessage {
    auth_type: String,
    token: String,
    app_id: Option<String>,
    tenant: Option<String>,
    ledger: Option<String>,
    result_id: Option<String>,
    /// Whether the response is `resEnsureCloudToken`.
    ensures: bool,
}

impl Message {
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let message = std::str::from_utf8(body)
            .ok()
            .and_then(|text| strict::parse_object(text).ok())
            .ok_or(ApiError::Request("the body is not one JSON object, each member of it once"))?;
        let ensures = match message.get("type").and_then(Value::as_str) {
            Some("reqTokenByResultId") => {
                let result_id = text(&message, "resultId", "`resultId` is not a string")?
                    .ok_or(ApiError::Request("`resultId` is missing"))?;
                return Ok(Self::TokenByResultId(result_id));
            }
            Some("reqCloudSessionToken") => false,
            Some("reqEnsureCloudToken") => true,
            _ => {
                return Err(ApiError::Request(
                    "`type` is none of reqCloudSessionToken, reqEnsureCloudToken and reqTokenByResultId",
                ));
            }
        };
        let auth = message.get("auth").and_then(Value::as_object).ok_or(ApiError::Request(AUTH))?;
        let credential = |member| text(auth, member, AUTH)?.ok_or(ApiError::Request(AUTH));
        let none = Map::new();
        let selected = match message.get("selected") {
            _ if ensures => &message,
            None | Some(Value::Null) => &none,
            Some(Value::Object(selected)) => selected,
            Some(_) => return Err(ApiError::Request("`selected` is not an object")),
        };
        let app_id = text(selected, "appId", SELECTED)?;
        if ensures && app_id.is_none() {
            return Err(ApiError::Request("`appId` is missing"));
        }
        Ok(Self::Exchange(ExchangeMessage {
            auth_type: credential("type")?,
            token: credential("token")?,
            app_id,
            tenant: text(selected, "tenant", SELECTED)?,
            ledger: text(selected, "ledger", SELECTED)?,
            result_id: if ensures { None } else { text(&message, "resultId", "`resultId` is not a string")? },
            ensures,
        }))
    }
}

fn text(members: &Members, member: &str, fault: &'static str) -> Result<Option<String>, ApiError> {
    match members.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::Request(fault)),
    }
}

/// A session for the subject of a verified token.
struct Session<'s> {
    exchange: &'s Exchange,
    fireproof: &'s Fireproof,
    message: &'s ExchangeMessage,
}

impl Session<'_> {
    async fn open<P: Platform>(&self, token: &VerifiedToken, platform: &P) -> Result<Value, ApiError> {
        let refused = |rejection| ApiError::Token { issuer: Some(excerpt(token.issuer())), rejection };
        let faulty = |fault| ApiError::Fault { issuer: Some(excerpt(token.issuer())), fault };
        let binding = self.exchange.directory.as_deref();
        let facts = Facts::gather(token, binding, platform).await.map_err(faulty)?;
        let subject = token.claims().subject.as_deref().filter(|sub| !sub.is_empty());
        let subject = subject.ok_or_else(|| refused(Rejection::ClaimMissing { claim: "sub".to_owned() }))?;
        let source = self.fireproof.memberships;
        let memberships =
            Memberships::of(source, token.issuer(), subject, &facts, binding).map_err(faulty)?;
        let ExchangeMessage { app_id, tenant, ledger, .. } = self.message;
        let selected = memberships.select(app_id.clone(), tenant.as_deref(), ledger.as_deref())?;

        let now = platform.now();
        let mut draft = Draft::new(token, self.fireproof.ttl_seconds, now).map_err(refused)?;
        draft.set("created", &now.rfc3339());
        for (name, value) in mapping::apply(&self.fireproof.claims, &facts).map_err(refused)? {
            draft.set_raw(name, value);
        }
        if draft.get("email").is_none() {
            // Fireproof's schema wants an address of everybody. No mail ever reaches this one (RFC 6761 §6.4).
            let name = memberships::personal_name(token.issuer(), subject);
            draft
                .set("email", &format!("u{}@no-email.invalid", name.replace(['-', '_'], "x").to_lowercase()));
        }
        draft.set("iss", &self.fireproof.issuer);
        draft.set("aud", &self.fireproof.audience);
        draft.set("tenants", &memberships.tenants);
        draft.set("ledgers", &memberships.ledgers);
        draft.set("selected", &selected);
        let ring = self.exchange.keys().map_err(faulty)?;
        let minted = draft.sign("JWT", ring, self.fireproof.algorithm, platform).map_err(faulty)?;
        if let Some(result_id) = self.message.result_id.as_deref().filter(|id| is_long_enough(id)) {
            leave(result_id, &minted.token, platform).await;
        }
        Ok(if self.message.ensures {
            ensured(&minted, &selected)
        } else {
            json!({ "type": "resCloudSessionToken", "token": minted.token })
        })
    }
}

fn ensured(minted: &Minted, selected: &Selected) -> Value {
    let claims: Option<&RawValue> = serde_json::from_str(&minted.payload).ok();
    json!({
        "type": "resEnsureCloudToken",
        "cloudToken": minted.token,
        "appId": selected.app_id,
        "tenant": selected.tenant,
        "ledger": selected.ledger,
        "expiresInSec": minted.expires_in,
        "expiresDate": minted.expires_at.rfc3339(),
        "claims": claims,
    })
}

fn is_long_enough(result_id: &str) -> bool {
    result_id.chars().nth(limits::MIN_RESULT_ID_CHARS.saturating_sub(1)).is_some()
}

/// The store's key of a result. Whoever can list the keys learns no `resultId` from it.
#[must_use]
pub fn result_key(result_id: &str) -> String {
    use sha2::Digest as _;
    format!("fireproof-result:v1:{}", base64url::encode(&sha2::Sha256::digest(result_id.as_bytes())))
}

/// Leaves a token for whoever knows the `resultId`. That the store is down does not take the token from who asked.
async fn leave<P: Platform>(result_id: &str, token: &str, platform: &P) {
    if let Err(error) = platform.put(&result_key(result_id), token, limits::FIREPROOF_RESULT_SECONDS).await {
        platform.log(Level::Warn, &json!({ "event": "result_not_stored", "reason": error.to_string() }));
    }
}

/// `reqTokenByResultId`: the token that was left, once.
async fn collect<P: Platform>(result_id: &str, platform: &P) -> Result<Value, ApiError> {
    let unavailable = |error: crate::ports::StoreError| ApiError::Fault {
        issuer: None,
        fault: Fault::DirectoryUnavailable { binding: "JWKS_CACHE".to_owned(), reason: error.to_string() },
    };
    let token = if is_long_enough(result_id) {
        let key = result_key(result_id);
        let found = crate::ports::KeyValueStore::get(platform, &key).await.map_err(unavailable)?;
        if found.is_some() {
            // Removed before it is handed out: better lost than handed out twice.
            platform.delete(&key).await.map_err(unavailable)?;
        }
        found
    } else {
        None
    };
    Ok(match token {
        Some(token) => {
            json!({ "type": "resTokenByResultId", "status": "found", "resultId": result_id, "token": token })
        }
        None => json!({ "type": "resTokenByResultId", "status": "not-found", "resultId": result_id }),
    })
}
