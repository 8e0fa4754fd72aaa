//! The log lines: one line of JSON per event. Of a token they contain only `iss`, `kid`, `alg` and a prefix of its hash.

#[cfg(feature = "exchange")]
mod exchange;

#[cfg(feature = "exchange")]
pub use exchange::{exchange_refused, successor_missing, token_issued};
use serde_json::Value;

use crate::config::{ConfigFault, RecordReference};
use crate::details;
use crate::members::json;
use crate::ports::{Level, Log, UpstreamError};
use crate::rejection::{Fault, Refusal, excerpt};
use crate::verify::Observed;

/// Logs a request that was refused, with its route if it has one. `ray` is Cloudflare's id of the request; outside Cloudflare the
/// client chooses it.
pub fn refused(
    log: &impl Log,
    refusal: &Refusal,
    observed: &Observed,
    route: Option<&str>,
    ray: Option<&str>,
) {
    let (event, level) = match refusal {
        Refusal::Rejection(_) => ("token_refused", Level::Info),
        Refusal::Fault(_) => ("fault", Level::Error),
    };
    let line = json!({
        "event": event,
        "code": refusal.code(),
        "detail": details::of_refusal(refusal),
        "route": route,
        "iss": observed.issuer(),
        "kid": observed.kid(),
        "alg": observed.algorithm(),
        "token_sha256": observed.token_hash(),
        "ray": ray.map(excerpt),
    });
    log.log(level, &without_nulls(line));
}

/// Logs a request that may not pass although its token is good, or a forward-auth question that lacks information. `detail`
/// contains nothing from the request.
pub fn forbidden(
    log: &impl Log,
    (code, detail): (&str, &str),
    observed: &Observed,
    route: Option<&str>,
    ray: Option<&str>,
) {
    let line = json!({
        "event": "request_refused",
        "code": code,
        "detail": detail,
        "route": route,
        "iss": observed.issuer(),
        "token_sha256": observed.token_hash(),
        "ray": ray.map(excerpt),
    });
    log.log(Level::Info, &without_nulls(line));
}

/// Logs a client that did not send its whole body through the gateway. `sender` is the `iss` of its token and the beginning of the token's hash; both
/// are empty if there is none.
pub fn body_incomplete(
    log: &impl Log,
    (code, detail): (&str, &str),
    sender: &[String; 2],
    route: &str,
    ray: Option<&str>,
) {
    let [issuer, token_hash] = sender.each_ref().map(|text| Some(text).filter(|text| !text.is_empty()));
    let line = json!({
        "event": "request_refused",
        "code": code,
        "detail": detail,
        "route": route,
        "iss": issuer,
        "token_sha256": token_hash,
        "ray": ray.map(excerpt),
    });
    log.log(Level::Info, &without_nulls(line));
}

/// Logs an upstream that did not answer, with its address, which the client does not get, and the reason.
pub fn upstream_failed(
    log: &impl Log,
    route: &str,
    upstream: &str,
    error: &UpstreamError,
    ray: Option<&str>,
) {
    let line = json!({
        "event": "upstream_failed",
        "code": "upstream_unavailable",
        "detail": error.to_string(),
        "route": route,
        "upstream": upstream,
        "ray": ray.map(excerpt),
    });
    log.log(Level::Error, &without_nulls(line));
}

/// Logs an `EXPLAIN_KEY` that cannot be used, once per isolate.
pub fn key_unusable(log: &impl Log, fault: &Fault) {
    log.log(Level::Warn, &json!({ "event": "explain_key_unusable", "detail": fault.to_string() }));
}

/// Logs all faults of the configuration, once per isolate.
pub fn configuration_invalid(log: &impl Log, faults: &[ConfigFault]) {
    log.log(Level::Error, &json!({ "event": "config_invalid", "faults": faults }));
}

/// Logs that a version of the record in KV is in force in this isolate from now on.
pub fn record_in_force(log: &impl Log, record: &RecordReference, version: &str) {
    let RecordReference { binding, key } = record;
    let line = json!({ "event": "config_in_force", "kv": binding, "key": key, "version": version });
    log.log(Level::Info, &line);
}

/// Logs all faults of a version of the record in KV, which is not used.
pub fn record_refused(
    log: &impl Log,
    record: &RecordReference,
    version: Option<&str>,
    faults: &[ConfigFault],
) {
    let RecordReference { binding, key } = record;
    let line =
        json!({ "event": "config_refused", "kv": binding, "key": key, "version": version, "faults": faults });
    log.log(Level::Error, &without_nulls(line));
}

/// Logs that the record in KV could not be read, or its copy not be written.
pub fn record_unavailable(log: &impl Log, record: &RecordReference, reason: &str) {
    let RecordReference { binding, key } = record;
    let line = json!({ "event": "config_unavailable", "kv": binding, "key": key, "reason": reason });
    log.log(Level::Warn, &line);
}

fn without_nulls(line: Value) -> Value {
    match line {
        Value::Object(mut members) => {
            members.retain(|_, value| !value.is_null());
            Value::Object(members)
        }
        other => other,
    }
}
