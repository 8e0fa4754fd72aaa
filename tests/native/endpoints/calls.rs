//! The calls of other Workers: the values of `verify`, `explain` and `authenticate`, and that they follow the endpoints.

use edge_assay::http::answer::Answer as Answered;
use edge_assay::http::call;
use serde_json::Map;

use super::*;

/// The value of an answer. Work that remains after it is done too.
fn value(world: &World, answered: Answered) -> Value {
    if let Some(issuer) = answered.refresh {
        world.platform.run(world.app.refresh(&world.platform, &issuer));
    }
    serde_json::from_str(&call::value(&answered.response)).unwrap()
}

fn verified(world: &World, token: Option<&str>, options: Option<&Value>) -> Value {
    let options = options.map(Value::to_string);
    let call = call::verify(&world.app, &world.platform, token, options.as_deref());
    value(world, world.platform.run(call))
}

fn explained(world: &World, question: &str) -> Value {
    let response = world.platform.run(call::explain(&world.app, &world.platform, question));
    value(world, response.into())
}

/// `(status, code)` of a refusal.
fn refusal(value: &Value) -> (u64, &str) {
    assert_eq!(value["ok"], json!(false), "{value}");
    (value["status"].as_u64().unwrap(), value["code"].as_str().unwrap())
}

/// The members of a value that are those of the endpoint's body.
fn members(value: &Value) -> Map<String, Value> {
    let mut members = value.as_object().unwrap().clone();
    members.retain(|name, _| name != "ok" && name != "retry_after");
    members
}

#[test]
fn a_good_token_has_the_members_of_the_answer_of_verify() {
    let world = worker(&json!({}));
    let good = token(&json!({ "role": "admin" }));
    let value = verified(&world, Some(&good), None);
    assert_eq!(value["ok"], json!(true));
    assert_eq!(json!(members(&value)), body(&world.ask(&FakeRequest::verify(&good))));
}

#[test]
fn a_refusal_has_the_problem_details_and_the_log_line_of_verify() {
    let scoped = json!({ "required_scopes": ["read"] });
    for refused in [
        "garbage".to_owned(),
        "null".to_owned(),
        token(&json!({ "exp": NOW - 60, "scope": "read" })),
        token(&json!({ "scope": "write" })),
        tokens::mint(Algorithm::EdDsa, &json!({}), &claims("https://unknown.example", &json!({}))),
    ] {
        let (called, asked) = (worker_on(&scoped), worker_on(&scoped));
        let value = verified(&called, Some(&refused), None);
        let response = asked.ask(&FakeRequest::verify(&refused));
        assert_eq!(value["ok"], json!(false));
        assert_eq!(json!(members(&value)), body(&response));
        assert_eq!(called.platform.log_lines(), asked.platform.log_lines());
        assert!(!called.platform.log_lines().is_empty());
    }
}

#[test]
fn a_value_that_is_not_a_token_is_refused() {
    let world = worker(&json!({}));
    let good = token(&json!({}));
    for (given, expected) in [
        (None, (401, "token_missing")),
        (Some(""), (401, "token_missing")),
        (Some("  "), (401, "token_missing")),
        (Some("undefined"), (401, "token_missing")),
        (Some("a.b.c d.e.f"), (400, "request_ambiguous")),
        (Some(format!("Bearer {good}").as_str()), (400, "request_ambiguous")),
    ] {
        let value = verified(&world, given, None);
        assert_eq!(refusal(&value), expected, "{given:?}");
        assert!(!value["detail"].as_str().unwrap().contains("Authorization"), "{value}");
    }
    assert_eq!(verified(&world, Some(&format!(" {good}\n")), None)["ok"], json!(true));
}

#[test]
fn the_options_are_those_of_a_routes_require() {
    let world = worker(&json!({}));
    let good = token(&json!({ "scope": "read write", "role": "admin" }));
    let verify = |options: Value| verified(&world, Some(&good), Some(&options));
    for options in [
        json!({}),
        json!({ "scopes": ["read"] }),
        json!({ "issuers": [ISS], "scopes": ["write", "read"] }),
        json!({ "claims": [{ "claim": "/role", "equals": "admin" }] }),
    ] {
        assert_eq!(verify(options)["ok"], json!(true));
    }
    let header = json!({ "claims": [{ "header": "/typ", "equals": "JWT" }] });
    assert_eq!(verify(header)["ok"], json!(true));
    let header = json!({ "claims": [{ "header": "/typ", "equals": "at+jwt" }] });
    assert_eq!(refusal(&verify(header)), (403, "condition_failed"));
    let lacking = verify(json!({ "scopes": ["read", "delete"] }));
    assert_eq!(refusal(&lacking), (403, "scope_insufficient"));
    assert_eq!(lacking["detail"], "the token lacks the scope delete");
    let claim = json!({ "claims": [{ "claim": "/role", "equals": "owner" }] });
    assert_eq!(refusal(&verify(claim)), (403, "condition_failed"));

    let two = json!({ "issuers": [issuer(ISS, &json!({})), issuer("https://b.example", &json!({}))] });
    let world = worker(&two);
    let only = json!({ "issuers": ["https://b.example"] });
    let value = verified(&world, Some(&good), Some(&only));
    assert_eq!(refusal(&value), (403, "issuer_not_accepted"));
    assert_eq!(world.platform.events("request_refused")[0]["code"], "issuer_not_accepted");
}

#[test]
fn a_mistake_in_the_options_accepts_no_token_and_says_which_options_exist() {
    let world = worker(&json!({}));
    let good = token(&json!({ "scope": "read" }));
    for (options, problem) in [
        (json!({ "scope": ["read"] }), "options.scope: is not a known field; write `scopes`, or remove it"),
        (json!({ "scopes": "read" }), "options.scopes: is a string;"),
        (json!({ "scopes": [] }), "options.scopes: is an empty list;"),
        (json!({ "scopes": null }), "options.scopes: is null;"),
        (json!({ "scopes": ["read write"] }), "options.scopes[0]: \"read write\" is not a scope;"),
        (json!({ "issuers": ["https://other.example"] }), "options.issuers[0]: \"https://other.example\" is"),
        (json!(["read"]), "options: is a list and not a table;"),
        (json!(null), "options: is null and not a table;"),
    ] {
        let value = verified(&world, Some(&good), Some(&options));
        assert_eq!(refusal(&value), (400, "call_invalid"), "{options}");
        let detail = value["detail"].as_str().unwrap();
        assert!(detail.starts_with(problem), "{detail}");
        assert!(detail.ends_with("require`: scopes, issuers, claims"), "{detail}");
    }
    let unreadable = call::verify(&world.app, &world.platform, Some(&good), Some("{"));
    assert_eq!(refusal(&value(&world, world.platform.run(unreadable))), (400, "call_invalid"));
}

#[test]
fn an_outage_is_a_fault_that_says_when_to_retry() {
    let world = worker(&json!({}));
    world.serves(&jwks_uri(ISS), Answer::unreachable());
    let value = verified(&world, Some(&token(&json!({}))), None);
    assert_eq!(refusal(&value), (503, "jwks_unavailable"));
    assert!(value["retry_after"].as_u64().unwrap() >= 1, "{value}");
    assert_eq!(world.platform.events("fault").len(), 1);
}

#[test]
fn with_a_faulty_configuration_every_call_but_explain_is_a_fault() {
    let world = World::with_text("{", &[]);
    let call = |answered| value(&world, world.platform.run(answered));
    let fault = (503, "config_invalid");
    let options = json!({ "scopes": ["read"] });
    assert_eq!(refusal(&verified(&world, Some("a.b.c"), Some(&options))), fault);
    assert_eq!(refusal(&verified(&world, None, None)), fault);
    assert_eq!(verified(&world, None, None)["retry_after"], json!(60));
    assert_eq!(refusal(&call(call::exchange(&world.app, &world.platform, ""))), fault);
    let request = FakeRequest::verify("a.b.c");
    let authenticated = world.platform.run(call::authenticate(&world.app, &world.platform, &request, None));
    assert_eq!(refusal(&value(&world, authenticated)), fault);
    assert_eq!(explained(&world, r#"{"token":"a.b.c"}"#)["cause"]["id"], "configuration");
}

#[test]
fn keys_that_become_due_are_refreshed_after_a_call() {
    let world = worker(&json!({}));
    let lasting = token(&json!({ "exp": NOW + 9000 }));
    assert_eq!(verified(&world, Some(&lasting), None)["ok"], json!(true));
    world.platform.pass(3000);
    let before = world.fetches(ISS);
    let call = call::verify(&world.app, &world.platform, Some(&lasting), None);
    let answered = world.platform.run(call);
    assert!(answered.response.status().is_success());
    assert_eq!(world.fetches(ISS), before);
    assert!(answered.refresh.is_some());
    value(&world, answered);
    assert_eq!(world.fetches(ISS), before + 1);
}

#[test]
fn explain_gives_the_report_of_the_endpoint_without_a_key() {
    let world = worker(&json!({ "explain": { "access": "key" } }));
    let open = worker(&json!({ "explain": { "access": "open" } }));
    for refused in [token(&json!({ "exp": NOW - 60 })), token(&json!({})), "garbage".to_owned()] {
        let question = json!({ "token": refused }).to_string();
        let value = explained(&world, &question);
        assert_eq!(value["ok"], json!(true));
        let ask = FakeRequest::new(Method::POST, "/explain")
            .header("content-type", "application/json")
            .body(question);
        assert_eq!(world.ask(&ask).status(), 401);
        assert_eq!(json!(members(&value)), body(&open.ask(&ask)));
    }
    assert_eq!(explained(&world, "{\"token\":null}")["cause"]["id"], "token_absent");
}

#[test]
fn explain_checks_the_route_of_the_request_that_is_described() {
    let route = json!({ "path": "/a/*", "upstream": "https://a.example", "require": { "scopes": ["read"] } });
    let world = worker(&json!({ "gateway": { "routes": [route] } }));
    let question = json!({ "token": token(&json!({})), "path": "/a/b", "host": "api.example.com" });
    let value = explained(&world, &question.to_string());
    assert_eq!(value["code"], "scope_insufficient", "{value}");
}

#[test]
fn a_question_that_cannot_be_read_is_a_refusal_that_says_what_to_pass() {
    let world = worker(&json!({}));
    for (question, detail) in [
        ("null", "pass an object such as { token:"),
        ("\"a.b.c\"", "pass an object such as { token:"),
        ("{\"token\":7}", "pass an object such as { token:"),
        ("{\"token\":\"a\",\"path\":7}", "pass an object such as { token:"),
        ("{\"token\":\"a\",\"method\":\"GET\"}", "send `path` too"),
    ] {
        let value = explained(&world, question);
        assert_eq!(refusal(&value), (400, "call_invalid"), "{question}");
        assert!(value["detail"].as_str().unwrap().starts_with(detail), "{value}");
    }
    let large = json!({ "token": "a".repeat(128 * 1024) }).to_string();
    assert_eq!(refusal(&explained(&world, &large)), (413, "body_too_large"));
}

#[test]
fn a_request_is_authenticated_as_verify_reads_it() {
    let good = token(&json!({ "scope": "read" }));
    for request in [
        FakeRequest::verify(&good),
        FakeRequest::get("/any?a=b").header("Authorization", &format!("bearer {good}")),
        FakeRequest::get("/verify"),
        FakeRequest::verify("null"),
        FakeRequest::verify("a.b.c d"),
        FakeRequest::verify("a.b.c").header("authorization", "Basic dTpw"),
        FakeRequest::get("/verify").header("authorization", "Basic dTpw"),
        FakeRequest::get("/verify?access_token=x"),
        FakeRequest::get("/verify?access_token=x").bearer(&good),
        FakeRequest::get("/verify").header("cookie", "session=eyJh.eyJi.c2ln"),
        FakeRequest::verify(&token(&json!({ "exp": NOW - 60 }))).header("cf-ray", "8f1e2d3c4b5a6978-FRA"),
    ] {
        let (called, asked) = (worker(&json!({})), worker(&json!({})));
        let answered = called.platform.run(call::authenticate(&called.app, &called.platform, &request, None));
        let response = asked.ask(&request.clone().at("/verify"));
        assert_eq!(answered.response.status(), response.status(), "{request:?}");
        assert_eq!(answered.response.headers(), response.headers(), "{request:?}");
        assert_eq!(answered.response.body(), response.body(), "{request:?}");
        assert_eq!(called.platform.log_lines(), asked.platform.log_lines());
    }
}

#[test]
fn a_request_is_held_to_the_options() {
    let world = worker(&json!({}));
    let request = FakeRequest::verify(&token(&json!({ "scope": "read" })));
    let authenticate = |options: &str| {
        let call = call::authenticate(&world.app, &world.platform, &request, Some(options));
        world.platform.run(call).response
    };
    assert_eq!(authenticate(r#"{"scopes":["read"]}"#).status(), 200);
    let lacking = authenticate(r#"{"scopes":["delete"]}"#);
    assert_eq!((lacking.status().as_u16(), code(&lacking)), (403, json!("scope_insufficient")));
    assert!(challenge(&lacking).unwrap().ends_with("scope=\"delete\""));
    assert_eq!(authenticate(r#"{"scope":["read"]}"#).status(), 400);
}

#[test]
fn a_request_with_a_proxys_question_is_not_authenticated() {
    let secret = "a proxy's secret that nobody can guess";
    let config = json!({ "issuers": [issuer(ISS, &json!({}))], "forward_auth": { "secret": "PROXY" } });
    let world = World::with_secrets(&config, &[("PROXY", secret)]);
    world.publishes(ISS, &[ed25519()]);
    let request = FakeRequest::verify(&token(&json!({}))).header("x-forwarded-uri", "/a");
    let asked = world.ask(&request);
    let answered = world.platform.run(call::authenticate(&world.app, &world.platform, &request, None));
    assert_eq!(answered.response.status(), asked.status());
    assert_eq!(code(&answered.response), code(&asked));
}
