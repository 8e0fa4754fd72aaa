//! The advice about keys and secrets: each observation has its own advice, and each works when it is followed literally.

use std::collections::BTreeMap;

use edge_assay::explain::fix_of_keys;
use edge_assay::jose::Algorithm;
use edge_assay::keys::error::{KeySetError, KeySetErrorKind, KeySetProblem};
use edge_assay::rejection::Fault;
use http::Method;
use serde_json::{Value, json};

use crate::pasting::paste;
use crate::support::keys::{self, SECRET, ed25519};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{World, body, claims, issuer, jwks_uri};

const ISS: &str = "https://issuer.example";

/// A Worker that trusts this issuer, with open explanations.
fn worker(issuer: &Value, secrets: &[(&str, &str)]) -> World {
    World::with_secrets(&json!({ "issuers": [issuer], "explain": { "access": "open" } }), secrets)
}

fn token_of(iss: &str) -> String {
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims(iss, &json!({})))
}

fn explained(world: &World, content_type: &'static str, text: &str) -> Value {
    let request = FakeRequest::new(Method::POST, "/explain").header("content-type", content_type).body(text);
    body(&world.ask(&request))
}

/// The cause and the fix for a token.
fn advice(world: &World, token: &str) -> (String, String) {
    let report = explained(world, "text/plain", token);
    let text = |member: &str| report["cause"][member].as_str().unwrap().to_owned();
    (text("id"), text("fix"))
}

/// The value of a line `    name = "value"` of the advice.
fn written<'f>(fix: &'f str, name: &str) -> Option<&'f str> {
    let line = fix.lines().find_map(|line| line.strip_prefix(&format!("    {name} = \"")))?;
    line.strip_suffix('"')
}

#[test]
fn the_jwks_uri_that_the_advice_names_works_when_it_is_pasted() {
    let document = |issuer: &str| {
        Answer::json(json!({ "issuer": issuer, "jwks_uri": format!("{ISS}/the-keys") }).to_string())
    };
    let discovery = format!("{ISS}/.well-known/openid-configuration");
    for (terms, url, answer, right) in [
        (
            json!({}),
            jwks_uri(ISS),
            Answer::status(301).location("/.well-known/jwks.json/"),
            format!("{}/", jwks_uri(ISS)),
        ),
        (json!({}), jwks_uri(ISS), document(ISS), format!("{ISS}/the-keys")),
        (
            json!({ "jwks_uri": null, "discovery": true }),
            discovery.clone(),
            document(&format!("{ISS}/")),
            format!("{ISS}/the-keys"),
        ),
    ] {
        let world = worker(&issuer(ISS, &terms), &[]);
        world.serves(&url, answer);
        let (cause, fix) = advice(&world, &token_of(ISS));
        assert_eq!(cause, "jwks_invalid");
        let uri = written(&fix, "jwks_uri").unwrap_or_else(|| panic!("{fix}"));
        assert_eq!(uri, right);
        let pasted = paste(&json!({ "issuers": [issuer(ISS, &terms)] }), &fix, None);
        let world = worker(&pasted.config["issuers"][0], &[]);
        world.serves(uri, Answer::json(keys::published(&[ed25519()])));
        assert!(world.accepts(&token_of(ISS)), "{fix}");
    }
}

#[test]
fn the_target_of_a_redirected_discovery_document_is_not_taken_for_the_key_set() {
    let world = worker(&issuer(ISS, &json!({ "jwks_uri": null, "discovery": true })), &[]);
    let moved = Answer::status(301).location("/elsewhere");
    world.serves(&format!("{ISS}/.well-known/openid-configuration"), moved);
    let (_, fix) = advice(&world, &token_of(ISS));
    assert_eq!(written(&fix, "jwks_uri"), Some("https://…"), "{fix}");
    assert!(!world.platform.origin.requests().iter().any(|request| request.url.ends_with("/elsewhere")));
}

/// For every problem of a fetch, including those that no answer in these tests causes.
#[test]
fn the_fix_of_every_key_set_problem_works_when_it_is_pasted() {
    const RIGHT: &str = "https://issuer.example/the-keys";
    let fault =
        Fault::JwksInvalid { issuer: ISS.to_owned(), reason: "a reason".to_owned(), retry_after_seconds: 9 };
    let mut followed = 0;
    for terms in [json!({}), json!({ "jwks_uri": null, "discovery": true })] {
        let config = json!({ "issuers": [issuer(ISS, &terms)] });
        let world = World::new(&config);
        let source =
            world.app.config.terms.as_ref().unwrap().issuers.named(ISS).unwrap().keys.clone().unwrap();
        for problem in KeySetProblem::ALL {
            for points_to in [None, Some(RIGHT.to_owned())] {
                let failure = KeySetError {
                    kind: KeySetErrorKind::Invalid,
                    problem: *problem,
                    reason: "a reason".to_owned(),
                    points_to,
                };
                let fix = fix_of_keys(&source, &fault, Some(&failure)).unwrap();
                assert!(!fix.is_empty() && !fix.contains(" ."), "{problem:?}: {fix}");
                let pasted = paste(&config, &fix, Some(RIGHT));
                if pasted.config == config {
                    // Only these are not fixed in the configuration.
                    let elsewhere = "not_modified forbidden discovery_document bare_keys duplicate_member encoding empty_set no_usable_key no_channel";
                    assert!(elsewhere.contains(problem.name()), "{problem:?}: {fix}");
                    continue;
                }
                if *problem == KeySetProblem::OwnNetwork {
                    // The same URL, through a service binding.
                    assert_eq!(pasted.config["issuers"][0]["jwks_service"], "AUTH");
                    assert_eq!(pasted.wrangler["services"][0]["binding"], "AUTH");
                    continue;
                }
                let world = World::new(&pasted.config);
                world.serves(RIGHT, Answer::json(keys::published(&[ed25519()])));
                assert!(world.accepts(&token_of(ISS)), "{problem:?}: {fix}");
                followed += 1;
            }
        }
    }
    assert!(followed > 40, "{followed}");
}

#[test]
fn a_failing_discovery_document_is_told_apart_from_the_key_set_that_it_names() {
    let discovery = format!("{ISS}/.well-known/openid-configuration");
    let set = format!("{ISS}/the-keys");
    let document = || Answer::json(json!({ "issuer": ISS, "jwks_uri": set }).to_string());
    for answer in [Answer::status(404), Answer::html("<html>")] {
        let terms = issuer(ISS, &json!({ "jwks_uri": null, "discovery": true }));
        // What did not answer can show no `jwks_uri`.
        let world = worker(&terms, &[]);
        world.serves(&discovery, answer.clone());
        world.serves(&format!("{ISS}/.well-known/oauth-authorization-server"), Answer::status(404));
        let (_, fix) = advice(&world, &token_of(ISS));
        assert!(fix.contains(&discovery) && !fix.contains("that it shows"), "{fix}");
        assert!(fix.contains("preset = \"better-auth\""), "{fix}");
        // The document is right: its `jwks_uri` is not.
        let world = worker(&terms, &[]);
        world.serves(&discovery, document());
        world.serves(&set, answer);
        let (_, fix) = advice(&world, &token_of(ISS));
        assert!(
            fix.contains(&format!("the `jwks_uri` in {discovery}")) && !fix.contains("that it shows"),
            "{fix}"
        );
    }
}

#[test]
fn each_kind_of_answer_has_advice_of_its_own() {
    let one = |jwk: Value| Answer::json(keys::jwks(&[jwk]));
    let answers = [
        ("301", Answer::status(301).location("/other")),
        ("304", Answer::status(304)),
        ("403", Answer::status(403)),
        ("404", Answer::status(404)),
        ("1042", Answer::document(404, "text/plain", "error code: 1042")),
        ("a page", Answer::html("<html>")),
        ("a discovery document", Answer::json(json!({ "jwks_uri": format!("{ISS}/k") }).to_string())),
        ("PEM", Answer::json("-----BEGIN CERTIFICATE-----")),
        ("a bare key", Answer::json(ed25519().public_jwk().to_string())),
        ("101 keys", Answer::json(keys::jwks(&vec![ed25519().public_jwk(); 101]))),
        ("a member twice", Answer::json(r#"{"keys":[],"keys":[]}"#)),
        ("UTF-16", Answer::document(200, "application/json", b"\xff\xfe{".to_vec())),
        ("an empty set", Answer::json(keys::jwks(&[]))),
        ("an unusable key", one(ed25519().public_jwk_with(&json!({ "use": "enc" })))),
        ("no set", Answer::json("{}")),
    ];
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (what, answer) in answers {
        let world = worker(&issuer(ISS, &json!({})), &[]);
        world.serves(&jwks_uri(ISS), answer);
        let (cause, fix) = advice(&world, &token_of(ISS));
        assert_eq!(cause, "jwks_invalid", "{what}");
        assert_eq!(fix.contains("an array \"keys\""), what == "no set", "{what}: {fix}");
        if let Some(other) = seen.insert(fix, what) {
            panic!("{what} has the advice of {other}");
        }
    }
}

#[test]
fn the_advice_fixes_a_secret_that_is_long_enough_as_text_and_too_short_decoded() {
    // 24 octets, which base64 writes as 32 characters; the issuer signs with the characters.
    let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    let terms = |encoding: &str| json!({ "issuer": ISS, "audience": "unchecked", "secrets": [{ "binding": "S", "encoding": encoding }] });
    let token =
        tokens::mint_with_secret(Algorithm::Hs256, text.as_bytes(), &json!({}), &claims(ISS, &json!({})));
    let world = worker(&terms("base64"), &[("S", text)]);
    let (cause, fix) = advice(&world, &token);
    assert_eq!(cause, "shared_secret_weak");
    assert!(fix.contains("    secrets = [{ binding = \"S\", encoding = \"utf8\" }]"), "{fix}");
    assert!(worker(&terms("utf8"), &[("S", text)]).accepts(&token));

    // No encoding makes a short text longer.
    let world = worker(&terms("utf8"), &[("S", "twenty-four octets, no mo")]);
    let (cause, fix) = advice(&world, &tokens::mint(Algorithm::Hs256, &json!({}), &claims(ISS, &json!({}))));
    assert_eq!(cause, "shared_secret_weak");
    assert!(!fix.contains("encoding") && fix.contains("openssl rand -base64 48"), "{fix}");
    assert!(fix.contains("npx wrangler secret put S"), "{fix}");
    // The command prints 64 characters, which is enough for each of the three algorithms.
    assert_eq!(SECRET.len(), 64);
}

#[test]
fn a_token_endpoints_whole_answer_may_be_posted_in_every_form() {
    let world = worker(&issuer(ISS, &json!({})), &[]);
    world.serves(&jwks_uri(ISS), Answer::json(keys::published(&[ed25519()])));
    let answer = json!({ "access_token": token_of(ISS), "token_type": "Bearer", "refresh_token": "r" });
    let answer = answer.to_string();
    for (content_type, text) in [
        ("application/json", answer.clone()),
        ("application/json", json!({ "token": answer }).to_string()),
        ("text/plain", answer.clone()),
        ("application/json", json!({ "data": { "session": { "access_token": token_of(ISS) } } }).to_string()),
    ] {
        let report = explained(&world, content_type, &text);
        assert_eq!(report["verdict"], "accepted", "{text}");
        let finding = &report["findings"][0];
        assert_eq!(finding["code"], "token_taken_out");
        assert!(finding["detail"].as_str().unwrap().contains("`access_token`"));
    }
    let report = explained(&world, "application/json", &json!({ "token": token_of(ISS) }).to_string());
    assert_eq!(report["findings"], json!([]));
}
