//! Why an issuer's keys could not be had: what an attempt reports, the record keeps and `/readyz` shows.

use serde::Serialize;
use serde_json::Value;

use crate::keys::url;
use crate::limits::MAX_FAILURE_REASON_CHARS;

/// Why an attempt brought nothing of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeySetError {
    /// Whose turn it is to act.
    pub kind: KeySetErrorKind,
    /// What was seen: `explain` takes its advice from it.
    pub problem: KeySetProblem,
    /// The same in words, bounded.
    pub reason: String,
    /// The URL that the answer named in place of the one that was asked, if it did and may be fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_to: Option<String>,
}

/// Whether an origin was silent or talked nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeySetErrorKind {
    /// No answer, or one that promises a better one later (408, 429, 5xx).
    Unavailable,
    /// An answer that is not what it has to be.
    Invalid,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $id:literal,)*) => {
        /// What was seen when keys were fetched. The names are stored in records and shown on `/readyz`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum KeySetProblem {
            $($(#[$doc])* #[serde(rename = $id)] $name,)*
        }

        impl KeySetProblem {
            /// Every problem.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As records and `/readyz` have it.
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
    /// No answer, or not in time, or one that promises a better one later.
    Unanswered = "unanswered",
    /// The configured URL cannot be fetched from.
    Url = "url",
    /// 301, 302, 303, 307, 308.
    Redirected = "redirected",
    /// 304 to a request that named no `ETag`.
    NotModified = "not_modified",
    /// 401 or 403.
    Forbidden = "forbidden",
    /// 404 with `error code: 1042`: a Worker on the same account, asked at its `workers.dev` address.
    WorkerToWorker = "worker_to_worker",
    /// 404 or 410.
    NotFound = "not_found",
    /// Any other status than 200.
    Status = "status",
    /// A page for people.
    Page = "page",
    /// The discovery document in place of the set.
    DiscoveryDocument = "discovery_document",
    /// Certificates or keys in PEM in place of the set.
    Pem = "pem",
    /// A key, or an array of keys, in place of the set.
    BareKeys = "bare_keys",
    /// More keys than are read.
    TooManyKeys = "too_many_keys",
    /// A longer document than is read.
    TooLarge = "too_large",
    /// A member that occurs twice in one object.
    DuplicateMember = "duplicate_member",
    /// Another encoding than UTF-8.
    Encoding = "encoding",
    /// The document is no JSON object, or lacks what it must have.
    NotASet = "not_a_set",
    /// The set holds no key at all.
    EmptySet = "empty_set",
    /// The set holds keys, and none that can be used.
    NoUsableKey = "no_usable_key",
    /// The discovery document is about another issuer.
    OtherIssuer = "other_issuer",
    /// The discovery document does not name an acceptable set.
    Discovery = "discovery",
    /// A record of an earlier release, which kept no more than the reason.
    Unrecorded = "unrecorded",
}

impl KeySetError {
    /// Nobody answered, or not now.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(KeySetErrorKind::Unavailable, KeySetProblem::Unanswered, reason.into())
    }

    /// The answer is not what it has to be.
    pub(crate) fn invalid(problem: KeySetProblem, reason: impl Into<String>) -> Self {
        Self::new(KeySetErrorKind::Invalid, problem, reason.into())
    }

    fn new(kind: KeySetErrorKind, problem: KeySetProblem, reason: String) -> Self {
        Self { kind, problem, reason, points_to: None }.bounded()
    }

    /// The same, with the URL that the answer named. One that may not be fetched is left out.
    pub(crate) fn pointing_to(self, url: &str) -> Self {
        Self { points_to: Some(url.to_owned()), ..self }.bounded()
    }

    /// The same, met while the discovery document was fetched.
    pub(crate) fn in_discovery(self) -> Self {
        // Where the discovery document was moved to is no key set's URL.
        let points_to = self.points_to.filter(|_| self.problem == KeySetProblem::OtherIssuer);
        Self { reason: format!("discovery: {}", self.reason), points_to, ..self }.bounded()
    }

    /// What a record keeps of a failure, and nothing besides; `None` where it is something else.
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
                // A later release may know more of them.
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

    /// The same, fit for a log line and a response.
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
