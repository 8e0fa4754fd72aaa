//! The gateway and forward-auth with fakes: where a request is forwarded, with which headers, and what is refused.

mod configuration;
mod cors;
mod credentials;
mod exchange;
mod forward_auth;
mod headers;
mod known;
mod paths;
mod routes;

use crate::support::keys::ed25519;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, Reply, World, body, claims, header, issuer, merged};
use edge_assay::http::Response;
use edge_assay::jose::Algorithm;
use edge_assay::ports::{UpstreamError, UpstreamRequest};
use http::Method;
use serde_json::{Value, json};

const ISS: &str = "https://issuer.example";
const OTHER: &str = "https://other.example";
const ORIGIN: &str = "https://origin.example.com";

/// A Worker that trusts two issuers and has these routes; `changes` are merged into the root of its configuration.
fn fronting_with(routes: &Value, changes: &Value, secrets: &[(&str, &str)]) -> World {
    let config = merged(
        json!({
            "issuers": [issuer(ISS, &json!({})), issuer(OTHER, &json!({}))],
            "gateway": { "routes": routes },
            "endpoints": { "prefix": "/_assay" },
        }),
        changes,
    );
    let world = World::with_secrets(&config, secrets);
    if let Err(faults) = &world.app.config.terms {
        panic!("{faults:#?}");
    }
    world.publishes(ISS, &[ed25519()]);
    world.publishes(OTHER, &[ed25519()]);
    world
}

fn fronting(routes: &Value) -> World {
    fronting_with(routes, &json!({}), &[])
}

/// A route to the origin, with `changes`.
fn route(path: &str, changes: &Value) -> Value {
    merged(json!({ "path": path, "upstream": ORIGIN }), changes)
}

fn token(changes: &Value) -> String {
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims(ISS, changes))
}

fn code(response: &Response) -> Value {
    body(response)["code"].clone()
}

fn challenge(response: &Response) -> Option<String> {
    header(response, "www-authenticate")
}

/// The value that the gateway sets for the header `name`.
fn value_set<'o>(upstream_request: &'o UpstreamRequest, name: &str) -> Option<&'o str> {
    upstream_request.set.iter().find(|(set, _)| set == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_request_with_a_good_token_is_forwarded_and_one_with_a_bad_token_never_is() {
    let world = fronting(&json!([route("/profiles/*", &json!({ "headers": { "x-user-id": "/sub" } }))]));
    let upstream_request = world.sent_on(&FakeRequest::get("/profiles?page=2").bearer(&token(&json!({}))));
    assert_eq!(upstream_request.url, "https://origin.example.com/profiles?page=2");
    assert_eq!(value_set(&upstream_request, "x-user-id"), Some("user_1"));
    assert!(upstream_request.remove.contains(&"authorization".to_owned()));
    assert_eq!(upstream_request.timeout_ms, 30_000);

    let bare = world.answered(&FakeRequest::get("/profiles"));
    assert_eq!((bare.status().as_u16(), code(&bare)), (401, json!("token_missing")));
    assert_eq!(challenge(&bare).as_deref(), Some("Bearer realm=\"edge-assay\""));
    let expired =
        world.answered(&FakeRequest::get("/profiles").bearer(&token(&json!({ "exp": 1_700_000_000 }))));
    assert_eq!((expired.status().as_u16(), code(&expired)), (401, json!("token_expired")));
    assert!(challenge(&expired).unwrap().contains("error=\"invalid_token\""));
    assert_eq!(world.platform.upstreams.received().len(), 1);
}

#[test]
fn an_upstream_has_the_time_of_its_route_and_else_that_of_the_gateway() {
    let routes = json!([route("/slow", &json!({ "timeout_ms": 50_000 })), route("/*", &json!({}))]);
    let world = fronting_with(&routes, &json!({ "gateway": { "routes": routes, "timeout_ms": 2000 } }), &[]);
    let timeout = |path: &str| world.sent_on(&FakeRequest::get(path).bearer(&token(&json!({})))).timeout_ms;
    assert_eq!((timeout("/slow"), timeout("/other")), (50_000, 2000));
}

#[test]
fn an_outage_of_the_issuer_is_503_and_nothing_is_forwarded() {
    let world = fronting(&json!([route("/*", &json!({}))]));
    let unverifiable = tokens::mint(Algorithm::EdDsa, &json!({}), &claims(ISS, &json!({})));
    world.serves(&crate::support::world::jwks_uri(ISS), crate::support::platform::Answer::unreachable());
    let response = world.answered(&FakeRequest::get("/x").bearer(&unverifiable));
    assert_eq!((response.status().as_u16(), code(&response)), (503, json!("jwks_unavailable")));
    assert!(world.platform.upstreams.received().is_empty());
}

#[test]
fn what_a_route_requires_beyond_a_good_token_is_403_with_its_reason() {
    let require = json!({
        "issuers": [ISS], "scopes": ["profiles:read"],
        "claims": [{ "claim": "/org/plan", "one_of": ["pro", "team"] }],
    });
    let world = fronting(&json!([route("/*", &json!({ "require": require }))]));
    let ask = |issuer: &str, changes: &Value| {
        let token = tokens::mint(Algorithm::EdDsa, &json!({}), &claims(issuer, changes));
        FakeRequest::get("/x").bearer(&token)
    };
    let good = json!({ "scope": "profiles:read", "org": { "plan": "pro" } });
    world.sent_on(&ask(ISS, &good));
    for (issuer, changes, expected) in [
        (OTHER, good.clone(), "issuer_not_accepted"),
        (ISS, json!({ "org": { "plan": "pro" } }), "scope_insufficient"),
        (ISS, json!({ "scope": "profiles:read" }), "condition_failed"),
        (ISS, json!({ "scope": "profiles:read", "org": { "plan": "free" } }), "condition_failed"),
    ] {
        let response = world.answered(&ask(issuer, &changes));
        assert_eq!((response.status().as_u16(), code(&response)), (403, json!(expected)));
        assert!(challenge(&response).unwrap().contains("error=\"insufficient_scope\""));
        assert!(!String::from_utf8_lossy(response.body()).contains("free"));
    }
    assert_eq!(world.platform.upstreams.received().len(), 1);
    assert_eq!(world.platform.events("request_refused").len(), 3);
}

#[test]
fn a_route_can_require_a_member_of_the_header() {
    let require = json!({ "claims": [{ "header": "/cat", "one_of": ["a", "b"] }] });
    let world = fronting(&json!([route("/*", &json!({ "require": require }))]));
    let ask = |header: Value, payload: Value| {
        let token = tokens::mint(Algorithm::EdDsa, &header, &claims(ISS, &payload));
        FakeRequest::get("/x").bearer(&token)
    };
    world.sent_on(&ask(json!({ "cat": "b" }), json!({})));
    for (header, payload) in [
        (json!({ "cat": "c" }), json!({})),
        (json!({ "cat": ["a"] }), json!({})),
        (json!({}), json!({})),
        // A claim of the same name is not the header's.
        (json!({}), json!({ "cat": "a" })),
    ] {
        let response = world.answered(&ask(header, payload));
        assert_eq!((response.status().as_u16(), code(&response)), (403, json!("condition_failed")));
        assert_eq!(body(&response)["detail"], "`one_of` is required of the header member /cat");
    }
}

#[test]
fn a_public_route_needs_no_token_and_still_verifies_one_that_is_sent() {
    let world =
        fronting(&json!([route("/*", &json!({ "public": true, "headers": { "x-user-id": "/sub" } }))]));
    assert_eq!(value_set(&world.sent_on(&FakeRequest::get("/x")), "x-user-id"), Some(""));
    let basic = world.sent_on(&FakeRequest::get("/x").header("authorization", "Basic dTpw"));
    assert_eq!(value_set(&basic, "x-user-id"), Some(""));
    let known = world.sent_on(&FakeRequest::get("/x").bearer(&token(&json!({}))));
    assert_eq!(value_set(&known, "x-user-id"), Some("user_1"));
    for bad in [token(&json!({ "exp": 1_700_000_000 })), "null".to_owned(), "a.b.c".to_owned()] {
        assert_eq!(world.answered(&FakeRequest::get("/x").bearer(&bad)).status(), 401, "{bad}");
    }
    assert_eq!(world.platform.upstreams.received().len(), 3);
}

#[test]
fn an_upstream_that_fails_is_502_or_504_and_is_named_in_the_log_alone() {
    for (failure, status) in [
        (UpstreamError::Timeout(30_000), 504),
        (UpstreamError::Unreachable("connect ECONNREFUSED origin.example.com".to_owned()), 502),
        (UpstreamError::Unbound("PROFILES".to_owned()), 502),
        (UpstreamError::Unsendable("origin.example.com".to_owned()), 502),
    ] {
        let world = fronting(&json!([route("/profiles/*", &json!({ "public": true }))]));
        world.platform.upstreams.fail(failure);
        let response = world.answered(&FakeRequest::get("/profiles/7"));
        assert_eq!((response.status().as_u16(), code(&response)), (status, json!("upstream_unavailable")));
        let shown = String::from_utf8_lossy(response.body()).into_owned();
        assert!(!shown.contains("origin") && !shown.contains("PROFILES"), "{shown}");
        let lines = world.platform.events("upstream_failed");
        assert_eq!(lines[0]["upstream"], ORIGIN);
        assert_eq!(lines[0]["route"], "/profiles/*");
    }
}

#[test]
fn a_client_that_does_not_send_its_whole_body_is_not_an_outage_of_the_api() {
    for (failure, status) in [(UpstreamError::BodyStalled(30_000), 408), (UpstreamError::BodyBroken, 400)] {
        let world = fronting(&json!([route("/*", &json!({ "public": true }))]));
        world.platform.upstreams.fail(failure);
        let response = world.answered(&FakeRequest::new(Method::POST, "/x").body("a"));
        assert_eq!((response.status().as_u16(), code(&response)), (status, json!("body_incomplete")));
        assert!(world.platform.events("upstream_failed").is_empty());
        assert_eq!(world.platform.events("request_refused")[0]["code"], "body_incomplete");
    }
}

#[test]
fn a_get_with_a_body_is_the_clients_fault_and_is_not_forwarded() {
    let world = fronting(&json!([route("/*", &json!({ "public": true }))]));
    for method in [Method::GET, Method::HEAD] {
        let response = world.answered(&FakeRequest::new(method.clone(), "/x").body("a"));
        assert_eq!(response.status(), 400, "{method}");
        if method == Method::GET {
            assert_eq!(code(&response), json!("body_not_allowed"));
        }
        world.sent_on(&FakeRequest::new(method, "/x").header("content-length", "0"));
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        world.sent_on(&FakeRequest::new(method, "/x").body("a"));
    }
    assert!(world.platform.events("upstream_failed").is_empty());
}

#[test]
fn no_client_reads_our_headers_and_tokens_out_of_an_answer_to_trace() {
    let world = fronting(&json!([route("/*", &json!({ "public": true }))]));
    for method in [Method::TRACE, Method::CONNECT] {
        let response = world.answered(&FakeRequest::new(method, "/x").bearer(&token(&json!({}))));
        assert_eq!((response.status().as_u16(), code(&response)), (405, json!("method_not_allowed")));
        assert!(!header(&response, "allow").unwrap().contains("TRACE"));
    }
}

#[test]
fn no_path_reaches_a_closed_route_by_another_name_of_the_same_file() {
    let routes = json!([
        route("/*", &json!({ "public": true })),
        route("/admin/*", &json!({ "require": { "scopes": ["admin"] } })),
    ]);
    let world = fronting_with(&routes, &json!({ "forward_auth": { "trusted": true } }), &[]);
    for path in [
        "/admin./x",
        "/admin%2e/x",
        "/admin%20/x",
        "/admin%20./x",
        "/%20admin/x",
        "/admin::$DATA",
        "/admin:$i30:$INDEX_ALLOCATION/x",
        "/adm%E2%80%8Bin/x",
        "/admin%EF%BB%BF/x",
        "/x%EF%BC%8F..%EF%BC%8Fadmin",
    ] {
        let response = world.answered(&FakeRequest::get(path));
        assert_eq!((response.status().as_u16(), code(&response)), (400, json!("path_refused")), "{path}");
        let question = FakeRequest::get("/_assay/auth-request")
            .header("x-original-method", "GET")
            .header("x-original-host", "api.example.com")
            .header("x-original-uri", path);
        let response = world.answered(&question);
        assert_eq!((response.status().as_u16(), code(&response)), (403, json!("path_refused")), "{path}");
    }
    assert!(world.platform.upstreams.received().is_empty());
    world.sent_on(&FakeRequest::get("/a.b/c%20d.txt"));
}

#[test]
fn a_service_binding_gets_the_urls_own_host() {
    let world =
        fronting(&json!([route("/*", &json!({ "upstream": { "service": "PROFILES" }, "public": true }))]));
    let upstream_request = world.sent_on(&FakeRequest::get("/x?y"));
    assert_eq!(upstream_request.url, "https://api.example.com/x?y");
    assert_eq!(upstream_request.service.as_deref(), Some("PROFILES"));
}

#[test]
fn endpoints_come_before_routes_and_move_away_with_their_prefix() {
    let world = fronting(&json!([route("/*", &json!({ "public": true }))]));
    assert_eq!(world.answered(&FakeRequest::get("/_assay/healthz")).status(), 200);
    world.sent_on(&FakeRequest::get("/healthz"));
    world.sent_on(&FakeRequest::get("/_assay/nothing"));
}

#[test]
fn a_refused_head_has_no_body() {
    let world = fronting(&json!([route("/*", &json!({}))]));
    let response = world.answered(&FakeRequest::new(Method::HEAD, "/x"));
    assert_eq!(response.status(), 401);
    assert!(response.body().is_empty());
}

#[test]
fn a_required_header_is_never_sent_empty() {
    let headers =
        json!({ "headers": { "x-user-id": { "claim": "/user/id", "required": true }, "x-name": "/name" } });
    let world = fronting(&json!([route("/*", &headers)]));
    let ask = |changes: &Value| FakeRequest::get("/x").bearer(&token(changes));
    for changes in [
        json!({}),
        json!({ "user": { "id": null } }),
        json!({ "user": { "id": "" } }),
        json!({ "user": { "id": [] } }),
        json!({ "user": "u" }),
    ] {
        let response = world.answered(&ask(&changes));
        assert_eq!((response.status().as_u16(), code(&response)), (401, json!("claim_missing")), "{changes}");
        assert_eq!(body(&response)["claim"], "/user/id");
        assert!(challenge(&response).unwrap().contains("error=\"invalid_token\""));
    }
    assert!(world.platform.upstreams.received().is_empty());
    let upstream_request = world.sent_on(&ask(&json!({ "user": { "id": 7 } })));
    assert_eq!(
        (value_set(&upstream_request, "x-user-id"), value_set(&upstream_request, "x-name")),
        (Some("7"), Some(""))
    );
}

#[test]
fn a_question_is_refused_if_a_required_header_would_be_empty() {
    let route = json!([{ "path": "/*", "headers": { "x-user-id": { "claim": "/id", "required": true } } }]);
    let world = fronting_with(&route, &json!({ "forward_auth": { "trusted": true } }), &[]);
    let question = |changes: &Value| {
        FakeRequest::get("/_assay/auth-request")
            .header("x-original-method", "GET")
            .header("x-original-host", "api.example.com")
            .header("x-original-uri", "/x")
            .bearer(&token(changes))
    };
    let refused = world.answered(&question(&json!({ "id": "" })));
    assert_eq!((refused.status().as_u16(), code(&refused)), (401, json!("claim_missing")));
    assert_eq!(world.answered(&question(&json!({ "id": "u" }))).status(), 200);
}

#[test]
fn a_refusal_in_the_log_names_its_route() {
    let require = json!({ "require": { "claims": [{ "claim": "/plan", "equals": "pro" }] } });
    let world = fronting(&json!([route("/profiles/*", &require)]));
    world.answered(&FakeRequest::get("/profiles/1"));
    world.answered(&FakeRequest::get("/profiles/1").bearer(&token(&json!({}))));
    assert_eq!(world.platform.events("token_refused")[0]["route"], "/profiles/*");
    assert_eq!(world.platform.events("request_refused")[0]["route"], "/profiles/*");
}
