//! The request messages of the dashboard's protocol: `reqCloudSessionToken`, `reqEnsureCloudToken`, `reqTokenByResultId`.

use serde_json::{Map, Value};

use super::MessageError;
use crate::exchange::token_form;
use crate::jose::json::{self as strict, Members};
use crate::limits;

const AUTH: &str = "`auth` is not an object with two strings, `type` and `token`";

const SELECTED: &str = "`appId`, `tenant` or `ledger` is not a string";

const APP_ID: &str = "`appId` is longer than 256 bytes";

const RESULT_ID: &str = "`resultId` is not a string of at most 256 bytes";

/// A request message.
pub(super) enum Message {
    /// `reqTokenByResultId`, with the `resultId`.
    TokenByResultId(String),
    /// One of the two messages that exchange a token.
    Exchange(ExchangeMessage),
}

/// `reqCloudSessionToken` or `reqEnsureCloudToken`.
pub(super) struct ExchangeMessage {
    pub(super) auth_type: String,
    pub(super) token: String,
    pub(super) app_id: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) ledger: Option<String>,
    /// The id under which the issued token is also stored, for another client.
    pub(super) result_id: Option<String>,
    /// Whether the message is `reqEnsureCloudToken`, so that the response is `resEnsureCloudToken`.
    pub(super) is_ensure: bool,
}

impl Message {
    /// Reads the body of a request.
    pub(super) fn parse(body: &[u8]) -> Result<Self, MessageError> {
        let message = std::str::from_utf8(body)
            .ok()
            .and_then(|text| strict::parse_object(text).ok())
            .ok_or(MessageError::Form("the body is not one JSON object without duplicate members"))?;
        let is_ensure = match message.get("type").and_then(Value::as_str) {
            Some("reqTokenByResultId") => {
                let result_id = result_id(&message)?.ok_or(MessageError::Form("`resultId` is missing"))?;
                return Ok(Self::TokenByResultId(result_id));
            }
            Some("reqCloudSessionToken") => false,
            Some("reqEnsureCloudToken") => true,
            _ => {
                return Err(MessageError::Form(
                    "`type` is not one of reqCloudSessionToken, reqEnsureCloudToken and reqTokenByResultId",
                ));
            }
        };
        let auth = message.get("auth").and_then(Value::as_object).ok_or(MessageError::Form(AUTH))?;
        let credential = |member| text(auth, member, AUTH)?.ok_or(MessageError::Form(AUTH));
        let none = Map::new();
        let selected = match message.get("selected") {
            _ if is_ensure => &message,
            None | Some(Value::Null) => &none,
            Some(Value::Object(selected)) => selected,
            Some(_) => return Err(MessageError::Form("`selected` is not an object")),
        };
        let app_id = text(selected, "appId", SELECTED)?;
        if app_id.as_deref().is_some_and(is_too_long) {
            return Err(MessageError::Form(APP_ID));
        }
        if is_ensure && app_id.is_none() {
            return Err(MessageError::Form("`appId` is missing"));
        }
        let (auth_type, token) = (credential("type")?, credential("token")?);
        token_form::check(&token)?;
        Ok(Self::Exchange(ExchangeMessage {
            auth_type,
            token,
            app_id,
            tenant: text(selected, "tenant", SELECTED)?,
            ledger: text(selected, "ledger", SELECTED)?,
            result_id: if is_ensure { None } else { result_id(&message)? },
            is_ensure,
        }))
    }
}

fn result_id(message: &Members) -> Result<Option<String>, MessageError> {
    match text(message, "resultId", RESULT_ID)? {
        Some(id) if is_too_long(&id) => Err(MessageError::Form(RESULT_ID)),
        id => Ok(id),
    }
}

fn is_too_long(id: &str) -> bool {
    id.len() > limits::MAX_FIREPROOF_ID_BYTES
}

/// The string in `member`; `None` if it is absent or null.
fn text(members: &Members, member: &str, error: &'static str) -> Result<Option<String>, MessageError> {
    match members.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(MessageError::Form(error)),
    }
}
