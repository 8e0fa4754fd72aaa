//! Explanations over HTTP, and the second cryptographic engine: access, what is fetched, and what a disagreement does.

use crate::support::keys;
use crate::support::platform::{Answer, SecondEngine};
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{World, body, claims, header, issuer, jwks_uri};
use edge_assay::jose::{Algorithm, Jwk, base64url};
use edge_assay::ports::Level;
use edge_assay::rejection::Fault;
use http::Method;
use serde_json::{Value, json};

const ISS: &str = "https://issuer.example";
const KEY: &str = "an explain key of more than 32 characters";

fn configured(extra: &Value) -> World {
    let mut config = json!({ "issuers": [issuer(ISS, &json!({}))] });
    for (name, value) in extra.as_object().unwrap() {
        config[name] = value.clone();
    }
    let world = World::with_secrets(&config, &[("EXPLAIN_KEY", KEY)]);
    world.publishes(ISS, &[keys::ed25519(), keys::rsa_2048()]);
    world
}

fn open() -> World {
    configured(&json!({ "explain": { "access": "open" } }))
}

fn always_checked() -> World {
    configured(&json!({
        "verify": { "cross_check": { "sample": 1 } }, "explain": { "access": "open" },
    }))
}

fn good_token() -> String {
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims(ISS, &json!({})))
}

fn explain(token: &str) -> FakeRequest {
    FakeRequest::new(Method::POST, "/explain")
        .header("content-type", "application/json")
        .body(json!({ "token": token }).to_string())
}

#[test]
fn engines_that_agree_let_a_live_request_pass() {
    let world = always_checked();
    assert!(world.accepts(&good_token()));
    let ready = body(&world.ask(&FakeRequest::get("/readyz")));
    assert_eq!(ready["details"]["cross_check"], json!({ "agreed": 1, "unanswered": 0, "disagreements": 0 }));
}

#[test]
fn a_disagreement_refuses_the_token_is_logged_and_shows_on_readyz() {
    let world = always_checked();
    world.platform.second_engine(SecondEngine::Lies);
    assert_eq!(world.fault(&good_token()), Fault::CryptoDisagreement { algorithm: "EdDSA" });
    let response = world.ask(&FakeRequest::verify(&good_token()));
    assert_eq!(response.status(), 503);
    assert_eq!(body(&response)["code"], "crypto_disagreement");

    let (level, line) = world
        .platform
        .log_lines()
        .into_iter()
        .find(|(_, line)| line["event"] == "crypto_disagreement")
        .unwrap();
    assert_eq!(level, Level::Error);
    assert_eq!((&line["pure_rust"], &line["web_crypto"]), (&json!(true), &json!(false)));
    let print = &keys::key_set(&[keys::ed25519()]).keys[0].thumbprint;
    assert_eq!(&line["thumbprint"], print);

    let ready = world.ask(&FakeRequest::get("/readyz"));
    assert_eq!(ready.status(), 503);
    assert_eq!(body(&ready)["code"], "crypto_disagreement");
    assert_eq!(body(&ready)["details"]["cross_check"]["last_disagreement"]["alg"], "EdDSA");
}

#[test]
fn a_signature_that_only_the_second_engine_accepts_is_a_disagreement_and_never_a_pass() {
    let world = always_checked();
    world.platform.second_engine(SecondEngine::Lies);
    let forged = tokens::mint_with_key(
        Algorithm::EdDsa,
        keys::ed25519_second(),
        &json!({ "kid": keys::ed25519().kid() }),
        &claims(ISS, &json!({})),
    );
    assert_eq!(world.fault(&forged), Fault::CryptoDisagreement { algorithm: "EdDSA" });
}

#[test]
fn an_engine_without_a_result_changes_no_verdict() {
    let world = always_checked();
    world.platform.second_engine(SecondEngine::Absent);
    assert!(world.accepts(&good_token()));
    assert_eq!(world.platform.events("cross_check_unanswered").len(), 1);
}

#[test]
fn without_a_share_the_second_engine_is_not_asked() {
    let world = open();
    world.platform.second_engine(SecondEngine::Lies);
    assert!(world.accepts(&good_token()));
}

#[test]
fn a_share_outside_0_to_1_is_a_fault_of_the_configuration() {
    for sample in [json!(1.5), json!(-0.1), json!("all")] {
        let world = configured(&json!({ "verify": { "cross_check": { "sample": sample } } }));
        let faults = world.app.config.terms.as_ref().unwrap_err();
        assert_eq!(
            faults.iter().map(|fault| fault.path.as_str()).collect::<Vec<_>>(),
            ["verify.cross_check.sample"]
        );
    }
}

#[test]
fn an_algorithm_that_fails_the_self_test_is_refused_with_a_fault() {
    let world = open();
    world.platform.run(world.app.self_test(&world.platform));
    assert!(world.accepts(&good_token()), "all known answers were right");

    let world = open();
    world.platform.second_engine(SecondEngine::Lies);
    world.platform.run(world.app.self_test(&world.platform));
    assert_eq!(world.fault(&good_token()), Fault::CryptoDisagreement { algorithm: "EdDSA" });
    assert!(!world.platform.events("self_test_failed").is_empty());
}

#[test]
fn a_deep_check_tests_every_algorithm_and_compares_the_clocks() {
    let world = open();
    let ready = body(&world.ask(&FakeRequest::get("/readyz?deep=1")));
    let deep = &ready["details"]["deep"];
    let answers = deep["self_test"].as_array().unwrap();
    assert_eq!(answers.len(), Algorithm::ALL.len());
    assert!(answers.iter().all(|answer| answer["pure_rust"] == true && answer["web_crypto"] == true));
    assert_eq!(deep["environment"]["runtime"], "a fake");
    assert_eq!(deep["clock"]["asked"], jwks_uri(ISS));
    let fetches = world.fetches(ISS);
    for _ in 0..20 {
        world.ask(&FakeRequest::get("/readyz?deep=1"));
    }
    assert_eq!(world.fetches(ISS), fetches, "the result is kept for a while");
}

#[test]
fn a_deep_check_needs_access_to_details() {
    let world = configured(&json!({}));
    let ready = body(&world.ask(&FakeRequest::get("/readyz?deep=1")));
    assert_eq!(ready.get("details"), None);
    assert_eq!(world.fetches(ISS), 1, "for the keys, and not for the clock");
}

#[test]
fn a_public_jwk_is_the_key_it_was_made_of() {
    for key in [keys::rsa_2048(), keys::rsa_4096(), keys::p_256(), keys::p_384(), keys::ed25519()] {
        let original = Jwk::from_value(&key.public_jwk()).unwrap();
        let again = Jwk::from_value(&original.key.public_jwk()).unwrap();
        assert_eq!(original.thumbprint, again.thumbprint);
    }
}

#[test]
fn explanations_need_the_explain_key() {
    let world = configured(&json!({}));
    let basic = |password: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!(":{password}")))
    };
    for path in ["/explain", "/console"] {
        let request = || {
            FakeRequest::new(Method::POST, path)
                .header("content-type", "application/json")
                .body(json!({ "token": "null" }).to_string())
        };
        let closed = world.ask(&request());
        assert_eq!(closed.status(), 401);
        assert!(header(&closed, "www-authenticate").unwrap().starts_with("Basic "));
        assert_eq!(world.ask(&request().header("x-explain-key", "another key")).status(), 401);
        assert_eq!(world.ask(&request().header("authorization", &basic("another key"))).status(), 401);
        assert_eq!(world.ask(&request().header("x-explain-key", KEY)).status(), 200);
        assert_eq!(world.ask(&request().header("authorization", &basic(KEY))).status(), 200);
    }
}

#[test]
fn a_token_comes_as_json_as_a_form_as_text_or_in_the_header() {
    let world = open();
    let token = good_token();
    let post = || FakeRequest::new(Method::POST, "/explain");
    for request in [
        explain(&token),
        explain(&format!("Authorization: Bearer {token}")),
        post()
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token=Bearer+{token}%0A")),
        post().header("content-type", "text/plain").body(format!("{token}\n")),
        post().bearer(&token),
    ] {
        assert_eq!(body(&world.ask(&request))["verdict"], "accepted", "{request:?}");
    }
    let odd = post().header("content-type", "application/json").body("{");
    assert_eq!(world.ask(&odd).status(), 400);
    let large = post().header("content-type", "text/plain").body(vec![b'a'; 200 * 1024]);
    assert_eq!(world.ask(&large).status(), 413);
}

#[test]
fn text_is_given_to_a_terminal_and_begins_with_the_root_cause() {
    let response = open().ask(&explain("Bearer null").header("accept", "text/plain"));
    assert_eq!(header(&response, "content-type").unwrap(), "text/plain; charset=utf-8");
    let text = String::from_utf8(response.into_body()).unwrap();
    assert!(text.starts_with("Refused: The client sent the word \"null\""));
}

#[test]
fn no_browser_takes_a_text_of_ours_for_another_type() {
    let world = open();
    for request in [
        explain("a.b.c").header("accept", "text/plain"),
        FakeRequest::get("/console"),
        FakeRequest::new(Method::POST, "/console")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("token=a.b.c"),
    ] {
        let response = world.ask(&request);
        assert!(header(&response, "content-type").unwrap().starts_with("text/"), "{request:?}");
        assert_eq!(header(&response, "x-content-type-options").as_deref(), Some("nosniff"), "{request:?}");
    }
}

#[test]
fn a_flood_of_unknown_keys_makes_the_worker_ask_its_issuer_only_and_seldom() {
    let world = open();
    let seconds: usize = 300;
    for second in 0..seconds {
        for which in 0..3 {
            let kid = format!("unknown-{second}-{which}");
            let token = tokens::mint(
                Algorithm::EdDsa,
                &json!({ "kid": kid }),
                &claims(ISS, &json!({ "exp": crate::support::world::NOW + 9999 })),
            );
            world.ask(&explain(&token));
        }
        let foreign = tokens::mint(Algorithm::EdDsa, &json!({}), &claims("https://evil.example", &json!({})));
        world.ask(&explain(&foreign));
        world.platform.pass(1);
    }
    // One fetch per cooldown of 30 s by the rules of live requests, and one by the explanation's own.
    let most = 2 * (seconds / 30 + 1);
    assert!(world.fetches(ISS) <= most, "{} fetches", world.fetches(ISS));
    assert_eq!(world.platform.origin.requests().len(), world.fetches(ISS), "no other origin was asked");
}

#[test]
fn explain_does_not_ask_a_provider_that_fails() {
    let world = open();
    assert!(world.accepts(&good_token()));
    world.serves(&jwks_uri(ISS), Answer::status(503));
    let token = tokens::mint(
        Algorithm::EdDsa,
        &json!({ "kid": "unknown" }),
        &claims(ISS, &json!({ "exp": crate::support::world::NOW + 9999 })),
    );
    world.platform.pass(60);
    for _ in 0..50 {
        let report = body(&world.ask(&explain(&token)));
        assert_eq!(report["cause"]["id"], "identity_provider_down");
    }
    assert_eq!(world.fetches(ISS), 2);
}

#[test]
fn the_page_allows_nothing_but_its_own_style_and_script() {
    let response = open().ask(&FakeRequest::get("/console"));
    let policy = header(&response, "content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(!policy.contains("unsafe"));
    let page = String::from_utf8(response.into_body()).unwrap();
    for outside in ["http://", "https://", "src=", "url(", "@import", "localStorage", "sessionStorage", "{{"]
    {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_claim_that_holds_markup_stays_text_on_the_page() {
    let world = open();
    let claims = claims("\"><script>alert(1)</script>", &json!({}));
    let token = tokens::mint(Algorithm::EdDsa, &json!({ "kid": "<b>" }), &claims);
    let request = FakeRequest::new(Method::POST, "/console")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("token={token}"));
    let page = String::from_utf8(world.ask(&request).into_body()).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<b>\""));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(!page.contains(token.split('.').nth(2).unwrap()), "no signature comes back");
    assert!(!page.contains(&base64url::encode(claims.to_string().as_bytes())));
}

#[test]
fn a_faulty_configuration_is_explained() {
    let world = World::new(&json!({ "explain": { "access": "open" }, "issuers": [{ "issuer": ISS }] }));
    let report = body(&world.ask(&explain("a.b.c")));
    assert_eq!((&report["verdict"], &report["cause"]["id"]), (&json!("fault"), &json!("configuration")));
    assert!(report["cause"]["fix"].as_str().unwrap().contains("issuers[0].audience"));
}

fn with_routes() -> World {
    configured(&json!({
        "explain": { "access": "open" },
        "endpoints": { "prefix": "/_assay" },
        "gateway": { "routes": [
            { "path": "/profiles/*", "upstream": "https://origin.example.com", "require": { "scopes": ["profiles:read"] } },
            { "path": "/profiles/*", "host": "open.example.com", "upstream": "https://origin.example.com", "public": true },
        ] },
    }))
}

#[test]
fn a_good_token_is_accepted_only_if_the_route_accepts_it_too() {
    let world = with_routes();
    let ask = |asked: &Value| {
        let request = FakeRequest::new(Method::POST, "/_assay/explain")
            .header("content-type", "application/json")
            .body(asked.to_string());
        world.ask(&request)
    };
    let lacking = good_token();
    let scoped =
        tokens::mint(Algorithm::EdDsa, &json!({}), &claims(ISS, &json!({ "scope": "profiles:read" })));
    let last = |report: &Value| report["steps"].as_array().unwrap().last().unwrap().clone();
    for (asked, verdict, code, step) in [
        (
            json!({ "token": lacking, "path": "/profiles/1" }),
            "refused",
            json!("scope_insufficient"),
            "failed",
        ),
        (json!({ "token": scoped, "path": "/profiles/1" }), "accepted", Value::Null, "passed"),
        (
            json!({ "token": lacking, "path": "https://open.example.com/profiles/1?a=b", "method": "post" }),
            "accepted",
            Value::Null,
            "passed",
        ),
        (
            json!({ "token": "", "path": "/profiles/1", "host": "open.example.com" }),
            "accepted",
            Value::Null,
            "passed",
        ),
        (json!({ "token": "", "path": "/profiles/1" }), "refused", json!("token_missing"), "skipped"),
        (
            json!({ "token": "null", "path": "/profiles/1", "host": "open.example.com" }),
            "refused",
            json!("token_missing"),
            "skipped",
        ),
        (json!({ "token": scoped, "path": "/other" }), "refused", json!("not_found"), "failed"),
    ] {
        let report = body(&ask(&asked));
        assert_eq!((&report["verdict"], &report["code"]), (&json!(verdict), &code), "{asked}");
        let last = last(&report);
        assert_eq!((&last["step"], &last["outcome"]), (&json!("route"), &json!(step)), "{asked}");
    }
    let silent = body(&ask(&json!({ "token": lacking })));
    assert_eq!(
        (&silent["verdict"], &silent["findings"][0]["code"]),
        (&json!("accepted"), &json!("routes_not_judged"))
    );
    let endpoint = body(&ask(&json!({ "token": lacking, "path": "/_assay/verify" })));
    assert_eq!(endpoint["findings"][0]["code"], "path_of_an_endpoint");
    for asked in [json!({ "token": lacking, "method": "GET" }), json!({ "token": lacking, "path": 5 })] {
        assert_eq!(ask(&asked).status(), 400, "{asked}");
    }
    assert!(world.platform.upstreams.received().is_empty());
}

#[test]
fn the_page_and_a_form_take_the_refused_request_too() {
    let world = with_routes();
    let form = format!("token={}&method=GET&host=&path=%2Fprofiles%2F1", good_token());
    let post = |path: &str| {
        FakeRequest::new(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.clone())
    };
    assert_eq!(body(&world.ask(&post("/_assay/explain")))["code"], "scope_insufficient");
    let page = String::from_utf8(world.ask(&post("/_assay/console")).into_body()).unwrap();
    assert!(page.contains("scope_insufficient"));
    for field in ["name=\"method\"", "name=\"host\"", "name=\"path\""] {
        assert!(page.contains(field), "{field}");
    }
}

#[test]
fn without_routes_a_report_does_not_mention_them() {
    let report = body(&open().ask(&explain(&good_token())));
    assert_eq!(report["findings"], json!([]));
    assert_eq!(report["steps"].as_array().unwrap().len(), 6);
}

#[test]
fn a_wrong_key_and_a_missing_one_have_different_codes() {
    let world = configured(&json!({}));
    let missing = body(&world.ask(&explain("null")));
    let wrong = body(&world.ask(&explain("null").header("x-explain-key", "another key")));
    assert_eq!(
        (&missing["code"], &wrong["code"]),
        (&json!("explain_key_required"), &json!("explain_key_wrong"))
    );
    assert_ne!(missing["detail"], wrong["detail"]);
    assert!(!wrong.to_string().contains("another key"));
}

#[test]
fn within_the_cooldown_the_report_says_how_old_the_set_is_and_when_it_is_fetched_again() {
    let world = open();
    let with_kid = |kid: &str| {
        let claims = claims(ISS, &json!({ "exp": crate::support::world::NOW + 9999 }));
        tokens::mint(Algorithm::EdDsa, &json!({ "kid": kid }), &claims)
    };
    assert!(world.accepts(&good_token()));
    world.ask(&FakeRequest::verify(&with_kid("first")));
    world.ask(&explain(&with_kid("first")));
    world.platform.pass(12);
    let refused = body(&world.ask(&FakeRequest::verify(&with_kid("second"))));
    assert_eq!(refused["code"], "key_not_found");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("fetched 12 s ago") && detail.contains("in 18 s"), "{detail}");
    assert!(!detail.contains("publishes no"), "{detail}");
    world.ask(&explain(&with_kid("second")));
    world.platform.pass(5);
    let report = body(&world.ask(&explain(&with_kid("third"))));
    let told = report["cause"].to_string();
    assert!(told.contains("fetched 5 s ago") && told.contains("in 25 s"), "{told}");
}
