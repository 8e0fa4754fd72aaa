//! The endpoints on the wire: statuses, challenges, problems, CORS and log lines.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use edge_assay::http::Response;
use edge_assay::jose::Algorithm;
use edge_assay::ports::Level;
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::keys::{self, SECRET, ed25519};
use support::platform::Answer;
use support::request::FakeRequest;
use support::tokens;
use support::world::{NOW, World, body, claims, header, issuer, jwks_uri, merged};

const ISS: &str = "https://issuer.example";

/// A Worker that trusts one issuer, with these changes to the root of its configuration.
fn worker(changes: &Value) -> World {
    let world = World::new(&merged(json!({ "issuers": [issuer(ISS, &json!({}))] }), changes));
    world.publishes(ISS, &[ed25519()]);
    world
}

/// A Worker that trusts one issuer on these terms.
fn worker_on(terms: &Value) -> World {
    worker(&json!({ "issuers": [issuer(ISS, terms)] }))
}

fn token(changes: &Value) -> String {
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims(ISS, changes))
}

fn challenge(response: &Response) -> Option<String> {
    header(response, "www-authenticate")
}

fn code(response: &Response) -> Value {
    body(response)["code"].clone()
}

/// A request that asks whether a script of `origin` may call `target`.
fn preflight(target: &str, origin: &str) -> FakeRequest {
    FakeRequest::new(Method::OPTIONS, target)
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization")
}

fn access_control_headers(response: &Response) -> Vec<String> {
    let names = response.headers().keys().map(|name| name.as_str().to_owned());
    names.filter(|name| name.starts_with("access-control-")).collect()
}

#[test]
fn a_good_token_is_200_with_its_claims_and_its_key() {
    let response = worker(&json!({})).ask(&FakeRequest::verify(&token(&json!({ "role": "admin" }))));
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type").as_deref(), Some("application/json"));
    assert_eq!(challenge(&response), None);
    assert_eq!(
        body(&response),
        json!({
            "issuer": ISS,
            "subject": "user_1",
            "claims": claims(ISS, &json!({ "role": "admin" })),
            "key": {
                "alg": "EdDSA",
                "kid": ed25519().kid(),
                "thumbprint": keys::key_set(&[ed25519()]).keys[0].thumbprint,
            },
            "expires_at": NOW + 50,
            "not_before": NOW - 10,
            "issued_at": NOW - 10,
        })
    );
}

#[test]
fn what_a_token_does_not_say_is_left_out() {
    let bare = token(&json!({ "sub": null, "nbf": null, "iat": null }));
    let verdict = body(&worker(&json!({})).ask(&FakeRequest::verify(&bare)));
    assert_eq!(verdict["subject"], Value::Null);
    let members: Vec<&String> = verdict.as_object().unwrap().keys().collect();
    assert_eq!(members, ["claims", "expires_at", "issuer", "key", "subject"]);

    let secrets = json!({ "secrets": [{ "binding": "S" }], "jwks_uri": null });
    let world = World::with_secrets(&json!({ "issuers": [issuer(ISS, &secrets)] }), &[("S", SECRET)]);
    let shared = tokens::mint(Algorithm::Hs256, &json!({}), &claims(ISS, &json!({})));
    assert_eq!(body(&world.ask(&FakeRequest::verify(&shared)))["key"], json!({ "alg": "HS256" }));
}

#[test]
fn no_claim_loses_a_digit_on_its_way() {
    let payload = format!(
        r#"{{ "iss":"{ISS}", "exp":4000000000, "id":12345678901234567890123,"pi":3.14159265358979323846264338327950288,
"money":10.10,"big":1E5,"tiny":-0.0,"u":"\u0041\ud83d\ude00","deep":{{"n":[9007199254740993]}} }}"#
    );
    let header = json!({ "alg": "EdDSA", "kid": ed25519().kid() }).to_string();
    let token = tokens::sealed(&header, &payload, |input| ed25519().sign(Algorithm::EdDsa, input));
    let response = worker(&json!({})).ask(&FakeRequest::verify(&token));
    assert_eq!(response.status(), 200);
    let text = String::from_utf8(response.into_body()).unwrap();
    assert!(text.contains(&format!("\"claims\":{payload},")), "{text}");
}

#[test]
fn get_and_post_and_any_spelling_of_bearer_are_the_same() {
    let world = worker(&json!({}));
    let good = token(&json!({}));
    for request in [
        FakeRequest::verify(&good),
        FakeRequest::new(Method::POST, "/verify").bearer(&good),
        FakeRequest::new(Method::POST, "/verify").bearer(&good).body("anything"),
        FakeRequest::get("/verify").header("Authorization", &format!("bearer {good}")),
        FakeRequest::get("/verify").header("AUTHORIZATION", &format!("  BEARER   {good} ")),
        FakeRequest::get("/verify?a=b").bearer(&good),
    ] {
        assert_eq!(world.ask(&request).status(), 200, "{request:?}");
    }
}

#[test]
fn head_is_get_without_a_body() {
    let world = worker(&json!({}));
    for (path, token, status) in [
        ("/verify", Some(token(&json!({}))), 200),
        ("/verify", Some(token(&json!({ "exp": 1 }))), 401),
        ("/verify", None, 401),
        ("/healthz", None, 200),
        ("/readyz", None, 200),
        ("/nowhere", None, 404),
    ] {
        let ask = |method| {
            let request = FakeRequest::new(method, path);
            world.ask(&match &token {
                Some(token) => request.bearer(token),
                None => request,
            })
        };
        let (head, get) = (ask(Method::HEAD), ask(Method::GET));
        assert_eq!((head.status().as_u16(), get.status().as_u16()), (status, status));
        assert_eq!(head.headers(), get.headers());
        assert!(head.body().is_empty() && !get.body().is_empty());
    }
}

#[test]
fn each_refusal_has_its_status_and_its_challenge() {
    let world = worker_on(&json!({ "required_scopes": ["read", "write"] }));
    let scoped = |scope: &str| token(&json!({ "scope": scope }));
    let bare = "Bearer realm=\"edge-assay\"";
    for (request, status, code, challenge) in [
        (FakeRequest::get("/verify"), 401, "token_missing", bare.to_owned()),
        (FakeRequest::get("/verify").header("authorization", ""), 401, "token_missing", bare.to_owned()),
        (
            FakeRequest::get("/verify").header("authorization", "Bearer"),
            401,
            "token_missing",
            bare.to_owned(),
        ),
        (FakeRequest::verify("null"), 401, "token_missing", bare.to_owned()),
        (FakeRequest::verify("undefined"), 401, "token_missing", bare.to_owned()),
        (
            FakeRequest::get("/verify").header("authorization", "Basic dTpw"),
            401,
            "token_missing",
            bare.to_owned(),
        ),
        (
            FakeRequest::verify("a b"),
            400,
            "request_ambiguous",
            format!(
                "{bare}, error=\"invalid_request\", error_description=\"the Authorization header is not 'Bearer <token>'\""
            ),
        ),
        (
            FakeRequest::verify("garbage"),
            401,
            "token_malformed",
            format!(
                "{bare}, error=\"invalid_token\", error_description=\"the token is malformed: a signed JWT has three segments separated by dots, this has 1\""
            ),
        ),
        (
            FakeRequest::verify(&token(&json!({ "exp": NOW - 60 }))),
            401,
            "token_expired",
            format!("{bare}, error=\"invalid_token\", error_description=\"the token expired 60 s ago\""),
        ),
        (
            FakeRequest::verify(&scoped("read")),
            403,
            "scope_insufficient",
            format!(
                "{bare}, error=\"insufficient_scope\", error_description=\"the token lacks the scope write\", scope=\"read write\""
            ),
        ),
    ] {
        let response = world.ask(&request);
        assert_eq!(response.status(), status, "{request:?}");
        assert_eq!(self::code(&response), code, "{request:?}");
        assert_eq!(self::challenge(&response), Some(challenge), "{request:?}");
        assert_eq!(header(&response, "retry-after"), None);
    }
}

#[test]
fn the_realm_is_configurable() {
    let world = worker(&json!({ "challenge": { "realm": "Acme API (v2)" } }));
    let response = world.ask(&FakeRequest::get("/verify"));
    assert_eq!(challenge(&response).as_deref(), Some("Bearer realm=\"Acme API (v2)\""));
}

#[test]
fn what_a_token_says_cannot_break_out_of_the_challenge() {
    let world = worker(&json!({}));
    let hostile = token(&json!({ "iss": "x\", error=\"none\r\nSet-Cookie: a=b\\" }));
    let response = world.ask(&FakeRequest::verify(&hostile));
    let challenge = challenge(&response).unwrap();
    assert_eq!(challenge.matches('"').count(), 6, "{challenge}");
    assert!(!challenge.contains(['\r', '\n', '\\']));
    assert_eq!(header(&response, "set-cookie"), None);
}

#[test]
fn a_refusal_is_a_problem_with_these_members() {
    let world = worker(&json!({}));
    let response = world.ask(&FakeRequest::verify(&token(&json!({ "exp": NOW - 60 }))));
    assert_eq!(header(&response, "content-type").as_deref(), Some("application/problem+json"));
    assert_eq!(
        body(&response),
        json!({
            "type": "urn:edge-assay:token_expired",
            "title": "The token has expired",
            "status": 401,
            "code": "token_expired",
            "detail": "the token expired 60 s ago",
            "claim": "exp",
        })
    );
    let unclaimed = body(&world.ask(&FakeRequest::get("/verify")));
    assert_eq!(
        unclaimed,
        json!({
            "type": "urn:edge-assay:token_missing",
            "title": "A token is required",
            "status": 401,
            "code": "token_missing",
            "detail": "no token was sent; send `Authorization: Bearer <token>`",
        })
    );
}

#[test]
fn two_credentials_are_400_wherever_they_are() {
    let world = worker(&json!({}));
    let good = token(&json!({}));
    let bearer = format!("Bearer {good}");
    let with = |first: &str, second: &str| {
        FakeRequest::get("/verify").header("authorization", first).header("authorization", second)
    };
    for request in [
        with(&bearer, &bearer),
        with(&bearer, "Basic dTpw"),
        with("Basic dTpw", &bearer),
        with("", &bearer),
        with("Bearer", &bearer),
        with("Bearer null", &bearer),
        FakeRequest::get("/verify").header("authorization", &format!("{bearer}, {bearer}")),
        FakeRequest::get("/verify?access_token=other").bearer(&good),
        FakeRequest::get(&format!("/verify?a=b&access_token={good}")).bearer(&good),
        FakeRequest::get("/verify?access_token=").bearer(&good),
    ] {
        let response = world.ask(&request);
        assert_eq!(
            (response.status().as_u16(), code(&response)),
            (400, json!("request_ambiguous")),
            "{request:?}"
        );
        assert!(challenge(&response).unwrap().contains("error=\"invalid_request\""));
    }
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn a_token_in_the_query_alone_is_not_taken() {
    let request = FakeRequest::get(&format!("/verify?access_token={}", token(&json!({}))));
    let response = worker(&json!({})).ask(&request);
    assert_eq!((response.status().as_u16(), code(&response)), (401, json!("token_missing")));
}

#[test]
fn a_wrong_method_is_405_with_those_that_are_allowed() {
    let world = worker(&json!({}));
    for (path, allow, wrong) in [
        ("/verify", "GET, HEAD, POST", vec![Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS]),
        ("/healthz", "GET, HEAD", vec![Method::POST, Method::PUT, Method::OPTIONS]),
        ("/readyz", "GET, HEAD", vec![Method::POST, Method::DELETE, Method::OPTIONS]),
        ("/verify", "GET, HEAD, POST", vec![Method::from_bytes(b"get").unwrap(), Method::TRACE]),
    ] {
        for method in wrong {
            let response = world.ask(&FakeRequest::new(method.clone(), path).bearer(&token(&json!({}))));
            assert_eq!(response.status(), 405, "{method} {path}");
            assert_eq!(header(&response, "allow").as_deref(), Some(allow));
            assert_eq!(body(&response)["code"], "method_not_allowed");
        }
    }
}

#[test]
fn anywhere_else_is_404() {
    let world = worker(&json!({}));
    for path in
        ["/", "/verify/", "/Verify", "//verify", "/verify/x", "/%76erify", "/verify;a", "/healthz/", "verify"]
    {
        let response = world.ask(&FakeRequest::get(path).bearer(&token(&json!({}))));
        assert_eq!((response.status().as_u16(), code(&response)), (404, json!("not_found")), "{path}");
        assert_eq!(header(&response, "content-type").as_deref(), Some("application/problem+json"));
    }
}

#[test]
fn a_body_over_its_limit_is_413() {
    let world = worker(&json!({}));
    let post = |length: &str| {
        FakeRequest::new(Method::POST, "/verify").bearer(&token(&json!({}))).header("content-length", length)
    };
    for (length, status) in [
        ("0", 200),
        ("131072", 200),
        ("131073", 413),
        ("99999999999999999999999999", 413),
        ("-1", 200),
        ("many", 200),
    ] {
        let response = world.ask(&post(length));
        assert_eq!(response.status(), status, "{length}");
        if status == 413 {
            assert_eq!(code(&response), "body_too_large");
        }
    }
}

#[test]
fn a_prefix_moves_every_endpoint() {
    let world = worker(&json!({ "endpoints": { "prefix": "/_assay/v1" }, "cors": { "origins": ["*"] } }));
    for (path, status) in [
        ("/_assay/v1/verify", 200),
        ("/_assay/v1/healthz", 200),
        ("/_assay/v1/readyz", 200),
        ("/verify", 404),
        ("/healthz", 404),
        ("/readyz", 404),
        ("/_assay/verify", 404),
        ("/_assay/v1verify", 404),
        ("/_assay/v1", 404),
        ("/x/_assay/v1/verify", 404),
    ] {
        assert_eq!(world.ask(&FakeRequest::get(path).bearer(&token(&json!({})))).status(), status, "{path}");
    }
    assert_eq!(world.ask(&preflight("/_assay/v1/verify", "https://app.example")).status(), 204);
    assert_eq!(world.ask(&preflight("/verify", "https://app.example")).status(), 404);
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

#[test]
fn a_fault_is_503_with_retry_after_and_without_a_challenge() {
    let down = worker(&json!({}));
    down.serves(&jwks_uri(ISS), Answer::status(500));
    let nonsense = worker(&json!({}));
    nonsense.serves(&jwks_uri(ISS), Answer::html("<p>Hello"));
    let secrets = json!({ "secrets": [{ "binding": "ABSENT" }], "jwks_uri": null });
    let unbound = worker_on(&secrets);
    let shared = tokens::mint(Algorithm::Hs256, &json!({}), &claims(ISS, &json!({})));
    for (world, token, code, retry_after) in [
        (&down, token(&json!({})), "jwks_unavailable", "1"),
        (&nonsense, token(&json!({})), "jwks_invalid", "1"),
        (&unbound, shared, "secret_missing", "60"),
        (&worker(&json!({ "surplus": 1 })), token(&json!({})), "config_invalid", "60"),
    ] {
        let response = world.ask(&FakeRequest::verify(&token));
        assert_eq!(response.status(), 503, "{code}");
        let problem = body(&response);
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(503)));
        assert_eq!(problem["type"], format!("urn:edge-assay:{code}"));
        assert_eq!(header(&response, "retry-after").as_deref(), Some(retry_after), "{code}");
        assert_eq!(challenge(&response), None);
    }
    // The wait grows as the attempts fail.
    down.platform.pass(1);
    let response = down.ask(&FakeRequest::verify(&token(&json!({}))));
    assert_eq!(header(&response, "retry-after").as_deref(), Some("2"));
}

#[test]
fn nothing_is_to_be_stored() {
    let world = worker(&json!({ "cors": { "origins": ["*"] }, "explain": { "access": "open" } }));
    for request in [
        FakeRequest::verify(&token(&json!({}))),
        FakeRequest::verify("null"),
        FakeRequest::verify("a b"),
        FakeRequest::verify("garbage"),
        FakeRequest::new(Method::HEAD, "/verify").bearer(&token(&json!({}))),
        FakeRequest::new(Method::DELETE, "/verify"),
        FakeRequest::new(Method::POST, "/verify").header("content-length", "999999999"),
        FakeRequest::get("/nowhere"),
        FakeRequest::get("/healthz"),
        FakeRequest::get("/readyz"),
        preflight("/verify", "https://app.example"),
    ] {
        let response = world.ask(&request);
        assert_eq!(header(&response, "cache-control").as_deref(), Some("no-store"), "{request:?}");
    }
}

#[test]
fn readyz_tells_the_state_of_the_keys_to_whoever_may_see_it() {
    let config = json!({ "issuers": [issuer(ISS, &json!({}))] });
    let world = World::with_secrets(&config, &[("EXPLAIN_KEY", "open sesame")]);
    world.publishes(ISS, &[ed25519()]);
    let ask = || world.ask(&FakeRequest::get("/readyz").header("x-explain-key", "open sesame"));
    let closed = world.ask(&FakeRequest::get("/readyz"));
    assert_eq!((closed.status().as_u16(), body(&closed)), (200, json!({ "status": "ready" })));
    assert_eq!(body(&ask())["details"]["issuers"][0]["keys"]["tier"], Value::Null, "nobody asked yet");
    assert_eq!(world.fetches(ISS), 0, "and this does not ask either");
    world.ask(&FakeRequest::verify(&token(&json!({}))));
    let state = body(&ask())["details"]["issuers"][0].clone();
    assert_eq!((&state["issuer"], &state["ready"]), (&json!(ISS), &json!(true)));
    assert_eq!(state["keys"]["keys"][0]["kid"], ed25519().kid());

    let down = World::with_secrets(&config, &[]);
    down.ask(&FakeRequest::verify(&token(&json!({}))));
    let response = down.ask(&FakeRequest::get("/readyz"));
    assert_eq!(response.status(), 503);
    assert_eq!(body(&response), json!({ "status": "not_ready", "code": "jwks_unavailable" }));
}

#[test]
fn a_refusal_is_one_log_line_with_exactly_these_members() {
    let world = worker(&json!({}));
    let expired = token(&json!({ "exp": NOW - 60 }));
    world.ask(&FakeRequest::verify(&expired).header("cf-ray", "8f1e2d3c4b5a6978-FRA"));
    let hash: String = Sha256::digest(&expired).iter().take(6).map(|octet| format!("{octet:02x}")).collect();
    let lines: Vec<_> =
        world.platform.log_lines().into_iter().filter(|(_, line)| line.get("code").is_some()).collect();
    assert_eq!(
        lines,
        [(
            Level::Info,
            json!({
                "event": "token_refused",
                "code": "token_expired",
                "detail": "the token expired 60 s ago",
                "iss": ISS,
                "kid": ed25519().kid(),
                "alg": "EdDSA",
                "token_sha256": hash,
                "ray": "8f1e2d3c4b5a6978-FRA",
            })
        )]
    );
}

#[test]
fn a_log_line_leaves_out_what_there_is_not() {
    let world = worker(&json!({}));
    world.ask(&FakeRequest::get("/verify"));
    world.ask(&FakeRequest::verify("garbage"));
    let lines = world.platform.events("token_refused");
    let members = |line: &Value| line.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&lines[0]), ["code", "detail", "event"]);
    assert_eq!(members(&lines[1]), ["code", "detail", "event", "token_sha256"]);
}

#[test]
fn a_fault_is_logged_as_one_and_a_good_token_is_not_logged() {
    let world = worker(&json!({}));
    world.ask(&FakeRequest::verify(&token(&json!({}))));
    let events: Vec<_> =
        world.platform.log_lines().into_iter().map(|(_, line)| line["event"].clone()).collect();
    assert_eq!(events, ["jwks_fetched"]);

    let down = worker(&json!({}));
    down.serves(&jwks_uri(ISS), Answer::unreachable());
    down.ask(&FakeRequest::verify(&token(&json!({}))));
    let faults: Vec<_> =
        down.platform.log_lines().into_iter().filter(|(_, line)| line["event"] == "fault").collect();
    assert_eq!(faults.len(), 1);
    assert_eq!((faults[0].0, &faults[0].1["code"]), (Level::Error, &json!("jwks_unavailable")));
}
