//! The faults of the tables of `exchange` and of `SIGNING_KEYS`.

use serde_json::{Value, json};

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
