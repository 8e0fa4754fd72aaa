//! `DELETE /keys?issuer=…`: drops the cached keys of an issuer in all isolates, for callers with the explain key. Whoever may do that can stop the
//! service while a provider is down, so it is never open to all.

use std::cell::RefCell;

use super::application::Application;
use super::problem::{ProblemDetails, json as json_response};
use super::{Response, access, challenge};
use crate::codes;
use crate::credentials::query_value;
use crate::keys::{KeySource, PurgeTold, Purged};
use crate::limits::PURGE_APART_SECONDS;
use crate::members::json;
use crate::ports::{IncomingRequest, Platform};
use crate::rejection::Fault;
use crate::verify::Terms;
use crate::waiting::join_all;
use http::StatusCode;

/// The KV namespace through which isolates learn of a purge.
const BINDING: &str = "JWKS_CACHE";

/// Seconds after the response within which every isolate has dropped the keys. An isolate that has not looked for 55 s looks before it uses them. It asks
/// the coordinator, or reads KV, which shows a mark everywhere after up to 90 s.
const COORDINATED_SECONDS: u64 = 60;
const BY_KV_SECONDS: u64 = 150;

/// The response: 200 with what the provider serves now, or 503 if only this isolate has dropped the keys.
pub(super) async fn answer<P: Platform, R: IncomingRequest>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    request: &R,
) -> Response {
    if let Err(reason) = access::check_key(request, platform) {
        return access::closed(reason, "The cached keys are dropped for the operator alone", "");
    }
    let Ok(Some(issuer)) = query_value(request.query().unwrap_or_default(), "issuer") else {
        let detail = "name the issuer: DELETE /keys?issuer=<the `issuer` of its table, percent-encoded>";
        return ProblemDetails::of(&codes::CALL_INVALID, detail).into_response();
    };
    // Several tables may have the issuer.
    let tables = terms.issuers.iter().filter(|one| one.issuer == issuer);
    let sources: Vec<&KeySource> = tables.filter_map(|one| one.keys.as_ref()).collect();
    if sources.is_empty() {
        let detail = "`issuer` is not the `issuer` of a table whose keys are fetched; /readyz lists them";
        let title = "The keys of this issuer are not fetched";
        return ProblemDetails::new(StatusCode::NOT_FOUND, "issuer_not_found", title, detail).into_response();
    }
    let purged: Vec<RefCell<Option<Purged>>> = sources.iter().map(|_| RefCell::default()).collect();
    join_all(sources.iter().zip(&purged).map(|(source, purged)| async {
        let outcome = app.keys.purge(platform, source, &terms.cache, platform.now()).await;
        purged.replace(Some(outcome));
    }))
    .await;
    let (mut kids, mut failure) = (Vec::new(), None);
    let (mut everywhere_within_seconds, mut coordinator) = (COORDINATED_SECONDS, None);
    for purged in purged.into_iter().filter_map(RefCell::into_inner) {
        if let Err(error) = purged.announced {
            let fault = Fault::StoreUnavailable { binding: BINDING.to_owned(), reason: error.to_string() };
            return challenge::refuse(&fault.into(), &app.config.surface);
        }
        let (seconds, problem) = match purged.told {
            PurgeTold::AtOnce => (COORDINATED_SECONDS, None),
            PurgeTold::Soon => (COORDINATED_SECONDS.saturating_add(PURGE_APART_SECONDS), None),
            PurgeTold::NoCoordinator => (BY_KV_SECONDS, None),
            PurgeTold::Failed(reason) => (BY_KV_SECONDS, Some(reason.to_string())),
        };
        everywhere_within_seconds = everywhere_within_seconds.max(seconds);
        coordinator = coordinator.or(problem);
        match purged.fetched {
            Ok(set) => kids.extend(set.keys.iter().map(|key| key.kid.clone())),
            Err(fault) => failure = Some(fault),
        }
    }
    let mut report = match failure {
        None => json!({ "issuer": issuer, "fetched": true, "kids": kids }),
        Some(fault) => {
            let problem = format!("{fault}; until this is over, the tokens of the issuer are 503");
            json!({ "issuer": issuer, "fetched": false, "problem": problem })
        }
    };
    if let Some(members) = report.as_object_mut() {
        members.insert("everywhere_within_seconds".to_owned(), everywhere_within_seconds.into());
        members.extend(coordinator.map(|reason| ("coordinator_problem".to_owned(), reason.into())));
    }
    json_response(StatusCode::OK, &report)
}
