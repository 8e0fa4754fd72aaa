//! HS256, HS384 and HS512: rotation, `kid`s, weak secrets and missing secrets.

use edge_assay::jose::Algorithm;
use edge_assay::rejection::{Fault, NoKey, Rejection};
use edge_assay::verify::KeyIdentity;
use serde_json::{Value, json};

use super::ISS;
use crate::support::keys::SECRET;
use crate::support::tokens::mint_with_secret;
use crate::support::world::{World, claims};

const OTHER: &str = "another test secret, which secures just as little as the first one";
const THIRD: &str = "a third test secret, which no configuration of these tests contains";

/// A world whose issuer has these `secrets` in the configuration, of which `bound` exist as Worker secrets.
fn world(secrets: &Value, bound: &[(&str, &str)]) -> World {
    let issuer = json!({
        "issuer": ISS, "audience": "unchecked", "secrets": secrets, "algorithms": ["HS256", "HS384", "HS512"],
    });
    World::with_secrets(&json!({ "issuers": [issuer] }), bound)
}

fn signed(secret: &[u8], kid: Option<&str>) -> String {
    mint_with_secret(Algorithm::Hs256, secret, &json!({ "kid": kid }), &claims(ISS, &json!({})))
}

fn invalid(kid: Option<&str>) -> Rejection {
    Rejection::SignatureInvalid { kid: kid.map(str::to_owned) }
}

fn no_secret() -> Rejection {
    Rejection::KeyNotFound(NoKey::NoSharedSecret { algorithm: "HS256" })
}

#[test]
fn a_secret_verifies_a_token_and_the_key_identity_has_no_thumbprint() {
    let world = world(&json!([{ "binding": "NOW" }]), &[("NOW", SECRET)]);
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let token =
            mint_with_secret(algorithm, SECRET.as_bytes(), &json!({ "kid": "k" }), &claims(ISS, &json!({})));
        let verified = world.outcome(&token).unwrap();
        let expected = KeyIdentity { algorithm, kid: Some("k".to_owned()), thumbprint: None };
        assert_eq!(*verified.key(), expected);
    }
    assert_eq!(world.rejection(&signed(OTHER.as_bytes(), None)), invalid(None));
    assert_eq!(world.platform.origin.requests(), [], "no key set is fetched");
}

#[test]
fn both_secrets_verify_during_a_rotation() {
    let both = json!([{ "binding": "NEW" }, { "binding": "OLD" }]);
    let world = world(&both, &[("NEW", SECRET), ("OLD", OTHER)]);
    for kid in [None, Some("any")] {
        assert!(world.accepts(&signed(SECRET.as_bytes(), kid)));
        assert!(world.accepts(&signed(OTHER.as_bytes(), kid)));
        assert_eq!(world.rejection(&signed(THIRD.as_bytes(), kid)), invalid(kid));
    }
}

#[test]
fn a_secret_with_a_kid_verifies_tokens_with_that_kid_and_tokens_without_one() {
    let named = json!([{ "binding": "A", "kid": "a" }, { "binding": "B", "kid": "b" }]);
    let world = world(&named, &[("A", SECRET), ("B", OTHER)]);
    let (a, b) = (SECRET.as_bytes(), OTHER.as_bytes());
    assert!(world.accepts(&signed(a, Some("a"))));
    assert!(world.accepts(&signed(b, Some("b"))));
    assert!(world.accepts(&signed(a, None)));
    assert!(world.accepts(&signed(b, None)));
    assert_eq!(world.rejection(&signed(b, Some("a"))), invalid(Some("a")));
    assert_eq!(world.rejection(&signed(a, Some("b"))), invalid(Some("b")));
    for kid in ["c", "A", "a ", "", "../a"] {
        assert_eq!(world.rejection(&signed(a, Some(kid))), no_secret(), "{kid:?}");
    }
}

#[test]
fn a_secret_with_a_kid_and_one_without_can_be_combined() {
    let mixed = json!([{ "binding": "A", "kid": "a" }, { "binding": "B" }]);
    let world = world(&mixed, &[("A", SECRET), ("B", OTHER)]);
    assert!(world.accepts(&signed(SECRET.as_bytes(), Some("a"))));
    assert!(
        world.accepts(&signed(OTHER.as_bytes(), Some("a"))),
        "a secret without a kid verifies all tokens"
    );
    assert_eq!(world.rejection(&signed(SECRET.as_bytes(), Some("b"))), invalid(Some("b")));
}

#[test]
fn a_secret_of_another_issuer_verifies_nothing() {
    let other = "https://other.example";
    let config = json!({ "issuers": [
        { "issuer": ISS, "audience": "unchecked", "secrets": [{ "binding": "A" }] },
        { "issuer": other, "audience": "unchecked", "secrets": [{ "binding": "B" }] },
    ]});
    let world = World::with_secrets(&config, &[("A", SECRET), ("B", OTHER)]);
    assert!(world.accepts(&signed(SECRET.as_bytes(), None)));
    assert_eq!(world.rejection(&signed(OTHER.as_bytes(), None)), invalid(None));
}

#[test]
fn a_secret_shorter_than_the_hash_is_a_fault_even_if_it_signed_the_token() {
    for (algorithm, strong) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        for (length, is_accepted) in [(strong, true), (strong - 1, false), (1, false)] {
            let secret = "s".repeat(length);
            let world = world(&json!([{ "binding": "S" }]), &[("S", &secret)]);
            let header = json!({ "kid": "k" });
            let token = mint_with_secret(algorithm, secret.as_bytes(), &header, &claims(ISS, &json!({})));
            if is_accepted {
                assert!(world.accepts(&token), "{algorithm} with {length} octets");
            } else {
                let fault = world.fault(&token);
                assert!(
                    matches!(&fault, Fault::SecretMissing { binding, .. } if binding == "S"),
                    "{algorithm} with {length} octets: {fault:?}"
                );
                let needs = format!("shorter than the {strong} octets that {algorithm} needs");
                assert!(fault.to_string().contains(&needs), "{fault}");
                assert!(
                    !fault.to_string().contains(&format!("{length} octets")),
                    "the text must not help to guess the secret"
                );
            }
        }
    }
}

#[test]
fn a_weak_secret_verifies_nothing_even_if_another_is_strong() {
    let both = json!([{ "binding": "WEAK" }, { "binding": "GOOD" }]);
    let world = world(&both, &[("WEAK", "hunter2"), ("GOOD", SECRET)]);
    assert!(world.accepts(&signed(SECRET.as_bytes(), None)));
    // This secret may have signed the token, so the token cannot be verified.
    for secret in [&b"hunter2"[..], OTHER.as_bytes()] {
        assert!(
            matches!(world.fault(&signed(secret, None)), Fault::SecretMissing { binding, .. } if binding == "WEAK")
        );
    }
}

#[test]
fn a_missing_secret_is_a_fault_unless_another_secret_verifies_the_token() {
    let both = json!([{ "binding": "ABSENT" }, { "binding": "BOUND" }]);
    let world = world(&both, &[("BOUND", SECRET)]);
    assert!(world.accepts(&signed(SECRET.as_bytes(), None)));
    // This secret may have signed the token, so the token cannot be verified.
    match world.fault(&signed(OTHER.as_bytes(), None)) {
        Fault::SecretMissing { binding, .. } => assert_eq!(binding, "ABSENT"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_secret_does_not_affect_other_kids() {
    let named = json!([{ "binding": "ABSENT", "kid": "a" }, { "binding": "BOUND", "kid": "b" }]);
    let world = world(&named, &[("BOUND", SECRET)]);
    assert!(world.accepts(&signed(SECRET.as_bytes(), Some("b"))));
    assert_eq!(world.rejection(&signed(OTHER.as_bytes(), Some("b"))), invalid(Some("b")));
    assert!(matches!(world.fault(&signed(SECRET.as_bytes(), Some("a"))), Fault::SecretMissing { .. }));
}

#[test]
fn an_empty_secret_and_a_secret_in_another_encoding_are_faults() {
    for (encoding, value) in [
        ("utf8", ""),
        ("base64", "marker-_"),
        ("base64", "marker/xyz+77"),
        ("base64url", "marker+/"),
        ("hex", "0123456789abcde"),
        ("hex", "marker"),
    ] {
        let world = world(&json!([{ "binding": "S", "encoding": encoding }]), &[("S", value)]);
        // Signed with the text itself, which must not be used as the key.
        let fault = world.fault(&signed(value.as_bytes(), None));
        assert!(matches!(fault, Fault::SecretMissing { .. }), "{encoding} {value:?}: {fault:?}");
        assert!(value.is_empty() || !fault.to_string().contains(value));
    }
}

#[test]
fn a_secret_is_decoded_as_the_configuration_says() {
    // 0xfb 0xef 0xbe, eleven times: every sextet has a different character in the two alphabets.
    let octets = [0xfb, 0xef, 0xbe].repeat(11);
    for (encoding, value) in [
        ("base64", "++++".repeat(11)),
        ("base64", format!(" {}\n", "++++".repeat(11))),
        ("base64url", "----".repeat(11)),
        ("hex", "fbefbe".repeat(11)),
        ("hex", "FBEFBE".repeat(11)),
    ] {
        let world = world(&json!([{ "binding": "S", "encoding": encoding }]), &[("S", &value)]);
        assert!(world.accepts(&signed(&octets, None)), "{encoding}");
        assert!(!world.accepts(&signed(value.as_bytes(), None)), "{encoding}");
    }
    let plain = world(&json!([{ "binding": "S" }]), &[("S", &"++++".repeat(11))]);
    assert!(plain.accepts(&signed("++++".repeat(11).as_bytes(), None)));
}

#[test]
fn at_most_eight_secrets_are_tried() {
    let names: Vec<String> = (0..9).map(|index| format!("S{index}")).collect();
    let values: Vec<String> = (0..9).map(|index| format!("{index}{SECRET}")).collect();
    let secrets: Value = names.iter().map(|name| json!({ "binding": name })).collect();
    let bound: Vec<(&str, &str)> = names.iter().zip(&values).map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let world = world(&secrets, &bound);
    assert!(world.accepts(&signed(values[7].as_bytes(), None)));
    assert_eq!(world.rejection(&signed(values[8].as_bytes(), None)), invalid(None));
}
