//! What a client of the dashboard sends: `reqCloudSessionToken`, `reqEnsureCloudToken`, `reqTokenByResultId`.

use serde_json::{Map, Value};

use super::ApiError;
use crate::jose::json::{self as strict, Members};
use crate::limits;

const AUTH: &str = "`auth` is not an object of two strings, `type` and `token`";

const SELECTED: &str = "`appId`, `tenant` and `ledger` are strings";

const APP_ID: &str = "`appId` is longer than 256 bytes";

const RESULT_ID: &str = "`resultId` is not a string of at most 256 bytes";

/// A message of a client's.
pub(super) enum Message {
    TokenByResultId(String),
    Exchange(ExchangeMessage),
}

/// `reqCloudSessionToken` or `reqEnsureCloudToken`.
pub(super) struct ExchangeMessage {
    pub(super) auth_type: String,
    pub(super) token: String,
    pub(super) app_id: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) ledger: Option<String>,
    /// Under which the token is left for somebody else.
    pub(super) result_id: Option<String>,
    /// Whether the response is `resEnsureCloudToken`.
    pub(super) ensures: bool,
}

impl Message {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let message = std::str::from_utf8(body)
            .ok()
            .and_then(|text| strict::parse_object(text).ok())
            .ok_or(ApiError::Request("the body is not one JSON object, each member of it once"))?;
        let ensures = match message.get("type").and_then(Value::as_str) {
            Some("reqTokenByResultId") => {
                let result_id = result_id(&message)?.ok_or(ApiError::Request("`resultId` is missing"))?;
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
        if app_id.as_deref().is_some_and(is_too_long) {
            return Err(ApiError::Request(APP_ID));
        }
        if ensures && app_id.is_none() {
            return Err(ApiError::Request("`appId` is missing"));
        }
        Ok(Self::Exchange(ExchangeMessage {
            auth_type: credential("type")?,
            token: credential("token")?,
            app_id,
            tenant: text(selected, "tenant", SELECTED)?,
            ledger: text(selected, "ledger", SELECTED)?,
            result_id: if ensures { None } else { result_id(&message)? },
            ensures,
        }))
    }
}

fn result_id(message: &Members) -> Result<Option<String>, ApiError> {
    match text(message, "resultId", RESULT_ID)? {
        Some(id) if is_too_long(&id) => Err(ApiError::Request(RESULT_ID)),
        id => Ok(id),
    }
}

fn is_too_long(id: &str) -> bool {
    id.len() > limits::MAX_FIREPROOF_ID_BYTES
}

fn text(members: &Members, member: &str, fault: &'static str) -> Result<Option<String>, ApiError> {
    match members.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::Request(fault)),
    }
}
