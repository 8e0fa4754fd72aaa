//! `tests/providers/*.json`: for each preset a table as its documentation shows it, the key set as the provider serves it, and tokens as it
//! issues them, with keys of these tests. The good ones verify, the others get the stated code. `docs/providers.md` is made from the same files
//! and from the rows: `UPDATE_DOCS=1 cargo test --locked --features es512 --test native providers`.
//!
//! In a file, `"+60"` and `"-60"` are times relative to now. A key is the public part of a key of `tests/vectors/keys`, with further members.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use edge_assay::jose::{Algorithm, base64url};
use edge_assay::trust::presets::{Carrier, Preset};
use http::Method;
use serde_json::{Map, Value, json};

use crate::pasting::paste;
use crate::support::keys::{self, TestKey};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, World, body};

const COMMAND: &str = "UPDATE_DOCS=1 cargo test --locked --features es512 --test native providers";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The file of a preset.
fn file(preset: Preset) -> Value {
    let path = root().join(format!("tests/providers/{}.json", preset.name_of_preset()));
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} is missing", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn key_called(name: &str) -> &'static TestKey {
    match name {
        "rsa-2048" => keys::rsa_2048(),
        "rsa-2048-second" => keys::rsa_2048_second(),
        "p-256" => keys::p_256(),
        "p-256-second" => keys::p_256_second(),
        "p-384" => keys::p_384(),
        "ed25519" => keys::ed25519(),
        other => panic!("no test key is called {other}"),
    }
}

/// `value` with the times that it states relative to `now`.
fn at(now: i64, value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(['+', '-']) => {
            text.parse::<i64>().map_or_else(|_| value.clone(), |seconds| json!(now + seconds))
        }
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), at(now, value))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(|value| at(now, value)).collect()),
        other => other.clone(),
    }
}

/// A document as it is served, with the public parts of the test keys.
fn served(document: &Value) -> Value {
    let mut document = document.clone();
    for key in document.get_mut("keys").and_then(Value::as_array_mut).into_iter().flatten() {
        let members: &mut Map<String, Value> = key.as_object_mut().unwrap();
        let of = members.remove("of").unwrap();
        let mut whole = key_called(of.as_str().unwrap()).public_jwk();
        let whole_members = whole.as_object_mut().unwrap();
        // Providers differ in these.
        for name in ["use", "kid"] {
            whole_members.remove(name);
        }
        whole_members.append(members);
        *key = whole;
    }
    document
}

fn minted(token: &Value) -> String {
    let header = &token["header"];
    let claims = at(NOW, &token["claims"]);
    let algorithm = Algorithm::parse(header["alg"].as_str().unwrap()).unwrap();
    let sign = |input: &[u8]| match token["key"].as_str().unwrap() {
        "secret" => keys::hmac(algorithm, keys::SECRET.as_bytes(), input),
        name => key_called(name).sign(algorithm, input),
    };
    tokens::sealed(&header.to_string(), &claims.to_string(), sign)
}

/// A world whose only issuer is the one of the file.
fn world(file: &Value) -> World {
    let world = World::trusting(std::slice::from_ref(&file["table"]));
    for (url, document) in file["documents"].as_object().unwrap() {
        world.serves(url, Answer::json(served(document).to_string()));
    }
    world
}

#[test]
fn the_tokens_of_each_provider_are_accepted_or_refused_as_its_preset_means() {
    let mut found = 0;
    let mut wrong = Vec::new();
    for preset in Preset::ALL {
        let file = file(*preset);
        assert_eq!(file["table"]["preset"], preset.name_of_preset());
        let tokens = file["tokens"].as_array().unwrap();
        assert_eq!(tokens[0]["expect"], "accepted", "{preset:?}");
        assert!(tokens.iter().any(|token| token["expect"] != "accepted"), "{preset:?} refuses nothing");
        for token in tokens {
            let says = token["says"].as_str().unwrap();
            let outcome = match world(&file).outcome(&minted(token)) {
                Ok(_) => "accepted",
                Err(refusal) => refusal.code(),
            };
            if outcome != token["expect"] {
                wrong.push(format!("{}: {says}: {outcome}", preset.name_of_preset()));
            }
            found += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(found > 70, "{found}");
}

#[test]
fn no_other_file_and_no_real_token_is_among_the_files_of_providers() {
    let known: BTreeSet<String> =
        Preset::ALL.iter().map(|preset| format!("{}.json", preset.name_of_preset())).collect();
    let files = fs::read_dir(root().join("tests/providers")).unwrap();
    let names: BTreeSet<String> =
        files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, known);
    for name in names {
        let text = fs::read_to_string(root().join("tests/providers").join(&name)).unwrap();
        let is_token = |word: &&str| {
            word.starts_with("eyJ") && word.split('.').all(|part| base64url::decode(part).is_some())
        };
        assert_eq!(text.split('"').find(is_token), None, "{name}");
    }
}

#[test]
fn the_keys_of_each_file_are_where_the_preset_looks_for_them() {
    for preset in Preset::ALL {
        let file = file(*preset);
        let world = world(&file);
        assert!(world.accepts(&minted(&file["tokens"][0])), "{preset:?}");
        for url in file["documents"].as_object().unwrap().keys() {
            assert_eq!(world.platform.origin.calls(url), 1, "{preset:?}: {url}");
        }
    }
}

/// The fix for a token of an issuer that is not configured, and the table in it, if there is one.
fn proposed(token: &str) -> (String, Option<Value>) {
    let other = json!({ "issuer": "https://login.example", "jwks_uri": "https://login.example/jwks", "audience": "unchecked" });
    let config = json!({ "issuers": [other], "explain": { "access": "open" } });
    let request = FakeRequest::new(Method::POST, "/explain")
        .header("content-type", "application/json")
        .body(json!({ "token": token }).to_string());
    let report = body(&World::new(&config).ask(&request));
    assert_eq!(report["code"], "issuer_unknown");
    let fix = report["cause"]["fix"].as_str().unwrap().to_owned();
    let pasted = paste(&config, &fix, None).config;
    let table = pasted["issuers"].get(1).cloned();
    (fix, table)
}

#[test]
fn no_explanation_of_an_unknown_issuer_proposes_a_table_that_accepts_what_the_preset_refuses() {
    let mut found = Vec::new();
    for preset in Preset::ALL {
        let mut file = file(*preset);
        let issuer = file["table"]["issuer"].as_str().unwrap().to_owned();
        if Preset::of_issuer(&issuer).is_none_or(|of_issuer| of_issuer.preset != *preset) {
            continue;
        }
        let name = preset.name_of_preset();
        let tokens = file["tokens"].as_array().unwrap().clone();
        for token in tokens.iter().filter(|token| token["claims"]["iss"] == json!(issuer)) {
            let says = format!("{name}: {}", token["says"].as_str().unwrap());
            let (fix, table) = proposed(&minted(token));
            let Some(table) = table else {
                assert!(
                    !fix.contains("[[vars.ASSAY.issuers]] table") || fix.contains("`preset`"),
                    "{says}: {fix}"
                );
                continue;
            };
            assert_eq!(table["preset"], name, "{says}: {fix}");
            assert!(table.get("algorithms").is_none() && table.get("classes").is_none(), "{says}: {fix}");
            let code = token["expect"].as_str().unwrap();
            if !["token_class_refused", "algorithm_not_allowed"].contains(&code) {
                continue;
            }
            assert!(fix.contains("the preset refuses"), "{says}: {fix}");
            assert!(!fix.contains("ISSUER_JWT_SECRET"), "{says}: {fix}");
            file["table"] = table.clone();
            assert_eq!(world(&file).faults(), [], "{says}");
            assert!(!world(&file).accepts(&minted(token)), "{says}: {fix}");
            // The table is for the good token: if nothing has to be written first, it accepts this one.
            if !table.to_string().contains("write-") {
                assert!(world(&file).accepts(&minted(&tokens[0])), "{says}: {table}");
            }
            found.push(says);
        }
    }
    for wanted in [
        "kubernetes: token of a service account that is bound to nothing",
        "google-iap: assertion that claims RS256",
    ] {
        assert!(found.iter().any(|says| says == wanted), "{found:#?}");
    }
    assert!(found.len() > 15, "{found:#?}");
}

#[test]
fn a_token_that_no_table_accepts_gets_no_table_and_is_named() {
    for (preset, says, name) in [
        (Preset::Firebase, "custom token, made by a service account", "Firebase custom token"),
        (Preset::Kubernetes, "token from a Secret, which never expires", "Kubernetes token from a Secret"),
    ] {
        let file = file(preset);
        let token = file["tokens"].as_array().unwrap().iter().find(|token| token["says"] == says).unwrap();
        let request = FakeRequest::new(Method::POST, "/explain")
            .header("content-type", "application/json")
            .body(json!({ "token": minted(token) }).to_string());
        let mut config = json!({ "issuers": [file["table"]] });
        config["explain"] = json!({ "access": "open" });
        let cause = body(&World::new(&config).ask(&request))["cause"].clone();
        assert_eq!(cause["id"], "issuer_unknown");
        let (summary, fix) = (cause["summary"].as_str().unwrap(), cause["fix"].as_str().unwrap());
        assert!(
            summary.contains(name) && summary.contains("no setting here accepts it")
                || summary.contains("No setting here accepts it"),
            "{summary}"
        );
        assert!(!fix.contains("jwks_uri"), "{fix}");
    }
}

/// A table of the configuration, as it is pasted into wrangler.toml.
fn toml_of(table: &Value) -> String {
    fn inline(value: &Value) -> String {
        match value {
            Value::Array(values) => {
                format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", "))
            }
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| format!("{name} = {}", inline(value)));
                format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        }
    }
    let order = ["issuer", "preset"];
    let members = table.as_object().unwrap();
    let rest = members.keys().map(String::as_str).filter(|name| !order.contains(name));
    let lines = order.into_iter().chain(rest).map(|name| format!("{name} = {}\n", inline(&members[name])));
    format!("[[vars.ASSAY.issuers]]\n{}", lines.collect::<String>())
}

fn carriers_of(preset: Preset) -> String {
    let carriers = preset.carriers().iter().map(|carrier| match carrier {
        Carrier::Cookie(name) => format!("{{ cookie = \"{name}\" }}"),
        Carrier::Header(name) => format!("{{ header = \"{name}\" }}"),
    });
    let all: Vec<String> = ["\"authorization\"".to_owned()].into_iter().chain(carriers).collect();
    all.join(", ")
}

/// A member per line, so that a token can be compared with its description.
fn shown(value: &Value) -> String {
    let members = value.as_object().unwrap().iter();
    let lines: Vec<String> = members.map(|(name, value)| format!("  \"{name}\": {value}")).collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

/// The section of a preset in `docs/providers.md`.
fn section(preset: Preset) -> String {
    let file = file(preset);
    // ES512 is in builds with the feature `es512` only, and not in the Worker that the page is about.
    let in_worker = |algorithm: &&str| *algorithm != "ES512";
    let algorithms: Vec<&str> =
        preset.algorithms().iter().map(|algorithm| algorithm.name()).filter(in_worker).collect();
    let mut text = format!("## {}: `{}`\n\n", preset.name(), preset.name_of_preset());
    let place = match preset.place_of_keys().as_str() {
        "discovery" => "where its discovery document says".to_owned(),
        place => format!("at `{place}`"),
    };
    write!(
        text,
        "{} The keys are {place}; the signatures are {}.\n\n",
        file["says"].as_str().unwrap(),
        algorithms.join(", ")
    )
    .unwrap();
    write!(text, "```toml\n{}```\n\n", toml_of(&file["table"])).unwrap();
    if !preset.carriers().is_empty() {
        write!(text, "Its clients customarily send it as: `credentials = [{}]`.\n\n", carriers_of(preset))
            .unwrap();
    }
    let first = &file["tokens"][0];
    write!(
        text,
        "Header and claims of a good token ({}); times are relative to now:\n\n```json\n{}\n{}\n```\n\n",
        first["says"].as_str().unwrap(),
        first["header"],
        shown(&first["claims"])
    )
    .unwrap();
    text.push_str("| token | with this table |\n| --- | --- |\n");
    for token in file["tokens"].as_array().unwrap() {
        let outcome = match token["expect"].as_str().unwrap() {
            "accepted" => "accepted".to_owned(),
            code => format!("refused: `{code}`"),
        };
        writeln!(text, "| {} | {outcome} |", token["says"].as_str().unwrap()).unwrap();
    }
    if !preset.classes().is_empty() {
        let classes: Vec<String> = preset
            .classes()
            .iter()
            .map(|class| {
                let accepted = if class.is_meant { ", accepted" } else { "" };
                format!("`{}` ({}{accepted})", class.name, class.words)
            })
            .collect();
        write!(text, "\nClasses, of which the field `classes` can accept others: {}.\n", classes.join(", "))
            .unwrap();
    }
    write!(text, "\n**What usually goes wrong.** {}\n", preset.mistake()).unwrap();
    let libraries = file.get("libraries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for library in libraries {
        let differences = library["differences"].as_object().unwrap();
        let package = library["package"].as_str().unwrap();
        if differences.is_empty() {
            write!(
                text,
                "\nThe provider's own library, `{package}`, accepts and refuses the same of these tokens.\n"
            )
            .unwrap();
        } else {
            write!(text, "\nThe provider's own library, `{package}`, differs on these tokens:\n\n").unwrap();
        }
        for (token, why) in differences {
            writeln!(text, "- {token}: {}", why.as_str().unwrap()).unwrap();
        }
    }
    for note in file["notes"].as_array().unwrap() {
        write!(text, "\n{}\n", note.as_str().unwrap()).unwrap();
    }
    text
}

/// Replaces what is between `<!-- name -->` and `<!-- end -->` in a page, or compares it.
fn part(path: &str, name: &str, text: &str) {
    let file = root().join(path);
    let page = fs::read_to_string(&file).unwrap();
    let beginning = format!("<!-- {name} -->");
    let (before, rest) = page.split_once(&beginning).unwrap_or_else(|| panic!("{path} has no {beginning}"));
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let made = format!("{before}{beginning}{text}<!-- end -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, made).unwrap();
    } else {
        assert_eq!(page, made, "{path} is out of date: {COMMAND}");
    }
}

#[test]
fn the_pages_have_the_presets_of_the_rows() {
    let sections: Vec<String> = Preset::ALL.iter().copied().map(section).collect();
    part("docs/providers.md", "providers", &format!("\n\n{}\n", sections.join("\n")));

    let rows = Preset::ALL.iter().map(|preset| {
        let algorithms: Vec<&str> = preset.algorithms().iter().map(|algorithm| algorithm.name()).collect();
        let algorithms = match *preset {
            Preset::Oidc | Preset::Keycloak => "all asymmetric algorithms above".to_owned(),
            _ => algorithms.join(", "),
        };
        let place = match preset.place_of_keys().as_str() {
            "discovery" => "discovery".to_owned(),
            place => format!("`{place}`"),
        };
        format!("| `{}` | {place} | {algorithms} |\n", preset.name_of_preset())
    });
    let table = format!(
        "\n| preset | address of the keys | algorithms |\n| --- | --- | --- |\n{}",
        rows.collect::<String>()
    );
    part("docs/configuration.md", "presets", &table);

    let names: Vec<&str> = Preset::ALL.iter().map(|preset| preset.name()).collect();
    part("README.md", "providers", &names.join(", "));
}

#[test]
fn the_types_of_the_package_have_the_names_of_the_presets() {
    let text = include_str!("../../npm/types/configuration.d.ts");
    let (_, rest) = text.split_once("  preset?:").unwrap();
    let (union, _) = rest.split_once(';').unwrap();
    let typed: Vec<&str> = union.split('\'').skip(1).step_by(2).collect();
    let names: Vec<&str> = Preset::NAMES.iter().map(|(name, _)| *name).collect();
    assert_eq!(typed, names);
}

#[test]
fn every_table_of_the_page_is_read_without_a_fault() {
    let page = fs::read_to_string(root().join("docs/providers.md")).unwrap();
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut found = 0;
    for block in blocks.filter(|block| block.contains("vars.ASSAY")) {
        let table: toml::Table = toml::from_str(block).unwrap();
        let assay = serde_json::to_value(&table["vars"]["ASSAY"]).unwrap();
        let world = World::new(&assay);
        assert!(world.app.config.terms.is_ok(), "{block}\n{:#?}", world.app.config.terms.as_ref().err());
        found += 1;
    }
    assert!(found >= Preset::ALL.len(), "{found}");
}
