//! `GET /healthz`: the isolate answers. `GET /readyz`: the configuration is valid and every issuer can be judged; the
//! details are for those who may see them.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::application::Application;
use super::deep_check::DeepCheck;
use super::problem::json as json_response;
use super::{Response, access};
use crate::config::ConfigFault;
use crate::cross_check::CrossCheckState;
use crate::keys::KeyState;
use crate::ports::{IncomingRequest, Platform};
use crate::rejection::Fault;
use crate::time::Timestamp;
use crate::trust::issuer::TrustedIssuer;
use crate::verify::Terms;

/// The answer of `/healthz`.
#[must_use]
pub fn healthy() -> Response {
    json_response(StatusCode::OK, &json!({ "status": "ok" }))
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Details {
    Faults { faults: Vec<ConfigFault> },
    Issuers(Box<Judgement>),
}

#[derive(Serialize)]
struct Judgement {
    now: Timestamp,
    issuers: Vec<IssuerReport>,
    cross_check: CrossCheckState,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forward_auth: Option<ProxyReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deep: Option<DeepCheck>,
}

/// Whether the secret of the proxy that asks by forward-auth can be used.
#[derive(Serialize)]
struct ProxyReport {
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct IssuerReport {
    issuer: String,
    ready: bool,
    algorithms: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<KeyState>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<SecretReport>,
}

#[derive(Serialize)]
struct SecretReport {
    binding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

/// The answer of `/readyz`: 200, or 503 when some token could not be judged.
pub async fn answer<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
) -> Response {
    // That nothing is configured yet is no secret, and whoever deployed it has set no key.
    let open = access::check(app.config.surface.details, request, platform).is_ok()
        || app.config.trusts_nobody_yet();
    let wants_deep = request.query().is_some_and(|query| query.split('&').any(|pair| pair == "deep=1"));
    let (code, details) = match &app.config.terms {
        Err(faults) => (Some("config_invalid"), Details::Faults { faults: faults.clone() }),
        Ok(terms) => judge(app, terms, platform, open && wants_deep).await,
    };
    let (status, word) = match code {
        None => (StatusCode::OK, "ready"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    json_response(status, &Report { status: word, code, details: open.then_some(details) })
}

async fn judge<P: Platform>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    deep: bool,
) -> (Option<&'static str>, Details) {
    let now = platform.now();
    let deep = if deep { Some(check_deeply(app, terms, platform, now).await) } else { None };
    let mut code = (!terms.cross_checks.is_clean()).then_some("crypto_disagreement");
    let mut issuers = Vec::new();
    for issuer in terms.issuers.iter() {
        let (report, problem) = report_on(app, terms, platform, issuer, now).await;
        code = code.or(problem);
        issuers.push(report);
    }
    let signing = app.config.exchange.as_ref().map(|exchange| super::issuing::readiness(exchange, now));
    let (signing, problem) = signing.map_or((None, None), |(report, problem)| (Some(report), problem));
    let mut code = code.or(problem);
    let forward_auth = app.config.forward_auth.as_ref().map(|forward_auth| {
        let fault = forward_auth.ready().err();
        code = code.or(fault.as_ref().map(Fault::code));
        ProxyReport { usable: fault.is_none(), problem: fault.map(|fault| fault.to_string()) }
    });
    let cross_check = terms.cross_checks.state();
    let judgement = Judgement { now, issuers, cross_check, signing, forward_auth, deep };
    (code, Details::Issuers(Box::new(judgement)))
}

/// The deep check, or what the last one found a moment ago.
async fn check_deeply<P: Platform>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    now: Timestamp,
) -> DeepCheck {
    let last = app.deep.borrow().clone();
    if let Some(last) = last
        && last.is_recent(now)
    {
        return last;
    }
    let check = DeepCheck::perform(terms, platform, now).await;
    app.deep.replace(Some(check.clone()));
    check
}

async fn report_on<P: Platform>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    issuer: &TrustedIssuer,
    now: Timestamp,
) -> (IssuerReport, Option<&'static str>) {
    let keys = match &issuer.keys {
        Some(source) => Some(app.keys.state(platform, source, &terms.cache, now).await),
        None => None,
    };
    let secrets: Vec<SecretReport> = issuer
        .secrets
        .iter()
        .map(|secret| SecretReport {
            binding: secret.reference.binding.clone(),
            kid: secret.reference.kid.clone(),
            usable: secret.key.is_ok(),
            problem: secret.key.as_ref().err().copied(),
        })
        .collect();
    let problem = if secrets.iter().any(|secret| !secret.usable) {
        Some("secret_missing")
    } else if keys.as_ref().is_some_and(|keys| !keys.serving && keys.consecutive_failures > 0) {
        Some("jwks_unavailable")
    } else {
        None
    };
    let report = IssuerReport {
        issuer: issuer.issuer.clone(),
        ready: problem.is_none(),
        algorithms: issuer.algorithms.iter().map(|algorithm| algorithm.name()).collect(),
        keys,
        secrets,
    };
    (report, problem)
}
