//! An unavailable identity provider is a fault, and never a rejection of the token.

use edge_assay::jose::Algorithm;
use edge_assay::rejection::Fault;
use serde_json::json;

use super::{ISS, token, token_with_header, world};
use crate::support::keys::{self, SECRET, ed25519};
use crate::support::platform::{Answer, StoreMode};
use crate::support::tokens;
use crate::support::world::{NOW, World, claims, issuer, jwks_uri};

fn broken(answer: Answer) -> World {
    let world = World::trusting(&[issuer(ISS, &json!({}))]);
    world.serves(&jwks_uri(ISS), answer);
    world
}

#[test]
fn without_cached_keys_an_outage_is_a_fault_for_every_token() {
    let tokens = [
        token(&json!({})),
        token(&json!({ "exp": NOW - 3600 })),
        token_with_header(&json!({ "kid": "unknown" })),
        token_with_header(&json!({ "kid": null })),
        tokens::unsigned(r#"{"alg":"EdDSA"}"#, &claims(ISS, &json!({})).to_string()),
    ];
    for answer in [
        Answer::unreachable(),
        Answer::status(500),
        Answer::status(503),
        Answer::status(429),
        Answer::json(keys::published(&[ed25519()])).after_ms(6000),
    ] {
        for token in &tokens {
            let fault = broken(answer.clone()).fault(token);
            assert!(
                matches!(&fault, Fault::JwksUnavailable { issuer, .. } if issuer == ISS),
                "{answer:?}: {fault:?}"
            );
        }
    }
}

#[test]
fn an_origin_that_serves_no_key_set_is_the_fault_jwks_invalid() {
    for answer in [
        Answer::html("<!doctype html><title>Sign in</title>"),
        Answer::status(404),
        Answer::status(302),
        Answer::json("[]"),
        Answer::json("{}"),
        Answer::json(r#"{"keys":{}}"#),
        Answer::json(r#"{"keys":[],"keys":[]}"#),
        Answer::json(""),
        Answer::json(" ".repeat(300 * 1024)),
        Answer::document(200, "application/json", vec![0xff, 0xfe]),
    ] {
        let fault = broken(answer.clone()).fault(&token(&json!({})));
        assert!(matches!(fault, Fault::JwksInvalid { .. }), "{fault:?}");
    }
}

#[test]
fn a_rejection_that_needs_no_key_is_given_during_an_outage() {
    let world = broken(Answer::unreachable());
    for (token, code) in [
        ("a.b".to_owned(), "token_malformed"),
        (token(&json!({ "iss": "https://unknown.example" })), "issuer_unknown"),
        (token_with_header(&json!({ "alg": "none" })), "algorithm_unsupported"),
        (tokens::mint(Algorithm::Hs256, &json!({}), &claims(ISS, &json!({}))), "algorithm_not_allowed"),
    ] {
        assert_eq!(world.rejection(&token).code(), code);
    }
    assert_eq!(world.fetches(ISS), 0);
}

#[test]
fn during_an_outage_a_cached_key_verifies_and_an_unknown_kid_is_a_fault() {
    let world = world(&json!({}));
    assert!(world.accepts(&token(&json!({}))));
    world.serves(&jwks_uri(ISS), Answer::unreachable());
    let unknown = token_with_header(&json!({ "kid": "unknown" }));
    for _ in 0..3 {
        assert!(matches!(world.fault(&unknown), Fault::JwksUnavailable { .. }));
        assert!(world.accepts(&token(&json!({}))));
    }
    assert_eq!(world.fetches(ISS), 2);
}

#[test]
fn a_set_that_is_too_old_verifies_nothing() {
    let world = world(&json!({}));
    let long_lived = token(&json!({ "exp": NOW + 1_000_000 }));
    assert!(world.accepts(&long_lived));
    world.serves(&jwks_uri(ISS), Answer::unreachable());
    world.platform.pass(3600 + 86_400 - 1);
    assert!(world.accepts(&long_lived));
    world.platform.pass(1);
    assert!(matches!(world.fault(&long_lived), Fault::JwksUnavailable { .. }));
}

#[test]
fn a_failing_store_changes_no_outcome() {
    for mode in [
        StoreMode::Down,
        StoreMode::TooManyWrites,
        StoreMode::Rubbish("{".to_owned()),
        StoreMode::Rubbish(keys::published(&[keys::ed25519_second()])),
    ] {
        let world = world(&json!({}));
        world.platform.store.behave(mode.clone());
        assert!(world.accepts(&token(&json!({}))), "{mode:?}");
        assert_eq!(world.rejection(&token(&json!({ "exp": 1 }))).code(), "token_expired", "{mode:?}");
    }
}

#[test]
fn tokens_with_a_shared_secret_are_verified_while_the_key_set_is_down() {
    let terms = json!({ "algorithms": ["EdDSA", "HS256"], "secrets": [{ "binding": "SHARED" }] });
    let config = json!({ "issuers": [issuer(ISS, &terms)] });
    let world = World::with_secrets(&config, &[("SHARED", SECRET)]);
    assert!(world.accepts(&tokens::mint(Algorithm::Hs256, &json!({}), &claims(ISS, &json!({})))));
    assert!(matches!(world.fault(&token(&json!({}))), Fault::JwksUnavailable { .. }));
}
