//! Purges: an operator has a set dropped, and every isolate with the same store drops it within a minute, also if only the coordinator knows of it.

use edge_assay::keys::coordinator::Coordinator;
use edge_assay::keys::coordinator::wire::{Answer as Reply, PurgeQuestion};
use edge_assay::keys::{PurgeTold, Purged, Wanted};
use edge_assay::limits::{PURGE_KNOWN_SECONDS, PURGE_LOOK_SECONDS, PURGE_WAIT_MS};
use edge_assay::time::Timestamp;

use super::{Isolate, NOW, calls, holds, serve, world};
use crate::support::platform::{Answer, CoordinatorMode, FakePlatform, StoreMode};

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

/// The same isolates with a coordinator.
fn three_coordinated() -> (FakePlatform, [Isolate; 3]) {
    let (world, isolates) = three();
    world.coordinator.behave(CoordinatorMode::Works);
    (world, isolates)
}

#[test]
fn the_coordinator_tells_of_a_purge_that_the_store_does_not_show() {
    let (world, [first, busy, idle]) = three_coordinated();
    for isolate in [&busy, &idle] {
        assert!(holds(&isolate.serve(&world, Wanted::Any), "a"));
    }
    world.store.behave(StoreMode::Down);
    let purged = purge(&first, &world);
    assert_eq!((purged.told, purged.announced.is_err()), (PurgeTold::AtOnce, true));
    let begun = world.now();
    while holds(&busy.serve(&world, Wanted::Any), "a") {
        assert!(world.now().since(begun) <= 56, "a busy isolate");
        world.pass(1);
    }
    world.pass(56 - world.now().since(begun));
    assert!(holds(&idle.ask(&world, Wanted::Any), "b"), "the first request of an idle isolate");
    // The store shows the set from before the purge to an isolate that starts.
    world.store.behave(StoreMode::Works);
    assert!(holds(&Isolate::new().ask(&world, Wanted::Any), "b"));
    assert!(world.events("coordinator_failed").is_empty());
}

#[test]
fn where_there_is_a_coordinator_it_alone_reads_the_mark_in_the_store() {
    let world = world();
    world.coordinator.behave(CoordinatorMode::Works);
    let isolates = [Isolate::warm(&world), Isolate::warm(&world), Isolate::warm(&world)];
    let (looks, reads) = (world.store.looks_for_purges(), world.store.read_by_coordinator());
    for _ in 0..600 {
        for isolate in &isolates {
            isolate.serve(&world, Wanted::Kid("a")).unwrap();
        }
        world.pass(1);
    }
    assert_eq!(world.store.looks_for_purges(), looks);
    let read = world.store.read_by_coordinator() - reads;
    assert!((10..=21).contains(&read), "{read}");
    assert!(
        (30..=63).contains(&world.coordinator.questions().len()),
        "{}",
        world.coordinator.questions().len()
    );
}

#[test]
fn a_purge_that_has_not_reached_the_coordinator_reaches_the_isolates_from_the_store() {
    for mode in [
        CoordinatorMode::Down,
        CoordinatorMode::Hangs,
        CoordinatorMode::Says("{}".to_owned()),
        // A version that does not know the question.
        CoordinatorMode::Says(Reply::Refused("`url` is missing".to_owned()).write()),
        CoordinatorMode::Says(r#"{"state":"purges","purged_at":"now"}"#.to_owned()),
        CoordinatorMode::Says(r#"{"state":"purges","purged_at":1,"by":"x"}"#.to_owned()),
    ] {
        for recovers in [false, true] {
            let (world, [first, second, third]) = three_coordinated();
            world.coordinator.behave(mode.clone());
            let purged = purge(&first, &world);
            assert!(matches!(purged.told, PurgeTold::Failed(_)) && purged.announced.is_ok(), "{purged:?}");
            if recovers {
                world.coordinator.behave(CoordinatorMode::Works);
            }
            world.pass(60);
            for isolate in [second, third] {
                assert!(!holds(&isolate.ask(&world, Wanted::Any), "a"), "{mode:?}, {recovers}");
            }
        }
    }
}

#[test]
fn an_older_coordinator_is_no_failed_one() {
    let (world, [_, second, _]) = three_coordinated();
    world.coordinator.behave(CoordinatorMode::Says(Reply::Refused("`url` is missing".to_owned()).write()));
    world.pass(56);
    let looks = world.store.looks_for_purges();
    assert!(holds(&second.ask(&world, Wanted::Any), "a"));
    assert_eq!(world.store.looks_for_purges(), looks + 1);
    assert!(world.events("coordinator_failed").is_empty());
}

#[test]
fn a_coordinator_that_restarts_learns_of_a_purge_from_every_isolate_that_knows_it() {
    let (world, [first, second, _]) = three_coordinated();
    assert!(holds(&second.serve(&world, Wanted::Any), "a"));
    world.store.behave(StoreMode::Down);
    assert_eq!(purge(&first, &world).told, PurgeTold::AtOnce);
    world.coordinator.restart();
    world.pass(40);
    first.serve(&world, Wanted::Any).unwrap();
    world.pass(16);
    assert!(holds(&second.ask(&world, Wanted::Any), "b"));
}

/// What a coordinator answers to this question.
fn answered(coordinator: &Coordinator, world: &FakePlatform, question: &str) -> Reply {
    let (asked, fetch) = coordinator.ask(question, world.now());
    assert!(fetch.is_none(), "{question}");
    Reply::read(&world.run(coordinator.answer(world, asked))).unwrap()
}

#[test]
fn nobody_can_lower_a_mark_or_set_one_in_the_future() {
    let (coordinator, world) = (Coordinator::new(), world());
    let id = "mh3vl2-V50cXgJbfwWgoxkl8soj6xZ2lrIeeS8WEwhA";
    let after = |seconds: i64| Some(Timestamp::from_epoch_seconds(NOW + seconds));
    let ask = |purged_at| {
        let question = PurgeQuestion { id: id.to_owned(), purged_at }.write();
        answered(&coordinator, &world, &question)
    };
    assert_eq!(ask(None), Reply::Purges(None));
    for ahead in [61, 3600, 1_000_000_000] {
        assert_eq!(ask(after(ahead)), Reply::Purges(None), "{ahead}");
    }
    assert_eq!(ask(after(-40)), Reply::Purges(after(-40)));
    for other in [None, after(-41), after(-1_000_000), after(61)] {
        assert_eq!(ask(other), Reply::Purges(after(-40)), "{other:?}");
    }
    // Each mark makes every isolate ask for a set, so one is announced in half a minute.
    assert_eq!(ask(after(0)), Reply::Purges(after(0)));
    world.pass(29);
    assert_eq!(ask(after(29)), Reply::Purges(after(0)));
    world.pass(1);
    assert_eq!(ask(None), Reply::Purges(after(29)));
}

#[test]
fn what_is_no_question_about_purges_is_refused_and_the_sources_are_bounded() {
    let (coordinator, world) = (Coordinator::new(), world());
    let id = "mh3vl2-V50cXgJbfwWgoxkl8soj6xZ2lrIeeS8WEwhA";
    let good = PurgeQuestion { id: id.to_owned(), purged_at: None };
    assert_eq!(PurgeQuestion::read(&good.write()).as_ref(), Ok(&good));
    for bad in [
        format!(r#"{{"purges_of":"{id}","purged_at":"1"}}"#),
        format!(r#"{{"purges_of":"{id}","purged_at":1.5}}"#),
        format!(r#"{{"purges_of":"{id}","purged_at":1e999}}"#),
        format!(r#"{{"purges_of":"{id}","purged_at":1,"url":"https://a.example"}}"#),
        format!(r#"{{"purges_of":"{id}","purges_of":"{id}"}}"#),
        format!(r#"{{"purges_of":"{id}x"}}"#),
        // Another key of the store.
        r#"{"purges_of":"assay:config"}"#.to_owned(),
        r#"{"purges_of":""}"#.to_owned(),
        r#"{"purges_of":null}"#.to_owned(),
        r#"{"purges_of":7}"#.to_owned(),
        r#"{"purged_at":1}"#.to_owned(),
    ] {
        assert!(PurgeQuestion::read(&bad).is_err(), "{bad}");
        assert!(matches!(answered(&coordinator, &world, &bad), Reply::Refused(_)), "{bad}");
    }
    for number in 0..300_u16 {
        let id = edge_assay::jose::base64url::encode(&[number.to_be_bytes(); 16].concat());
        let answer = answered(&coordinator, &world, &PurgeQuestion { id, purged_at: None }.write());
        assert_eq!(matches!(answer, Reply::Purges(None)), number < 256, "{number}");
    }
}
