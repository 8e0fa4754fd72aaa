//! The records in the store: what is written is read back, and every other value is discarded.

use edge_assay::keys::record::{Read, Record, RecordError, Written, failures_key, key};
use edge_assay::keys::{KeySource, Location, Wanted};
use edge_assay::time::Timestamp;
use serde_json::{Value, json};

use super::{Isolate, NOW, POLICY, REFRESH_AT, URL, holds, jwks, serve, source, world};
use crate::support::platform::{Answer, StoreMode};

fn written() -> Value {
    let world = world();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).etag("\"v1\""));
    Isolate::warm(&world);
    serde_json::from_str(&world.store.peek(&key(&source())).unwrap()).unwrap()
}

fn read(value: &Value) -> Result<Read, RecordError> {
    Record::read(&value.to_string(), &source(), &POLICY, Timestamp::from_epoch_seconds(NOW))
}

/// The record with some members replaced.
fn with(changes: &Value) -> Value {
    let mut record = written();
    for (member, value) in changes.as_object().unwrap() {
        record[member] = value.clone();
    }
    record
}

#[test]
fn the_record_has_the_members_of_the_schema() {
    let record = written();
    let expected = json!({
        "source_uri": URL,
        "jwks_uri": URL,
        "set": jwks(&[("a", 1)]),
        "fetched_at": NOW,
        "fresh_until": NOW + 3600,
        "stale_until": NOW + 90_000,
        "etag": "\"v1\"",
        "last_attempt_at": NOW,
        "consecutive_failures": 0,
        "last_unknown_kid_fetch_at": null,
        "last_error": null,
    });
    assert_eq!(record, expected);
}

#[test]
fn what_is_written_is_read_back() {
    let Read { record, cut } = read(&written()).unwrap();
    assert!(cut.is_empty());
    let again = record.write(&source(), &POLICY, Timestamp::from_epoch_seconds(NOW)).unwrap();
    assert_eq!((again.key, again.ttl_seconds), (key(&source()), 90_000));
    assert_eq!(serde_json::from_str::<Value>(&again.value).unwrap(), written());
}

#[test]
fn a_record_of_a_failure_is_read_back_and_kept_while_failures_count() {
    let world = world();
    world.origin.serves(URL, Answer::status(503));
    assert!(Isolate::new().ask(&world, Wanted::Any).is_err());
    assert_eq!(failures_key(&source()), format!("{}:failures", key(&source())));
    let value = world.store.peek(&failures_key(&source())).unwrap();
    let record = Record::read(&value, &source(), &POLICY, world.now()).unwrap().record;
    assert_eq!((record.cached.is_none(), record.attempts.consecutive_failures), (true, 1));
    assert!(record.last_error.is_some());
    let Written { key, ttl_seconds, .. } = record.write(&source(), &POLICY, world.now()).unwrap();
    assert_eq!((key, ttl_seconds), (failures_key(&source()), 120));
}

#[test]
fn a_failure_is_written_beside_the_set_and_never_over_it() {
    let world = world();
    let (one, two) = (Isolate::warm(&world), Isolate::warm(&world));
    world.pass(REFRESH_AT);
    serve(&world, &[("b", 2)]);
    one.serve(&world, Wanted::Any).unwrap();
    let stored = world.store.peek(&key(&source()));
    // The other isolate holds the old set, and cannot read what the first has written.
    world.pass(1);
    world.origin.serves(URL, Answer::status(503));
    world.store.behave(StoreMode::Rubbish(String::new()));
    two.cron(&world);
    assert_eq!(two.state(&world).consecutive_failures, 1);
    assert_eq!(world.store.peek(&key(&source())), stored);
    assert!(world.store.peek(&failures_key(&source())).is_some());
    world.store.behave(StoreMode::Works);
    let cold = Isolate::new();
    assert!(holds(&cold.ask(&world, Wanted::Kid("b")), "b"));
    assert_eq!(cold.state(&world).consecutive_failures, 1, "and obeys the backoff");
}

#[test]
fn an_impossible_record_is_discarded_with_the_reason() {
    for (changes, expected) in [
        (json!({ "source_uri": "https://other.example/jwks" }), RecordError::OtherSource),
        (json!({ "jwks_uri": "https://other.example/jwks" }), RecordError::OtherSource),
        (json!({ "set": null }), RecordError::Incomplete),
        (json!({ "fetched_at": null }), RecordError::Incomplete),
        (json!({ "stale_until": null }), RecordError::Incomplete),
        (json!({ "jwks_uri": null }), RecordError::Incomplete),
        (json!({ "fetched_at": NOW + 61 }), RecordError::Future("fetched_at")),
        (json!({ "last_attempt_at": NOW + 61 }), RecordError::Future("last_attempt_at")),
        (json!({ "last_unknown_kid_fetch_at": NOW + 61 }), RecordError::Future("last_unknown_kid_fetch_at")),
        (json!({ "fetched_at": i64::MAX }), RecordError::Future("fetched_at")),
        (json!({ "fresh_until": NOW - 1 }), RecordError::Contradiction("fresh_until")),
        (json!({ "stale_until": NOW + 3599 }), RecordError::Contradiction("stale_until")),
        (json!({ "last_attempt_at": NOW - 1 }), RecordError::Contradiction("last_attempt_at")),
        (
            json!({ "fetched_at": NOW - 9, "last_attempt_at": NOW - 9, "last_unknown_kid_fetch_at": NOW }),
            RecordError::Contradiction("last_unknown_kid_fetch_at"),
        ),
    ] {
        assert_eq!(read(&with(&changes)).unwrap_err(), expected, "{changes}");
    }
}

#[test]
fn a_set_that_ends_when_it_begins_is_no_contradiction() {
    for changes in [
        json!({ "fresh_until": NOW, "stale_until": NOW }),
        json!({ "fresh_until": NOW, "stale_until": NOW + 1 }),
        json!({ "fresh_until": NOW + 1, "stale_until": NOW + 1 }),
    ] {
        assert!(read(&with(&changes)).is_ok(), "{changes}");
    }
}

#[test]
fn an_entity_tag_without_its_set_is_incomplete() {
    let none = json!({ "set": null, "jwks_uri": null, "fetched_at": null, "fresh_until": null, "stale_until": null });
    assert_eq!(read(&with(&none)).unwrap_err(), RecordError::Incomplete);
    let mut without = with(&none);
    without["etag"] = Value::Null;
    assert!(read(&without).unwrap().record.cached.is_none());
}

#[test]
fn of_two_failures_of_one_second_an_isolate_keeps_its_own() {
    let failure = |status: u16| {
        let world = world();
        world.origin.serves(URL, Answer::status(status));
        assert!(Isolate::new().ask(&world, Wanted::Any).is_err());
        let value = world.store.peek(&failures_key(&source())).unwrap();
        Record::read(&value, &source(), &POLICY, world.now()).unwrap().record
    };
    let (mut own, other) = (failure(503), failure(404));
    let before = own.last_error.clone();
    assert_ne!(before, other.last_error);
    assert!(!own.adopt(other));
    assert_eq!(own.last_error, before);
}

#[test]
fn a_record_of_another_shape_is_discarded() {
    for changes in [
        json!({ "extra": 1 }),
        json!({ "fetched_at": "yesterday" }),
        json!({ "fetched_at": 1.5 }),
        json!({ "consecutive_failures": -1 }),
        json!({ "last_attempt_at": null }),
        json!({ "last_error": "down" }),
        json!({ "last_error": { "kind": "other", "reason": "" } }),
        json!({ "set": { "keys": [] } }),
    ] {
        assert!(matches!(read(&with(&changes)), Err(RecordError::Schema(_))), "{changes}");
    }
    let twice = written().to_string().replacen('{', r#"{"etag":null,"#, 1);
    let now = Timestamp::from_epoch_seconds(NOW);
    assert!(matches!(Record::read(&twice, &source(), &POLICY, now), Err(RecordError::Schema(_))));
    let missing = written().to_string().replacen(r#""consecutive_failures":0,"#, "", 1);
    assert!(matches!(Record::read(&missing, &source(), &POLICY, now), Err(RecordError::Schema(_))));
    let text = written().to_string();
    let longest = format!("{text}{}", " ".repeat(2 * 256 * 1024 + 16 * 1024 - text.len()));
    assert!(Record::read(&longest, &source(), &POLICY, now).is_ok());
    let long = format!("{longest} ");
    assert!(matches!(Record::read(&long, &source(), &POLICY, now), Err(RecordError::TooLarge(_))));
}

#[test]
fn the_set_of_a_record_is_parsed_again() {
    for set in ["", "<html>", "[]", r#"{"keys":[],"keys":[]}"#] {
        assert!(matches!(read(&with(&json!({ "set": set }))), Err(RecordError::Set(_))), "{set}");
    }
}

#[test]
fn a_life_longer_than_the_policy_grants_is_cut() {
    let changes = json!({ "fresh_until": NOW + 999_999, "stale_until": NOW + 999_999_999 });
    let Read { record, cut } = read(&with(&changes)).unwrap();
    let lifetime = record.cached.unwrap().lifetime;
    assert_eq!(lifetime.fresh_until.epoch_seconds(), NOW + 3600);
    assert_eq!(lifetime.stale_until.epoch_seconds(), NOW + 90_000);
    assert_eq!(cut, ["fresh_until", "stale_until"]);
}

#[test]
fn a_clock_that_runs_a_little_ahead_counts_as_now() {
    let record = with(&json!({ "fetched_at": NOW + 60, "last_attempt_at": NOW + 60 }));
    let record = read(&record).unwrap().record;
    assert_eq!(record.cached.unwrap().lifetime.fetched_at.epoch_seconds(), NOW);
    assert_eq!(record.attempts.last_attempt_at.unwrap().epoch_seconds(), NOW);
}

#[test]
fn a_discovered_set_from_an_unacceptable_url_is_discarded() {
    let issuer = "https://issuer.example".to_owned();
    let uri = "https://issuer.example/.well-known/openid-configuration".to_owned();
    let source =
        KeySource { issuer, location: Location::Discovery { uri }, may_be_empty: false, channel: None };
    let record = with(&json!({ "source_uri": source.identity(), "jwks_uri": "http://issuer.example/jwks" }));
    let result = Record::read(&record.to_string(), &source, &POLICY, Timestamp::from_epoch_seconds(NOW));
    assert!(matches!(result, Err(RecordError::JwksUri(_))));
}

#[test]
fn the_largest_set_fits_into_a_record() {
    let world = world();
    // Quotes grow most when they are escaped. A set of the greatest length, made of quotes, must be read back.
    let padding = "\"\",".repeat((250 * 1024) / 3);
    let set = format!(r#"{{"padding":[{padding}0],{}"#, jwks(&[("a", 1)]).trim_start_matches('{'));
    world.origin.serves(URL, Answer::json(set));
    Isolate::warm(&world);
    assert!(Isolate::new().ask(&world, Wanted::Kid("a")).is_ok());
    assert_eq!(world.origin.calls(URL), 1);
}
