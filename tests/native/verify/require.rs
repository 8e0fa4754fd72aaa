//! `require` and `confirmation` of an issuer: further conditions on claims and header, and tokens that are bound to a key.

use edge_assay::rejection::Rejection;
use serde_json::{Value, json};

use super::{ISS, token, token_with_header, world};
use crate::support::keys::ed25519;
use crate::support::tokens;
use crate::support::world::{World, claims, issuer};
use edge_assay::jose::Algorithm;

/// The code for which a token is refused; `None` if it is accepted.
fn code(world: &World, token: &str) -> Option<&'static str> {
    (!world.accepts(token)).then(|| world.rejection(token).code())
}

#[test]
fn every_test_of_a_condition_is_checked_on_claims_and_on_the_header() {
    for (test, good, bad) in [
        (json!({ "equals": "a" }), json!("a"), json!("b")),
        (json!({ "equals": 1 }), json!(1.0), json!("1")),
        (json!({ "one_of": ["a", "b"] }), json!("b"), json!("c")),
        (json!({ "contains_all": ["a", "b"] }), json!(["b", "c", "a"]), json!(["a"])),
        (json!({ "contains_any": ["a", "b"] }), json!(["b"]), json!(["c"])),
        (json!({ "matches": "a*" }), json!("abc"), json!("ba")),
        (json!({ "at_least": 2 }), json!(2), json!(1)),
        (json!({ "exists": true }), json!(false), json!(null)),
        (json!({ "exists": false }), json!(null), json!("")),
    ] {
        let mut condition = test.clone();
        condition["claim"] = json!("/x");
        let of_claims = world(&json!({ "require": [condition] }));
        assert_eq!(code(&of_claims, &token(&json!({ "x": good }))), None, "{test}");
        assert_eq!(code(&of_claims, &token(&json!({ "x": bad }))), Some("condition_failed"), "{test}");
        let mut condition = test.clone();
        condition["header"] = json!("/x");
        let of_header = world(&json!({ "require": [condition] }));
        assert_eq!(code(&of_header, &token_with_header(&json!({ "x": good }))), None, "{test}");
        assert_eq!(
            code(&of_header, &token_with_header(&json!({ "x": bad }))),
            Some("token_class_refused"),
            "{test}"
        );
    }
}

#[test]
fn a_condition_that_tells_kinds_of_tokens_apart_has_a_code_of_its_own() {
    let failed = |about: &str, claim: Option<&str>, is_about_kind| Rejection::ConditionFailed {
        about: about.to_owned(),
        claim: claim.map(str::to_owned),
        is_about_kind,
        rule: "`equals`",
    };
    for (condition, expected, code) in [
        (json!({ "header": "/cat" }), failed("the header member /cat", None, true), "token_class_refused"),
        (
            json!({ "claim": "/token_use" }),
            failed("the claim /token_use", Some("/token_use"), true),
            "token_class_refused",
        ),
        (json!({ "claim": "/typ" }), failed("the claim /typ", Some("/typ"), true), "token_class_refused"),
        (json!({ "claim": "/type" }), failed("the claim /type", Some("/type"), true), "token_class_refused"),
        (
            json!({ "claim": "/token_type" }),
            failed("the claim /token_type", Some("/token_type"), true),
            "token_class_refused",
        ),
        (json!({ "claim": "/sts" }), failed("the claim /sts", Some("/sts"), true), "token_class_refused"),
        (json!({ "claim": "/role" }), failed("the claim /role", Some("/role"), false), "condition_failed"),
        (json!({ "claim": "/a/typ" }), failed("the claim /a/typ", Some("/a/typ"), false), "condition_failed"),
    ] {
        let mut condition = condition;
        condition["equals"] = json!("wanted");
        let rejection = world(&json!({ "require": [condition] })).rejection(&token(&json!({})));
        assert_eq!(rejection, expected);
        assert_eq!((rejection.code(), rejection.status()), (code, 401));
    }
}

#[test]
fn all_conditions_must_hold_and_those_on_the_kind_of_token_are_reported_first() {
    let world = world(&json!({ "require": [
        { "claim": "/role", "equals": "admin" },
        { "claim": "/plan", "one_of": ["pro"] },
        { "header": "/cat", "exists": true },
    ] }));
    let ask = |header: Value, payload: Value| {
        let token = tokens::mint(Algorithm::EdDsa, &header, &claims(ISS, &payload));
        if world.accepts(&token) { None } else { Some(world.rejection(&token).to_string()) }
    };
    let cat = json!({ "cat": 1 });
    assert_eq!(ask(cat.clone(), json!({ "role": "admin", "plan": "pro" })), None);
    let failed = |text: &str| Some(text.to_owned());
    assert_eq!(ask(cat.clone(), json!({ "plan": "pro" })), failed("`equals` is required of the claim /role"));
    assert_eq!(
        ask(cat.clone(), json!({ "role": "admin" })),
        failed("`one_of` is required of the claim /plan")
    );
    assert_eq!(ask(cat, json!({})), failed("`equals` is required of the claim /role"));
    assert_eq!(ask(json!({}), json!({})), failed("`exists = true` is required of the header member /cat"));
}

#[test]
fn conditions_come_after_the_required_claims_and_before_proofs_and_scopes() {
    let terms = json!({
        "require": [{ "claim": "/role", "equals": "admin" }], "required_claims": ["email"],
        "required_scopes": ["read"], "preset": "keycloak", "algorithms": ["EdDSA"],
    });
    let world = world(&terms);
    let mut payload = json!({ "cnf": { "jkt": "x" }, "typ": "ID" });
    for (member, value, expected) in [
        ("", Value::Null, Some("claim_missing")),
        ("email", json!("a@b.example"), Some("token_class_refused")),
        ("typ", json!("Bearer"), Some("condition_failed")),
        ("role", json!("admin"), Some("proof_required")),
        ("cnf", Value::Null, Some("scope_insufficient")),
        ("scope", json!("read"), None),
    ] {
        payload[member] = value;
        assert_eq!(code(&world, &token(&payload)), expected, "{member}");
    }
}

#[test]
fn a_condition_does_not_hold_for_what_a_header_cannot_say_about_another_token() {
    // The header of one token with the claims of another: the signature covers both.
    let world = world(&json!({ "require": [{ "header": "/cat", "equals": "a" }] }));
    let good = token_with_header(&json!({ "cat": "a" }));
    let other = token(&json!({ "sub": "admin" }));
    let (good, other): (Vec<&str>, Vec<&str>) = (good.split('.').collect(), other.split('.').collect());
    for forged in
        [format!("{}.{}.{}", good[0], other[1], other[2]), format!("{}.{}.{}", good[0], other[1], good[2])]
    {
        assert_eq!(code(&world, &forged), Some("signature_invalid"));
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_refused_unless_the_configuration_ignores_that() {
    for cnf in [
        json!({ "jkt": "x" }),
        json!({ "x5t#S256": "x" }),
        json!({}),
        json!([]),
        json!("x"),
        json!(false),
        json!(0),
    ] {
        let bound = token(&json!({ "cnf": cnf }));
        for (terms, expected) in [
            (json!({}), Some("proof_required")),
            (json!({ "confirmation": "refuse" }), Some("proof_required")),
            (json!({ "confirmation": "ignore" }), None),
        ] {
            assert_eq!(code(&world(&terms), &bound), expected, "{terms} {cnf}");
        }
    }
    let world = world(&json!({ "confirmation": "refuse" }));
    assert_eq!(code(&world, &token(&json!({}))), None);
    assert_eq!(code(&world, &token(&json!({ "cnf": null }))), None);
}

#[test]
fn only_the_issuer_that_ignores_confirmations_accepts_bound_tokens() {
    let other = "https://other.example";
    let world =
        World::trusting(&[issuer(ISS, &json!({ "confirmation": "ignore" })), issuer(other, &json!({}))]);
    world.publishes(ISS, &[ed25519()]);
    world.publishes(other, &[ed25519()]);
    let bound = |iss: &str| tokens::mint(Algorithm::EdDsa, &json!({}), &claims(iss, &json!({ "cnf": {} })));
    assert_eq!(code(&world, &bound(ISS)), None);
    assert_eq!(code(&world, &bound(other)), Some("proof_required"));
}
