//! Attacks on stored results (`resultId`): collecting one twice, replacing one, guessing an id.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use edge_assay::exchange::fireproof::result_key;
use edge_assay::http::router::answer;
use edge_assay::jose::base64url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::support::platform::StoreMode;
use crate::support::world::{World, body};

const ID: &str = "zMNa7dRMEt";

fn storing(result_id: &str, subject: &str) -> FakeRequest {
    let mut message = cloud_session("clerk", &clerk_token(&json!({ "sub": subject })));
    message["resultId"] = json!(result_id);
    api(&message)
}

fn collecting(result_id: &str) -> FakeRequest {
    api(&json!({ "type": "reqTokenByResultId", "resultId": result_id }))
}

/// The user whose token was collected; `None` if there was no result.
fn collect(world: &World, result_id: &str) -> Option<Value> {
    let answer = body(&world.ask(&collecting(result_id)));
    answer["token"].as_str().map(|token| issued_claims(token)["userId"].clone())
}

/// Answers all requests at the same time, in one isolate.
fn at_once(world: &World, requests: &[FakeRequest]) -> Vec<Value> {
    let mut all: Vec<_> =
        requests.iter().map(|request| Some(Box::pin(answer(&world.app, &world.platform, request)))).collect();
    let mut answers = vec![Value::Null; requests.len()];
    let together = poll_fn(|context| {
        for (place, future) in all.iter_mut().enumerate() {
            if let Some(running) = future
                && let Poll::Ready(answered) = running.as_mut().poll(context)
            {
                answers[place] = body(&answered.response);
                *future = None;
            }
        }
        if all.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    });
    let together = pin!(together);
    world.platform.run(together);
    answers
}

#[test]
fn one_of_six_simultaneous_requests_in_one_isolate_collects_the_token() {
    let world = world();
    assert_eq!(world.ask(&storing(ID, "ada")).status(), 200);
    let requests: Vec<FakeRequest> = (0..6).map(|_| collecting(ID)).collect();
    let answers = at_once(&world, &requests);
    assert_eq!(answers.iter().filter(|answer| answer["status"] == "found").count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer["status"] == "not-found").count(), 5);
}

#[test]
fn a_collected_result_that_kv_still_shows_is_not_handed_out_again() {
    let world = world();
    world.ask(&storing(ID, "ada"));
    let hash = base64url::encode(&Sha256::digest(ID));
    assert_eq!(result_key(ID), format!("fireproof-result:v2:{hash}"));
    let waiting = world.platform.store.peek(&result_key(ID)).unwrap();
    assert_eq!(collect(&world, ID), Some(json!("ada")));
    // KV may still return the value from its cache.
    world.platform.store.plant(&result_key(ID), &waiting);
    assert_eq!(collect(&world, ID), None);
    // A collected result does not block its id: another subject may store a token there.
    assert_eq!(world.ask(&storing(ID, "ben")).status(), 200);
    assert_eq!(collect(&world, ID), Some(json!("ben")));
}

#[test]
fn a_waiting_result_is_not_replaced_by_another_subjects() {
    let world = world();
    world.ask(&storing(ID, "ada"));
    world.platform.pass(2);
    let response = world.ask(&storing(ID, "mallory"));
    assert_eq!((response.status().as_u16(), &body(&response)["code"]), (409, &json!("result_taken")));
    assert!(body(&response).get("token").is_none());
    // Another isolate knows the result only from KV.
    let mut elsewhere = world_with(&config(), &secrets());
    elsewhere.platform = world.platform;
    let response = elsewhere.ask(&storing(ID, "mallory"));
    assert_eq!((response.status().as_u16(), &body(&response)["code"]), (409, &json!("result_taken")));
    assert_eq!(collect(&elsewhere, ID), Some(json!("ada")));
}

#[test]
fn a_subject_may_renew_its_own_waiting_result() {
    let world = world();
    world.ask(&storing(ID, "ada"));
    let first = world.platform.store.peek(&result_key(ID)).unwrap();
    world.platform.pass(2);
    assert_eq!(world.ask(&storing(ID, "ada")).status(), 200);
    assert_ne!(world.platform.store.peek(&result_key(ID)).unwrap(), first);
    assert_eq!(collect(&world, ID), Some(json!("ada")));
}

#[test]
fn one_of_two_subjects_that_store_a_result_at_the_same_time_in_one_isolate_is_refused() {
    let world = world();
    world.ask(&storing("zzzzzzzzzz", "warm-up"));
    let answers = at_once(&world, &[storing(ID, "ada"), storing(ID, "mallory")]);
    assert!(answers[0]["token"].is_string(), "{answers:?}");
    assert_eq!(answers[1]["code"], "result_taken");
    assert_eq!(collect(&world, ID), Some(json!("ada")));
}

#[test]
fn an_id_that_could_be_guessed_stores_nothing_and_a_very_long_one_is_refused() {
    let world = world();
    for short in ["password", "12345678901", "z123", "", "            ", "aaaaaaaaaaaa", "zzzzzzzz"] {
        assert_eq!(world.ask(&storing(short, "ada")).status(), 200, "{short}");
        assert_eq!(world.platform.store.peek(&result_key(short)), None, "{short}");
        assert_eq!(collect(&world, short), None);
    }
    assert_eq!(world.platform.events("result_not_stored").len(), 7);
    // The shortest id that Fireproof's own client makes from 6 random bytes, and one of 12 characters.
    for long_enough in ["z2bcdefg", "0123456789ab"] {
        world.ask(&storing(long_enough, "ada"));
        assert_eq!(collect(&world, long_enough), Some(json!("ada")), "{long_enough}");
    }
    let endless = "x".repeat(257);
    assert_eq!(world.ask(&storing(&endless, "ada")).status(), 400);
    assert_eq!(world.ask(&collecting(&endless)).status(), 400);
    for message in ["reqCloudSessionToken", "reqEnsureCloudToken"] {
        let auth = json!({ "type": "clerk", "token": clerk_token(&json!({})) });
        let message =
            json!({ "type": message, "auth": auth, "appId": endless, "selected": { "appId": endless } });
        assert_eq!(world.ask(&api(&message)).status(), 400);
    }
}

#[test]
fn a_result_that_cannot_be_deleted_is_not_handed_out_and_not_lost() {
    let world = world();
    world.ask(&storing(ID, "ada"));
    let waiting = world.platform.store.peek(&result_key(ID)).unwrap();
    world.platform.store.behave(StoreMode::Rubbish(waiting));
    world.platform.store.fail_deletions(true);
    assert_eq!(world.ask(&collecting(ID)).status(), 503);
    world.platform.store.fail_deletions(false);
    assert_eq!(collect(&world, ID), Some(json!("ada")));
    // A value that cannot be read counts as absent.
    world.platform.store.behave(StoreMode::Rubbish("{".to_owned()));
    assert_eq!(collect(&world, ID), None);
    assert_eq!(world.ask(&storing(ID, "ben")).status(), 200);
}
