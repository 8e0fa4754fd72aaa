//! The report: what `POST /explain` answers, what the page and the terminal show.

use serde::Serialize;
use serde_json::Value;

use super::causes::{self, Cause};
use super::{Examination, cross_check, steps};
use crate::config::ConfigFault;
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
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
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
                    | Malformed::Member { .. },
                )
                | Rejection::HeaderUnsupported { .. } => Self::Structure,
                Rejection::IssuerMissing | Rejection::IssuerUnknown { .. } => Self::Issuer,
                Rejection::AlgorithmUnsupported { .. } | Rejection::AlgorithmNotAllowed { .. } => {
                    Self::Algorithm
                }
                Rejection::KeyNotFound(_) | Rejection::KeyUnusable { .. } => Self::Key,
                Rejection::SignatureInvalid { .. } => Self::Signature,
                Rejection::TokenMalformed(Malformed::NoExpiry)
                | Rejection::TypeNotAllowed { .. }
                | Rejection::TokenExpired { .. }
                | Rejection::TokenNotYetValid { .. }
                | Rejection::TokenIssuedInFuture { .. }
                | Rejection::TokenTooOld { .. }
                | Rejection::AudienceMissing { .. }
                | Rejection::AudienceMismatch { .. }
                | Rejection::AuthorizedPartyMissing { .. }
                | Rejection::AuthorizedPartyMismatch { .. }
                | Rejection::ClaimMissing { .. }
                | Rejection::ScopeInsufficient { .. } => Self::Claims,
            },
            Refusal::Fault(fault) => match fault {
                Fault::JwksUnavailable { .. } | Fault::JwksInvalid { .. } | Fault::SecretMissing { .. } => {
                    Self::Key
                }
                Fault::CryptoDisagreement { .. } => Self::Signature,
                Fault::ConfigInvalid => Self::Structure,
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

pub(super) fn of(examination: &Examination<'_>) -> Report {
    let verdict = match &examination.refusal {
        None => Verdict::Accepted,
        Some(Refusal::Rejection(_)) => Verdict::Refused,
        Some(Refusal::Fault(_)) => Verdict::Fault,
    };
    Report {
        verdict,
        cause: causes::of(examination),
        code: examination.refusal.as_ref().map(Refusal::code),
        steps: steps::of(examination),
        findings: findings(examination),
        cross_check: cross_check::of(&examination.trail),
    }
}

pub(super) fn of_configuration(faults: &[ConfigFault]) -> Report {
    let skipped =
        |step| Step { step, outcome: Outcome::Skipped, evidence: Value::Object(serde_json::Map::new()) };
    Report {
        verdict: Verdict::Fault,
        cause: causes::of_configuration(faults),
        code: Some(Fault::ConfigInvalid.code()),
        steps: Stage::ALL.into_iter().map(skipped).collect(),
        findings: faults
            .iter()
            .map(|fault| Finding { code: "config_invalid", claim: None, detail: fault.to_string() })
            .collect(),
        cross_check: CrossCheck::default(),
    }
}

/// All that the claims break besides the refusal itself, and what the caches and the keys gave occasion to remark.
fn findings(examination: &Examination<'_>) -> Vec<Finding> {
    let refusal = match &examination.refusal {
        Some(Refusal::Rejection(rejection)) => Some(rejection),
        _ => None,
    };
    let mut findings: Vec<Finding> = examination
        .violations
        .iter()
        .filter(|violation| Some(*violation) != refusal)
        .map(|violation| Finding {
            code: violation.code(),
            claim: violation.claim().map(str::to_owned),
            detail: violation.to_string(),
        })
        .collect();
    let token_kid = examination.token.as_ref().and_then(|token| token.header().kid.as_deref());
    if let (Some(before), Some(lookup), Some(kid)) =
        (&examination.before, &examination.trail.lookup, token_kid)
        && before.serving
        && !before.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
        && lookup.set.with_kid(kid).next().is_some()
    {
        findings.push(Finding {
            code: "key_set_refreshed",
            claim: None,
            detail:
                "the cached key set did not hold the token's key; it was fetched anew, as for any request"
                    .to_owned(),
        });
    }
    if let Some(lookup) = &examination.trail.lookup
        && !lookup.set.set_aside.is_empty()
    {
        let count = lookup.set.set_aside.len();
        findings.push(Finding {
            code: "keys_set_aside",
            claim: None,
            detail: format!("{count} of the issuer's keys cannot be used; the step `key` says why"),
        });
    }
    if let Some(Err(no_opinion)) = &examination.trail.web_crypto {
        findings.push(Finding {
            code: "cross_check_unanswered",
            claim: None,
            detail: format!("there is no second opinion on the signature: {no_opinion}"),
        });
    }
    findings
}
