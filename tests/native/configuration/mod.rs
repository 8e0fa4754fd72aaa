//! The configuration: its defaults and presets, its faults, and the access to them.

mod access;
mod classes;
mod credentials;
mod faults;
mod many;
mod record;
mod schema;
mod shipped;

use crate::support::keys;
use crate::support::platform::FakePlatform;
use crate::support::schema::agrees;
use crate::support::world::{NOW, merged};
use edge_assay::config::{Config, ConfigFault};
use edge_assay::jose::Algorithm;
use edge_assay::keys::{CachePolicy, Location};
use edge_assay::trust::claims::AudienceRule;
use edge_assay::verify::Terms;
use serde_json::{Value, json};

/// The faults of a configuration, which is the text of the binding.
fn faults_of(text: Option<&str>) -> Vec<ConfigFault> {
    let config = Config::load(text, &FakePlatform::at(NOW));
    // A sound reference to a record has no faults. That the record has not been read yet is none of this text.
    let faults = if config.record.is_some() { Vec::new() } else { config.terms.err().unwrap_or_default() };
    agrees(text.unwrap_or_default(), &faults);
    faults
}

fn paths(faults: &[ConfigFault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.path.as_str()).collect()
}

/// The verification policy of a configuration without faults.
fn terms(config: &Value) -> Terms {
    Config::load(Some(&config.to_string()), &FakePlatform::at(NOW)).terms.unwrap()
}

/// A configuration without faults, with `changes` in its root.
fn root(changes: &Value) -> Value {
    merged(json!({ "issuers": [sound_issuer()] }), changes)
}

/// A configuration without faults, with `changes` in its only issuer.
fn with_issuer(changes: &Value) -> Value {
    json!({ "issuers": [merged(sound_issuer(), changes)] })
}

fn sound_issuer() -> Value {
    json!({ "issuer": "https://a.example", "jwks_uri": "https://a.example/jwks", "audience": "unchecked" })
}

#[test]
fn an_issuer_has_public_keys_that_are_fetched_or_configured_or_none() {
    let jwks =
        serde_json::from_str::<Value>(&keys::published(&[keys::for_algorithm(Algorithm::EdDsa)])).unwrap();
    let without_keys = json!({
        "issuer": "https://a.example", "audience": "unchecked", "algorithms": ["HS256"], "secrets": [{ "binding": "SECRET" }],
    });
    let configured = json!({ "issuer": "https://a.example", "audience": "unchecked", "jwks": jwks });
    for (issuer, expected) in [(sound_issuer(), true), (configured, true), (without_keys, false)] {
        let terms = terms(&json!({ "issuers": [issuer] }));
        assert_eq!(terms.issuers.iter().next().unwrap().has_public_keys(), expected, "{issuer}");
    }
}

#[test]
fn a_field_that_is_left_out_has_its_default() {
    let terms = terms(&root(&json!({})));
    assert_eq!(terms.max_token_bytes, 16_384);
    assert_eq!(
        terms.cache,
        CachePolicy {
            ttl_seconds: 3600,
            stale_if_error_seconds: 86_400,
            unknown_kid_cooldown_seconds: 30,
            fetch_timeout_ms: 5000,
            max_shared_seconds: 30,
        }
    );
    let issuer = terms.issuers.named("https://a.example").unwrap();
    assert_eq!(issuer.rules.types, ["JWT", "at+jwt"]);
    assert_eq!(issuer.rules.leeway_seconds, 5);
    assert_eq!(issuer.rules.audience, AudienceRule::Unchecked);
    assert_eq!(issuer.rules.authorized_parties, None);
    assert_eq!(issuer.algorithms, edge_assay::jose::Algorithm::ASYMMETRIC);
}

#[test]
fn the_cache_of_the_data_centre_can_be_switched_off() {
    for (jwks, expected) in [
        (json!({}), 30),
        (json!({ "data_centre_cache": true }), 30),
        (json!({ "data_centre_cache": false }), 0),
    ] {
        let cache = terms(&root(&json!({ "jwks": jwks }))).cache;
        assert_eq!(cache, CachePolicy { max_shared_seconds: expected, ..terms(&root(&json!({}))).cache });
    }
}

#[test]
fn a_preset_knows_where_the_keys_are_and_which_algorithms_sign() {
    use Algorithm::{EdDsa, Es256, Hs256, Ps256, Rs256};
    let jwks = |uri: &str| Location::Jwks { uri: uri.to_owned() };
    for (preset, issuer, location, algorithms) in [
        ("clerk", "https://c.example", jwks("https://c.example/.well-known/jwks.json"), vec![Rs256]),
        (
            "supabase",
            "https://x.supabase.co/auth/v1",
            jwks("https://x.supabase.co/auth/v1/.well-known/jwks.json"),
            vec![Es256, Rs256, Hs256],
        ),
        (
            "better-auth",
            "https://b.example",
            jwks("https://b.example/api/auth/jwks"),
            vec![EdDsa, Es256, Rs256, Ps256],
        ),
        (
            "auth0",
            "https://x.auth0.com/",
            jwks("https://x.auth0.com/.well-known/jwks.json"),
            vec![Rs256, Ps256],
        ),
        (
            "oidc",
            "https://o.example/realm",
            Location::Discovery {
                uri: "https://o.example/realm/.well-known/openid-configuration".to_owned(),
            },
            edge_assay::jose::Algorithm::ASYMMETRIC.to_vec(),
        ),
    ] {
        let config = json!({ "issuers": [{ "issuer": issuer, "preset": preset, "audience": "unchecked" }] });
        let terms = terms(&config);
        let trusted = terms.issuers.named(issuer).unwrap();
        assert_eq!(trusted.keys.as_ref().unwrap().location, location, "{preset}");
        assert_eq!(trusted.algorithms, algorithms, "{preset}");
    }
}

#[test]
fn a_preset_fills_in_only_what_is_left_out() {
    let config = json!({ "issuers": [{
        "issuer": "https://c.example", "preset": "clerk", "audience": "unchecked", "algorithms": ["RS512"],
        "jwks_uri": "https://elsewhere.example/keys",
    }]});
    let terms = terms(&config);
    let trusted = terms.issuers.named("https://c.example").unwrap();
    assert_eq!(trusted.algorithms, [Algorithm::Rs512]);
    let uri = "https://elsewhere.example/keys".to_owned();
    assert_eq!(trusted.keys.as_ref().unwrap().location, Location::Jwks { uri });
}

#[test]
fn plain_http_is_for_loopback_alone() {
    for (uri, is_sound) in [
        ("http://localhost:8787/jwks", true),
        ("http://127.0.0.1:8787/jwks", true),
        ("http://[::1]/jwks", true),
        ("http://192.168.0.1/jwks", false),
        ("http://localhost.example/jwks", false),
    ] {
        let faults = faults_of(Some(&with_issuer(&json!({ "jwks_uri": uri })).to_string()));
        assert_eq!(faults.is_empty(), is_sound, "{uri}");
    }
}

#[test]
fn every_configuration_in_the_readme_and_the_pages_for_operators_is_sound() {
    let pages = [
        include_str!("../../../README.md"),
        include_str!("../../../docs/configuration.md"),
        include_str!("../../../docs/first-api.md"),
        include_str!("../../../docs/operations/running.md"),
    ];
    for page in pages {
        let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let examples: Vec<&str> = blocks.filter(|block| block.contains("vars.ASSAY")).collect();
        assert!(!examples.is_empty());
        for example in examples {
            let table: toml::Table = toml::from_str(example).unwrap();
            // The variables of an environment are in that environment's table.
            let vars = table.get("vars").unwrap_or_else(|| &table["env"]["staging"]["vars"]);
            let assay = serde_json::to_value(&vars["ASSAY"]).unwrap();
            assert_eq!(faults_of(Some(&assay.to_string())), [], "{example}");
        }
    }
}
