//! The origin is down: good sets are still used, the origin is asked rarely, and no token is refused as bad.

use edge_assay::keys::Wanted;
use edge_assay::ports::Level;

use super::{GONE_AT, Isolate, NOW, REFRESH_AT, STALE_AT, URL, calls, holds, retry_after, serve, world};
use crate::support::platform::Answer;

#[test]
fn a_known_kid_is_served_while_the_origin_is_down() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::unreachable());
    for elapsed in [REFRESH_AT, STALE_AT, GONE_AT - 1] {
        world.pass(NOW + elapsed - world.now().epoch_seconds());
        assert!(holds(&isolate.serve(&world, Wanted::Kid("a")), "a"), "after {elapsed} s");
    }
    assert!(holds(&Isolate::new().serve(&world, Wanted::Kid("a")), "a"), "from the store, too");
}

#[test]
fn past_the_ttl_a_withdrawn_key_is_refused_while_the_origin_is_up() {
    let world = world();
    let isolate = Isolate::warm(&world);
    serve(&world, &[("b", 2)]);
    world.pass(STALE_AT - 1);
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
    world.pass(1);
    let lookup = isolate.ask(&world, Wanted::Kid("a"));
    assert!(holds(&lookup, "b") && !holds(&lookup, "a"));
    assert_eq!(calls(&world), 2);
}

#[test]
fn while_an_origin_is_known_to_fail_requests_past_the_ttl_do_not_wait_for_it() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::unreachable().after_ms(500));
    world.pass(STALE_AT);
    let waited = |seconds| {
        world.pass(seconds);
        let begun = world.now_ms();
        assert!(holds(&world.run(isolate.asking(&world, Wanted::Kid("a"))), "a"));
        world.now_ms() - begun
    };
    assert!(waited(0) >= 500, "the first one asks");
    // After a minute without requests it looks for a purge, and this store takes a millisecond.
    assert_eq!((waited(0), waited(60), calls(&world)), (0, 1, 2));
    assert!(waited(60) >= 500, "a failure of two minutes ago shows nothing");
    assert_eq!(calls(&world), 3);
}

#[test]
fn past_its_end_a_set_is_not_used_and_the_answer_is_unavailable() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::unreachable());
    world.pass(GONE_AT);
    assert_eq!(retry_after(&isolate.ask(&world, Wanted::Kid("a"))), Some(1));
    assert_eq!(retry_after(&Isolate::new().ask(&world, Wanted::Kid("a"))), Some(1));
    world.pass(1);
    serve(&world, &[("a", 1)]);
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
}

#[test]
fn with_nothing_cached_exactly_one_attempt_is_made_per_backoff() {
    let world = world();
    world.origin.serves(URL, Answer::status(503));
    let isolate = Isolate::new();
    let mut expected = 0;
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        for _ in 0..5 {
            assert_eq!(retry_after(&isolate.ask(&world, Wanted::Any)), Some(wait));
        }
        expected += 1;
        assert_eq!(calls(&world), expected);
        world.pass(i64::try_from(wait).unwrap());
    }
}

#[test]
fn an_isolate_obeys_the_backoff_in_the_record_that_it_reads() {
    let world = world();
    world.origin.serves(URL, Answer::status(500));
    let (one, two) = (Isolate::new(), Isolate::new());
    for wait in [1, 2, 4, 8] {
        assert!(one.ask(&world, Wanted::Any).is_err());
        world.pass(wait);
    }
    assert!(one.ask(&world, Wanted::Any).is_err());
    assert_eq!(calls(&world), 5);
    assert_eq!(retry_after(&two.ask(&world, Wanted::Any)), Some(16));
    assert_eq!(calls(&world), 5);
}

#[test]
fn an_unknown_kid_during_an_outage_is_unavailable_and_not_unknown() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::unreachable());
    world.pass(31);
    for _ in 0..3 {
        assert_eq!(retry_after(&isolate.ask(&world, Wanted::Kid("b"))), Some(30));
    }
    assert_eq!(calls(&world), 2);
    assert_eq!(retry_after(&Isolate::new().ask(&world, Wanted::Kid("b"))), Some(30));
    assert_eq!(calls(&world), 2, "the other isolate obeys the cooldown of the failed look");
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));

    world.pass(30);
    serve(&world, &[("a", 1), ("b", 2)]);
    assert!(holds(&isolate.ask(&world, Wanted::Kid("b")), "b"));
}

#[test]
fn the_first_success_after_an_outage_ends_the_backoff() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::status(500));
    world.pass(STALE_AT);
    for _ in 0..4 {
        isolate.serve(&world, Wanted::Any).unwrap();
        world.pass(10);
    }
    assert_eq!(isolate.state(&world).consecutive_failures, 4);
    serve(&world, &[("b", 2)]);
    isolate.serve(&world, Wanted::Any).unwrap();
    let state = isolate.state(&world);
    assert_eq!((state.consecutive_failures, state.last_error), (0, None));
    assert!(holds(&isolate.ask(&world, Wanted::Kid("b")), "b"));
}

#[test]
fn each_failure_is_logged_with_the_issuer_and_the_reason() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::status(502));
    world.pass(REFRESH_AT);
    isolate.serve(&world, Wanted::Any).unwrap();
    let events = world.events("jwks_fetch_failed");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["issuer"], "https://issuer.example");
    assert_eq!((&events[0]["kind"], &events[0]["serving"]), (&"unavailable".into(), &true.into()));

    world.pass(GONE_AT);
    assert!(isolate.ask(&world, Wanted::Any).is_err());
    let (level, _) =
        world.log_lines().into_iter().rfind(|(_, line)| line["event"] == "jwks_fetch_failed").unwrap();
    assert_eq!(level, Level::Error);
}
