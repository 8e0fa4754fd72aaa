//! The rotation of our keys in a running isolate: it follows the clock, and a missing successor is logged in time.

use edge_assay::jose::{Algorithm, KeySet, UntrustedToken};
use edge_assay::signing::Margins;
use edge_assay::signing::plan::{Intervals, Plan};
use edge_assay::time::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::support::request::FakeRequest;
use crate::support::world::{NOW, World, body, header};

const DAY: i64 = 86_400;
const KEY: &str = "an explain key of at least 32 characters";
const MARGINS: Margins =
    Margins { consumer_cache_seconds: 3600, longest_token_seconds: 3600, leeway_seconds: 5 };

/// A key that has signed for `days`, with a successor if `successor` is true.
fn keys(days: i64, successor: bool) -> String {
    let mut next = 0;
    let mut fill = |bytes: &mut [u8]| {
        next += 1;
        bytes.fill(next);
    };
    let start = Timestamp::from_epoch_seconds(NOW - days * DAY);
    let mut plan = Plan::empty();
    plan.begin(Algorithm::Es256, Intervals::default(), start, &mut fill).unwrap();
    if successor {
        plan.rotate(Algorithm::Es256, Intervals::default(), &MARGINS, start, false, &mut fill).unwrap();
    }
    plan.to_json()
}

fn world_with_keys(keys: &str) -> World {
    let mut config = config();
    for target in config["exchange"]["targets"].as_array_mut().unwrap() {
        target["algorithm"] = json!("ES256");
    }
    let [_, supabase, cli] = <[_; 3]>::try_from(secrets()).unwrap();
    world_with(&config, &[("SIGNING_KEYS", keys.to_owned()), supabase, cli])
}

/// A token issued now, and whether the present key set verifies it.
fn issue(world: &World) -> (String, bool) {
    let now = world.platform.now().epoch_seconds();
    let token = clerk_token(&json!({ "iat": now, "nbf": now, "exp": now + 60 }));
    let (answer, _) = granted(world, &form(&exchange(&token, &[("audience", API)])));
    let issued = answer["access_token"].as_str().unwrap().to_owned();
    let verifies = verifies(&issued, &published(world));
    (issued, verifies)
}

fn published(world: &World) -> Vec<u8> {
    world.ask(&FakeRequest::get("/.well-known/jwks.json")).body().clone()
}

fn kid(token: &str) -> String {
    UntrustedToken::parse(token).unwrap().header().kid.clone().unwrap()
}

fn verifies(token: &str, set: &[u8]) -> bool {
    let parsed = UntrustedToken::parse(token).unwrap();
    let set = KeySet::parse(set).unwrap();
    let jwk = set.with_kid(parsed.header().kid.as_deref().unwrap()).next();
    jwk.is_some_and(|jwk| jwk.key.verify(Algorithm::Es256, parsed.signing_input(), parsed.signature()))
}

#[test]
fn a_running_isolate_changes_to_the_next_key() {
    // The second key signs in three days, and is already published.
    let world = world_with_keys(&keys(88, true));
    let (before, verified) = issue(&world);
    assert!(verified);
    world.platform.pass(3 * DAY - 3600);
    let held_for_an_hour = published(&world);
    assert_eq!(kid(&issue(&world).0), kid(&before));
    world.platform.pass(3599);
    let (last, _) = issue(&world);
    assert_eq!(kid(&last), kid(&before));
    world.platform.pass(1);
    let (first, verified) = issue(&world);
    assert!(verified && verifies(&first, &held_for_an_hour));
    assert_eq!(world.platform.signer.asked(), (2, 4), "each of the two keys was imported once");
    assert_ne!(kid(&first), kid(&before));
    // The last token of the former key still verifies with the key set of an hour later.
    world.platform.pass(3600);
    assert!(verifies(&last, &published(&world)));
    // The key set may be cached exactly until the former key is removed from it.
    world.platform.pass(7 * DAY - 3600 - 10);
    let set = world.ask(&FakeRequest::get("/.well-known/jwks.json"));
    assert_eq!(header(&set, "cache-control").as_deref(), Some("public, max-age=10"));
    world.platform.pass(10);
    assert_eq!(KeySet::parse(&published(&world)).unwrap().keys.len(), 1);
}

#[test]
fn a_successor_that_is_missing_is_logged_two_weeks_ahead_by_the_cron_trigger() {
    for (days, successor, warned) in
        [(76, false, false), (78, false, true), (78, true, false), (92, false, true)]
    {
        let world = world_with_keys(&keys(days, successor));
        world.platform.run(world.app.refresh_scheduled(&world.platform));
        let lines = world.platform.events("signing_key_without_successor");
        assert_eq!(!lines.is_empty(), warned, "{days} {successor}");
        assert!(lines.iter().all(|line| line["alg"] == "ES256" && line["detail"].is_string()));
    }
}

#[test]
fn readyz_shows_every_key_with_its_state_and_names_what_is_missing() {
    let ready = |world: &World| {
        let response = world.ask(&FakeRequest::get("/readyz").header("x-explain-key", KEY));
        (response.status().as_u16(), body(&response)["details"]["signing"].clone())
    };
    let with_key = |keys: &str, cli: bool| {
        let world = world_with_keys(keys);
        world.platform.bind_secret("EXPLAIN_KEY", KEY);
        if cli {
            return world;
        }
        let mut config = config();
        config["exchange"]["targets"] = json!([config["exchange"]["targets"][2].clone()]);
        let world =
            world_with(&config, &[("SIGNING_KEYS", keys.to_owned()), ("SUPABASE", SECRET.to_owned())]);
        world.platform.bind_secret("EXPLAIN_KEY", KEY);
        world
    };
    let (status, signing) = ready(&with_key(&keys(88, true), true));
    let stages: Vec<&Value> = signing["keys"].as_array().unwrap().iter().map(|key| &key["state"]).collect();
    assert_eq!(
        (status, stages, &signing["problem"]),
        (200, vec![&json!("active"), &json!("published")], &Value::Null)
    );
    let (status, signing) = ready(&with_key(&keys(92, false), true));
    assert_eq!((status, &signing["keys"][0]["state"]), (503, &json!("retired")));
    assert!(signing["problem"].as_str().unwrap().contains("edge-assay keys rotate --algorithm ES256"));
    let (status, signing) = ready(&with_key(&keys(1, false), false));
    assert_eq!((status, &signing["clients"][0]["usable"]), (503, &json!(false)));
    assert!(signing["problem"].as_str().unwrap().contains("CLI_SECRET"));
}
