//! Each step of a verification with its evidence.

use serde_json::{Map, Value};

use super::report::{Outcome, Stage, Step};
use super::route::Routing;
use super::{Examination, cross_check, issuers, keys, route};
use crate::details;
use crate::jose::{base64url, json as strict_json};
use crate::limits::MAX_LISTED;
use crate::members::{json, put};
use crate::rejection::excerpt;
use crate::time::{Timestamp, duration_in_words};
use crate::trust::claims::AudienceRule;

/// All steps, in order.
pub(super) fn of(examination: &Examination<'_>) -> Vec<Step> {
    let stopped = examination.refusal.as_ref().map(Stage::of);
    Stage::OF_TOKEN
        .into_iter()
        .map(|step| {
            let outcome = match stopped {
                _ if examination.is_anonymous => Outcome::Skipped,
                Some(stopped) if step == stopped => Outcome::Failed,
                Some(stopped) if step > stopped => Outcome::Skipped,
                _ => Outcome::Passed,
            };
            let mut evidence = evidence(examination, step, outcome);
            if let (Outcome::Failed, Some(refusal), Some(members)) =
                (outcome, &examination.refusal, evidence.as_object_mut())
            {
                put(members, "note", json!(details::of_refusal(refusal)));
            }
            Step { step, outcome, evidence }
        })
        .chain(route(examination))
        .collect()
}

/// The step `route`, where there is one.
fn route(examination: &Examination<'_>) -> Option<Step> {
    let outcome = match (&examination.routing, &examination.refusal, &examination.route_error) {
        (Routing::Refused(_), ..)
        | (Routing::Route(_), None, Some(_))
        | (Routing::Preflight(_), Some(_), _) => Outcome::Failed,
        (Routing::Route(_), Some(_), _) => Outcome::Skipped,
        (Routing::Route(_) | Routing::Preflight(_), None, _) => Outcome::Passed,
        (Routing::Absent | Routing::NotTold | Routing::NoRoutes | Routing::Endpoint, ..) => return None,
    };
    let evidence =
        route::evidence(&examination.routing, examination.request, examination.route_error.as_ref());
    Some(Step { step: Stage::Route, outcome, evidence })
}

fn evidence(examination: &Examination<'_>, step: Stage, outcome: Outcome) -> Value {
    match (step, outcome) {
        (Stage::Structure, _) => structure(examination),
        (Stage::Claims, Outcome::Skipped) if examination.issuer().is_some() => claims(examination),
        // `route` gives the evidence of this step.
        (Stage::Route, _) | (_, Outcome::Skipped) => Value::Object(Map::new()),
        (Stage::Issuer, _) => issuer(examination),
        (Stage::Algorithm, _) => algorithm(examination),
        (Stage::Key, _) => key(examination),
        (Stage::Signature, _) => json!({ "note": cross_check::in_words(&examination.trail) }),
        (Stage::Claims, _) => claims(examination),
    }
}

fn structure(examination: &Examination<'_>) -> Value {
    let Ok(text) = &examination.presented else { return Value::Object(Map::new()) };
    let mut evidence = Map::new();
    let segments = text.split('.').count();
    let hash = crate::verify::hash_prefix(text);
    evidence.insert(
        "note".to_owned(),
        json!(format!(
            "{segments} {}, {} bytes",
            if segments == 1 { "segment" } else { "segments" },
            text.len()
        )),
    );
    put(&mut evidence, "segments", json!(segments));
    put(&mut evidence, "bytes", json!(text.len()));
    put(&mut evidence, "sha256", json!(format!("{hash}…")));
    if let Some(header) = header(text) {
        put(&mut evidence, "header", header);
    }
    if let Some(token) = &examination.token {
        let names: Vec<String> = token.claims().members().names().take(MAX_LISTED).map(excerpt).collect();
        put(&mut evidence, "claims", json!(names));
    }
    Value::Object(evidence)
}

/// The header, even if the rest of the token cannot be read.
fn header(text: &str) -> Option<Value> {
    let (first, _) = text.split_once('.')?;
    let members = strict_json::parse_object(&String::from_utf8(base64url::decode(first)?).ok()?).ok()?;
    let mut shown = Map::new();
    for name in ["alg", "kid", "typ"] {
        match members.get(name) {
            Some(Value::String(text)) => shown.insert(name.to_owned(), json!(excerpt(text))),
            Some(_) => shown.insert(name.to_owned(), json!("not a string")),
            None => None,
        };
    }
    let others: Vec<String> = members
        .keys()
        .filter(|name| !shown.contains_key(name.as_str()))
        .take(MAX_LISTED)
        .map(|name| excerpt(name))
        .collect();
    if !others.is_empty() {
        put(&mut shown, "other_members", json!(others));
    }
    Some(Value::Object(shown))
}

fn issuer(examination: &Examination<'_>) -> Value {
    let iss = examination.token.as_ref().and_then(|token| token.claims().issuer.as_deref());
    if let (Some(issuer), Some(_)) = (examination.issuer(), iss) {
        return json!({ "note": format!("{} is configured", issuer.issuer), "iss": iss.map(excerpt) });
    }
    let configured: Vec<&str> =
        examination.terms.issuers.iter().take(MAX_LISTED).map(|issuer| issuer.issuer.as_str()).collect();
    let mut evidence = json!({ "iss": iss.map(excerpt), "configured": configured });
    if let (Some(near), Some(members)) =
        (iss.and_then(|iss| issuers::nearest(&examination.terms.issuers, iss)), evidence.as_object_mut())
    {
        put(members, "nearest", json!(near.issuer));
        put(members, "differs_in", json!(near.difference.in_words()));
    }
    evidence
}

fn algorithm(examination: &Examination<'_>) -> Value {
    let Some(issuer) = examination.issuer() else { return Value::Object(Map::new()) };
    let asked = examination.token.as_ref().and_then(|token| token.header().alg.as_deref());
    let allowed: Vec<&str> = issuer.algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let mut evidence = Map::new();
    if let Some(algorithm) = examination.trail.algorithm {
        let needed = algorithm.key_type().needed();
        let note = format!("{} is allowed; it needs {needed}", algorithm.name());
        put(&mut evidence, "note", json!(note));
    }
    put(&mut evidence, "asked", json!(asked.map(excerpt)));
    put(&mut evidence, "allowed", json!(allowed));
    Value::Object(evidence)
}

fn key(examination: &Examination<'_>) -> Value {
    let (Some(issuer), Some(algorithm)) = (examination.issuer(), examination.trail.algorithm) else {
        return Value::Object(Map::new());
    };
    let mut evidence = if algorithm.is_shared_secret() {
        keys::shared(examination, issuer, algorithm)
    } else {
        keys::public(examination, issuer, algorithm)
    };
    if let Some(members) = evidence.as_object_mut() {
        let note = if algorithm.is_shared_secret() {
            "a configured secret fits the token".to_owned()
        } else {
            "the issuer's key set has a key for the token".to_owned()
        };
        put(members, "note", json!(note));
    }
    evidence
}

fn claims(examination: &Examination<'_>) -> Value {
    let (Some(issuer), Some(token)) = (examination.issuer(), &examination.token) else {
        return Value::Object(Map::new());
    };
    let (claims, rules) = (token.claims(), &issuer.rules);
    let mut evidence = Map::new();
    let note = match examination.violations.len() {
        0 => "all rules are met".to_owned(),
        1 => "one rule is not met".to_owned(),
        several => format!("{several} rules are not met"),
    };
    put(&mut evidence, "note", json!(note));
    let mut time = |name: &str, at: Option<Timestamp>| {
        if let Some(at) = at {
            evidence.insert(name.to_owned(), instant(at, examination.now));
        }
    };
    time("exp", claims.expires_at);
    time("nbf", claims.not_before);
    time("iat", claims.issued_at);
    if let (Some(end), Some(begin)) = (claims.expires_at, claims.issued_at) {
        put(&mut evidence, "lives", json!(duration_in_words(end.since(begin))));
    }
    put(&mut evidence, "leeway_seconds", json!(rules.leeway_seconds));
    if rules.audience != AudienceRule::Unchecked || claims.audience.is_some() {
        let found: Option<Vec<String>> = claims
            .audience
            .as_ref()
            .map(|audience| audience.iter().take(MAX_LISTED).map(|one| excerpt(one)).collect());
        put(&mut evidence, "aud", json!({ "found": found, "expected": rules.audience.in_words() }));
    }
    if let Some(expected) = &rules.authorized_parties {
        let found = claims.authorized_party.as_deref().map(excerpt);
        put(&mut evidence, "azp", json!({ "found": found, "expected": expected }));
    }
    if let Some(rule) = &rules.classes {
        let found = rule.class_of(token.header(), claims).map(|class| class.name);
        let accepted = rule.accepted.as_ref().map_or_else(|| json!("unchecked"), |accepted| json!(accepted));
        put(&mut evidence, "class", json!({ "found": found, "accepted": accepted }));
    }
    if !rules.require.is_empty() {
        let conditions: Vec<String> =
            rules.require.iter().map(|one| format!("{} {}", one.about, one.test.name())).collect();
        put(&mut evidence, "conditions", json!(conditions));
    }
    if !rules.required_claims.is_empty() {
        let missing: Vec<&String> =
            rules.required_claims.iter().filter(|name| !crate::trust::claims::has(claims, name)).collect();
        evidence.insert(
            "required_claims".to_owned(),
            json!({ "required": rules.required_claims, "missing": missing }),
        );
    }
    Value::Object(evidence)
}

/// A time as an instant and as a signed distance from `now` in seconds.
fn instant(at: Timestamp, now: Timestamp) -> Value {
    let distance = at.since(now);
    json!({
        "epoch": at,
        "at": at.rfc3339(),
        "distance_seconds": distance,
        "in_words": in_words(distance),
    })
}

/// A signed distance from now, in words.
pub(super) fn in_words(distance: i64) -> String {
    match distance {
        0 => "now".to_owned(),
        1.. => format!("in {}", duration_in_words(distance)),
        _ => format!("{} ago", duration_in_words(distance)),
    }
}
