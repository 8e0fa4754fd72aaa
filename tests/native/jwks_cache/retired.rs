//! Keys that have vanished from their set: their tokens are refused without a look, once the absence is confirmed.

use edge_assay::keys::record::{Record, RecordError, key};
use edge_assay::keys::{Tier, Wanted};
use edge_assay::limits::MAX_RETIRED_KIDS;
use edge_assay::time::Timestamp;
use serde_json::{Value, json};

use super::{Isolate, NOW, POLICY, REFRESH_AT, STALE_AT, URL, calls, holds, serve, source, world};
use crate::support::platform::{Answer, FakePlatform};

/// An isolate that has held `a` and `b`; `a` was withdrawn, and a token of it has made the isolate look at [`NOW`].
fn withdrawn() -> (FakePlatform, Isolate) {
    let world = world();
    serve(&world, &[("a", 1), ("b", 2)]);
    let isolate = Isolate::warm(&world);
    // The set is due, so that the next request fetches it.
    world.pass(REFRESH_AT);
    serve(&world, &[("b", 2)]);
    isolate.serve(&world, Wanted::Any).unwrap();
    assert_eq!(calls(&world), 2);
    (world, isolate)
}

/// Asks for the key `a`, and returns how many fetches that cost.
fn look(world: &FakePlatform, isolate: &Isolate) -> usize {
    let before = calls(world);
    assert!(!holds(&isolate.ask(world, Wanted::Kid("a")), "a"));
    calls(world) - before
}

#[test]
fn a_withdrawn_key_is_looked_for_until_its_absence_is_a_minute_old_and_then_never() {
    let (world, isolate) = withdrawn();
    let fetches: Vec<_> = (0..20)
        .map(|_| {
            world.pass(30);
            look(&world, &isolate)
        })
        .collect();
    let mut expected = vec![0; 20];
    // After 30 and after 60 seconds. The second set without the key is a minute younger than the first.
    (expected[0], expected[1]) = (1, 1);
    assert_eq!(fetches, expected);
}

#[test]
fn other_isolates_learn_from_the_record_that_a_key_is_retired() {
    let (world, isolate) = withdrawn();
    for _ in 0..2 {
        world.pass(30);
        look(&world, &isolate);
    }
    let cold = Isolate::new();
    assert_eq!((look(&world, &cold), cold.state(&world).tier), (0, Some(Tier::Memory)));
    world.pass(31);
    assert_eq!(look(&world, &cold), 0);
    let stored: Value = serde_json::from_str(&world.store.peek(&key(&source())).unwrap()).unwrap();
    let since = NOW + REFRESH_AT;
    assert_eq!(stored["retired"], json!([{ "kid": "a", "absent_since": since, "confirmed": true }]));
}

#[test]
fn a_set_that_is_served_in_turn_with_its_successor_retires_no_key() {
    let (world, isolate) = withdrawn();
    for round in 0..10 {
        world.pass(30);
        let kids: &[_] = if round % 2 == 0 { &[("a", 1)] } else { &[("b", 2)] };
        serve(&world, kids);
        let (kid, _) = kids[0];
        assert!(holds(&isolate.ask(&world, Wanted::Kid(kid)), kid), "{round}: {kid}");
    }
}

#[test]
fn a_retired_key_that_comes_back_is_accepted_after_the_next_refresh() {
    let (world, isolate) = withdrawn();
    for _ in 0..2 {
        world.pass(30);
        look(&world, &isolate);
    }
    serve(&world, &[("a", 1), ("b", 2)]);
    assert_eq!(look(&world, &isolate), 0);
    world.pass(REFRESH_AT);
    isolate.serve(&world, Wanted::Any).unwrap();
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
    // It is not retired any more: if it vanishes again, all begins anew.
    serve(&world, &[("b", 2)]);
    world.pass(REFRESH_AT);
    isolate.serve(&world, Wanted::Any).unwrap();
    world.pass(30);
    assert_eq!(look(&world, &isolate), 1);
}

#[test]
fn past_the_ttl_a_retired_key_is_not_refused_while_the_origin_is_down() {
    let (world, isolate) = withdrawn();
    for _ in 0..2 {
        world.pass(30);
        look(&world, &isolate);
    }
    world.origin.serves(URL, Answer::unreachable());
    world.pass(STALE_AT - 1);
    assert_eq!(look(&world, &isolate), 0);
    world.pass(1);
    assert!(isolate.ask(&world, Wanted::Kid("a")).is_err(), "503: the key may have come back");
    assert!(holds(&isolate.ask(&world, Wanted::Kid("b")), "b"));
}

#[test]
fn a_purge_brings_a_retired_key_back_that_is_published_again() {
    let (world, isolate) = withdrawn();
    for _ in 0..2 {
        world.pass(30);
        look(&world, &isolate);
    }
    serve(&world, &[("a", 1), ("b", 2)]);
    let purged = world.run(isolate.cache.purge(&world, &isolate.source, &POLICY, world.now()));
    assert!(purged.fetched.is_ok());
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
}

#[test]
fn the_tokens_of_a_key_that_a_purge_has_removed_are_looked_for_during_a_minute_only() {
    let (world, isolate) = withdrawn();
    serve(&world, &[("c", 3)]);
    let purged = world.run(isolate.cache.purge(&world, &isolate.source, &POLICY, world.now()));
    assert!(purged.fetched.is_ok());
    let mut fetches = 0;
    for _ in 0..100 {
        world.pass(10);
        let before = calls(&world);
        assert!(!holds(&isolate.ask(&world, Wanted::Kid("b")), "b"));
        fetches += calls(&world) - before;
    }
    assert!((1..=4).contains(&fetches), "{fetches}");
}

#[test]
fn the_keys_that_are_remembered_are_bounded() {
    let world = world();
    let isolate = Isolate::warm(&world);
    let names: Vec<_> = (0..40).map(|number| format!("key-{number}")).collect();
    for name in &names {
        world.pass(REFRESH_AT);
        serve(&world, &[(name.as_str(), 1)]);
        isolate.serve(&world, Wanted::Any).unwrap();
    }
    let stored: Value = serde_json::from_str(&world.store.peek(&key(&source())).unwrap()).unwrap();
    let kids: Vec<_> = stored["retired"].as_array().unwrap().iter().map(|one| &one["kid"]).collect();
    let latest: Vec<_> = names[39 - MAX_RETIRED_KIDS..39].iter().collect();
    assert_eq!(kids, latest);
    // One that is longer than any real one is not remembered.
    let long = "k".repeat(300);
    for name in [long.as_str(), "last"] {
        world.pass(REFRESH_AT);
        serve(&world, &[(name, 1)]);
        isolate.serve(&world, Wanted::Any).unwrap();
    }
    assert!(!world.store.peek(&key(&source())).unwrap().contains(&format!("\"kid\":\"{long}\"")));
}

#[test]
fn a_record_without_the_member_is_read_and_one_with_a_bad_member_is_discarded() {
    let world = world();
    Isolate::warm(&world);
    let value: Value = serde_json::from_str(&world.store.peek(&key(&source())).unwrap()).unwrap();
    assert_eq!(value.get("retired"), None, "releases that do not know the member can read this");
    let read = |retired: Value| {
        let mut record = value.clone();
        record["retired"] = retired;
        Record::read(&record.to_string(), &source(), &POLICY, Timestamp::from_epoch_seconds(NOW))
    };
    let one = |kid: &str, at: i64| json!({ "kid": kid, "absent_since": at, "confirmed": true });
    for good in [json!(null), json!([]), json!([one("z", NOW)]), json!(vec![one("z", 0); 16])] {
        assert!(read(good.clone()).is_ok(), "{good}");
    }
    for bad in [
        json!({}),
        json!("a"),
        json!(["a"]),
        json!([{ "kid": "z", "absent_since": NOW }]),
        json!([{ "kid": "z", "absent_since": NOW, "confirmed": 1 }]),
        json!([{ "kid": "z", "absent_since": "now", "confirmed": true }]),
        json!([{ "kid": "z", "absent_since": NOW, "confirmed": true, "more": 1 }]),
        json!([one(&"k".repeat(257), NOW)]),
        json!(vec![one("z", NOW); 17]),
    ] {
        assert!(matches!(read(bad.clone()), Err(RecordError::Schema(_))), "{bad}");
    }
    assert_eq!(read(json!([one("z", NOW + 61)])).unwrap_err(), RecordError::Future("retired"));
}

#[test]
fn a_record_cannot_retire_a_key_of_its_own_set() {
    let world = world();
    Isolate::warm(&world);
    let mut record: Value = serde_json::from_str(&world.store.peek(&key(&source())).unwrap()).unwrap();
    record["retired"] = json!([{ "kid": "a", "absent_since": NOW - 100, "confirmed": true }]);
    world.store.plant(&key(&source()), &record.to_string());
    let cold = Isolate::new();
    assert!(holds(&cold.ask(&world, Wanted::Kid("a")), "a"));
}
