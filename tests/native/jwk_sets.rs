//! JWK sets: which keys are used, which are set aside and why, and which sets are refused as a whole.

use crate::support::keys::{self, TestKey};
use crate::support::tokens;
#[cfg(feature = "es512")]
use edge_assay::jose::base64url;
use edge_assay::jose::json::JsonError;
use edge_assay::jose::signature::KeyError;
use edge_assay::jose::{Algorithm, KeySet, KeySetFormatError, SetAsideReason};
use serde_json::{Value, json};

/// The reason why a set of only this key sets it aside.
fn reason(jwk: &Value) -> Option<SetAsideReason> {
    let set = KeySet::parse(keys::jwks(std::slice::from_ref(jwk)).as_bytes()).unwrap();
    assert_eq!(set.keys.len() + set.set_aside.len(), 1);
    set.set_aside.first().map(|key| key.reason.clone())
}

fn wrong_type(member: &'static str, found: &'static str, expected: &'static str) -> SetAsideReason {
    SetAsideReason::WrongType { member, found, expected }
}

/// The public JWK of `key` with a member that is null.
fn with_null(key: &TestKey, member: &str) -> Value {
    let mut jwk = key.public_jwk();
    jwk[member] = Value::Null;
    jwk
}

/// Asserts that a set of `jwk` holds `key`, under its canonical thumbprint.
fn assert_is(jwk: &Value, key: &TestKey) {
    let set = KeySet::parse(keys::jwks(std::slice::from_ref(jwk)).as_bytes()).unwrap();
    assert_eq!(set.set_aside, [], "{jwk}");
    assert_eq!(set.keys[0].thumbprint, keys::key_set(&[key]).keys[0].thumbprint, "{jwk}");
    let signature = key.sign(algorithm_of(key), b"message");
    assert!(set.keys[0].key.verify(algorithm_of(key), b"message", &signature), "{jwk}");
}

fn algorithm_of(key: &TestKey) -> Algorithm {
    let is_its = |algorithm: &&Algorithm| std::ptr::eq(keys::for_algorithm(**algorithm), key);
    *Algorithm::ALL.iter().find(is_its).unwrap()
}

#[test]
fn a_published_number_is_read_in_both_alphabets_and_with_or_without_padding() {
    for (key, members) in [
        (keys::rsa_2048(), &["n", "e"][..]),
        (keys::p_256(), &["x", "y"]),
        (keys::p_384(), &["x", "y"]),
        (keys::ed25519(), &["x"]),
    ] {
        for member in members {
            let good = key.public_jwk()[*member].as_str().unwrap().to_owned();
            let standard = good.replace('-', "+").replace('_', "/");
            let padding = "=".repeat((4 - good.len() % 4) % 4);
            for text in [format!("{good}{padding}"), format!("{standard}{padding}"), standard] {
                assert_is(&key.public_jwk_with(&json!({ *member: text })), key);
            }
        }
    }
}

#[test]
fn a_modulus_and_an_exponent_may_begin_with_zero_octets() {
    let key = keys::rsa_2048();
    let zeros = |member: &str, count| {
        let octets = [vec![0; count], key.number(member).to_bytes_be()].concat();
        json!({ member: edge_assay::jose::base64url::encode(&octets) })
    };
    assert_eq!(zeros("e", 1)["e"], "AAEAAQ");
    for count in [1, 2, 5] {
        assert_is(&key.public_jwk_with(&zeros("n", count)), key);
        assert_is(&key.public_jwk_with(&zeros("e", count)), key);
    }
}

#[test]
fn a_member_that_is_null_counts_as_absent() {
    let key = keys::rsa_2048();
    for member in
        ["alg", "use", "key_ops", "kid", "x5t", "x5c", "x5u", "d", "p", "q", "dp", "dq", "qi", "oth", "k"]
    {
        assert_is(&with_null(key, member), key);
    }
    for member in ["n", "e"] {
        assert_eq!(reason(&with_null(key, member)), Some(SetAsideReason::Malformed(member)));
    }
    assert_eq!(reason(&with_null(key, "kty")), Some(SetAsideReason::Malformed("kty")));
}

#[test]
fn the_alg_of_a_published_key_is_read_in_any_case_and_still_restricts_the_key() {
    for alg in ["RS256", "rs256", "Rs256"] {
        let set = keys::jwks(&[keys::rsa_2048().public_jwk_with(&json!({ "alg": alg }))]);
        let set = KeySet::parse(set.as_bytes()).unwrap();
        assert_eq!(set.keys[0].algorithm, Some(Algorithm::Rs256), "{alg}");
        assert!(!set.keys[0].serves(Algorithm::Ps256), "{alg}");
    }
}

#[test]
fn a_key_is_found_among_other_keys_with_the_same_kid_even_if_it_occurs_twice() {
    let kid = json!({ "kid": "same" });
    let key = keys::rsa_2048().public_jwk_with(&kid);
    let other = |jwk: Value| {
        let mut jwk = jwk;
        jwk["kid"] = json!("same");
        jwk
    };
    let set = KeySet::parse(
        keys::jwks(&[
            other(json!({ "kty": "OKP", "crv": "X25519", "x": "AAAA" })),
            other(json!({ "kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA" })),
            other(json!({ "kty": "EC", "crv": "P-192", "x": "AAAA", "y": "AAAA" })),
            other(keys::rsa_2048().public_jwk_with(&json!({ "use": "enc" }))),
            keys::p_256().public_jwk_with(&kid),
            key.clone(),
            key,
            other(keys::rsa_2048().public_jwk_with(&json!({ "acr": 1, "x5t": "a", "public_cert": {} }))),
        ])
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(set.set_aside.len(), 4);
    assert_eq!(set.with_kid("same").filter(|jwk| jwk.serves(Algorithm::Rs256)).count(), 3);
    assert_eq!(set.with_kid("same").filter(|jwk| jwk.serves(Algorithm::Es256)).count(), 1);
}

#[test]
fn a_byte_order_mark_before_the_set_is_ignored() {
    let set = format!("\u{feff}{}", keys::published(&[keys::p_256()]));
    assert_eq!(KeySet::parse(set.as_bytes()).unwrap().keys.len(), 1);
    // Only one is ignored, and only at the start.
    for text in [format!("\u{feff}{set}"), format!(" {set}")] {
        assert!(matches!(KeySet::parse(text.as_bytes()), Err(KeySetFormatError::Json(_))));
    }
}

#[test]
fn documents_that_are_commonly_served_instead_of_a_set_are_named() {
    let error = |value: Value| KeySet::parse(value.to_string().as_bytes()).unwrap_err();
    let jwks_uri = "https://issuer.example/jwks".to_owned();
    assert_eq!(
        error(json!({ "issuer": "https://issuer.example", "jwks_uri": jwks_uri })),
        KeySetFormatError::DiscoveryDocument { jwks_uri }
    );
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    assert_eq!(KeySet::parse(certificate.as_bytes()).unwrap_err(), KeySetFormatError::Pem);
    assert_eq!(error(keys::p_256().public_jwk()), KeySetFormatError::SingleKey);
    assert_eq!(error(json!([keys::p_256().public_jwk()])), KeySetFormatError::Array);
    assert_eq!(error(json!({ "a": certificate, "b": 1 })), KeySetFormatError::NoKeys);
}

fn changed(key: &TestKey, changes: &Value) -> Option<SetAsideReason> {
    reason(&key.public_jwk_with(changes))
}

#[test]
fn every_type_of_key_verifies_only_signatures_of_its_private_key() {
    let all = [
        keys::rsa_2048(),
        keys::rsa_3072(),
        keys::rsa_4096(),
        keys::p_256(),
        keys::p_384(),
        #[cfg(feature = "es512")]
        keys::p_521(),
        keys::ed25519(),
    ];
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
fn one_bad_key_does_not_make_the_set_unusable() {
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
        SetAsideReason::Unusable(KeyError::WeakRsa { bits: 17 })
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
fn use_and_key_ops_decide_whether_a_key_is_used() {
    let key = keys::rsa_2048();
    assert_eq!(changed(key, &json!({"use": null})), None);
    for use_ in ["sig", "SIG", "Sig"] {
        assert_eq!(changed(key, &json!({"use": use_})), None);
    }
    assert_eq!(changed(key, &json!({"use": "enc"})), Some(SetAsideReason::NotForSignatures("enc".into())));
    assert_eq!(changed(key, &json!({"use": "ENC"})), Some(SetAsideReason::NotForSignatures("ENC".into())));
    assert_eq!(changed(key, &json!({"use": ""})), Some(SetAsideReason::NotForSignatures(String::new())));
    assert_eq!(changed(key, &json!({"use": 1})), Some(wrong_type("use", "a number", "a string")));
    assert_eq!(changed(key, &json!({"key_ops": ["verify"]})), None);
    assert_eq!(changed(key, &json!({"key_ops": ["sign", "verify"]})), None);
    assert_eq!(changed(key, &json!({"key_ops": ["encrypt"]})), Some(SetAsideReason::NotForVerifying));
    assert_eq!(changed(key, &json!({"key_ops": []})), Some(SetAsideReason::NotForVerifying));
    assert_eq!(changed(key, &json!({"key_ops": ["VERIFY"]})), None);
    let operations = |found| Some(wrong_type("key_ops", found, "an array of strings"));
    assert_eq!(changed(key, &json!({"key_ops": "verify"})), operations("a string"));
    assert_eq!(changed(key, &json!({"key_ops": ["verify", 1]})), operations("an array"));
}

#[test]
fn the_alg_of_a_key_must_fit_its_type_and_curve_and_then_restricts_it() {
    let incompatible = |alg| Some(SetAsideReason::IncompatibleAlgorithm(alg));
    assert_eq!(changed(keys::rsa_2048(), &json!({"alg": "ES256"})), incompatible(Algorithm::Es256));
    assert_eq!(changed(keys::rsa_2048(), &json!({"alg": "HS256"})), incompatible(Algorithm::Hs256));
    assert_eq!(changed(keys::p_256(), &json!({"alg": "ES384"})), incompatible(Algorithm::Es384));
    assert_eq!(changed(keys::p_384(), &json!({"alg": "ES256"})), incompatible(Algorithm::Es256));
    assert_eq!(changed(keys::ed25519(), &json!({"alg": "RS256"})), incompatible(Algorithm::Rs256));
    let unsupported = |alg: &str| Some(SetAsideReason::UnsupportedAlgorithm(alg.to_owned()));
    assert_eq!(changed(keys::rsa_2048(), &json!({"alg": "RSA-OAEP"})), unsupported("RSA-OAEP"));
    assert_eq!(changed(keys::rsa_2048(), &json!({"alg": "none"})), unsupported("none"));
    assert_eq!(
        changed(keys::rsa_2048(), &json!({"alg": 256})),
        Some(wrong_type("alg", "a number", "a string"))
    );

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
    assert_eq!(changed(keys::p_256(), &json!({"crv": "P-192"})), curve("P-192"));
    assert_eq!(changed(keys::p_256(), &json!({"crv": "Ed25519"})), curve("Ed25519"));
    assert_eq!(changed(keys::ed25519(), &json!({"crv": "Ed448"})), curve("Ed448"));
    assert_eq!(changed(keys::ed25519(), &json!({"crv": "X25519"})), curve("X25519"));
    assert_eq!(changed(keys::ed25519(), &json!({"crv": "P-256"})), curve("P-256"));
    assert_eq!(changed(keys::p_256(), &json!({"crv": null})), Some(SetAsideReason::Malformed("crv")));
}

#[cfg(feature = "es512")]
#[test]
fn a_p_521_key_has_66_octets_a_coordinate_and_lies_on_its_curve() {
    let key = keys::p_521();
    let x = base64url::decode(key.public_jwk()["x"].as_str().unwrap()).unwrap();
    for wrong in [&x[1..], &[&[0], &x[..]].concat(), &x[..48], &[]] {
        let wrong = json!({ "x": base64url::encode(wrong) });
        assert_eq!(changed(key, &wrong), Some(SetAsideReason::Malformed("x")), "{wrong}");
    }
    let mut other = x.clone();
    other[65] ^= 1;
    let not_on_curve = Some(SetAsideReason::Unusable(KeyError::NotOnCurve));
    assert_eq!(changed(key, &json!({ "x": base64url::encode(&other) })), not_on_curve);
    assert_eq!(changed(key, &json!({ "x": base64url::encode(&[0xff; 66]) })), not_on_curve);
    assert_eq!(changed(key, &json!({ "crv": "P-256" })), Some(SetAsideReason::Malformed("x")));
    assert_eq!(
        changed(keys::p_256(), &json!({ "alg": "ES512" })),
        Some(SetAsideReason::IncompatibleAlgorithm(Algorithm::Es512))
    );
}

#[test]
fn key_material_is_base64_of_the_right_length() {
    for member in ["x", "y"] {
        let good = keys::p_256().public_jwk()[member].as_str().unwrap().to_owned();
        let malformed = Some(SetAsideReason::Malformed(if member == "x" { "x" } else { "y" }));
        for bad in [
            format!("{good}==="),
            format!("{good}\n"),
            format!("AAAA{good}"),
            good.chars().skip(4).collect(),
            String::new(),
            format!(" {good}"),
        ] {
            assert_eq!(changed(keys::p_256(), &json!({member: bad})), malformed);
        }
        assert_eq!(changed(keys::p_256(), &json!({member: null})), malformed);
        let number = Some(wrong_type(if member == "x" { "x" } else { "y" }, "a number", "a string"));
        assert_eq!(changed(keys::p_256(), &json!({member: 1})), number);
    }
    let x = keys::p_384().public_jwk()["x"].clone();
    assert_eq!(changed(keys::p_256(), &json!({"x": x})), Some(SetAsideReason::Malformed("x")));
    let y = keys::p_256_second().public_jwk()["y"].clone();
    assert_eq!(
        changed(keys::p_256(), &json!({"y": y})),
        Some(SetAsideReason::Unusable(KeyError::NotOnCurve))
    );
    assert_eq!(changed(keys::ed25519(), &json!({"x": "AAAA"})), Some(SetAsideReason::Malformed("x")));
    assert_eq!(changed(keys::rsa_2048(), &json!({"n": null})), Some(SetAsideReason::Malformed("n")));
    assert_eq!(changed(keys::rsa_2048(), &json!({"e": "AQAB==="})), Some(SetAsideReason::Malformed("e")));
    assert_eq!(changed(keys::rsa_2048(), &json!({"e": "AQ AB"})), Some(SetAsideReason::Malformed("e")));
}

#[test]
fn a_key_whose_kid_is_not_a_string_is_set_aside() {
    for (kid, found) in [
        (json!(1), "a number"),
        (json!(["k"]), "an array"),
        (json!({}), "an object"),
        (json!(true), "a boolean"),
    ] {
        assert_eq!(changed(keys::p_256(), &json!({"kid": kid})), Some(wrong_type("kid", found, "a string")));
    }
    let set = KeySet::parse(keys::jwks(&[with_null(keys::p_256(), "kid")]).as_bytes());
    assert_eq!(set.unwrap().keys[0].kid, None);
}

#[test]
fn a_text_that_is_not_a_set_is_refused() {
    let error = |text: &str| KeySet::parse(text.as_bytes()).unwrap_err();
    for text in ["", "<!doctype html><title>503</title>", "{", "{\"keys\":[]}x"] {
        assert!(matches!(error(text), KeySetFormatError::Json(JsonError::Syntax { .. })), "{text}");
    }
    assert_eq!(error("[]"), KeySetFormatError::Array);
    assert_eq!(error("5"), KeySetFormatError::Json(JsonError::NotAnObject));
    for text in ["{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"Keys":[]}"#] {
        assert_eq!(error(text), KeySetFormatError::NoKeys, "{text}");
    }
    assert_eq!(
        error(r#"{"keys":[],"keys":[]}"#),
        KeySetFormatError::Json(JsonError::Duplicate("keys".into()))
    );
    assert_eq!(
        error(r#"{"keys":[{"kty":"RSA","n":"AA","n":"AQ"}]}"#),
        KeySetFormatError::Json(JsonError::Duplicate("n".into()))
    );
    assert_eq!(KeySet::parse(b"{\"keys\":[],\"a\":\"\xff\"}").unwrap_err(), KeySetFormatError::Utf8);
    let longest = format!("{}{}", r#"{"keys":[]}"#, " ".repeat(256 * 1024 - 11));
    assert!(KeySet::parse(longest.as_bytes()).is_ok());
    assert_eq!(KeySet::parse(keys::jwks(&vec![json!({}); 100]).as_bytes()).unwrap().set_aside.len(), 100);
    assert_eq!(error(&" ".repeat(256 * 1024 + 1)), KeySetFormatError::TooLarge(256 * 1024 + 1));
    assert_eq!(error(&keys::jwks(&vec![json!({}); 101])), KeySetFormatError::TooManyKeys(101));
}

#[test]
fn an_empty_set_and_unknown_members_are_accepted() {
    let set = KeySet::parse(br#"{"keys":[],"next":"somewhere","extra":{"a":[1]}}"#).unwrap();
    assert!(set.keys.is_empty() && set.set_aside.is_empty());
    let full = vec![keys::p_256().public_jwk_with(&json!({"x5t": "a", "x5c": ["b"], "iat": 1})); 100];
    assert_eq!(KeySet::parse(keys::jwks(&full).as_bytes()).unwrap().keys.len(), 100);
}

#[test]
fn a_token_of_every_algorithm_parses_and_verifies() {
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
