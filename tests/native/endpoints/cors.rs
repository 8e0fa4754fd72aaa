//! CORS: requests of scripts from other origins.

use edge_assay::http::Response;
use http::Method;
use serde_json::json;

use super::{preflight, token, worker};
use crate::support::request::FakeRequest;
use crate::support::world::header;

fn access_control_headers(response: &Response) -> Vec<String> {
    let names = response.headers().names().map(str::to_owned);
    names.filter(|name| name.starts_with("access-control-")).collect()
}

#[test]
fn a_script_of_a_configured_origin_may_call() {
    let world = worker(&json!({ "cors": { "origins": ["https://app.example", "http://localhost:5173"] } }));
    for origin in ["https://app.example", "http://localhost:5173"] {
        let allowed = world.ask(&preflight("/verify", origin));
        assert_eq!(allowed.status(), 204);
        assert!(allowed.body().is_empty());
        for (name, value) in [
            ("access-control-allow-origin", origin),
            ("access-control-allow-methods", "GET, HEAD, POST"),
            ("access-control-allow-headers", "Authorization, Content-Type"),
            ("access-control-max-age", "7200"),
            ("vary", "origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(header(&allowed, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(header(&allowed, "access-control-allow-credentials"), None);
    }
    for request in
        [FakeRequest::verify(&token(&json!({}))), FakeRequest::get("/verify"), FakeRequest::get("/nowhere")]
    {
        let response = world.ask(&request.header("origin", "https://app.example"));
        assert_eq!(
            header(&response, "access-control-allow-origin").as_deref(),
            Some("https://app.example"),
            "refusals too, so that the script sees why"
        );
        let exposed = header(&response, "access-control-expose-headers");
        assert_eq!(exposed.as_deref(), Some("WWW-Authenticate, Retry-After"));
    }
}

#[test]
fn a_script_of_another_origin_learns_nothing() {
    let world = worker(&json!({ "cors": { "origins": ["https://app.example"] } }));
    for origin in [
        "https://evil.example",
        "https://app.example.evil.example",
        "http://app.example",
        "https://app.example:443",
        "https://APP.example",
        "null",
        "*",
        "",
    ] {
        let response = world.ask(&FakeRequest::verify(&token(&json!({}))).header("origin", origin));
        assert_eq!(header(&response, "access-control-allow-origin"), None, "{origin}");
        assert_eq!(header(&response, "vary").as_deref(), Some("origin"));
        assert_eq!(header(&world.ask(&preflight("/verify", origin)), "access-control-allow-origin"), None);
    }
    let without = world.ask(&FakeRequest::verify(&token(&json!({}))));
    assert_eq!(header(&without, "vary").as_deref(), Some("origin"), "a cache must tell them apart");
}

#[test]
fn a_star_lets_every_script_call() {
    let world = worker(&json!({ "cors": { "origins": ["*"] } }));
    for request in [preflight("/verify", "https://any.example"), FakeRequest::verify("null")] {
        let response = world.ask(&request.header("origin", "https://any.example"));
        assert_eq!(header(&response, "access-control-allow-origin").as_deref(), Some("*"));
        assert_eq!(header(&response, "vary"), None);
        assert_eq!(header(&response, "access-control-allow-credentials"), None);
    }
}

#[test]
fn without_configured_origins_no_script_may_call() {
    let world = worker(&json!({}));
    for request in [
        preflight("/verify", "https://app.example"),
        FakeRequest::verify(&token(&json!({}))).header("origin", "https://app.example"),
    ] {
        let response = world.ask(&request);
        assert_eq!(access_control_headers(&response), [""; 0], "{request:?}");
        assert_eq!(header(&response, "vary"), None);
    }
    assert_eq!(world.ask(&preflight("/verify", "https://app.example")).status(), 405);
}

#[test]
fn options_is_a_preflight_only_with_both_headers() {
    let world = worker(&json!({ "cors": { "origins": ["*"] } }));
    for request in [
        FakeRequest::new(Method::OPTIONS, "/verify"),
        FakeRequest::new(Method::OPTIONS, "/verify").header("origin", "https://app.example"),
        FakeRequest::new(Method::OPTIONS, "/verify").header("access-control-request-method", "GET"),
    ] {
        assert_eq!(world.ask(&request).status(), 405, "{request:?}");
    }
}
