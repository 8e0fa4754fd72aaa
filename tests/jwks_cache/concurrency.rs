//! Many requests at once, in one isolate and in several: one flight, no waiting that could be spared.

use edge_assay::keys::{KeyCache, Tier, Wanted};
use edge_assay::rejection::Fault;
use futures::future::{join, join_all};

use crate::support::platform::Answer;
use crate::{Isolate, REFRESH_AT, URL, calls, holds, jwks, retry_after, serve, world};

#[test]
fn a_thousand_cold_requests_are_one_fetch() {
    let world = world();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(300));
    let isolate = Isolate::new();
    let begun = world.now_ms();
    let all = world.run(join_all((0..1000).map(|_| isolate.asking(&world, Wanted::Kid("a")))));
    assert!(all.iter().all(|lookup| holds(lookup, "a")));
    assert_eq!((calls(&world), world.store.gets(), world.store.puts()), (1, 1, 1));
    assert!(world.now_ms() - begun < 350, "took {} ms", world.now_ms() - begun);
}

#[test]
fn a_thousand_unknown_kids_are_one_fetch() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.pass(31);
    let gets = world.store.gets();
    for index in 0..1000 {
        let lookup = isolate.ask(&world, Wanted::Kid(&format!("unknown {index}")));
        assert!(lookup.is_ok_and(|lookup| lookup.set.keys.len() == 1));
    }
    assert_eq!((calls(&world), world.store.gets()), (2, gets + 1));
}

#[test]
fn a_thousand_unknown_kids_at_once_are_one_fetch_and_one_read() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.pass(31);
    let gets = world.store.gets();
    let kids: Vec<_> = (0..1000).map(|index| format!("unknown {index}")).collect();
    let all = world.run(join_all(kids.iter().map(|kid| isolate.asking(&world, Wanted::Kid(kid)))));
    assert!(all.iter().all(Result::is_ok));
    assert_eq!((calls(&world), world.store.gets()), (2, gets + 1));
}

#[test]
fn a_flood_at_a_broken_origin_is_one_fetch_and_no_verdict() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::unreachable().after_ms(60_000));
    world.pass(31);
    let kids: Vec<_> = (0..1000).map(|index| format!("unknown {index}")).collect();
    let begun = world.now_ms();
    let all = world.run(join_all(kids.iter().map(|kid| isolate.asking(&world, Wanted::Kid(kid)))));
    assert!(all.iter().all(|result| retry_after(result).is_some()));
    assert_eq!(calls(&world), 2);
    assert!(world.now_ms() - begun < 6000, "nobody waits through two attempts");
}

#[test]
fn a_cold_crowd_at_a_slow_dead_origin_waits_for_one_attempt_only() {
    let world = world();
    // Fails just before a second ends, so that the backoff of one second ends before the crowd looks again.
    world.origin.serves(URL, Answer::unreachable().after_ms(4990));
    let isolate = Isolate::new();
    let all = world.run(join_all((0..100).map(|_| isolate.asking(&world, Wanted::Any))));
    assert!(all.iter().all(|result| retry_after(result) == Some(1)));
    assert_eq!(calls(&world), 1);
}

#[test]
fn a_known_kid_is_never_delayed_by_a_flood_of_unknown_ones() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(4000));
    world.pass(31);
    let kids: Vec<_> = (0..100).map(|index| format!("unknown {index}")).collect();
    let flood = join_all(kids.iter().map(|kid| isolate.asking(&world, Wanted::Kid(kid))));
    let known = async {
        let mut waited = 0;
        for _ in 0..100 {
            edge_assay::ports::Clock::sleep(&world, 30).await;
            let begun = world.now_ms();
            assert!(holds(&isolate.asking(&world, Wanted::Kid("a")).await, "a"));
            waited += world.now_ms() - begun;
        }
        waited
    };
    let (_, waited) = world.run(join(flood, known));
    assert_eq!(waited, 0);
    assert_eq!(calls(&world), 2);
}

#[test]
fn two_isolates_share_a_cooldown() {
    let world = world();
    let (one, two) = (Isolate::warm(&world), Isolate::warm(&world));
    world.pass(31);
    assert!(one.ask(&world, Wanted::Kid("b")).is_ok());
    assert_eq!(calls(&world), 2);
    let lookup = two.ask(&world, Wanted::Kid("c")).unwrap();
    assert_eq!((lookup.tier, calls(&world)), (Tier::Store, 2));
    let gets = world.store.gets();
    assert!(two.ask(&world, Wanted::Kid("d")).is_ok());
    assert_eq!((calls(&world), world.store.gets()), (2, gets));
    world.pass(30);
    assert!(two.ask(&world, Wanted::Kid("d")).is_ok());
    assert_eq!(calls(&world), 3);
}

#[test]
fn a_crowd_past_the_refresh_point_is_served_at_once_and_refreshes_once() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::json(jwks(&[("b", 2)])).after_ms(1000));
    world.pass(REFRESH_AT);
    let begun = world.now_ms();
    let all = world.run(join_all((0..100).map(|_| isolate.asking(&world, Wanted::Any))));
    assert!(all.iter().all(|lookup| lookup.as_ref().is_ok_and(|lookup| lookup.refresh_due)));
    assert_eq!(world.now_ms(), begun);
    world.run(join_all(
        (0..100).map(|_| isolate.cache.refresh(&world, &isolate.source, &isolate.policy, world.now())),
    ));
    assert_eq!(calls(&world), 2);
    assert!(holds(&isolate.ask(&world, Wanted::Kid("b")), "b"));
}

#[test]
fn while_a_refresh_runs_no_other_is_asked_for() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(1000));
    world.pass(REFRESH_AT);
    let refresh = isolate.cache.refresh(&world, &isolate.source, &isolate.policy, world.now());
    let request = async {
        edge_assay::ports::Clock::sleep(&world, 500).await;
        isolate.asking(&world, Wanted::Any).await
    };
    let ((), lookup) = world.run(join(refresh, request));
    assert!(!lookup.unwrap().refresh_due);
}

#[test]
fn a_request_cancelled_in_mid_fetch_blocks_others_until_its_lease_ends_and_no_longer() {
    let world = world();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(1000));
    let isolate = Isolate::new();
    assert!(world.run_for_ms(500, isolate.asking(&world, Wanted::Any)).is_none(), "the client went away");
    let begun = world.now_ms();
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
    let waited = world.now_ms() - begun;
    assert!((5000..=8500).contains(&waited), "waited {waited} ms");
    assert_eq!(calls(&world), 2);
}

#[test]
fn a_request_cancelled_while_it_reads_the_store_blocks_others_briefly() {
    let world = world();
    let isolate = Isolate::new();
    assert!(world.run_for_ms(1, isolate.asking(&world, Wanted::Any)).is_none());
    let begun = world.now_ms();
    assert!(isolate.ask(&world, Wanted::Any).is_ok());
    assert!(world.now_ms() - begun <= 2100);
}

#[test]
fn a_cancelled_refresh_does_not_stop_the_serving() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::json(jwks(&[("b", 2)])).after_ms(1000));
    world.pass(REFRESH_AT);
    let refresh = || isolate.cache.refresh(&world, &isolate.source, &isolate.policy, world.now());
    assert!(world.run_for_ms(500, refresh()).is_none());
    let begun = world.now_ms();
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
    assert_eq!(world.now_ms(), begun);
    world.pass(8);
    isolate.serve(&world, Wanted::Any).unwrap();
    assert!(holds(&isolate.ask(&world, Wanted::Kid("b")), "b"));
}

#[test]
fn a_flight_that_lands_after_its_lease_ended_harms_nobody() {
    let world = world();
    let isolate =
        Isolate { policy: crate::CachePolicy { fetch_timeout_ms: 100, ..crate::POLICY }, ..Isolate::new() };
    // The store takes no time to speak of; the clock jumps as a stalled isolate's would.
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(100));
    let slow = isolate.asking(&world, Wanted::Any);
    let other = async {
        edge_assay::ports::Clock::sleep(&world, 50).await;
        world.pass(10);
        serve(&world, &[("a", 1), ("b", 2)]);
        isolate.asking(&world, Wanted::Any).await
    };
    let (slow, other) = world.run(join(slow, other));
    assert!(slow.is_ok() && other.is_ok());
    assert!(isolate.ask(&world, Wanted::Any).is_ok());
}

#[test]
fn a_cold_start_for_an_unknown_kid_needs_one_fetch() {
    let world = world();
    let isolate = Isolate::new();
    let lookup = isolate.ask(&world, Wanted::Kid("b")).unwrap();
    assert_eq!((lookup.set.keys.len(), calls(&world)), (1, 1));
}

#[test]
fn an_unknown_kid_is_told_so_only_by_a_set_that_was_looked_at() {
    let world = world();
    world.origin.serves(URL, Answer::status(503));
    let isolate = Isolate { cache: KeyCache::new(), ..Isolate::new() };
    let fault = isolate.ask(&world, Wanted::Kid("b")).unwrap_err();
    assert!(matches!(fault, Fault::JwksUnavailable { .. }));
}
