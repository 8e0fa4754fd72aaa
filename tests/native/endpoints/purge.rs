//! `DELETE /keys`: who may drop the cached keys of an issuer, and what it answers.

use http::Method;
use serde_json::json;

use super::{ISS, KEY, token, worker};
use crate::support::keys::ed25519_second;
use crate::support::platform::{Answer, StoreMode};
use crate::support::request::FakeRequest;
use crate::support::world::{World, body, header, jwks_uri};

fn world() -> World {
    let world = worker(&json!({}));
    world.platform.bind_secret("EXPLAIN_KEY", KEY);
    world
}

fn purge(query: &str) -> FakeRequest {
    FakeRequest::new(Method::DELETE, &format!("/keys{query}")).header("x-explain-key", KEY)
}

#[test]
fn the_keys_are_dropped_and_the_answer_names_those_that_the_provider_serves_now() {
    let world = world();
    let withdrawn = token(&json!({}));
    assert!(world.accepts(&withdrawn));
    world.publishes(ISS, &[ed25519_second()]);
    assert!(world.accepts(&withdrawn), "from memory");
    let response = world.ask(&purge("?issuer=https%3A%2F%2Fissuer.example"));
    assert_eq!(response.status(), 200);
    let kids = [ed25519_second().kid()];
    assert_eq!(
        body(&response),
        json!({ "issuer": ISS, "fetched": true, "kids": kids, "everywhere_within_seconds": 150 })
    );
    assert_eq!(world.rejection(&withdrawn).code(), "key_not_found");
    world.serves(&jwks_uri(ISS), Answer::unreachable());
    world.platform.pass(10);
    let down = body(&world.ask(&purge("?issuer=https://issuer.example")));
    assert_eq!((down["fetched"].as_bool(), down["problem"].is_string()), (Some(false), true));
    assert_eq!(world.fault(&withdrawn).code(), "jwks_unavailable");
}

#[test]
fn it_needs_the_explain_key() {
    let world = world();
    assert!(world.accepts(&token(&json!({}))));
    let fetches = world.fetches(ISS);
    for (request, code) in [
        (FakeRequest::new(Method::DELETE, "/keys?issuer=https://issuer.example"), "explain_key_required"),
        (
            FakeRequest::new(Method::DELETE, "/keys?issuer=https://issuer.example")
                .bearer(&token(&json!({}))),
            "explain_key_required",
        ),
        (
            FakeRequest::new(Method::DELETE, "/keys?issuer=https://issuer.example")
                .header("x-explain-key", "wrong"),
            "explain_key_wrong",
        ),
    ] {
        let response = world.ask(&request);
        assert_eq!(
            (response.status().as_u16(), body(&response)["code"].as_str()),
            (401, Some(code)),
            "{request:?}"
        );
    }
    assert_eq!(world.fetches(ISS), fetches);
    for method in [Method::GET, Method::POST, Method::PUT] {
        let response = world.ask(
            &FakeRequest::new(method, "/keys?issuer=https://issuer.example").header("x-explain-key", KEY),
        );
        assert_eq!(
            (response.status().as_u16(), header(&response, "allow").as_deref()),
            (405, Some("DELETE"))
        );
    }
}

#[test]
fn it_needs_the_explain_key_also_if_explanations_are_open_to_all() {
    let world = worker(&json!({ "explain": { "access": "open" } }));
    assert!(world.accepts(&token(&json!({}))));
    let fetches = world.fetches(ISS);
    let anybody = FakeRequest::new(Method::DELETE, "/keys?issuer=https://issuer.example");
    for request in [anybody.clone(), anybody.clone().header("x-explain-key", KEY)] {
        let response = world.ask(&request);
        assert_eq!(
            (response.status().as_u16(), body(&response)["code"].as_str()),
            (401, Some("explain_key_required"))
        );
        assert!(!body(&response).to_string().contains("access ="), "{response:?}");
    }
    world.platform.bind_secret("EXPLAIN_KEY", KEY);
    assert_eq!(world.ask(&anybody).status(), 401);
    assert_eq!(world.fetches(ISS), fetches);
    assert_eq!(world.ask(&purge("?issuer=https://issuer.example")).status(), 200);
}

#[test]
fn an_issuer_that_is_not_configured_is_the_callers_fault() {
    let world = world();
    let invalid = (400, Some("call_invalid"));
    let not_found = (404, Some("issuer_not_found"));
    for (query, expected) in [
        ("", invalid),
        ("?iss=https://issuer.example", invalid),
        ("?issuer=a&issuer=b", invalid),
        ("?issuer=", invalid),
        ("?issuer=https://issuer.example/", not_found),
        ("?issuer=https://ISSUER.example", not_found),
    ] {
        let response = world.ask(&purge(query));
        assert_eq!((response.status().as_u16(), body(&response)["code"].as_str()), expected, "{query}");
    }
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn without_a_store_the_answer_says_that_other_isolates_keep_the_keys() {
    let world = world();
    world.platform.store.behave(StoreMode::Down);
    let response = world.ask(&purge("?issuer=https://issuer.example"));
    assert_eq!(
        (response.status().as_u16(), body(&response)["code"].as_str()),
        (503, Some("store_unavailable"))
    );
    assert!(header(&response, "retry-after").is_some());
}
