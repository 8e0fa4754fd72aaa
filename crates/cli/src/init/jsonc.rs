//! The configuration of a project as JSON with comments: the same as the TOML, block by block.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::parts::{MAIN, PREFIX, blocks, is_coordinator, route};
use super::table::{self, Line};

/// The whole file. `shipped` is the `wrangler.toml` of this repository.
pub(super) fn compose(shipped: &str, name: &str, issuer: &[Line], upstream: Option<&str>) -> String {
    let mut text = "{\n  \"$schema\": \"node_modules/edge-assay/schema/wrangler.json\",\n".to_owned();
    let mut rest = Map::new();
    for block in blocks(shipped) {
        if is_coordinator(block) {
            text.push_str(COORDINATOR);
            continue;
        }
        let mut comments = Vec::new();
        let mut table = String::new();
        let mut members: Vec<Line> = Vec::new();
        for line in block.lines().filter(|line| !line.starts_with("#:")) {
            if let Some(comment) = line.strip_prefix("# ") {
                comments.push(Line::comment(comment));
            } else if table.is_empty() && !line.starts_with('[') {
                members.append(&mut comments);
                members.extend(fields(line));
            } else {
                table.push_str(line);
                table.push('\n');
            }
        }
        let of_table = parsed(&table);
        if let Some(Value::Object(tables)) = of_table.get("vars").and_then(|vars| vars.get("ASSAY")) {
            rest.extend(tables.clone());
            continue;
        }
        text.push('\n');
        text.push_str(&table::as_json(&members, "  "));
        text.push_str(&table::as_json(&comments, "  "));
        for (field, value) in &of_table {
            let _ = writeln!(text, "  {}: {},", json!(field), table::json(value, "  "));
        }
    }
    text = text.replace("  \"name\": \"edge-assay\",\n", &format!("  \"name\": {},\n", json!(name)));
    format!("{text}\n  // docs/configuration.md lists every field.\n{}}}\n", vars(issuer, upstream, &rest))
}

/// The same comment as in the TOML.
const COORDINATOR: &str = r#"
  // Optional: one Durable Object fetches the keys for all isolates. docs/operations/coordinator.md of edge-assay says when it is worth it, and what cannot
  // be undone.
  // "durable_objects": { "bindings": [{ "name": "COORDINATOR", "class_name": "Coordinator" }] },
  // "migrations": [{ "tag": "coordinator", "new_sqlite_classes": ["Coordinator"] }],
"#;

/// The field in one line of TOML, with the values that a project has.
fn fields(line: &str) -> Option<Line> {
    let (field, value) = parsed(line).into_iter().next()?;
    // The names of the shipped file are known; others would need a name that lives as long as the program.
    let name = ["name", "main", "compatibility_date", "compatibility_flags", "preview_urls"];
    let name = name.into_iter().find(|known| *known == field)?;
    Some(Line::Field(name, if name == "main" { json!(MAIN) } else { value }))
}

fn parsed(text: &str) -> Map<String, Value> {
    toml::from_str(text).unwrap_or_default()
}

/// The member `vars`, with these further tables of `ASSAY`.
pub(super) fn vars(issuer: &[Line], upstream: Option<&str>, rest: &Map<String, Value>) -> String {
    let mut text = "  \"vars\": {\n    \"ASSAY\": {\n      \"issuers\": [\n        {\n".to_owned();
    text.push_str(&table::as_json(issuer, "          "));
    text.push_str("        },\n      ],\n");
    if let Some(upstream) = upstream {
        let route: Map<String, Value> =
            route(upstream).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        text.push_str(
            "      // Everything needs a token. The API gets the user in a header that no client can set.\n",
        );
        let _ =
            writeln!(text, "      \"gateway\": {},", table::json(&json!({ "routes": [route] }), "      "));
        text.push_str("      // The Worker's own endpoints, out of the way of the API's paths.\n");
        let _ = writeln!(text, "      \"endpoints\": {{ \"prefix\": \"{PREFIX}\" }},");
    }
    for (name, value) in rest {
        let _ = writeln!(text, "      {}: {},", json!(name), table::json(value, "      "));
    }
    text.push_str("    },\n  },\n");
    text
}
