//! The exchange's part of `/readyz`: its signing keys without key material, its clients without their secrets, and the first
//! problem.

use serde_json::Value;

use crate::exchange::Exchange;
use crate::exchange::clients::Client;
use crate::members::json;
use crate::rejection::Fault;
use crate::signing::{Keyring, RingKey};
use crate::time::Timestamp;

/// The report, and the code of the problem if some tokens cannot be issued.
#[must_use]
pub(super) fn readiness(exchange: &Exchange, now: Timestamp) -> (Value, Option<&'static str>) {
    let problem = problem(exchange, now);
    let keys: Vec<Value> =
        exchange.keys().into_iter().flat_map(Keyring::keys).map(|key| key_report(key, now)).collect();
    let clients: Vec<Value> = exchange.clients.iter().map(client_report).collect();
    let report =
        json!({ "keys": keys, "clients": clients, "problem": problem.as_ref().map(ToString::to_string) });
    (report, problem.map(|fault| fault.code()))
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
