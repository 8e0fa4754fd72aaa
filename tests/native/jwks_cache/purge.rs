//! Purges: an operator has a set dropped, and every isolate with the same store drops it within a minute.

use edge_assay::keys::{Purged, Wanted};
use edge_assay::limits::{PURGE_KNOWN_SECONDS, PURGE_LOOK_SECONDS, PURGE_WAIT_MS};

use super::{Isolate, NOW, calls, holds, serve, world};
use crate::support::platform::{Answer, FakePlatform, StoreMode};

fn purge(isolate: &Isolate, world: &FakePlatform) -> Purged {
    world.run(isolate.cache.purge(world, &isolate.source, &isolate.policy, world.now()))
}

/// Three isolates that hold the key `a`, and a provider that has replaced it by `b`.
fn three() -> (FakePlatform, [Isolate; 3]) {
    let world = world();
    let isolates = [Isolate::warm(&world), Isolate::warm(&world), Isolate::warm(&world)];
    assert_eq!(calls(&world), 1, "one has fetched, and the others have the set from the store");
    world.pass(600);
    for isolate in &isolates {
        assert!(holds(&isolate.serve(&world, Wanted::Kid("a")), "a"));
        assert!(holds(&isolate.serve(&world, Wanted::Kid("a")), "a"));
    }
    serve(&world, &[("b", 2)]);
    (world, isolates)
}

#[test]
fn a_purged_set_is_dropped_at_once_here_and_within_a_minute_everywhere() {
    let (world, [first, busy, idle]) = three();
    let purged = purge(&first, &world);
    assert!(purged.announced.is_ok() && purged.fetched.unwrap().with_kid("b").next().is_some());
    assert!(!holds(&first.ask(&world, Wanted::Any), "a"));
    let begun = world.now();
    while holds(&busy.serve(&world, Wanted::Any), "a") {
        assert!(world.now().since(begun) <= 60, "a busy isolate");
        world.pass(1);
    }
    assert!(world.now().since(begun) >= 20, "it does not look at every request");
    world.pass(60 - world.now().since(begun));
    // Its first request after a minute without any.
    assert!(!holds(&idle.ask(&world, Wanted::Any), "a"));
    assert_eq!(calls(&world), 2, "the others have the new set from the store");
    assert!(!holds(&Isolate::new().ask(&world, Wanted::Any), "a"), "also a new isolate");
}

#[test]
fn a_warm_request_reads_nothing_and_a_look_is_made_at_most_twice_a_minute() {
    let world = world();
    let isolate = Isolate::warm(&world);
    let (gets, looks) = (world.store.gets(), world.store.looks_for_purges());
    for _ in 0..600 {
        let before = world.now_ms();
        let lookup = isolate.ask(&world, Wanted::Kid("a")).unwrap();
        assert_eq!(world.now_ms(), before, "no request waits");
        if lookup.refresh_due {
            world.run(isolate.cache.refresh(&world, &isolate.source, &isolate.policy, world.now()));
        }
        world.pass(1);
    }
    assert_eq!(world.store.gets(), gets);
    assert!(
        (15..=20).contains(&(world.store.looks_for_purges() - looks)),
        "{}",
        world.store.looks_for_purges() - looks
    );
    const { assert!(PURGE_LOOK_SECONDS < PURGE_KNOWN_SECONDS && PURGE_KNOWN_SECONDS < 60) };
}

#[test]
fn a_thousand_simultaneous_requests_look_once() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.pass(600);
    let looks = world.store.looks_for_purges();
    let asked = (0..1000).map(|_| isolate.asking(&world, Wanted::Any));
    assert!(world.run(futures::future::join_all(asked)).iter().all(Result::is_ok));
    assert_eq!(world.store.looks_for_purges(), looks + 1);
}

#[test]
fn a_store_that_is_down_or_slow_stops_no_request_and_drops_nothing() {
    for mode in
        [StoreMode::Down, StoreMode::Rubbish("9999999999".to_owned()), StoreMode::Rubbish("{".to_owned())]
    {
        let world = world();
        let isolate = Isolate::warm(&world);
        world.store.behave(mode.clone());
        world.pass(600);
        assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"), "{mode:?}");
        assert_eq!(calls(&world), 1, "{mode:?}");
    }
    let world = world();
    let isolate = Isolate::warm(&world);
    world.store.takes_ms(60_000);
    world.pass(600);
    let before = world.now_ms();
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
    assert_eq!(world.now_ms() - before, i64::from(PURGE_WAIT_MS));
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
    assert_eq!(world.now_ms() - before, i64::from(PURGE_WAIT_MS), "the next request does not wait again");
}

#[test]
fn a_purge_while_the_provider_is_down_leaves_no_set_anywhere() {
    let (world, [first, second, _]) = three();
    world.origin.serves(super::URL, Answer::unreachable());
    let purged = purge(&first, &world);
    assert!(purged.announced.is_ok() && purged.fetched.is_err());
    assert!(first.ask(&world, Wanted::Any).is_err());
    world.pass(60);
    assert!(second.ask(&world, Wanted::Any).is_err(), "the record in the store is void");
    assert!(Isolate::new().ask(&world, Wanted::Any).is_err());
    serve(&world, &[("b", 2)]);
    world.pass(60);
    for isolate in [first, second] {
        assert!(holds(&isolate.ask(&world, Wanted::Any), "b"));
    }
}

#[test]
fn without_a_store_only_this_isolate_drops_the_set_and_the_purge_says_so() {
    let (world, [first, second, _]) = three();
    world.store.behave(StoreMode::Unbound("JWKS_CACHE".to_owned()));
    let purged = purge(&first, &world);
    assert!(purged.announced.is_err());
    assert!(holds(&first.ask(&world, Wanted::Any), "b"));
    world.pass(60);
    assert!(holds(&second.ask(&world, Wanted::Any), "a"));
}

#[test]
fn an_answer_that_was_on_its_way_during_the_purge_is_not_kept() {
    let world = world();
    let isolate = Isolate::new();
    // The old set takes three seconds. The purge begins after one.
    world.origin.serves(super::URL, Answer::json(super::jwks(&[("a", 1)])).after_ms(3000));
    let slow = isolate.asking(&world, Wanted::Any);
    let purging = async {
        edge_assay::ports::Clock::sleep(&world, 1000).await;
        serve(&world, &[("b", 2)]);
        isolate.cache.purge(&world, &isolate.source, &isolate.policy, world.now()).await
    };
    let (slow, purged) = world.run(futures::future::join(slow, purging));
    assert!(purged.announced.is_ok());
    assert!(!holds(&slow, "a"), "{slow:?}");
    assert!(holds(&isolate.ask(&world, Wanted::Any), "b"));
    assert!(world.now_ms() / 1000 >= NOW);
}

#[test]
fn a_second_purge_works_like_the_first() {
    let (world, [first, second, _]) = three();
    purge(&first, &world).fetched.unwrap();
    world.pass(60);
    assert!(holds(&second.serve(&world, Wanted::Any), "b"));
    serve(&world, &[("c", 3)]);
    purge(&second, &world).fetched.unwrap();
    world.pass(60);
    assert!(holds(&first.ask(&world, Wanted::Any), "c"));
}
