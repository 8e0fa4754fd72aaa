//! `distrusted_keys`: the tokens of these keys are refused at once, whatever the issuer publishes and any cache holds.

use edge_assay::jose::Algorithm;
use edge_assay::rejection::Rejection;
use http::Method;
use serde_json::{Value, json};

use super::{ISS, token, token_with_header, world};
use crate::support::keys::{SECRET, ed25519, ed25519_second, jwks, key_set, rsa_2048};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens::{mint_with_key, mint_with_secret};
use crate::support::world::{World, body, claims, issuer, jwks_uri};

fn thumbprint() -> String {
    key_set(&[ed25519()]).keys[0].thumbprint.clone()
}

fn distrusted(kid: Option<&str>) -> Rejection {
    Rejection::KeyDistrusted { kid: kid.map(str::to_owned) }
}

/// A world that distrusts the keys with these names, whose issuer publishes this set.
fn world_distrusting(names: &Value, set: String) -> World {
    let world = world(&json!({ "distrusted_keys": names }));
    world.serves(&jwks_uri(ISS), Answer::json(set));
    world
}

fn second(kid: Option<&str>) -> String {
    let header = json!({ "kid": kid });
    mint_with_key(Algorithm::EdDsa, ed25519_second(), &header, &claims(ISS, &json!({})))
}

#[test]
fn a_distrusted_kid_is_refused_without_a_fetch_and_the_other_keys_serve() {
    let kid = ed25519().kid();
    let world = world(&json!({ "distrusted_keys": [kid] }));
    world.publishes(ISS, &[ed25519(), ed25519_second()]);
    assert_eq!(world.rejection(&token(&json!({}))), distrusted(Some(kid)));
    assert_eq!((world.fetches(ISS), world.platform.store.gets()), (0, 0));
    assert!(world.accepts(&second(Some(ed25519_second().kid()))));
    assert_eq!(world.rejection(&token(&json!({}))), distrusted(Some(kid)), "also when the set is cached");
    let response = world.ask(&FakeRequest::verify(&token(&json!({}))));
    assert_eq!((response.status().as_u16(), body(&response)["code"].clone()), (401, json!("key_distrusted")));
}

#[test]
fn a_thumbprint_names_the_key_under_every_kid() {
    for kid in [Some("renamed"), None] {
        let published =
            jwks(&[ed25519().public_jwk_with(&json!({ "kid": kid })), ed25519_second().public_jwk()]);
        let world = world_distrusting(&json!([thumbprint()]), published);
        assert_eq!(world.rejection(&token_with_header(&json!({ "kid": kid }))), distrusted(kid));
        assert!(world.accepts(&second(Some(ed25519_second().kid()))));
    }
}

#[test]
fn a_key_that_is_published_under_two_kids_is_distrusted_under_both() {
    let kid = ed25519().kid();
    let published = jwks(&[
        ed25519().public_jwk_with(&json!({ "kid": "alias" })),
        ed25519().public_jwk(),
        ed25519_second().public_jwk(),
    ]);
    let world = world_distrusting(&json!([kid]), published);
    assert_eq!(world.rejection(&token_with_header(&json!({ "kid": "alias" }))), distrusted(Some("alias")));
    assert_eq!(world.rejection(&token_with_header(&json!({ "kid": null }))), distrusted(Some("alias")));
    assert!(world.accepts(&second(None)));
}

#[test]
fn a_token_without_a_kid_is_refused_if_only_distrusted_keys_could_verify_it() {
    let kid = ed25519().kid();
    let alone = world_distrusting(&json!([kid]), jwks(&[ed25519().public_jwk(), rsa_2048().public_jwk()]));
    let anonymous = token_with_header(&json!({ "kid": null }));
    assert_eq!(alone.rejection(&anonymous), distrusted(Some(kid)));
    // A signature of nobody's is not told apart from one of the distrusted key while that is the only one.
    assert_eq!(alone.rejection(&second(None)), distrusted(Some(kid)));
    let both =
        world_distrusting(&json!([kid]), jwks(&[ed25519().public_jwk(), ed25519_second().public_jwk()]));
    assert_eq!(both.rejection(&anonymous), distrusted(Some(kid)));
    assert!(both.accepts(&second(None)));
}

#[test]
fn names_are_compared_character_by_character_and_no_other_spelling_gets_in() {
    let kid = ed25519().kid();
    let published = jwks(&[ed25519().public_jwk(), ed25519_second().public_jwk()]);
    for spelling in [kid.to_uppercase(), format!("{kid} "), format!(" {kid}"), format!("{kid}\u{0}")] {
        // The name in the configuration is right, and the token spells it in another way.
        let world = world_distrusting(&json!([kid]), published.clone());
        let rejection = world.rejection(&token_with_header(&json!({ "kid": spelling })));
        assert_eq!(rejection.code(), "key_not_found", "{spelling:?}");
        // The name in the configuration is wrong: it distrusts nothing.
        let world = world_distrusting(&json!([spelling, thumbprint().to_lowercase()]), published.clone());
        assert!(world.accepts(&token(&json!({}))), "{spelling:?}");
    }
}

#[test]
fn a_shared_secret_is_distrusted_by_its_kid_also_for_tokens_that_do_not_name_it() {
    const OTHER: &str = "another test secret, which secures just as little as the first one";
    let signed = |secret: &str, kid: Option<&str>| {
        mint_with_secret(
            Algorithm::Hs256,
            secret.as_bytes(),
            &json!({ "kid": kid }),
            &claims(ISS, &json!({})),
        )
    };
    let world = |secrets: &Value, bound: &[(&str, &str)]| {
        let issuer =
            json!({ "issuer": ISS, "audience": "unchecked", "secrets": secrets, "distrusted_keys": ["a"] });
        World::with_secrets(&json!({ "issuers": [issuer] }), bound)
    };
    let two = json!([{ "binding": "A", "kid": "a" }, { "binding": "B", "kid": "b" }]);
    let both = world(&two, &[("A", SECRET), ("B", OTHER)]);
    for kid in [Some("a"), None] {
        assert_eq!(both.rejection(&signed(SECRET, kid)), distrusted(Some("a")), "{kid:?}");
    }
    for kid in [Some("b"), None] {
        assert!(both.accepts(&signed(OTHER, kid)), "{kid:?}");
    }
    assert_eq!(both.rejection(&signed(SECRET, Some("b"))).code(), "signature_invalid");
    assert_eq!(both.rejection(&signed(SECRET, Some("A"))).code(), "key_not_found");
    // The distrusted secret is not bound any more. That is no fault of the server.
    let removed = world(&two, &[("B", OTHER)]);
    assert_eq!(removed.rejection(&signed(SECRET, None)).code(), "signature_invalid");
    // The same secret in a second entry, without a `kid`.
    let twice = world(&json!([{ "binding": "A", "kid": "a" }, { "binding": "A" }]), &[("A", SECRET)]);
    for kid in [Some("a"), Some("b"), None] {
        assert_eq!(twice.rejection(&signed(SECRET, kid)).code(), "key_distrusted", "{kid:?}");
    }
}

#[test]
fn a_token_that_was_accepted_a_moment_ago_is_refused_with_the_changed_configuration() {
    let world = world(&json!({}));
    let token = token(&json!({}));
    assert!(world.accepts(&token) && world.accepts(&token) && world.verification(&token).trail.is_remembered);
    let changed = world_distrusting(&json!([thumbprint()]), jwks(&[ed25519().public_jwk()]));
    for _ in 0..3 {
        assert_eq!(changed.rejection(&token), distrusted(Some(ed25519().kid())), "nothing is remembered");
    }
}

#[test]
fn the_readiness_report_lists_distrusted_keys_and_is_not_ready_without_another() {
    let report = |published: String| {
        let config = json!({
            "explain": { "access": "open" },
            "issuers": [issuer(ISS, &json!({ "distrusted_keys": [ed25519().kid(), "gone"] }))],
        });
        let world = World::new(&config);
        world.serves(&jwks_uri(ISS), Answer::json(published));
        body(&world.ask(&FakeRequest::get("/readyz")))
    };
    let ready = report(jwks(&[ed25519().public_jwk(), ed25519_second().public_jwk()]));
    let issuer = &ready["details"]["issuers"][0];
    assert_eq!(ready["status"], "ready");
    assert_eq!(issuer["distrusted_keys"], json!([ed25519().kid(), "gone"]));
    assert_eq!(issuer["distrusted_and_not_published"], json!(["gone"]), "withdrawn, or misspelt");
    assert_eq!(issuer["keys"]["keys"].as_array().unwrap().len(), 1);
    let aside = json!([{ "kid": ed25519().kid(), "reason": "it is in `distrusted_keys`" }]);
    assert_eq!(issuer["keys"]["set_aside"], aside);
    let alone = report(jwks(&[ed25519().public_jwk()]));
    assert_eq!((alone["status"].clone(), alone["code"].clone()), (json!("not_ready"), json!("jwks_invalid")));
}

#[test]
fn an_explanation_says_which_key_is_distrusted_and_fetches_nothing_for_it() {
    let config = json!({
        "explain": { "access": "open" },
        "issuers": [issuer(ISS, &json!({ "distrusted_keys": [ed25519().kid()] }))],
    });
    let world = World::new(&config);
    let request = FakeRequest::new(Method::POST, "/explain").bearer(&token(&json!({})));
    let report = body(&world.ask(&request));
    assert_eq!((report["cause"]["id"].clone(), world.fetches(ISS)), (json!("key_distrusted"), 0));
    assert!(report["cause"]["summary"].as_str().unwrap().contains(ed25519().kid()));
}
