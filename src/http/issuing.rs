//! The exchange's part of `/readyz`: its signing keys without key material, its clients without their secrets, and the first
//! problem. And its part of the cron trigger.

use serde_json::Value;

use super::application::Application;
use super::log;
use crate::exchange::Exchange;
use crate::exchange::clients::Client;
use crate::limits;
use crate::members::json;
use crate::ports::Platform;
use crate::rejection::Fault;
use crate::signing::{Keyring, RingKey};
use crate::time::Timestamp;

/// The report if an exchange is configured, and the code of the problem if some tokens cannot be issued.
#[must_use]
pub(super) fn readiness(app: &Application, now: Timestamp) -> (Option<Value>, Option<&'static str>) {
    let Some(exchange) = &app.config.exchange else { return (None, None) };
    let problem = problem(exchange, now);
    let keys: Vec<Value> =
        exchange.keys().into_iter().flat_map(Keyring::keys).map(|key| key_report(key, now)).collect();
    let clients: Vec<Value> = exchange.clients.iter().map(client_report).collect();
    let report =
        json!({ "keys": keys, "clients": clients, "problem": problem.as_ref().map(ToString::to_string) });
    (Some(report), problem.map(|fault| fault.code()))
}

fn problem(exchange: &Exchange, now: Timestamp) -> Option<Fault> {
    let ring = match exchange.keys() {
        Ok(ring) => ring,
        Err(fault) => return Some(fault),
    };
    exchange
        .series()
        .iter()
        .find_map(|series| ring.signer_or_fault(series, now).err())
        .or_else(|| exchange.clients.iter().find_map(|client| client.secret().err()))
}

fn client_report(client: &Client) -> Value {
    let problem = client.secret().err();
    json!({
        "id": client.id,
        "secret": client.binding,
        "usable": problem.is_none(),
        "problem": problem.map(|fault| fault.to_string()),
    })
}

fn key_report(RingKey { key, schedule, audience }: &RingKey, now: Timestamp) -> Value {
    let mut report = json!({
        "kid": key.kid(),
        "alg": key.algorithm().name(),
        "state": schedule.state(now),
        "publish_at": schedule.publish_at,
        "activate_at": schedule.activate_at,
        "retire_at": schedule.retire_at,
        "remove_at": schedule.remove_at,
    });
    if let (Some(audience), Some(members)) = (audience, report.as_object_mut()) {
        members.insert("aud".to_owned(), json!(audience));
    }
    report
}

/// Logs each series of signing keys that soon has no key to sign with.
pub(super) fn warn_of_expiring_keys<P: Platform>(app: &Application, platform: &P) {
    let now = platform.now();
    let Some((exchange, Ok(ring))) = app.config.exchange.as_ref().map(|one| (one, one.keys())) else {
        return;
    };
    for series in exchange.series() {
        let until = ring.signs_until(&series, now).unwrap_or(now);
        if until < now.plus(limits::SUCCESSOR_WARNING_SECONDS) {
            log::successor_missing(platform, &series, until);
        }
    }
}
