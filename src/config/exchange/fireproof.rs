//! Reads `exchange.fireproof`: the Fireproof dashboard's protocol.

use super::rules::claim_mappings;
use crate::claims::facts::Pointer;
use crate::config::fields::exchange::FIREPROOF;
use crate::config::reader::Table;
use crate::config::surroundings::{Surroundings, known_issuer};
use crate::exchange::fireproof::{Fireproof, RESERVED};
use crate::exchange::mapping::{Mapping, Source};
use crate::exchange::memberships;
use crate::trust::tenants::PLACEHOLDER;

/// Reads the table. Reports the faults through it.
pub(super) fn read(table: Table<'_>, around: &Surroundings<'_>, has_directory: bool) -> Fireproof {
    let auth_types = auth_types(&table, around);
    let memberships = table.read(&FIREPROOF.memberships);
    if memberships == memberships::Source::Directory && !has_directory {
        table.fault(
            FIREPROOF.memberships.name,
            "is \"directory\", but exchange.directory is not set",
            "set exchange.directory to the binding of a KV namespace, or write \"personal\"",
        );
    }
    let mut claims = claim_mappings(&table, &FIREPROOF.claims, RESERVED, has_directory);
    let mut issuers = auth_types.iter().flat_map(|(_, issuers)| issuers);
    let first = issuers.next();
    if !claims.iter().any(|claim| claim.name == "userId") {
        let has_tenants = first.is_some_and(|issuer| issuer.contains(PLACEHOLDER));
        if has_tenants || issuers.any(|issuer| Some(issuer) != first) {
            table.fault(
                &format!("{}.userId", FIREPROOF.claims.name),
                "is missing, and two of the issuers may give two users the same `sub`",
                "write { claim = \"/sub\" } if that cannot happen, else { claim = \"/...\" } with a claim that is unique among all users",
            );
        }
        claims.extend(default_claim("userId", "/sub", false));
    }
    if !claims.iter().any(|claim| claim.name == "email") {
        claims.extend(default_claim("email", "/email", true));
    }
    let fireproof = Fireproof {
        auth_types,
        issuer: table.read(&FIREPROOF.issuer),
        audience: table.read(&FIREPROOF.audience),
        ttl_seconds: table.read(&FIREPROOF.ttl_seconds),
        algorithm: table.read(&FIREPROOF.algorithm),
        memberships,
        claims,
    };
    table.finish();
    fireproof
}

fn default_claim(name: &str, pointer: &str, optional: bool) -> Option<Mapping> {
    let pointer = Pointer::parse(pointer)?;
    Some(Mapping { name: name.to_owned(), source: Source::Claim(pointer), optional })
}

fn auth_types(table: &Table<'_>, around: &Surroundings<'_>) -> Vec<(String, Vec<String>)> {
    const FIX: &str = "write a table of lists, as in { clerk = [\"https://clerk.example.com\"] }";
    let Some(value) = table.read(&FIREPROOF.auth_types) else {
        table.fault(FIREPROOF.auth_types.name, "is missing", FIX);
        return Vec::new();
    };
    let Some(members) = value.as_object().filter(|members| !members.is_empty()) else {
        table.fault(FIREPROOF.auth_types.name, "is not a table of lists, or is empty", FIX);
        return Vec::new();
    };
    let mut types = Vec::new();
    for (name, value) in members {
        let path = format!("{}.{name}", FIREPROOF.auth_types.name);
        let issuers: Option<Vec<String>> = value
            .as_array()
            .filter(|list| !list.is_empty())
            .and_then(|list| list.iter().map(|one| one.as_str().map(str::to_owned)).collect());
        let Some(issuers) = issuers else {
            table.fault(&path, "is not a list of issuers, or is empty", FIX);
            continue;
        };
        for (index, issuer) in issuers.iter().enumerate() {
            known_issuer(table, &format!("{path}[{index}]"), issuer, around);
        }
        types.push((name.clone(), issuers));
    }
    types
}
