//! `exp`, `nbf`, `iat` and the maximum age, tested to the second at both ends of the leeway.

use edge_assay::rejection::{Malformed, Rejection};
use serde_json::{Value, json};

use super::{ISS, at, token, token_of, world};
use crate::support::keys::ed25519;
use crate::support::world::{NOW, World, issuer};

fn world_with_leeway(leeway_seconds: i64, terms: &Value) -> World {
    let verify = json!({ "leeway_seconds": leeway_seconds });
    let world = World::new(&json!({ "verify": verify, "issuers": [issuer(ISS, terms)] }));
    world.publishes(ISS, &[ed25519()]);
    world
}

fn verdict(world: &World, changes: &Value) -> Result<(), Rejection> {
    let token = token(changes);
    if world.accepts(&token) { Ok(()) } else { Err(world.rejection(&token)) }
}

fn expired(expires_at: i64) -> Result<(), Rejection> {
    Err(Rejection::TokenExpired { expires_at: at(expires_at), now: at(NOW) })
}

#[test]
fn the_last_second_of_the_leeway_is_accepted_and_the_next_is_not() {
    for leeway in [0, 1, 5, 300] {
        let world = world_with_leeway(leeway, &json!({}));
        let early = NOW + leeway;
        for (changes, expected) in [
            // A token must not be accepted "on or after" `exp` (RFC 7519 §4.1.4).
            (json!({ "exp": NOW - leeway + 1 }), Ok(())),
            (json!({ "exp": NOW - leeway }), expired(NOW - leeway)),
            (json!({ "exp": NOW - leeway - 1 }), expired(NOW - leeway - 1)),
            // A token is accepted at exactly `nbf` (RFC 7519 §4.1.5).
            (json!({ "nbf": early - 1 }), Ok(())),
            (json!({ "nbf": early }), Ok(())),
            (
                json!({ "nbf": early + 1 }),
                Err(Rejection::TokenNotYetValid { not_before: at(early + 1), now: at(NOW) }),
            ),
            (json!({ "iat": early }), Ok(())),
            (
                json!({ "iat": early + 1 }),
                Err(Rejection::TokenIssuedInFuture { issued_at: at(early + 1), now: at(NOW) }),
            ),
        ] {
            assert_eq!(verdict(&world, &changes), expected, "leeway {leeway}, {changes}");
        }
    }
}

#[test]
fn the_maximum_age_is_counted_from_iat_with_leeway() {
    for leeway in [0, 5] {
        let world = world_with_leeway(leeway, &json!({ "max_age_seconds": 100 }));
        let oldest = NOW - 100 - leeway;
        for (changes, expected) in [
            (json!({ "iat": NOW }), Ok(())),
            (json!({ "iat": oldest }), Ok(())),
            (
                json!({ "iat": oldest - 1 }),
                Err(Rejection::TokenTooOld { age_seconds: Some(101 + leeway), max_age_seconds: 100 }),
            ),
            (json!({ "iat": null }), Err(Rejection::TokenTooOld { age_seconds: None, max_age_seconds: 100 })),
        ] {
            assert_eq!(verdict(&world, &changes), expected, "leeway {leeway}, {changes}");
        }
    }
}

#[test]
fn the_leeway_is_five_seconds_unless_configured() {
    let world = world(&json!({}));
    assert_eq!(verdict(&world, &json!({ "exp": NOW - 4 })), Ok(()));
    assert_eq!(verdict(&world, &json!({ "exp": NOW - 5 })), expired(NOW - 5));
}

#[test]
fn the_times_of_a_token_are_checked_at_the_current_time() {
    let world = world_with_leeway(0, &json!({}));
    let token = token(&json!({ "exp": NOW + 60, "nbf": NOW + 1 }));
    assert!(!world.accepts(&token));
    world.platform.pass(1);
    assert!(world.accepts(&token));
    world.platform.pass(58);
    assert!(world.accepts(&token));
    world.platform.pass(1);
    assert!(!world.accepts(&token));
}

#[test]
fn nbf_and_iat_may_be_absent_and_exp_may_not() {
    let world = world(&json!({}));
    assert_eq!(verdict(&world, &json!({ "nbf": null, "iat": null })), Ok(()));
    let no_expiry = Rejection::ClaimMissing { claim: "exp".to_owned() };
    assert_eq!(verdict(&world, &json!({ "exp": null })), Err(no_expiry));
}

#[test]
fn a_fraction_of_a_second_is_rounded_down() {
    let world = world_with_leeway(0, &json!({}));
    for (exp, expected) in [
        (format!("{NOW}.999"), expired(NOW)),
        (format!("{}.0", NOW + 1), Ok(())),
        ("1.800000001e9".to_owned(), Ok(())),
        ("1.8e9".to_owned(), expired(NOW)),
        ("0".to_owned(), expired(0)),
        ("-0".to_owned(), expired(0)),
        ("253402300799".to_owned(), Ok(())),
    ] {
        let token = token_of(&format!(r#"{{"iss":"{ISS}","exp":{exp}}}"#));
        let verdict = if world.accepts(&token) { Ok(()) } else { Err(world.rejection(&token)) };
        assert_eq!(verdict, expected, "{exp}");
    }
    let fractional = token_of(&format!(r#"{{"iss":"{ISS}","exp":{},"nbf":{NOW}.9,"iat":{NOW}.9}}"#, NOW + 9));
    assert!(world.accepts(&fractional));
}

#[test]
fn a_time_that_is_not_a_number_of_seconds_is_malformed() {
    let world = world(&json!({}));
    for member in ["exp", "nbf", "iat"] {
        for (value, problem) in [
            ("-1", "is negative"),
            ("-0.5", "is negative"),
            ("-1e300", "is negative"),
            ("1800000050000", MILLISECONDS),
            ("253402300800", MILLISECONDS),
            ("18446744073709551615", MILLISECONDS),
            ("99999999999999999999999999", MILLISECONDS),
            ("1e300", MILLISECONDS),
        ] {
            let others = ["exp", "nbf", "iat"].iter().filter(|other| **other != member);
            let others = others.map(|other| format!(r#","{other}":{NOW}"#)).collect::<Vec<_>>().concat();
            let token = token_of(&format!(r#"{{"iss":"{ISS}","{member}":{value}{others}}}"#));
            let expected = Rejection::TokenMalformed(Malformed::Member { member, problem });
            assert_eq!(world.rejection(&token), expected, "{member}: {value}");
        }
        for (value, found) in
            [("\"1800000050\"", "a string"), ("true", "a boolean"), ("[1800000050]", "an array")]
        {
            let token = token_of(&format!(r#"{{"iss":"{ISS}","{member}":{value}}}"#));
            let wrong = Malformed::MemberType { member, found, expected: "a number" };
            assert_eq!(world.rejection(&token), Rejection::TokenMalformed(wrong), "{member}: {value}");
        }
    }
}

const MILLISECONDS: &str =
    "is after the year 9999; it looks like milliseconds, but RFC 7519 requires seconds";

#[test]
fn a_number_that_exceeds_a_double_is_not_json() {
    let token = token_of(&format!(r#"{{"iss":"{ISS}","exp":1e999}}"#));
    assert!(matches!(world(&json!({})).rejection(&token), Rejection::TokenMalformed(Malformed::Json(..))));
}
