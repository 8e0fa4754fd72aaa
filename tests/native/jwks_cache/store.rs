//! The store fails or contains invalid records. It is a cache, so only speed may suffer.

use edge_assay::keys::{Tier, Wanted, record};

use super::{Isolate, NOW, REFRESH_AT, URL, calls, holds, jwks, serve, source, world};
use crate::support::platform::{Answer, StoreMode};

#[test]
fn a_store_that_is_down_costs_a_fetch_per_isolate_and_nothing_else() {
    let world = world();
    world.store.behave(StoreMode::Down);
    for _ in 0..2 {
        let isolate = Isolate::new();
        assert!(holds(&isolate.serve(&world, Wanted::Kid("a")), "a"));
        assert_eq!(isolate.ask(&world, Wanted::Kid("a")).unwrap().tier, Tier::Memory);
    }
    assert_eq!(calls(&world), 2);
    assert_eq!(
        world.events("jwks_store_failed").len(),
        4,
        "two reads, of which one is logged, and a write each"
    );
}

#[test]
fn a_store_that_answers_429_to_writes_costs_nothing_else() {
    let world = world();
    world.store.behave(StoreMode::TooManyWrites);
    let isolate = Isolate::warm(&world);
    serve(&world, &[("b", 2)]);
    world.pass(REFRESH_AT);
    assert!(holds(&isolate.serve(&world, Wanted::Kid("a")), "a"));
    assert!(holds(&isolate.serve(&world, Wanted::Kid("b")), "b"));
    assert_eq!(world.store.puts(), 2);
    assert!(world.events("jwks_store_failed").iter().all(|line| line["operation"] == "put"));
}

#[test]
fn refused_writes_are_logged_once_a_minute_with_their_number() {
    let world = world();
    world.store.behave(StoreMode::TooManyWrites);
    let isolate = Isolate::warm(&world);
    // Each look for an unknown kid fetches and writes.
    for _ in 0..4 {
        world.pass(30);
        isolate.ask(&world, Wanted::Kid("b")).unwrap();
    }
    assert_eq!(world.store.puts(), 5);
    let lines = world.events("jwks_store_failed");
    let not_logged: Vec<_> = lines.iter().map(|line| line["not_logged"].as_u64().unwrap()).collect();
    assert_eq!(not_logged, [0, 1, 1]);
    assert_eq!(lines[0]["issuer"], "https://issuer.example");
}

#[test]
fn rubbish_in_the_store_is_logged_and_fetched_over() {
    let long = "x".repeat(5 << 20);
    for rubbish in ["", "null", "{}", "[]", "\u{0}", r#"{"keys":[]}"#, long.as_str()] {
        let world = world();
        world.store.behave(StoreMode::Rubbish(rubbish.to_owned()));
        let isolate = Isolate::new();
        assert_eq!(isolate.ask(&world, Wanted::Kid("a")).unwrap().tier, Tier::Origin);
        assert_eq!(world.events("jwks_record_discarded").len(), 2, "both records");
        world.pass(REFRESH_AT);
        assert!(holds(&isolate.serve(&world, Wanted::Kid("a")), "a"));
        assert_eq!(calls(&world), 2);
    }
}

#[test]
fn a_record_from_the_future_is_discarded() {
    for member in ["fetched_at", "last_attempt_at", "last_unknown_kid_fetch_at"] {
        let world = world();
        Isolate::warm(&world);
        let key = record::key(&source());
        let mut poisoned: serde_json::Value = serde_json::from_str(&world.store.peek(&key).unwrap()).unwrap();
        poisoned[member] = (NOW + 1_000_000).into();
        world.store.plant(&key, &poisoned.to_string());
        let isolate = Isolate::new();
        assert_eq!(isolate.ask(&world, Wanted::Kid("a")).unwrap().tier, Tier::Origin, "{member}");
        assert_eq!(world.events("jwks_record_discarded").len(), 1, "{member}");
        assert_eq!(
            Isolate::new().ask(&world, Wanted::Any).unwrap().tier,
            Tier::Store,
            "{member}: overwritten"
        );
    }
}

#[test]
fn a_record_can_neither_prolong_a_set_nor_keep_the_origin_from_being_asked() {
    let world = world();
    Isolate::warm(&world);
    let key = record::key(&source());
    let mut poisoned: serde_json::Value = serde_json::from_str(&world.store.peek(&key).unwrap()).unwrap();
    poisoned["fresh_until"] = (NOW + 10_000_000).into();
    poisoned["stale_until"] = (NOW + 20_000_000).into();
    poisoned["consecutive_failures"] = 4_000_000.into();
    world.store.plant(&key, &poisoned.to_string());
    let isolate = Isolate::new();
    let lookup = isolate.ask(&world, Wanted::Kid("a")).unwrap();
    assert_eq!((lookup.tier, world.events("jwks_record_cut").len()), (Tier::Store, 1));
    world.pass(REFRESH_AT);
    assert!(isolate.serve(&world, Wanted::Kid("a")).unwrap().refresh_due);
    assert_eq!(calls(&world), 2);
}

#[test]
fn of_two_sets_of_one_second_the_one_that_an_unknown_kid_asked_for_is_the_newer() {
    let world = world();
    let isolate = Isolate::warm(&world);
    let key = record::key(&source());
    let mut rotated: serde_json::Value = serde_json::from_str(&world.store.peek(&key).unwrap()).unwrap();
    rotated["set"] = jwks(&[("b", 2)]).into();
    rotated["last_unknown_kid_fetch_at"] = rotated["fetched_at"].clone();
    world.store.plant(&key, &rotated.to_string());
    assert!(holds(&isolate.serve(&world, Wanted::Kid("b")), "b"));
    assert_eq!(calls(&world), 1);
}

#[test]
fn a_record_about_another_source_is_discarded() {
    let world = world();
    let issuer = "https://other.example".to_owned();
    let uri = "https://other.example/jwks".to_owned();
    let location = edge_assay::keys::Location::Jwks { uri };
    let other = edge_assay::keys::KeySource { issuer, location, may_be_empty: false, channel: None };
    Isolate::warm(&world);
    let planted = world.store.peek(&record::key(&source())).unwrap();
    world.store.plant(&record::key(&other), &planted);
    assert!(Isolate::of(other).ask(&world, Wanted::Kid("a")).is_err(), "its own origin cannot be reached");
}

#[test]
fn the_key_can_be_computed_by_hand_and_the_value_lives_as_long_as_the_set() {
    let world = world();
    Isolate::warm(&world);
    let key = record::key(&source());
    // printf %s https://issuer.example/jwks | openssl dgst -sha256 -binary | openssl base64 | tr '+/' '-_' | tr -d '='
    assert_eq!(key, "jwks:v1:mh3vl2-V50cXgJbfwWgoxkl8soj6xZ2lrIeeS8WEwhA");
    let left = world.store.seconds_left(&key, world.now_ms()).unwrap();
    assert!((90_000 - 5..=90_000).contains(&left), "{left}");
}

#[test]
fn a_request_waits_for_a_hanging_store_for_300_ms_and_the_next_ones_of_a_minute_do_not() {
    let world = world();
    world.store.takes_ms(3_600_000);
    let isolate = Isolate::new();
    // A cold isolate; then looks for unknown kids, half a minute apart. A set that was fetched half a minute ago was not purged before that, so
    // no request waits for the mark of a purge. The fetch takes 10 ms.
    for (kid, expected_ms) in [("a", 310), ("b", 10), ("c", 310), ("d", 10), ("e", 310)] {
        let begun_ms = world.now_ms();
        world.run(isolate.asking(&world, Wanted::Kid(kid))).unwrap();
        assert_eq!(world.now_ms() - begun_ms, expected_ms, "{kid}");
        world.pass(31);
    }
    assert_eq!(calls(&world), 5);
    world.run(isolate.cache.write_back(&world));
}

#[test]
fn a_request_of_an_idle_isolate_does_not_wait_again_for_the_mark_of_a_purge() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.store.takes_ms(3_600_000);
    let mut waited = Vec::new();
    for _ in 0..5 {
        world.pass(58);
        let begun_ms = world.now_ms();
        isolate.ask(&world, Wanted::Kid("a")).unwrap();
        waited.push(world.now_ms() - begun_ms);
    }
    assert!(waited.iter().all(|ms| *ms <= 250), "{waited:?}");
    assert!(waited.iter().filter(|ms| **ms > 0).count() <= 3, "{waited:?}");
}

#[test]
fn a_store_that_answers_again_is_asked_again() {
    let world = world();
    world.store.takes_ms(3_600_000);
    let (one, two) = (Isolate::new(), Isolate::new());
    one.ask(&world, Wanted::Kid("a")).unwrap();
    world.store.takes_ms(10);
    two.ask(&world, Wanted::Kid("a")).unwrap();
    // Work after a response waits for the store, and finds that it answers.
    world.pass(REFRESH_AT);
    one.serve(&world, Wanted::Any).unwrap();
    let gets = world.store.gets();
    world.pass(31);
    one.ask(&world, Wanted::Kid("unknown")).unwrap();
    assert_eq!(world.store.gets(), gets + 2);
}

#[test]
fn an_older_record_replaces_neither_a_newer_set_nor_the_count_of_failures() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.store.behave(StoreMode::TooManyWrites);
    serve(&world, &[("b", 2)]);
    world.pass(REFRESH_AT);
    isolate.serve(&world, Wanted::Any).unwrap();
    world.origin.serves(URL, Answer::unreachable());
    world.pass(REFRESH_AT);
    for failures in 1..=4 {
        isolate.serve(&world, Wanted::Any).unwrap();
        assert_eq!(isolate.state(&world).consecutive_failures, failures);
        assert!(holds(&isolate.ask(&world, Wanted::Any), "b"));
        world.pass(8);
    }
}
