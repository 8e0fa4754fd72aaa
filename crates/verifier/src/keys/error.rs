//! Why an issuer's keys could not be fetched. The record stores it, and readiness reports show it.

use serde::Serialize;
use serde_json::Value;

use crate::keys::url;
use crate::limits::MAX_FAILURE_REASON_CHARS;

/// What the reason of an error of the discovery document begins with.
const IN_DISCOVERY: &str = "discovery: ";

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeySetError {
    /// Whether the origin gave no answer or a bad one.
    pub kind: KeySetErrorKind,
    /// What was seen; `explain` derives its advice from it.
    pub problem: KeySetProblem,
    /// The same in words, of bounded length.
    pub reason: String,
    /// The URL that the answer named instead of the one that was asked, if there is one and it may be fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_to: Option<String>,
}

/// Whether an origin gave no answer or a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeySetErrorKind {
    /// No answer, or a status that is usually temporary (408, 429, 5xx).
    Unavailable,
    /// An answer that is not acceptable.
    Invalid,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $id:literal,)*) => {
        /// What was seen when keys were fetched. The names are stored in records and shown in readiness reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum KeySetProblem {
            $($(#[$doc])* #[serde(rename = $id)] $name,)*
        }

        impl KeySetProblem {
            /// Every problem.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in records and in readiness reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }
        }
    };
}

problems! {
    /// No answer, no complete answer in time, or a status that is usually temporary.
    Unanswered = "unanswered",
    /// The configured URL is not acceptable.
    Url = "url",
    /// 301, 302, 303, 307, 308.
    Redirected = "redirected",
    /// 304 to a request without `If-None-Match`.
    NotModified = "not_modified",
    /// 401 or 403.
    Forbidden = "forbidden",
    /// The server's own network answered in place of the origin.
    OwnNetwork = "own_network",
    /// The platform does not have the channel through which the keys should be fetched.
    NoChannel = "no_channel",
    /// 404 or 410.
    NotFound = "not_found",
    /// Any other status except 200.
    Status = "status",
    /// An HTML page.
    Page = "page",
    /// A discovery document instead of a set.
    DiscoveryDocument = "discovery_document",
    /// Certificates or keys in PEM instead of a set.
    Pem = "pem",
    /// A single key, or an array of keys, instead of a set.
    BareKeys = "bare_keys",
    /// More than [`crate::limits::MAX_JWKS_KEYS`] keys.
    TooManyKeys = "too_many_keys",
    /// More than [`crate::limits::MAX_JWKS_BYTES`] bytes.
    TooLarge = "too_large",
    /// A member that occurs twice in one JSON object.
    DuplicateMember = "duplicate_member",
    /// An encoding other than UTF-8.
    Encoding = "encoding",
    /// The document is not a JSON object, or lacks a required member.
    NotASet = "not_a_set",
    /// The set has no keys.
    EmptySet = "empty_set",
    /// The set has keys, but none that can be used.
    NoUsableKey = "no_usable_key",
    /// The discovery document is about another issuer.
    OtherIssuer = "other_issuer",
    /// The discovery document does not name an acceptable set.
    Discovery = "discovery",
    /// A record of an earlier release, which stored only the reason.
    Unrecorded = "unrecorded",
}

impl KeySetError {
    /// There was no answer, or a temporary one.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(KeySetErrorKind::Unavailable, KeySetProblem::Unanswered, reason.into())
    }

    /// The answer is not acceptable.
    pub(crate) fn invalid(problem: KeySetProblem, reason: impl Into<String>) -> Self {
        Self::new(KeySetErrorKind::Invalid, problem, reason.into())
    }

    fn new(kind: KeySetErrorKind, problem: KeySetProblem, reason: String) -> Self {
        Self { kind, problem, reason, points_to: None }.bounded()
    }

    /// The same error with the URL that the answer named. A URL that may not be fetched is left out.
    pub(crate) fn pointing_to(self, url: &str) -> Self {
        Self { points_to: Some(url.to_owned()), ..self }.bounded()
    }

    /// The same error, of the document at `url`.
    pub(crate) fn at(self, url: &str) -> Self {
        Self { reason: format!("at {url}: {}", self.reason), ..self }.bounded()
    }

    /// The same error, as one of the discovery document.
    pub(crate) fn in_discovery(self) -> Self {
        // The new place of a discovery document is not the URL of a key set.
        let points_to = self.points_to.filter(|_| self.problem == KeySetProblem::OtherIssuer);
        Self { reason: format!("{IN_DISCOVERY}{}", self.reason), points_to, ..self }.bounded()
    }

    /// Whether it is an error of the discovery document, and not of the key set that the document names.
    #[must_use]
    pub fn is_in_discovery(&self) -> bool {
        self.reason.starts_with(IN_DISCOVERY)
    }

    /// Reads the error from a record; `None` if `value` does not have exactly its members.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let members = value.as_object()?;
        if members.keys().any(|name| !["kind", "problem", "reason", "points_to"].contains(&name.as_str())) {
            return None;
        }
        let kind = match members.get("kind")?.as_str()? {
            "unavailable" => KeySetErrorKind::Unavailable,
            "invalid" => KeySetErrorKind::Invalid,
            _ => return None,
        };
        let problem = match members.get("problem") {
            None => KeySetProblem::Unrecorded,
            Some(name) => {
                let name = name.as_str()?;
                // A later release may define more of them.
                KeySetProblem::ALL
                    .iter()
                    .copied()
                    .find(|problem| problem.name() == name)
                    .unwrap_or(KeySetProblem::Unrecorded)
            }
        };
        let points_to = match members.get("points_to") {
            None => None,
            Some(url) => Some(url.as_str()?.to_owned()),
        };
        Some(Self { kind, problem, reason: members.get("reason")?.as_str()?.to_owned(), points_to })
    }

    /// The same error with a reason of bounded length and without control characters, for a log line or a response.
    #[must_use]
    pub fn bounded(self) -> Self {
        let mut reason: String = self
            .reason
            .chars()
            .take(MAX_FAILURE_REASON_CHARS)
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        if self.reason.chars().nth(MAX_FAILURE_REASON_CHARS).is_some() {
            reason.push('…');
        }
        let points_to = self.points_to.filter(|url| url::accept(url).is_ok());
        Self { reason, points_to, ..self }
    }
}
