//! The report: what `POST /explain` answers, what the page and the terminal show.

use serde::Serialize;
use serde_json::Value;

use super::cause::Cause;
use crate::rejection::{Fault, Refusal, Rejection};

/// One explanation. Its JSON is API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What became of the token.
    pub verdict: Verdict,
    /// The one root cause.
    pub cause: Cause,
    /// The code that a live request is refused with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Every step, in order.
    pub steps: Vec<Step>,
    /// What else was found; none of it is the cause.
    pub findings: Vec<Finding>,
    /// Both engines' opinions on the signature.
    pub cross_check: CrossCheck,
}

/// What became of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It verifies.
    Accepted,
    /// It does not: the token's fault.
    Refused,
    /// Nobody can tell: ours, or an identity provider's fault.
    Fault,
}

impl Verdict {
    /// As the JSON has it.
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
    /// How it went.
    pub outcome: Outcome,
    /// What was seen; `note` says it in a sentence.
    pub evidence: Value,
}

/// The steps of verification, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Is it a token, and is its form right?
    Structure,
    /// Who made it, and is that issuer trusted?
    Issuer,
    /// How is it signed, and may it be?
    Algorithm,
    /// With which key?
    Key,
    /// Does the signature hold?
    Signature,
    /// Do its claims keep the issuer's rules?
    Claims,
    /// Does the route let it pass? Only where the refused request was told and routes are configured.
    Route,
}

impl Stage {
    /// Those of every token, in order.
    pub const OF_TOKEN: [Self; 6] =
        [Self::Structure, Self::Issuer, Self::Algorithm, Self::Key, Self::Signature, Self::Claims];

    /// As the JSON has it.
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

    /// Where verification stopped.
    pub(super) fn of(refusal: &Refusal) -> Self {
        use crate::rejection::Malformed;
        match refusal {
            Refusal::Rejection(rejection) => match rejection {
                Rejection::TokenMissing(_)
                | Rejection::RequestAmbiguous(_)
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
                Rejection::KeyNotFound(_) | Rejection::KeyUnusable { .. } => Self::Key,
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
                | Rejection::ProofRequired
                | Rejection::ScopeInsufficient { .. } => Self::Claims,
            },
            Refusal::Fault(fault) => match fault {
                Fault::JwksUnavailable { .. } | Fault::JwksInvalid { .. } | Fault::SecretMissing { .. } => {
                    Self::Key
                }
                Fault::CryptoDisagreement { .. } => Self::Signature,
                // A store is asked only after the token was verified.
                Fault::StoreUnavailable { .. } => Self::Claims,
                Fault::ConfigInvalid { .. } => Self::Structure,
            },
        }
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It went well.
    Passed,
    /// It is where verification stopped.
    Failed,
    /// It was not reached.
    Skipped,
}

impl Outcome {
    /// As the JSON has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Something worth knowing beside the cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A rejection's code, or a word of explain's own.
    pub code: &'static str,
    /// The claim that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// What was found.
    pub detail: String,
}

/// Two engines' opinions on one signature. A missing one: no signature was judged, or that engine is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CrossCheck {
    /// Whether the signature holds, says pure Rust.
    pub pure_rust: Option<bool>,
    /// The same, says WebCrypto.
    pub web_crypto: Option<bool>,
    /// Whether they say the same.
    pub agree: Option<bool>,
}
