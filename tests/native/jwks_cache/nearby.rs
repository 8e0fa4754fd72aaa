//! The bound for the processes that share a cache: two fetches a minute, also of what leaves nothing in that cache.

use edge_assay::keys::{CachePolicy, KeySource, Location, Wanted};
use edge_assay::rejection::Fault;
use futures::future::join_all;

use super::{Isolate, NOW, POLICY, STALE_AT, URL, calls, holds, serve, source, world};
use crate::support::platform::{Answer, CoordinatorMode, FakePlatform, NotesMode, StoreMode};

/// An origin on this machine.
const LOCAL: &str = "http://localhost:8000/jwks";

/// A world whose processes share a cache, and no store.
fn nearby() -> FakePlatform {
    let world = world();
    world.notes.behave(NotesMode::Kept);
    world.store.behave(StoreMode::Down);
    world
}

/// From now on the origin does not answer.
fn hang(world: &FakePlatform) {
    world.origin.serves(URL, Answer::unreachable().after_ms(60_000));
}

/// A request of a new process once a second for so long.
fn new_processes_ask(world: &FakePlatform, seconds: i64) {
    for _ in 0..seconds {
        assert!(Isolate::new().ask(world, Wanted::Kid("a")).is_err());
        world.pass(1);
    }
}

#[test]
fn an_origin_that_hangs_or_cannot_be_reached_is_asked_twice_a_minute_by_all_processes_nearby() {
    for is_fast in [true, false] {
        let world = nearby();
        if is_fast {
            world.origin.serves(URL, Answer::unreachable());
        } else {
            hang(&world);
        }
        let begun = world.now();
        while world.now().since(begun) < 300 {
            new_processes_ask(&world, 1);
        }
        assert!((9..=10).contains(&calls(&world)), "{} in five minutes", calls(&world));
    }
}

#[test]
fn a_network_that_answers_in_place_of_an_origin_leaves_nothing_in_the_cache_either() {
    let world = nearby();
    world.origin.serves(URL, Answer::status(522));
    new_processes_ask(&world, 60);
    assert_eq!(calls(&world), 2);
    let world = nearby();
    world.origin.serves(URL, Answer::status(503));
    new_processes_ask(&world, 10);
    assert_eq!(calls(&world), 10, "the cache has these answers, and this world has no cache for answers");
}

#[test]
fn one_request_that_gets_no_answer_costs_a_few_seconds() {
    let world = nearby();
    hang(&world);
    let fault = Isolate::new().ask(&world, Wanted::Kid("a")).unwrap_err();
    assert!(
        matches!(&fault, Fault::JwksUnavailable { reason, .. } if reason.contains("5000 ms")),
        "{fault:?}"
    );
    serve(&world, &[("a", 1)]);
    let fault = Isolate::new().ask(&world, Wanted::Kid("a")).unwrap_err();
    assert!(
        matches!(&fault, Fault::JwksUnavailable { reason, .. } if reason.contains("again in 2 s")),
        "{fault:?}"
    );
    world.pass(2);
    assert!(holds(&Isolate::new().ask(&world, Wanted::Kid("a")), "a"));
    assert_eq!(calls(&world), 2);
}

#[test]
fn a_request_that_is_held_back_uses_the_set_past_its_ttl_and_counts_no_further_failure() {
    let world = nearby();
    let isolate = Isolate::warm(&world);
    world.pass(STALE_AT);
    hang(&world);
    new_processes_ask(&world, 9);
    let asked = calls(&world);
    assert!(holds(&isolate.serve(&world, Wanted::Kid("a")), "a"));
    for _ in 0..5 {
        world.pass(2);
        assert!(holds(&isolate.serve(&world, Wanted::Kid("a")), "a"));
    }
    assert_eq!(calls(&world), asked);
    let state = world.run(isolate.cache.state(&world, &isolate.source, &isolate.policy, world.now()));
    assert_eq!(state.consecutive_failures, 1, "all are the same failure");
}

#[test]
fn requests_of_processes_that_begin_while_one_hangs_get_its_answer() {
    let world = nearby();
    world.origin.serves(URL, Answer::json(super::jwks(&[("a", 1)])).after_ms(3000));
    let isolates: Vec<_> = (0..5).map(|_| Isolate::new()).collect();
    let all = world.run(join_all(isolates.iter().map(|isolate| isolate.asking(&world, Wanted::Kid("a")))));
    assert!(all.iter().all(|found| holds(found, "a")));
    // What was noted as slow has ended with an answer.
    world.pass(1);
    assert!(holds(&Isolate::new().ask(&world, Wanted::Kid("a")), "a"));
    let note = world.notes.kept.borrow().get(URL).cloned().unwrap();
    assert!(!note.contains("nothing"), "{note}");
}

#[test]
fn a_request_whose_client_goes_away_counts_as_one_without_an_answer() {
    let world = nearby();
    hang(&world);
    let (isolate, other) = (Isolate::new(), Isolate::new());
    assert!(world.run_for_ms(1000, isolate.asking(&world, Wanted::Kid("a"))).is_none());
    let note = world.notes.kept.borrow().get(URL).cloned().unwrap();
    assert_eq!(note, format!("{NOW} {} nothing", NOW + 5));
    world.pass(4);
    assert!(other.ask(&world, Wanted::Kid("a")).is_err());
    assert_eq!(calls(&world), 1, "it waits for the retry");
}

#[test]
fn a_cache_that_does_not_answer_costs_300_ms_once_a_minute() {
    let world = nearby();
    world.notes.behave(NotesMode::Hang);
    let isolate = Isolate::new();
    for (seconds, expected_ms) in [(0, 300), (31, 0), (31, 300)] {
        world.pass(seconds);
        let begun_ms = world.now_ms();
        assert!(isolate.ask(&world, Wanted::Kid(&format!("unknown-{seconds}"))).is_ok());
        let waited_ms = world.now_ms() - begun_ms;
        assert!((expected_ms..expected_ms + 100).contains(&waited_ms), "{waited_ms} ms");
    }
}

#[test]
fn the_policy_a_channel_a_local_origin_and_a_working_coordinator_switch_the_notes_off() {
    let planted = format!("{NOW} {NOW} nothing;{NOW} {NOW} nothing");
    let strict = || Isolate { policy: CachePolicy { max_shared_seconds: 0, ..POLICY }, ..Isolate::new() };
    let local = || {
        let location = Location::Jwks { uri: LOCAL.to_owned() };
        Isolate::of(KeySource { location, ..source() })
    };
    let through = || Isolate::of(KeySource { channel: Some("KEYS".to_owned()), ..source() });
    for (isolate, coordinator, is_asked) in [
        (Isolate::new(), CoordinatorMode::Absent, false),
        (strict(), CoordinatorMode::Absent, true),
        (through(), CoordinatorMode::Absent, true),
        (local(), CoordinatorMode::Absent, true),
        (Isolate::new(), CoordinatorMode::Works, true),
    ] {
        let world = nearby();
        world.coordinator.behave(coordinator);
        world.origin.serves(LOCAL, Answer::json(super::jwks(&[("a", 1)])));
        for url in [URL, LOCAL] {
            world.notes.kept.borrow_mut().insert(url.to_owned(), planted.clone());
        }
        assert_eq!(isolate.ask(&world, Wanted::Kid("a")).is_ok(), is_asked);
        assert!(world.notes.kept.borrow().values().all(|note| *note == planted), "nothing is noted");
    }
}

#[test]
fn a_planted_note_delays_a_fetch_by_a_minute_at_most_and_never_a_purge() {
    let planted = format!("{} {} nothing;{} {} past", NOW + 2, NOW + 34, NOW + 2, NOW + 34);
    let world = nearby();
    world.notes.kept.borrow_mut().insert(URL.to_owned(), planted);
    new_processes_ask(&world, 1);
    assert_eq!(calls(&world), 0);
    let isolate = Isolate::new();
    let purged = world.run(isolate.cache.purge(&world, &isolate.source, &isolate.policy, world.now()));
    assert!(purged.fetched.is_ok());
    let world = nearby();
    world.notes.kept.borrow_mut().insert(URL.to_owned(), "x".repeat(100_000));
    assert!(holds(&Isolate::new().ask(&world, Wanted::Kid("a")), "a"));
}

#[test]
fn after_a_purge_a_token_of_the_purged_key_begins_no_second_fetch_at_once() {
    for (mode, expected) in [(NotesMode::Kept, 2), (NotesMode::Absent, 3)] {
        let world = nearby();
        world.notes.behave(mode);
        let isolate = Isolate::warm(&world);
        serve(&world, &[("b", 2)]);
        let purged = world.run(isolate.cache.purge(&world, &isolate.source, &isolate.policy, world.now()));
        assert!(purged.fetched.is_ok());
        let found = isolate.ask(&world, Wanted::Kid("a")).unwrap();
        assert!(!found.set.has_kid("a"));
        assert_eq!(calls(&world), expected, "{mode:?}");
    }
}
