//! `GET /healthz`: the isolate answers. `GET /readyz`: could the tokens of every issuer be verified now? The details are only for
//! callers that may see them.
//!
//! `ready` and `degraded` are 200, `not_ready` is 503. Keys that are not known yet are fetched, so that a Worker that has just
//! started does not report `ready` without knowing. Anyone may call this endpoint, so it fetches from a provider no more often than
//! requests with forged tokens could cause.

use std::cell::RefCell;
use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;

use super::application::Application;
use super::deep_check::DeepCheck;
use super::problem::json as json_response;
use super::record::RecordReport;
use super::{Response, access};
use crate::config::ConfigFault;
use crate::cross_check::{CrossCheckState, Engine};
use crate::jose::{Jwk, KeySet};
use crate::keys::{CoordinatorState, KeySource, KeyState, SetAsideSummary};
use crate::limits;
use crate::members::json;
use crate::ports::{IncomingRequest, Platform};
use crate::rejection::Fault;
use crate::time::Timestamp;
use crate::trust::issuer::TrustedIssuer;
use crate::verify::Terms;
use crate::waiting::{join_all, with_timeout};

/// The response of `/healthz`.
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
    Faults(FaultReport),
    Issuers(Box<StateReport>),
}

#[derive(Serialize)]
struct FaultReport {
    faults: Vec<ConfigFault>,
    /// The record in KV that the configuration is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<RecordReport>,
}

#[derive(Serialize)]
struct StateReport {
    now: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<RecordReport>,
    issuers: Vec<IssuerReport>,
    /// How many further issuers there are, whose keys are not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_examined: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<StoreReport>,
    /// What this isolate has seen of the coordinator, if one is bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    coordinator: Option<CoordinatorState>,
    cross_check: CrossCheckState,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forward_auth: Option<ProxyReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deep: Option<DeepCheck>,
}

/// Whether the secret of the forward-auth proxy can be used.
#[derive(Serialize)]
struct ProxyReport {
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct StoreReport {
    answers: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct IssuerReport {
    issuer: String,
    ready: bool,
    /// Why the issuer is not ready, or only degraded.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What to change, if the issuer is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    algorithms: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<KeyState>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<SecretReport>,
    /// The keys that the configuration distrusts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    distrusted_keys: Vec<String>,
    /// Those of them that no key of the set and no secret has: withdrawn already, or misspelt. This is no fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    distrusted_and_not_published: Vec<String>,
}

#[derive(Serialize)]
struct SecretReport {
    binding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// The result of probing one key source.
type Probed = Result<Arc<KeySet>, Fault>;

/// How ready an issuer or the Worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    /// It works, and every service that it needs works too.
    Ready,
    /// It works from cached keys, while their provider or Workers KV does not answer, or without a coordinator that does not answer; or two engines disagreed on a token; or the configuration in
    /// KV cannot be used, and the one before it is.
    Degraded,
    /// It does not work; the code says why.
    Not(&'static str),
}

/// The response of `/readyz`: 200, or 503 if tokens of some issuer could not be verified now, or none could be issued, or the secret of
/// the forward-auth proxy cannot be used.
pub async fn answer<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
) -> Response {
    let may_see = access::check(app.config.surface.details, request, platform).is_ok();
    // Before anything is configured, the details are not secret, and the operator has not set a key yet. The names of bindings are.
    let open = may_see || app.config.is_unconfigured();
    let wants_deep = request.query().is_some_and(|query| query.split('&').any(|pair| pair == "deep=1"));
    let (readiness, details) = match &app.config.terms {
        Err(faults) => {
            let configuration = configuration(app).filter(|_| may_see);
            let report = FaultReport { faults: faults.clone(), configuration };
            (Readiness::Not(app.config.fault().code()), Details::Faults(report))
        }
        Ok(terms) => examine(app, terms, platform, open, wants_deep).await,
    };
    let (status, name, code) = match readiness {
        Readiness::Ready => (StatusCode::OK, "ready", None),
        Readiness::Degraded => (StatusCode::OK, "degraded", None),
        Readiness::Not(code) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some(code)),
    };
    json_response(status, &Report { status: name, code, details: open.then_some(details) })
}

async fn examine<P: Platform>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    open: bool,
    wants_deep: bool,
) -> (Readiness, Details) {
    let deep = if open && wants_deep {
        Some(check_deeply(app, terms, platform, platform.now()).await)
    } else {
        None
    };
    let probed = probe_all(app, terms, platform, open).await;
    let now = platform.now();
    let checks = &terms.cross_checks;
    let mut found = vec![match (checks.has_failed_engine(), checks.has_disagreement()) {
        (true, _) => Readiness::Not("crypto_disagreement"),
        // The author of a token can cause this, and so it must not stop the isolate.
        (false, true) => Readiness::Degraded,
        (false, false) => Readiness::Ready,
    }];
    let mut issuers = Vec::new();
    let (mut sources, mut not_examined) = (0_usize, 0_usize);
    for (issuer, probed) in terms.issuers.iter().zip(probed) {
        // Each further one would be a read of the store, and a Worker may make only so many for a request.
        sources = sources.saturating_add(usize::from(issuer.keys.is_some()));
        if sources > limits::READINESS_SOURCES && issuer.keys.is_some() {
            not_examined = not_examined.saturating_add(1);
            let is_unusable = issuer.secrets.iter().any(|secret| issuer.problem_of(secret).is_some());
            found.extend(is_unusable.then_some(Readiness::Not("secret_missing")));
            continue;
        }
        let (report, readiness) = report_on(app, terms, platform, issuer, probed, now).await;
        found.push(readiness);
        issuers.push(report);
    }
    #[cfg(feature = "exchange")]
    let (signing, problem) = super::issuing::readiness(app, now);
    #[cfg(not(feature = "exchange"))]
    let (signing, problem) = (None, None);
    found.extend(problem.map(Readiness::Not));
    let forward_auth = app.config.forward_auth.as_ref().map(|forward_auth| {
        let fault = forward_auth.ready().err();
        found.extend(fault.as_ref().map(|fault| Readiness::Not(fault.code())));
        ProxyReport { usable: fault.is_none(), problem: fault.map(|fault| fault.to_string()) }
    });
    let store = report_on_store(app, terms, platform).await;
    if store.as_ref().is_some_and(|store| !store.answers) {
        found.push(Readiness::Degraded);
    }
    let coordinator = platform.has_coordinator().then(|| app.keys.coordinator_state());
    if coordinator.as_ref().is_some_and(|coordinator| coordinator.problem.is_some()) {
        found.push(Readiness::Degraded);
    }
    if app.record.as_ref().is_some_and(|record| record.is_degraded()) {
        found.push(Readiness::Degraded);
    }
    let cross_check = terms.cross_checks.state();
    let configuration = configuration(app);
    let not_examined = Some(not_examined).filter(|number| *number > 0);
    let report = StateReport {
        now,
        configuration,
        issuers,
        not_examined,
        store,
        coordinator,
        cross_check,
        signing,
        forward_auth,
        deep,
    };
    (worst(&found), Details::Issuers(Box::new(report)))
}

/// The state of the record in KV that the configuration is from; `None` if it is from the variable.
fn configuration(app: &Application) -> Option<RecordReport> {
    app.record.as_ref().map(|record| record.report())
}

/// The first reason for `not_ready`; without one, `degraded` if anything is degraded.
fn worst(found: &[Readiness]) -> Readiness {
    let not_ready = found.iter().find(|one| matches!(one, Readiness::Not(_)));
    let degraded = found.iter().find(|one| **one == Readiness::Degraded);
    not_ready.or(degraded).copied().unwrap_or(Readiness::Ready)
}

/// Probes the key sources of all issuers, a few at the same time, within a time limit. `None` for a source that did not answer
/// within the limit, and for issuers without public keys. Callers that may see details may probe more often.
async fn probe_all<P: Platform>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    open: bool,
) -> Vec<Option<Probed>> {
    let interval_seconds =
        if open { limits::OPEN_PROBE_SECONDS } else { terms.cache.unknown_kid_cooldown_seconds };
    let fixed = |issuer: &Arc<TrustedIssuer>| RefCell::new(issuer.fixed_keys.clone().map(Ok));
    let found: Vec<RefCell<Option<Probed>>> = terms.issuers.iter().map(fixed).collect();
    let asked: Vec<(&KeySource, &RefCell<Option<Probed>>)> = terms
        .issuers
        .iter()
        .zip(&found)
        .filter_map(|(issuer, found)| Some((issuer.keys.as_ref()?, found)))
        .take(limits::READINESS_SOURCES)
        .collect();
    let probing = async {
        for group in asked.chunks(limits::READINESS_AT_ONCE) {
            join_all(group.iter().map(|(source, found)| async {
                let now = platform.now();
                let probed = app.keys.probe(platform, source, &terms.cache, interval_seconds, now).await;
                found.replace(Some(probed));
            }))
            .await;
        }
    };
    // A source that has not answered by then counts as not probed.
    let _ = with_timeout(platform, limits::READINESS_TIMEOUT_MS, probing).await;
    found.into_iter().map(RefCell::into_inner).collect()
}

/// Whether the KV store answers; `None` if no issuer has keys to store.
async fn report_on_store<P: Platform>(app: &Application, terms: &Terms, platform: &P) -> Option<StoreReport> {
    let source = terms.issuers.iter().find_map(|issuer| issuer.keys.as_ref())?;
    let problem = app.keys.store_failure(platform, source).await;
    Some(StoreReport { answers: problem.is_none(), problem })
}

/// A new deep check, or the result of the last one if it is recent.
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
    probed: Option<Probed>,
    now: Timestamp,
) -> (IssuerReport, Readiness) {
    let mut keys = match (&issuer.fixed_keys, &issuer.keys) {
        (Some(set), _) => Some(KeyState::fixed(&issuer.issuer, set)),
        (None, Some(source)) => Some(app.keys.state(platform, source, &terms.cache, now).await),
        (None, None) => None,
    };
    let engine = terms.cross_checks.engine();
    if let (Some(keys), Some(Ok(set))) = (&mut keys, &probed) {
        set_aside(keys, set, |key| {
            let is_distrusted = issuer.distrusted.include(set, key);
            if is_distrusted { Some(DISTRUSTED) } else { fault_of(key, engine) }
        });
    }
    let unmatched = match &probed {
        // The set is not known.
        Some(Err(_)) => Vec::new(),
        None if issuer.keys.is_some() => Vec::new(),
        probed => {
            let fetched = probed.as_ref().and_then(|probed| probed.as_ref().ok());
            let set = fetched.or(issuer.fixed_keys.as_ref()).map(|set| &**set);
            issuer.distrusted.unmatched(set, &issuer.secrets).map(str::to_owned).collect()
        }
    };
    let secrets: Vec<SecretReport> = issuer
        .secrets
        .iter()
        .map(|secret| {
            let is_distrusted = issuer.distrusted.include_secret(&issuer.secrets, secret);
            let problem = if is_distrusted { Some(DISTRUSTED.to_owned()) } else { issuer.problem_of(secret) };
            SecretReport {
                binding: secret.reference.binding.clone(),
                kid: secret.reference.kid.clone(),
                usable: problem.is_none(),
                problem,
            }
        })
        .collect();
    let unusable =
        secrets.iter().filter(|secret| secret.problem.as_deref() != Some(DISTRUSTED)).find_map(|secret| {
            let problem = secret.problem.as_ref()?;
            Some((
                Readiness::Not("secret_missing"),
                Some(format!("the secret {}: {problem}", secret.binding)),
            ))
        });
    #[cfg(feature = "explain")]
    let fault = probed.as_ref().and_then(|probed| probed.as_ref().err());
    #[cfg(feature = "explain")]
    let fix = fault.filter(|_| unusable.is_none()).zip(issuer.keys.as_ref()).and_then(|(fault, source)| {
        let failure = keys.as_ref().and_then(|keys| keys.last_error.as_ref());
        crate::explain::fix_of_keys(source, fault, failure)
    });
    #[cfg(not(feature = "explain"))]
    let fix = None;
    let (readiness, problem) = unusable
        .or_else(|| keys_readiness(issuer, keys.as_ref()?, probed, engine))
        .unwrap_or((Readiness::Ready, None));
    let report = IssuerReport {
        issuer: issuer.issuer.clone(),
        ready: !matches!(readiness, Readiness::Not(_)),
        problem,
        fix,
        algorithms: issuer.algorithms.iter().map(|algorithm| algorithm.name()).collect(),
        keys,
        secrets,
        distrusted_keys: issuer.distrusted.names().to_vec(),
        distrusted_and_not_published: unmatched,
    };
    (report, readiness)
}

/// Why no token of the key is verified with this engine.
fn fault_of(key: &Jwk, engine: Engine) -> Option<&'static str> {
    key.key.fault_in_web_crypto().filter(|_| engine.needs_web_crypto())
}

/// Why a distrusted key is set aside.
const DISTRUSTED: &str = "it is in `distrusted_keys`";

/// Shows the keys of `set` that have a fault among those that are set aside.
fn set_aside(keys: &mut KeyState, set: &KeySet, fault_of: impl Fn(&Jwk) -> Option<&'static str>) {
    for (key, fault) in set.keys.iter().filter_map(|key| Some((key, fault_of(key)?))) {
        keys.keys.retain(|one| one.thumbprint != key.thumbprint);
        keys.set_aside.push(SetAsideSummary { kid: key.kid.clone(), reason: fault.to_owned() });
    }
}

/// The reason why tokens cannot be verified with the public keys of the issuer, or why the keys cannot be refreshed.
fn keys_readiness(
    issuer: &TrustedIssuer,
    keys: &KeyState,
    probed: Option<Probed>,
    engine: Engine,
) -> Option<(Readiness, Option<String>)> {
    let set = match probed {
        Some(Ok(set)) => Some(set),
        Some(Err(fault)) => return Some((Readiness::Not(fault.code()), Some(fault.to_string()))),
        None if keys.serving => None,
        None => {
            let problem = "its keys were not fetched in time; ask again".to_owned();
            return Some((Readiness::Not("jwks_unavailable"), Some(problem)));
        }
    };
    if let Some(set) = set {
        let fits = |key: &&Jwk| issuer.algorithms.iter().any(|algorithm| key.serves(*algorithm));
        let is_trusted = |key: &&Jwk| !issuer.distrusted.include(&set, key);
        let (refused, usable): (Vec<&Jwk>, Vec<&Jwk>) =
            set.keys.iter().filter(fits).filter(is_trusted).partition(|key| fault_of(key, engine).is_some());
        if let Some(fault) = refused.first().and_then(|key| fault_of(key, engine)) {
            let name = engine.name();
            let problem = format!(
                "verify.engine is \"{name}\", but {fault}, and the issuer has such a key; set verify.engine to \"rust\""
            );
            let readiness =
                if usable.is_empty() { Readiness::Not("config_invalid") } else { Readiness::Degraded };
            return Some((readiness, Some(problem)));
        }
        if !set.keys.is_empty() && usable.is_empty() {
            let problem = if set.keys.iter().any(|key| issuer.distrusted.include(&set, key)) {
                "no key is left besides those in `distrusted_keys`"
            } else {
                "none of its keys can be used with an allowed algorithm"
            };
            let problem = problem.to_owned();
            return Some((Readiness::Not("jwks_invalid"), Some(problem)));
        }
    }
    let failure = keys.last_error.as_ref()?;
    Some((Readiness::Degraded, Some(format!("cached keys are in use, but {}", failure.reason))))
}
