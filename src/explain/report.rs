//! The report: what `POST /explain` returns, and what the page and the terminal show.

use serde::Serialize;
use serde_json::Value;

use super::cause::Cause;
use crate::rejection::{Fault, Refusal, Rejection};

/// One explanation. Its JSON is API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The outcome.
    pub verdict: Verdict,
    /// The one root cause.
    pub cause: Cause,
    /// The code that a live request is refused with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Every step, in order.
    pub steps: Vec<Step>,
    /// What else was found. None of it is the cause.
    pub findings: Vec<Finding>,
    /// The results of both engines for the signature.
    pub cross_check: CrossCheck,
}

/// The outcome for the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The token is good, and the route accepts it, if one was given.
    Accepted,
    /// The token or its request is refused.
    Refused,
    /// The token cannot be verified or exchanged: a fault of an identity provider, of the configuration or of the Worker.
    Fault,
}

impl Verdict {
    /// The word in the JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Fault => "fault",
        }
    }
}

/// One step of verification.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Which.
    pub step: Stage,
    /// How it ended.
    pub outcome: Outcome,
    /// What was observed; `note` says it in a sentence.
    pub evidence: Value,
}

/// The steps of verification, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Is the text a well-formed token?
    Structure,
    /// Is its issuer configured?
    Issuer,
    /// Is its algorithm allowed for the issuer?
    Algorithm,
    /// Is there a key for it?
    Key,
    /// Is the signature valid?
    Signature,
    /// Do its claims meet the issuer's rules?
    Claims,
    /// Does the route accept it? Present only if the refused request was described and routes are configured.
    Route,
}

impl Stage {
    /// The steps of every token, in order.
    pub const OF_TOKEN: [Self; 6] =
        [Self::Structure, Self::Issuer, Self::Algorithm, Self::Key, Self::Signature, Self::Claims];

    /// The word in the JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Issuer => "issuer",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Route => "route",
        }
    }

    /// The step at which verification stopped.
    pub(super) fn of(refusal: &Refusal) -> Self {
        use crate::rejection::Malformed;
        match refusal {
            Refusal::Rejection(rejection) => match rejection {
                Rejection::TokenMissing(_)
                | Rejection::RequestAmbiguous(_)
                | Rejection::CrossSite { .. }
                | Rejection::TokenTooLarge { .. }
                | Rejection::TokenMalformed(
                    Malformed::Segments(_)
                    | Malformed::EmptySegment(_)
                    | Malformed::Base64(_)
                    | Malformed::Utf8(_)
                    | Malformed::Json(..)
                    | Malformed::DuplicateMember(..)
                    | Malformed::Member { .. }
                    | Malformed::MemberType { .. }
                    | Malformed::Character { .. }
                    | Malformed::Unsigned,
                )
                | Rejection::HeaderUnsupported { .. } => Self::Structure,
                Rejection::IssuerMissing | Rejection::IssuerUnknown { .. } => Self::Issuer,
                Rejection::AlgorithmUnsupported { .. } | Rejection::AlgorithmNotAllowed { .. } => {
                    Self::Algorithm
                }
                Rejection::KeyDistrusted { .. }
                | Rejection::KeyNotFound(_)
                | Rejection::KeyUnusable { .. } => Self::Key,
                Rejection::SignatureInvalid { .. } => Self::Signature,
                Rejection::TypeNotAllowed { .. }
                | Rejection::TokenExpired { .. }
                | Rejection::TokenNotYetValid { .. }
                | Rejection::TokenIssuedInFuture { .. }
                | Rejection::TokenTooOld { .. }
                | Rejection::AudienceMissing { .. }
                | Rejection::AudienceMismatch { .. }
                | Rejection::AuthorizedPartyMissing { .. }
                | Rejection::AuthorizedPartyMismatch { .. }
                | Rejection::ClaimMissing { .. }
                | Rejection::TokenClassRefused { .. }
                | Rejection::ConditionFailed { .. }
                | Rejection::ProofRequired
                | Rejection::ScopeInsufficient { .. } => Self::Claims,
            },
            Refusal::Fault(fault) => match fault {
                Fault::JwksUnavailable { .. } | Fault::JwksInvalid { .. } | Fault::SecretMissing { .. } => {
                    Self::Key
                }
                Fault::CryptoDisagreement { .. } | Fault::ConfigInvalid { .. } => Self::Signature,
                // The store is read only after the token was verified.
                Fault::StoreUnavailable { .. } => Self::Claims,
            },
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It succeeded.
    Passed,
    /// Verification stopped here.
    Failed,
    /// It was not reached.
    Skipped,
}

impl Outcome {
    /// The word in the JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Something worth knowing besides the cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The code of a rejection, or one of those that only explanations have.
    pub code: &'static str,
    /// The claim that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// What was found.
    pub detail: String,
}

/// The results of two engines for one signature. `None`: no signature was checked, or that engine is not available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CrossCheck {
    /// Whether the signature is valid, by pure Rust.
    pub pure_rust: Option<bool>,
    /// The same, by WebCrypto.
    pub web_crypto: Option<bool>,
    /// Whether the two results are equal.
    pub agree: Option<bool>,
}
