//! What is made from the rows of the configuration: the JSON Schemas of the npm package, and the tables of the documentation. With `UPDATE_DOCS=1`
//! in the environment the tests write the files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use edge_assay::config::schema::{Row, rows, schema};
use serde_json::{Value, json};

use super::{root, with_issuer};
use crate::support::schema::violation;

const COMMAND: &str = "UPDATE_DOCS=1 cargo test --locked --test native schema";

/// The pages with tables of fields.
const PAGES: [&str; 5] = [
    "docs/configuration.md",
    "docs/credentials.md",
    "docs/gateway.md",
    "docs/forward-auth.md",
    "docs/exchange.md",
];

/// `text` without ES512, which the Worker does not have.
fn of_the_worker(text: &str) -> String {
    let is_of_the_worker = |line: &&str| line.trim() != "\"ES512\",";
    let lines: Vec<&str> = text.split('\n').filter(is_of_the_worker).collect();
    lines.join("\n").replace("`\"ES512\"`, ", "")
}

/// Compares a file with what it should be, or writes it.
fn made(path: &str, text: &str) {
    let text = of_the_worker(text);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    } else {
        assert!(
            fs::read_to_string(&file).is_ok_and(|found| found == text),
            "{path} is out of date: {COMMAND}"
        );
    }
}

/// A JSON document with the members of `head` and those of `rest`.
fn document(head: &Value, rest: &Value) -> String {
    let mut members = head.as_object().unwrap().clone();
    members.insert(
        "$comment".to_owned(),
        json!(format!("Made from src/config/fields by `{COMMAND}`. Do not edit it.")),
    );
    members.extend(rest.as_object().unwrap().clone());
    format!("{}\n", serde_json::to_string_pretty(&members).unwrap())
}

/// The schema of wrangler's configuration as far as it concerns `ASSAY`. It has no reference to another file, because Taplo, which completes
/// wrangler.toml, follows none that is relative.
fn of_wrangler() -> Value {
    let vars = json!({ "type": "object", "properties": { "ASSAY": { "$ref": "#/definitions/ASSAY" } } });
    json!({
        "type": "object",
        "properties": {
            "vars": vars,
            "env": { "type": "object", "additionalProperties": { "type": "object", "properties": { "vars": vars } } },
        },
        "definitions": { "ASSAY": schema() },
    })
}

#[test]
fn the_schemas_of_the_package_are_those_of_the_rows() {
    let assay = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "The variable ASSAY of edge-assay" });
    made("npm/schema/assay.json", &document(&assay, &schema()));
    // Editors know this draft best, and wrangler's own schema has it. The schema above uses nothing that it lacks.
    let title = "A configuration of wrangler with the variable ASSAY of edge-assay";
    let wrangler = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "title": title });
    made("npm/schema/wrangler-toml.json", &document(&wrangler, &of_wrangler()));
    let both = json!({
        "allowTrailingCommas": true,
        "allOf": [{ "$ref": "../../wrangler/config-schema.json" }, { "$ref": "wrangler-toml.json" }],
    });
    made("npm/schema/wrangler.json", &document(&wrangler, &both));
}

/// The rows of the object at `path`, as in `gateway.routes`.
fn rows_at(path: &str) -> Vec<Row> {
    path.split('.').fold(rows(), |rows, name| {
        rows.into_iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no field {path}")).shape.rows
    })
}

/// The objects of a page's tables: the words of each `<!-- fields: … -->`.
fn objects(page: &str) -> Vec<Vec<String>> {
    let markers = page.split("<!-- fields: ").skip(1).filter_map(|rest| rest.split_once(" -->"));
    markers.map(|(names, _)| names.split(' ').map(str::to_owned).collect()).collect()
}

/// Adds the lines of the object's fields, and of the objects in them that have no table of their own. `shown` is the name of the object in this
/// table, with a dot at its end, or empty.
fn lines(
    rows: Vec<Row>,
    path: &str,
    shown: &str,
    apart: &BTreeSet<String>,
    table: &mut String,
    found: &mut BTreeSet<String>,
) {
    for row in rows {
        let path = if path.is_empty() { row.name.to_owned() } else { format!("{path}.{}", row.name) };
        let name = format!("{shown}{}", row.name);
        let cell = |text: &str| text.replace('|', "\\|");
        let sentence = format!("{} {}", row.sentence, row.more);
        writeln!(
            table,
            "| `{name}` | {} | {} | {} |",
            cell(&row.shape.words),
            cell(&row.default),
            cell(sentence.trim())
        )
        .unwrap();
        found.insert(path.clone());
        if !apart.contains(&path) {
            lines(row.shape.rows, &path, &format!("{name}."), apart, table, found);
        }
    }
}

#[test]
fn the_tables_of_the_documentation_are_those_of_the_rows_of_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = PAGES.map(|path| (path, fs::read_to_string(root.join(path)).unwrap()));
    let apart: BTreeSet<String> = pages.iter().flat_map(|(_, page)| objects(page)).flatten().collect();
    let mut found = BTreeSet::new();
    for (path, page) in &pages {
        let mut written = String::new();
        let mut rest = page.as_str();
        while let Some((before, after)) = rest.split_once("<!-- fields: ") {
            let (names, after) = after.split_once(" -->").unwrap();
            let (_, after) = after.split_once("<!-- end -->").unwrap();
            let mut table = "| field | values | default | |\n| --- | --- | --- | --- |\n".to_owned();
            let several = names.contains(' ');
            for name in names.split(' ') {
                let shown = if several { format!("{name}.") } else { String::new() };
                lines(rows_at(name), name, &shown, &apart, &mut table, &mut found);
            }
            write!(written, "{before}<!-- fields: {names} -->\n{table}<!-- end -->").unwrap();
            rest = after;
        }
        written.push_str(rest);
        made(path, &written);
    }
    let mut all = BTreeSet::new();
    lines(rows(), "", "", &BTreeSet::new(), &mut String::new(), &mut all);
    // The fields of the root are described by the tables of their objects.
    let missing: Vec<&String> = all.difference(&found).filter(|path| path.contains('.')).collect();
    assert!(missing.is_empty(), "no table has {missing:?}");
    assert!(all.len() > 90, "only {} fields were found", all.len());
}

#[test]
fn the_schema_knows_the_default_the_range_and_the_names_of_a_field() {
    let found = schema();
    let verify = &found["properties"]["verify"]["properties"];
    assert_eq!(verify["leeway_seconds"]["default"], 5);
    assert_eq!(
        (&verify["leeway_seconds"]["minimum"], &verify["leeway_seconds"]["maximum"]),
        (&json!(0), &json!(300))
    );
    assert_eq!(verify["engine"]["enum"], json!(["rust", "webcrypto", "both"]));
    let issuer = &found["properties"]["issuers"]["items"];
    assert_eq!(issuer["required"], json!(["issuer", "audience"]));
    assert!(issuer["properties"]["preset"]["enum"].as_array().unwrap().contains(&json!("better-auth")));
}

#[test]
fn the_schema_refuses_an_unknown_field_in_every_object() {
    assert_eq!(violation(&root(&json!({}))), None);
    for config in [
        root(&json!({ "surplus": 1 })),
        root(&json!({ "verify": { "surplus": 1 } })),
        root(&json!({ "verify": { "cross_check": { "surplus": 1 } } })),
        with_issuer(&json!({ "surplus": 1 })),
        with_issuer(&json!({ "audience": { "any_of": ["a"], "surplus": 1 } })),
        root(
            &json!({ "gateway": { "routes": [{ "path": "/", "upstream": "https://a.example", "surplus": 1 }] } }),
        ),
    ] {
        assert!(violation(&config).is_some(), "{config}");
    }
}
