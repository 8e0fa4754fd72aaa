//! A signature that was found valid twice a moment ago is not checked again. All other checks are repeated.

use std::rc::Rc;
use std::sync::Arc;

use edge_assay::http::application::Application;
use edge_assay::jose::Algorithm;
use edge_assay::rejection::Rejection;
use serde_json::{Value, json};

use super::{ISS, token, token_with_header, world};
use crate::support::keys::{SECRET, ed25519, ed25519_second, jwks};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens::{mint_with_key, mint_with_secret};
use crate::support::world::{NOW, World, claims, issuer, jwks_uri};

fn remembers(world: &World, token: &str) -> bool {
    world.verification(token).trail.is_remembered
}

/// Whether the token is accepted two times, and its signature checked each time. Then it is remembered.
fn accepts_twice(world: &World, token: &str) -> bool {
    [(); 2].into_iter().all(|()| {
        let verification = world.verification(token);
        verification.outcome.is_ok() && !verification.trail.is_remembered
    })
}

fn world_with(verify: &Value) -> World {
    let config = json!({ "verify": verify, "issuers": [issuer(ISS, &json!({}))] });
    let world = World::new(&config);
    world.publishes(ISS, &[ed25519()]);
    world
}

#[test]
fn a_third_verification_skips_the_signature_and_answers_byte_for_byte_the_same() {
    let world = world(&json!({}));
    let token = token(&json!({ "big": 1.000_000_000_000_000_1_f64, "name": "Ä\u{1f600}" }));
    let first = world.ask(&FakeRequest::verify(&token));
    assert!(!remembers(&world, &token) && remembers(&world, &token));
    let second = world.ask(&FakeRequest::verify(&token));
    assert_eq!(first.status(), 200);
    assert_eq!(
        (first.status(), first.headers(), first.body()),
        (second.status(), second.headers(), second.body())
    );
}

#[test]
fn a_signature_is_checked_again_after_the_configured_time_and_always_if_that_is_zero() {
    let world = world_with(&json!({ "remember_seconds": 10 }));
    let long = token(&json!({ "exp": NOW + 3600 }));
    assert!(accepts_twice(&world, &long));
    world.platform.pass(9);
    assert!(remembers(&world, &long));
    world.platform.pass(1);
    assert!(!remembers(&world, &long), "a hit does not extend the time");
    assert!(remembers(&world, &long), "a token that was remembered is so again after one check");

    let never = world_with(&json!({ "remember_seconds": 0 }));
    assert!(accepts_twice(&never, &long));
    assert!(!remembers(&never, &long));
}

#[test]
fn a_remembered_token_expires_exactly_at_its_second() {
    let world = world(&json!({}));
    let token = token(&json!({ "exp": NOW + 20 }));
    assert!(accepts_twice(&world, &token));
    world.platform.pass(24);
    let verification = world.verification(&token);
    assert!(verification.outcome.is_ok() && verification.trail.is_remembered, "within the leeway");
    world.platform.pass(1);
    assert!(matches!(world.rejection(&token), Rejection::TokenExpired { .. }));
}

#[test]
fn a_remembered_signature_does_not_accept_another_text() {
    let world = world(&json!({}));
    let good = token(&json!({}));
    assert!(accepts_twice(&world, &good) && remembers(&world, &good));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    let changed = if first == "A" { "B" } else { "A" };
    let forged = format!("{input}.{changed}{rest}");
    assert!(matches!(world.rejection(&forged), Rejection::SignatureInvalid { .. }));
    assert!(world.accepts(&good));
}

#[test]
fn a_remembered_token_is_refused_after_its_key_was_removed_from_the_set() {
    let world = world(&json!({}));
    let signed_before = token(&json!({}));
    assert!(accepts_twice(&world, &signed_before) && remembers(&world, &signed_before));
    // The issuer removes the key. The first token of the new key causes a fetch.
    world.publishes(ISS, &[ed25519_second()]);
    let successor = mint_with_key(Algorithm::EdDsa, ed25519_second(), &json!({}), &claims(ISS, &json!({})));
    assert!(world.accepts(&successor));
    assert!(matches!(world.rejection(&signed_before), Rejection::KeyNotFound(_)));
}

#[test]
fn a_remembered_token_is_refused_after_its_key_was_replaced_under_the_same_kid() {
    let world = world(&json!({}));
    let signed_before = token(&json!({}));
    assert!(accepts_twice(&world, &signed_before) && remembers(&world, &signed_before));
    let replaced = ed25519_second().public_jwk_with(&json!({ "kid": ed25519().kid() }));
    world.serves(&jwks_uri(ISS), Answer::json(jwks(&[replaced])));
    assert!(world.outcome(&token_with_header(&json!({ "kid": "unknown" }))).is_err());
    assert_eq!(world.fetches(ISS), 2);
    assert!(matches!(world.rejection(&signed_before), Rejection::SignatureInvalid { .. }));
}

#[test]
fn a_set_that_is_fetched_again_and_has_not_changed_is_the_same_set() {
    let world = world(&json!({}));
    let known = token(&json!({}));
    assert!(world.accepts(&known));
    let held = |world: &World| world.verification(&known).trail.lookup.unwrap().set;
    let first = held(&world);
    assert!(world.outcome(&token_with_header(&json!({ "kid": "unknown" }))).is_err());
    assert_eq!(world.fetches(ISS), 2);
    assert!(remembers(&world, &known));
    assert!(Arc::ptr_eq(&first, &held(&world)), "and is stored once");
    // With another text it is another set, even if it contains the key.
    world.publishes(ISS, &[ed25519(), ed25519_second()]);
    world.platform.pass(31);
    assert!(world.outcome(&token_with_header(&json!({ "kid": "unknown" }))).is_err());
    let verification = world.verification(&known);
    assert!(verification.outcome.is_ok() && !verification.trail.is_remembered);
}

#[test]
fn remembered_tokens_keep_no_key_set_in_memory() {
    let world = world(&json!({}));
    let long = json!({ "exp": NOW + 3600 });
    let mut former = Vec::new();
    for number in 0..8 {
        let extra = ed25519_second().public_jwk_with(&json!({ "kid": format!("extra {number}") }));
        world.serves(&jwks_uri(ISS), Answer::json(jwks(&[ed25519().public_jwk(), extra])));
        assert!(world.outcome(&token_with_header(&json!({ "kid": format!("unknown {number}") }))).is_err());
        let mut claims = long.clone();
        claims["jti"] = json!(number);
        let token = token(&claims);
        assert!(accepts_twice(&world, &token));
        let verification = world.verification(&token);
        assert!(verification.outcome.is_ok() && verification.trail.is_remembered);
        former.push(Arc::downgrade(&verification.trail.lookup.unwrap().set));
        world.platform.pass(31);
    }
    let alive = former.iter().filter(|set| set.upgrade().is_some()).count();
    assert_eq!((world.fetches(ISS), alive), (8, 1));
}

#[test]
fn a_change_of_the_configuration_forgets_remembered_tokens_at_once() {
    let mut world = world(&json!({}));
    let token = token(&json!({}));
    assert!(accepts_twice(&world, &token));
    let stricter = json!({ "issuers": [issuer(ISS, &json!({ "audience": { "any_of": ["elsewhere"] } }))] });
    world.app = Application::load(Some(&stricter.to_string()), Rc::clone(&world.app.keys), &world.platform);
    let verification = world.verification(&token);
    assert!(verification.outcome.is_err() && !verification.trail.is_remembered);
}

#[test]
fn with_cross_check_every_signature_is_checked_by_both_engines() {
    let world = world_with(&json!({ "cross_check": { "sample": 1 } }));
    let token = token(&json!({}));
    for _ in 0..4 {
        let trail = world.verification(&token).trail;
        assert!(!trail.is_remembered && trail.web_crypto.is_some());
    }
}

#[test]
fn the_signature_of_a_token_that_breaks_a_rule_is_remembered_too() {
    let world = world(&json!({ "required_claims": ["user_id"] }));
    let token = token(&json!({}));
    for is_remembered in [false, false, true] {
        let verification = world.verification(&token);
        assert!(verification.outcome.is_err());
        assert_eq!(verification.trail.is_remembered, is_remembered);
    }
}

#[test]
fn a_signature_with_a_shared_secret_is_remembered_too() {
    let issuer = json!({ "issuer": ISS, "audience": "unchecked", "secrets": [{ "binding": "KEY" }] });
    let world = World::with_secrets(&json!({ "issuers": [issuer] }), &[("KEY", SECRET)]);
    let token = mint_with_secret(Algorithm::Hs256, SECRET.as_bytes(), &json!({}), &claims(ISS, &json!({})));
    assert!(accepts_twice(&world, &token));
    let verification = world.verification(&token);
    assert!(verification.outcome.is_ok() && verification.trail.is_remembered);
    assert_eq!(verification.outcome.unwrap().key().algorithm, Algorithm::Hs256);
}
