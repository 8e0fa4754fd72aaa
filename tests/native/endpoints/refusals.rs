//! How a refusal looks on the wire: status, challenge (RFC 6750 §3) and problem (RFC 9457).

use serde_json::json;

use super::{challenge, code, token, worker, worker_on};
use crate::support::request::FakeRequest;
use crate::support::world::{NOW, body, header};

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
                "{bare}, error=\"invalid_token\", error_description=\"the token is malformed: a signed JWT has three segments separated by dots, this text has 1\""
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
