//! `exchange(params)` of other Workers: the rules of `POST /token`, and its errors as values.

use edge_assay::http::call;

use super::*;
use crate::support::platform::Answer;
use crate::support::world::jwks_uri;

/// The parameters as the form in which a call hands them over.
fn form_text(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn called(world: &World, parameters: &[(&str, &str)]) -> Value {
    let params = form_text(parameters);
    let answered = world.platform.run(call::exchange(&world.app, &world.platform, &params));
    serde_json::from_str(&call::value(&answered.response)).unwrap()
}

#[test]
fn an_issued_token_has_the_members_of_the_token_endpoint() {
    let world = world();
    let token = clerk_token(&json!({}));
    let value = called(&world, &exchange(&token, &[("audience", API)]));
    assert_eq!(value["ok"], json!(true), "{value}");
    for (member, expected) in [
        ("token_type", json!("Bearer")),
        ("issued_token_type", json!("urn:ietf:params:oauth:token-type:access_token")),
        ("scope", json!("profiles:read")),
        ("expires_in", json!(50)),
    ] {
        assert_eq!(value[member], expected);
    }
    assert_eq!(issued_claims(value["access_token"].as_str().unwrap())["aud"], API);
    let lines = world.platform.events("token_issued");
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].to_string().contains(&token));
}

#[test]
fn a_registered_client_authenticates_with_parameters() {
    let world = world();
    let token = clerk_token(&json!({ "email": "a@example.com", "email_verified": true }));
    let with = |secret| {
        let more = [("audience", STRICT), ("client_id", "cli"), ("client_secret", secret)];
        called(&world, &exchange(&token, &more))
    };
    assert_eq!(with(CLIENT_SECRET)["ok"], json!(true));
    let refused = with("another");
    assert_eq!((refused["status"].as_u64(), refused["error"].as_str()), (Some(401), Some("invalid_client")));
    assert!(!world.platform.log_lines().iter().any(|(_, line)| line.to_string().contains(CLIENT_SECRET)));
}

#[test]
fn a_refusal_has_status_error_and_code_of_the_token_endpoint_and_its_log_line() {
    let expired = clerk_token(&json!({ "exp": NOW - 60 }));
    let good = clerk_token(&json!({}));
    for parameters in [
        vec![],
        vec![("grant_type", "password")],
        vec![("scope", "a"), ("scope", "b")],
        exchange(&expired, &[("audience", API)]),
        exchange(&good, &[("audience", "https://unknown.example")]),
        exchange(&good, &[("audience", STRICT)]),
        exchange(&good, &[("audience", API), ("scope", "admin")]),
        exchange(&good, &[("audience", API), ("client_id", "edge-assay")]),
    ] {
        let (by_call, by_http) = (world(), world());
        let value = called(&by_call, &parameters);
        let response = by_http.ask(&form(&parameters));
        let answer = body(&response);
        assert_eq!(value["ok"], json!(false));
        assert_eq!(value["status"], json!(response.status().as_u16()), "{value}");
        assert_eq!((&value["error"], &value["code"]), (&answer["error"], &answer["code"]), "{value}");
        for member in ["type", "title", "detail"] {
            assert!(value[member].is_string(), "{value}");
        }
        assert_eq!(by_call.platform.log_lines(), by_http.platform.log_lines());
    }
}

#[test]
fn a_refused_token_says_which_claim_is_at_fault() {
    let expired = clerk_token(&json!({ "exp": NOW - 60 }));
    let value = called(&world(), &exchange(&expired, &[("audience", API)]));
    assert_eq!(value["title"], "The token has expired");
    assert_eq!(value["claim"], "exp");
    assert_eq!(value["detail"], "the subject_token is refused: the token expired 60 s ago");
}

#[test]
fn an_outage_is_a_fault_that_says_when_to_retry() {
    let world = world();
    world.serves(&jwks_uri(CLERK), Answer::unreachable());
    let token = clerk_token(&json!({}));
    let value = called(&world, &exchange(&token, &[("audience", API)]));
    assert_eq!((value["status"].as_u64(), value["code"].as_str()), (Some(503), Some("jwks_unavailable")));
    assert_eq!(value["error"], "temporarily_unavailable");
    assert!(value["retry_after"].as_u64().unwrap() >= 1, "{value}");
}

#[test]
fn without_an_exchange_the_refusal_says_so() {
    let mut config = config();
    config.as_object_mut().unwrap().remove("exchange");
    let value = called(&world_with(&config, &secrets()), &[]);
    assert_eq!(
        (value["status"].as_u64(), value["code"].as_str()),
        (Some(404), Some("exchange_not_configured"))
    );
}

#[test]
fn parameters_that_are_too_large_are_not_read() {
    let large = "a".repeat(128 * 1024);
    let value = called(&world(), &exchange(&large, &[]));
    assert_eq!((value["status"].as_u64(), value["code"].as_str()), (Some(413), Some("body_too_large")));
}
