//! What the tables of the configuration refer to: the issuers, and how a list of them or of scopes is read.

use std::sync::Arc;

use super::reader::{Faults, Table};
use super::rows::{Field, Optional, Texts};
use crate::trust::issuer::{TrustedIssuer, TrustedIssuers};

/// The parts of the configuration that the tables refer to.
pub(super) struct Surroundings<'s> {
    pub(super) issuers: &'s TrustedIssuers,
    pub(super) leeway_seconds: u64,
    pub(super) prefix: &'s str,
    pub(super) faults: &'s Faults,
}

/// Reports a fault at `path` if the configuration does not have this issuer.
pub(super) fn known_issuer(table: &Table<'_>, path: &str, issuer: &str, around: &Surroundings<'_>) {
    if !around.issuers.has_name(issuer) {
        let is_near = |known: &&Arc<TrustedIssuer>| {
            known.issuer.trim_end_matches('/').eq_ignore_ascii_case(issuer.trim_end_matches('/'))
        };
        // The search looks at every issuer, so it ends with the faults that are shown.
        let mut candidates = around.issuers.iter().filter(|_| !around.faults.are_complete());
        let fix = match candidates.find(is_near) {
            Some(near) => format!("write \"{}\"", near.issuer),
            None if around.issuers.spelt(issuer).is_some() => {
                "write the `issuer` of the table that has it in `also_known_as`".to_owned()
            }
            None => "add an [[vars.ASSAY.issuers]] table for it, or remove it".to_owned(),
        };
        table.fault(path, format!("\"{issuer}\" is not the `issuer` of any table in `issuers`"), fix);
    }
}

/// A list of scopes (RFC 6749 §3.3).
pub(super) fn scopes(table: &Table<'_>, field: &Field<Optional<Texts>>) -> Vec<String> {
    let scopes = table.read(field).unwrap_or_default();
    for (index, scope) in scopes.iter().enumerate() {
        if !scope.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            table.fault(
                &format!("{}[{index}]", field.name),
                format!("\"{scope}\" is not a scope"),
                "write printable ASCII without spaces, \" and \\; write several scopes as several elements of the list",
            );
        }
    }
    scopes
}
