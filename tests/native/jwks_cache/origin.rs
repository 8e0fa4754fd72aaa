//! The answers of an origin. An answer that is not a good set never replaces a good one.

use edge_assay::keys::error::KeySetErrorKind::{self, Invalid, Unavailable};
use edge_assay::keys::error::KeySetProblem;
use edge_assay::keys::{KeySource, Location, Wanted};
use edge_assay::rejection::Fault;

use super::{
    GONE_AT, Isolate, NOW, REFRESH_AT, URL, calls, holds, jwk, jwks, retry_after, source,
    source_beside_secrets, world,
};
use crate::support::platform::{Answer, FakePlatform};

fn bad_answers() -> Vec<(&'static str, Answer, KeySetErrorKind)> {
    let five_megabytes = format!(r#"{{"keys":[],"padding":"{}"}}"#, "x".repeat(5 << 20));
    let many: Vec<_> = (0..101).map(|index| jwk(&format!("key {index}"), 1)).collect();
    let location = "https://elsewhere.example/jwks";
    vec![
        ("down", Answer::unreachable(), Unavailable),
        ("slow", Answer::json(jwks(&[("b", 2)])).after_ms(5001), Unavailable),
        ("503", Answer::status(503), Unavailable),
        ("429", Answer::status(429), Unavailable),
        ("404", Answer::status(404), Invalid),
        ("204", Answer::status(204), Invalid),
        ("201 with a set", Answer::document(201, "application/json", jwks(&[("b", 2)])), Invalid),
        ("redirecting", Answer::document(302, "text/plain", location), Invalid),
        ("redirecting with a set", Answer::document(301, "application/json", jwks(&[("b", 2)])), Invalid),
        ("a page", Answer::html("<!doctype html><title>Sign in</title>"), Invalid),
        ("a page with the type of JSON", Answer::json(" \n<html>"), Invalid),
        ("5 MB", Answer::json(five_megabytes), Invalid),
        ("101 keys", Answer::json(serde_json::json!({ "keys": many }).to_string()), Invalid),
        ("nothing", Answer::json(""), Invalid),
        ("half a set", Answer::json(r#"{"keys":["#), Invalid),
        ("an array", Answer::json("[]"), Invalid),
        ("no keys member", Answer::json("{}"), Invalid),
        ("two keys members", Answer::json(r#"{"keys":[],"keys":[]}"#), Invalid),
        (
            "not UTF-8",
            Answer::document(200, "application/json", b"{\"keys\":[],\"\xff\":0}".to_vec()),
            Invalid,
        ),
    ]
}

#[test]
fn an_answer_that_is_no_set_is_a_fault_and_never_an_empty_set() {
    for (what, answer, kind) in bad_answers() {
        let world = FakePlatform::at(NOW);
        world.origin.serves(URL, answer);
        let isolate = Isolate::new();
        let fault = isolate.ask(&world, Wanted::Kid("a")).expect_err(what);
        match kind {
            Unavailable => assert!(matches!(fault, Fault::JwksUnavailable { .. }), "{what}: {fault:?}"),
            Invalid => assert!(matches!(fault, Fault::JwksInvalid { .. }), "{what}: {fault:?}"),
        }
        assert_eq!(fault.retry_after_seconds(), 1, "{what}");
        assert_eq!(isolate.state(&world).last_error.map(|failure| failure.kind), Some(kind), "{what}");
        assert_eq!(world.origin.requests().len(), 1, "{what}: no other URL was asked");
    }
}

#[test]
fn a_bad_answer_never_replaces_a_good_set() {
    let unusable = serde_json::json!({ "keys": [{ "kty": "oct", "kid": "a", "k": "c2VjcmV0" }] });
    let losses = [
        ("empty", Answer::json(r#"{"keys":[]}"#), Invalid),
        ("without a usable key", Answer::json(unusable.to_string()), Invalid),
    ];
    for (what, answer, kind) in bad_answers().into_iter().chain(losses) {
        let world = world();
        let isolate = Isolate::warm(&world);
        world.origin.serves(URL, answer);
        world.pass(REFRESH_AT);
        isolate.serve(&world, Wanted::Kid("a")).expect(what);
        assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"), "{what}");
        assert!(holds(&Isolate::new().ask(&world, Wanted::Kid("a")), "a"), "{what}: in the store, too");
        assert_eq!(isolate.state(&world).last_error.map(|failure| failure.kind), Some(kind), "{what}");
        assert_eq!(calls(&world), 2, "{what}");
    }
}

#[test]
fn the_reason_names_a_page_a_redirect_and_a_size() {
    for (answer, word) in [
        (Answer::html("<html>"), "HTML"),
        (Answer::html("Sign in first."), "HTML"),
        (Answer::json(" \n<html>"), "HTML"),
        (Answer::status(302), "redirected (302)"),
        (Answer::json("x".repeat(1 << 20)), "262144"),
        (Answer::status(403), "firewall"),
        (Answer::document(404, "text/plain", "error code: 1042"), "1042"),
        (Answer::status(304), "304"),
        (Answer::json(r#"{"keys":[],"keys":[]}"#), "\"keys\" occurs twice"),
        (
            Answer::json(r#"{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/k"}"#),
            "discovery",
        ),
    ] {
        let world = world();
        world.origin.serves(URL, answer);
        let Err(Fault::JwksInvalid { reason, .. }) = Isolate::new().ask(&world, Wanted::Any) else {
            panic!()
        };
        assert!(reason.contains(word), "{reason}");
    }
}

#[test]
fn a_failure_says_what_was_seen_and_where_the_answer_points() {
    let many = serde_json::json!({ "keys": vec![jwk("a", 1); 101] }).to_string();
    let elsewhere = "https://issuer.example/other";
    let document = |uri: &str| serde_json::json!({ "issuer": "i", "jwks_uri": uri }).to_string();
    for (answer, problem, points_to) in [
        (
            Answer::status(301).location("/jwks/"),
            KeySetProblem::Redirected,
            Some("https://issuer.example/jwks/"),
        ),
        (Answer::status(308).location(elsewhere), KeySetProblem::Redirected, Some(elsewhere)),
        (Answer::status(302).location("http://issuer.example/"), KeySetProblem::Redirected, None),
        (Answer::status(302), KeySetProblem::Redirected, None),
        (Answer::status(304), KeySetProblem::NotModified, None),
        (Answer::status(401), KeySetProblem::Forbidden, None),
        (Answer::status(403), KeySetProblem::Forbidden, None),
        (Answer::status(404), KeySetProblem::NotFound, None),
        (Answer::document(404, "text/plain", "error code: 1042\n"), KeySetProblem::OwnNetwork, None),
        (Answer::status(418), KeySetProblem::Status, None),
        (Answer::status(500), KeySetProblem::Unanswered, None),
        (Answer::html("<html>"), KeySetProblem::Page, None),
        (Answer::json(document(elsewhere)), KeySetProblem::DiscoveryDocument, Some(elsewhere)),
        (Answer::json(document("http://issuer.example/")), KeySetProblem::DiscoveryDocument, None),
        (Answer::json(r#"{"a":"-----BEGIN CERTIFICATE-----\n"}"#), KeySetProblem::NoUsableKey, None),
        (Answer::json("-----BEGIN PUBLIC KEY-----\n"), KeySetProblem::Pem, None),
        (Answer::json(jwk("a", 1).to_string()), KeySetProblem::BareKeys, None),
        (Answer::json("[]"), KeySetProblem::BareKeys, None),
        (Answer::json("{}"), KeySetProblem::NotASet, None),
        (Answer::json(many), KeySetProblem::TooManyKeys, None),
        (Answer::json("x".repeat(1 << 20)), KeySetProblem::TooLarge, None),
        (Answer::json(r#"{"keys":[],"keys":[]}"#), KeySetProblem::DuplicateMember, None),
        (Answer::document(200, "application/json", b"\xff\xfe{".to_vec()), KeySetProblem::Encoding, None),
        (Answer::json(r#"{"keys":[]}"#), KeySetProblem::EmptySet, None),
        (Answer::json(r#"{"keys":[{}]}"#), KeySetProblem::NoUsableKey, None),
    ] {
        let world = world();
        world.origin.serves(URL, answer);
        Isolate::new().ask(&world, Wanted::Any).unwrap_err();
        // Another isolate reads it from the store.
        let failure = Isolate::new().state(&world).last_error.unwrap();
        assert_eq!(
            (failure.problem, failure.points_to.as_deref()),
            (problem, points_to),
            "{}",
            failure.reason
        );
    }
}

#[test]
fn a_set_that_begins_with_a_byte_order_mark_is_taken_and_kept() {
    let world = world();
    world.origin.serves(URL, Answer::json(format!("\u{feff}{}", jwks(&[("a", 1)]))));
    assert!(holds(&Isolate::new().ask(&world, Wanted::Kid("a")), "a"));
    assert!(holds(&Isolate::new().ask(&world, Wanted::Kid("a")), "a"), "from the store");
    assert_eq!(calls(&world), 1);
}

#[test]
fn an_empty_set_is_taken_beside_secrets_when_there_is_nothing_to_lose() {
    let world = world();
    world.origin.serves(URL, Answer::json(r#"{"keys":[]}"#));
    let isolate = Isolate::of(source_beside_secrets());
    for _ in 0..3 {
        let lookup = isolate.ask(&world, Wanted::Kid("a")).expect("an issuer that has only shared secrets");
        assert!(lookup.set.keys.is_empty());
    }
    assert_eq!(calls(&world), 1, "the cooldown counts after an empty answer");
    world.pass(30);
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])));
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
}

#[test]
fn an_empty_set_is_confirmed_by_another_and_follows_a_good_one_that_has_ended() {
    let world = world();
    let isolate = Isolate::of(source_beside_secrets());
    isolate.ask(&world, Wanted::Any).unwrap();
    world.origin.serves(URL, Answer::json(r#"{"keys":[]}"#));
    world.pass(GONE_AT);
    assert!(isolate.ask(&world, Wanted::Any).is_ok_and(|lookup| lookup.set.keys.is_empty()));
    world.pass(REFRESH_AT);
    isolate.serve(&world, Wanted::Any).unwrap();
    assert_eq!(isolate.state(&world).consecutive_failures, 0);
    assert_eq!(calls(&world), 3);
}

#[test]
fn a_set_without_a_usable_key_is_a_bad_answer_to_an_issuer_without_secrets() {
    for body in [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#] {
        let world = world();
        // Another issuer has accepted the set, and the store holds it.
        world.origin.serves(URL, Answer::json(body).etag("\"1\""));
        let other = Isolate::of(source_beside_secrets());
        other.ask(&world, Wanted::Any).unwrap();
        let shared = Isolate { cache: other.cache, source: source(), policy: super::POLICY };
        for isolate in [Isolate::new(), shared] {
            let fault = isolate.ask(&world, Wanted::Any).unwrap_err();
            assert!(
                matches!(&fault, Fault::JwksInvalid { reason, .. } if reason.starts_with("no usable key"))
            );
            assert!(!isolate.state(&world).serving);
            let asked = calls(&world);
            isolate.ask(&world, Wanted::Kid("a")).unwrap_err();
            assert_eq!(calls(&world), asked, "in the backoff");
            world.pass(3);
        }
        world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])));
        assert!(holds(&Isolate::new().ask(&world, Wanted::Kid("a")), "a"), "{body}");
    }
}

#[test]
fn the_cooldown_counts_after_an_empty_answer_that_was_refused() {
    let world = world();
    let isolate = Isolate::warm(&world);
    world.origin.serves(URL, Answer::json(r#"{"keys":[]}"#));
    world.pass(31);
    for _ in 0..3 {
        let result = isolate.ask(&world, Wanted::Kid("b"));
        assert_eq!(retry_after(&result), Some(30), "unavailable, because a good set is held: {result:?}");
    }
    assert_eq!(calls(&world), 2);
}

#[test]
fn one_bad_key_among_good_ones_is_set_aside_with_its_reason() {
    let world = world();
    let set =
        serde_json::json!({ "keys": [{ "kty": "RSA", "kid": "bad", "n": "!", "e": "AQAB" }, jwk("a", 1)] });
    world.origin.serves(URL, Answer::json(set.to_string()));
    let isolate = Isolate::new();
    assert!(holds(&isolate.ask(&world, Wanted::Kid("a")), "a"));
    let lookup = isolate.ask(&world, Wanted::Kid("bad")).unwrap();
    assert!(lookup.set.set_aside_with_kid("bad").is_some());
    world.pass(60);
    isolate.ask(&world, Wanted::Kid("bad")).unwrap();
    assert_eq!(calls(&world), 1, "the set has the key, so it is not fetched again");
}

#[test]
fn keys_are_fetched_by_https_or_from_this_machine_only() {
    for (uri, is_asked) in [
        ("http://issuer.example/jwks", false),
        ("http://localhost@issuer.example/jwks", false),
        ("ftp://issuer.example/jwks", false),
        ("http://127.0.0.1:8787/jwks", true),
        ("https://issuer.example/other", true),
    ] {
        let world = FakePlatform::at(NOW);
        world.origin.serves(uri, Answer::json(jwks(&[("a", 1)])));
        let issuer = "https://issuer.example".to_owned();
        let location = Location::Jwks { uri: uri.to_owned() };
        let source = KeySource { issuer, location, may_be_empty: false, channel: None };
        assert_eq!(Isolate::of(source).ask(&world, Wanted::Any).is_ok(), is_asked, "{uri}");
        assert_eq!(world.origin.calls(uri), usize::from(is_asked), "{uri}");
    }
}
