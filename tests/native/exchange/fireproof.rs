//! `PUT /api`: the Fireproof dashboard's protocol.

use std::collections::BTreeSet;

use edge_assay::jose::Algorithm;
use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::support::platform::StoreMode;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, body, claims, header};

#[test]
fn the_dashboards_protocol_exchanges_the_token_of_incident_one() {
    let world = world();
    let token = clerk_token(&json!({ "email": "ada@example.com" }));
    let response = world.ask(&api(&cloud_session("clerk", &token)));
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "access-control-allow-origin").as_deref(), Some("*"));
    let answer = body(&response);
    assert_eq!(answer["type"], "resCloudSessionToken");
    let claims = issued_claims(answer["token"].as_str().unwrap());
    assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some("FP_CLOUD"), Some("PUBLIC")));
    assert_eq!(
        (claims["userId"].as_str(), claims["email"].as_str()),
        (Some("user_1"), Some("ada@example.com"))
    );
    assert_eq!(claims["created"], "2027-01-15T08:00:00Z");
    assert_eq!(claims["tenants"][0]["id"], claims["selected"]["tenant"]);
    assert_eq!(claims["ledgers"][0]["id"], claims["selected"]["ledger"]);
    // The session token expires in a minute, so the cloud token does too.
    assert_eq!(claims["exp"], NOW + 50);

    let ensure = json!({ "type": "reqEnsureCloudToken", "auth": { "type": "clerk", "token": token }, "appId": "notes" });
    let answer = body(&world.ask(&api(&ensure)));
    assert_eq!(answer["type"], "resEnsureCloudToken");
    assert_eq!(answer["expiresInSec"], 50);
    assert_eq!(answer["claims"]["selected"]["appId"], "notes");
    assert_eq!(answer["tenant"], claims["selected"]["tenant"]);
}

#[test]
fn the_dashboards_protocol_refuses_with_true_status_codes_and_names_the_one_issuer() {
    let world = world();
    let ask = |message: &Value| {
        let response = world.ask(&api(message));
        (response.status().as_u16(), body(&response))
    };
    let expired = clerk_token(&json!({ "exp": NOW - 60 }));
    let (status, answer) = ask(&cloud_session("clerk", &expired));
    assert_eq!((status, answer["type"].as_str()), (401, Some("error")));
    assert_eq!(answer["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(answer["attempts"][0]["issuer"], CLERK);
    assert_eq!(answer["attempts"][0]["code"], "token_expired");
    for part in expired.split('.') {
        assert!(!answer.to_string().contains(part));
    }
    let good = clerk_token(&json!({}));
    assert_eq!(ask(&cloud_session("supabase", &good)).1["code"], "issuer_not_accepted");
    assert_eq!(ask(&cloud_session("supabase", &good)).0, 401);
    assert_eq!(ask(&cloud_session("ucan", &good)).0, 400);
    for message in [
        json!({}),
        json!({ "type": "reqListTenantsByUser" }),
        json!({ "type": "reqCloudSessionToken" }),
        json!({ "type": "reqCloudSessionToken", "auth": { "type": "clerk" } }),
        json!({ "type": "reqCloudSessionToken", "auth": { "type": "clerk", "token": 1 } }),
        json!({ "type": "reqEnsureCloudToken", "auth": { "type": "clerk", "token": good } }),
        json!({ "type": "reqTokenByResultId" }),
    ] {
        assert_eq!(ask(&message).0, 400, "{message}");
    }
    let mut elsewhere = cloud_session("clerk", &good);
    elsewhere["selected"] = json!({ "tenant": "t-somebody-else" });
    assert_eq!(ask(&elsewhere).0, 403);
    assert_eq!(ask(&elsewhere).1["code"], "selection_not_permitted");
    let huge = FakeRequest::new(Method::PUT, "/api").body(vec![b' '; 200_000]);
    assert_eq!(world.ask(&huge).status(), 413);
    let preflight = world.ask(&FakeRequest::new(Method::OPTIONS, "/api"));
    assert_eq!(body(&preflight), json!({ "type": "ok", "message": "CORS preflight" }));
    assert_eq!(
        header(&preflight, "access-control-allow-methods").as_deref(),
        Some("GET,POST,OPTIONS,PUT,DELETE")
    );
}

#[test]
fn a_result_waits_fifteen_minutes_and_is_handed_out_once() {
    let world = world();
    let store = |result_id: &str| {
        let mut message = cloud_session("clerk", &clerk_token(&json!({})));
        message["resultId"] = json!(result_id);
        assert_eq!(world.ask(&api(&message)).status(), 200);
    };
    let collect = |result_id: &str| {
        body(&world.ask(&api(&json!({ "type": "reqTokenByResultId", "resultId": result_id }))))
    };
    assert_eq!(collect("zMNa7dRMEtR3")["status"], "not-found");
    store("zMNa7dRMEtR3");
    let found = collect("zMNa7dRMEtR3");
    assert_eq!(
        (found["type"].as_str(), found["status"].as_str()),
        (Some("resTokenByResultId"), Some("found"))
    );
    assert_eq!(issued_claims(found["token"].as_str().unwrap())["iss"], "FP_CLOUD");
    assert_eq!(collect("zMNa7dRMEtR3")["status"], "not-found");
    store("7-chars");
    assert_eq!(collect("7-chars")["status"], "not-found");
    world.platform.pass(2);
    store("a-second-result");
    let kept = edge_assay::exchange::fireproof::result_key("a-second-result");
    assert_eq!(world.platform.store.seconds_left(&kept, world.platform.now_ms()), Some(900));
    world.platform.store.behave(StoreMode::Down);
    let down = world.ask(&api(&json!({ "type": "reqTokenByResultId", "resultId": "a-second-result" })));
    assert_eq!(down.status(), 503);
    let mut message = cloud_session("clerk", &clerk_token(&json!({})));
    message["resultId"] = json!("a-third-result");
    assert_eq!(world.ask(&api(&message)).status(), 200);
}

#[test]
fn a_result_id_and_an_app_id_have_at_most_256_bytes() {
    let world = world();
    let status = |length: usize| {
        let id: String = "abcdefghijkl".chars().cycle().take(length).collect();
        let mut stored = cloud_session("clerk", &clerk_token(&json!({})));
        stored["resultId"] = json!(id);
        let mut selected = cloud_session("clerk", &clerk_token(&json!({})));
        selected["selected"] = json!({ "appId": id });
        [&stored, &selected].map(|message| world.ask(&api(message)).status().as_u16())
    };
    assert_eq!(status(256), [200, 200]);
    assert_eq!(status(257), [400, 400]);
}

#[test]
fn only_memberships_in_the_directory_can_be_selected() {
    let mut config = config();
    config["exchange"]["fireproof"]["memberships"] = json!("directory");
    let world = world_with(&config, &secrets());
    let mut message = cloud_session("clerk", &clerk_token(&json!({})));
    assert_eq!(world.ask(&api(&message)).status(), 403);
    let record = json!({
        "tenants": [{ "id": "acme", "role": "admin" }, { "id": "home", "role": "owner" }],
        "ledgers": [
            { "id": "books", "role": "member", "right": "read" },
            { "id": "notes", "role": "owner", "right": "write" },
        ],
    });
    let key = format!("DIRECTORY subject:{CLERK}:user_1");
    world.platform.directory.plant(&key, &record.to_string());
    message["selected"] = json!({ "tenant": "home", "appId": "notes" });
    let claims = issued_claims(body(&world.ask(&api(&message)))["token"].as_str().unwrap());
    assert_eq!(claims["selected"], json!({ "appId": "notes", "tenant": "home", "ledger": "books" }));
    assert_eq!(claims["ledgers"], record["ledgers"]);
    assert_eq!(claims["tenants"], record["tenants"]);
    for wrong in [
        r#"{"tenants":[{"id":"acme","role":"emperor"}]}"#,
        r#"{"ledgers":[{"id":"books","role":"member","right":"rule"}]}"#,
    ] {
        world.platform.directory.plant(&key, wrong);
        assert_eq!(world.ask(&api(&message)).status(), 503);
    }
}

#[test]
fn the_token_of_incident_two_is_exchanged_by_post_as_well_under_its_own_auth_type() {
    let world = world();
    let kid = json!({ "kid": "0TRLgU4IVDYEpL98" });
    let token = tokens::mint(
        Algorithm::Hs256,
        &kid,
        &claims(SUPABASE, &json!({ "aud": "authenticated", "email": "ada@example.com" })),
    );
    let message = cloud_session("supabase", &token).to_string();
    let response = world.ask(&FakeRequest::new(Method::POST, "/api").body(message));
    assert_eq!(response.status(), 200);
    let claims = issued_claims(body(&response)["token"].as_str().unwrap());
    assert_eq!(claims["email"], "ada@example.com");
}

#[test]
fn no_two_subjects_share_a_personal_tenant() {
    let world = world();
    let tenant = |token: &str, kind: &str| {
        let answer = body(&world.ask(&api(&cloud_session(kind, token))));
        issued_claims(answer["token"].as_str().unwrap())["selected"]["tenant"].as_str().unwrap().to_owned()
    };
    let supabase = claims(SUPABASE, &json!({ "aud": "authenticated", "sub": "user_1" }));
    let tenants = [
        tenant(&clerk_token(&json!({})), "clerk"),
        tenant(&clerk_token(&json!({ "sub": "user_2" })), "clerk"),
        tenant(&tokens::mint(Algorithm::Hs256, &json!({}), &supabase), "supabase"),
    ];
    assert_eq!(tenants.iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(tenant(&clerk_token(&json!({})), "clerk"), tenants[0]);
}
