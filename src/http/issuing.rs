//! What `/readyz` shows of the exchange: its keys without their material, its clients without their secrets, and what is
//! wrong if something is.

use serde_json::{Value, json};

use crate::exchange::Exchange;
use crate::rejection::Fault;
use crate::signing::{Keyring, RingKey};
use crate::time::Timestamp;

/// The report, and the code of what keeps some token from being issued.
#[must_use]
pub(super) fn readiness(exchange: &Exchange, now: Timestamp) -> (Value, Option<&'static str>) {
    let problem = problem(exchange, now);
    let keys: Vec<Value> =
        exchange.keys().into_iter().flat_map(Keyring::keys).map(|key| key_report(key, now)).collect();
    let clients: Vec<Value> = exchange
        .clients
        .iter()
        .map(|client| json!({ "id": client.id, "secret": client.binding, "usable": client.secret().is_ok() }))
        .collect();
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
        .algorithms()
        .find_map(|algorithm| ring.signer_or_fault(algorithm, now).err())
        .or_else(|| exchange.clients.iter().find_map(|client| client.secret().err()))
}

fn key_report(RingKey { key, schedule }: &RingKey, now: Timestamp) -> Value {
    json!({
        "kid": key.kid(),
        "alg": key.algorithm().name(),
        "state": schedule.state(now),
        "publish_at": schedule.publish_at,
        "activate_at": schedule.activate_at,
        "retire_at": schedule.retire_at,
        "remove_at": schedule.remove_at,
    })
}
