//! The texts between a process and a coordinator: a question, and its answer. Both are JSON objects, and both are read like network input.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::jose::{base64url, json};
use crate::keys::fetch::{ACCEPT_DOCUMENT, ACCEPT_SET};
use crate::keys::url;
use crate::limits::{
    FETCH_TIMEOUT_RANGE_MS, MAX_ANSWER_BYTES, MAX_ETAG_BYTES, MAX_FAILURE_REASON_CHARS, MAX_JWKS_BYTES,
    MAX_QUESTION_BYTES, MAX_SHARED_SECONDS, MAX_URL_BYTES,
};
use crate::members::json;
use crate::ports::{Document, DocumentRequest, FetchError};
use crate::time::Timestamp;

/// A document that a process asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The request that the process would send to the origin.
    pub request: DocumentRequest,
}

/// When a source was last purged. It also tells the coordinator what the process knows of that: so a purge is announced, and a coordinator that
/// was restarted learns of it from any process. A coordinator of a version without this question refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeQuestion {
    /// The name of the source in the keys of the store: the base64url SHA-256 of its identity.
    pub id: String,
    /// The mark that the process knows.
    pub purged_at: Option<Timestamp>,
}

/// A question of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyQuestion {
    /// About a document.
    Document(Question),
    /// About purges.
    Purges(PurgeQuestion),
}

/// The member that makes a text a question about purges.
const PURGES_OF: &str = "purges_of";

/// The answer of a coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The fetch has not ended yet: ask again.
    Pending,
    /// The origin's answer, or a 304 if the process has it already.
    Document {
        /// The answer.
        document: Arc<Document>,
        /// How old it is at most, in seconds.
        age_seconds: u64,
        /// Whether no other process has received it.
        is_news: bool,
    },
    /// The origin gave no answer.
    Failed {
        /// Why.
        error: FetchError,
        /// How old that is at most, in seconds.
        age_seconds: u64,
        /// Whether no other process has learnt of it.
        is_news: bool,
    },
    /// The last purge of the source, or that there was none.
    Purges(Option<Timestamp>),
    /// The coordinator does not serve this question, for this reason.
    Refused(String),
}

impl AnyQuestion {
    /// Reads a question.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let rest = Rest::read(text, MAX_QUESTION_BYTES)?;
        if rest.0.contains_key(PURGES_OF) {
            PurgeQuestion::taken(rest).map(Self::Purges)
        } else {
            Question::taken(rest).map(Self::Document)
        }
    }
}

impl Question {
    /// The question as text.
    #[must_use]
    pub fn write(request: &DocumentRequest) -> String {
        let DocumentRequest {
            url,
            channel,
            accept,
            if_none_match,
            timeout_ms,
            max_bytes: _,
            max_age_seconds,
        } = request;
        json!({
            "url": url,
            "channel": channel,
            "accept": accept,
            "if_none_match": if_none_match,
            "timeout_ms": timeout_ms,
            "max_age_seconds": max_age_seconds,
        })
        .to_string()
    }

    /// Reads a question.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(text: &str) -> Result<Self, String> {
        Self::taken(Rest::read(text, MAX_QUESTION_BYTES)?)
    }

    fn taken(mut rest: Rest) -> Result<Self, String> {
        let url = rest.text("url", MAX_URL_BYTES)?.ok_or("`url` is missing")?;
        url::accept(&url).map_err(|fault| format!("`url`: {fault}"))?;
        let accept = rest.text("accept", MAX_HEADER_BYTES)?.ok_or("`accept` is missing")?;
        let accept = [ACCEPT_SET, ACCEPT_DOCUMENT].into_iter().find(|known| *known == accept);
        let (shortest, longest) = (1, FETCH_TIMEOUT_RANGE_MS.1);
        let timeout_ms = rest.number("timeout_ms", shortest, longest)?;
        let request = DocumentRequest {
            url,
            channel: rest.text("channel", MAX_HEADER_BYTES)?,
            accept: accept.ok_or("`accept` is unknown")?,
            if_none_match: rest.text("if_none_match", MAX_ETAG_BYTES)?,
            timeout_ms: u32::try_from(timeout_ms).map_err(|_| "`timeout_ms` is too large")?,
            max_bytes: MAX_JWKS_BYTES,
            max_age_seconds: rest.number("max_age_seconds", 0, MAX_SHARED_SECONDS)?,
        };
        rest.end()?;
        Ok(Self { request })
    }
}

impl PurgeQuestion {
    /// The question as text.
    #[must_use]
    pub fn write(&self) -> String {
        json!({ "purges_of": self.id, "purged_at": self.purged_at }).to_string()
    }

    /// Reads a question.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(text: &str) -> Result<Self, String> {
        Self::taken(Rest::read(text, MAX_QUESTION_BYTES)?)
    }

    fn taken(mut rest: Rest) -> Result<Self, String> {
        // The coordinator reads the key with this name from the store, so it must be no other text.
        let id = rest.text(PURGES_OF, MAX_HEADER_BYTES)?;
        let id = id.filter(|id| base64url::decode(id).is_some_and(|octets| octets.len() == 32));
        let id = id.ok_or("`purges_of` is no SHA-256")?;
        let purged_at = rest.time("purged_at")?;
        rest.end()?;
        Ok(Self { id, purged_at })
    }
}

/// The longest header that is handed on. A longer one is left out.
const MAX_HEADER_BYTES: usize = MAX_URL_BYTES;

impl Answer {
    /// The answer as text.
    #[must_use]
    pub fn write(&self) -> String {
        match self {
            Self::Pending => json!({ "state": "pending" }),
            Self::Purges(purged_at) => json!({ "state": "purges", "purged_at": purged_at }),
            Self::Refused(reason) => json!({ "state": "refused", "reason": reason }),
            Self::Failed { error, age_seconds, is_news } => {
                let (error, detail) = match error {
                    FetchError::Timeout(ms) => ("timeout", Value::from(*ms)),
                    FetchError::TooLarge(bytes) => ("too_large", Value::from(*bytes)),
                    FetchError::Unreachable(reason) => ("unreachable", shortened(reason).into()),
                    FetchError::NoChannel(name) => ("no_channel", shortened(name).into()),
                    FetchError::OwnNetwork(reason) => ("own_network", shortened(reason).into()),
                    // A coordinator holds back its fetches by itself.
                    FetchError::HeldBack(_) => ("unreachable", shortened(&error.to_string()).into()),
                };
                json!({
                    "state": "failed",
                    "error": error,
                    "detail": detail,
                    "age_seconds": age_seconds,
                    "is_news": is_news,
                })
            }
            Self::Document { document, age_seconds, is_news } => {
                let Document {
                    status,
                    etag,
                    cache_control,
                    content_type,
                    date,
                    location,
                    body,
                    age_seconds: _,
                } = &**document;
                let header =
                    |value: &Option<String>| value.clone().filter(|value| value.len() <= MAX_HEADER_BYTES);
                // A control character takes six bytes as JSON.
                let is_plain =
                    |text: &&str| !text.chars().any(|c| c.is_ascii_control() && !"\t\n\r".contains(c));
                let text = std::str::from_utf8(body).ok().filter(is_plain);
                let encoded = text.is_none().then(|| base64url::encode(body));
                json!({
                    "state": "document",
                    "status": status,
                    "etag": header(etag),
                    "cache_control": header(cache_control),
                    "content_type": header(content_type),
                    "date": header(date),
                    "location": header(location),
                    "body": text,
                    "body_base64url": encoded,
                    "age_seconds": age_seconds,
                    "is_news": is_news,
                })
            }
        }
        .to_string()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut rest = Rest::read(text, MAX_ANSWER_BYTES)?;
        let answer = match rest.text("state", MAX_HEADER_BYTES)?.as_deref() {
            Some("pending") => Self::Pending,
            Some("purges") => Self::Purges(rest.time("purged_at")?),
            Some("refused") => Self::Refused(rest.detail("reason")?),
            Some("failed") => {
                let age_seconds = rest.number("age_seconds", 0, u64::MAX)?;
                let is_news = rest.flag("is_news")?;
                let error = match rest.text("error", MAX_HEADER_BYTES)?.as_deref() {
                    Some("timeout") => {
                        let ms = rest.number("detail", 0, u32::MAX.into())?;
                        FetchError::Timeout(u32::try_from(ms).unwrap_or(u32::MAX))
                    }
                    Some("too_large") => {
                        let bytes = rest.number("detail", 0, u32::MAX.into())?;
                        FetchError::TooLarge(usize::try_from(bytes).unwrap_or(usize::MAX))
                    }
                    Some("unreachable") => FetchError::Unreachable(rest.detail("detail")?),
                    Some("no_channel") => FetchError::NoChannel(rest.detail("detail")?),
                    Some("own_network") => FetchError::OwnNetwork(rest.detail("detail")?),
                    _ => return Err("`error` is unknown".to_owned()),
                };
                Self::Failed { error, age_seconds, is_news }
            }
            Some("document") => {
                let age_seconds = rest.number("age_seconds", 0, u64::MAX)?;
                let is_news = rest.flag("is_news")?;
                let status = rest.number("status", 100, 599)?;
                let body = match (
                    rest.text("body", MAX_JWKS_BYTES)?,
                    rest.text("body_base64url", MAX_ANSWER_BYTES)?,
                ) {
                    (Some(text), None) => text.into_bytes(),
                    (None, Some(text)) => base64url::decode(&text)
                        .filter(|body| body.len() <= MAX_JWKS_BYTES)
                        .ok_or("`body_base64url` is no body")?,
                    _ => return Err("there is not one body".to_owned()),
                };
                let document = Document {
                    status: u16::try_from(status).unwrap_or(0),
                    etag: rest.text("etag", MAX_HEADER_BYTES)?,
                    cache_control: rest.text("cache_control", MAX_HEADER_BYTES)?,
                    content_type: rest.text("content_type", MAX_HEADER_BYTES)?,
                    date: rest.text("date", MAX_HEADER_BYTES)?,
                    location: rest.text("location", MAX_HEADER_BYTES)?,
                    body,
                    age_seconds: None,
                };
                Self::Document { document: Arc::new(document), age_seconds, is_news }
            }
            _ => return Err("`state` is unknown".to_owned()),
        };
        rest.end()?;
        Ok(answer)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_FAILURE_REASON_CHARS).collect()
}

/// The members of a text that are not yet read.
struct Rest(Map<String, Value>);

impl Rest {
    fn read(text: &str, max_bytes: usize) -> Result<Self, String> {
        if text.len() > max_bytes {
            return Err(format!("it exceeds {max_bytes} bytes"));
        }
        json::parse_object(text).map(Self).map_err(|fault| fault.to_string())
    }

    /// Takes out a text that may be absent or null.
    fn text(&mut self, name: &str, max_bytes: usize) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() <= max_bytes => Ok(Some(text)),
            Some(_) => Err(format!("`{name}` is not what it should be")),
        }
    }

    /// Takes out a text that may be shown.
    fn detail(&mut self, name: &str) -> Result<String, String> {
        let text = self.text(name, MAX_HEADER_BYTES)?.ok_or_else(|| format!("`{name}` is missing"))?;
        Ok(shortened(&text))
    }

    fn number(&mut self, name: &str, smallest: u64, largest: u64) -> Result<u64, String> {
        let number = self.0.remove(name).and_then(|value| value.as_u64());
        let number = number.filter(|number| (smallest..=largest).contains(number));
        number.ok_or_else(|| format!("`{name}` is not what it should be"))
    }

    /// Takes out a time in seconds since the epoch that may be absent or null.
    fn time(&mut self, name: &str) -> Result<Option<Timestamp>, String> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let seconds = value.as_i64().ok_or_else(|| format!("`{name}` is not what it should be"))?;
                Ok(Some(Timestamp::from_epoch_seconds(seconds)))
            }
        }
    }

    fn flag(&mut self, name: &str) -> Result<bool, String> {
        let flag = self.0.remove(name).and_then(|value| value.as_bool());
        flag.ok_or_else(|| format!("`{name}` is not what it should be"))
    }

    fn end(self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err("it has other members".to_owned()) }
    }
}
