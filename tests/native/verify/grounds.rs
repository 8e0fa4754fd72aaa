//! A verdict is given again without the token only as long as the whole verification would give it: at every second, and after everything that a
//! process can learn.

use std::rc::Rc;

use edge_assay::http::configured::Configured;
use edge_assay::http::router::answer;
use edge_assay::http::standing::{Standing, Standings};
use edge_assay::jose::Algorithm;
use edge_assay::keys::KeyCache;
use edge_assay::keys::freshness::RefreshPoint;
use edge_assay::limits::KEPT_RESPONSES;
use edge_assay::verify::{Grounds, Verification};
use serde_json::{Value, json};

use super::{ISS, token, token_with_header, world};
use crate::support::keys::{SECRET, ed25519, ed25519_second, jwks, published};
use crate::support::platform::{Answer, FakePlatform, SecondEngine};
use crate::support::request::FakeRequest;
use crate::support::tokens::mint_with_secret;
use crate::support::world::{NOW, World, claims, issuer, jwks_uri};

/// The grounds of the verdict on a token that comes for the third time.
fn grounds(world: &World, token: &str) -> Grounds {
    for _ in 0..2 {
        assert!(world.verification(token).grounds.is_none(), "its signature was checked");
    }
    world.verification(token).grounds.expect("its signature was not checked again")
}

/// Asked twice: in the same second the first result may be used again.
fn hold(world: &World, grounds: &Grounds) -> bool {
    let ask =
        || grounds.hold(world.app.config.terms.as_ref().unwrap(), &world.app.keys, world.platform.now());
    let first = ask();
    assert_eq!(ask(), first);
    first
}

/// What the whole verification does: whether it accepts the token with a remembered signature, waits for nothing, and leaves nothing to do.
fn is_repeated_at_once(world: &World, token: &str) -> bool {
    let touched = || (world.fetches(ISS), world.platform.store.gets(), world.platform.sleeps());
    let before = touched();
    let verification = world.verification(token);
    verification.outcome.is_ok()
        && verification.trail.is_remembered
        && verification.refresh.is_none()
        && touched() == before
}

/// Compares both at each second of `seconds`, in a world of its own each time, and returns the seconds at which the grounds hold.
fn compared(verify: &Value, terms: &Value, of_token: &Value, seconds: impl Iterator<Item = i64>) -> Vec<i64> {
    let token = token(of_token);
    seconds
        .filter(|second| {
            let world = World::new(&json!({ "verify": verify, "issuers": [issuer(ISS, terms)] }));
            world.publishes(ISS, &[ed25519()]);
            let grounds = grounds(&world, &token);
            world.platform.pass(*second);
            let holds = hold(&world, &grounds);
            assert_eq!(holds, is_repeated_at_once(&world, &token), "{verify} {terms} {of_token} {second}");
            holds
        })
        .collect()
}

#[test]
fn grounds_hold_at_exactly_the_seconds_at_which_the_verification_repeats_its_verdict() {
    let long = json!({ "exp": NOW + 3600 });
    let cases = [
        (json!({}), json!({}), json!({})),
        (json!({}), json!({}), long.clone()),
        (json!({ "remember_seconds": 10 }), json!({}), long.clone()),
        (json!({}), json!({ "max_age_seconds": 20 }), long.clone()),
        (json!({ "leeway_seconds": 30 }), json!({}), json!({ "exp": NOW + 1 })),
        (json!({}), json!({}), json!({ "exp": NOW + 3600, "nbf": NOW - 1 })),
        (json!({}), json!({ "jwks": { "keys": [ed25519().public_jwk()] }, "jwks_uri": null }), long),
    ];
    for (verify, terms, of_token) in cases {
        let held = compared(&verify, &terms, &of_token, -70..70);
        assert!(
            held.contains(&0) && !held.contains(&-1) && !held.contains(&60),
            "{terms} {of_token} {held:?}"
        );
    }
}

#[test]
fn grounds_do_not_hold_when_the_set_is_due_or_a_purge_has_to_be_looked_for() {
    let long = json!({ "exp": NOW + 3600 });
    // A set's look for a purge is due half a minute after it was fetched.
    let held = compared(&json!({}), &json!({}), &long, 0..40);
    assert_eq!(held, (0..30).collect::<Vec<_>>());
}

#[test]
fn grounds_do_not_hold_after_the_set_has_changed() {
    let world = world(&json!({}));
    let known = token(&json!({}));
    let grounds = grounds(&world, &known);
    assert!(hold(&world, &grounds));
    // The issuer removes the key. A token with an unknown `kid` causes a fetch.
    world.publishes(ISS, &[ed25519_second()]);
    assert!(world.outcome(&token_with_header(&json!({ "kid": "unknown" }))).is_err());
    assert!(!hold(&world, &grounds) && !world.accepts(&known));
}

#[test]
fn grounds_do_not_hold_after_the_key_was_replaced_under_its_kid() {
    let world = world(&json!({}));
    let known = token(&json!({}));
    let grounds = grounds(&world, &known);
    let replaced = ed25519_second().public_jwk_with(&json!({ "kid": ed25519().kid() }));
    world.serves(&jwks_uri(ISS), Answer::json(jwks(&[replaced])));
    assert!(world.outcome(&token_with_header(&json!({ "kid": "unknown" }))).is_err());
    assert!(!hold(&world, &grounds) && !world.accepts(&known));
}

#[test]
fn grounds_hold_after_the_same_set_was_fetched_again() {
    let world = world(&json!({}));
    let grounds = grounds(&world, &token(&json!({})));
    assert!(world.outcome(&token_with_header(&json!({ "kid": "unknown" }))).is_err());
    assert!(hold(&world, &grounds));
}

#[test]
fn grounds_do_not_hold_once_the_memory_has_dropped_the_token() {
    let world = world(&json!({}));
    let grounds = grounds(&world, &token(&json!({})));
    for number in 0..2001 {
        let token = token(&json!({ "jti": number }));
        assert!(world.accepts(&token) && world.accepts(&token));
    }
    assert!(!hold(&world, &grounds));
}

#[test]
fn grounds_hold_although_many_tokens_come_once() {
    let world = world(&json!({}));
    let grounds = grounds(&world, &token(&json!({})));
    for number in 0..2001 {
        assert!(world.accepts(&token(&json!({ "jti": number }))));
    }
    assert!(hold(&world, &grounds));
}

#[test]
fn there_are_no_grounds_for_a_token_that_is_refused_or_that_both_engines_check() {
    let strict = world(&json!({ "required_claims": ["user_id"] }));
    let config =
        json!({ "verify": { "cross_check": { "sample": 1 } }, "issuers": [issuer(ISS, &json!({}))] });
    let twice = World::new(&config);
    twice.publishes(ISS, &[ed25519()]);
    for world in [strict, twice] {
        let token = token(&json!({}));
        for _ in 0..3 {
            assert!(world.verification(&token).grounds.is_none());
        }
    }
}

#[test]
fn grounds_do_not_hold_while_a_share_of_the_signatures_is_checked_twice() {
    // About every third signature. One that is not drawn leaves grounds, but the next one may be.
    let checks = json!({ "cross_check": { "sample": 0.3 } });
    let world = World::new(&json!({ "verify": checks, "issuers": [issuer(ISS, &json!({}))] }));
    world.publishes(ISS, &[ed25519()]);
    let token = token(&json!({}));
    let left: Vec<Grounds> = (0..20).filter_map(|_| world.verification(&token).grounds).collect();
    assert!((1..20).contains(&left.len()), "{}", left.len());
    assert!(left.iter().all(|grounds| !hold(&world, grounds)));
}

#[test]
fn grounds_do_not_hold_once_an_engine_has_failed_its_self_test() {
    for (behaviour, holds) in [(SecondEngine::Honest, true), (SecondEngine::Lies, false)] {
        let world = world(&json!({}));
        let token = token(&json!({}));
        let grounds = grounds(&world, &token);
        world.platform.second_engine(behaviour);
        world.platform.run(world.app.self_test(&world.platform));
        assert_eq!((hold(&world, &grounds), world.accepts(&token)), (holds, holds), "{behaviour:?}");
    }
}

#[test]
fn a_verdict_that_is_given_again_is_that_of_the_whole_verification() {
    for kid in [Some(ed25519().kid()), None] {
        let world = world(&json!({}));
        let token = token_with_header(&json!({ "kid": kid }));
        let grounds = grounds(&world, &token);
        world.platform.pass(7);
        let terms = world.app.config.terms.as_ref().unwrap();
        let (again, whole) = (
            grounds.verification(terms, &world.app.keys, world.platform.now()).expect("they hold"),
            world.verification(&token),
        );
        let told = |verification: &Verification| {
            let observed = &verification.observed;
            let token = verification.outcome.as_ref().unwrap();
            format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                (observed.issuer(), observed.kid(), observed.algorithm(), observed.token_hash()),
                (token.issuer(), token.subject(), token.expires_at(), token.scopes()),
                token.header(),
                token.claims(),
                token.key(),
                token.digest(),
                verification.verified_at,
                verification.refresh.is_some(),
            )
        };
        assert_eq!(told(&again), told(&whole), "{kid:?}");
        assert!(again.grounds.is_none());
        world.platform.pass(3600);
        assert!(grounds.verification(terms, &world.app.keys, world.platform.now()).is_none());
    }
}

#[test]
fn grounds_of_a_shared_secret_hold_without_a_set() {
    let terms = json!({ "issuer": ISS, "audience": "unchecked", "secrets": [{ "binding": "KEY" }] });
    let world = World::with_secrets(&json!({ "issuers": [terms] }), &[("KEY", SECRET)]);
    let token = mint_with_secret(Algorithm::Hs256, SECRET.as_bytes(), &json!({}), &claims(ISS, &json!({})));
    let grounds = grounds(&world, &token);
    assert!(hold(&world, &grounds));
    world.platform.pass(55);
    assert!(!hold(&world, &grounds), "it has expired");
}

/// An isolate whose configuration is this variable, with the key of the issuer published.
fn isolate(variable: &str) -> (FakePlatform, Rc<Configured>) {
    let platform = FakePlatform::at(NOW);
    platform.origin.serves(&jwks_uri(ISS), Answer::json(published(&[ed25519()])));
    let keys = Rc::new(KeyCache::refreshing_at(RefreshPoint::LAST));
    let configured = Configured::load(Some(variable), keys, Rc::default(), &platform);
    (platform, Rc::new(configured))
}

/// The standing of the response to a token that comes for the third time.
fn standing(platform: &FakePlatform, configured: &Rc<Configured>) -> Standing {
    let app = platform.run(configured.application(platform));
    let request = FakeRequest::verify(&token(&json!({ "exp": NOW + 3600 })));
    let [first, second, third] = [(); 3].map(|()| platform.run(answer(&app, platform, &request)));
    assert!(first.grounds.is_none() && second.grounds.is_none() && first.response.status() == 200);
    assert_eq!(
        (third.response.status(), third.response.body()),
        (first.response.status(), first.response.body())
    );
    platform.run(app.write_back(platform));
    let grounds = third.grounds.expect("it is the verdict on a remembered token");
    let standing = Standing::new(configured, &app, grounds);
    assert!(!standing.holds(platform.now()), "the self-test has to run");
    platform.run(app.self_test(platform));
    assert!(standing.holds(platform.now()));
    standing
}

#[test]
fn a_response_stands_only_while_its_configuration_is_in_force() {
    let config = json!({ "issuers": [issuer(ISS, &json!({}))] });
    let (platform, configured) = isolate(&config.to_string());
    let stands = standing(&platform, &configured);
    platform.pass(29);
    assert!(stands.holds(platform.now()));
    drop(configured);
    assert!(!stands.holds(platform.now()));
}

#[test]
fn a_response_does_not_stand_when_the_record_has_to_be_read_or_another_version_is_in_force() {
    // With keys of its own, so that nothing but the record is ever due.
    let config = |audience: &str| {
        let keys = json!({ "keys": [ed25519().public_jwk()] });
        let terms = json!({ "audience": audience, "jwks": keys, "jwks_uri": null });
        json!({ "issuers": [issuer(ISS, &terms)] }).to_string()
    };
    let elsewhere = config("unchecked").replace("\"unchecked\"", r#"{"any_of":["elsewhere"]}"#);
    for (next, is_same) in [(config("unchecked"), true), (elsewhere, false)] {
        let (platform, configured) = isolate(r#"{"kv":"ASSAY_CONFIG"}"#);
        platform.directory.plant("ASSAY_CONFIG assay", &config("unchecked"));
        let app = platform.run(configured.application(&platform));
        platform.pass(30);
        let stands = standing(&platform, &configured);
        // The record is read again after a minute. The signature was checked half a minute ago.
        platform.pass(31);
        assert!(configured.is_due(&platform) && !stands.holds(platform.now()));
        platform.directory.plant("ASSAY_CONFIG assay", &next);
        platform.run(configured.renew(&platform));
        assert!(!configured.is_due(&platform));
        assert_eq!((configured.has(&app), stands.holds(platform.now())), (is_same, is_same));
    }
}

#[test]
fn a_response_does_not_stand_while_the_store_lacks_what_an_attempt_has_brought() {
    let config = json!({ "issuers": [issuer(ISS, &json!({}))] });
    let (platform, configured) = isolate(&config.to_string());
    let stands = standing(&platform, &configured);
    let app = platform.run(configured.application(&platform));
    let unknown = FakeRequest::verify(&token_with_header(&json!({ "kid": "unknown" })));
    platform.run(answer(&app, &platform, &unknown));
    assert!(app.has_unwritten() && !stands.holds(platform.now()));
    platform.run(app.write_back(&platform));
    assert!(stands.holds(platform.now()));
}

#[test]
fn a_response_is_found_by_its_number_until_a_later_one_takes_its_place() {
    let config = json!({ "issuers": [issuer(ISS, &json!({}))] });
    let (platform, configured) = isolate(&config.to_string());
    let now = platform.now();
    let mut standings = Standings::default();
    assert!(!standings.holds(0, now) && !standings.holds(7, now));
    let stands = standing(&platform, &configured);
    standings.note(7, stands);
    let held = [6, 7, 8, 7 + KEPT_RESPONSES].map(|number| standings.holds(number, now));
    assert_eq!(held, [false, true, false, false]);
    let app = platform.run(configured.application(&platform));
    let request = FakeRequest::verify(&token(&json!({ "exp": NOW + 3600 })));
    let again = platform.run(answer(&app, &platform, &request)).grounds.unwrap();
    standings.note(7 + KEPT_RESPONSES, Standing::new(&configured, &app, again));
    assert_eq!([7, 7 + KEPT_RESPONSES].map(|number| standings.holds(number, now)), [false, true]);
}
