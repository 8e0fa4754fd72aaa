//! `classes`, `require` and `confirmation` of an issuer.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{faults_of, terms, with_issuer};
use crate::support::world::merged;
use edge_assay::trust::claims::Confirmation;
use edge_assay::trust::presets::Preset;

/// The accepted classes of an issuer with this preset and these fields; `None` if every class is accepted, or none is known.
fn accepted(changes: &Value) -> Option<Vec<&'static str>> {
    let terms = terms(&with_issuer(changes));
    terms.issuers.iter().next().unwrap().rules.classes.clone()?.accepted
}

/// An issuer of the preset `cognito`, with these changes.
fn cognito(changes: &Value) -> Value {
    let issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a";
    merged(json!({ "preset": "cognito", "issuer": issuer }), changes)
}

#[test]
fn a_preset_accepts_the_classes_that_it_means_and_the_configuration_replaces_them() {
    assert_eq!(accepted(&json!({})), None);
    assert_eq!(accepted(&json!({ "preset": "oidc" })), None);
    assert_eq!(accepted(&json!({ "preset": "clerk" })), Some(vec!["session", "template"]));
    assert_eq!(accepted(&cognito(&json!({}))), Some(vec!["access"]));
    assert_eq!(accepted(&json!({ "preset": "better-auth" })), Some(vec!["session", "session-cookie"]));
    assert_eq!(accepted(&json!({ "preset": "better-auth-oauth" })), Some(vec!["access"]));
    let given = |classes: Value| accepted(&json!({ "preset": "clerk", "classes": classes }));
    assert_eq!(given(json!(["machine"])), Some(vec!["machine"]));
    assert_eq!(given(json!(["template", "oauth"])), Some(vec!["template", "oauth"]));
    assert_eq!(given(json!("unchecked")), None);
}

#[test]
fn faults_of_classes_say_what_to_write() {
    let of = |changes: Value| {
        let faults = faults_of(Some(&with_issuer(&changes).to_string()));
        let faults = faults.into_iter().map(|fault| (fault.path, fault.problem, fault.fix));
        faults.collect::<Vec<_>>()
    };
    let one = |path: &str, problem: &str, fix: &str| {
        vec![(format!("issuers[0].{path}"), problem.to_owned(), fix.to_owned())]
    };
    let fix = "write a list of one or more of \"access\", \"id\"";
    let neither = "is neither a list of classes nor \"unchecked\"";
    for wrong in [json!([]), json!("access"), json!(["access", 1]), json!(true), json!({})] {
        assert_eq!(of(cognito(&json!({ "classes": wrong }))), one("classes", neither, fix), "{wrong}");
    }
    assert_eq!(
        of(cognito(&json!({ "classes": ["access", "session"] }))),
        one("classes[1]", "is not a class of Cognito", "write one of \"access\", \"id\"")
    );
    let no_effect = "has no effect: no classes of these tokens are known";
    let fix = "remove it, or write a preset whose tokens have classes; `require` can compare any claim";
    assert_eq!(of(json!({ "classes": ["access"] })), one("classes", no_effect, fix));
    assert_eq!(of(json!({ "preset": "oidc", "classes": "unchecked" })), one("classes", no_effect, fix));
    // The preset at fault is the only fault.
    let faults = of(json!({ "preset": "clark", "classes": ["session"] }));
    assert_eq!(faults.iter().map(|(path, ..)| path.as_str()).collect::<Vec<_>>(), ["issuers[0].preset"]);
}

#[test]
fn a_condition_of_an_issuer_has_the_faults_of_every_condition_and_no_directory() {
    let paths = |require: Value| {
        let faults = faults_of(Some(&with_issuer(&json!({ "require": require })).to_string()));
        faults.into_iter().map(|fault| fault.path).collect::<Vec<_>>()
    };
    assert_eq!(
        paths(json!([{ "header": "/cat", "one_of": ["a"] }, { "claim": "/x", "exists": true }])),
        [""; 0]
    );
    assert_eq!(paths(json!([])), [""; 0]);
    assert_eq!(paths(json!([{ "claim": "/directory/x", "exists": true }])), ["issuers[0].require[0].claim"]);
    assert_eq!(paths(json!([{ "claim": "/x" }])), ["issuers[0].require[0]"]);
    assert_eq!(paths(json!([{ "exists": true }])), ["issuers[0].require[0].claim"]);
    assert_eq!(paths(json!([{ "claim": "/x", "exists": true, "is": 1 }])), ["issuers[0].require[0].is"]);
    assert_eq!(paths(json!({ "claim": "/x", "exists": true })), ["issuers[0].require"]);
}

#[test]
fn a_bound_token_is_refused_or_its_binding_is_ignored_and_proofs_are_not_built() {
    let confirmation = |changes: Value| {
        terms(&with_issuer(&changes)).issuers.named("https://a.example").unwrap().rules.confirmation
    };
    assert_eq!(confirmation(json!({})), Confirmation::Refuse);
    assert_eq!(confirmation(json!({ "confirmation": "refuse" })), Confirmation::Refuse);
    assert_eq!(confirmation(json!({ "confirmation": "ignore" })), Confirmation::Ignore);
    for (value, problem) in [
        (json!("dpop"), "is \"dpop\", but this Worker checks no proofs of possession (RFC 9449)"),
        (json!("none"), "is \"none\""),
        (json!(true), "is a boolean"),
    ] {
        let faults = faults_of(Some(&with_issuer(&json!({ "confirmation": value })).to_string()));
        assert_eq!(faults.len(), 1, "{value}");
        assert_eq!(
            (faults[0].path.as_str(), faults[0].problem.as_str()),
            ("issuers[0].confirmation", problem)
        );
    }
}

/// `docs/configuration.md` has the table of classes between two marks. With `UPDATE_DOCS=1` in the environment this test writes what it would otherwise
/// compare.
#[test]
fn the_documentation_has_a_row_for_each_preset_with_its_classes() {
    let mut table = "| preset | accepted | refused |\n| --- | --- | --- |\n".to_owned();
    for preset in Preset::ALL.iter().filter(|preset| !preset.classes().is_empty()) {
        let shown = |is_meant: bool| {
            let classes = preset.classes().iter().filter(|class| class.is_meant == is_meant);
            classes.map(|class| format!("`{}`: {}", class.name, class.words)).collect::<Vec<_>>().join("; ")
        };
        writeln!(table, "| `{}` | {} | {} |", preset.name_of_preset(), shown(true), shown(false)).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- classes -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let written = format!("{before}<!-- classes -->\n{table}<!-- end -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &written).unwrap();
    } else {
        let command =
            "UPDATE_DOCS=1 cargo test --locked --features es512 --test native configuration::classes";
        assert!(page == written, "docs/configuration.md is out of date: {command}");
    }
}

#[test]
fn every_class_has_a_name_words_and_a_hint_of_its_own_and_a_preset_means_at_least_one() {
    for preset in Preset::ALL {
        let classes = preset.classes();
        let names: Vec<&str> = classes.iter().map(|class| class.name).collect();
        assert!(names.iter().enumerate().all(|(index, name)| !names[..index].contains(name)), "{names:?}");
        assert!(classes.is_empty() || classes.iter().any(|class| class.is_meant), "{names:?}");
        for class in classes {
            assert!(!class.words.is_empty() && class.hint.ends_with('.'), "{}", class.name);
            assert!(class.name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_')));
        }
    }
}
