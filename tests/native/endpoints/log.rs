//! The log lines: one line per refusal or fault.

use edge_assay::ports::Level;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{ISS, token, worker};
use crate::support::keys::ed25519;
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::world::{NOW, jwks_uri};

#[test]
fn a_refusal_is_one_log_line_with_exactly_these_members() {
    let world = worker(&json!({}));
    let expired = token(&json!({ "exp": NOW - 60 }));
    world.ask(&FakeRequest::verify(&expired).header("cf-ray", "8f1e2d3c4b5a6978-FRA"));
    let mut hash = format!("{:x}", Sha256::digest(&expired));
    hash.truncate(12);
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
