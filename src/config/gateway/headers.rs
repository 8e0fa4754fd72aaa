//! A route's `headers`: which claims an upstream is told, and by which names.

use crate::config::reader::Table;
use crate::exchange::facts::Pointer;
use crate::gateway::headers::{IdentityHeader, is_reserved};

pub(super) fn identity_headers(table: &mut Table<'_>) -> Vec<IdentityHeader> {
    const FIX: &str = "write a table of JSON Pointers, as in { \"x-user-id\" = \"/sub\" }";
    let Some(value) = table.value("headers") else { return Vec::new() };
    let Some(members) = value.as_object() else {
        table.fault("headers", "is not a table", FIX);
        return Vec::new();
    };
    let mut headers: Vec<IdentityHeader> = Vec::new();
    for (given, claim) in members {
        let name = given.to_ascii_lowercase();
        let path = format!("headers.{}", crate::rejection::excerpt(given));
        if !is_header_name(&name) {
            table.fault(
                &path,
                "is not a name that every server reads alike",
                "write letters, digits and -, as in \"x-user-id\"",
            );
            continue;
        }
        if is_reserved(&name) {
            table.fault(&path, "has a meaning of its own", "choose another name, as in \"x-user-id\"");
            continue;
        }
        if headers.iter().any(|header| header.name == name) {
            table.fault(&path, "is there twice, and case makes no difference", "remove one of the two");
            continue;
        }
        match claim.as_str().and_then(Pointer::parse) {
            Some(claim) if claim.is_directory() => {
                table.fault(
                    &path,
                    "points into the directory, which is not asked at each request",
                    "write a pointer into the token, or exchange it for one of your own",
                );
            }
            Some(claim) => headers.push(IdentityHeader { name, claim }),
            None => table.fault(&path, "is not a JSON Pointer", "write one (RFC 6901), as in \"/email\""),
        }
    }
    headers
}

/// Whether every server reads the name, which is in lower case, as the same.
pub(super) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
