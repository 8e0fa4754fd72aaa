//! What a target grants: claims, subjects, scopes, conditions, and data of the directory.

use edge_assay::jose::{Algorithm, UntrustedToken};
use serde_json::{Value, json};

use super::*;
use crate::support::keys::ed25519;
use crate::support::tokens;
use crate::support::world::{NOW, World, body, claims, merged};

#[test]
fn values_keep_their_type_and_every_digit() {
    let world = world();
    let payload = format!(
        r#"{{"iss":"{CLERK}","sub":"user_1","exp":{},"big":123456789012345678901234567890,"org":[{{"id/x":1.50}}]}}"#,
        NOW + 60
    );
    let head = json!({ "alg": "EdDSA", "kid": ed25519().kid() }).to_string();
    let token = tokens::sealed(&head, &payload, |input| ed25519().sign(Algorithm::EdDsa, input));
    let (answer, _) = granted(&world, &form(&exchange(&token, &[("audience", API)])));
    let parsed = UntrustedToken::parse(answer["access_token"].as_str().unwrap()).unwrap().claims().clone();
    assert!(parsed.raw().contains(r#""big":123456789012345678901234567890"#), "{}", parsed.raw());
    assert!(parsed.raw().contains(r#""org":1.50"#), "{}", parsed.raw());
}

#[test]
fn two_users_of_two_issuers_never_get_the_same_subject() {
    let world = world();
    let clerk = clerk_token(&json!({ "sub": "7" }));
    let supabase = tokens::mint(
        Algorithm::Hs256,
        &json!({}),
        &claims(SUPABASE, &json!({ "sub": "7", "aud": "authenticated" })),
    );
    let subject =
        |token: &str| granted(&world, &form(&exchange(token, &[("audience", BOTH)]))).1["sub"].clone();
    assert_eq!(subject(&clerk), format!("{CLERK}|7"));
    assert_eq!(subject(&supabase), format!("{SUPABASE}|7"));
}

#[test]
fn scopes_are_granted_as_asked_and_never_widened() {
    let world = world();
    let ask = |claims: &Value, scope: &str| {
        let token = clerk_token(claims);
        world.ask(&form(&exchange(&token, &[("audience", API), ("scope", scope)])))
    };
    let free = json!({});
    assert_eq!(body(&ask(&free, "profiles:write profiles:read"))["scope"], "profiles:write profiles:read");
    assert_eq!(body(&ask(&free, "admin"))["error"], "invalid_scope");
    for malformed in ["profiles:read  x", "pro\"files", "profiles\\"] {
        let answer = body(&ask(&free, malformed));
        assert_eq!(answer["error"], "invalid_scope", "{malformed}");
        let description = answer["error_description"].as_str().unwrap();
        assert!(description.contains("is not a list of scopes"), "{description}");
    }
    let narrow = json!({ "scope": "profiles:write other" });
    assert_eq!(body(&ask(&narrow, "profiles:write"))["scope"], "profiles:write");
    assert_eq!(body(&ask(&narrow, "profiles:read"))["error"], "invalid_scope");
    assert_eq!(body(&ask(&narrow, "profiles:read"))["code"], "scope_not_granted");
    // Without a requested scope, only those default scopes are granted that the token has itself.
    let token = clerk_token(&narrow);
    let (answer, claims) = granted(&world, &form(&exchange(&token, &[("audience", API)])));
    assert!(answer.get("scope").is_none() && claims.get("scope").is_none());
}

#[test]
fn a_condition_that_does_not_hold_names_the_claim_and_not_its_value() {
    let world = world();
    let ask = |changes: Value| {
        let token = clerk_token(&changes);
        form(&exchange(&token, &[("audience", STRICT)])).header("authorization", &basic("cli", CLIENT_SECRET))
    };
    for (changes, named) in [
        (json!({ "email": "ada@example.com" }), "'equals' on the claim /email_verified"),
        (
            json!({ "email": "ada@example.com", "email_verified": "true" }),
            "'equals' on the claim /email_verified",
        ),
        (
            json!({ "email": "ada@example.com.evil.example", "email_verified": true }),
            "'matches' on the claim /email",
        ),
        (json!({ "email_verified": true }), "'matches' on the claim /email"),
    ] {
        let response = refused(&world, &ask(changes), 400, "invalid_target", "condition_failed");
        assert!(!String::from_utf8_lossy(response.body()).contains("ada@"));
        let description = body(&response)["error_description"].as_str().unwrap().to_owned();
        assert!(description.contains(named), "{description}");
    }
    assert_eq!(
        granted(&world, &ask(json!({ "email": "ada@example.com", "email_verified": true }))).1["email"],
        "ada@example.com"
    );
}

#[test]
fn a_target_can_require_a_member_of_the_header_which_never_comes_from_the_directory() {
    let mut config = config();
    let when =
        json!([{ "header": "/cat", "equals": "a" }, { "header": "/directory/groups", "exists": false }]);
    config["exchange"]["targets"][0]["when"] = when;
    let world = world_with(&config, &secrets());
    let key = format!("DIRECTORY subject:{CLERK}:user_1");
    world.platform.directory.plant(&key, r#"{"groups":["staff"]}"#);
    let ask = |header: Value| {
        let token = tokens::mint(Algorithm::EdDsa, &header, &claims(CLERK, &json!({ "cat": "a" })));
        form(&exchange(&token, &[("audience", API)]))
    };
    assert_eq!(granted(&world, &ask(json!({ "cat": "a" }))).1["sub"], "user_1");
    for (header, named) in [
        (json!({}), "'equals' on the header member /cat"),
        (json!({ "cat": "b" }), "'equals' on the header member /cat"),
        (
            json!({ "cat": "a", "directory": { "groups": [] } }),
            "'exists = false' on the header member /directory/groups",
        ),
    ] {
        let response = refused(&world, &ask(header), 400, "invalid_target", "condition_failed");
        let description = body(&response)["error_description"].as_str().unwrap().to_owned();
        assert!(description.contains(named), "{description}");
    }
}

#[test]
fn a_subject_whose_key_in_the_directory_has_512_bytes_has_a_record_and_a_longer_one_has_none() {
    for (length, groups) in [(512, json!(["staff"])), (513, Value::Null)] {
        let world = world();
        let prefix = format!("subject:{CLERK}:");
        let subject = "s".repeat(length - prefix.len());
        world.platform.directory.plant(&format!("DIRECTORY {prefix}{subject}"), r#"{"groups":["staff"]}"#);
        let token = clerk_token(&json!({ "sub": subject }));
        let (_, claims) = granted(&world, &form(&exchange(&token, &[("audience", API)])));
        assert_eq!(claims["groups"], groups, "{length}");
    }
}

#[test]
fn data_of_the_directory_never_comes_from_a_token() {
    let world = world();
    let ask = |world: &World| {
        let token = clerk_token(&json!({ "directory": { "groups": ["root"] } }));
        granted(world, &form(&exchange(&token, &[("audience", API)]))).1
    };
    assert!(ask(&world).get("groups").is_none());
    let key = format!("DIRECTORY subject:{CLERK}:user_1");
    world.platform.directory.plant(&key, r#"{"groups":["staff"]}"#);
    assert_eq!(ask(&world)["groups"], json!(["staff"]));
}

#[test]
fn every_condition_holds_for_its_values_and_for_no_others() {
    let verdict = |condition: &Value, changes: &Value| {
        let mut config = config();
        let mut condition = condition.clone();
        condition["claim"] = json!("/c/0");
        config["exchange"]["targets"][0]["when"] = json!([condition]);
        let token = clerk_token(&json!({ "c": [changes] }));
        let response = world_with(&config, &secrets()).ask(&form(&exchange(&token, &[("audience", API)])));
        response.status() == 200 || body(&response)["code"] != "condition_failed"
    };
    for (condition, holds, fails) in [
        (json!({ "equals": true }), vec![json!(true)], vec![json!("true"), json!(1), Value::Null]),
        (json!({ "equals": { "a": [1] } }), vec![json!({ "a": [1] })], vec![json!({ "a": [1], "b": 2 })]),
        (
            json!({ "one_of": ["a", 2] }),
            vec![json!("a"), json!(2.0)],
            vec![json!("b"), json!("2"), json!(["a"])],
        ),
        (
            json!({ "contains_all": ["a", "b"] }),
            vec![json!(["b", "x", "a"])],
            vec![json!(["a"]), json!("ab"), json!({ "a": 1, "b": 1 }), Value::Null],
        ),
        (
            json!({ "contains_any": ["a", "b"] }),
            vec![json!(["x", "b"]), json!("a")],
            vec![json!([]), json!("abc"), json!([["a"]])],
        ),
        (
            json!({ "matches": "user_*" }),
            vec![json!("user_"), json!("user_1")],
            vec![json!("a user_1"), json!("USER_1"), json!(1), json!(["user_1"])],
        ),
        (
            json!({ "at_least": 18 }),
            vec![json!(18), json!(18.5), json!(u64::MAX)],
            vec![json!(17.999), json!("18"), json!([18]), Value::Null],
        ),
        (json!({ "exists": true }), vec![json!(false), json!(""), json!([])], vec![Value::Null]),
        (json!({ "exists": false }), vec![Value::Null], vec![json!(false), json!(0)]),
    ] {
        for value in holds {
            assert!(verdict(&condition, &value), "{condition} holds for {value}");
        }
        for value in fails {
            assert!(!verdict(&condition, &value), "{condition} does not hold for {value}");
        }
    }
}

#[test]
fn a_claim_without_its_source_is_missing_by_its_pointer_unless_it_is_optional() {
    let world = world();
    let ask = |changes: Value| {
        let token =
            clerk_token(&merged(json!({ "email_verified": true, "email": "ada@example.com" }), &changes));
        form(&exchange(&token, &[("audience", STRICT)])).header("authorization", &basic("cli", CLIENT_SECRET))
    };
    granted(&world, &ask(json!({})));
    let mut config = config();
    config["exchange"]["targets"][2]["when"] = json!([]);
    let world = world_with(&config, &secrets());
    let response = refused(&world, &ask(json!({ "email": null })), 400, "invalid_request", "claim_missing");
    assert!(body(&response)["error_description"].as_str().unwrap().contains("/email"));
    config["exchange"]["targets"][2]["claims"]["email"]["optional"] = json!(true);
    let (_, claims) = granted(&world_with(&config, &secrets()), &ask(json!({ "email": null })));
    assert!(claims.get("email").is_none());
}

#[test]
fn the_subject_may_be_taken_from_another_claim_and_is_never_made_up() {
    let mut config = config();
    config["exchange"]["targets"][1]["subject"] = json!({ "claim": "/account/id" });
    let world = world_with(&config, &secrets());
    let ask = |account: Value| {
        let token = clerk_token(&json!({ "account": account }));
        form(&exchange(&token, &[("audience", BOTH)]))
    };
    assert_eq!(granted(&world, &ask(json!({ "id": "a-1" }))).1["sub"], "a-1");
    for account in [json!({ "id": 1 }), json!({ "id": "" }), json!({}), json!(["a-1"])] {
        refused(&world, &ask(account), 400, "invalid_request", "claim_missing");
    }
}
