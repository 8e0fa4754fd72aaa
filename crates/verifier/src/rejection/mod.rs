//! Every reason to refuse a token, and every fault that prevents its verification, each with its stable code.
//!
//! A [`Rejection`] is the token's fault, or the client's: 400, 401 or 403. A [`Fault`] is ours, the operator's or an identity
//! provider's: 503. They are separate types, so an outage is never reported as a bad token. The codes are API. The variants of
//! [`Rejection`] are in the order in which the rules are checked.
//!
//! Texts go to clients and into logs. Of a token they show only `iss`, `kid` and `alg`, although a variant's data may contain
//! more. They also go into HTTP headers, so they are ASCII; only values from outside, cut by [`excerpt`], may not be.

mod credentials;
mod fault;
mod issuer;
mod no_key;

pub use credentials::{Ambiguous, Missing};
pub use edge_assay_jose::characters::excerpt;
pub use edge_assay_jose::malformed::{Malformed, Segment};
pub use fault::{Fault, Refusal};
pub use issuer::IssuerProblem;
pub use no_key::{NoKey, next_fetch};

use edge_assay_jose::TokenFormatError;

use crate::codes::{self, Code};
use crate::time::Timestamp;

/// Why a token was refused. The data is bounded and safe to show: it contains neither the token nor its signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No credentials were sent, or a word such as `null` instead of a token. RFC 6750 §3.1 allows no error code then.
    #[error("{0}")]
    TokenMissing(Missing),
    /// More than one credential, or an `Authorization` header that is not `Bearer <token>`.
    #[error("{0}")]
    RequestAmbiguous(Ambiguous),
    /// The token came in a cookie, and another site may have made the browser send the request (cross-site request forgery).
    #[error(
        "the token is in a cookie, and {}; for WebSockets, and for methods other than GET and HEAD, a cookie counts only if the page has the origin of the request or a trusted origin",
        .origin.as_deref().map_or("the request does not say which page sent it".to_owned(), |origin| format!("the request was sent by a page of \"{origin}\""))
    )]
    CrossSite {
        /// The request's `Origin`, truncated.
        origin: Option<String>,
    },
    /// The token is longer than `max_token_bytes`.
    #[error("the token has {length} bytes; at most {limit} are accepted")]
    TokenTooLarge {
        /// The token's length in bytes.
        length: usize,
        /// The configured limit in bytes.
        limit: usize,
    },
    /// The token is not a compact JWS with a JSON header and a JSON claims set (RFC 7515 §3.1, RFC 7519 §7.2).
    #[error("the token is malformed: {0}")]
    TokenMalformed(Malformed),
    /// The header contains `crit`, `b64` or `zip`, which ask for unsupported processing.
    #[error("the header member `{member}` is not supported: {reason}")]
    HeaderUnsupported {
        /// The header member.
        member: &'static str,
        /// Why it is not supported.
        reason: &'static str,
    },
    /// There is no `iss`, so no issuer can be selected.
    #[error("the token has no `iss` claim, so no issuer can be selected")]
    IssuerMissing,
    /// `iss` is not exactly one of the configured issuers. The texts are compared character by character.
    #[error("the issuer \"{issuer}\" is not configured{}", .problem.map_or(String::new(), |problem| format!(": {problem}")))]
    IssuerUnknown {
        /// The token's `iss`, truncated.
        issuer: String,
        /// What is wrong, if the issuer is configured and does not accept this token.
        problem: Option<IssuerProblem>,
    },
    /// `alg` is absent, `none`, or not implemented.
    #[error("the algorithm \"{algorithm}\" is not supported")]
    AlgorithmUnsupported {
        /// The token's `alg`, truncated.
        algorithm: String,
    },
    /// `alg` is implemented, but not on the issuer's allow-list.
    #[error("the algorithm {algorithm} is not allowed for this issuer; allowed: {}", .allowed.join(", "))]
    AlgorithmNotAllowed {
        /// The token's `alg`.
        algorithm: String,
        /// The algorithms that the issuer's configuration allows.
        allowed: Vec<&'static str>,
    },
    /// The operator distrusts the key that the token names, or the only keys that could verify it.
    #[error("the key {} is distrusted here, whatever its issuer publishes", .kid.as_deref().map_or("without a kid".to_owned(), |kid| format!("\"{kid}\"")))]
    KeyDistrusted {
        /// The key's `kid`.
        kid: Option<String>,
    },
    /// No key of the issuer has the token's `kid`, or none supports its `alg`.
    #[error("{0}")]
    KeyNotFound(NoKey),
    /// The key that the token names was set aside: it is too weak, malformed, or meant for another purpose.
    #[error("the key {} cannot be used: {reason}", .kid.as_deref().map_or("without a kid".to_owned(), |kid| format!("\"{kid}\"")))]
    KeyUnusable {
        /// The key's `kid`.
        kid: Option<String>,
        /// Why the key was set aside.
        reason: String,
    },
    /// The signature does not verify with the selected key.
    #[error("the signature does not verify with the issuer's key{}", .kid.as_deref().map_or(String::new(), |kid| format!(" \"{kid}\"")))]
    SignatureInvalid {
        /// The `kid` of the key, if the token named one.
        kid: Option<String>,
    },
    /// `typ` is not one of the issuer's token types.
    #[error("the token has {}; accepted: {}", if .found.is_some() { "another `typ`" } else { "no `typ`" }, .accepted.join(", "))]
    TypeNotAllowed {
        /// The token's `typ`, truncated.
        found: Option<String>,
        /// The types that the issuer's configuration accepts.
        accepted: Vec<String>,
    },
    /// `exp` has passed.
    #[error("the token expired {} s ago", .now.since(*.expires_at))]
    TokenExpired {
        /// The token's `exp`.
        expires_at: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// `nbf` is in the future.
    #[error("the token becomes valid in {} s", .not_before.since(*.now))]
    TokenNotYetValid {
        /// The token's `nbf`.
        not_before: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// `iat` is in the future.
    #[error("the token was issued {} s in the future; the issuer's clock or ours is wrong", .issued_at.since(*.now))]
    TokenIssuedInFuture {
        /// The token's `iat`.
        issued_at: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// `iat` is older than the issuer's `max_age_seconds`, or `iat` is absent although a maximum age is set.
    #[error("the token {}; the maximum age is {max_age_seconds} s", .age_seconds.map_or("has no `iat`".to_owned(), |age| format!("is {age} s old")))]
    TokenTooOld {
        /// Seconds since `iat`, if there is one.
        age_seconds: Option<i64>,
        /// The configured limit in seconds.
        max_age_seconds: u64,
    },
    /// There is no `aud`, but the issuer's configuration requires one.
    #[error("the token has no `aud` claim; expected {expected}")]
    AudienceMissing {
        /// The required audiences, in words.
        expected: String,
    },
    /// `aud` contains none of the required audiences, or not all of them.
    #[error("the token is for another audience; expected {expected}")]
    AudienceMismatch {
        /// The claim: `aud`, or the one that stands for it in tokens of this class.
        claim: &'static str,
        /// The token's first audiences, each truncated.
        found: Vec<String>,
        /// The required audiences, in words.
        expected: String,
    },
    /// There is no `azp`, but the issuer's configuration requires one.
    #[error("the token has no `azp` claim; expected one of {}", .expected.join(", "))]
    AuthorizedPartyMissing {
        /// The configured parties.
        expected: Vec<String>,
    },
    /// `azp` is not one of the configured parties.
    #[error("the token was issued to another party; expected one of {}", .expected.join(", "))]
    AuthorizedPartyMismatch {
        /// The token's `azp`, truncated.
        found: String,
        /// The configured parties.
        expected: Vec<String>,
    },
    /// A required claim is absent, null or an empty string. Required are `exp` and what the issuer's configuration and the route
    /// name.
    #[error("the required claim `{claim}` is absent or empty")]
    ClaimMissing {
        /// The claim's name.
        claim: String,
    },
    /// The token is of a class that the issuer's configuration does not accept, although the provider signs it with the same key.
    #[error("the token is {found}; accepted: {}", .accepted.join(", "))]
    TokenClassRefused {
        /// The token's class in words, with its name in the configuration.
        found: String,
        /// The names of the accepted classes.
        accepted: Vec<&'static str>,
    },
    /// A condition in the issuer's `require` does not hold. If it is about the header or about a claim that tells kinds of tokens apart, the code is
    /// `token_class_refused`.
    #[error("{rule} is required of {about}")]
    ConditionFailed {
        /// The member that it is about, in words.
        about: String,
        /// The JSON Pointer, if it is about a claim.
        claim: Option<String>,
        /// Whether the value says of which kind a token is.
        is_about_kind: bool,
        /// The name of the test.
        rule: &'static str,
    },
    /// The token is bound to a key by `cnf` (RFC 7800), so it is not a bearer token: its sender must prove possession of the key
    /// (RFC 8705, RFC 9449 §7.1). Such proofs are not supported.
    #[error(
        "the token is bound to a key (`cnf`), but proof of possession is not supported; send a bearer token"
    )]
    ProofRequired,
    /// The token's `scope` lacks a required scope (RFC 6750 §3.1 `insufficient_scope`).
    #[error("the token lacks the scope {}", .missing.join(" "))]
    ScopeInsufficient {
        /// All required scopes, for the challenge.
        required: Vec<String>,
        /// The required scopes that the token lacks.
        missing: Vec<String>,
    },
}

impl From<TokenFormatError> for Rejection {
    fn from(error: TokenFormatError) -> Self {
        match error {
            TokenFormatError::TooLarge { length, limit } => Self::TokenTooLarge { length, limit },
            TokenFormatError::Malformed(reason) => Self::TokenMalformed(reason),
            TokenFormatError::HeaderUnsupported { member, reason } => {
                Self::HeaderUnsupported { member, reason }
            }
            TokenFormatError::AlgorithmUnsupported { algorithm } => Self::AlgorithmUnsupported { algorithm },
        }
    }
}

impl Rejection {
    /// The row of its code, and the claim that the rule is about.
    pub(super) fn row(&self) -> (&'static Code, Option<&str>) {
        match self {
            Self::TokenMissing(_) => (&codes::TOKEN_MISSING, None),
            Self::RequestAmbiguous(_) => (&codes::REQUEST_AMBIGUOUS, None),
            Self::CrossSite { .. } => (&codes::CROSS_SITE_REFUSED, None),
            Self::TokenTooLarge { .. } => (&codes::TOKEN_TOO_LARGE, None),
            Self::TokenMalformed(reason) => (&codes::TOKEN_MALFORMED, reason.member()),
            Self::HeaderUnsupported { .. } => (&codes::HEADER_UNSUPPORTED, None),
            Self::IssuerMissing => (&codes::ISSUER_MISSING, Some("iss")),
            Self::IssuerUnknown { .. } => (&codes::ISSUER_UNKNOWN, Some("iss")),
            Self::AlgorithmUnsupported { .. } => (&codes::ALGORITHM_UNSUPPORTED, None),
            Self::AlgorithmNotAllowed { .. } => (&codes::ALGORITHM_NOT_ALLOWED, None),
            Self::KeyDistrusted { .. } => (&codes::KEY_DISTRUSTED, None),
            Self::KeyNotFound(_) => (&codes::KEY_NOT_FOUND, None),
            Self::KeyUnusable { .. } => (&codes::KEY_UNUSABLE, None),
            Self::SignatureInvalid { .. } => (&codes::SIGNATURE_INVALID, None),
            Self::TypeNotAllowed { .. } => (&codes::TYPE_NOT_ALLOWED, None),
            Self::TokenExpired { .. } => (&codes::TOKEN_EXPIRED, Some("exp")),
            Self::TokenNotYetValid { .. } => (&codes::TOKEN_NOT_YET_VALID, Some("nbf")),
            Self::TokenIssuedInFuture { .. } => (&codes::TOKEN_ISSUED_IN_FUTURE, Some("iat")),
            Self::TokenTooOld { .. } => (&codes::TOKEN_TOO_OLD, Some("iat")),
            Self::AudienceMissing { .. } => (&codes::AUDIENCE_MISSING, Some("aud")),
            Self::AudienceMismatch { claim, .. } => (&codes::AUDIENCE_MISMATCH, Some(claim)),
            Self::AuthorizedPartyMissing { .. } => (&codes::AUTHORIZED_PARTY_MISSING, Some("azp")),
            Self::AuthorizedPartyMismatch { .. } => (&codes::AUTHORIZED_PARTY_MISMATCH, Some("azp")),
            Self::ClaimMissing { claim } => (&codes::CLAIM_MISSING, Some(claim)),
            Self::TokenClassRefused { .. } => (&codes::TOKEN_CLASS_REFUSED, None),
            Self::ConditionFailed { claim, is_about_kind, .. } => (
                if *is_about_kind { &codes::TOKEN_CLASS_REFUSED } else { &codes::CONDITION_UNMET },
                claim.as_deref(),
            ),
            Self::ProofRequired => (&codes::PROOF_REQUIRED, Some("cnf")),
            Self::ScopeInsufficient { .. } => (&codes::SCOPE_INSUFFICIENT, Some("scope")),
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.row().0.name()
    }

    /// A short title, the same for every occurrence of the code (RFC 9457 §3.1.3).
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.row().0.title()
    }

    /// The status of the response: 400, 401 or 403.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.row().0.status()
    }

    /// The claim that the rule is about, if it is about one.
    #[must_use]
    pub fn claim(&self) -> Option<&str> {
        self.row().1
    }
}
