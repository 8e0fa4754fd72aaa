//! Configurations with thousands of tables: the work grows with their number and not with its square, and the faults that are shown are
//! bounded.

use std::cell::Cell;
use std::fmt::Write as _;

use edge_assay::config::Config;
use edge_assay::limits::MAX_CONFIG_FAULTS;
use edge_assay::ports::Secrets;
use serde_json::{Value, json};

use super::faults_of;
use crate::support::keys::SECRET;
use crate::support::platform::FakePlatform;
use crate::support::world::NOW;

const MANY: usize = 10_000;

/// Secrets that count how often they are read. Each binding has a value of its own.
#[derive(Default)]
struct CountedSecrets(Cell<usize>);

impl Secrets for CountedSecrets {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.set(self.0.get() + 1);
        name.strip_prefix("SECRET_").map(|number| format!("{number} {SECRET}"))
    }
}

fn issuers(more: impl Fn(usize) -> Value) -> Value {
    let table = |number: usize| {
        let mut table = json!({ "issuer": format!("https://tenant-{number}.example.com"), "audience": { "any_of": ["api"] } });
        table.as_object_mut().unwrap().extend(more(number).as_object().unwrap().clone());
        table
    };
    (0..MANY).map(table).collect()
}

#[test]
fn ten_thousand_issuers_are_read_in_time_and_each_is_found() {
    let with_keys = json!({ "issuers": issuers(|_| json!({ "preset": "oidc" })) });
    let terms = Config::load(Some(&with_keys.to_string()), &FakePlatform::at(NOW)).terms.unwrap();
    assert_eq!(terms.issuers.iter().count(), MANY);
    for number in [0, 1, MANY / 2, MANY - 1] {
        assert!(terms.issuers.named(&format!("https://tenant-{number}.example.com")).is_some());
    }
    assert!(terms.issuers.named("https://tenant-10000.example.com").is_none());
}

#[test]
fn ten_thousand_secrets_are_read_a_few_times_each_and_no_two_are_compared() {
    let secrets = CountedSecrets::default();
    let with_secrets = |binding: &dyn Fn(usize) -> String| {
        let more = |number| json!({ "algorithms": ["HS256"], "secrets": [{ "binding": binding(number) }] });
        json!({ "issuers": issuers(more) }).to_string()
    };
    // Comparing each with each would be 50 million comparisons of two values, which takes minutes in a test.
    let own = Config::load(Some(&with_secrets(&|number| format!("SECRET_{number}"))), &secrets);
    assert!(own.terms.is_ok());
    assert!(secrets.0.get() <= 4 * MANY, "{} reads", secrets.0.get());
    // One secret for all issuers: each but the first could act for the first.
    let shared = Config::load(Some(&with_secrets(&|_| "SECRET_1".to_owned())), &secrets).terms.unwrap_err();
    assert_eq!(shared.len(), MAX_CONFIG_FAULTS + 1);
    assert_eq!(shared[0].path, "issuers[1].secrets[0]");
    assert!(
        shared.iter().take(MAX_CONFIG_FAULTS).all(|fault| fault.problem.contains("as issuers[0].secrets[0]"))
    );
    assert_eq!(
        shared[MAX_CONFIG_FAULTS].problem,
        format!("has further faults: {}", MANY - 1 - MAX_CONFIG_FAULTS)
    );
}

#[test]
fn ten_thousand_issuers_in_an_exchange_with_a_directory_are_read() {
    let names: Vec<String> = (0..MANY).map(|number| format!("https://tenant-{number}.example.com")).collect();
    let exchange = |from: &[String]| {
        json!({
            "issuers": issuers(|_| json!({ "preset": "oidc" })),
            "exchange": {
                "issuer": "https://auth.example.com",
                "directory": "PEOPLE",
                "targets": [{ "audience": "https://api.example.com", "from": from, "subject": "prefixed" }],
            },
        })
        .to_string()
    };
    let platform = FakePlatform::at(NOW);
    assert!(Config::load(Some(&exchange(&names)), &platform).terms.is_ok());
    // None of them is an issuer, and for each the most similar one is looked for.
    let unknown: Vec<String> = names.iter().map(|name| format!("{name}x")).collect();
    let faults = Config::load(Some(&exchange(&unknown)), &platform).terms.unwrap_err();
    assert_eq!(faults.len(), MAX_CONFIG_FAULTS + 1);
}

#[test]
fn a_hundred_faults_are_shown_and_the_others_are_counted() {
    let mut text = "{".to_owned();
    for number in 0..150 {
        write!(text, "\"surplus{number:03}\":1,").unwrap();
    }
    let faults = faults_of(Some(&format!("{text}\"issuers\":[]}}")));
    assert_eq!(faults.len(), MAX_CONFIG_FAULTS + 1);
    let last = faults.last().unwrap();
    assert_eq!((last.path.as_str(), last.problem.as_str()), ("ASSAY", "has further faults: 51"));
    // A name of megabytes is compared with no field.
    let long = format!("{{\"issuers\":[],\"{}\":1}}", "x".repeat(1_000_000));
    let faults = faults_of(Some(&long));
    assert!(faults.iter().all(|fault| fault.path.len() < 200 && fault.fix.len() < 2000), "{}", faults.len());
}
