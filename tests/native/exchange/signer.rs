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

fn wanting(audience: &str) -> FakeRequest {
    let token = clerk_token(&json!({}));
    form(&exchange(&token, &[("audience", audience)]))
}

/// Whether Rust has made the signature of `token`, with the key that is to sign now. Panics if the token does not verify under the published
/// key.
fn is_signed_by_rust(world: &World, token: &str) -> bool {
    let parsed = UntrustedToken::parse(token).unwrap();
    let algorithm = Algorithm::parse(parsed.header().alg.as_deref().unwrap()).unwrap();
    let kid = parsed.header().kid.as_deref().unwrap();
    let set = KeySet::parse(world.ask(&FakeRequest::get("/.well-known/jwks.json")).body()).unwrap();
    let published = set.with_kid(kid).next().unwrap();
    assert!(published.key.verify(algorithm, parsed.signing_input(), parsed.signature()));
    let ring = Keyring::parse(&signing_keys()).unwrap();
    let key = &ring.signer(Series::of(algorithm, API), world.platform.now()).unwrap().key;
    assert_eq!(key.kid(), kid);
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
        (Signer::SignsNothing, (1, 1), Level::Warn),
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
