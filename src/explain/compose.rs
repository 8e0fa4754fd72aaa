//! Builds the report from an examination.

use serde_json::Value;

use super::report::{CrossCheck, Finding, Outcome, Report, Stage, Step, Verdict};
use super::route::{RouteError, Routing};
use super::{Examination, causes, cross_check, steps};
use crate::config::ConfigFault;
use crate::details;
use crate::exchange::refusal::TokenError;
use crate::rejection::Refusal;

pub(super) fn report(examination: &Examination<'_>) -> Report {
    let (verdict, code) = match (&examination.routing, &examination.refusal, &examination.route_error) {
        (Routing::Refused(error), ..) => (Verdict::Refused, Some(error.code())),
        (_, Some(refusal @ Refusal::Rejection(_)), _) => (Verdict::Refused, Some(refusal.code())),
        (_, Some(refusal @ Refusal::Fault(_)), _) => (Verdict::Fault, Some(refusal.code())),
        (_, None, Some(error @ RouteError::Exchange(TokenError::Fault(_)))) => {
            (Verdict::Fault, Some(error.code()))
        }
        (_, None, Some(error)) => (Verdict::Refused, Some(error.code())),
        (_, None, None) => (Verdict::Accepted, None),
    };
    Report {
        verdict,
        cause: causes::of(examination),
        code,
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
        steps: Stage::OF_TOKEN.into_iter().map(skipped).collect(),
        findings: faults
            .iter()
            .map(|fault| Finding { code: "config_invalid", claim: None, detail: fault.to_string() })
            .collect(),
        cross_check: CrossCheck::default(),
    }
}

/// The report while no issuer is configured: whose token this is, and the table to paste.
pub(super) fn report_without_issuers(examination: &Examination<'_>, faults: &[ConfigFault]) -> Report {
    let report = report_on_configuration(faults);
    match causes::of_no_issuer(examination) {
        Some(cause) => Report { cause, ..report },
        None => report,
    }
}

/// The finding about routes, if there is one: its code and its text.
fn of_routing(routing: &Routing<'_>) -> Option<(&'static str, &'static str)> {
    match routing {
        Routing::NotTold => Some((
            "routes_not_judged",
            "route rules were not checked: send `method`, `host` and `path` of the refused request together with its token",
        )),
        Routing::NoRoutes => {
            Some(("no_routes", "no routes are configured, so `method`, `host` and `path` have no effect"))
        }
        Routing::Endpoint => {
            Some(("path_of_an_endpoint", "an endpoint of the Worker answers at this path, not a route"))
        }
        Routing::Route(route) if route.upstream.is_none() => Some((
            "route_without_upstream",
            "the route has no `upstream`, so it serves only forward-auth: the gateway itself answers such requests with 404",
        )),
        Routing::Absent | Routing::Refused(_) | Routing::Preflight(_) | Routing::Route(_) => None,
    }
}

/// Every rule that the claims break besides the refusal itself, and what is worth knowing about the token, the caches and the
/// keys.
fn findings(examination: &Examination<'_>) -> Vec<Finding> {
    let refusal = match &examination.refusal {
        Some(Refusal::Rejection(rejection)) => Some(rejection),
        _ => None,
    };
    let mut findings: Vec<Finding> = Vec::new();
    if let (Routing::Refused(_), Some(refusal)) = (&examination.routing, &examination.refusal) {
        findings.push(Finding { code: refusal.code(), claim: None, detail: details::of_refusal(refusal) });
    }
    let violations =
        examination.violations.iter().filter(|violation| Some(*violation) != refusal).map(|violation| {
            Finding {
                code: violation.code(),
                claim: violation.claim().map(str::to_owned),
                detail: violation.to_string(),
            }
        });
    findings.extend(violations);
    if let Some((code, detail)) = of_routing(&examination.routing) {
        findings.push(Finding { code, claim: None, detail: detail.to_owned() });
    }
    if let Some(token) = &examination.token {
        for member in token.header().ignored_keys() {
            findings.push(Finding {
                code: "header_key_ignored",
                claim: None,
                detail: format!(
                    "the header member `{member}` is ignored: keys come only from the configuration, and no URL in a token is fetched"
                ),
            });
        }
    }
    if let Some(member) = examination.taken_from {
        findings.push(Finding {
            code: "token_taken_out",
            claim: None,
            detail: format!("a JSON object was sent; the report is about the token in its member `{member}`"),
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
                "the cached key set lacked the token's key, so the set was fetched again, as for any request"
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
    if let Some(Err(error)) = &examination.trail.web_crypto {
        findings.push(Finding {
            code: "cross_check_unanswered",
            claim: None,
            detail: format!("WebCrypto did not check the signature: {error}"),
        });
    }
    findings
}
