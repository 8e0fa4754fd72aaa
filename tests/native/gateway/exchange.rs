//! `credential = { exchange = … }`: the upstream gets our own token, issued by the policy and kept until shortly before it expires.

use super::*;
use crate::support::keys::{key_set, p_256};
use crate::support::platform::StoreMode;
use crate::support::signer::Signer;
use crate::support::world::NOW;
use edge_assay::jose::UntrustedToken;

const API: &str = "https://api.example.com";

fn signing_keys() -> String {
    let mut key = p_256().private_jwk();
    let times = json!({ "alg": "ES256", "publish_at": NOW - 100_000, "activate_at": NOW - 90_000, "retire_at": NOW + 9_000_000, "remove_at": NOW + 9_900_000 });
    for (name, value) in times.as_object().unwrap() {
        key[name] = value.clone();
    }
    key.as_object_mut().unwrap().remove("kid");
    json!({ "keys": [key] }).to_string()
}

fn world() -> World {
    world_with(&json!({}))
}

fn world_with(changes: &Value) -> World {
    world_beside(changes, &json!({}))
}

/// A world with these changes to the exchange and to the root.
fn world_beside(changes: &Value, root: &Value) -> World {
    let exchange = json!({
        "issuer": "https://auth.example.com",
        "targets": [{
            "audience": API, "from": [ISS], "scopes": ["read"], "default_scopes": ["read"],
            "when": [{ "claim": "/banned", "exists": false }], "claims": { "email": { "claim": "/email", "optional": true } },
        }],
    });
    let exchange = merged(exchange, changes);
    let routes = json!([
        route("/*", &json!({ "credential": { "exchange": API } })),
        route("/open/*", &json!({ "credential": { "exchange": API }, "public": true })),
    ]);
    fronting_with(
        &routes,
        &merged(json!({ "exchange": exchange }), root),
        &[("SIGNING_KEYS", &signing_keys())],
    )
}

fn bearer(upstream_request: &UpstreamRequest) -> String {
    value_set(upstream_request, "authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned()
}

#[test]
fn the_upstream_gets_a_token_of_ours_for_the_same_subject() {
    let world = world();
    let subject = token(&json!({ "email": "ada@example.com" }));
    let upstream_request = world.sent_on(&FakeRequest::get("/x").bearer(&subject));
    let minted = bearer(&upstream_request);
    let parsed = UntrustedToken::parse(&minted).unwrap();
    let claims = parsed.claims();
    assert_eq!(parsed.header().typ.as_deref(), Some("at+jwt"));
    assert_eq!(claims.issuer.as_deref(), Some("https://auth.example.com"));
    assert_eq!(claims.audience.as_deref(), Some(&[API.to_owned()][..]));
    assert_eq!(claims.subject.as_deref(), Some("user_1"));
    assert_eq!(claims.get("email"), Some(json!("ada@example.com")));
    assert_eq!(claims.get("client_id"), Some(json!("edge-assay")));
    // Never after the `exp` of the subject token.
    assert_eq!(claims.expires_at.map(edge_assay::time::Timestamp::epoch_seconds), Some(NOW + 50));
    assert!(upstream_request.remove.contains(&"authorization".to_owned()));
}

#[test]
fn a_new_token_is_one_line_of_the_log_and_a_kept_one_is_none() {
    let world = world();
    let subject = token(&json!({ "email": "marker@example.com", "sub": "marker_of_the_subject" }));
    let minted = bearer(&world.sent_on(&FakeRequest::get("/x").bearer(&subject)));
    assert_eq!(bearer(&world.sent_on(&FakeRequest::get("/x").bearer(&subject))), minted);
    let [line] = &world.platform.events("token_issued")[..] else { panic!() };
    let jti = UntrustedToken::parse(&minted).unwrap().claims().get("jti");
    assert_eq!(Some(&line["jti"]), jti.as_ref());
    assert_eq!((&line["client"], &line["targets"]), (&json!("edge-assay"), &json!([API])));
    let line = line.to_string();
    assert!(!line.contains("marker") && minted.split('.').all(|part| !line.contains(part)), "{line}");
}

#[test]
fn it_is_kept_for_its_subject_token_while_it_is_good_and_never_for_another() {
    let world = world();
    let ask = |subject: &str| bearer(&world.sent_on(&FakeRequest::get("/x").bearer(subject)));
    let (ada, ben) = (token(&json!({})), token(&json!({ "sub": "user_2" })));
    let first = ask(&ada);
    assert_eq!(ask(&ada), first);
    assert_ne!(ask(&ben), first);
    let other_claims = token(&json!({ "email": "new@example.com" }));
    assert_ne!(ask(&other_claims), first);
    world.platform.pass(41);
    // Nine seconds before it expires, another token is issued.
    assert_ne!(ask(&ada), first);
    world.platform.pass(20);
    assert_eq!(world.answered(&FakeRequest::get("/x").bearer(&ada)).status(), 401);
}

#[test]
fn the_signature_of_each_kept_token_is_verified_whatever_was_verified_in_this_second() {
    let world = world();
    let has_good_token = |subject: &str| {
        let request = FakeRequest::get("/x").bearer(&token(&json!({ "sub": subject })));
        let minted = bearer(&world.sent_on(&request));
        let parsed = UntrustedToken::parse(&minted).unwrap();
        let set = key_set(&[p_256()]);
        let published = set.with_kid(p_256().kid()).next().unwrap();
        published.key.verify(Algorithm::Es256, parsed.signing_input(), parsed.signature())
    };
    assert!(has_good_token("user_1"));
    world.platform.signer.behave(Signer::FlipsABit);
    assert!(has_good_token("user_2"));
    assert_eq!(world.platform.signer.asked(), (1, 2));
    assert_eq!(world.platform.events("signing_engine_failed").len(), 1);
}

#[test]
fn a_request_that_the_policy_refuses_is_not_forwarded() {
    let world = world();
    let other = tokens::mint(Algorithm::EdDsa, &json!({}), &claims(OTHER, &json!({})));
    for (subject, expected) in
        [(token(&json!({ "banned": true })), "condition_failed"), (other, "issuer_not_accepted")]
    {
        let response = world.answered(&FakeRequest::get("/x").bearer(&subject));
        assert_eq!((response.status().as_u16(), code(&response)), (403, json!(expected)));
    }
    assert!(world.platform.upstreams.received().is_empty());
}

#[test]
fn a_directory_that_is_down_is_503_and_nothing_is_forwarded() {
    let world = world_with(&json!({ "directory": "DIRECTORY" }));
    world.platform.directory.behave(StoreMode::Down);
    let response = world.answered(&FakeRequest::get("/x").bearer(&token(&json!({}))));
    assert_eq!((response.status().as_u16(), code(&response)), (503, json!("store_unavailable")));
    assert!(header(&response, "retry-after").is_some());
    assert!(!String::from_utf8_lossy(response.body()).contains("DIRECTORY"));
    assert!(world.platform.upstreams.received().is_empty());
}

#[test]
fn a_proxy_gets_our_token_too() {
    let world = world_beside(&json!({}), &json!({ "forward_auth": { "trusted": true } }));
    let ask = FakeRequest::get("/_assay/auth-request")
        .header("x-original-method", "GET")
        .header("x-original-uri", "/x")
        .header("x-original-host", "h");
    let response = world.answered(&ask.bearer(&token(&json!({}))));
    assert_eq!(response.status(), 200);
    let minted = header(&response, "authorization").unwrap().replace("Bearer ", "");
    assert_eq!(
        UntrustedToken::parse(&minted).unwrap().claims().audience.as_deref(),
        Some(&[API.to_owned()][..])
    );
}

#[test]
fn a_request_without_a_token_gets_no_issued_token_on_a_public_route() {
    let upstream_request = world().sent_on(&FakeRequest::get("/open/x"));
    assert_eq!(value_set(&upstream_request, "authorization"), None);
    assert!(upstream_request.remove.contains(&"authorization".to_owned()));
}

#[test]
fn an_isolate_keeps_a_bounded_number_of_tokens() {
    let world = world();
    let most = edge_assay::limits::MAX_KEPT_TOKENS;
    for index in 0..most + 5 {
        world.sent_on(&FakeRequest::get("/x").bearer(&token(&json!({ "sub": format!("user_{index}") }))));
    }
    assert_eq!(world.app.config.gateway.as_ref().unwrap().kept.len(), most);
}
