//! `GET /openapi.json` against what the router does.

use std::collections::{BTreeMap, BTreeSet};

use edge_assay::endpoints::{Enabled, Endpoint, Needs, TABLE};
use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::support::request::FakeRequest;
use crate::support::world::{World, body};

/// The configuration that enables every endpoint, as the table of endpoints sees it.
const ALL: Enabled<'_> =
    Enabled { prefix: "/_assay", issuer_path: Some("/tenant"), has_fireproof: true, has_forward_auth: true };

fn everything() -> World {
    let mut config = config();
    config["endpoints"] = json!({ "prefix": "/_assay" });
    config["exchange"]["issuer"] = json!(format!("{US}/tenant"));
    config["forward_auth"] = json!({ "trusted": true });
    world_with(&config, &secrets())
}

/// The methods that the document of `world` has for each path, in upper case.
fn described(world: &World, document: &str) -> BTreeMap<String, BTreeSet<String>> {
    let document = body(&world.ask(&FakeRequest::get(document)));
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .map(|(path, item)| {
            let operations = item.as_object().unwrap().keys().filter(|name| *name != "parameters");
            (path.clone(), operations.map(|method| method.to_uppercase()).collect())
        })
        .collect()
}

#[test]
fn the_document_names_every_endpoint_with_every_method_that_the_router_takes() {
    let world = everything();
    let mut endpoints = Vec::new();
    for (template, described) in described(&world, "/_assay/openapi.json") {
        let path = template.replace("{rest}", "x");
        let (row, _) = ALL.find(&path).unwrap_or_else(|| panic!("no endpoint is at {path}"));
        endpoints.push(row.endpoint);
        for method in ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
            let status = world.ask(&FakeRequest::new(method.parse().unwrap(), &path)).status();
            assert_eq!(status != 405, described.contains(method), "{method} {path}: {status}");
            assert_ne!(status, 404, "{method} {path}");
        }
        let head = world.ask(&FakeRequest::new(Method::HEAD, &path)).status();
        assert_eq!(head != 405, described.contains("GET"), "HEAD {path}: {head}");
    }
    for row in TABLE {
        assert!(endpoints.contains(&row.endpoint), "{:?}", row.endpoint);
    }
    let paths = |endpoint| endpoints.iter().filter(|one| **one == endpoint).count();
    // `/api` and what follows it, `/ext-authz` and the paths below it, and the path of the issuer (RFC 8414 §3.1).
    for endpoint in [Endpoint::FireproofApi, Endpoint::ExtAuthz, Endpoint::ServerMetadata] {
        assert_eq!(paths(endpoint), 2, "{endpoint:?}");
    }
}

#[test]
fn the_document_leaves_out_what_is_not_configured() {
    let bare = World::new(&json!({ "issuers": [issuer(CLERK, &json!({}))] }));
    let expected: BTreeSet<&str> =
        TABLE.iter().filter(|row| row.needs == Needs::Nothing).map(|row| row.place.path()).collect();
    assert_eq!(
        described(&bare, "/openapi.json").keys().map(String::as_str).collect::<BTreeSet<_>>(),
        expected
    );

    let mut config = config();
    config["exchange"].as_object_mut().unwrap().remove("fireproof");
    let exchange = described(&world_with(&config, &secrets()), "/openapi.json");
    assert!(exchange.contains_key("/token") && exchange.contains_key("/.well-known/jwks.json"));
    assert!(!exchange.keys().any(|path| path.starts_with("/api") || path.contains("auth-request")));
}

#[test]
fn the_document_has_the_version_and_responses_for_every_operation() {
    let document = body(&everything().ask(&FakeRequest::get("/_assay/openapi.json")));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let items = document["paths"].as_object().unwrap().values();
    for operation in
        items.flat_map(|item| item.as_object().unwrap()).filter(|(name, _)| *name != "parameters")
    {
        let (_, operation) = operation;
        assert!(operation["summary"].is_string(), "{operation}");
        let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
        assert!(statuses.iter().any(|status| *status == "200"), "{operation}");
        assert!(!statuses.iter().any(|status| *status == "default"), "every status is listed: {operation}");
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = body(&everything().ask(&FakeRequest::get("/_assay/openapi.json")));
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
