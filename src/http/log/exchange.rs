//! The log lines of the exchange and of its keys.

use super::without_nulls;
use crate::exchange::mint::Audit;
use crate::members::json;
use crate::ports::{Level, Log};
use crate::rejection::excerpt;
use crate::signing::Series;
use crate::time::Timestamp;
use crate::verify::Observed;

/// Logs an exchange that was refused for a reason other than its token. `detail` contains nothing from the request. `client` is the
/// id of a registered client.
pub fn exchange_refused(
    log: &impl Log,
    (code, detail): (&'static str, &str),
    client: Option<&str>,
    observed: &Observed,
    ray: Option<&str>,
) {
    let line = json!({ "event": "exchange_refused", "code": code, "detail": detail, "client": client, "iss": observed.issuer(), "ray": ray.map(excerpt) });
    log.log(Level::Info, &without_nulls(line));
}

/// Logs a token that was issued. The line identifies the token and contains no claim about a person.
pub fn token_issued(log: &impl Log, audit: &Audit, observed: &Observed, ray: Option<&str>) {
    let line = json!({
        "event": "token_issued",
        "jti": audit.jti,
        "client": audit.client,
        "targets": audit.targets,
        "expires_at": audit.expires_at,
        "iss": observed.issuer(),
        "token_sha256": observed.token_hash(),
        "ray": ray.map(excerpt),
    });
    log.log(Level::Info, &without_nulls(line));
}

/// Logs a series of signing keys that has no key to sign with after the current one retires.
pub fn successor_missing(log: &impl Log, series: &Series, retires_at: Timestamp) {
    let detail =
        format!("no {series} key is active after {}; run `{}`", retires_at.rfc3339(), series.rotation());
    let line = json!({
        "event": "signing_key_without_successor",
        "alg": series.algorithm.name(),
        "aud": series.audience,
        "retire_at": retires_at,
        "detail": detail,
    });
    log.log(Level::Warn, &without_nulls(line));
}
