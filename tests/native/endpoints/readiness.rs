//! `/readyz` is 200 only if the tokens of every issuer could be verified now, and `degraded` if only with cached keys.

use http::Method;
use serde_json::{Value, json};

use super::{ISS, token, worker};
use crate::support::keys::{self, SECRET, ed25519, p_256, rsa_2048};
use crate::support::platform::{Answer, StoreMode};
use crate::support::request::FakeRequest;
use crate::support::world::{World, body, issuer, jwks_uri};

/// The HTTP status, the `status` and the `code` of `/readyz`.
fn ready(world: &World) -> (u16, String, Value) {
    let response = world.ask(&FakeRequest::get("/readyz"));
    let report = body(&response);
    (response.status().as_u16(), report["status"].as_str().unwrap().to_owned(), report["code"].clone())
}

fn is_ready(world: &World) -> bool {
    ready(world) == (200, "ready".to_owned(), Value::Null)
}

fn is_degraded(world: &World) -> bool {
    ready(world) == (200, "degraded".to_owned(), Value::Null)
}

fn refuses_with(world: &World, code: &str) -> bool {
    ready(world) == (503, "not_ready".to_owned(), json!(code))
}

fn open() -> Value {
    json!({ "explain": { "access": "open" } })
}

#[test]
fn a_cold_worker_is_not_ready_before_its_keys_could_be_had() {
    for (answer, code) in [
        (Answer::status(404), "jwks_invalid"),
        (Answer::status(503), "jwks_unavailable"),
        (Answer::unreachable(), "jwks_unavailable"),
        (Answer::json(r#"{"keys":[]}"#), "jwks_invalid"),
        (Answer::json(keys::jwks(&[ed25519().public_jwk_with(&json!({ "use": "enc" }))])), "jwks_invalid"),
        (Answer::html("<html>"), "jwks_invalid"),
    ] {
        for target in ["/readyz", "/readyz?deep=1"] {
            let world = worker(&open());
            world.serves(&jwks_uri(ISS), answer.clone());
            let response = world.ask(&FakeRequest::get(target));
            assert_eq!(
                (response.status().as_u16(), body(&response)["code"].clone()),
                (503, json!(code)),
                "{answer:?}"
            );
        }
    }
    assert!(is_ready(&worker(&json!({}))));
}

#[test]
fn an_issuer_that_is_not_ready_has_the_fix_that_an_explanation_gives() {
    for answer in [
        Answer::status(404),
        Answer::status(403),
        Answer::unreachable(),
        Answer::json(r#"{"keys":[]}"#),
        Answer::html("<html>"),
    ] {
        let world = worker(&open());
        world.serves(&jwks_uri(ISS), answer.clone());
        let report = body(&world.ask(&FakeRequest::get("/readyz")));
        let fix = report["details"]["issuers"][0]["fix"].as_str().unwrap();
        let explain = FakeRequest::new(Method::POST, "/explain").bearer(&token(&json!({})));
        let explained = body(&world.ask(&explain));
        let said = explained["cause"]["fix"].as_str().unwrap();
        // The rest of the fix is about a token, and there is none here.
        let until_time = |text: &str| text.split(", in ").next().unwrap().to_owned();
        assert!(until_time(said).ends_with(&until_time(fix)), "{answer:?}: {fix}\n{said}");
    }
    let world = worker(&open());
    let report = body(&world.ask(&FakeRequest::get("/readyz")));
    assert_eq!(report["details"]["issuers"][0].get("fix"), None);
    // Callers that may not see details do not get the reason.
    let world = worker(&json!({}));
    world.serves(&jwks_uri(ISS), Answer::status(404));
    assert_eq!(body(&world.ask(&FakeRequest::get("/readyz"))).get("details"), None);
}

#[test]
fn a_discovery_document_about_another_issuer_is_no_readiness() {
    const COMMON: &str = "https://login.microsoftonline.com/common/v2.0";
    let world = World::trusting(&[json!({ "issuer": COMMON, "preset": "oidc", "audience": "unchecked" })]);
    let document = json!({
        "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
        "jwks_uri": "https://login.microsoftonline.com/common/discovery/v2.0/keys",
    });
    world.serves(&format!("{COMMON}/.well-known/openid-configuration"), Answer::json(document.to_string()));
    assert!(refuses_with(&world, "jwks_invalid"));
}

#[test]
fn one_issuer_of_many_that_cannot_verify_is_enough() {
    let name = |index: usize| format!("https://issuer-{index}.example");
    let issuers: Vec<Value> = (0..10).map(|index| issuer(&name(index), &json!({}))).collect();
    let world = World::trusting(&issuers);
    for index in 0..10 {
        world.publishes(&name(index), &[ed25519()]);
    }
    assert!(is_ready(&world));
    assert!((0..10).all(|index| world.fetches(&name(index)) == 1));
    let world = World::trusting(&issuers);
    for index in 0..9 {
        world.publishes(&name(index), &[ed25519()]);
    }
    assert!(refuses_with(&world, "jwks_unavailable"));
}

#[test]
fn providers_are_asked_at_the_same_time_and_not_waited_for_beyond_ten_seconds() {
    let name = |index: usize| format!("https://slow-{index}.example");
    let issuers: Vec<Value> = (0..24).map(|index| issuer(&name(index), &json!({}))).collect();
    let world = World::new(&json!({ "issuers": issuers, "explain": { "access": "open" } }));
    for index in 0..24 {
        world.serves(&jwks_uri(&name(index)), Answer::json(keys::published(&[ed25519()])).after_ms(4000));
    }
    let begun = world.platform.now_ms();
    let response = world.ask(&FakeRequest::get("/readyz"));
    let took_ms = world.platform.now_ms() - begun;
    assert!((8000..14_000).contains(&took_ms), "{took_ms} ms");
    assert_eq!(response.status(), 503);
    let issuers = body(&response)["details"]["issuers"].clone();
    let ready = issuers.as_array().unwrap().iter().filter(|issuer| issuer["ready"] == true).count();
    assert_eq!(ready, 12, "two groups of six");
}

#[test]
fn no_caller_can_make_it_ask_a_provider_repeatedly() {
    // While the provider fails, the backoff applies to probes as well.
    let world = worker(&json!({}));
    world.serves(&jwks_uri(ISS), Answer::status(503));
    for _ in 0..50 {
        assert!(refuses_with(&world, "jwks_unavailable"));
    }
    assert!(world.fetches(ISS) <= 2, "{}", world.fetches(ISS));

    // While the provider answers, there is one probe per cooldown.
    let world = worker(&json!({}));
    for _ in 0..50 {
        assert!(is_ready(&world));
    }
    assert_eq!(world.fetches(ISS), 1);
    world.platform.pass(31);
    let puts = world.platform.store.puts();
    for _ in 0..50 {
        assert!(is_ready(&world));
    }
    assert_eq!(world.fetches(ISS), 2);
    assert_eq!(world.platform.store.puts(), puts, "a probe that brings nothing new is not written down");
}

#[test]
fn it_is_degraded_while_cached_keys_serve_and_their_provider_does_not_answer() {
    let world = worker(&json!({}));
    assert!(world.accepts(&token(&json!({}))));
    world.serves(&jwks_uri(ISS), Answer::status(503));
    assert!(is_degraded(&world));
    assert!(world.accepts(&token(&json!({}))), "which is why it is 200");
    world.publishes(ISS, &[ed25519()]);
    world.platform.pass(40);
    assert!(is_ready(&world));
    // Callers that may see details need not wait for the cooldown.
    let world = worker(&open());
    assert!(is_ready(&world));
    world.serves(&jwks_uri(ISS), Answer::status(404));
    world.platform.pass(2);
    let report = body(&world.ask(&FakeRequest::get("/readyz")));
    assert_eq!(
        (&report["status"], &report["details"]["issuers"][0]["ready"]),
        (&json!("degraded"), &json!(true))
    );
    assert_eq!(report["details"]["issuers"][0]["keys"]["last_error"]["problem"], "not_found");
}

#[test]
fn a_probe_that_finds_new_keys_takes_them() {
    let world = worker(&json!({}));
    assert!(is_ready(&world));
    world.publishes(ISS, &[p_256()]);
    world.platform.pass(31);
    assert!(is_ready(&world));
    assert!(!world.accepts(&token(&json!({}))), "the old key was withdrawn");
}

#[test]
fn it_is_degraded_while_the_store_does_not_answer() {
    let world = worker(&open());
    world.platform.store.behave(StoreMode::Down);
    assert!(is_degraded(&world));
    let store = body(&world.ask(&FakeRequest::get("/readyz")))["details"]["store"].clone();
    assert_eq!(store["answers"], false);
    assert!(store["problem"].is_string());
    world.platform.store.behave(StoreMode::Works);
    assert!(is_ready(&world));
    // Without public keys there is nothing to store.
    let secrets = json!({ "issuer": ISS, "audience": "unchecked", "secrets": [{ "binding": "S" }] });
    let world = World::with_secrets(&json!({ "issuers": [secrets] }), &[("S", SECRET)]);
    world.platform.store.behave(StoreMode::Down);
    assert!(is_ready(&world));
}

#[test]
fn a_secret_that_is_too_short_for_an_allowed_algorithm_is_not_usable_and_not_ready() {
    let configured = |algorithms: Value, secret: &str| {
        let issuer = json!({
            "issuer": ISS, "audience": "unchecked", "algorithms": algorithms, "secrets": [{ "binding": "S" }],
        });
        World::with_secrets(
            &json!({ "issuers": [issuer], "explain": { "access": "open" } }),
            &[("S", secret)],
        )
    };
    let short = "s".repeat(24);
    let world = configured(json!(["HS256"]), &short);
    assert!(refuses_with(&world, "secret_missing"));
    let report = body(&world.ask(&FakeRequest::get("/readyz")));
    let secret = &report["details"]["issuers"][0]["secrets"][0];
    assert_eq!(secret["usable"], false);
    assert!(secret["problem"].as_str().unwrap().contains("32 octets"));
    assert!(!report.to_string().contains(&short));

    assert!(is_ready(&configured(json!(["HS256"]), &"s".repeat(32))));
    assert!(refuses_with(&configured(json!(["HS256", "HS512"]), &"s".repeat(32)), "secret_missing"));
    assert!(is_ready(&configured(json!(["HS256", "HS512"]), &"s".repeat(64))));
}

#[test]
fn keys_that_serve_no_allowed_algorithm_verify_nothing() {
    let world = World::trusting(&[issuer(ISS, &json!({ "algorithms": ["RS256"] }))]);
    world.publishes(ISS, &[ed25519()]);
    assert!(refuses_with(&world, "jwks_invalid"));
    let world = World::trusting(&[issuer(ISS, &json!({ "algorithms": ["RS256", "EdDSA"] }))]);
    world.publishes(ISS, &[ed25519()]);
    assert!(is_ready(&world));
}

/// WebCrypto in workerd imports RSA keys with the exponents 3 and 65537 only. This one is 65539.
#[test]
fn a_key_that_the_configured_engine_cannot_import_is_set_aside() {
    let odd = rsa_2048().public_jwk_with(&json!({ "e": "AQAD", "kid": "odd" }));
    for (engine, alone, beside) in [
        ("rust", (200, "ready", Value::Null), (200, "ready", Value::Null)),
        ("webcrypto", (503, "not_ready", json!("config_invalid")), (200, "degraded", Value::Null)),
        ("both", (503, "not_ready", json!("config_invalid")), (200, "degraded", Value::Null)),
    ] {
        let refused = engine != "rust";
        for (keys, expected) in
            [(vec![odd.clone()], alone), (vec![odd.clone(), ed25519().public_jwk()], beside)]
        {
            let mut config = open();
            config["verify"] = json!({ "engine": engine });
            let world = worker(&config);
            world.serves(&jwks_uri(ISS), Answer::json(keys::jwks(&keys)));
            let (status, name, code) = ready(&world);
            assert_eq!((status, name.as_str(), code), expected, "{engine}");
            let report = body(&world.ask(&FakeRequest::get("/readyz")));
            let issuer = &report["details"]["issuers"][0];
            assert_eq!(
                issuer["problem"].as_str().is_some_and(|text| text.contains("verify.engine")),
                refused
            );
            let set_aside = issuer["keys"]["set_aside"].as_array().unwrap();
            assert_eq!(set_aside.iter().any(|key| key["kid"] == "odd"), refused, "{engine}");
            let usable = issuer["keys"]["keys"].as_array().unwrap();
            assert_eq!(usable.len(), keys.len() - usize::from(refused), "{engine}");
        }
    }
}

#[test]
fn an_empty_set_beside_secrets_is_ready() {
    let terms = json!({ "secrets": [{ "binding": "S" }], "algorithms": ["HS256", "ES256"] });
    let world = World::with_secrets(&json!({ "issuers": [issuer(ISS, &terms)] }), &[("S", SECRET)]);
    world.serves(&jwks_uri(ISS), Answer::json(r#"{"keys":[]}"#));
    assert!(is_ready(&world));
    assert_eq!(world.ask(&FakeRequest::new(Method::HEAD, "/readyz")).status(), 200);
}

#[test]
fn of_many_issuers_the_first_are_examined_and_the_others_are_counted() {
    let names: Vec<String> = (0..100).map(|number| format!("https://tenant-{number}.example")).collect();
    let tables: Vec<Value> = names.iter().map(|name| issuer(name, &json!({}))).collect();
    let world = World::new(&json!({ "issuers": tables, "explain": { "access": "open" } }));
    for name in names.iter().take(24) {
        world.publishes(name, &[ed25519()]);
    }
    let response = world.ask(&FakeRequest::get("/readyz"));
    let report = body(&response);
    assert_eq!((response.status().as_u16(), &report["status"]), (200, &json!("ready")));
    assert_eq!(report["details"]["issuers"].as_array().unwrap().len(), 24);
    assert_eq!(report["details"]["not_examined"], 76);
    let reads = world.platform.store.gets();
    assert!(reads <= 24 * 6, "{reads} reads");
    // A secret that cannot be used costs nothing to find.
    let mut tables = tables;
    tables.push(issuer(
        ISS,
        &json!({ "algorithms": ["EdDSA", "HS256"], "secrets": [{ "binding": "ABSENT" }] }),
    ));
    let world = World::new(&json!({ "issuers": tables }));
    for name in names.iter().take(24) {
        world.publishes(name, &[ed25519()]);
    }
    assert!(refuses_with(&world, "secret_missing"));
}
