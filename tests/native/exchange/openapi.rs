//! Compares `GET /openapi.json` with the router.

use std::collections::{BTreeMap, BTreeSet};

use edge_assay::endpoints::{Place, Row, TABLE};
use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::support::request::FakeRequest;
use crate::support::world::{World, body};

/// The path of a row as it is written in the document.
fn described_as(row: &Row) -> String {
    match row.place {
        Place::At(path) | Place::Beginning(path) => format!("/_assay{path}"),
        Place::Tree(path) => format!("/_assay{path}/{{path}}"),
        Place::WellKnown(path) | Place::WellKnownOfIssuer(path) => path.to_owned(),
    }
}

/// The methods of a row as they are written in the document: HEAD is part of GET, and proxies use any method.
fn operations_of(row: &Row) -> BTreeSet<String> {
    row.methods
        .unwrap_or("GET")
        .split(", ")
        .filter(|method| !matches!(*method, "HEAD" | "OPTIONS"))
        .map(str::to_lowercase)
        .collect()
}

fn prefixed() -> World {
    let mut config = config();
    config["endpoints"] = json!({ "prefix": "/_assay" });
    config["forward_auth"] = json!({ "trusted": true });
    world_with(&config, &secrets())
}

#[test]
fn the_document_names_every_endpoint_with_every_method_that_the_router_takes() {
    let world = prefixed();
    let document = body(&world.ask(&FakeRequest::get("/_assay/openapi.json")));
    assert_eq!(document["openapi"], "3.1.0");
    let described: BTreeMap<String, BTreeSet<String>> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| {
            let operations = item.as_object().unwrap().keys().filter(|name| *name != "parameters").cloned();
            (path.clone(), operations.collect())
        })
        .collect();
    let expected: BTreeMap<String, BTreeSet<String>> =
        TABLE.iter().map(|row| (described_as(row), operations_of(row))).collect();
    assert_eq!(described, expected);
    for row in TABLE {
        let path = described_as(row).replace("{path}", "x");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let status = world.ask(&FakeRequest::new(method.clone(), &path)).status();
            let takes =
                row.methods.is_none_or(|methods| methods.split(", ").any(|one| one == method.as_str()));
            assert_eq!(status != 405, takes, "{method} {path}: {status}");
            assert_ne!(status, 404, "{method} {path}");
        }
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = body(&prefixed().ask(&FakeRequest::get("/_assay/openapi.json")));
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref") {
                    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{pointer}");
                    references += 1;
                }
                open.extend(members.values());
            }
            Value::Array(elements) => open.extend(elements),
            _ => {}
        }
    }
    assert!(references > 4);
    for schemes in
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
    {
        for scheme in schemes["security"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|one| one.as_object().unwrap().keys())
        {
            assert!(document["components"]["securitySchemes"].get(scheme).is_some(), "{scheme}");
        }
    }
}
