//! One coordinator for all isolates: how often it asks the origin, what an isolate does when it fails, and what is read of its answers.

use std::sync::Arc;

use edge_assay::keys::coordinator::wire::{Answer as Reply, Question};
use edge_assay::keys::coordinator::{Coordinator, name};
use edge_assay::keys::{CachePolicy, CoordinatorState, Tier, Wanted};
use edge_assay::ports::{Document, DocumentRequest, FetchError};
use edge_assay::time::Timestamp;
use futures::future::join_all;

use super::{Isolate, NOW, POLICY, REFRESH_AT, URL, calls, holds, jwks, retry_after, serve, world};
use crate::support::platform::{Answer, CoordinatorMode, FakePlatform};

/// A world with a coordinator, whose issuer serves the key `a`.
fn coordinated() -> FakePlatform {
    let world = world();
    world.coordinator.behave(CoordinatorMode::Works);
    world
}

/// An isolate that reads nothing from the store, so that it has to ask.
fn alone(world: &FakePlatform) -> Isolate {
    world.store.behave(crate::support::platform::StoreMode::Down);
    Isolate::new()
}

fn request() -> DocumentRequest {
    DocumentRequest {
        url: URL.to_owned(),
        channel: None,
        accept: "application/jwk-set+json, application/json",
        if_none_match: None,
        timeout_ms: 5000,
        max_bytes: 262_144,
        max_age_seconds: 30,
    }
}

#[test]
fn a_hundred_isolates_that_start_at_once_are_one_fetch() {
    let world = coordinated();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(300));
    let isolates: Vec<_> = (0..100).map(|_| alone(&world)).collect();
    let all = world.run(join_all(isolates.iter().map(|isolate| isolate.asking(&world, Wanted::Kid("a")))));
    assert!(all.iter().all(|lookup| holds(lookup, "a")));
    assert_eq!(calls(&world), 1);
    assert!(all.iter().all(|lookup| lookup.as_ref().unwrap().tier == Tier::Origin));
}

#[test]
fn unknown_kids_in_all_isolates_cost_three_fetches_a_minute() {
    let world = coordinated();
    let isolates: Vec<_> = (0..20).map(|_| alone(&world)).collect();
    for second in 0..600 {
        let isolate = &isolates[second % 20];
        let lookup = isolate.ask(&world, Wanted::Kid("unknown"));
        assert!(!holds(&lookup, "unknown") && lookup.is_ok());
        world.pass(1);
    }
    assert!((20..=30).contains(&calls(&world)), "{} in ten minutes", calls(&world));
}

#[test]
fn a_new_key_is_accepted_within_the_cooldown_although_answers_are_held() {
    let world = coordinated();
    let (one, two) = (alone(&world), alone(&world));
    one.ask(&world, Wanted::Kid("a")).unwrap();
    for wait in 0..30 {
        two.ask(&world, Wanted::Kid("nothing")).unwrap();
        serve(&world, &[("a", 1), ("b", 2)]);
        let mut waited = 0;
        while !holds(&two.ask(&world, Wanted::Kid("b")), "b") {
            world.pass(1);
            waited += 1;
        }
        assert!(waited <= 30, "after {wait} s: {waited} s");
        serve(&world, &[("a", 1)]);
        world.pass(REFRESH_AT + wait);
        two.serve(&world, Wanted::Any).unwrap();
    }
}

#[test]
fn the_age_of_an_answer_is_taken_off_the_life_of_the_set() {
    let world = coordinated();
    alone(&world).ask(&world, Wanted::Any).unwrap();
    world.pass(15);
    let found = alone(&world).ask(&world, Wanted::Any).unwrap();
    assert_eq!((found.fetched_at.epoch_seconds(), calls(&world)), (NOW, 1));
}

#[test]
fn the_first_isolate_that_gets_an_answer_writes_it_to_the_store() {
    let world = coordinated();
    let isolates: Vec<_> = (0..5).map(|_| Isolate::new()).collect();
    world.run(join_all(isolates.iter().map(|isolate| isolate.asking(&world, Wanted::Any))));
    for isolate in &isolates {
        world.run(isolate.cache.write_back(&world));
    }
    assert_eq!((calls(&world), world.store.puts()), (1, 1));
}

#[test]
fn the_coordinator_asks_with_the_etag_of_its_last_answer_and_answers_that_of_each_isolate() {
    let world = coordinated();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).etag("\"v1\""));
    let (one, two) = (alone(&world), alone(&world));
    for isolate in [&one, &two, &one] {
        assert!(holds(&isolate.serve(&world, Wanted::Kid("a")), "a"));
        world.pass(REFRESH_AT);
    }
    let sent: Vec<_> = world.origin.requests().iter().map(|request| request.if_none_match.clone()).collect();
    assert_eq!(sent, [None, Some("\"v1\"".to_owned()), Some("\"v1\"".to_owned())]);
    let mut told = world.coordinator.questions();
    told.retain(|question| Question::read(question).is_ok());
    assert!(told[2].contains(r#""if_none_match":"\"v1\"""#), "{}", told[2]);
}

#[test]
fn a_coordinator_that_is_down_is_asked_once_a_minute_and_the_isolate_fetches_itself() {
    let world = coordinated();
    for (mode, longest_ms) in [
        (CoordinatorMode::Down, 100),
        (CoordinatorMode::Hangs, 1600),
        (CoordinatorMode::Says("{}".to_owned()), 100),
        (CoordinatorMode::Says(r#"{"state":"refused","reason":"no"}"#.to_owned()), 100),
    ] {
        world.coordinator.behave(mode.clone());
        world.rewind(world.now().epoch_seconds());
        let isolate = alone(&world);
        let (begun_ms, asked) = (world.now_ms(), world.coordinator.questions().len());
        assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"), "{mode:?}");
        assert!(world.now_ms() - begun_ms <= longest_ms, "{mode:?}: {} ms", world.now_ms() - begun_ms);
        // The cooldown passes, and the isolate does not wait for the coordinator again.
        world.pass(31);
        let begun_ms = world.now_ms();
        isolate.ask(&world, Wanted::Kid("unknown")).unwrap();
        assert!(world.now_ms() - begun_ms <= 100, "{mode:?}");
        assert_eq!((calls(&world), world.coordinator.questions().len()), (2, asked + 1), "{mode:?}");
        assert_eq!(world.events("coordinator_failed").len(), 1, "{mode:?}");
        world.pass(31);
        isolate.ask(&world, Wanted::Kid("unknown")).unwrap();
        assert_eq!(
            world.coordinator.questions().len(),
            asked + 2,
            "{mode:?}: a minute later it is asked again"
        );
    }
}

#[test]
fn a_slow_origin_is_not_mistaken_for_a_dead_coordinator() {
    let world = coordinated();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(4500));
    assert!(holds(&alone(&world).ask(&world, Wanted::Kid("a")), "a"));
    assert_eq!((calls(&world), world.events("coordinator_failed").len()), (1, 0));
    // It does not answer at all.
    world.origin.serves(URL, Answer::json("").after_ms(60_000));
    world.pass(60);
    let (isolate, begun_ms) = (alone(&world), world.now_ms());
    assert_eq!(retry_after(&isolate.ask(&world, Wanted::Kid("a"))), Some(1));
    let took_ms = world.now_ms() - begun_ms;
    assert!((5000..5100).contains(&took_ms), "{took_ms} ms");
    assert_eq!((calls(&world), world.events("coordinator_failed").len()), (2, 0));
}

#[test]
fn a_coordinator_that_hangs_costs_a_request_its_time_limit_and_a_second_and_a_half() {
    let world = coordinated();
    world.coordinator.behave(CoordinatorMode::Hangs);
    world.origin.serves(URL, Answer::json("").after_ms(60_000));
    let (isolate, begun_ms) = (alone(&world), world.now_ms());
    assert!(isolate.ask(&world, Wanted::Kid("a")).is_err());
    let took_ms = world.now_ms() - begun_ms;
    assert!((6500..6600).contains(&took_ms), "{took_ms} ms");
}

#[test]
fn a_coordinator_that_hangs_is_found_also_if_the_time_limit_is_shorter_than_that_of_an_answer() {
    for fetch_timeout_ms in [100, 500, 1000, 1400, 1500, 1600] {
        let world = coordinated();
        world.coordinator.behave(CoordinatorMode::Hangs);
        let policy = CachePolicy { fetch_timeout_ms, ..POLICY };
        let found = Isolate { policy, ..alone(&world) }.ask(&world, Wanted::Kid("a"));
        assert!(holds(&found, "a"), "{fetch_timeout_ms} ms: {found:?}");
        assert_eq!(world.events("coordinator_failed").len(), 1, "{fetch_timeout_ms} ms");
    }
}

#[test]
fn a_slow_origin_is_not_mistaken_for_a_dead_coordinator_if_the_time_limit_is_short() {
    for fetch_timeout_ms in [200, 1000, 1500] {
        let world = coordinated();
        world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).after_ms(20_000));
        let policy = CachePolicy { fetch_timeout_ms, ..POLICY };
        let found = Isolate { policy, ..alone(&world) }.ask(&world, Wanted::Kid("a"));
        assert!(found.is_err());
        assert_eq!(
            (calls(&world), world.events("coordinator_failed").len()),
            (1, 0),
            "{fetch_timeout_ms} ms"
        );
    }
}

#[test]
fn a_report_says_when_the_coordinator_answered_and_when_it_failed() {
    let world = coordinated();
    let isolate = alone(&world);
    assert_eq!(isolate.cache.coordinator_state(), CoordinatorState::default());
    isolate.ask(&world, Wanted::Any).unwrap();
    let answered = isolate.cache.coordinator_state();
    assert_eq!(
        (answered.last_answered_at.is_some(), answered.last_failed_at, answered.problem),
        (true, None, None)
    );
    world.coordinator.behave(CoordinatorMode::Down);
    world.pass(31);
    isolate.ask(&world, Wanted::Kid("unknown")).unwrap();
    let failed = isolate.cache.coordinator_state();
    assert!(failed.last_failed_at > failed.last_answered_at && failed.problem.is_some(), "{failed:?}");
    world.coordinator.behave(CoordinatorMode::Works);
    world.pass(61);
    isolate.ask(&world, Wanted::Kid("unknown")).unwrap();
    assert_eq!(isolate.cache.coordinator_state().problem, None);
}

#[test]
fn a_coordinator_that_loses_its_fetches_begins_another_when_the_lease_has_ended() {
    let world = coordinated();
    world.coordinator.behave(CoordinatorMode::LosesFetches);
    assert!(alone(&world).ask(&world, Wanted::Any).is_err());
    world.coordinator.behave(CoordinatorMode::Works);
    world.pass(3);
    assert!(holds(&alone(&world).ask(&world, Wanted::Kid("a")), "a"));
    assert_eq!(calls(&world), 1);
}

#[test]
fn a_coordinator_that_restarts_costs_one_more_fetch() {
    let world = coordinated();
    for expected in [1, 2] {
        alone(&world).ask(&world, Wanted::Any).unwrap();
        alone(&world).ask(&world, Wanted::Any).unwrap();
        assert_eq!(calls(&world), expected);
        world.coordinator.restart();
    }
}

#[test]
fn a_failure_is_tried_again_soon_and_then_held_longer_and_longer() {
    let world = coordinated();
    world.origin.serves(URL, Answer::status(503));
    let mut begun = Vec::new();
    for second in 0..200 {
        let before = calls(&world);
        let _ = alone(&world).ask(&world, Wanted::Any);
        if calls(&world) > before {
            begun.push(second);
        }
        world.advance_to(NOW + second + 1);
    }
    assert_eq!(begun, [0, 2, 22, 62, 122, 182]);
}

#[test]
fn an_answer_that_cannot_be_a_set_is_tried_again_soon() {
    for answer in [Answer::html("<html>"), Answer::json("[]"), Answer::status(304), Answer::json("")] {
        let world = coordinated();
        world.origin.serves(URL, answer);
        assert!(alone(&world).ask(&world, Wanted::Any).is_err());
        world.pass(2);
        serve(&world, &[("a", 1)]);
        assert!(holds(&alone(&world).ask(&world, Wanted::Kid("a")), "a"));
    }
}

#[test]
fn a_purge_passes_the_hold_and_the_bound_of_four_fetches_a_minute_stays() {
    let world = coordinated();
    let isolate = Isolate::warm(&world);
    serve(&world, &[("b", 2)]);
    let purged = world.run(isolate.cache.purge(&world, &isolate.source, &POLICY, world.now()));
    assert!(purged.fetched.unwrap().with_kid("b").next().is_some());
    assert_eq!(calls(&world), 2);
    // What others ask for a moment later is from after the purge.
    let other = alone(&world);
    assert!(holds(&other.ask(&world, Wanted::Kid("b")), "b"));
    assert_eq!(calls(&world), 2);
}

#[test]
fn at_most_four_fetches_begin_within_a_minute_whatever_is_asked() {
    let coordinator = Coordinator::new();
    let mut begun: Vec<i64> = Vec::new();
    let mut draw = 7_u64;
    for step in 0..3000 {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let second = NOW + step;
        let (age, outcome) = ((draw >> 33) % 31, (draw >> 40) % 3);
        let question = Question::write(&DocumentRequest { max_age_seconds: age, ..request() });
        let (_, fetch) = coordinator.ask(&question, Timestamp::from_epoch_seconds(second));
        if let Some(fetch) = fetch {
            begun.push(second);
            let world = FakePlatform::at(second);
            let answer = match outcome {
                0 => Answer::json("{}"),
                1 => Answer::status(503),
                _ => Answer::unreachable(),
            };
            world.origin.serves(URL, answer);
            world.run(coordinator.fetch(&world, fetch));
        }
    }
    assert!(begun.windows(5).all(|five| five[4] - five[0] >= 60), "{begun:?}");
    assert!(begun.len() > 100, "{}", begun.len());
}

#[test]
fn the_documents_that_a_coordinator_keeps_are_bounded() {
    // As many as allowed, and as many as fit: 84 times 200,000 bytes are more than 16 MiB.
    for (bytes, most) in [(1000, 256), (200_000, 84)] {
        let (coordinator, world) = (Coordinator::new(), FakePlatform::at(NOW));
        let ask = |number: usize| {
            let url = format!("https://issuer{number}.example/jwks");
            world
                .origin
                .serves(&url, Answer::document(200, "text/plain", format!("{{{}", " ".repeat(bytes - 1))));
            let (asked, fetch) =
                coordinator.ask(&Question::write(&DocumentRequest { url, ..request() }), world.now());
            if let Some(fetch) = fetch {
                world.run(coordinator.fetch(&world, fetch));
            }
            Reply::read(&world.run(coordinator.answer(&world, asked))).unwrap()
        };
        for number in 0..300 {
            let answer = ask(number);
            assert_eq!(matches!(answer, Reply::Document { .. }), number < most, "{number} of {bytes} bytes");
        }
        // A minute later the ones that were used least recently make room.
        world.pass(61);
        for number in 1000..1010 {
            assert!(matches!(ask(number), Reply::Document { .. }), "{number} of {bytes} bytes");
        }
    }
}

#[test]
fn every_outcome_survives_the_way_to_the_isolate() {
    let document = |body: Vec<u8>| {
        let header = |text: &str| Some(text.to_owned());
        Reply::Document {
            document: Arc::new(Document {
                status: 200,
                etag: header("W/\"1\""),
                cache_control: header("max-age=60"),
                content_type: header("application/json"),
                date: header("Thu, 01 Jan 1970 00:00:00 GMT"),
                location: header("https://other.example/"),
                body,
                age_seconds: None,
            }),
            age_seconds: 7,
            is_news: true,
        }
    };
    let failed = |error| Reply::Failed { error, age_seconds: 1, is_news: false };
    for reply in [
        Reply::Pending,
        Reply::Refused("no".to_owned()),
        document(br#"{"keys":[]}"#.to_vec()),
        document("\u{feff}\"\\\n ü".into()),
        document(vec![0, 255, 10]),
        document(vec![b'"'; 262_144]),
        document(vec![1; 262_144]),
        document(Vec::new()),
        failed(FetchError::Timeout(5000)),
        failed(FetchError::TooLarge(262_144)),
        failed(FetchError::Unreachable("refused".to_owned())),
        failed(FetchError::NoChannel("AUTH".to_owned())),
        failed(FetchError::OwnNetwork("the status is 404".to_owned())),
    ] {
        let text = reply.write();
        assert!(text.len() <= edge_assay::limits::MAX_ANSWER_BYTES, "{} bytes", text.len());
        assert_eq!(Reply::read(&text).as_ref(), Ok(&reply));
    }
    let asked = DocumentRequest {
        channel: Some("AUTH".to_owned()),
        if_none_match: Some("\"1\"".to_owned()),
        ..request()
    };
    assert_eq!(Question::read(&Question::write(&asked)).unwrap().request, asked);
}

#[test]
fn what_is_no_question_is_refused() {
    let good = Question::write(&request());
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        good.replace(from, to)
    };
    let long = "x".repeat(9000);
    for bad in [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("{good} x"),
        changed("https://issuer.example/jwks", "file:///etc/passwd"),
        changed("https://issuer.example/jwks", "http://issuer.example/jwks"),
        changed("https://issuer.example/jwks", "https://user@issuer.example/jwks"),
        changed("https://issuer.example/jwks", "https://issuer.example/jwks\\n"),
        changed("https://issuer.example/jwks", &long),
        changed("application/json\"", "text/html\""),
        changed("\"timeout_ms\":5000", "\"timeout_ms\":0"),
        changed("\"timeout_ms\":5000", "\"timeout_ms\":30001"),
        changed("\"timeout_ms\":5000", "\"timeout_ms\":1e999"),
        changed("\"max_age_seconds\":30", "\"max_age_seconds\":31"),
        changed("\"max_age_seconds\":30", "\"max_age_seconds\":-1"),
        changed("\"max_age_seconds\":30", "\"max_age_seconds\":30,\"method\":\"POST\""),
        changed("\"max_age_seconds\":30", "\"max_age_seconds\":30,\"url\":\"https://b.example\""),
        changed("\"channel\":null", "\"channel\":7"),
        changed("\"if_none_match\":null", &format!("\"if_none_match\":\"{}\"", "e".repeat(513))),
    ] {
        assert!(Question::read(&bad).is_err(), "{bad}");
        let (world, coordinator) = (FakePlatform::at(NOW), Coordinator::new());
        let (asked, fetch) = coordinator.ask(&bad, world.now());
        assert!(fetch.is_none(), "{bad}");
        assert!(matches!(Reply::read(&world.run(coordinator.answer(&world, asked))), Ok(Reply::Refused(_))));
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    let document = Document { status: 200, body: b"{}".to_vec(), ..Document::default() };
    let good = Reply::Document { document: Arc::new(document), age_seconds: 0, is_news: false }.write();
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        good.replace(from, to)
    };
    for bad in [
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        r#"{"state":"ready"}"#.to_owned(),
        r#"{"state":"pending","age_seconds":1}"#.to_owned(),
        changed("\"status\":200", "\"status\":99"),
        changed("\"status\":200", "\"status\":\"200\""),
        changed("\"status\":200", "\"status\":200,\"status\":200"),
        changed("\"age_seconds\":0", "\"age_seconds\":-1"),
        changed("\"age_seconds\":0", "\"age_seconds\":null"),
        changed("\"is_news\":false", "\"is_news\":0"),
        changed("\"body\":\"{}\"", "\"body\":null"),
        changed("\"body_base64url\":null", "\"body_base64url\":\"e30\""),
        changed("\"body\":\"{}\",\"body_base64url\":null", "\"body\":null,\"body_base64url\":\"e30=\""),
        changed("\"body\":\"{}\"", &format!("\"body\":\"{}\"", "x".repeat(262_145))),
        changed("\"body\":\"{}\"", &format!("\"body\":\"{}\"", "x".repeat(600_000))),
    ] {
        assert!(Reply::read(&bad).is_err(), "{bad:.200}");
    }
}

#[test]
fn the_name_of_a_coordinator_depends_on_the_channel_and_the_url_only() {
    let named = name(&request());
    assert_eq!(
        (named.len(), &named),
        (43, &name(&DocumentRequest { if_none_match: Some("\"1\"".to_owned()), ..request() }))
    );
    assert_ne!(named, name(&DocumentRequest { channel: Some("AUTH".to_owned()), ..request() }));
    assert_ne!(named, name(&DocumentRequest { url: format!("{URL}/"), ..request() }));
}

#[test]
fn a_platform_without_a_coordinator_is_not_asked() {
    let world = world();
    Isolate::warm(&world);
    assert_eq!(world.coordinator.questions().len(), 0);
}

#[test]
fn a_set_that_always_comes_from_a_cache_of_the_origin_is_in_the_store_all_the_same() {
    let world = world();
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])).aged(30));
    let isolate = Isolate::new();
    isolate.ask(&world, Wanted::Any).unwrap();
    assert_eq!(world.store.puts(), 1);
    // A flood of unknown keys writes nothing that the store has.
    for _ in 0..4 {
        world.pass(25);
        isolate.ask(&world, Wanted::Kid("unknown")).unwrap();
    }
    assert!(world.store.puts() <= 2, "{} writes", world.store.puts());
    // A refresh is written, so that the record does not grow old.
    let before = world.store.puts();
    world.pass(REFRESH_AT + 60);
    isolate.serve(&world, Wanted::Any).unwrap();
    assert_eq!(world.store.puts(), before + 1);
}
