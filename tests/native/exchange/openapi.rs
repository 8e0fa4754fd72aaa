//! `GET /openapi.json` against what the router really does.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::support::request::FakeRequest;
use crate::support::world::{World, body};

/// Every endpoint of the HTTP contract that this Worker has, with its methods; HEAD goes with GET.
const ENDPOINTS: &[(&str, &[&str])] = &[
    ("/_assay/healthz", &["get"]),
    ("/_assay/readyz", &["get"]),
    ("/_assay/verify", &["get", "post"]),
    ("/_assay/explain", &["post"]),
    ("/_assay/console", &["get", "post"]),
    ("/_assay/token", &["post"]),
    ("/_assay/api", &["post", "put"]),
    ("/_assay/openapi.json", &["get"]),
    ("/.well-known/jwks.json", &["get"]),
    ("/.well-known/oauth-authorization-server", &["get"]),
];

/// What proxies ask, by whatever method.
const FORWARD_AUTH: &[&str] = &["/_assay/forward-auth", "/_assay/auth-request", "/_assay/ext-authz/{path}"];

fn prefixed() -> World {
    let mut config = config();
    config["endpoints"] = json!({ "prefix": "/_assay" });
    world_with(&config, &secrets())
}

#[test]
fn the_document_names_every_endpoint_with_every_method_that_the_router_takes() {
    let world = prefixed();
    let document = body(&world.ask(&FakeRequest::get("/_assay/openapi.json")));
    assert_eq!(document["openapi"], "3.1.0");
    let described: BTreeSet<(String, BTreeSet<String>)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(path, _)| !FORWARD_AUTH.contains(&path.as_str()))
        .map(|(path, operations)| (path.clone(), operations.as_object().unwrap().keys().cloned().collect()))
        .collect();
    assert!(FORWARD_AUTH.iter().all(|path| document["paths"][path]["get"].is_object()));
    let expected = ENDPOINTS.iter().map(|(path, methods)| {
        ((*path).to_owned(), methods.iter().map(|method| (*method).to_owned()).collect())
    });
    assert_eq!(described, expected.collect());
    for (path, methods) in ENDPOINTS {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let status = world.ask(&FakeRequest::new(method.clone(), path)).status();
            let takes = methods.contains(&method.as_str().to_lowercase().as_str());
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
