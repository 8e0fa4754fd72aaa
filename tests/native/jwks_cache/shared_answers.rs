//! How old an answer may be that a cache nearby gives in place of the origin, and the policy that allows none.

use edge_assay::keys::{CachePolicy, Wanted};
use edge_assay::limits::MAX_SHARED_SECONDS;
use futures::future::join_all;

use super::{Isolate, POLICY, REFRESH_AT, STALE_AT, calls, holds, world};
use crate::support::platform::{Answer, CoordinatorMode, FakePlatform, StoreMode};

/// An isolate that lets no cache nearby answer.
fn strict() -> Isolate {
    Isolate { policy: CachePolicy { max_shared_seconds: 0, ..POLICY }, ..Isolate::new() }
}

/// The greatest age that each request so far has accepted.
fn accepted_ages(world: &FakePlatform) -> Vec<u64> {
    world.origin.requests().iter().map(|request| request.max_age_seconds).collect()
}

#[test]
fn a_cache_nearby_may_answer_each_kind_of_fetch_only_if_the_policy_allows_it() {
    for (isolate, expected) in [(Isolate::new(), MAX_SHARED_SECONDS), (strict(), 0)] {
        let world = world();
        world.store.behave(StoreMode::Down);
        // The first set, an unknown kid, a refresh in advance, the cron trigger, and a set past its TTL.
        isolate.serve(&world, Wanted::Kid("a")).unwrap();
        isolate.serve(&world, Wanted::Kid("unknown")).unwrap();
        world.pass(REFRESH_AT);
        isolate.serve(&world, Wanted::Kid("a")).unwrap();
        world.pass(REFRESH_AT);
        isolate.cron(&world);
        world.pass(STALE_AT);
        isolate.serve(&world, Wanted::Kid("a")).unwrap();
        assert_eq!(accepted_ages(&world), [expected; 5]);
    }
}

#[test]
fn discovery_obeys_the_policy_in_both_of_its_fetches() {
    const DISCOVERY: &str = "https://issuer.example/.well-known/openid-configuration";
    let document = format!(r#"{{"issuer":"https://issuer.example","jwks_uri":"{}"}}"#, super::URL);
    for (isolate, expected) in [(Isolate::new(), MAX_SHARED_SECONDS), (strict(), 0)] {
        let world = world();
        world.origin.serves(DISCOVERY, Answer::json(document.clone()));
        let location = edge_assay::keys::Location::Discovery { uri: DISCOVERY.to_owned() };
        let source = edge_assay::keys::KeySource { location, ..super::source() };
        Isolate { source, ..isolate }.ask(&world, Wanted::Kid("a")).unwrap();
        assert_eq!(accepted_ages(&world), [expected; 2]);
    }
}

#[test]
fn the_coordinator_still_makes_one_fetch_of_many_and_holds_its_answer() {
    let world = world();
    world.store.behave(StoreMode::Down);
    world.coordinator.behave(CoordinatorMode::Works);
    let isolates: Vec<_> = (0..20).map(|_| strict()).collect();
    let all = world.run(join_all(isolates.iter().map(|isolate| isolate.asking(&world, Wanted::Kid("a")))));
    assert!(all.iter().all(|found| holds(found, "a")));
    world.pass(15);
    assert!(holds(&strict().ask(&world, Wanted::Kid("a")), "a"), "the coordinator has the answer");
    assert_eq!(calls(&world), 1);
}

#[test]
fn the_policy_holds_for_the_fetch_that_takes_the_place_of_a_coordinator_that_fails() {
    for mode in [CoordinatorMode::Down, CoordinatorMode::Hangs] {
        let world = world();
        world.store.behave(StoreMode::Down);
        world.coordinator.behave(mode);
        assert!(holds(&strict().ask(&world, Wanted::Kid("a")), "a"));
        assert_eq!(accepted_ages(&world), [0]);
    }
}
