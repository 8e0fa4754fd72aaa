//! Reads a route's `headers`: which claims the upstream gets, and in which headers.

use serde_json::Value;

use crate::claims::facts::Pointer;
use crate::config::fields::gateway::{HEADER_SOURCE, ROUTE};
use crate::config::header_name::is_header_name;
use crate::config::reader::Table;
use crate::gateway::headers::{IdentityHeader, is_reserved};

pub(super) fn identity_headers(table: &Table<'_>) -> Vec<IdentityHeader> {
    const FIX: &str = "write a table of JSON Pointers, for example { \"x-user-id\" = \"/sub\" } or { \"x-user-id\" = { claim = \"/sub\", required = true } }";
    let Some(value) = table.read(&ROUTE.headers) else { return Vec::new() };
    let Some(members) = value.as_object() else {
        table.fault(ROUTE.headers.name, "is not a table", FIX);
        return Vec::new();
    };
    let mut headers: Vec<IdentityHeader> = Vec::new();
    for (given, claim) in members {
        let name = given.to_ascii_lowercase();
        let path = format!("{}.{}", ROUTE.headers.name, crate::rejection::excerpt(given));
        if !is_header_name(&name) {
            table.fault(
                &path,
                "is not a name that all servers read in the same way",
                "write letters, digits and -, for example \"x-user-id\"",
            );
            continue;
        }
        if is_reserved(&name) {
            table.fault(&path, "has another meaning", "choose another name, for example \"x-user-id\"");
            continue;
        }
        if headers.iter().any(|header| header.name == name) {
            table.fault(&path, "occurs twice; case makes no difference", "remove one of the two");
            continue;
        }
        let Some((claim, is_required)) = source(table, &path, claim) else { continue };
        match claim.and_then(Pointer::parse) {
            Some(claim) if claim.is_directory() => {
                table.fault(
                    &path,
                    "points into the directory, which is not asked at each request",
                    "write a pointer into the token, or exchange the token for your own",
                );
            }
            Some(claim) => headers.push(IdentityHeader { name, claim, is_required }),
            None => {
                table.fault(&path, "is not a JSON Pointer", "write one (RFC 6901), for example \"/email\"");
            }
        }
    }
    headers
}

/// The pointer of a header, and whether a value is required: `"/sub"`, or `{ claim = "/sub", required = true }`. `None` if a
/// fault was reported.
fn source<'v>(table: &Table<'_>, path: &str, value: &'v Value) -> Option<(Option<&'v str>, bool)> {
    let Some(members) = value.as_object() else { return Some((value.as_str(), false)) };
    if let Some(name) =
        members.keys().find(|&name| name != HEADER_SOURCE.claim.name && name != HEADER_SOURCE.required.name)
    {
        let path = format!("{path}.{}", crate::rejection::excerpt(name));
        table.fault(&path, "is not a known field", "known here: claim, required");
        return None;
    }
    let required = match members.get(HEADER_SOURCE.required.name) {
        None => Some(false),
        Some(given) => given.as_bool(),
    };
    if required.is_none() {
        table.fault(
            &format!("{path}.{}", HEADER_SOURCE.required.name),
            "is not a boolean",
            "write true or false",
        );
    }
    required.map(|required| (members.get(HEADER_SOURCE.claim.name).and_then(Value::as_str), required))
}
