//! `GET /openapi.json`: the endpoints for programs (`OpenAPI` 3.1).
//!
//! Paths, methods and conditions come from the table of endpoints, so the document lists exactly what this Worker's
//! configuration enables. Only summaries, parameters and schemas are written by hand: one file per operation in `openapi/`.

use serde_json::Value;

use super::Response;
use crate::endpoints::{Enabled, Endpoint, Place};
use crate::response::HeaderValue;
use crate::response::header::{CACHE_CONTROL, CONTENT_TYPE};

const BEGINNING: &str = concat!(
    r#"{"openapi":"3.1.0","info":{"title":"edge-assay","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","description":"Verifies JWTs, explains refusals and exchanges tokens at the edge. This document lists the endpoints that the configuration of this Worker enables. Every endpoint with GET answers HEAD too.","license":{"name":"Apache-2.0","identifier":"Apache-2.0"}},"paths":{"#
);

/// The methods of an endpoint that answers every method. HEAD is left out everywhere: it has the operation of GET without the
/// content (RFC 9110 §9.3.2).
const ALL_METHODS: &str = "GET, PUT, POST, DELETE, OPTIONS, PATCH, TRACE";

/// The document of the endpoints that are enabled.
#[must_use]
pub fn document(enabled: &Enabled<'_>) -> Response {
    let mut text = BEGINNING.to_owned();
    let mut separator = "";
    for row in enabled.rows() {
        let methods = row.methods.unwrap_or(ALL_METHODS).split(", ").filter(|method| *method != "HEAD");
        let operations: Vec<String> = methods
            .map(|method| {
                let name = method.to_ascii_lowercase();
                ["\"", &name, "\":", operation(row.endpoint, method).trim_ascii_end()].concat()
            })
            .collect();
        let operations = operations.join(",");
        for (path, parameters) in paths(row.place, enabled) {
            let path = Value::from(path).to_string();
            text.push_str(&[separator, &path, ":{", parameters, &operations, "}"].concat());
            separator = ",";
        }
    }
    text.push_str("},\"components\":");
    text.push_str(include_str!("openapi/components.json").trim_ascii_end());
    text.push('}');
    let mut response = Response::new(text.into_bytes());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The paths of an endpoint as templates, each with the `parameters` member that it needs.
fn paths(place: Place, enabled: &Enabled<'_>) -> Vec<(String, &'static str)> {
    const REST: &str =
        r#""parameters":[{"name":"rest","in":"path","required":true,"schema":{"type":"string"}}],"#;
    let path = place.path();
    let below = || [enabled.prefix, path].concat();
    match place {
        Place::At(_) => vec![(below(), "")],
        Place::Beginning(_) => vec![(below(), ""), (below() + "{rest}", REST)],
        Place::Tree(_) => vec![(below(), ""), (below() + "/{rest}", REST)],
        Place::WellKnown(_) => vec![(path.to_owned(), "")],
        Place::WellKnownOfIssuer(_) => {
            let of_issuer = enabled.issuer_path.filter(|issuer| !issuer.is_empty());
            let paths = [Some(path.to_owned()), of_issuer.map(|issuer| [path, issuer].concat())];
            paths.into_iter().flatten().map(|path| (path, "")).collect()
        }
    }
}

/// The operation object of an endpoint for this method.
fn operation(endpoint: Endpoint, method: &str) -> &'static str {
    match endpoint {
        Endpoint::Health => include_str!("openapi/health.json"),
        Endpoint::Readiness => include_str!("openapi/readiness.json"),
        Endpoint::Keys => include_str!("openapi/purge.json"),
        Endpoint::Verify => include_str!("openapi/verify.json"),
        Endpoint::Explain => include_str!("openapi/explain.json"),
        Endpoint::Console if method == "POST" => include_str!("openapi/console_report.json"),
        Endpoint::Console => include_str!("openapi/console.json"),
        Endpoint::Description => include_str!("openapi/description.json"),
        Endpoint::Token => include_str!("openapi/token.json"),
        Endpoint::FireproofApi if method == "OPTIONS" => include_str!("openapi/fireproof_preflight.json"),
        Endpoint::FireproofApi => include_str!("openapi/fireproof.json"),
        Endpoint::KeySet => include_str!("openapi/key_set.json"),
        Endpoint::ServerMetadata => include_str!("openapi/server_metadata.json"),
        Endpoint::ForwardAuth => include_str!("openapi/forward_auth.json"),
        Endpoint::AuthRequest => include_str!("openapi/auth_request.json"),
        Endpoint::ExtAuthz => include_str!("openapi/ext_authz.json"),
    }
}
