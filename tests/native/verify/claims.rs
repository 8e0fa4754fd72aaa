//! The rules for `typ`, `aud`, `azp`, required claims and scopes, each as a table.

use edge_assay::rejection::{Malformed, Rejection, Segment};
use serde_json::{Value, json};

use super::{ISS, texts, token, token_of, token_with_header, world};

/// The outcome for a token with these changes of its claims, from an issuer with this configuration.
fn verdict(terms: &Value, changes: &Value) -> Result<(), Rejection> {
    let world = world(terms);
    let token = token(changes);
    if world.accepts(&token) { Ok(()) } else { Err(world.rejection(&token)) }
}

#[test]
fn typ_is_compared_without_case_and_without_its_prefix() {
    let refused = |found: Option<&str>, accepted: &[&str]| {
        Err(Rejection::TypeNotAllowed { found: found.map(str::to_owned), accepted: texts(accepted) })
    };
    let usual = ["JWT", "at+jwt"];
    for (terms, typ, expected) in [
        (json!({}), json!("JWT"), Ok(())),
        (json!({}), json!("jwt"), Ok(())),
        (json!({}), json!("application/jwt"), Ok(())),
        (json!({}), json!("APPLICATION/JWT"), Ok(())),
        (json!({}), json!("at+jwt"), Ok(())),
        (json!({}), json!("application/at+JWT"), Ok(())),
        (json!({}), json!(null), Ok(())),
        (json!({}), json!("dpop+jwt"), refused(Some("dpop+jwt"), &usual)),
        (json!({}), json!("logout+jwt"), refused(Some("logout+jwt"), &usual)),
        (json!({}), json!(""), refused(Some(""), &usual)),
        (json!({}), json!("text/jwt"), refused(Some("text/jwt"), &usual)),
        (json!({}), json!("JWT "), refused(Some("JWT "), &usual)),
        (json!({ "require_type": true }), json!("JWT"), Ok(())),
        (json!({ "require_type": true }), json!(null), refused(None, &usual)),
        (json!({ "types": ["at+jwt"] }), json!("JWT"), refused(Some("JWT"), &["at+jwt"])),
        // Only the prefix `application/` is left out, not as many characters of another text.
        (
            json!({ "types": ["at+jwt"] }),
            json!("application-at+jwt"),
            refused(Some("application-at+jwt"), &["at+jwt"]),
        ),
        (json!({ "types": ["at+jwt"] }), json!(null), Ok(())),
        (json!({ "types": ["application/at+jwt"] }), json!("at+jwt"), Ok(())),
    ] {
        let world = world(&terms);
        let token = token_with_header(&json!({ "typ": typ }));
        let verdict = if world.accepts(&token) { Ok(()) } else { Err(world.rejection(&token)) };
        assert_eq!(verdict, expected, "{terms} {typ}");
    }
}

#[test]
fn an_audience_is_checked_as_configured() {
    let any = |wanted: Value| json!({ "any_of": wanted });
    let all = |wanted: Value| json!({ "all_of": wanted });
    let missing = |expected: &str| Err(Rejection::AudienceMissing { expected: expected.to_owned() });
    let mismatch = |found: &[&str], expected: &str| {
        Err(Rejection::AudienceMismatch { claim: "aud", found: texts(found), expected: expected.to_owned() })
    };
    for (rule, aud, expected) in [
        (json!("unchecked"), json!(null), Ok(())),
        (json!("unchecked"), json!([]), Ok(())),
        (json!("unchecked"), json!("anything"), Ok(())),
        (any(json!(["a"])), json!("a"), Ok(())),
        (any(json!(["a"])), json!(["a"]), Ok(())),
        (any(json!(["a"])), json!(["z", "a"]), Ok(())),
        (any(json!(["a", "b"])), json!("b"), Ok(())),
        (any(json!(["a"])), json!(null), missing("\"a\"")),
        (any(json!(["a", "b"])), json!([]), missing("one of \"a\", \"b\"")),
        (any(json!(["a"])), json!(""), mismatch(&[""], "\"a\"")),
        (any(json!(["a"])), json!("A"), mismatch(&["A"], "\"a\"")),
        (any(json!(["a"])), json!("a/"), mismatch(&["a/"], "\"a\"")),
        (any(json!(["a"])), json!("a b"), mismatch(&["a b"], "\"a\"")),
        (any(json!(["a", "b"])), json!(["c", "d"]), mismatch(&["c", "d"], "one of \"a\", \"b\"")),
        (all(json!(["a", "b"])), json!(["b", "z", "a"]), Ok(())),
        (all(json!(["a"])), json!("a"), Ok(())),
        (all(json!(["a", "b"])), json!(["a"]), mismatch(&["a"], "all of \"a\", \"b\"")),
        (all(json!(["a", "b"])), json!("a"), mismatch(&["a"], "all of \"a\", \"b\"")),
        (all(json!(["a", "b"])), json!(null), missing("all of \"a\", \"b\"")),
    ] {
        assert_eq!(verdict(&json!({ "audience": rule }), &json!({ "aud": aud })), expected, "{rule} {aud}");
    }
}

#[test]
fn an_audience_of_another_type_is_malformed_even_if_audiences_are_not_checked() {
    for aud in ["1", "null", "{}", r#"["a",1]"#, r#"[["a"]]"#, "false"] {
        let rejection = world(&json!({})).rejection(&token_of(&format!(r#"{{"iss":"{ISS}","aud":{aud}}}"#)));
        assert!(
            matches!(
                rejection,
                Rejection::TokenMalformed(
                    Malformed::Member { member: "aud", .. } | Malformed::MemberType { member: "aud", .. }
                )
            ),
            "{aud}: {rejection:?}"
        );
    }
}

#[test]
fn a_refusal_contains_eight_audiences_at_most_and_truncates_them() {
    let audiences: Vec<String> = (0..20).map(|index| format!("{index}{}", "x".repeat(300))).collect();
    match verdict(&json!({ "audience": { "any_of": ["a"] } }), &json!({ "aud": audiences })) {
        Err(Rejection::AudienceMismatch { found, .. }) => {
            assert_eq!(found.len(), 8);
            assert!(found.iter().all(|one| one.chars().count() == 123));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn azp_is_checked_when_parties_are_configured() {
    let parties = ["https://app.example", "http://localhost:5173"];
    let terms = json!({ "authorized_parties": parties });
    let missing = Err(Rejection::AuthorizedPartyMissing { expected: texts(&parties) });
    let mismatch = |found: &str| {
        Err(Rejection::AuthorizedPartyMismatch { found: found.to_owned(), expected: texts(&parties) })
    };
    for (terms, azp, expected) in [
        (&json!({}), json!(null), Ok(())),
        (&json!({}), json!("anyone"), Ok(())),
        (&terms, json!("https://app.example"), Ok(())),
        (&terms, json!("http://localhost:5173"), Ok(())),
        (&terms, json!(null), missing),
        (&terms, json!(""), mismatch("")),
        (&terms, json!("https://app.example/"), mismatch("https://app.example/")),
        (&terms, json!("https://APP.example"), mismatch("https://APP.example")),
        (&terms, json!("https://evil.example"), mismatch("https://evil.example")),
    ] {
        assert_eq!(verdict(terms, &json!({ "azp": azp })), expected, "{azp}");
    }
}

#[test]
fn a_required_claim_is_present_and_neither_null_nor_empty() {
    let found = json!({
        "user_id": "u", "zero": 0, "no": false, "empty": "", "none": {}, "list": ["a", null],
        "app_metadata": { "provider": "email", "a/b": { "~": 1 } }, "https://app.example/role": "admin",
        "": { "": 1 },
    });
    for (name, is_there) in [
        ("user_id", true),
        ("zero", true),
        ("no", true),
        ("empty", false),
        ("none", true),
        ("https://app.example/role", true),
        ("/user_id", true),
        ("/app_metadata/provider", true),
        ("/app_metadata/a~1b/~0", true),
        ("/list/0", true),
        ("//", true),
        ("app_metadata/provider", false),
        ("app_metadata.provider", false),
        ("/app_metadata/role", false),
        ("/list/1", false),
        ("/list/2", false),
        ("/list/-", false),
        ("/list/00", false),
        ("/user_id/0", false),
        ("User_id", false),
    ] {
        let expected =
            if is_there { Ok(()) } else { Err(Rejection::ClaimMissing { claim: name.to_owned() }) };
        assert_eq!(verdict(&json!({ "required_claims": [name] }), &found), expected, "{name}");
    }
    let token = token_of(&format!(r#"{{"iss":"{ISS}","exp":4000000000,"user_id":null}}"#));
    let rejection = world(&json!({ "required_claims": ["user_id"] })).rejection(&token);
    assert_eq!(rejection, Rejection::ClaimMissing { claim: "user_id".to_owned() });
}

#[test]
fn the_first_configured_of_several_missing_claims_is_named() {
    let terms = json!({ "required_claims": ["sub", "second", "third"] });
    assert_eq!(
        verdict(&terms, &json!({ "third": 3 })),
        Err(Rejection::ClaimMissing { claim: "second".to_owned() })
    );
}

#[test]
fn scopes_are_a_string_or_a_list_in_scope_or_otherwise_in_scp() {
    let lacking = |missing: &[&str]| {
        Err(Rejection::ScopeInsufficient { required: texts(&["read", "write"]), missing: texts(missing) })
    };
    for (changes, expected) in [
        (json!({ "scope": "read write" }), Ok(())),
        (json!({ "scope": " write  read other " }), Ok(())),
        (json!({ "scope": ["write", "read"] }), Ok(())),
        (json!({ "scp": "read write" }), Ok(())),
        (json!({ "scp": ["read", "write"] }), Ok(())),
        (json!({ "scope": "read" }), lacking(&["write"])),
        (json!({ "scope": "READ WRITE" }), lacking(&["read", "write"])),
        (json!({ "scope": "readwrite" }), lacking(&["read", "write"])),
        (json!({ "scope": "read,write" }), lacking(&["read", "write"])),
        (json!({ "scope": "read\twrite" }), lacking(&["read", "write"])),
        (json!({ "scope": ["read write"] }), lacking(&["read", "write"])),
        (json!({ "scope": ["read", 1, null, "write2"] }), lacking(&["write"])),
        (json!({ "scope": "read", "scp": "write" }), lacking(&["write"])),
        (json!({ "scope": 1 }), lacking(&["read", "write"])),
        (json!({ "scope": {} }), lacking(&["read", "write"])),
        (json!({ "scope": "" }), lacking(&["read", "write"])),
        (json!({}), lacking(&["read", "write"])),
    ] {
        let terms = json!({ "required_scopes": ["read", "write"] });
        assert_eq!(verdict(&terms, &changes), expected, "{changes}");
    }
}

#[test]
fn every_rule_applies_only_to_its_own_issuer() {
    let strict = json!({ "audience": { "any_of": ["a"] } });
    let world = crate::support::world::World::trusting(&[
        crate::support::world::issuer(ISS, &strict),
        crate::support::world::issuer("https://lax.example", &json!({})),
    ]);
    world.publishes(ISS, &[crate::support::keys::ed25519()]);
    world.publishes("https://lax.example", &[crate::support::keys::ed25519()]);
    assert!(!world.accepts(&token(&json!({}))));
    assert!(world.accepts(&token(&json!({ "iss": "https://lax.example" }))));
}

#[test]
fn a_claim_that_occurs_twice_makes_the_token_malformed() {
    let twice = token_of(&format!(r#"{{"iss":"{ISS}","exp":1,"aud":"a","exp":4000000000}}"#));
    assert_eq!(
        world(&json!({})).rejection(&twice),
        Rejection::TokenMalformed(Malformed::DuplicateMember(Segment::Payload, "exp".to_owned()))
    );
}

#[test]
fn an_empty_text_does_not_satisfy_a_required_claim() {
    let world = world(&json!({ "required_claims": ["user_id", "/org/id"] }));
    let with = |user: &Value, org: &Value| token(&json!({ "user_id": user, "org": { "id": org } }));
    assert!(world.accepts(&with(&json!("u"), &json!("o"))));
    for (user, org, claim) in [
        (json!(""), json!("o"), "user_id"),
        (json!("u"), json!(""), "/org/id"),
        (json!("u"), json!(null), "/org/id"),
    ] {
        let rejection = world.rejection(&with(&user, &org));
        assert_eq!(rejection, Rejection::ClaimMissing { claim: claim.to_owned() }, "{user} {org}");
    }
    for value in [json!(0), json!(false), json!(" "), json!([])] {
        assert!(world.accepts(&with(&value, &value)), "{value}");
    }
}
