//! What signs with our private keys: the platform's engine, and Rust where the engine fails.

use edge_assay::http::router::answer;
use edge_assay::jose::KeySet;
use edge_assay::ports::Level;
use edge_assay::signing::{Keyring, Series};
use futures::future::join;

use super::*;
use crate::support::signer::Signer;

/// A token for `audience`, issued now.
fn issue(world: &World, audience: &str) -> String {
    let (answer, _) = granted(world, &wanting(audience));
    answer["access_token"].as_str().unwrap().to_owned()
}

/// A session that lasts as long as the longest of these tests.
fn session() -> String {
    clerk_token(&json!({ "exp": NOW + 36_000 }))
}

fn wanting(audience: &str) -> FakeRequest {
    let token = session();
    form(&exchange(&token, &[("audience", audience)]))
}

/// Whether `token` verifies under the key of its `kid` in the published key set, which is the key that is to sign now.
fn verifies(world: &World, token: &str) -> bool {
    let parsed = UntrustedToken::parse(token).unwrap();
    let algorithm = Algorithm::parse(parsed.header().alg.as_deref().unwrap()).unwrap();
    let kid = parsed.header().kid.as_deref().unwrap();
    let ring = Keyring::parse(&signing_keys()).unwrap();
    assert_eq!(ring.signer(Series::of(algorithm, API), world.platform.now()).unwrap().key.kid(), kid);
    let set = KeySet::parse(world.ask(&FakeRequest::get("/.well-known/jwks.json")).body()).unwrap();
    set.with_kid(kid).next().unwrap().key.verify(algorithm, parsed.signing_input(), parsed.signature())
}

/// Whether Rust has made the signature of `token`, with the key that is to sign now. Panics if the token does not verify under the published
/// key.
fn is_signed_by_rust(world: &World, token: &str) -> bool {
    assert!(verifies(world, token));
    let parsed = UntrustedToken::parse(token).unwrap();
    let algorithm = Algorithm::parse(parsed.header().alg.as_deref().unwrap()).unwrap();
    let ring = Keyring::parse(&signing_keys()).unwrap();
    let key = &ring.signer(Series::of(algorithm, API), world.platform.now()).unwrap().key;
    key.sign(parsed.signing_input()) == parsed.signature()
}

#[test]
fn the_engine_imports_each_key_pair_once_and_signs_with_it() {
    let world = world();
    for round in 0..3 {
        assert!(!is_signed_by_rust(&world, &issue(&world, API)));
        // Ed25519 is deterministic, so only the count shows who has signed.
        assert!(is_signed_by_rust(&world, &issue(&world, BOTH)));
        assert_eq!(world.platform.signer.asked(), (2, 2 * round + 2));
    }
    assert_eq!(world.ask(&api(&cloud_session("clerk", &clerk_token(&json!({}))))).status(), 200);
    assert_eq!(world.platform.signer.asked(), (2, 7));
    assert!(world.platform.events("signing_engine_failed").is_empty());
}

#[test]
fn a_shared_secret_is_not_handed_to_the_engine() {
    let mut config = config();
    config["exchange"]["targets"][0]["algorithm"] = json!("HS256");
    let world = world_with(&config, &secrets());
    issue(&world, API);
    assert_eq!(world.platform.signer.asked(), (0, 0));
}

#[test]
fn a_refused_token_and_a_check_hand_no_key_to_the_engine() {
    let world = world();
    let expired = clerk_token(&json!({ "exp": NOW - 60 }));
    refused(
        &world,
        &form(&exchange(&expired, &[("audience", API)])),
        400,
        "invalid_request",
        "token_expired",
    );
    world.ask(&FakeRequest::get("/readyz?deep=1"));
    world.ask(&FakeRequest::get("/.well-known/jwks.json"));
    assert_eq!(world.platform.signer.asked(), (0, 0));
}

#[test]
fn rust_signs_where_the_engine_fails_and_the_log_says_so_once() {
    for (behaviour, asked, level) in [
        (Signer::ImportsNothing, (1, 0), Level::Warn),
        (Signer::ImportsForever, (1, 0), Level::Warn),
        (Signer::SignsNothing, (1, 1), Level::Warn),
        (Signer::SignsForever, (1, 1), Level::Warn),
        (Signer::ImportsAnotherKey, (1, 1), Level::Error),
        (Signer::FlipsABit, (1, 1), Level::Error),
        (Signer::SignsAnotherMessage, (1, 1), Level::Error),
        (Signer::SignsTooShort, (1, 1), Level::Error),
        (Signer::SignsTooLong, (1, 1), Level::Error),
        (Signer::SignsEmptily, (1, 1), Level::Error),
        (Signer::SignsZeros, (1, 1), Level::Error),
    ] {
        for (audience, alg) in [(API, "ES256"), (BOTH, "EdDSA")] {
            let world = world();
            world.platform.signer.behave(behaviour);
            for _ in 0..3 {
                let token = issue(&world, audience);
                assert!(is_signed_by_rust(&world, &token), "{behaviour:?} {alg}");
            }
            assert_eq!(world.platform.signer.asked(), asked, "{behaviour:?} {alg}");
            let [line] = &world.platform.events("signing_engine_failed")[..] else {
                panic!("{behaviour:?} {alg}")
            };
            assert_eq!(line["alg"], alg);
            let keys: Value = serde_json::from_str(&signing_keys()).unwrap();
            let key = keys["keys"].as_array().unwrap().iter().find(|key| key["alg"] == alg).unwrap();
            assert_eq!(line["kid"], key["kid"]);
            assert!(!line.to_string().contains(key["d"].as_str().unwrap()));
            let lines = world.platform.log_lines();
            assert!(lines.iter().any(|(written, one)| one == line && *written == level), "{behaviour:?}");
            // The failure is never a client's.
            assert_eq!(world.platform.events("token_issued").len(), 3);
            assert!(world.platform.events("fault").is_empty());
        }
    }
}

#[test]
fn a_failure_after_good_signatures_is_noticed_and_concerns_one_key() {
    let world = world();
    assert!(!is_signed_by_rust(&world, &issue(&world, API)));
    world.platform.pass(1);
    world.platform.signer.behave(Signer::FlipsABit);
    assert!(is_signed_by_rust(&world, &issue(&world, API)));
    world.platform.signer.behave(Signer::Works);
    assert!(is_signed_by_rust(&world, &issue(&world, API)), "an engine that has failed is not asked again");
    assert_eq!(world.platform.signer.asked(), (1, 2));
    issue(&world, BOTH);
    assert_eq!(world.platform.signer.asked(), (2, 3));
    assert_eq!(world.platform.events("signing_engine_failed").len(), 1);
}

#[test]
fn of_each_second_the_signatures_are_verified_until_one_is_good_and_the_others_are_trusted() {
    for (audience, before, rounds) in [(API, None, 3), (BOTH, None, 3), (API, Some(Signer::SignsNothing), 1)]
    {
        let world = world();
        let signer = &world.platform.signer;
        // The first good signature after a failure is no exception.
        if let Some(failure) = before {
            signer.behave(failure);
            issue(&world, audience);
            world.platform.pass(60);
            signer.behave(Signer::Works);
        }
        for _ in 0..rounds {
            world.platform.pass(1);
            assert!(verifies(&world, &issue(&world, audience)));
        }
        // This engine is found in the next second, so the consumers of these tokens have to refuse them.
        let failures = world.platform.events("signing_engine_failed").len();
        signer.behave(Signer::FlipsABit);
        for _ in 0..3 {
            assert!(!verifies(&world, &issue(&world, audience)), "{audience}");
        }
        assert_eq!(world.platform.events("signing_engine_failed").len(), failures);
        world.platform.pass(1);
        let asked = signer.asked();
        for _ in 0..3 {
            assert!(is_signed_by_rust(&world, &issue(&world, audience)), "{audience}");
        }
        assert_eq!(signer.asked(), (asked.0, asked.1 + 1));
        assert_eq!(world.platform.events("signing_engine_failed").len(), failures + 1);
    }
}

#[test]
fn a_signature_is_trusted_in_the_second_of_a_good_one_only() {
    for seconds in [1, 2, 59, 60, 3600, -1, -2, -60] {
        let world = world();
        world.platform.pass(100);
        assert!(!is_signed_by_rust(&world, &issue(&world, API)));
        world.platform.pass(seconds);
        world.platform.signer.behave(Signer::FlipsABit);
        assert!(is_signed_by_rust(&world, &issue(&world, API)), "{seconds}");
    }
}

#[test]
fn a_key_with_which_the_engine_has_made_no_good_signature_is_not_trusted() {
    let world = world();
    let signer = &world.platform.signer;
    assert!(world.outcome(&session()).is_ok());
    signer.delay_ms.set(20);
    let request = wanting(API);
    // The key is imported, and the client goes away before it has signed.
    assert!(world.platform.run_for_ms(30, answer(&world.app, &world.platform, &request)).is_none());
    assert_eq!(signer.asked(), (1, 1));
    signer.behave(Signer::FlipsABit);
    assert!(is_signed_by_rust(&world, &issue(&world, API)));
    assert_eq!(signer.asked(), (1, 2), "the key was kept");
}

#[test]
fn a_good_signature_with_one_key_is_none_with_another() {
    let world = world();
    assert!(!is_signed_by_rust(&world, &issue(&world, API)));
    world.platform.signer.behave(Signer::FlipsABit);
    assert!(is_signed_by_rust(&world, &issue(&world, BOTH)));
}

#[test]
fn every_signature_of_a_token_that_is_kept_is_verified() {
    let world = world();
    let session = || {
        let response = world.ask(&api(&cloud_session("clerk", &clerk_token(&json!({})))));
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        answer["token"].as_str().unwrap().to_owned()
    };
    // A good signature of this second changes nothing: a browser keeps the session for an hour.
    for _ in 0..2 {
        assert!(verifies(&world, &session()));
        assert!(verifies(&world, &issue(&world, API)));
    }
    let asked = world.platform.signer.asked();
    world.platform.signer.behave(Signer::FlipsABit);
    for _ in 0..2 {
        assert!(verifies(&world, &session()));
        assert_eq!(world.platform.signer.asked(), (asked.0, asked.1 + 1));
    }
    assert_eq!(world.platform.events("signing_engine_failed").len(), 1);
}

#[test]
fn requests_that_import_at_the_same_time_sign_with_the_key_that_was_imported_first() {
    let world = world();
    let signer = &world.platform.signer;
    assert!(world.outcome(&session()).is_ok());
    signer.behave(Signer::ImportsAnotherKeyLater);
    signer.delay_ms.set(20);
    let (request, other) = (wanting(API), wanting(API));
    world.platform.run(join(
        answer(&world.app, &world.platform, &request),
        answer(&world.app, &world.platform, &other),
    ));
    assert_eq!(signer.asked(), (2, 2));
    assert!(world.platform.events("signing_engine_failed").is_empty());
    assert!(!is_signed_by_rust(&world, &issue(&world, API)));
}

#[test]
fn a_trusted_engine_that_fails_is_noticed_at_once_and_no_signature_of_another_length_leaves() {
    for (behaviour, level, tenths) in [
        (Signer::SignsNothing, Level::Warn, 0),
        (Signer::SignsForever, Level::Warn, 10),
        (Signer::SignsTooShort, Level::Error, 0),
        (Signer::SignsTooLong, Level::Error, 0),
        (Signer::SignsEmptily, Level::Error, 0),
    ] {
        for audience in [API, BOTH] {
            let world = world();
            issue(&world, audience);
            world.platform.signer.behave(behaviour);
            let before = world.platform.now_ms();
            let token = issue(&world, audience);
            assert_eq!((world.platform.now_ms() - before) / 100, tenths, "{behaviour:?} {audience}");
            assert!(is_signed_by_rust(&world, &token), "{behaviour:?} {audience}");
            issue(&world, audience);
            assert_eq!(world.platform.signer.asked(), (1, 2), "{behaviour:?} {audience}");
            let lines = world.platform.log_lines();
            let failures = lines.iter().filter(|(_, line)| line["event"] == "signing_engine_failed");
            assert_eq!(failures.map(|(level, _)| *level).collect::<Vec<_>>(), [level], "{behaviour:?}");
        }
    }
}

#[test]
fn no_timer_is_set_for_an_engine_that_answers_within_a_few_turns() {
    let world = world();
    issue(&world, API);
    let sleeps_of_an_exchange = || {
        let before = world.platform.sleeps();
        assert!(!is_signed_by_rust(&world, &issue(&world, API)));
        world.platform.sleeps() - before
    };
    // What an exchange reads has timers of its own.
    let others = sleeps_of_an_exchange();
    for (turns, timers) in [(2, 0), (8, 0), (9, 1), (100, 1)] {
        for seconds in [0, 1] {
            world.platform.pass(seconds);
            world.platform.signer.turns.set(turns);
            assert_eq!(sleeps_of_an_exchange(), others + timers, "{turns}");
        }
    }
}

#[test]
fn a_request_waits_a_second_for_an_engine_that_does_not_answer_and_the_next_ones_do_not() {
    for behaviour in [Signer::ImportsForever, Signer::SignsForever] {
        let world = world();
        world.platform.signer.behave(behaviour);
        let waited: Vec<i64> = (0..3)
            .map(|_| {
                let before = world.platform.now_ms();
                assert!(is_signed_by_rust(&world, &issue(&world, API)));
                // In tenths of a second: the issuer's keys take some milliseconds.
                (world.platform.now_ms() - before) / 100
            })
            .collect();
        assert_eq!(waited, [10, 0, 0], "{behaviour:?}");
        assert_eq!(
            world.platform.events("signing_engine_failed")[0]["reason"],
            "no answer within 1000 ms",
            "{behaviour:?}"
        );
    }
    // The limit holds for the import and the signature together.
    for (delay_ms, is_by_rust) in [(499, false), (501, true)] {
        let world = world();
        world.platform.signer.delay_ms.set(delay_ms);
        assert_eq!(is_signed_by_rust(&world, &issue(&world, API)), is_by_rust, "{delay_ms}");
    }
}

#[test]
fn an_engine_that_gave_no_signature_is_asked_again_after_a_minute_by_one_request_at_a_time() {
    for (behaviour, of_a_failure) in [
        (Signer::ImportsNothing, (1, 0)),
        (Signer::ImportsForever, (1, 0)),
        (Signer::SignsNothing, (1, 1)),
        (Signer::SignsForever, (1, 1)),
    ] {
        let world = world();
        let signer = &world.platform.signer;
        let (imports, signatures) = of_a_failure;
        signer.behave(behaviour);
        assert!(is_signed_by_rust(&world, &issue(&world, API)));
        // It fails in the same way again, which is not logged again. Others do not wait meanwhile.
        let failed_at = world.platform.now();
        world.platform.advance_to(failed_at.plus(59).epoch_seconds());
        assert!(is_signed_by_rust(&world, &issue(&world, API)));
        assert_eq!(signer.asked(), of_a_failure, "{behaviour:?}");
        world.platform.advance_to(failed_at.plus(60).epoch_seconds());
        let (request, other) = (wanting(API), wanting(API));
        let (one, other) = world.platform.run(join(
            answer(&world.app, &world.platform, &request),
            answer(&world.app, &world.platform, &other),
        ));
        assert_eq!((one.response.status().as_u16(), other.response.status().as_u16()), (200, 200));
        assert_eq!(signer.asked(), (2 * imports, 2 * signatures), "{behaviour:?}");
        assert_eq!(world.platform.events("signing_engine_failed").len(), 1, "{behaviour:?}");
        // It works again. From then on every request uses the key that was imported last.
        signer.behave(Signer::Works);
        world.platform.pass(60);
        let before = signer.asked();
        for round in 1..4 {
            assert!(!is_signed_by_rust(&world, &issue(&world, API)), "{behaviour:?}");
            assert_eq!(signer.asked(), (before.0 + 1, before.1 + round), "{behaviour:?}");
        }
        // The next failure is another one.
        signer.behave(Signer::SignsNothing);
        assert!(is_signed_by_rust(&world, &issue(&world, API)));
        assert_eq!(world.platform.events("signing_engine_failed").len(), 2, "{behaviour:?}");
    }
}

#[test]
fn an_engine_that_makes_a_wrong_signature_at_any_time_is_not_asked_again() {
    for before in [Signer::Works, Signer::ImportsNothing, Signer::SignsNothing] {
        let world = world();
        let signer = &world.platform.signer;
        signer.behave(before);
        issue(&world, API);
        world.platform.pass(60);
        signer.behave(Signer::FlipsABit);
        assert!(is_signed_by_rust(&world, &issue(&world, API)), "{before:?}");
        let asked = signer.asked();
        signer.behave(Signer::Works);
        for _ in 0..3 {
            world.platform.pass(600);
            assert!(is_signed_by_rust(&world, &issue(&world, API)), "{before:?}");
        }
        assert_eq!(signer.asked(), asked, "{before:?}");
        let lines = world.platform.log_lines();
        let failures: Vec<Level> = lines
            .iter()
            .filter(|(_, line)| line["event"] == "signing_engine_failed")
            .map(|(level, _)| *level)
            .collect();
        assert_eq!(failures.last(), Some(&Level::Error), "{before:?}");
        assert_eq!(failures.len(), if before == Signer::Works { 1 } else { 2 }, "{before:?}");
    }
}

#[test]
fn a_key_that_a_later_attempt_has_imported_is_not_used_before_it_has_signed() {
    let world = world();
    let signer = &world.platform.signer;
    signer.behave(Signer::SignsNothing);
    issue(&world, API);
    world.platform.pass(60);
    // This attempt imports the key, and its client goes away before it has signed.
    assert!(world.outcome(&session()).is_ok());
    signer.behave(Signer::Works);
    signer.delay_ms.set(20);
    let request = wanting(API);
    assert!(world.platform.run_for_ms(30, answer(&world.app, &world.platform, &request)).is_none());
    assert_eq!(signer.asked(), (2, 2));
    assert!(is_signed_by_rust(&world, &issue(&world, API)));
    world.platform.pass(60);
    assert!(!is_signed_by_rust(&world, &issue(&world, API)));
    assert_eq!(signer.asked(), (3, 3));
}

#[test]
fn no_request_waits_for_the_import_of_another() {
    let world = world();
    // The issuer's keys are in memory.
    let refused = form(&exchange(&clerk_token(&json!({})), &[("audience", "https://nobody.example")]));
    assert_eq!(world.ask(&refused).status(), 400);
    assert!(world.outcome(&clerk_token(&json!({}))).is_ok());
    world.platform.signer.delay_ms.set(20);
    let request = wanting(API);
    // This request's client goes away during the import, and the next one's during the signature.
    assert!(world.platform.run_for_ms(10, answer(&world.app, &world.platform, &request)).is_none());
    assert_eq!(world.platform.signer.asked(), (1, 0));
    assert!(world.platform.run_for_ms(30, answer(&world.app, &world.platform, &request)).is_none());
    assert_eq!(world.platform.signer.asked(), (2, 1));
    let ask = || answer(&world.app, &world.platform, &request);
    let (one, other) = world.platform.run(join(ask(), ask()));
    assert_eq!((one.response.status().as_u16(), other.response.status().as_u16()), (200, 200));
    assert_eq!(world.platform.signer.asked(), (2, 3), "the second request has kept the key");

    let fresh = world_with(&config(), &secrets());
    assert!(fresh.outcome(&clerk_token(&json!({}))).is_ok());
    fresh.platform.signer.delay_ms.set(20);
    let ask = || answer(&fresh.app, &fresh.platform, &request);
    let (one, other) = fresh.platform.run(join(ask(), ask()));
    assert_eq!((one.response.status().as_u16(), other.response.status().as_u16()), (200, 200));
    assert_eq!(fresh.platform.signer.asked(), (2, 2));
    assert!(!is_signed_by_rust(&fresh, &issue(&fresh, API)));
    assert_eq!(fresh.platform.signer.asked(), (2, 3));
}

#[test]
fn a_private_key_on_its_way_to_the_engine_has_no_debug_print() {
    let key = edge_assay::ports::PrivateKey { alg: "ES256", pkcs8: &[0xAB; 67] };
    assert_eq!(format!("{key:?}"), "PrivateKey { alg: \"ES256\", .. }");
}
