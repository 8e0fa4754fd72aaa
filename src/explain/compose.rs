//! From what an examination found to the report that tells it.

use serde_json::Value;

use super::report::{CrossCheck, Finding, Outcome, Report, Stage, Step, Verdict};
use super::{Examination, causes, cross_check, steps};
use crate::config::ConfigFault;
use crate::rejection::Refusal;

pub(super) fn report(examination: &Examination<'_>) -> Report {
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

pub(super) fn report_on_configuration(faults: &[ConfigFault]) -> Report {
    let skipped =
        |step| Step { step, outcome: Outcome::Skipped, evidence: Value::Object(serde_json::Map::new()) };
    Report {
        verdict: Verdict::Fault,
        cause: causes::of_configuration(faults),
        code: Some("config_invalid"),
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
    if let Some(token) = &examination.token {
        for member in token.header().ignored_keys() {
            findings.push(Finding {
                code: "header_key_ignored",
                claim: None,
                detail: format!(
                    "the header member `{member}` is ignored: keys come from the configuration alone, and nothing that a token points to is fetched"
                ),
            });
        }
    }
    if let Some(member) = examination.taken_from {
        findings.push(Finding {
            code: "token_taken_out",
            claim: None,
            detail: format!("a JSON object was given; what is explained is its member `{member}`"),
        });
    }
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
