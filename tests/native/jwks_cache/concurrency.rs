//! Many requests at once, in one isolate and in several: one fetch, and no unnecessary waiting.

use edge_assay::keys::{LookedAgain, Tier, Wanted};
use edge_assay::ports::Clock;
use edge_assay::rejection::Fault;
use futures::future::{join, join_all, join3};

use super::discovery::{DISCOVERY, ISSUER, discovered, metadata};
use super::{Isolate, REFRESH_AT, STALE_AT, URL, calls, holds, jwks, retry_after, world};
use crate::support::platform::{Answer, FakePlatform};

#[test]
fn a_thousand_cold_requests_are_one_fetch() {
    let world = world();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(300));
    let isolate = Isolate::new();
    let begun = world.now_ms();
    let all = world.run(join_all((0..1000).map(|_| isolate.asking(&world, Wanted::Kid("a")))));
    assert!(all.iter().all(|lookup| holds(lookup, "a")));
    assert!(world.now_ms() - begun < 350, "took {} ms", world.now_ms() - begun);
    world.run(join_all((0..1000).map(|_| isolate.cache.write_back(&world))));
    assert_eq!((calls(&world), world.store.gets(), world.store.puts()), (1, 2, 1));
}

#[test]
fn many_requests_that_wait_for_a_slow_origin_poll_seldom_and_are_served_promptly() {
    const CROWD: usize = 800;
    for (fetch_ms, most_looks, latest_ms) in [(100, 7, 30), (1000, 24, 130), (4900, 45, 260)] {
        let world = world();
        world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(fetch_ms));
        let isolate = Isolate::new();
        let begun = world.now_ms();
        let all = world.run(join_all((0..CROWD).map(|_| isolate.asking(&world, Wanted::Kid("a")))));
        assert!(all.iter().all(|lookup| holds(lookup, "a")));
        let late = world.now_ms() - begun - i64::from(fetch_ms);
        assert!(late <= latest_ms, "{late} ms after a fetch of {fetch_ms} ms");
        assert_eq!(calls(&world), 1);
        let looks = world.sleeps() / CROWD;
        assert!(looks <= most_looks, "{looks} looks each in {fetch_ms} ms");
    }
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
    assert_eq!((calls(&world), world.store.gets()), (2, gets + 2));
}

#[test]
fn a_thousand_unknown_kids_at_once_are_one_fetch_and_one_look_at_the_store() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.pass(31);
    let gets = world.store.gets();
    let kids: Vec<_> = (0..1000).map(|index| format!("unknown {index}")).collect();
    let all = world.run(join_all(kids.iter().map(|kid| isolate.asking(&world, Wanted::Kid(kid)))));
    assert!(all.iter().all(Result::is_ok));
    assert_eq!((calls(&world), world.store.gets()), (2, gets + 2));
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
    assert!(world.now_ms() - begun < 6000, "no request waits for two attempts");
}

#[test]
fn many_cold_requests_to_a_slow_dead_origin_wait_for_one_attempt_only() {
    let world = world();
    // It fails just before a second ends, so that the backoff of one second is over when the waiting requests look again.
    world.origin.serves(URL, Answer::unreachable().after_ms(4990));
    let isolate = Isolate::new();
    let all = world.run(join_all((0..100).map(|_| isolate.asking(&world, Wanted::Any))));
    assert!(all.iter().all(|result| retry_after(result) == Some(1)));
    assert_eq!(calls(&world), 1);
}

#[test]
fn a_request_takes_the_set_that_another_has_fetched_although_its_own_kid_is_not_in_it() {
    let world = world();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(300));
    let isolate = Isolate::new();
    let both = join(isolate.asking(&world, Wanted::Kid("a")), isolate.asking(&world, Wanted::Kid("b")));
    let (first, second) = world.run(both);
    assert!(holds(&first, "a") && holds(&second, "a"));
    assert_eq!(calls(&world), 1);
}

#[test]
fn an_unknown_kid_is_no_verdict_if_the_fetch_that_its_request_has_waited_for_failed() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.pass(REFRESH_AT);
    // It fails before the fifth second ends, and the waiting request looks again after that, when the backoff of one second is over.
    world.origin.serves(URL, Answer::unreachable().after_ms(4900));
    let refresh = isolate.cache.refresh(&world, &isolate.source, &isolate.policy, world.now());
    let ((), unknown) = world.run(join(refresh, isolate.asking(&world, Wanted::Kid("b"))));
    assert_eq!(retry_after(&unknown), Some(1));
    assert_eq!(calls(&world), 2);
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
            world.sleep(30).await;
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
fn an_isolate_obeys_the_cooldown_in_the_record_that_it_reads() {
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
fn many_requests_past_the_refresh_point_are_served_immediately_and_refresh_once() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::json(jwks(&[("b", 2)])).after_ms(1000));
    world.pass(REFRESH_AT);
    let begun = world.now_ms();
    let all = world.run(join_all((0..100).map(|_| isolate.asking(&world, Wanted::Any))));
    assert!(all.iter().all(|lookup| lookup.as_ref().is_ok_and(|lookup| lookup.refresh_due)));
    assert_eq!(
        world.now_ms(),
        begun + 1,
        "the first looks for a purge, and no request waits for the provider"
    );
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
        world.sleep(500).await;
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
    assert!(world.run_for_ms(500, isolate.asking(&world, Wanted::Any)).is_none(), "the client has gone");
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
    assert!(world.now_ms() - begun <= 3250);
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

/// Stalls the isolate: its timers fire late, all at once.
async fn stall(world: &FakePlatform, from_ms: u32, seconds: i64) {
    world.sleep(from_ms).await;
    world.pass(seconds);
}

#[test]
fn a_request_that_reads_the_store_past_its_lease_leaves_the_fetch_to_its_successor() {
    let world = world();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(2000));
    let isolate = Isolate::new();
    world.store.takes_ms(500);
    let late = isolate.asking(&world, Wanted::Any);
    let successor = async {
        stall(&world, 100, 5).await;
        world.store.takes_ms(0);
        isolate.asking(&world, Wanted::Any).await
    };
    let (successor, late) = world.run(join(successor, late));
    assert!(late.is_ok() && successor.is_ok());
    assert_eq!(calls(&world), 1);
}

#[test]
fn a_fetch_that_fails_past_its_lease_does_not_end_its_successors_lease() {
    let world = world();
    let isolate = Isolate::of(discovered(ISSUER));
    let names_the_set = || metadata(ISSUER, URL);
    world.origin.serves(DISCOVERY, names_the_set().after_ms(2000));
    // It stalls with the first document, so that it asks for the second when its lease has ended; it fails at 13 s.
    let late = isolate.asking(&world, Wanted::Any);
    // It runs from 11 s to 15.8 s.
    let successor = async {
        stall(&world, 1000, 10).await;
        world.origin.serves(DISCOVERY, names_the_set().after_ms(2400));
        world.origin.serves(URL, Answer::unreachable().after_ms(2000));
        isolate.asking(&world, Wanted::Any).await
    };
    // It comes at 14.5 s, when the backoff after the late failure is over.
    let third = async {
        world.sleep(12_000).await;
        world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(2400));
        world.sleep(2500).await;
        isolate.asking(&world, Wanted::Any).await
    };
    let (successor, late, third) = world.run(join3(successor, late, third));
    assert!(late.is_err());
    assert!(holds(&successor, "a") && holds(&third, "a"));
    assert_eq!(calls(&world), 2);
}

#[test]
fn no_request_waits_for_a_write_to_the_store() {
    let world = world();
    let isolate = Isolate::new();
    assert!(world.run(isolate.asking(&world, Wanted::Any)).is_ok());
    assert_eq!((world.store.puts(), isolate.cache.has_unwritten()), (0, true));
    world.run(isolate.cache.write_back(&world));
    assert_eq!((world.store.puts(), isolate.cache.has_unwritten()), (1, false));
    assert_eq!(Isolate::new().ask(&world, Wanted::Any).unwrap().tier, Tier::Store);
}

#[test]
fn a_failure_is_written_after_the_response_too() {
    let world = world();
    world.origin.serves(URL, Answer::status(500));
    let isolate = Isolate::new();
    assert!(world.run(isolate.asking(&world, Wanted::Any)).is_err());
    world.run(isolate.cache.write_back(&world));
    assert!(Isolate::new().ask(&world, Wanted::Any).is_err());
    assert_eq!(calls(&world), 1, "the other isolate obeys the backoff");
}

#[test]
fn what_a_cancelled_request_has_brought_is_written_by_the_next_one_unless_it_is_old() {
    for (later, puts) in [(60, 1), (61, 0)] {
        let world = world();
        let isolate = Isolate::new();
        // Its client goes away before the response, so nothing runs after that.
        assert!(world.run(isolate.asking(&world, Wanted::Any)).is_ok());
        world.pass(later);
        isolate.ask(&world, Wanted::Any).unwrap();
        assert_eq!((world.store.puts(), isolate.cache.has_unwritten()), (puts, false), "after {later} s");
    }
}

#[test]
fn past_the_ttl_a_thousand_requests_wait_for_one_fetch() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::json(jwks(&[("b", 2)])).after_ms(300));
    world.pass(STALE_AT);
    let begun = world.now_ms();
    let all = world.run(join_all((0..1000).map(|_| isolate.asking(&world, Wanted::Any))));
    assert!(all.iter().all(|lookup| holds(lookup, "b")));
    assert_eq!(calls(&world), 2);
    assert!(world.now_ms() - begun < 350, "took {} ms", world.now_ms() - begun);
}

#[test]
fn past_the_ttl_a_slow_origin_delays_requests_for_a_second_and_is_asked_again_after_the_response() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::json(jwks(&[("b", 2)])).after_ms(3000));
    world.pass(STALE_AT);
    let begun = world.now_ms();
    let all = world.run(join_all((0..100).map(|_| isolate.asking(&world, Wanted::Kid("a")))));
    assert!(all.iter().all(|lookup| holds(lookup, "a")));
    assert!(all.iter().any(|lookup| lookup.as_ref().unwrap().refresh_due));
    let waited = world.now_ms() - begun;
    assert!((1000..=1250).contains(&waited), "waited {waited} ms");

    let begun = world.now_ms();
    assert!(holds(&world.run(isolate.asking(&world, Wanted::Kid("a"))), "a"));
    assert_eq!(world.now_ms(), begun, "the next requests do not wait");
    isolate.serve(&world, Wanted::Kid("a")).unwrap();
    assert!(holds(&isolate.ask(&world, Wanted::Kid("b")), "b"));
    assert_eq!(calls(&world), 3);
}

#[test]
fn a_refresh_leaves_a_running_one_alone() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(1000));
    world.pass(REFRESH_AT);
    let refresh = || isolate.cache.refresh(&world, &isolate.source, &isolate.policy, world.now());
    let later = async {
        world.sleep(500).await;
        refresh().await;
        isolate
            .cache
            .refresh_scheduled(
                &world,
                &isolate.source,
                &isolate.policy,
                edge_assay::limits::CRON_HORIZON_SECONDS,
                world.now(),
            )
            .await;
    };
    world.run(join(refresh(), later));
    assert_eq!(calls(&world), 2);
}

#[test]
fn a_cold_start_for_an_unknown_kid_needs_one_fetch() {
    let world = world();
    let isolate = Isolate::new();
    let lookup = isolate.ask(&world, Wanted::Kid("b")).unwrap();
    assert_eq!((lookup.set.keys.len(), calls(&world)), (1, 1));
    isolate.ask(&world, Wanted::Kid("c")).unwrap();
    Isolate::new().ask(&world, Wanted::Kid("d")).unwrap();
    assert_eq!(calls(&world), 1, "the fetch begins the cooldown, also for isolates that read its record");
}

#[test]
fn a_key_is_reported_as_unknown_only_after_its_origin_has_answered() {
    let world = world();
    world.origin.serves(URL, Answer::status(503));
    let isolate = Isolate::new();
    let fault = isolate.ask(&world, Wanted::Kid("b")).unwrap_err();
    assert!(matches!(fault, Fault::JwksUnavailable { .. }));
}

#[test]
fn a_second_look_is_allowed_two_seconds_after_an_attempt_and_once_per_cooldown() {
    let world = world();
    let isolate = Isolate::warm(&world);
    let look =
        || world.run(isolate.cache.look_again(&world, &isolate.source, &isolate.policy, "b", world.now()));
    assert!(matches!(look(), LookedAgain::NothingNewer));
    world.pass(1);
    assert!(matches!(look(), LookedAgain::NothingNewer));
    assert_eq!(calls(&world), 1);
    world.pass(1);
    assert!(matches!(look(), LookedAgain::Fetched(_)));
    assert_eq!(calls(&world), 2);
    world.pass(29);
    assert!(matches!(look(), LookedAgain::TooEarly { retry_after_seconds: 1 }));
    world.pass(1);
    assert!(matches!(look(), LookedAgain::Fetched(_)));
    assert_eq!(calls(&world), 3);
}
