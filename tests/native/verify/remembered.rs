//! A signature that was found good a moment ago is not checked again; everything else is.

use std::rc::Rc;

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

fn world_with(verify: &Value) -> World {
    let config = json!({ "verify": verify, "issuers": [issuer(ISS, &json!({}))] });
    let world = World::new(&config);
    world.publishes(ISS, &[ed25519()]);
    world
}

#[test]
fn a_second_look_at_a_token_does_not_check_its_signature_again_and_says_the_same_byte_for_byte() {
    let world = world(&json!({}));
    let token = token(&json!({ "big": 1.000_000_000_000_000_1_f64, "name": "Ä\u{1f600}" }));
    let first = world.ask(&FakeRequest::verify(&token));
    assert!(remembers(&world, &token));
    let second = world.ask(&FakeRequest::verify(&token));
    assert_eq!(first.status(), 200);
    assert_eq!(
        (first.status(), first.headers(), first.body()),
        (second.status(), second.headers(), second.body())
    );
}

#[test]
fn it_is_checked_again_after_the_time_configured_and_every_time_where_that_is_none() {
    let world = world_with(&json!({ "remember_seconds": 10 }));
    let long = token(&json!({ "exp": NOW + 3600 }));
    assert!(!remembers(&world, &long));
    world.platform.pass(9);
    assert!(remembers(&world, &long));
    world.platform.pass(1);
    assert!(!remembers(&world, &long), "a hit does not prolong it");

    let never = world_with(&json!({ "remember_seconds": 0 }));
    assert!(never.accepts(&long));
    assert!(!remembers(&never, &long));
}

#[test]
fn a_remembered_token_expires_to_the_second() {
    let world = world(&json!({}));
    let token = token(&json!({ "exp": NOW + 20 }));
    assert!(world.accepts(&token));
    world.platform.pass(24);
    let verification = world.verification(&token);
    assert!(verification.outcome.is_ok() && verification.trail.is_remembered, "within the leeway");
    world.platform.pass(1);
    assert!(matches!(world.rejection(&token), Rejection::TokenExpired { .. }));
}

#[test]
fn a_good_signature_excuses_no_other_text() {
    let world = world(&json!({}));
    let good = token(&json!({}));
    assert!(world.accepts(&good));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    let changed = if first == "A" { "B" } else { "A" };
    let forged = format!("{input}.{changed}{rest}");
    assert!(matches!(world.rejection(&forged), Rejection::SignatureInvalid { .. }));
    assert!(world.accepts(&good));
}

#[test]
fn a_key_that_is_taken_from_the_set_ends_what_it_has_signed() {
    let world = world(&json!({}));
    let signed_before = token(&json!({}));
    assert!(world.accepts(&signed_before));
    assert!(remembers(&world, &signed_before));
    // The issuer withdraws the key; the first token of its successor makes us look.
    world.publishes(ISS, &[ed25519_second()]);
    let successor = mint_with_key(Algorithm::EdDsa, ed25519_second(), &json!({}), &claims(ISS, &json!({})));
    assert!(world.accepts(&successor));
    assert!(matches!(world.rejection(&signed_before), Rejection::KeyNotFound(_)));
}

#[test]
fn the_same_kid_with_new_material_ends_it_too() {
    let world = world(&json!({}));
    let signed_before = token(&json!({}));
    assert!(world.accepts(&signed_before));
    let replaced = ed25519_second().public_jwk_with(&json!({ "kid": ed25519().kid() }));
    world.serves(&jwks_uri(ISS), Answer::json(jwks(&[replaced])));
    assert!(world.judge(&token_with_header(&json!({ "kid": "unknown" }))).is_err());
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
    assert!(world.judge(&token_with_header(&json!({ "kid": "unknown" }))).is_err());
    assert_eq!(world.fetches(ISS), 2);
    assert!(remembers(&world, &known));
    assert!(Rc::ptr_eq(&first, &held(&world)), "and is kept once");
    // With another text it is another, whatever is in it.
    world.publishes(ISS, &[ed25519(), ed25519_second()]);
    world.platform.pass(31);
    assert!(world.judge(&token_with_header(&json!({ "kid": "unknown" }))).is_err());
    let verification = world.verification(&known);
    assert!(verification.outcome.is_ok() && !verification.trail.is_remembered);
}

#[test]
fn what_is_remembered_holds_no_key_set() {
    let world = world(&json!({}));
    let long = json!({ "exp": NOW + 3600 });
    let mut former = Vec::new();
    for number in 0..8 {
        let extra = ed25519_second().public_jwk_with(&json!({ "kid": format!("extra {number}") }));
        world.serves(&jwks_uri(ISS), Answer::json(jwks(&[ed25519().public_jwk(), extra])));
        assert!(world.judge(&token_with_header(&json!({ "kid": format!("unknown {number}") }))).is_err());
        let mut claims = long.clone();
        claims["jti"] = json!(number);
        let verification = world.verification(&token(&claims));
        assert!(verification.outcome.is_ok());
        former.push(Rc::downgrade(&verification.trail.lookup.unwrap().set));
        world.platform.pass(31);
    }
    let alive = former.iter().filter(|set| set.upgrade().is_some()).count();
    assert_eq!((world.fetches(ISS), alive), (8, 1));
}

#[test]
fn a_change_of_the_configuration_ends_it_at_once() {
    let mut world = world(&json!({}));
    let token = token(&json!({}));
    assert!(world.accepts(&token));
    let stricter = json!({ "issuers": [issuer(ISS, &json!({ "audience": { "any_of": ["elsewhere"] } }))] });
    world.app = Application::load(Some(&stricter.to_string()), Rc::clone(&world.app.keys), &world.platform);
    let verification = world.verification(&token);
    assert!(verification.outcome.is_err() && !verification.trail.is_remembered);
}

#[test]
fn whoever_asks_for_two_opinions_gets_both() {
    let world = world_with(&json!({ "cross_check": { "sample": 1 } }));
    let token = token(&json!({}));
    for _ in 0..2 {
        let trail = world.verification(&token).trail;
        assert!(!trail.is_remembered && trail.web_crypto.is_some());
    }
}

#[test]
fn a_token_that_breaks_a_rule_is_not_dearer_the_second_time() {
    let world = world(&json!({ "required_claims": ["user_id"] }));
    let token = token(&json!({}));
    for is_remembered in [false, true] {
        let verification = world.verification(&token);
        assert!(verification.outcome.is_err());
        assert_eq!(verification.trail.is_remembered, is_remembered);
    }
}

#[test]
fn a_shared_secret_is_remembered_as_a_key_is() {
    let issuer = json!({ "issuer": ISS, "audience": "unchecked", "secrets": [{ "binding": "KEY" }] });
    let world = World::with_secrets(&json!({ "issuers": [issuer] }), &[("KEY", SECRET)]);
    let token = mint_with_secret(Algorithm::Hs256, SECRET.as_bytes(), &json!({}), &claims(ISS, &json!({})));
    assert!(world.accepts(&token));
    let verification = world.verification(&token);
    assert!(verification.outcome.is_ok() && verification.trail.is_remembered);
    assert_eq!(verification.outcome.unwrap().key().algorithm, Algorithm::Hs256);
}
