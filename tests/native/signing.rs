//! Our own keys: their schedules, the command line's changes to them, and the members that are never published.

use edge_assay::jose::{Algorithm, KeySet};
use edge_assay::signing::key::JwkError;
use edge_assay::signing::keyring::{KeyringError, KeyringErrorKind};
use edge_assay::signing::metadata::key_set;
use edge_assay::signing::plan::{Intervals, Plan, PlanError};
use edge_assay::signing::schedule::ScheduleError;
use edge_assay::signing::{Keyring, Margins, RingKey, Series, State};
use edge_assay::time::Timestamp;
use serde_json::{Value, json};

const START: i64 = 1_800_000_000;
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;
const MARGINS: Margins =
    Margins { consumer_cache_seconds: 3600, longest_token_seconds: 3600, leeway_seconds: 5 };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_epoch_seconds(seconds)
}

/// A source of octets that differ at each call and are the same in each run.
fn counter(from: u8) -> impl FnMut(&mut [u8]) {
    let mut next = from;
    move |bytes| {
        next = next.wrapping_add(1);
        bytes.fill(next);
    }
}

/// A set that was made at `START` and rotated 80 days later.
fn rotated_once(algorithm: Algorithm) -> Plan {
    let mut fill = counter(0);
    let mut plan = Plan::empty();
    plan.begin(algorithm, Intervals::default(), at(START), &mut fill).unwrap();
    plan.rotate(algorithm, Intervals::default(), &MARGINS, at(START + 80 * DAY), false, &mut fill).unwrap();
    plan
}

fn signer(ring: &Keyring, now: i64) -> &RingKey {
    ring.signer(Algorithm::Es256, at(now)).unwrap_or_else(|| panic!("no key signs at {now}"))
}

fn times(ring: &Keyring) -> Vec<i64> {
    let each = |key: &RingKey| {
        let schedule = key.schedule;
        [schedule.publish_at, schedule.activate_at, schedule.retire_at, schedule.remove_at]
    };
    ring.keys().iter().flat_map(each).map(Timestamp::epoch_seconds).collect()
}

/// The set of [`rotated_once`], and the same set with the shortest intervals that are allowed.
fn quarters() -> [Plan; 2] {
    let usual = rotated_once(Algorithm::Es256);
    let mut set: Value = serde_json::from_str(&usual.to_json()).unwrap();
    let tail = i64::try_from(MARGINS.tail_seconds()).unwrap();
    set["keys"][0]["remove_at"] = json!(set["keys"][0]["retire_at"].as_i64().unwrap() + tail);
    set["keys"][1]["publish_at"] = json!(set["keys"][1]["activate_at"].as_i64().unwrap() - HOUR);
    set["keys"][1]["remove_at"] = json!(set["keys"][1]["retire_at"].as_i64().unwrap() + tail);
    let tight = Plan::read(&set.to_string()).unwrap();
    for plan in [&usual, &tight] {
        assert_eq!(plan.ring().schedule_faults(&MARGINS), []);
    }
    [usual, tight]
}

#[test]
fn at_every_second_of_a_quarter_every_live_token_verifies_with_every_set_of_the_last_hour() {
    for plan in quarters() {
        let ring = plan.ring();
        // From the first second of the first key until only the second key is published.
        for signed_at in START..START + 100 * DAY {
            let RingKey { schedule, .. } = signer(ring, signed_at);
            // A token is valid for an hour and the leeway, and during that time it is verified with key sets that are up to an
            // hour old. A key is published without a break, so it is enough to check the oldest and the newest of these sets.
            // No set is older than the first key.
            let oldest = (signed_at - HOUR).max(START);
            let newest = signed_at + HOUR + 5;
            assert!(schedule.is_shown(at(oldest)) && schedule.is_shown(at(newest)), "{signed_at}");
        }
    }
}

#[test]
fn an_interval_that_is_one_second_too_short_is_a_fault() {
    let [_, tight] = quarters();
    for (key, member, by) in [(0, "remove_at", -1), (1, "publish_at", 1), (1, "remove_at", -1)] {
        let mut set: Value = serde_json::from_str(&tight.to_json()).unwrap();
        let instant = &mut set["keys"][key][member];
        *instant = json!(instant.as_i64().unwrap() + by);
        let ring = Keyring::parse(&set.to_string()).unwrap();
        assert_eq!(ring.schedule_faults(&MARGINS).len(), 1, "{member}");
    }
}

#[test]
fn a_token_verifies_with_every_set_of_the_last_hour_around_every_time_of_the_schedule() {
    for plan in quarters() {
        verifies_around_every_time(plan.ring());
    }
}

fn verifies_around_every_time(ring: &Keyring) {
    let held = |now: i64| KeySet::parse(key_set(ring, 3600, at(now)).body.as_bytes()).unwrap();
    for time in times(ring) {
        for signed_at in [time - HOUR - 6, time - HOUR, time - 1, time, time + 1, time + HOUR] {
            if ring.signer(Algorithm::Es256, at(signed_at)).is_none() {
                continue;
            }
            let key = &signer(ring, signed_at).key;
            let signature = key.sign(b"message");
            for judged_at in [signed_at, signed_at + HOUR / 2, signed_at + HOUR + 4] {
                for fetched_at in [judged_at - HOUR, judged_at - 1, judged_at] {
                    if fetched_at < START {
                        continue;
                    }
                    let set = held(fetched_at);
                    let jwk = set.with_kid(key.kid()).next();
                    let jwk = jwk.unwrap_or_else(|| panic!("{signed_at} {judged_at} {fetched_at}"));
                    assert!(jwk.key.verify(Algorithm::Es256, b"message", &signature));
                }
            }
        }
    }
}

#[test]
fn two_isolates_with_the_same_keys_in_any_order_agree_at_every_second() {
    let plan = rotated_once(Algorithm::EdDsa);
    let text = plan.to_json();
    let mut turned: Value = serde_json::from_str(&text).unwrap();
    turned["keys"].as_array_mut().unwrap().reverse();
    let one = Keyring::parse(&text).unwrap();
    let other = Keyring::parse(&turned.to_string()).unwrap();
    // Every second from before the first key until after the last key.
    for now in START - DAY..START + 200 * DAY {
        let one = one.signer(Algorithm::EdDsa, at(now)).map(|key| key.key.kid());
        let other = other.signer(Algorithm::EdDsa, at(now)).map(|key| key.key.kid());
        assert_eq!(one, other, "{now}");
    }
}

#[test]
fn a_key_goes_through_its_states_by_the_clock() {
    let plan = rotated_once(Algorithm::Es256);
    let schedule = plan.ring().keys()[1].schedule;
    for (instant, before, after) in [
        (schedule.publish_at, State::Scheduled, State::Published),
        (schedule.activate_at, State::Published, State::Active),
        (schedule.retire_at, State::Active, State::Retired),
        (schedule.remove_at, State::Retired, State::Removed),
    ] {
        assert_eq!(schedule.state(instant.minus(1)), before);
        assert_eq!(schedule.state(instant), after);
    }
}

#[test]
fn the_key_set_may_be_cached_until_it_changes_and_no_longer() {
    let plan = rotated_once(Algorithm::Es256);
    let ring = plan.ring();
    let publish = ring.keys()[1].schedule.publish_at.epoch_seconds();
    assert_eq!(key_set(ring, 3600, at(publish - 2 * HOUR)).max_age_seconds, 3600);
    assert_eq!(key_set(ring, 3600, at(publish - 10)).max_age_seconds, 10);
    let before = key_set(ring, 3600, at(publish - 1));
    let after = key_set(ring, 3600, at(publish));
    assert_ne!(before.etag, after.etag);
    assert_eq!(KeySet::parse(after.body.as_bytes()).unwrap().keys.len(), 2);
    // An empty set must not be cached.
    assert_eq!(key_set(ring, 3600, at(START - 1)).max_age_seconds, 0);
}

#[test]
fn the_key_set_holds_no_private_member_and_no_shared_secret() {
    let mut fill = counter(0);
    let mut plan = Plan::empty();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        plan.begin(algorithm, Intervals::default(), at(START), &mut fill).unwrap();
    }
    let set: Value = serde_json::from_str(&key_set(plan.ring(), 3600, at(START)).body).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert!(key.get("d").is_none() && key.get("k").is_none());
        assert!(key.get("publish_at").is_none());
        assert_ne!(key["kty"], "oct");
    }
    let printed = format!("{:?}", plan.ring());
    let text: Value = serde_json::from_str(&plan.to_json()).unwrap();
    for key in text["keys"].as_array().unwrap() {
        let private = key.get("d").or(key.get("k")).unwrap().as_str().unwrap();
        assert!(!printed.contains(private));
    }
}

/// The faults of a set in which one time of the second key is moved by `by` seconds.
fn moved(member: &str, by: i64) -> Vec<KeyringErrorKind> {
    let mut set: Value = serde_json::from_str(&rotated_once(Algorithm::Es256).to_json()).unwrap();
    let key = &mut set["keys"][1];
    key[member] = json!(key[member].as_i64().unwrap() + by);
    let ring = Keyring::parse(&set.to_string()).unwrap();
    ring.schedule_faults(&MARGINS).into_iter().map(|fault| fault.problem).collect()
}

#[test]
fn an_unsafe_schedule_says_which_interval_is_too_short_and_by_how_much() {
    assert_eq!(moved("publish_at", 0), []);
    let late = ScheduleError::LeadTooShort { actual: 3599, required: 3600 };
    assert_eq!(moved("publish_at", 7 * DAY - 3599), [KeyringErrorKind::Schedule(late.clone())]);
    assert!(late.to_string().ends_with("1 s too short"));
    assert_eq!(moved("publish_at", 7 * DAY - 3600), []);
    let early = ScheduleError::TailTooShort { actual: 3604, required: 3605 };
    assert_eq!(moved("remove_at", 3604 - 7 * DAY), [KeyringErrorKind::Schedule(early)]);
    let gap = ScheduleError::Gap { series: Algorithm::Es256.into(), seconds: 10 };
    assert_eq!(moved("activate_at", 10), [KeyringErrorKind::Schedule(gap)]);
    let order = ScheduleError::OutOfOrder { earlier: "publish_at", later: "activate_at", by: 1 };
    assert_eq!(moved("publish_at", 7 * DAY + 1), [KeyringErrorKind::Schedule(order)]);
}

#[test]
fn a_fault_of_a_key_has_the_path_of_its_member() {
    let good: Value = serde_json::from_str(&rotated_once(Algorithm::Es256).to_json()).unwrap();
    let faults = |member: &str, value: Value| {
        let mut set = good.clone();
        set["keys"][0][member] = value;
        Keyring::parse(&set.to_string()).unwrap_err()
    };
    let only = |fault: JwkError| vec![KeyringError { index: Some(0), problem: KeyringErrorKind::Key(fault) }];
    assert_eq!(faults("alg", json!("RS256")), only(JwkError::Algorithm));
    assert_eq!(faults("alg", json!("EdDSA")), only(JwkError::Mismatch("kty")));
    assert_eq!(faults("d", json!("AA")), only(JwkError::Malformed("d")));
    assert_eq!(faults("x", good["keys"][1]["x"].clone()), only(JwkError::NotItsPublicHalf));
    assert_eq!(faults("use", json!("enc")), only(JwkError::Use));
    assert!(matches!(faults("kid", json!("mine"))[0].problem, KeyringErrorKind::Key(JwkError::Kid(_))));
    assert_eq!(faults("retire_at", json!("soon"))[0].problem, KeyringErrorKind::Instant("retire_at"));
    assert_eq!(
        faults("retired_at", json!(1))[0].problem,
        KeyringErrorKind::UnknownMember("retired_at".to_owned())
    );
    let mut twice = good.clone();
    twice["keys"][1] = good["keys"][0].clone();
    assert_eq!(Keyring::parse(&twice.to_string()).unwrap_err()[0].problem, KeyringErrorKind::Duplicate);
    for text in ["", "[]", "{}", r#"{"keys":[]}"#] {
        assert!(
            matches!(Keyring::parse(text).unwrap_err()[0].problem, KeyringErrorKind::NotASet(_)),
            "{text}"
        );
    }
}

#[test]
fn quarterly_rotations_leave_no_gap_for_years() {
    let mut fill = counter(0);
    let mut plan = Plan::empty();
    let intervals = Intervals::default();
    plan.begin(Algorithm::Es256, intervals, at(START), &mut fill).unwrap();
    let mut now = START;
    for quarter in 0..12 {
        // Rotate early, hours before the end, and once too late.
        now += match quarter {
            3 => 120 * DAY,
            5 => 30 * DAY,
            _ => 88 * DAY,
        };
        match plan.rotate(Algorithm::Es256, intervals, &MARGINS, at(now), false, &mut fill) {
            Ok(()) | Err(PlanError::SuccessorThere { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        assert_eq!(plan.ring().schedule_faults(&MARGINS), [], "quarter {quarter}");
        assert!(plan.ring().signer(Algorithm::Es256, at(now)).is_some(), "quarter {quarter}");
        assert!(plan.ring().keys().len() <= 3);
    }
}

#[test]
fn a_rotation_now_waits_until_every_consumer_can_know_the_key() {
    let mut fill = counter(0);
    let mut plan = Plan::empty();
    let now = START + 10 * DAY;
    plan.begin(Algorithm::Es256, Intervals::default(), at(START), &mut fill).unwrap();
    plan.rotate(Algorithm::Es256, Intervals::default(), &MARGINS, at(now), true, &mut fill).unwrap();
    assert_eq!(plan.ring().schedule_faults(&MARGINS), []);
    let [old, new] = plan.ring().keys() else { panic!() };
    assert_eq!(new.schedule.activate_at, at(now + HOUR));
    assert_eq!(old.schedule.retire_at, at(now + HOUR));
    // A successor that waits is activated earlier; no second one is added.
    let mut plan = rotated_once(Algorithm::Es256);
    let now = START + 81 * DAY;
    plan.rotate(Algorithm::Es256, Intervals::default(), &MARGINS, at(now), true, &mut fill).unwrap();
    assert_eq!(plan.ring().keys().len(), 2);
    assert_eq!(plan.ring().schedule_faults(&MARGINS), []);
    assert_eq!(plan.ring().keys()[1].schedule.activate_at, at(now + HOUR));
}

#[test]
fn a_key_that_tokens_still_need_is_not_dropped() {
    let mut plan = rotated_once(Algorithm::Es256);
    let kid = plan.ring().keys()[0].key.kid().to_owned();
    for now in [START + 85 * DAY, START + 92 * DAY] {
        assert!(matches!(plan.discard(&kid, at(now)), Err(PlanError::StillNeeded { .. })));
    }
    plan.discard(&kid, at(START + 98 * DAY)).unwrap();
    assert_eq!(plan.ring().keys().len(), 1);
    assert!(matches!(plan.discard("nobody", at(START)), Err(PlanError::NoSuchKey(_))));
}

#[test]
fn a_leaked_key_is_gone_at_once_and_another_signs_at_once() {
    // The successor is published already, or there is none, or the former key is still published.
    for (now, keys) in [(START + 85 * DAY, 1), (START + 79 * DAY, 1), (START + 92 * DAY, 2)] {
        let mut fill = counter(100);
        let mut plan = rotated_once(Algorithm::Es256);
        let kid = signer(plan.ring(), now).key.kid().to_owned();
        plan.revoke(&kid, Intervals::default(), &MARGINS, at(now), &mut fill).unwrap();
        assert!(plan.ring().keys().iter().all(|key| key.key.kid() != kid));
        assert_ne!(signer(plan.ring(), now).key.kid(), kid);
        assert_eq!(plan.ring().schedule_faults(&MARGINS), [], "{now}");
        assert_eq!(plan.ring().keys().len(), keys);
    }
}

#[test]
fn a_successor_that_waits_replaces_a_leaked_key_and_is_not_dropped() {
    // The successor is not published yet, was just published, or is known to all consumers.
    for now in [START + 79 * DAY, START + 84 * DAY + 60, START + 85 * DAY] {
        let mut fill = counter(100);
        let mut plan = rotated_once(Algorithm::Es256);
        plan.begin(Algorithm::EdDsa, Intervals::default(), at(START), &mut fill).unwrap();
        let leaked = signer(plan.ring(), now).key.kid().to_owned();
        let waiting = plan.ring().keys()[1].key.kid().to_owned();
        plan.revoke(&leaked, Intervals::default(), &MARGINS, at(now), &mut fill).unwrap();
        assert_eq!(plan.ring().keys().len(), 2);
        assert_eq!(plan.ring().signer(Algorithm::Es256, at(now)).unwrap().key.kid(), waiting, "{now}");
        assert_eq!(plan.ring().schedule_faults(&MARGINS), [], "{now}");
    }
    // A leaked successor is dropped too, and the active key stays.
    let mut plan = rotated_once(Algorithm::Es256);
    let (signing, waiting) =
        (plan.ring().keys()[0].key.kid().to_owned(), plan.ring().keys()[1].key.kid().to_owned());
    plan.revoke(&waiting, Intervals::default(), &MARGINS, at(START + DAY), &mut counter(100)).unwrap();
    assert_eq!(plan.ring().keys().len(), 1);
    assert_eq!(plan.ring().signer(Algorithm::Es256, at(START + DAY)).unwrap().key.kid(), signing);
}

#[test]
fn after_the_whole_set_has_leaked_no_key_of_it_is_left_and_every_series_signs() {
    let mut fill = counter(100);
    let mut plan = rotated_once(Algorithm::Es256);
    let audience = Series::of(Algorithm::Hs256, "https://one.example");
    plan.begin(&audience, Intervals::default(), at(START), &mut fill).unwrap();
    let kids = |plan: &Plan| -> Vec<String> {
        plan.ring().keys().iter().map(|key| key.key.kid().to_owned()).collect()
    };
    let leaked = kids(&plan);
    let now = at(START + 79 * DAY);
    plan.revoke_all(Intervals::default(), now, &mut fill).unwrap();
    assert!(kids(&plan).iter().all(|kid| !leaked.contains(kid)));
    assert_eq!(plan.ring().keys().len(), 2);
    assert!(plan.ring().signer(Algorithm::Es256, now).is_some());
    assert_eq!(plan.ring().signer(&audience, now).unwrap().audience.as_deref(), Some("https://one.example"));
    assert_eq!(plan.ring().schedule_faults(&MARGINS), []);
    let later = at(START + 1000 * DAY);
    assert!(matches!(plan.revoke_all(Intervals::default(), later, &mut fill), Err(PlanError::Empty)));
}

#[test]
fn the_shared_secret_of_each_audience_rotates_on_its_own() {
    let mut fill = counter(0);
    let mut plan = Plan::empty();
    let series = |audience: &str| Series::of(Algorithm::Hs256, audience);
    let (one, other) = (series("https://one.example"), series("https://other.example"));
    plan.begin(&one, Intervals::default(), at(START), &mut fill).unwrap();
    plan.begin(&other, Intervals::default(), at(START), &mut fill).unwrap();
    plan.rotate(&one, Intervals::default(), &MARGINS, at(START + 80 * DAY), false, &mut fill).unwrap();
    assert_eq!(plan.ring().schedule_faults(&MARGINS), []);
    let kid =
        |series: &Series, now: i64| plan.ring().signer(series, at(now)).map(|key| key.key.kid().to_owned());
    for day in [1, 50, 90] {
        assert_ne!(kid(&one, START + day * DAY), kid(&other, START + day * DAY));
    }
    // A quarter later, the one audience has its second key, and the other has no successor.
    assert_ne!(kid(&one, START + 95 * DAY), kid(&one, START + DAY));
    assert!(kid(&one, START + 95 * DAY).is_some());
    assert_eq!(kid(&other, START + 95 * DAY), None);
    // There is no key without an audience, or for a third one.
    assert_eq!(kid(&Algorithm::Hs256.into(), START + DAY), None);
    assert_eq!(kid(&series("https://third.example"), START + DAY), None);
    // A leaked secret is replaced by a secret of the same audience.
    let leaked = kid(&one, START + DAY).unwrap();
    plan.revoke(&leaked, Intervals::default(), &MARGINS, at(START + DAY), &mut fill).unwrap();
    let signing = plan.ring().signer(&one, at(START + DAY)).unwrap();
    assert_eq!(signing.audience.as_deref(), Some("https://one.example"));
}

#[test]
fn the_command_for_an_audience_can_be_pasted_into_a_shell() {
    let command = |audience: &str| Series::of(Algorithm::Hs256, audience).rotation();
    assert!(command("https://api.example.com/v1").ends_with("--audience https://api.example.com/v1"));
    assert!(command("a; rm -rf 'x'").ends_with(r"--audience 'a; rm -rf '\''x'\'''"));
    assert!(Series::of(Algorithm::Es256, "a b").rotation().ends_with("--algorithm ES256"));
}
