//! JWK sets: what becomes a key, what is set aside and why, and what rejects a whole set.

use crate::support::keys::{self, TestKey};
use crate::support::tokens;
use edge_assay::jose::json::JsonFault;
use edge_assay::jose::signature::KeyFault;
use edge_assay::jose::{Algorithm, KeySet, SetAsideReason, SetError};
use serde_json::{Value, json};

/// The reason for which a set of this one key sets it aside.
fn reason(jwk: &Value) -> Option<SetAsideReason> {
    let set = KeySet::parse(keys::jwks(std::slice::from_ref(jwk)).as_bytes()).unwrap();
    assert_eq!(set.keys.len() + set.set_aside.len(), 1);
    set.set_aside.first().map(|key| key.reason.clone())
}

fn changed(key: &TestKey, changes: &Value) -> Option<SetAsideReason> {
    reason(&key.public_jwk_with(changes))
}

#[test]
fn every_kind_of_key_verifies_what_its_private_half_signed_and_nothing_else() {
    let all =
        [keys::rsa_2048(), keys::rsa_3072(), keys::rsa_4096(), keys::p_256(), keys::p_384(), keys::ed25519()];
    let set = keys::key_set(&all);
    for (signer, key) in all.iter().zip(&set.keys) {
        let mut served = 0;
        for algorithm in Algorithm::ALL {
            if !key.serves(*algorithm) {
                assert!(!key.key.verify(*algorithm, b"message", &[1; 256]));
                continue;
            }
            served += 1;
            let signature = signer.sign(*algorithm, b"message");
            assert!(key.key.verify(*algorithm, b"message", &signature));
            assert!(!key.key.verify(*algorithm, b"massage", &signature));
            for other in &set.keys {
                let same = other.kid == key.kid;
                assert_eq!(other.key.verify(*algorithm, b"message", &signature), same);
            }
            for other in Algorithm::ALL {
                assert_eq!(key.key.verify(*other, b"message", &signature), other == algorithm);
            }
        }
        assert_eq!(served, if signer.kid().contains("rsa") { 6 } else { 1 });
    }
}

#[test]
fn one_bad_key_never_rejects_the_set() {
    let good = keys::p_256().public_jwk();
    let set = KeySet::parse(
        keys::jwks(&[
            json!({"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"}),
            json!("a string"),
            json!(null),
            json!({}),
            good,
            json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "coin"}),
        ])
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(set.keys.len(), 1);
    assert_eq!(set.with_kid("test-p-256").count(), 1);
    let indices: Vec<_> = set.set_aside.iter().map(|key| key.index).collect();
    assert_eq!(indices, [0, 1, 2, 3, 5]);
    assert_eq!(
        set.set_aside_with_kid("short").unwrap().reason,
        SetAsideReason::Unusable(KeyFault::WeakRsa { bits: 17 })
    );
    assert_eq!(set.set_aside[1].reason, SetAsideReason::NotAnObject);
    assert_eq!(set.set_aside[3].reason, SetAsideReason::Malformed("kty"));
    assert_eq!(
        set.set_aside_with_kid("coin").unwrap().reason,
        SetAsideReason::UnsupportedCurve("secp256k1".to_owned())
    );
    assert!(set.set_aside_with_kid("test-p-256").is_none());
    assert_eq!(set.with_kid("short").count(), 0);
}

#[test]
fn what_the_owner_says_a_key_is_for_is_heeded() {
    let key = keys::rsa_2048();
    assert_eq!(changed(key, &json!({"use": null})), None);
    assert_eq!(changed(key, &json!({"use": "enc"})), Some(SetAsideReason::NotForSignatures("enc".into())));
    assert_eq!(changed(key, &json!({"use": "SIG"})), Some(SetAsideReason::NotForSignatures("SIG".into())));
    assert_eq!(changed(key, &json!({"use": 1})), Some(SetAsideReason::Malformed("use")));
    assert_eq!(changed(key, &json!({"key_ops": ["verify"]})), None);
    assert_eq!(changed(key, &json!({"key_ops": ["sign", "verify"]})), None);
    assert_eq!(changed(key, &json!({"key_ops": ["encrypt"]})), Some(SetAsideReason::NotForVerifying));
    assert_eq!(changed(key, &json!({"key_ops": []})), Some(SetAsideReason::NotForVerifying));
    assert_eq!(changed(key, &json!({"key_ops": "verify"})), Some(SetAsideReason::Malformed("key_ops")));
    assert_eq!(changed(key, &json!({"key_ops": ["verify", 1]})), Some(SetAsideReason::Malformed("key_ops")));
}

#[test]
fn a_keys_alg_must_fit_its_type_and_curve_and_then_binds_it() {
    let incompatible = |alg| Some(SetAsideReason::IncompatibleAlgorithm(alg));
    assert_eq!(changed(keys::rsa_2048(), &json!({"alg": "ES256"})), incompatible(Algorithm::Es256));
    assert_eq!(changed(keys::rsa_2048(), &json!({"alg": "HS256"})), incompatible(Algorithm::Hs256));
    assert_eq!(changed(keys::p_256(), &json!({"alg": "ES384"})), incompatible(Algorithm::Es384));
    assert_eq!(changed(keys::p_384(), &json!({"alg": "ES256"})), incompatible(Algorithm::Es256));
    assert_eq!(changed(keys::ed25519(), &json!({"alg": "RS256"})), incompatible(Algorithm::Rs256));
    let unsupported = |alg: &str| Some(SetAsideReason::UnsupportedAlgorithm(alg.to_owned()));
    assert_eq!(changed(keys::rsa_2048(), &json!({"alg": "RSA-OAEP"})), unsupported("RSA-OAEP"));
    assert_eq!(changed(keys::rsa_2048(), &json!({"alg": "none"})), unsupported("none"));
    assert_eq!(changed(keys::rsa_2048(), &json!({"alg": 256})), Some(SetAsideReason::Malformed("alg")));

    let bound = keys::jwks(&[keys::rsa_2048().public_jwk_with(&json!({"alg": "PS256"}))]);
    let bound = KeySet::parse(bound.as_bytes()).unwrap();
    for algorithm in Algorithm::ALL {
        assert_eq!(bound.keys[0].serves(*algorithm), *algorithm == Algorithm::Ps256);
    }
    for name in ["EdDSA", "Ed25519"] {
        let set = keys::jwks(&[keys::ed25519().public_jwk_with(&json!({"alg": name}))]);
        assert!(KeySet::parse(set.as_bytes()).unwrap().keys[0].serves(Algorithm::EdDsa));
    }
}

#[test]
fn key_types_and_curves_that_are_not_implemented_are_named() {
    let key_type = |kty: &str| Some(SetAsideReason::UnsupportedKeyType(kty.to_owned()));
    assert_eq!(changed(keys::p_256(), &json!({"kty": "AKP"})), key_type("AKP"));
    assert_eq!(changed(keys::p_256(), &json!({"kty": "ec"})), key_type("ec"));
    let curve = |crv: &str| Some(SetAsideReason::UnsupportedCurve(crv.to_owned()));
    assert_eq!(changed(keys::p_256(), &json!({"crv": "P-521"})), curve("P-521"));
    assert_eq!(changed(keys::p_256(), &json!({"crv": "Ed25519"})), curve("Ed25519"));
    assert_eq!(changed(keys::ed25519(), &json!({"crv": "Ed448"})), curve("Ed448"));
    assert_eq!(changed(keys::ed25519(), &json!({"crv": "X25519"})), curve("X25519"));
    assert_eq!(changed(keys::ed25519(), &json!({"crv": "P-256"})), curve("P-256"));
    assert_eq!(changed(keys::p_256(), &json!({"crv": null})), Some(SetAsideReason::Malformed("crv")));
}

#[test]
fn key_material_is_strict_base64url_of_the_right_length() {
    for member in ["x", "y"] {
        let good = keys::p_256().public_jwk()[member].as_str().unwrap().to_owned();
        let malformed = Some(SetAsideReason::Malformed(if member == "x" { "x" } else { "y" }));
        for bad in [
            format!("{good}="),
            format!("AAAA{good}"),
            good.chars().skip(4).collect(),
            String::new(),
            format!(" {good}"),
        ] {
            assert_eq!(changed(keys::p_256(), &json!({member: bad})), malformed);
        }
        assert_eq!(changed(keys::p_256(), &json!({member: null})), malformed);
        assert_eq!(changed(keys::p_256(), &json!({member: 1})), malformed);
    }
    let x = keys::p_384().public_jwk()["x"].clone();
    assert_eq!(changed(keys::p_256(), &json!({"x": x})), Some(SetAsideReason::Malformed("x")));
    let y = keys::p_256_second().public_jwk()["y"].clone();
    assert_eq!(
        changed(keys::p_256(), &json!({"y": y})),
        Some(SetAsideReason::Unusable(KeyFault::NotOnCurve))
    );
    assert_eq!(changed(keys::ed25519(), &json!({"x": "AAAA"})), Some(SetAsideReason::Malformed("x")));
    assert_eq!(changed(keys::rsa_2048(), &json!({"n": null})), Some(SetAsideReason::Malformed("n")));
    assert_eq!(changed(keys::rsa_2048(), &json!({"e": "AQAB="})), Some(SetAsideReason::Malformed("e")));
    assert_eq!(changed(keys::rsa_2048(), &json!({"e": "AAEAAQ"})), Some(SetAsideReason::Malformed("e")));
}

#[test]
fn a_modulus_with_a_leading_zero_octet_is_the_same_key() {
    let key = keys::rsa_2048();
    let n = [vec![0], key.number("n").to_bytes_be()].concat();
    let padded = key.public_jwk_with(&json!({"n": edge_assay::jose::base64url::encode(&n)}));
    let padded = KeySet::parse(keys::jwks(&[padded]).as_bytes()).unwrap();
    assert_eq!(padded.keys[0].thumbprint, keys::key_set(&[key]).keys[0].thumbprint);
    let signature = key.sign(Algorithm::Rs256, b"message");
    assert!(padded.keys[0].key.verify(Algorithm::Rs256, b"message", &signature));
}

#[test]
fn a_kid_that_is_no_string_sets_its_key_aside() {
    for kid in [json!(1), json!(["k"]), json!({}), json!(true)] {
        assert_eq!(changed(keys::p_256(), &json!({"kid": kid})), Some(SetAsideReason::Malformed("kid")));
    }
    let null = json!({"kid": null, "kty": "EC", "crv": "P-256"});
    assert_eq!(reason(&null), Some(SetAsideReason::Malformed("kid")));
    let set = KeySet::parse(keys::jwks(&[keys::p_256().public_jwk_with(&json!({"kid": null}))]).as_bytes());
    assert_eq!(set.unwrap().keys[0].kid, None);
}

#[test]
fn what_is_no_set_is_refused_whole() {
    let error = |text: &str| KeySet::parse(text.as_bytes()).unwrap_err();
    for text in ["", "<!doctype html><title>503</title>", "{", "{\"keys\":[]}x"] {
        assert!(matches!(error(text), SetError::Json(JsonFault::Syntax { .. })), "{text}");
    }
    assert_eq!(error("[]"), SetError::Json(JsonFault::NotAnObject));
    for text in ["{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"Keys":[]}"#] {
        assert_eq!(error(text), SetError::NoKeys, "{text}");
    }
    assert_eq!(error(r#"{"keys":[],"keys":[]}"#), SetError::Json(JsonFault::Duplicate("keys".into())));
    assert_eq!(
        error(r#"{"keys":[{"kty":"RSA","n":"AA","n":"AQ"}]}"#),
        SetError::Json(JsonFault::Duplicate("n".into()))
    );
    assert_eq!(KeySet::parse(b"{\"keys\":[],\"a\":\"\xff\"}").unwrap_err(), SetError::Utf8);
    assert_eq!(error(&" ".repeat(256 * 1024 + 1)), SetError::TooLarge(256 * 1024 + 1));
    assert_eq!(error(&keys::jwks(&vec![json!({}); 101])), SetError::TooManyKeys(101));
}

#[test]
fn an_empty_set_and_unknown_members_are_fine() {
    let set = KeySet::parse(br#"{"keys":[],"next":"somewhere","extra":{"a":[1]}}"#).unwrap();
    assert!(set.keys.is_empty() && set.set_aside.is_empty());
    let full = vec![keys::p_256().public_jwk_with(&json!({"x5t": "a", "x5c": ["b"], "iat": 1})); 100];
    assert_eq!(KeySet::parse(keys::jwks(&full).as_bytes()).unwrap().keys.len(), 100);
}

#[test]
fn every_algorithm_mints_a_token_that_parses_and_verifies() {
    use edge_assay::jose::{SharedSecret, UntrustedToken};
    let secret = SharedSecret::new(keys::SECRET.as_bytes().to_vec());
    for algorithm in Algorithm::ALL {
        let text = tokens::mint(*algorithm, &json!({}), &json!({"iss": "https://issuer.example", "exp": 1}));
        let token = UntrustedToken::parse(&text).unwrap();
        assert_eq!(token.header().algorithm(), Ok(*algorithm));
        let verified = if algorithm.is_shared_secret() {
            secret.verify(*algorithm, token.signing_input(), token.signature())
        } else {
            let set = keys::key_set(&[keys::for_algorithm(*algorithm)]);
            let kid = token.header().kid.clone().unwrap();
            let key = set.with_kid(&kid).next().unwrap();
            key.key.verify(*algorithm, token.signing_input(), token.signature())
        };
        assert!(verified, "{algorithm}");
    }
}
