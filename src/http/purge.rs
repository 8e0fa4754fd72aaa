//! `DELETE /keys?issuer=…`: drops the cached keys of an issuer in all isolates, for callers with the explain key. Whoever may do that can stop the
//! service while a provider is down, so it is never open to all.

use std::cell::RefCell;

use http::StatusCode;
use percent_encoding::percent_decode_str;

use super::application::Application;
use super::problem::{ProblemDetails, json as json_response};
use super::{Response, access, challenge, explanation};
use crate::codes;
use crate::keys::{KeySource, Purged};
use crate::members::json;
use crate::ports::{IncomingRequest, Platform};
use crate::rejection::Fault;
use crate::verify::Terms;
use crate::waiting::join_all;

/// The KV namespace through which isolates learn of a purge.
const BINDING: &str = "JWKS_CACHE";

/// The response: 200 with what the provider serves now, or 503 if only this isolate has dropped the keys.
pub(super) async fn answer<P: Platform, R: IncomingRequest>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    request: &R,
) -> Response {
    if let Err(reason) = access::check_key(request, platform) {
        return explanation::closed(reason, "The cached keys are dropped for the operator alone", "");
    }
    let Some(issuer) = request.query().and_then(issuer_in) else {
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
    for purged in purged.into_iter().filter_map(RefCell::into_inner) {
        if let Err(error) = purged.announced {
            let fault = Fault::StoreUnavailable { binding: BINDING.to_owned(), reason: error.to_string() };
            return challenge::refuse(&fault.into(), &app.config.surface);
        }
        match purged.fetched {
            Ok(set) => kids.extend(set.keys.iter().map(|key| key.kid.clone())),
            Err(fault) => failure = Some(fault),
        }
    }
    let report = match failure {
        None => json!({ "issuer": issuer, "fetched": true, "kids": kids }),
        Some(fault) => json!({ "issuer": issuer, "fetched": false, "problem": fault.to_string() }),
    };
    json_response(StatusCode::OK, &report)
}

/// The one parameter `issuer`, decoded. `None` if there is none, if there are several, or if it is not UTF-8.
fn issuer_in(query: &str) -> Option<String> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("issuer="));
    let (value, None) = (values.next()?, values.next()) else { return None };
    percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_the_one_parameter_of_that_name_decoded() {
        for (query, expected) in [
            ("issuer=https://a.example/x", Some("https://a.example/x")),
            ("issuer=https%3A%2F%2Fa.example%2F%7Btenantid%7D", Some("https://a.example/{tenantid}")),
            ("x=1&issuer=a+b", Some("a+b")),
            ("issuer=", Some("")),
            ("", None),
            ("issuers=a", None),
            ("issuer=a&issuer=b", None),
            ("issuer=%ff", None),
        ] {
            assert_eq!(issuer_in(query).as_deref(), expected, "{query}");
        }
    }
}
