//! The HTTP contract of the endpoints: statuses, challenges, problem details, CORS and log lines.

mod calls;
mod cors;
mod log;
mod purge;
mod readiness;
mod refusals;

use crate::support::keys::{self, SECRET, ed25519};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, World, body, claims, header, issuer, jwks_uri, merged};
use edge_assay::http::Response;
use edge_assay::jose::Algorithm;
use http::Method;
use serde_json::{Value, json};

const ISS: &str = "https://issuer.example";
const KEY: &str = "open sesame, and let no one else in";

/// A Worker that trusts one issuer, with these changes to its configuration.
fn worker(changes: &Value) -> World {
    let world = World::new(&merged(json!({ "issuers": [issuer(ISS, &json!({}))] }), changes));
    world.publishes(ISS, &[ed25519()]);
    world
}

/// A Worker that trusts one issuer, with these changes to the table of the issuer.
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

/// A CORS preflight of a script of `origin` for `target`.
fn preflight(target: &str, origin: &str) -> FakeRequest {
    FakeRequest::new(Method::OPTIONS, target)
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization")
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
fn members_for_absent_claims_are_left_out() {
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
fn the_claims_are_returned_exactly_as_they_were_signed() {
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
fn all_other_paths_are_404() {
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
    // The wait grows with each failed attempt.
    down.platform.pass(1);
    let response = down.ask(&FakeRequest::verify(&token(&json!({}))));
    assert_eq!(header(&response, "retry-after").as_deref(), Some("2"));
}

#[test]
fn no_response_may_be_stored() {
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
fn readyz_shows_the_state_of_the_keys_to_callers_that_may_see_details() {
    let config = json!({ "issuers": [issuer(ISS, &json!({}))] });
    let world = World::with_secrets(&config, &[("EXPLAIN_KEY", KEY)]);
    world.publishes(ISS, &[ed25519()]);
    let ask = || world.ask(&FakeRequest::get("/readyz").header("x-explain-key", KEY));
    let closed = world.ask(&FakeRequest::get("/readyz"));
    assert_eq!((closed.status().as_u16(), body(&closed)), (200, json!({ "status": "ready" })));
    assert_eq!(world.fetches(ISS), 1, "the unknown keys were fetched");
    let state = body(&ask())["details"]["issuers"][0].clone();
    assert_eq!((&state["issuer"], &state["ready"]), (&json!(ISS), &json!(true)));
    assert_eq!(state["keys"]["keys"][0]["kid"], ed25519().kid());

    let down = World::with_secrets(&config, &[]);
    down.ask(&FakeRequest::verify(&token(&json!({}))));
    let response = down.ask(&FakeRequest::get("/readyz"));
    assert_eq!(response.status(), 503);
    assert_eq!(body(&response), json!({ "status": "not_ready", "code": "jwks_unavailable" }));
}
