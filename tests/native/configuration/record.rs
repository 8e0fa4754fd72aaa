//! The configuration as a record in Workers KV: which version is in force, when the record is read, and what a faulty one changes.

use std::rc::Rc;

use edge_assay::config::Config;
use edge_assay::http::Response;
use edge_assay::http::application::Application;
use edge_assay::http::configured::Configured;
use edge_assay::http::gateway::{Reply, serve};
use edge_assay::jose::Algorithm;
use edge_assay::keys::KeyCache;
use edge_assay::keys::freshness::RefreshPoint;
use serde_json::{Value, json};

use super::{faults_of, paths};
use crate::support::keys::{self, SECRET, ed25519};
use crate::support::platform::{Answer, FakePlatform, StoreMode};
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, body, claims, header, issuer, jwks_uri};

const RECORD: &str = "ASSAY_CONFIG assay";
const COPY: &str = "ASSAY_CONFIG assay.last-good";
const KEY: &str = "open sesame, and let nobody else in";
const A: &str = "https://a.example";
const B: &str = "https://b.example";

/// An isolate whose configuration is a record.
struct Isolate(Configured);

impl Isolate {
    fn new(platform: &FakePlatform) -> Self {
        let keys = Rc::new(KeyCache::refreshing_at(RefreshPoint::LAST));
        Self(Configured::load(Some(r#"{"kv":"ASSAY_CONFIG"}"#), keys, Rc::default(), platform))
    }

    fn application(&self, platform: &FakePlatform) -> Rc<Application> {
        platform.run(self.0.application(platform))
    }

    /// The response to a request, without what runs after it.
    fn answer(&self, platform: &FakePlatform, request: &FakeRequest) -> Response {
        let served = platform.run(async {
            let application = self.0.application(platform).await;
            serve(&application, platform, request, None).await
        });
        match served.reply {
            Reply::Own(response) => response,
            Reply::Upstream(sent) => panic!("forwarded: {sent:?}"),
        }
    }

    /// The response to a request. What runs after it is done too.
    fn ask(&self, platform: &FakePlatform, request: &FakeRequest) -> Response {
        let response = self.answer(platform, request);
        platform.run(self.0.renew(platform));
        response
    }

    fn accepts(&self, platform: &FakePlatform, iss: &str) -> bool {
        self.ask(platform, &FakeRequest::verify(&token(iss))).status() == 200
    }

    fn readyz(&self, platform: &FakePlatform) -> Value {
        let response = self.ask(platform, &FakeRequest::get("/readyz").header("x-explain-key", KEY));
        let mut report = body(&response);
        report["http"] = json!(response.status().as_u16());
        report
    }
}

fn token(iss: &str) -> String {
    let far = json!({ "iat": null, "nbf": null, "exp": NOW + 1_000_000 });
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims(iss, &far))
}

fn trusting(issuers: &[&str]) -> String {
    let tables: Vec<Value> = issuers.iter().map(|one| issuer(one, &json!({}))).collect();
    json!({ "issuers": tables }).to_string()
}

/// A platform with this record, and with two providers that publish their keys.
fn platform(record: Option<&str>) -> FakePlatform {
    let platform = FakePlatform::at(NOW);
    platform.bind_secret("EXPLAIN_KEY", KEY);
    for iss in [A, B] {
        platform.origin.serves(&jwks_uri(iss), Answer::json(keys::published(&[ed25519()])));
    }
    if let Some(record) = record {
        platform.directory.plant(RECORD, record);
    }
    platform
}

#[test]
fn a_reference_names_a_namespace_and_a_key_and_nothing_else() {
    let record = |text: &str| Config::load(Some(text), &FakePlatform::at(NOW)).record;
    let found = record(r#"{"kv":"ASSAY_CONFIG"}"#).unwrap();
    assert_eq!((found.binding.as_str(), found.key.as_str()), ("ASSAY_CONFIG", "assay"));
    assert_eq!(record(r#"{"kv":"K","key":"auth/production"}"#).unwrap().key, "auth/production");
    for (text, expected) in [
        (r#"{"kv":1}"#, vec!["kv"]),
        (r#"{"kv":""}"#, vec!["kv"]),
        (r#"{"kv":"not a name"}"#, vec!["kv"]),
        (r#"{"kv":"K","key":""}"#, vec!["key"]),
        (r#"{"kv":"K","key":7}"#, vec!["key"]),
        (r#"{"kv":"K","keys":"a"}"#, vec!["keys"]),
        (r#"{"kv":"K","issuers":[]}"#, vec!["issuers"]),
        (r#"{"kv":"K","explain":{"access":"open"}}"#, vec!["explain"]),
        (r#"{"key":"assay"}"#, vec!["key", "issuers"]),
    ] {
        let faults = faults_of(Some(text));
        assert_eq!(paths(&faults), expected, "{text}: {faults:?}");
        assert_eq!(record(text), None, "{text}");
    }
    let long = json!({ "kv": "K", "key": "k".repeat(401) }).to_string();
    assert_eq!(paths(&faults_of(Some(&long))), ["key"]);
}

#[test]
fn the_first_request_waits_for_the_record_and_later_ones_read_nothing() {
    let platform = platform(Some(&trusting(&[A])));
    let isolate = Isolate::new(&platform);
    assert_eq!(platform.directory.gets(), 0, "nothing is read before a request");
    assert!(isolate.accepts(&platform, A));
    assert!(!isolate.accepts(&platform, B));
    platform.pass(55);
    assert!(isolate.accepts(&platform, A));
    assert_eq!(platform.directory.gets(), 1);
    let report = isolate.readyz(&platform);
    assert_eq!((&report["status"], &report["http"]), (&json!("ready"), &json!(200)));
    let configuration = &report["details"]["configuration"];
    assert_eq!((&configuration["kv"], &configuration["key"]), (&json!("ASSAY_CONFIG"), &json!("assay")));
    assert_eq!(configuration["version"]["sha256"].as_str().unwrap().len(), 32);
    assert_eq!(configuration["version"]["read_at"], NOW);
    assert_eq!(platform.events("config_in_force").len(), 1);
}

#[test]
fn a_hundred_requests_at_the_start_read_the_record_once() {
    let platform = platform(Some(&trusting(&[A])));
    platform.directory.takes_ms(300);
    let isolate = Isolate::new(&platform);
    let asked = (0..100).map(|_| async {
        let application = isolate.0.application(&platform).await;
        assert!(application.config.terms.is_ok());
    });
    platform.run(futures::future::join_all(asked));
    assert_eq!(platform.directory.gets(), 1);
}

#[test]
fn a_newer_version_is_in_force_a_minute_later_and_key_sets_are_kept() {
    let platform = platform(Some(&trusting(&[A])));
    let isolate = Isolate::new(&platform);
    assert!(isolate.accepts(&platform, A));
    let before = isolate.readyz(&platform)["details"]["configuration"]["version"].clone();
    let fetches = platform.origin.calls(&jwks_uri(A));
    platform.directory.plant(RECORD, &trusting(&[A, B]));
    assert!(!isolate.accepts(&platform, B), "the minute has not passed");
    platform.pass(61);
    platform.directory.takes_ms(2000);
    let begun_ms = platform.now_ms();
    let response = isolate.answer(&platform, &FakeRequest::verify(&token(A)));
    assert_eq!(response.status(), 200);
    // After a minute without requests it looks whether the keys were purged, and that takes a millisecond here.
    assert!(platform.now_ms() - begun_ms <= 1, "it does not wait for the configuration");
    platform.run(isolate.0.renew(&platform));
    assert!(isolate.accepts(&platform, B));
    assert!(isolate.accepts(&platform, A));
    assert_eq!(platform.origin.calls(&jwks_uri(A)), fetches, "the key set of A is still in memory");
    let configuration = isolate.readyz(&platform)["details"]["configuration"].clone();
    assert_ne!(configuration["version"], before);
    // An equal text is the same version: nothing is parsed, and nothing is logged.
    platform.pass(61);
    assert!(isolate.accepts(&platform, B));
    assert_eq!(platform.events("config_in_force").len(), 2);
    // An issuer that is removed is not trusted any more.
    platform.directory.plant(RECORD, &trusting(&[B]));
    platform.pass(61);
    assert!(isolate.accepts(&platform, A), "this request begins the reading");
    assert!(!isolate.accepts(&platform, A));
}

/// Records that cannot be used.
fn unusable() -> Vec<(&'static str, String)> {
    vec![
        ("no JSON", "not JSON".to_owned()),
        ("an empty text", String::new()),
        ("TOML", "[[issuers]]\nissuer = \"https://a.example\"\n".to_owned()),
        ("a list", "[]".to_owned()),
        ("a text with NUL", "{\"issuers\":[],\"\\u0000\":1}".to_owned()),
        ("a member twice", "{\"issuers\":[],\"issuers\":[]}".to_owned()),
        ("deep nesting", format!("{{\"issuers\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000))),
        ("faults", json!({ "issuers": [{ "issuer": A }], "surplus": 1 }).to_string()),
        ("no issuer", "{}".to_owned()),
        ("another reference", json!({ "kv": "ASSAY_CONFIG", "key": "other" }).to_string()),
        (
            "a reference to itself beside issuers",
            format!("{{\"kv\":\"ASSAY_CONFIG\",{}", trusting(&[B]).strip_prefix('{').unwrap()),
        ),
        ("too many bytes", format!("{}{}", trusting(&[B]), " ".repeat(4 * 1024 * 1024))),
    ]
}

#[test]
fn a_version_that_cannot_be_used_is_refused_and_the_one_before_it_stays() {
    for (what, text) in unusable() {
        let platform = platform(Some(&trusting(&[A])));
        let isolate = Isolate::new(&platform);
        assert!(isolate.accepts(&platform, A));
        let version = isolate.readyz(&platform)["details"]["configuration"]["version"].clone();
        platform.directory.plant(RECORD, &text);
        platform.pass(61);
        assert!(isolate.accepts(&platform, A), "{what}");
        assert!(isolate.accepts(&platform, A), "{what}");
        assert!(!isolate.accepts(&platform, B), "{what}");
        let report = isolate.readyz(&platform);
        assert_eq!((&report["status"], &report["http"]), (&json!("degraded"), &json!(200)), "{what}");
        let configuration = &report["details"]["configuration"];
        assert_eq!(configuration["version"], version, "{what}");
        assert!(!configuration["refused"]["faults"].as_array().unwrap().is_empty(), "{what}");
        // Only callers that may see details see them.
        let public = isolate.ask(&platform, &FakeRequest::get("/readyz"));
        assert_eq!(body(&public), json!({ "status": "degraded" }), "{what}");
        assert_eq!(platform.events("config_refused").len(), 1, "{what}");
        // The correction, and also a return to the version in force, ends it.
        platform.directory.plant(RECORD, &trusting(&[A]));
        platform.pass(61);
        assert!(isolate.accepts(&platform, A), "{what}");
        let report = isolate.readyz(&platform);
        assert_eq!(report["status"], "ready", "{what}: {report}");
        assert_eq!(report["details"]["configuration"].get("refused"), None, "{what}");
    }
}

#[test]
fn a_faulty_version_is_parsed_and_logged_once() {
    let platform = platform(Some(&trusting(&[A])));
    let isolate = Isolate::new(&platform);
    assert!(isolate.accepts(&platform, A));
    platform.directory.plant(RECORD, "{}");
    for _ in 0..5 {
        platform.pass(61);
        assert!(isolate.accepts(&platform, A));
    }
    assert_eq!((platform.events("config_refused").len(), platform.directory.gets()), (1, 6));
}

#[test]
fn a_record_that_disappears_or_a_store_that_does_not_answer_changes_nothing() {
    for (mode, plant, said) in [
        (StoreMode::Down, true, "down"),
        (StoreMode::Unbound("ASSAY_CONFIG".to_owned()), true, "no KV namespace is bound"),
        (StoreMode::Works, false, "does not exist"),
    ] {
        let platform = platform(Some(&trusting(&[A])));
        let isolate = Isolate::new(&platform);
        assert!(isolate.accepts(&platform, A));
        platform.directory.behave(mode);
        if !plant {
            platform.directory.clear();
        }
        platform.pass(61);
        assert!(isolate.accepts(&platform, A));
        assert!(isolate.accepts(&platform, A));
        let report = isolate.readyz(&platform);
        assert_eq!(report["status"], "degraded", "{report}");
        assert!(report.to_string().contains(said), "{report}");
    }
}

#[test]
fn a_silent_store_delays_no_request_once_a_version_is_in_force() {
    let platform = platform(Some(&trusting(&[A])));
    let isolate = Isolate::new(&platform);
    assert!(isolate.accepts(&platform, A));
    platform.directory.takes_ms(1_000_000);
    platform.pass(61);
    let begun_ms = platform.now_ms();
    assert_eq!(isolate.answer(&platform, &FakeRequest::verify(&token(A))).status(), 200);
    // After a minute without requests it looks whether the keys were purged, and that takes a millisecond here.
    assert!(platform.now_ms() - begun_ms <= 1, "it does not wait for the configuration");
    let begun_ms = platform.now_ms();
    // What runs after the response ends too.
    platform.run(isolate.0.renew(&platform));
    assert_eq!(platform.now_ms() - begun_ms, 5000);
    assert!(isolate.readyz(&platform).to_string().contains("no answer within 5000 ms"));
    // If the runtime drops it, the record is read again a minute later.
    platform.pass(61);
    assert!(platform.run_for_ms(100, isolate.0.renew(&platform)).is_none());
    assert!(!isolate.0.is_due(&platform));
    platform.directory.takes_ms(1);
    platform.pass(61);
    assert!(isolate.0.is_due(&platform));
    assert!(isolate.accepts(&platform, A));
    assert_eq!(isolate.readyz(&platform)["status"], "ready");
}

#[test]
fn without_a_first_answer_everything_is_503_with_retry_after_and_the_next_request_tries_again() {
    let platform = platform(Some(&trusting(&[A])));
    platform.directory.behave(StoreMode::Down);
    let isolate = Isolate::new(&platform);
    let refused = isolate.answer(&platform, &FakeRequest::verify(&token(A)));
    assert_eq!(
        (refused.status().as_u16(), body(&refused)["code"].clone()),
        (503, json!("store_unavailable"))
    );
    assert!(header(&refused, "retry-after").is_some());
    assert!(!body(&refused).to_string().contains("ASSAY_CONFIG"), "{refused:?}");
    let report = isolate.readyz(&platform);
    assert_eq!((&report["code"], &report["http"]), (&json!("store_unavailable"), &json!(503)));
    assert!(report["details"]["faults"][0]["problem"].as_str().unwrap().contains("down"), "{report}");
    let public = isolate.answer(&platform, &FakeRequest::get("/readyz"));
    assert_eq!(body(&public), json!({ "status": "not_ready", "code": "store_unavailable" }));
    assert_eq!(isolate.answer(&platform, &FakeRequest::get("/healthz")).status(), 200);
    // For a few seconds KV is not asked again, so that a store that is down delays no request.
    assert_eq!(platform.directory.gets(), 1);
    platform.directory.behave(StoreMode::Works);
    assert!(!isolate.accepts(&platform, A));
    platform.pass(6);
    assert!(isolate.accepts(&platform, A));
    assert_eq!(platform.events("config_invalid").len(), 0);
    assert_eq!(platform.events("config_unavailable").len(), 1);
}

#[test]
fn a_first_record_that_cannot_be_used_is_503_config_invalid_with_its_faults() {
    for (what, text) in unusable() {
        let platform = platform(Some(&text));
        let isolate = Isolate::new(&platform);
        let refused = isolate.answer(&platform, &FakeRequest::verify(&token(A)));
        assert_eq!(refused.status(), 503, "{what}");
        assert_eq!(body(&refused)["code"], "config_invalid", "{what}");
        assert!(header(&refused, "retry-after").is_some(), "{what}");
        let report = isolate.readyz(&platform);
        assert!(!report["details"]["faults"].as_array().unwrap().is_empty(), "{what}");
        assert_eq!(report["details"]["configuration"]["version"], Value::Null, "{what}");
        let public = body(&isolate.answer(&platform, &FakeRequest::get("/readyz"))).to_string();
        assert!(!public.contains("ASSAY_CONFIG"), "{what}: {public}");
        platform.directory.plant(RECORD, &trusting(&[A]));
        platform.pass(6);
        assert!(isolate.accepts(&platform, A), "{what}");
    }
}

#[test]
fn a_record_that_is_wrapped_as_in_the_file_of_wrangler_says_so() {
    let inner: Value = serde_json::from_str(&trusting(&[A])).unwrap();
    for (text, path) in [
        (json!({ "vars": { "ASSAY": inner } }), "vars.ASSAY"),
        (json!({ "ASSAY": inner }), "ASSAY"),
        (json!({ "name": "api", "vars": { "ASSAY": inner, "OTHER": "x" } }), "vars.ASSAY"),
    ] {
        let platform = platform(Some(&text.to_string()));
        let faults = Isolate::new(&platform).readyz(&platform)["details"]["faults"].clone();
        assert_eq!((faults.as_array().unwrap().len(), &faults[0]["path"]), (1, &json!(path)), "{faults}");
        let fix = faults[0]["fix"].as_str().unwrap();
        assert_eq!(fix, format!("write the object that is in `{path}`, without `{path}` around it"));
    }
}

#[test]
fn a_request_that_is_dropped_while_it_reads_blocks_the_others_for_some_seconds_only() {
    let platform = platform(Some(&trusting(&[A])));
    platform.directory.takes_ms(3000);
    let isolate = Isolate::new(&platform);
    assert!(platform.run_for_ms(100, isolate.0.application(&platform)).is_none());
    platform.directory.takes_ms(10);
    let begun_ms = platform.now_ms();
    let application = isolate.application(&platform);
    assert!(platform.now_ms() - begun_ms <= 8000, "{}", platform.now_ms() - begun_ms);
    assert!(application.config.terms.is_ok() || isolate.accepts(&platform, A));
}

#[test]
fn the_cron_trigger_keeps_a_copy_which_serves_isolates_that_start_while_the_record_has_faults() {
    let platform = platform(Some(&trusting(&[A])));
    let isolate = Isolate::new(&platform);
    assert!(isolate.accepts(&platform, A));
    assert_eq!(platform.directory.peek(COPY), None, "requests write nothing");
    for _ in 0..3 {
        platform.pass(300);
        platform.run(isolate.0.renew_scheduled(&platform));
    }
    assert_eq!(platform.directory.peek(COPY), Some(trusting(&[A])));
    assert_eq!(platform.directory.puts(), 1, "an equal copy is not written again");
    for (what, text) in unusable() {
        platform.directory.plant(RECORD, &text);
        platform.pass(300);
        platform.run(isolate.0.renew_scheduled(&platform));
        assert_eq!(platform.directory.peek(COPY), Some(trusting(&[A])), "{what}");
        let started = Isolate::new(&platform);
        assert!(started.accepts(&platform, A), "{what}");
        let report = started.readyz(&platform);
        assert_eq!(report["status"], "degraded", "{what}");
        assert!(
            !report["details"]["configuration"]["refused"]["faults"].as_array().unwrap().is_empty(),
            "{what}"
        );
    }
    // A copy with faults, which nothing of ours writes, is not used.
    platform.directory.plant(COPY, "{\"issuers\":[{}]}");
    assert_eq!(Isolate::new(&platform).answer(&platform, &FakeRequest::get("/verify")).status(), 503);
    platform.directory.plant(RECORD, &trusting(&[A, B]));
    platform.pass(300);
    platform.run(isolate.0.renew_scheduled(&platform));
    assert_eq!(platform.directory.peek(COPY), Some(trusting(&[A, B])));
}

#[test]
fn secrets_of_a_record_come_from_the_bindings() {
    let shared = json!({ "algorithms": ["HS256"], "secrets": [{ "binding": "SHARED" }], "jwks_uri": null });
    let platform = platform(Some(&json!({ "issuers": [issuer(A, &shared)] }).to_string()));
    platform.bind_secret("SHARED", SECRET);
    let isolate = Isolate::new(&platform);
    let far = json!({ "iat": null, "nbf": null, "exp": NOW + 1_000_000 });
    let signed = tokens::mint(Algorithm::Hs256, &json!({}), &claims(A, &far));
    assert_eq!(isolate.ask(&platform, &FakeRequest::verify(&signed)).status(), 200);
}

#[test]
fn ten_thousand_issuers_are_replaced_by_ten_thousand_others() {
    let many = |first: usize| {
        let names: Vec<String> =
            (first..first + 10_000).map(|number| format!("https://t{number}.example")).collect();
        trusting(&names.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let platform = platform(Some(&many(0)));
    let isolate = Isolate::new(&platform);
    let known = |iss: &str| {
        isolate.application(&platform).config.terms.as_ref().unwrap().issuers.named(iss).is_some()
    };
    assert!(known("https://t9999.example") && !known("https://t10000.example"));
    platform.directory.plant(RECORD, &many(10_000));
    platform.pass(61);
    platform.run(isolate.0.renew(&platform));
    assert!(!known("https://t9999.example") && known("https://t19999.example"));
}
