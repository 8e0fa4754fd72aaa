//! The responses of a faulty configuration, and the access to its faults.

use serde_json::{Value, json};

use crate::support::keys::SECRET;
use crate::support::request::FakeRequest;
use crate::support::world::{World, body, header, merged};

const KEY: &str = "open sesame, and let nobody else in";

/// A Worker with a faulty configuration, and with an explain key.
fn faulty(changes: &Value) -> World {
    let config = merged(json!({ "issuers": [{ "issuer": "https://a.example" }], "surplus": 1 }), changes);
    World::with_secrets(&config, &[("EXPLAIN_KEY", KEY), ("SHARED", SECRET)])
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
fn readyz_shows_the_faults_only_with_the_explain_key() {
    let world = faulty(&json!({}));
    // The Base64 texts are: "user:" and the key (twice), "user:open", and the key without a user.
    for (name, value, is_shown) in [
        ("x-explain-key", KEY, true),
        ("authorization", "Basic dXNlcjpvcGVuIHNlc2FtZSwgYW5kIGxldCBub2JvZHkgZWxzZSBpbg==", true),
        ("authorization", "bASIC  dXNlcjpvcGVuIHNlc2FtZSwgYW5kIGxldCBub2JvZHkgZWxzZSBpbg==", true),
        ("x-explain-key", "open", false),
        ("x-explain-key", "", false),
        ("x-explain-key", "open sesame, and let nobody else in ", false),
        ("authorization", "Basic dXNlcjpvcGVu", false),
        ("authorization", "Basic b3BlbiBzZXNhbWUsIGFuZCBsZXQgbm9ib2R5IGVsc2UgaW4=", false),
        ("authorization", "Basic !", false),
        ("authorization", "Bearer open sesame, and let nobody else in", false),
        ("authorization", KEY, false),
        ("explain-key", KEY, false),
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
        body(&world.ask(&FakeRequest::get("/readyz?key=open%20sesame,%20and%20let%20nobody%20else%20in"))),
        json!({ "status": "not_ready", "code": "config_invalid" })
    );
}

#[test]
fn without_an_explain_key_no_caller_sees_the_faults() {
    for secrets in [&[][..], &[("EXPLAIN_KEY", "")]] {
        let world = World::with_secrets(&json!({ "surplus": 1 }), secrets);
        for value in ["", "undefined", "null"] {
            let response = world.ask(&FakeRequest::get("/readyz").header("x-explain-key", value));
            assert_eq!(body(&response).get("details"), None);
        }
        let response = world.ask(&FakeRequest::get("/readyz").header("authorization", "Basic dXNlcjo="));
        assert_eq!(body(&response).get("details"), None);
    }
}

#[test]
fn open_access_shows_the_faults_to_all_callers() {
    let world = faulty(&json!({ "explain": { "access": "open" } }));
    let report = body(&world.ask(&FakeRequest::get("/readyz")));
    let shown = &report["details"]["faults"][2];
    assert_eq!((&shown["path"], &shown["problem"]), (&json!("surplus"), &json!("is not a known field")));
    // A fault in the table `explain` itself closes the access.
    let closed = faulty(&json!({ "explain": { "access": "opne" } }));
    assert_eq!(body(&closed.ask(&FakeRequest::get("/readyz"))).get("details"), None);
}

#[test]
fn the_faults_are_shown_on_readyz_alone() {
    let world = faulty(&json!({ "explain": { "access": "open" } }));
    for path in ["/healthz", "/verify", "/nowhere"] {
        let response = world.ask(&FakeRequest::get(path).header("x-explain-key", KEY));
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
    let bound = [("SHARED", SECRET), ("BROKEN", "marker-of-a-secret"), ("EXPLAIN_KEY", KEY)];
    for config in [sound.clone(), merged(sound, &json!({ "surplus": 1 }))] {
        let world = World::with_secrets(&config, &bound);
        for path in ["/readyz", "/healthz", "/verify", "/nowhere"] {
            let request = FakeRequest::get(path).header("x-explain-key", KEY);
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

#[test]
fn a_faulty_configuration_names_the_readiness_page_where_it_is() {
    for config in [
        json!({ "endpoints": { "prefix": "/_assay" } }),
        json!({ "endpoints": { "prefix": "/_assay" }, "issuers": [{ "issuer": "https://a.example" }] }),
    ] {
        let world = World::new(&config);
        let refused = body(&world.ask(&FakeRequest::get("/_assay/verify")));
        assert_eq!(refused["code"], "config_invalid");
        assert!(refused["detail"].as_str().unwrap().contains("/_assay/readyz"), "{refused}");
    }
}
