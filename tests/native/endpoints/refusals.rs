//! The responses to refused requests: status, challenge (RFC 6750 §3) and problem details (RFC 9457).

use edge_assay::jose::Algorithm;
use http::Method;
use serde_json::json;

use super::{ISS, challenge, code, token, worker, worker_on};
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, body, claims, header, issuer, merged};

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
fn text_from_a_token_cannot_break_out_of_the_challenge() {
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
        FakeRequest::get("/verify?a=1&access%5Ftoken=other").bearer(&good),
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
fn a_token_in_the_query_or_in_a_cookie_is_not_read_and_the_answer_says_so() {
    let world = worker(&json!({
        "forward_auth": { "trusted": true },
        "gateway": { "routes": [{ "path": "/*", "upstream": "https://api.example" }] },
    }));
    let good = token(&json!({}));
    let cookie = format!("theme=dark; __session={good}; a=b");
    let query = format!("a=b&access_token={good}");
    let asked = |path: &str| {
        FakeRequest::get("/forward-auth")
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-host", "api.example")
            .header("x-forwarded-uri", path)
    };
    for (request, place) in [
        (FakeRequest::get(&format!("/verify?{query}")), "in the query"),
        (FakeRequest::get("/verify?access_token=opaque"), "in the query"),
        (FakeRequest::get("/verify").header("cookie", &cookie), "in a cookie"),
        (FakeRequest::get("/verify").header("authorization", "").header("cookie", &cookie), "in a cookie"),
        (FakeRequest::get("/profiles/1").header("cookie", &cookie), "in a cookie"),
        (FakeRequest::get(&format!("/profiles/1?{query}")), "in the query"),
        (asked("/profiles/1").header("cookie", &cookie), "in a cookie"),
        (asked(&format!("/profiles/1?{query}")), "in the query"),
    ] {
        let response = world.answered(&request);
        assert_eq!(
            (response.status().as_u16(), code(&response)),
            (401, json!("token_missing")),
            "{request:?}"
        );
        assert_eq!(self::challenge(&response).as_deref(), Some("Bearer realm=\"edge-assay\""), "{request:?}");
        let text = String::from_utf8(response.into_body()).unwrap();
        assert!(text.contains(&format!("a token was seen {place}")), "{text}");
        assert!(!text.contains("opaque") && good.split('.').all(|part| !text.contains(part)), "{text}");
    }
    let lines = format!("{:?}", world.platform.events("token_refused"));
    assert_eq!(lines.matches("a token was seen").count(), 8, "{lines}");
    assert!(!lines.contains("opaque") && good.split('.').all(|part| !lines.contains(part)), "{lines}");
}

#[test]
fn the_answer_to_a_request_without_any_token_mentions_none() {
    let world = worker(&json!({}));
    for request in [
        FakeRequest::get("/verify?access_token="),
        FakeRequest::get("/verify?my_access_token=a.b.c"),
        FakeRequest::get("/verify").header("cookie", "session=0123456789; other=a.b.c"),
        FakeRequest::get("/verify").header("cookie", "eyJhbGciOiJub25lIn0.e30.c2ln"),
    ] {
        let problem = body(&world.ask(&request));
        assert_eq!(problem["code"], "token_missing");
        assert_eq!(
            problem["detail"], "no token was sent; send `Authorization: Bearer <token>`",
            "{request:?}"
        );
    }
}

#[test]
fn explain_says_where_it_saw_a_token() {
    let world = worker(&json!({ "explain": { "access": "open" } }));
    let request = FakeRequest::new(Method::POST, "/explain")
        .header("cookie", &format!("session={}", token(&json!({}))));
    let report = body(&world.ask(&request));
    assert_eq!(report["cause"]["id"], "token_absent");
    assert!(report["cause"]["summary"].as_str().unwrap().contains("token was seen in a cookie"), "{report}");
}

#[test]
fn a_fault_of_a_secret_names_the_path_of_readyz() {
    let secrets = json!({ "issuers": [issuer(ISS, &json!({ "secrets": [{ "binding": "ABSENT" }], "jwks_uri": null }))] });
    let shared = tokens::mint(Algorithm::Hs256, &json!({}), &claims(ISS, &json!({})));
    for (prefix, verify, readyz) in
        [("/_assay", "/_assay/verify", "at /_assay/readyz"), ("", "/verify", "at /readyz")]
    {
        let endpoints = if prefix.is_empty() { json!({}) } else { json!({ "prefix": prefix }) };
        let world = worker(&merged(secrets.clone(), &json!({ "endpoints": endpoints })));
        let problem = body(&world.ask(&FakeRequest::get(verify).bearer(&shared)));
        assert_eq!(problem["code"], "secret_missing", "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.ends_with(readyz) && !detail.contains("ABSENT"), "{detail}");
    }
}
