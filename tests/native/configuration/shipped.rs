//! The configuration that ships has no issuer and says what to add. The files in `examples/` are complete.

use serde_json::{Value, json};

use super::{faults_of, paths, terms};
use crate::support::request::FakeRequest;
use crate::support::world::{World, body};

const SHIPPED: &str = include_str!("../../../wrangler.toml");

/// The `ASSAY` variable of this `wrangler.toml`.
fn assay(toml: &str) -> Value {
    let file: toml::Table = toml::from_str(toml).unwrap();
    serde_json::to_value(&file["vars"]["ASSAY"]).unwrap()
}

/// The name and the text of each TOML file in `examples/` and `examples/incidents/`.
fn examples() -> Vec<(String, String)> {
    let folders =
        ["/examples", "/examples/incidents"].map(|folder| format!("{}{folder}", env!("CARGO_MANIFEST_DIR")));
    let files: Vec<_> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "toml"))
        .map(|entry| {
            (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    assert!(files.len() >= 12);
    files
}

#[test]
fn the_configuration_that_ships_trusts_no_issuer() {
    let shipped = assay(SHIPPED);
    assert_eq!(paths(&faults_of(Some(&shipped.to_string()))), ["issuers"]);
    for table in ["issuers", "exchange", "gateway", "forward_auth"] {
        assert_eq!(shipped.get(table), None, "{table}");
    }
}

#[test]
fn a_worker_as_it_ships_says_at_the_first_request_and_on_readyz_that_it_has_no_issuer() {
    let world = World::new(&assay(SHIPPED));
    let answer = world.ask(&FakeRequest::verify("a.b.c"));
    assert_eq!((answer.status().as_u16(), &body(&answer)["code"]), (503, &json!("config_invalid")));
    assert!(body(&answer)["detail"].as_str().unwrap().contains("/readyz"));
    assert_eq!(world.platform.events("config_invalid").len(), 1);

    // EXPLAIN_KEY is not set yet, so this fault is shown without it.
    let report = body(&world.ask(&FakeRequest::get("/readyz")));
    assert_eq!((&report["status"], &report["code"]), (&json!("not_ready"), &json!("config_invalid")));
    let faults = report["details"]["faults"].as_array().unwrap();
    assert_eq!((faults.len(), &faults[0]["path"]), (1, &json!("issuers")));
    assert!(faults[0]["fix"].as_str().unwrap().contains("examples/"));
}

#[test]
fn the_lines_that_it_says_to_add_are_a_complete_configuration() {
    let faults = faults_of(Some(&assay(SHIPPED).to_string()));
    let (_, lines) = faults[0].fix.split_once('\n').unwrap();
    let completed = assay(&format!("{SHIPPED}\n{lines}\n"));
    assert_eq!(faults_of(Some(&completed.to_string())), []);
    assert_eq!(terms(&completed).issuers.iter().count(), 1);
}

#[test]
fn only_the_fault_that_no_issuer_is_configured_is_shown_to_all_callers() {
    for config in [
        json!({ "surplus": 1 }),
        json!({ "issuers": [], "surplus": 1 }),
        json!({ "issuers": [{ "issuer": "https://a.example" }] }),
    ] {
        let world = World::new(&config);
        let report = body(&world.ask(&FakeRequest::get("/readyz")));
        assert_eq!(report, json!({ "status": "not_ready", "code": "config_invalid" }), "{config}");
        let refusal = body(&world.ask(&FakeRequest::verify("a.b.c")));
        assert!(!refusal["detail"].as_str().unwrap().contains("issuer"), "{refusal}");
    }
}

#[test]
fn every_example_is_without_faults_alone_and_at_the_end_of_what_ships() {
    for (name, text) in examples() {
        for config in [assay(&text), assay(&format!("{SHIPPED}\n{text}"))] {
            assert_eq!(faults_of(Some(&config.to_string())), [], "{name}");
            assert_ne!(terms(&config).issuers.iter().count(), 0, "{name}");
        }
    }
}

#[test]
fn an_example_that_is_copied_unchanged_trusts_no_real_tenant() {
    let pages = [
        "README.md",
        "docs/configuration.md",
        "docs/exchange.md",
        "docs/first-api.md",
        "docs/forward-auth.md",
        "docs/gateway.md",
        "docs/operations/running.md",
    ]
    .map(|path| {
        let page = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let blocks: Vec<&str> =
            page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        (path.to_owned(), blocks.join("\n"))
    });
    // incidents.toml names other people's tenants, to explain their tokens. It says that it must not be deployed.
    let files = examples().into_iter().filter(|(name, _)| name != "incidents.toml");
    let mut found = 0;
    for (name, text) in files.chain(pages) {
        for line in text.lines().filter(|line| line.trim_start().starts_with("issuer = \"")) {
            let host = line.split("://").nth(1).unwrap().split(['/', '"']).next().unwrap();
            let is_reserved = host.ends_with(".example.com") || host.ends_with(".example");
            assert!(is_reserved, "{name}: {line}");
            found += 1;
        }
    }
    assert!(found > 10, "{found}");
}
