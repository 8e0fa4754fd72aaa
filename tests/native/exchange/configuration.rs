//! The faults of the tables of `exchange` and of `SIGNING_KEYS`.

use serde_json::{Value, json};

use super::apart::{fault_paths, with_keys};
use super::*;
use crate::support::world::World;

#[test]
fn faults_of_the_configuration_are_all_found_with_their_paths() {
    let mut config = config();
    let exchange = &mut config["exchange"];
    exchange["targets"][0]["from"] = json!([CLERK, "https://unknown.example"]);
    exchange["targets"][0]["claims"]["sub"] = json!({ "value": "root" });
    exchange["targets"][0]["default_scopes"] = json!(["admin"]);
    exchange["targets"][1]["subject"] = json!("own");
    exchange["targets"][2]["when"][0] = json!({ "claim": "email", "equals": 1, "exists": true });
    exchange["targets"][2]["ttl_seconds"] = json!(100_000);
    exchange["clients"][0]["targets"] = json!(["https://nobody.example"]);
    exchange["fireproof"]["auth_types"]["better"] = json!(["https://nobody.example"]);
    exchange["issuer"] = json!("http://auth.example.com");
    let keys = r#"{"keys":[{"kty":"oct","alg":"HS256","k":"AAAA","kid":"x","publish_at":1,"activate_at":2,"retire_at":3,"remove_at":4}]}"#;
    let world = World::with_secrets(&config, &[("SIGNING_KEYS", keys)]);
    let faults = world.app.config.terms.as_ref().unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    for path in [
        "exchange.issuer",
        "exchange.targets[0].from[1]",
        "exchange.targets[0].claims.sub",
        "exchange.targets[0].default_scopes[0]",
        "exchange.targets[0].subject",
        "exchange.targets[1].subject",
        "exchange.targets[2].when[0].claim",
        "exchange.targets[2].ttl_seconds",
        "exchange.clients[0].targets[0]",
        "exchange.fireproof.auth_types.better[0]",
        "SIGNING_KEYS.keys[0].k",
    ] {
        assert!(paths.contains(&path), "{path} is not in {paths:?}");
    }
    assert!(world.app.config.exchange.is_none());
}

#[test]
fn a_name_that_no_table_has_gets_the_fix_that_fits_it() {
    for (name, fix) in [
        ("https://unknown.example", "add an [[vars.ASSAY.issuers]] table for it, or remove it".to_owned()),
        ("https://Sincere-Cheetah-30.clerk.accounts.dev/", format!("write \"{CLERK}\"")),
        (
            "https://spelt.example",
            "write the `issuer` of the table that has it in `also_known_as`".to_owned(),
        ),
    ] {
        let mut config = config();
        config["issuers"][0]["also_known_as"] = json!(["https://spelt.example"]);
        config["exchange"]["targets"][0]["from"] = json!([name]);
        let world = World::with_secrets(&config, &[("SIGNING_KEYS", &signing_keys())]);
        let faults = world.app.config.terms.as_ref().unwrap_err();
        let fault = faults.iter().find(|fault| fault.path == "exchange.targets[0].from[0]").unwrap();
        assert_eq!(fault.fix, fix, "{name}");
    }
}

#[test]
fn a_condition_is_about_a_claim_or_about_a_member_of_the_header() {
    for (condition, expected) in [
        (json!({ "claim": "/a", "exists": true }), None),
        (json!({ "header": "/a", "exists": true }), None),
        (json!({ "header": "/directory", "exists": true }), None),
        (json!({ "claim": "/directory", "exists": true }), None),
        (json!({ "exists": true }), Some(("claim", "is missing"))),
        (json!({ "claim": "/a", "header": "/a", "exists": true }), Some(("", "has both claim and header"))),
        (json!({ "claim": "/a", "header": "/a" }), Some(("", "has both claim and header"))),
        (json!({ "header": "a", "exists": true }), Some(("header", "\"a\" is not a JSON Pointer"))),
        (json!({ "claim": "a", "exists": true }), Some(("claim", "\"a\" is not a JSON Pointer"))),
        (json!({ "header": 1, "exists": true }), Some(("header", "is a number"))),
        (json!({ "header": "/a" }), Some(("", "has no test"))),
        (json!({ "header": "/a", "exists": true, "equals": 1 }), Some(("", "has more than one test"))),
    ] {
        let mut config = config();
        config["exchange"]["targets"][2]["when"] = json!([condition]);
        let secrets = secrets();
        let bound: Vec<(&str, &str)> = secrets.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let world = World::with_secrets(&config, &bound);
        let faults = world.app.config.terms.err().unwrap_or_default();
        let found: Vec<(&str, &str)> =
            faults.iter().map(|fault| (fault.path.as_str(), fault.problem.as_str())).collect();
        let place = "exchange.targets[2].when[0]";
        let expected = expected.map(|(member, problem)| {
            let path = if member.is_empty() { place.to_owned() } else { format!("{place}.{member}") };
            (path, problem)
        });
        let expected: Vec<(&str, &str)> =
            expected.iter().map(|(path, problem)| (path.as_str(), *problem)).collect();
        assert_eq!(found, expected, "{condition}");
    }
}

#[test]
fn a_field_is_either_missing_or_of_a_wrong_type() {
    let with = |place: &str, value: Value| {
        let mut config = config();
        *config["exchange"].pointer_mut(place).unwrap() = value;
        fault_paths(&config, &secrets())
    };
    for (place, path) in [
        ("/issuer", "exchange.issuer"),
        ("/targets/0/audience", "exchange.targets[0].audience"),
        ("/targets/0/from", "exchange.targets[0].from"),
        ("/clients/0/id", "exchange.clients[0].id"),
        ("/clients/0/secret", "exchange.clients[0].secret"),
        ("/clients/0/targets", "exchange.clients[0].targets"),
    ] {
        let (table, member) = place.rsplit_once('/').unwrap();
        let mut config = config();
        let table = config["exchange"].pointer_mut(table).unwrap();
        table.as_object_mut().unwrap().remove(member);
        let found = fault_paths(&config, &secrets());
        assert_eq!(found.iter().filter(|one| *one == path).count(), 1, "without {place}: {found:?}");
        for value in [json!(7), Value::Null] {
            let found = with(place, value.clone());
            assert_eq!(found.iter().filter(|one| *one == path).count(), 1, "{place} {value}: {found:?}");
        }
    }
}

/// The faults of a configuration with this member of `exchange`.
fn faults_with(place: &str, member: &str, value: &Value) -> Vec<String> {
    let mut config = config();
    config["exchange"].pointer_mut(place).unwrap()[member] = value.clone();
    fault_paths(&config, &secrets())
}

#[test]
fn the_subject_of_a_target_is_own_prefixed_or_a_claim() {
    let [one, two] = ["exchange.targets[0].subject", "exchange.targets[1].subject"];
    for (place, subject, expected) in [
        ("/targets/0", json!("own"), vec![]),
        ("/targets/0", json!("prefixed"), vec![]),
        ("/targets/0", json!({ "claim": "/email" }), vec![]),
        ("/targets/1", json!({ "claim": "/email" }), vec![]),
        ("/targets/0", json!("other"), vec![one.to_owned()]),
        ("/targets/0", json!(7), vec![one.to_owned()]),
        ("/targets/0", json!({}), vec![format!("{one}.claim")]),
        ("/targets/0", json!({ "claim": 7 }), vec![format!("{one}.claim")]),
        ("/targets/1", json!("own"), vec![two.to_owned()]),
        ("/targets/1", json!("other"), vec![two.to_owned()]),
    ] {
        assert_eq!(faults_with(place, "subject", &subject), expected, "{place} {subject}");
    }
    let mut config = config();
    config["exchange"]["targets"][1]["subject"] = json!("own");
    let bound = secrets();
    let bound: Vec<(&str, &str)> = bound.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let faults = World::with_secrets(&config, &bound).app.config.terms.as_ref().unwrap_err().clone();
    assert!(faults[0].problem.starts_with("is \"own\", but two of the issuers"), "{faults:?}");
}

#[test]
fn each_fault_of_a_condition_or_a_claim_has_its_path() {
    let condition = "exchange.targets[2].when[0]";
    for list in [json!([]), json!([{}]), json!([[]]), json!(["a", null]), json!("a")] {
        let found = faults_with("/targets/2", "when", &json!([{ "claim": "/a", "one_of": list }]));
        assert!(found.contains(&format!("{condition}.one_of")), "{list}: {found:?}");
    }
    for when in [json!({ "exists": true }), json!({ "claim": 7, "exists": true })] {
        let found = faults_with("/targets/2", "when", &json!([when]));
        assert_eq!(found, [format!("{condition}.claim")], "{when}");
    }
    let claim = "exchange.targets[0].claims.x";
    for (mapping, expected) in [
        (json!({}), claim.to_owned()),
        (json!({ "claim": "/a", "value": 1 }), claim.to_owned()),
        (json!({ "claim": 7 }), format!("{claim}.claim")),
    ] {
        assert_eq!(faults_with("/targets/0/claims", "x", &mapping), [expected], "{mapping}");
    }
}

#[test]
fn an_empty_set_of_signing_keys_is_an_outage_and_no_fault_of_the_configuration() {
    for text in ["", " \n"] {
        assert!(fault_paths(&config(), &with_keys(text.to_owned())).is_empty(), "{text:?}");
    }
    assert!(!fault_paths(&config(), &with_keys("{".to_owned())).is_empty());
}

#[test]
fn the_fireproof_claims_have_defaults_unless_two_issuers_could_share_a_subject() {
    let without = |claim: &str, auth_types: &Value| {
        let mut config = config();
        let fireproof = &mut config["exchange"]["fireproof"];
        fireproof["claims"].as_object_mut().unwrap().remove(claim);
        fireproof["auth_types"] = auth_types.clone();
        config
    };
    let (one, two) = (json!({ "clerk": [CLERK] }), json!({ "clerk": [CLERK], "supabase": [SUPABASE] }));
    for claim in ["userId", "email"] {
        let world = world_with(&without(claim, &one), &secrets());
        let token = clerk_token(&json!({ "email": "ada@example.com" }));
        let answer = body(&world.ask(&api(&cloud_session("clerk", &token))));
        let claims = issued_claims(answer["token"].as_str().unwrap());
        assert_eq!((&claims["userId"], &claims["email"]), (&json!("user_1"), &json!("ada@example.com")));
    }
    assert_eq!(fault_paths(&without("userId", &two), &secrets()), ["exchange.fireproof.claims.userId"]);
    assert!(fault_paths(&without("email", &two), &secrets()).is_empty());
    let same = json!({ "clerk": [CLERK, CLERK], "other": [CLERK] });
    assert!(fault_paths(&without("userId", &same), &secrets()).is_empty());
}

#[test]
fn two_issuers_whose_subjects_could_share_a_record_of_the_directory_are_a_fault() {
    let with = |other: &str| {
        let mut config = config();
        config["issuers"].as_array_mut().unwrap().push(issuer(other, &json!({})));
        fault_paths(&config, &secrets())
    };
    assert_eq!(with(&format!("{CLERK}:8443")), ["exchange.directory"]);
    assert!(with(&format!("{CLERK}x")).is_empty());
}

#[test]
fn a_schedule_that_does_not_cover_the_longest_token_is_a_fault_of_the_configuration() {
    let mut keys: Value = serde_json::from_str(&signing_keys()).unwrap();
    let retire = keys["keys"][0]["retire_at"].as_i64().unwrap();
    keys["keys"][0]["remove_at"] = json!(retire + 3600);
    let world = World::with_secrets(&config(), &[("SIGNING_KEYS", &keys.to_string())]);
    let faults = world.app.config.terms.as_ref().unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].path, "SIGNING_KEYS.keys[0].remove_at");
    assert!(faults[0].problem.ends_with("5 s too short"), "{}", faults[0].problem);
}
