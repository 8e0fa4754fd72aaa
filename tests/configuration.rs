//! The configuration: each kind of fault by its path, all of them at once, and who gets to see them.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use edge_assay::config::{Config, ConfigFault};
use edge_assay::jose::Algorithm;
use edge_assay::keys::{CachePolicy, Location};
use edge_assay::trust::claims::AudienceRule;
use edge_assay::verify::Terms;
use serde_json::{Value, json};
use support::keys::SECRET;
use support::platform::FakePlatform;
use support::request::FakeRequest;
use support::world::{NOW, World, body, header, merged};

/// The faults of a configuration, given as the text of the binding.
fn faults_of(text: Option<&str>) -> Vec<ConfigFault> {
    Config::load(text, &FakePlatform::at(NOW)).terms.err().unwrap_or_default()
}

fn paths(faults: &[ConfigFault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.path.as_str()).collect()
}

/// What a configuration without faults makes the Worker believe.
fn terms(config: &Value) -> Terms {
    Config::load(Some(&config.to_string()), &FakePlatform::at(NOW)).terms.unwrap()
}

/// A sound configuration with `changes` in its root.
fn root(changes: Value) -> Value {
    merged(json!({ "issuers": [sound_issuer()] }), &changes)
}

/// A sound configuration with `changes` in its only issuer.
fn with_issuer(changes: Value) -> Value {
    json!({ "issuers": [merged(sound_issuer(), &changes)] })
}

fn sound_issuer() -> Value {
    json!({ "issuer": "https://a.example", "jwks_uri": "https://a.example/jwks", "audience": "unchecked" })
}

/// A fragment, the path of the one fault in it, and a word of what is wrong.
type Row = (Value, &'static str, &'static str);

fn each_has_its_one_fault(rows: Vec<Row>) {
    for (config, path, problem) in rows {
        let faults = faults_of(Some(&config.to_string()));
        assert_eq!(paths(&faults), [path], "{config}: {faults:#?}");
        let fault = &faults[0];
        assert!(fault.problem.contains(problem), "{config}: {fault}");
        assert!(!fault.fix.is_empty(), "{fault}");
    }
}

#[test]
fn the_sound_configuration_has_no_fault() {
    assert_eq!(faults_of(Some(&root(json!({})).to_string())), []);
}

#[test]
fn a_binding_that_is_no_table_is_faulty() {
    for (text, problem) in [
        (None, "not set"),
        (Some(""), "not JSON"),
        (Some("{"), "not JSON"),
        (Some("issuers = []"), "not JSON"),
        (Some("[]"), "an empty list"),
        (Some("\"text\""), "a string"),
        (Some("null"), "null"),
    ] {
        let faults = faults_of(text);
        assert_eq!(paths(&faults), ["ASSAY"], "{text:?}");
        assert!(faults[0].problem.contains(problem), "{text:?}: {}", faults[0]);
    }
}

#[test]
fn numbers_are_whole_and_within_their_bounds() {
    let rows = [
        ("verify", "leeway_seconds", 0, 300),
        ("verify", "max_token_bytes", 512, 65_536),
        ("jwks", "ttl_seconds", 60, 86_400),
        ("jwks", "stale_if_error_seconds", 0, 604_800),
        ("jwks", "unknown_kid_cooldown_seconds", 1, 3600),
        ("jwks", "fetch_timeout_ms", 100, 30_000),
    ];
    for (table, field, low, high) in rows {
        let with = |value: Value| root(json!({ table: { field: value } })).to_string();
        for good in [low, high] {
            assert_eq!(faults_of(Some(&with(json!(good)))), [], "{field} = {good}");
        }
        for bad in
            [json!(low - 1), json!(high + 1), json!(1.5), json!("60"), json!(null), json!(true), json!([60])]
        {
            let faults = faults_of(Some(&with(bad.clone())));
            assert_eq!(paths(&faults), [format!("{table}.{field}")], "{field} = {bad}");
        }
    }
}

#[test]
fn a_fault_in_the_root_has_its_path() {
    each_has_its_one_fault(vec![
        (json!({}), "issuers", "missing or empty"),
        (json!({ "issuers": [] }), "issuers", "missing or empty"),
        (json!({ "issuers": {} }), "issuers", "a table"),
        (json!({ "issuers": ["https://a.example"] }), "issuers[0]", "a string"),
        (root(json!({ "verify": 5 })), "verify", "a number"),
        (root(json!({ "verify": { "leeway": 5 } })), "verify.leeway", "not a known field"),
        (root(json!({ "jwks": [] })), "jwks", "an empty list"),
        (root(json!({ "issuer": "https://a.example" })), "issuer", "not a known field"),
        (root(json!({ "endpoints": { "prefix": "api" } })), "endpoints.prefix", "not a path prefix"),
        (root(json!({ "endpoints": { "prefix": "/api/" } })), "endpoints.prefix", "not a path prefix"),
        (root(json!({ "endpoints": { "prefix": "/" } })), "endpoints.prefix", "not a path prefix"),
        (root(json!({ "endpoints": { "prefix": "/a/../b" } })), "endpoints.prefix", "not a path prefix"),
        (root(json!({ "endpoints": { "prefix": "/%61" } })), "endpoints.prefix", "not a path prefix"),
        (root(json!({ "endpoints": { "prefix": "/.well-known" } })), "endpoints.prefix", "not a path prefix"),
        (root(json!({ "endpoints": { "prefix": "" } })), "endpoints.prefix", "an empty string"),
        (root(json!({ "challenge": { "realm": "a\"b" } })), "challenge.realm", "cannot quote"),
        (root(json!({ "challenge": { "realm": "a\\b" } })), "challenge.realm", "cannot quote"),
        (root(json!({ "challenge": { "realm": "a\nb" } })), "challenge.realm", "cannot quote"),
        (root(json!({ "challenge": { "realm": "\u{e9}" } })), "challenge.realm", "cannot quote"),
        (root(json!({ "cors": { "origins": "*" } })), "cors.origins", "a string"),
        (root(json!({ "cors": { "origins": [] } })), "cors.origins", "an empty list"),
        (root(json!({ "cors": { "origins": ["*", "app.example"] } })), "cors.origins[1]", "not an origin"),
        (
            root(json!({ "cors": { "origins": ["https://app.example/"] } })),
            "cors.origins[0]",
            "not an origin",
        ),
        (root(json!({ "cors": { "origins": ["https://App.example"] } })), "cors.origins[0]", "not an origin"),
        (root(json!({ "cors": { "origins": ["null"] } })), "cors.origins[0]", "not an origin"),
        (root(json!({ "explain": { "access": "public" } })), "explain.access", "\"public\""),
        (root(json!({ "explain": { "access": true } })), "explain.access", "a boolean"),
        (root(json!({ "explain": { "key": "k" } })), "explain.key", "not a known field"),
    ]);
}

#[test]
fn a_fault_in_an_issuer_has_its_path() {
    let preset = |issuer: &str, preset: &str| json!({ "issuers": [{ "issuer": issuer, "preset": preset, "audience": "unchecked" }] });
    each_has_its_one_fault(vec![
        (with_issuer(json!({ "issuer": null })), "issuers[0].issuer", "missing"),
        (with_issuer(json!({ "issuer": "" })), "issuers[0].issuer", "an empty string"),
        (with_issuer(json!({ "issuer": 1 })), "issuers[0].issuer", "a number"),
        (json!({ "issuers": [sound_issuer(), sound_issuer()] }), "issuers[1].issuer", "twice"),
        (with_issuer(json!({ "jwks_uri": null })), "issuers[0].jwks_uri", "missing"),
        (with_issuer(json!({ "jwks_uri": "http://a.example/jwks" })), "issuers[0].jwks_uri", "http"),
        (
            with_issuer(json!({ "jwks_uri": "https://u:p@a.example/" })),
            "issuers[0].jwks_uri",
            "user information",
        ),
        (with_issuer(json!({ "jwks_uri": "a.example/jwks" })), "issuers[0].jwks_uri", "https"),
        (with_issuer(json!({ "jwks_uri": 1 })), "issuers[0].jwks_uri", "a number"),
        (with_issuer(json!({ "discovery": "yes" })), "issuers[0].discovery", "a string"),
        (with_issuer(json!({ "discovery": true })), "issuers[0].discovery", "beside jwks_uri"),
        (
            with_issuer(json!({ "issuer": "a.example", "jwks_uri": null, "discovery": true })),
            "issuers[0].issuer",
            "leads to",
        ),
        (with_issuer(json!({ "preset": "clark" })), "issuers[0].preset", "\"clark\""),
        (preset("https://a.example", "clark"), "issuers[0].preset", "\"clark\""),
        (preset("https://clerk.example/", "clerk"), "issuers[0].issuer", "no slash"),
        (preset("https://x.supabase.co", "supabase"), "issuers[0].issuer", "/auth/v1"),
        (preset("https://x.supabase.co/auth/v1/", "supabase"), "issuers[0].issuer", "/auth/v1"),
        (preset("https://x.auth0.com", "auth0"), "issuers[0].issuer", "slash"),
        (preset("clerk.example", "clerk"), "issuers[0].issuer", "leads to"),
        (with_issuer(json!({ "types": "JWT" })), "issuers[0].types", "a string"),
        (with_issuer(json!({ "require_type": 1 })), "issuers[0].require_type", "a number"),
        (with_issuer(json!({ "max_age_seconds": 0 })), "issuers[0].max_age_seconds", "0"),
        (with_issuer(json!({ "max_age_seconds": -1 })), "issuers[0].max_age_seconds", "negative"),
        (with_issuer(json!({ "authorized_parties": [] })), "issuers[0].authorized_parties", "an empty list"),
        (with_issuer(json!({ "authorized_parties": [""] })), "issuers[0].authorized_parties", "a list"),
        (with_issuer(json!({ "required_claims": "user_id" })), "issuers[0].required_claims", "a string"),
        (with_issuer(json!({ "required_scopes": [1] })), "issuers[0].required_scopes", "a list"),
        (with_issuer(json!({ "audiences": ["a"] })), "issuers[0].audiences", "not a known field"),
    ]);
}

#[test]
fn a_fault_in_an_audience_has_its_path() {
    let with = |audience: Value| with_issuer(json!({ "audience": audience }));
    each_has_its_one_fault(vec![
        (with(json!(null)), "issuers[0].audience", "missing"),
        (with(json!("backend")), "issuers[0].audience", "other than \"unchecked\""),
        (with(json!("Unchecked")), "issuers[0].audience", "other than \"unchecked\""),
        (with(json!(["backend"])), "issuers[0].audience", "neither a table nor"),
        (with(json!(false)), "issuers[0].audience", "neither a table nor"),
        (with(json!({})), "issuers[0].audience", "requires no audience"),
        (with(json!({ "any_of": ["a"], "all_of": ["b"] })), "issuers[0].audience", "both"),
        (with(json!({ "any_of": [] })), "issuers[0].audience.any_of", "an empty list"),
        (with(json!({ "any_of": "a" })), "issuers[0].audience.any_of", "a string"),
        (with(json!({ "all_of": [""] })), "issuers[0].audience.all_of", "a list"),
        (
            with(json!({ "any_of": ["a"], "none_of": ["b"] })),
            "issuers[0].audience.none_of",
            "not a known field",
        ),
    ]);
}

#[test]
fn a_fault_in_algorithms_or_secrets_has_its_path() {
    let secret = json!([{ "binding": "S" }]);
    each_has_its_one_fault(vec![
        (with_issuer(json!({ "algorithms": [] })), "issuers[0].algorithms", "an empty list"),
        (with_issuer(json!({ "algorithms": "RS256" })), "issuers[0].algorithms", "a string"),
        (
            with_issuer(json!({ "algorithms": ["RS256", "none"] })),
            "issuers[0].algorithms[1]",
            "not supported",
        ),
        (with_issuer(json!({ "algorithms": ["rs256"] })), "issuers[0].algorithms[0]", "not supported"),
        (with_issuer(json!({ "algorithms": ["HS256"] })), "issuers[0].algorithms[0]", "shared secret"),
        (
            with_issuer(json!({ "algorithms": ["RS256"], "secrets": secret, "jwks_uri": null })),
            "issuers[0].algorithms[0]",
            "public keys",
        ),
        (
            with_issuer(json!({ "algorithms": ["RS256"], "secrets": secret })),
            "issuers[0].secrets",
            "never be used",
        ),
        (
            with_issuer(json!({ "algorithms": ["RS256"], "jwks_uri": "http://a.example/jwks" })),
            "issuers[0].jwks_uri",
            "http",
        ),
        (with_issuer(json!({ "secrets": "S" })), "issuers[0].secrets", "a string"),
        (with_issuer(json!({ "secrets": "S", "jwks_uri": null })), "issuers[0].secrets", "a string"),
        (with_issuer(json!({ "secrets": ["S"] })), "issuers[0].secrets[0]", "a string"),
        (with_issuer(json!({ "secrets": [{}] })), "issuers[0].secrets[0].binding", "missing"),
        (
            with_issuer(json!({ "secrets": [{ "binding": "" }] })),
            "issuers[0].secrets[0].binding",
            "an empty string",
        ),
        (
            with_issuer(json!({ "secrets": [{ "binding": "S", "encoding": "base32" }] })),
            "issuers[0].secrets[0].encoding",
            "\"base32\"",
        ),
        (
            with_issuer(json!({ "secrets": [{ "binding": "S", "kid": "" }] })),
            "issuers[0].secrets[0].kid",
            "empty",
        ),
        (
            with_issuer(json!({ "secrets": [{ "binding": "S", "value": "hunter2" }] })),
            "issuers[0].secrets[0].value",
            "not a known field",
        ),
    ]);
}

#[test]
fn all_faults_are_reported_at_once_each_with_its_path() {
    let config = json!({
        "verify": { "leeway_seconds": 301, "max_token_byte": 1024 },
        "jwks": { "ttl_seconds": 59, "fetch_timeout_ms": "5s" },
        "endpoints": { "prefix": "verify" },
        "challenge": { "realm": "\"" },
        "cors": { "origins": ["https://app.example", "app.example"] },
        "explain": { "access": "all" },
        "issuers": [
            { "issuer": "https://x.auth0.com", "preset": "auth0" },
            { "issuer": "https://b.example", "preset": "oicd", "audience": "b" },
            { "jwks_uri": "ftp://c.example", "audience": { "any_of": [] }, "algorithms": ["RS256", "none"] },
            { "issuer": "https://d.example", "audience": "unchecked", "secrets": [{ "kid": "k" }], "types": [] },
            "https://e.example",
        ],
        "issuer": {},
    });
    let faults = faults_of(Some(&config.to_string()));
    let mut found = paths(&faults);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "challenge.realm",
            "cors.origins[1]",
            "endpoints.prefix",
            "explain.access",
            "issuer",
            "issuers[0].audience",
            "issuers[0].issuer",
            "issuers[1].audience",
            "issuers[1].preset",
            "issuers[2].algorithms[1]",
            "issuers[2].audience.any_of",
            "issuers[2].issuer",
            "issuers[2].jwks_uri",
            "issuers[3].secrets[0].binding",
            "issuers[3].types",
            "issuers[4]",
            "jwks.fetch_timeout_ms",
            "jwks.ttl_seconds",
            "verify.leeway_seconds",
            "verify.max_token_byte",
        ]
    );
}

#[test]
fn missing_issuers_are_reported_beside_other_faults() {
    let faults = faults_of(Some(r#"{"verify":{"leeway_seconds":301}}"#));
    assert_eq!(paths(&faults), ["verify.leeway_seconds", "issuers"]);
}

#[test]
fn an_unknown_field_is_answered_with_the_nearest_known_one() {
    for (config, suggested) in [
        (with_issuer(json!({ "jwks-uri": "x" })), "jwks_uri"),
        (with_issuer(json!({ "authorised_parties": ["x"] })), "authorized_parties"),
        (with_issuer(json!({ "required_claim": ["x"] })), "required_claims"),
        (with_issuer(json!({ "Preset": "clerk" })), "preset"),
        (root(json!({ "verify": { "leeway": 5 } })), "leeway_seconds"),
        (root(json!({ "jwks": { "ttl": 5 } })), "ttl_seconds"),
        (root(json!({ "isuers": [] })), "issuers"),
    ] {
        let faults = faults_of(Some(&config.to_string()));
        assert!(faults[0].fix.contains(&format!("`{suggested}`")), "{config}: {}", faults[0]);
    }
    let far = faults_of(Some(&root(json!({ "verify": { "zzz": 5 } })).to_string()));
    assert!(far[0].fix.contains("leeway_seconds") && far[0].fix.contains("max_token_bytes"), "{}", far[0]);
}

#[test]
fn what_is_left_out_has_its_default() {
    let terms = terms(&root(json!({})));
    assert_eq!(terms.max_token_bytes, 16_384);
    assert_eq!(
        terms.cache,
        CachePolicy {
            ttl_seconds: 3600,
            stale_if_error_seconds: 86_400,
            unknown_kid_cooldown_seconds: 30,
            fetch_timeout_ms: 5000,
        }
    );
    let issuer = terms.issuers.find("https://a.example").unwrap();
    assert_eq!(issuer.rules.types, ["JWT", "at+jwt"]);
    assert_eq!(issuer.rules.leeway_seconds, 5);
    assert_eq!(issuer.rules.audience, AudienceRule::Unchecked);
    assert_eq!(issuer.rules.authorized_parties, None);
    assert_eq!(issuer.algorithms, edge_assay::trust::presets::ASYMMETRIC);
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
            edge_assay::trust::presets::ASYMMETRIC.to_vec(),
        ),
    ] {
        let config = json!({ "issuers": [{ "issuer": issuer, "preset": preset, "audience": "unchecked" }] });
        let terms = terms(&config);
        let trusted = terms.issuers.find(issuer).unwrap();
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
    let trusted = terms.issuers.find("https://c.example").unwrap();
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
        let faults = faults_of(Some(&with_issuer(json!({ "jwks_uri": uri })).to_string()));
        assert_eq!(faults.is_empty(), is_sound, "{uri}");
    }
}

#[test]
fn the_configuration_that_wrangler_toml_ships_is_sound() {
    let wrangler: toml::Table = toml::from_str(include_str!("../wrangler.toml")).unwrap();
    let assay = serde_json::to_value(&wrangler["vars"]["ASSAY"]).unwrap();
    assert_eq!(faults_of(Some(&assay.to_string())), []);
    assert_eq!(terms(&assay).issuers.iter().count(), assay["issuers"].as_array().unwrap().len());
}

#[test]
fn every_configuration_in_the_readme_is_sound() {
    let readme = include_str!("../README.md");
    let examples: Vec<&str> = readme
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .filter(|example| example.contains("vars.ASSAY"))
        .collect();
    assert!(!examples.is_empty());
    for example in examples {
        let table: toml::Table = toml::from_str(example).unwrap();
        let assay = serde_json::to_value(&table["vars"]["ASSAY"]).unwrap();
        assert_eq!(faults_of(Some(&assay.to_string())), [], "{example}");
    }
}

/// A Worker with a faulty configuration, and the key that opens its insides.
fn faulty(changes: &Value) -> World {
    let config = merged(json!({ "issuers": [{ "issuer": "https://a.example" }], "surplus": 1 }), changes);
    World::with_secrets(&config, &[("EXPLAIN_KEY", "open sesame"), ("SHARED", SECRET)])
}

#[test]
fn a_faulty_configuration_answers_503_to_everything_but_healthz() {
    let world = faulty(&json!({}));
    for request in [
        FakeRequest::get("/verify"),
        FakeRequest::verify("a.b.c"),
        FakeRequest::get("/nowhere"),
        FakeRequest::get("/"),
        FakeRequest::new(http::Method::DELETE, "/verify"),
        FakeRequest::new(http::Method::OPTIONS, "/verify")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET"),
        FakeRequest::get("/readyz"),
    ] {
        let response = world.ask(&request);
        assert_eq!(response.status(), 503, "{request:?}");
        assert_eq!(body(&response)["code"], "config_invalid", "{request:?}");
        assert_eq!(header(&response, "cache-control").as_deref(), Some("no-store"));
    }
    assert_eq!(header(&world.ask(&FakeRequest::get("/verify")), "retry-after").as_deref(), Some("60"));
    let health = world.ask(&FakeRequest::get("/healthz"));
    assert_eq!((health.status().as_u16(), body(&health)), (200, json!({ "status": "ok" })));
}

#[test]
fn the_faults_are_logged_once_per_isolate() {
    let world = faulty(&json!({}));
    for _ in 0..3 {
        world.ask(&FakeRequest::verify("a.b.c"));
    }
    let logged = world.platform.events("config_invalid");
    assert_eq!(logged.len(), 1);
    let paths: Vec<_> = logged[0]["faults"].as_array().unwrap().iter().map(|fault| &fault["path"]).collect();
    assert_eq!(paths, ["issuers[0].jwks_uri", "issuers[0].audience", "surplus"]);
}

#[test]
fn readyz_shows_the_faults_to_whoever_has_the_key_and_to_nobody_else() {
    let world = faulty(&json!({}));
    // "user:open sesame", "user:open", "open sesame" without a colon.
    for (name, value, is_shown) in [
        ("x-explain-key", "open sesame", true),
        ("authorization", "Basic dXNlcjpvcGVuIHNlc2FtZQ==", true),
        ("authorization", "bASIC  dXNlcjpvcGVuIHNlc2FtZQ==", true),
        ("x-explain-key", "open", false),
        ("x-explain-key", "", false),
        ("x-explain-key", "open sesame ", false),
        ("authorization", "Basic dXNlcjpvcGVu", false),
        ("authorization", "Basic b3BlbiBzZXNhbWU=", false),
        ("authorization", "Basic !", false),
        ("authorization", "Bearer open sesame", false),
        ("authorization", "open sesame", false),
        ("explain-key", "open sesame", false),
    ] {
        let response = world.ask(&FakeRequest::get("/readyz").header(name, value));
        assert_eq!(response.status(), 503);
        let report = body(&response);
        assert_eq!(report["details"]["faults"].is_array(), is_shown, "{name}: {value}");
        if !is_shown {
            assert_eq!(report, json!({ "status": "not_ready", "code": "config_invalid" }));
        }
    }
    assert_eq!(
        body(&world.ask(&FakeRequest::get("/readyz?key=open%20sesame"))),
        json!({ "status": "not_ready", "code": "config_invalid" })
    );
}

#[test]
fn without_the_key_being_set_nobody_sees_the_faults() {
    for secrets in [&[][..], &[("EXPLAIN_KEY", "")]] {
        let world = World::with_secrets(&json!({}), secrets);
        for value in ["", "undefined", "null"] {
            let response = world.ask(&FakeRequest::get("/readyz").header("x-explain-key", value));
            assert_eq!(body(&response).get("details"), None);
        }
        let response = world.ask(&FakeRequest::get("/readyz").header("authorization", "Basic dXNlcjo="));
        assert_eq!(body(&response).get("details"), None);
    }
}

#[test]
fn open_access_shows_the_faults_to_everybody() {
    let world = faulty(&json!({ "explain": { "access": "open" } }));
    let report = body(&world.ask(&FakeRequest::get("/readyz")));
    let shown = &report["details"]["faults"][2];
    assert_eq!((&shown["path"], &shown["problem"]), (&json!("surplus"), &json!("is not a known field")));
    // And a fault in that very table closes it.
    let closed = faulty(&json!({ "explain": { "access": "opne" } }));
    assert_eq!(body(&closed.ask(&FakeRequest::get("/readyz"))).get("details"), None);
}

#[test]
fn the_faults_are_shown_on_readyz_alone() {
    let world = faulty(&json!({ "explain": { "access": "open" } }));
    for path in ["/healthz", "/verify", "/nowhere"] {
        let response = world.ask(&FakeRequest::get(path).header("x-explain-key", "open sesame"));
        assert!(!String::from_utf8_lossy(response.body()).contains("surplus"), "{path}");
    }
}

#[test]
fn the_values_of_secrets_appear_nowhere() {
    let secrets =
        json!([{ "binding": "SHARED" }, { "binding": "BROKEN", "encoding": "hex" }, { "binding": "ABSENT" }]);
    let sound = json!({
        "explain": { "access": "open" },
        "issuers": [{ "issuer": "https://a.example", "audience": "unchecked", "secrets": secrets }],
    });
    let bound = [("SHARED", SECRET), ("BROKEN", "marker-of-a-secret"), ("EXPLAIN_KEY", "open sesame")];
    for config in [sound.clone(), merged(sound, &json!({ "surplus": 1 }))] {
        let world = World::with_secrets(&config, &bound);
        for path in ["/readyz", "/healthz", "/verify", "/nowhere"] {
            let request = FakeRequest::get(path).header("x-explain-key", "open sesame");
            let response = world.ask(&request);
            let seen = format!("{:?} {}", response.headers(), String::from_utf8_lossy(response.body()));
            let logged = format!("{:?} {:?}", world.platform.log_lines(), world.app);
            for (_, value) in &bound {
                assert!(!seen.contains(value) && !logged.contains(value), "{path}");
            }
        }
    }
}

#[test]
fn readyz_names_the_secrets_that_cannot_be_used() {
    let config = json!({
        "explain": { "access": "open" },
        "issuers": [{ "issuer": "https://a.example", "audience": "unchecked", "secrets": [
            { "binding": "SHARED", "kid": "k" }, { "binding": "ABSENT" },
        ]}],
    });
    let world = World::with_secrets(&config, &[("SHARED", SECRET)]);
    let response = world.ask(&FakeRequest::get("/readyz"));
    let report = body(&response);
    assert_eq!((response.status().as_u16(), &report["code"]), (503, &json!("secret_missing")));
    let secrets = &report["details"]["issuers"][0]["secrets"];
    assert_eq!(secrets[0], json!({ "binding": "SHARED", "kid": "k", "usable": true }));
    assert_eq!((&secrets[1]["binding"], &secrets[1]["usable"]), (&json!("ABSENT"), &json!(false)));
}
