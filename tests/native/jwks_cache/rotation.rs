//! New keys are used: at once when a token names one, and within the TTL otherwise, without a request that waits for it.

use edge_assay::keys::{Tier, Wanted};

use super::{Isolate, NOW, REFRESH_AT, STALE_AT, URL, calls, holds, jwks, serve, world};
use crate::support::platform::Answer;

#[test]
fn a_token_with_a_new_kid_is_verified_with_the_new_set_at_once() {
    let world = world();
    let isolate = Isolate::warm(&world);
    serve(&world, &[("a", 1), ("b", 2)]);
    world.pass(31);
    let lookup = isolate.ask(&world, Wanted::Kid("b"));
    assert!(holds(&lookup, "b") && holds(&lookup, "a"));
    assert_eq!((lookup.unwrap().tier, calls(&world)), (Tier::Origin, 2));
}

#[test]
fn a_rotation_right_after_a_cold_fetch_is_seen_at_once() {
    let world = world();
    let isolate = Isolate::warm(&world);
    serve(&world, &[("b", 2)]);
    assert!(holds(&isolate.ask(&world, Wanted::Kid("b")), "b"), "in the same second");
    serve(&world, &[("c", 3)]);
    assert!(!holds(&isolate.ask(&world, Wanted::Kid("c")), "c"), "the look for b began the cooldown");
    world.pass(30);
    assert!(holds(&isolate.ask(&world, Wanted::Kid("c")), "c"));
    assert_eq!(calls(&world), 3);
}

#[test]
fn a_rotation_is_seen_within_the_ttl_without_a_token_that_names_the_new_key() {
    let world = world();
    let isolate = Isolate::warm(&world);
    serve(&world, &[("b", 2)]);
    world.pass(REFRESH_AT - 1);
    assert!(!isolate.serve(&world, Wanted::Any).unwrap().refresh_due);
    world.pass(1);
    let ahead = isolate.serve(&world, Wanted::Any);
    assert!(
        holds(&ahead, "a") && ahead.unwrap().refresh_due,
        "the old set serves the request that refreshes"
    );
    let next = isolate.serve(&world, Wanted::Any);
    assert!(holds(&next, "b") && !holds(&next, "a"));
    assert_eq!(calls(&world), 2);
}

#[test]
fn the_same_kid_with_new_material_is_adopted_by_the_refresh() {
    let world = world();
    let isolate = Isolate::warm(&world);
    let old = isolate.ask(&world, Wanted::Kid("a")).unwrap();
    serve(&world, &[("a", 9)]);
    world.pass(REFRESH_AT);
    isolate.serve(&world, Wanted::Kid("a")).unwrap();
    let new = isolate.ask(&world, Wanted::Kid("a")).unwrap();
    assert_ne!(new.set.keys[0].thumbprint, old.set.keys[0].thumbprint);
}

#[test]
fn a_refresh_of_one_isolate_is_used_by_the_others() {
    let world = world();
    let (one, two) = (Isolate::warm(&world), Isolate::warm(&world));
    world.pass(REFRESH_AT);
    one.serve(&world, Wanted::Any).unwrap();
    assert_eq!(calls(&world), 2);
    world.pass(60);
    assert!(two.serve(&world, Wanted::Any).unwrap().refresh_due);
    assert_eq!(calls(&world), 2, "the store had it");
    assert!(!two.serve(&world, Wanted::Any).unwrap().refresh_due);
}

#[test]
fn a_304_renews_the_times_and_keeps_the_set() {
    let world = world();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).etag("\"v1\""));
    let isolate = Isolate::warm(&world);
    world.pass(REFRESH_AT);
    isolate.serve(&world, Wanted::Any).unwrap();
    let renewed = isolate.ask(&world, Wanted::Kid("a"));
    assert!(holds(&renewed, "a"));
    assert_eq!(renewed.unwrap().fetched_at.epoch_seconds(), NOW + REFRESH_AT);
    assert_eq!(world.origin.requests()[1].if_none_match.as_deref(), Some("\"v1\""));
    assert_eq!(calls(&world), 2);

    let elsewhere = Isolate::new();
    world.pass(REFRESH_AT);
    elsewhere.serve(&world, Wanted::Any).unwrap();
    assert_eq!(
        world.origin.requests()[2].if_none_match.as_deref(),
        Some("\"v1\""),
        "the store keeps the ETag"
    );
}

#[test]
fn a_304_to_a_request_without_an_etag_is_a_failure() {
    let world = world();
    world.origin.serves(URL, Answer::status(304));
    assert!(Isolate::new().ask(&world, Wanted::Any).is_err());
}

#[test]
fn max_age_shortens_the_ttl_and_a_304_without_one_does_not_lengthen_it_again() {
    let world = world();
    let body = jwks(&[("a", 1)]);
    world.origin.serves(URL, Answer::json(&*body).cache_control("max-age=400").etag("\"v1\""));
    let isolate = Isolate::warm(&world);
    world.pass(320);
    world.origin.serves(URL, Answer::json(&*body).etag("\"v1\""));
    assert!(isolate.serve(&world, Wanted::Any).unwrap().refresh_due);
    world.pass(319);
    assert!(!isolate.serve(&world, Wanted::Any).unwrap().refresh_due);
    world.pass(1);
    assert!(isolate.serve(&world, Wanted::Any).unwrap().refresh_due);
    assert_eq!(calls(&world), 3);
}

#[test]
fn max_age_neither_lengthens_the_ttl_nor_shortens_it_below_five_minutes() {
    for (cache_control, refresh_at) in
        [("max-age=31536000", REFRESH_AT), ("no-store", 240), ("max-age=15", 240)]
    {
        let world = world();
        world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).cache_control(cache_control));
        let isolate = Isolate::warm(&world);
        world.pass(refresh_at - 1);
        assert!(!isolate.ask(&world, Wanted::Any).unwrap().refresh_due, "{cache_control}");
        world.pass(1);
        assert!(isolate.ask(&world, Wanted::Any).unwrap().refresh_due, "{cache_control}");
    }
}

#[test]
fn with_the_cron_trigger_no_request_waits_and_the_store_sees_one_write_per_ttl() {
    let world = world();
    let (cron, edge) = (Isolate::new(), Isolate::new());
    cron.cron(&world);
    let mut origin_answers = 0;
    // For a day, the cron trigger runs every five minutes in one isolate, and a request comes every minute in another.
    for minute in 0..24 * 60 {
        if minute % 5 == 0 {
            cron.cron(&world);
        }
        let lookup = edge.serve(&world, Wanted::Kid("a")).unwrap();
        origin_answers += usize::from(lookup.tier == Tier::Origin);
        world.pass(60);
    }
    assert_eq!(origin_answers, 0, "no request waited for the origin");
    // A fetch every 30 minutes, in the last run that is more than 2 minutes before the first refresh point.
    assert_eq!((calls(&world), world.store.puts()), (48, 48));
}

#[test]
fn the_cron_trigger_obeys_the_backoff_of_another_isolate() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::unreachable());
    world.pass(STALE_AT);
    for _ in 0..9 {
        isolate.serve(&world, Wanted::Any).unwrap();
        world.pass(60);
    }
    isolate.serve(&world, Wanted::Any).unwrap();
    let asked = calls(&world);
    world.pass(30);
    Isolate::new().cron(&world);
    assert_eq!(calls(&world), asked);
    world.pass(30);
    Isolate::new().cron(&world);
    assert_eq!(calls(&world), asked + 1);
}
