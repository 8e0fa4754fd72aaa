//! `verify.engine`: which engine decides, and the effects that a token's author can cause with a signature on which engines differ.

use std::process::Command;

use curve25519_dalek::{EdwardsPoint, Scalar};
use edge_assay::jose::{Algorithm, Jwk, base64url};
use edge_assay::rejection::{Fault, Rejection};
use http::Method;
use rsa::BigUint;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::{ISS, claims, issuer, token, tokens};
use crate::support::keys::{SECRET, ed25519, ed25519_second, for_algorithm, key_set, rsa_2049};
use crate::support::platform::SecondEngine;
use crate::support::request::FakeRequest;
use crate::support::world::{NOW, TESTED_ENGINE, World, body, tested_engine};

/// Every configuration in which WebCrypto checks every signature, and the default.
fn engines() -> [Value; 4] {
    [
        json!({}),
        json!({ "cross_check": { "sample": 1 } }),
        json!({ "engine": "webcrypto" }),
        json!({ "engine": "both" }),
    ]
}

fn world_with(verify: &Value) -> World {
    let issuer = issuer(
        ISS,
        &json!({
            "algorithms": Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>(),
            "secrets": [{ "binding": "FORMER" }, { "binding": "KEY" }],
        }),
    );
    let config = json!({ "verify": verify, "explain": { "access": "open" }, "issuers": [issuer] });
    let former = "another secret of sixty-four octets, which signed until yesterday";
    let world = World::with_secrets(&config, &[("FORMER", former), ("KEY", SECRET)]);
    let public = Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_shared_secret());
    let mut keys = vec![ed25519_second()];
    for key in public.map(|algorithm| for_algorithm(*algorithm)) {
        if !keys.iter().any(|known| std::ptr::eq(*known, key)) {
            keys.push(key);
        }
    }
    world.publishes(ISS, &keys);
    world
}

fn signed(algorithm: Algorithm, header: &Value) -> String {
    let claims = claims(ISS, &json!({}));
    if algorithm.is_shared_secret() {
        tokens::mint_with_secret(algorithm, SECRET.as_bytes(), header, &claims)
    } else {
        tokens::mint_with_key(algorithm, for_algorithm(algorithm), header, &claims)
    }
}

/// A token of the issuer's key [`ed25519`] whose R has small order: the neutral element, with S = H(R, A, M) a.
fn hostile() -> String {
    let header = json!({ "alg": "EdDSA", "kid": ed25519().kid() }).to_string();
    tokens::sealed(&header, &claims(ISS, &json!({})).to_string(), |input| {
        let jwk = ed25519().private_jwk();
        let octets = |member: &str| -> [u8; 32] {
            base64url::decode(jwk[member].as_str().unwrap()).unwrap().try_into().unwrap()
        };
        let secret = ed25519_dalek::SigningKey::from_bytes(&octets("d")).to_scalar();
        let mut r = [0; 32];
        r[0] = 1;
        let hash = Sha512::new().chain_update(r).chain_update(octets("x")).chain_update(input);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let s = k * secret;
        assert_eq!(EdwardsPoint::mul_base(&s), k * EdwardsPoint::mul_base(&secret));
        [r, s.to_bytes()].concat()
    })
}

fn readiness(world: &World) -> (u16, Value) {
    let response = world.ask(&FakeRequest::get("/readyz"));
    (response.status().as_u16(), body(&response))
}

#[test]
fn every_algorithm_has_the_same_verdicts_under_every_engine() {
    for verify in engines() {
        let world = world_with(&verify);
        for algorithm in Algorithm::ALL {
            // With a kid and without one: then several keys or secrets may have signed.
            for header in [json!({}), json!({ "kid": null })] {
                let good = signed(*algorithm, &header);
                let verified = world.outcome(&good);
                let verified = verified.unwrap_or_else(|refusal| panic!("{verify} {algorithm}: {refusal}"));
                assert_eq!(verified.key().algorithm, *algorithm);
                assert_eq!(verified.key().thumbprint.is_some(), !algorithm.is_shared_secret());

                let (input, signature) = good.rsplit_once('.').unwrap();
                let mut octets = base64url::decode(signature).unwrap();
                octets[7] ^= 1;
                let altered = format!("{input}.{}", base64url::encode(&octets));
                let short = format!("{input}.{}", base64url::encode(&octets[1..]));
                for forged in [altered, short] {
                    assert!(
                        matches!(world.rejection(&forged), Rejection::SignatureInvalid { .. }),
                        "{verify} {algorithm}"
                    );
                }
            }
        }
        let (status, report) = readiness(&world);
        assert_eq!((status, &report["status"]), (200, &json!("ready")), "{verify}");
    }
}

#[test]
fn an_r_of_small_order_is_refused_under_every_engine_and_no_second_engine_is_asked() {
    for verify in engines() {
        let world = world_with(&verify);
        let response = world.ask(&FakeRequest::verify(&hostile()));
        assert_eq!(response.status(), 401, "{verify}");
        assert_eq!(body(&response)["code"], "signature_invalid", "{verify}");
        assert_eq!(world.platform.second_engine_asked(), 0, "{verify}");

        let report = body(
            &world.ask(
                &FakeRequest::new(Method::POST, "/explain")
                    .header("content-type", "application/json")
                    .body(json!({ "token": hostile() }).to_string()),
            ),
        );
        assert_eq!(report["code"], "signature_invalid", "{verify}");
        let reason = report["findings"][0]["detail"].as_str().unwrap();
        assert!(reason.contains("its R has small order"), "{reason}");
        assert_eq!(world.platform.second_engine_asked(), 0, "{verify}");

        let (status, report) = readiness(&world);
        assert_eq!((status, &report["status"]), (200, &json!("ready")), "{verify}");
        assert_eq!(report["details"]["cross_check"]["disagreements"], 0, "{verify}");
        for event in ["crypto_disagreement", "cross_check_unanswered"] {
            assert!(world.platform.events(event).is_empty(), "{verify}");
        }
    }
}

#[test]
fn a_disagreement_on_a_token_refuses_that_token_and_does_not_stop_the_isolate() {
    for verify in [json!({ "cross_check": { "sample": 1 } }), json!({ "engine": "both" })] {
        let world = world_with(&verify);
        world.platform.second_engine(SecondEngine::LiesOutsideTheSelfTest);
        for _ in 0..3 {
            let fault = world.fault(&token(&json!({})));
            assert_eq!(fault, Fault::CryptoDisagreement { algorithm: "EdDSA" });
        }
        world.platform.second_engine(SecondEngine::Honest);
        assert!(world.accepts(&token(&json!({}))), "{verify}");
        let (status, report) = readiness(&world);
        assert_eq!((status, &report["status"], &report["code"]), (200, &json!("degraded"), &Value::Null));
        assert_eq!(report["details"]["cross_check"]["disagreements"], 3);
        assert_eq!(report["details"]["cross_check"].get("distrusted"), None);
        let lines = world.platform.events("crypto_disagreement");
        assert_eq!(lines.len(), 3);
        let thumbprint = &key_set(&[ed25519()]).keys[0].thumbprint;
        assert!(lines.iter().all(|line| line["thumbprint"] == thumbprint.as_str()), "{lines:?}");
    }
}

#[test]
fn an_engine_that_contradicts_itself_stops_the_verification_of_its_algorithm() {
    for verify in [json!({ "cross_check": { "sample": 1 } }), json!({ "engine": "both" })] {
        let world = world_with(&verify);
        world.platform.second_engine(SecondEngine::Wavers);
        assert!(matches!(world.fault(&token(&json!({}))), Fault::CryptoDisagreement { .. }));
        world.platform.second_engine(SecondEngine::Honest);
        assert!(matches!(world.fault(&token(&json!({}))), Fault::CryptoDisagreement { .. }));
        assert!(world.accepts(&signed(Algorithm::Rs256, &json!({}))), "other algorithms are verified");
        let [line] = &world.platform.events("engine_contradicts_itself")[..] else { panic!() };
        assert_eq!((&line["pure_rust"], &line["web_crypto"]), (&json!([true, true]), &json!([false, true])));
        let (status, report) = readiness(&world);
        assert_eq!((status, &report["code"]), (503, &json!("crypto_disagreement")));
        assert_eq!(report["details"]["cross_check"]["distrusted"], json!(["EdDSA"]));
    }
}

#[test]
fn under_webcrypto_its_verdict_alone_counts_and_rust_is_not_asked() {
    let world = world_with(&json!({ "engine": "webcrypto" }));
    world.platform.second_engine(SecondEngine::Lies);
    for algorithm in Algorithm::ALL {
        let verification = world.verification(&signed(*algorithm, &json!({})));
        assert_eq!(verification.trail.pure_rust, None, "{algorithm}");
        // The first of the two secrets is the wrong one, which this engine accepts.
        assert_eq!(verification.trail.web_crypto, Some(Ok(algorithm.is_shared_secret())), "{algorithm}");
        assert_eq!(verification.outcome.is_ok(), algorithm.is_shared_secret(), "{algorithm}");
    }
    let forged = tokens::mint_with_key(
        Algorithm::EdDsa,
        ed25519_second(),
        &json!({ "kid": ed25519().kid() }),
        &claims(ISS, &json!({})),
    );
    assert!(world.accepts(&forged));
    let (_, report) = readiness(&world);
    assert_eq!(report["details"]["cross_check"]["disagreements"], 0);

    let world = world_with(&json!({ "engine": "webcrypto" }));
    let deep = body(&world.ask(&FakeRequest::get("/readyz?deep=1")))["details"]["deep"]["self_test"].clone();
    for answer in deep.as_array().unwrap() {
        assert_eq!((&answer["pure_rust"], &answer["web_crypto"]), (&Value::Null, &json!(true)));
    }
}

#[test]
fn both_engines_have_to_accept() {
    let world = world_with(&json!({ "engine": "both" }));
    world.platform.second_engine(SecondEngine::Lies);
    let foreign = json!({ "kid": ed25519().kid() });
    let forged =
        tokens::mint_with_key(Algorithm::EdDsa, ed25519_second(), &foreign, &claims(ISS, &json!({})));
    for text in [signed(Algorithm::Rs256, &json!({})), forged] {
        assert!(matches!(world.fault(&text), Fault::CryptoDisagreement { .. }));
    }
}

#[test]
fn a_needed_engine_that_cannot_judge_is_a_fault_of_the_configuration_and_no_verdict() {
    for engine in ["webcrypto", "both"] {
        let world = world_with(&json!({ "engine": engine }));
        world.platform.second_engine(SecondEngine::Absent);
        let response = world.ask(&FakeRequest::verify(&token(&json!({}))));
        assert_eq!((response.status().as_u16(), &body(&response)["code"]), (503, &json!("config_invalid")));
        assert!(body(&response)["detail"].as_str().unwrap().contains("verify.engine"));
        let report = body(
            &world.ask(
                &FakeRequest::new(Method::POST, "/explain")
                    .header("content-type", "application/json")
                    .body(json!({ "token": token(&json!({})) }).to_string()),
            ),
        );
        assert_eq!((&report["verdict"], &report["cause"]["id"]), (&json!("fault"), &json!("configuration")));
        assert!(report["cause"]["fix"].as_str().unwrap().contains("engine = \"rust\""));

        world.platform.run(world.app.self_test(&world.platform));
        assert_eq!(readiness(&world).0, 503, "{engine}");
    }
    // The engine is only sampled, so that a signature which pure Rust accepts is valid without it.
    let world = world_with(&json!({ "cross_check": { "sample": 1 } }));
    world.platform.second_engine(SecondEngine::Absent);
    assert!(world.accepts(&token(&json!({}))));
    // A forged token is refused by the only engine that can check it.
    let world = world_with(&json!({ "engine": "both" }));
    world.platform.second_engine(SecondEngine::Absent);
    let (input, _) = token(&json!({})).rsplit_once('.').map(|(i, s)| (i.to_owned(), s.to_owned())).unwrap();
    let forged = format!("{input}.{}", base64url::encode(&[1; 64]));
    assert!(matches!(world.rejection(&forged), Rejection::SignatureInvalid { .. }));
}

#[test]
fn a_signature_is_remembered_whichever_engine_checked_it() {
    for engine in ["rust", "webcrypto", "both"] {
        let world = world_with(&json!({ "engine": engine }));
        let text = token(&json!({ "exp": NOW + 600 }));
        assert!(world.accepts(&text) && world.accepts(&text));
        let asked = world.platform.second_engine_asked();
        assert_eq!(asked, if engine == "rust" { 0 } else { 2 });
        let again = world.verification(&text);
        assert!(again.outcome.is_ok() && again.trail.is_remembered, "{engine}");
        assert_eq!(world.platform.second_engine_asked(), asked, "{engine}");
        world.platform.pass(60);
        assert!(!world.verification(&text).trail.is_remembered, "{engine}");
    }
}

/// RFC 8017 §8.1.2 step 2c. The `rsa` crate accepts these, and WebCrypto refuses them.
#[test]
fn a_pss_encoding_with_a_bit_above_its_length_is_refused() {
    let key = rsa_2049();
    let jwk = Jwk::from_value(&key.public_jwk()).unwrap();
    let (n, e) = (key.number("n"), key.number("e"));
    assert_eq!(n.bits(), 2049);
    for algorithm in [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512] {
        let mut tried = 0;
        // The salt is random, and the raised number has to be less than the modulus.
        let raised = loop {
            let good = key.sign(algorithm, b"message");
            assert!(jwk.key.verify(algorithm, b"message", &good));
            let number = BigUint::from_bytes_be(&good).modpow(&e, &n) + (BigUint::from(1_u8) << 2048);
            if number < n {
                break key.raw_rsa(&number.to_bytes_be());
            }
            tried += 1;
            assert!(tried < 500);
        };
        assert!(!jwk.key.verify(algorithm, b"message", &raised), "{algorithm}");
    }
}

#[test]
fn an_engine_and_a_share_that_contradict_each_other_are_a_fault_of_the_configuration() {
    let faults = |verify: Value| -> Vec<String> {
        let world = World::new(&json!({ "verify": verify, "issuers": [issuer(ISS, &json!({}))] }));
        let terms = world.app.config.terms.as_ref();
        terms.err().into_iter().flatten().map(|fault| fault.path.clone()).collect()
    };
    for engine in ["webcrypto", "both"] {
        assert_eq!(
            faults(json!({ "engine": engine, "cross_check": { "sample": 0.01 } })),
            ["verify.cross_check"]
        );
        assert!(faults(json!({ "engine": engine })).is_empty());
    }
    assert!(faults(json!({ "engine": "rust", "cross_check": { "sample": 0.01 } })).is_empty());
    for wrong in [json!("openssl"), json!("Rust"), json!(true)] {
        assert_eq!(faults(json!({ "engine": wrong })), ["verify.engine"]);
    }
}

/// The other tests of verification, the attacks, the incidents and the cases, once more under each other engine.
#[test]
fn the_tests_of_verification_pass_under_every_engine() {
    const TESTS: &[&str] = &[
        "verify::",
        "attacks_tokens::",
        "incidents::",
        "cases::every_case_has_the_root_cause_that_it_names",
    ];
    if tested_engine().is_some() {
        return;
    }
    for engine in ["webcrypto", "both"] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(TESTS)
            .env(TESTED_ENGINE, engine)
            .env_remove("UPDATE_DOCS")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{engine}: {text}");
        let passed = text.split(" passed").next().and_then(|text| text.rsplit(' ').next());
        assert!(passed.is_some_and(|count| count.parse::<usize>().is_ok_and(|count| count > 80)), "{text}");
    }
}
