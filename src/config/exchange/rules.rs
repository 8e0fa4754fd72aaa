//! Reads the rules about the claims of issued tokens: a target's `subject` and `claims`.

use serde_json::Value;

use crate::config::conditions::pointer;
use crate::config::fields::exchange::{CLAIM_MAPPING, ClaimMapping, SUBJECT, Subject, TARGET};
use crate::config::reader::Table;
use crate::config::rows::{Entries, Field, Optional};
use crate::exchange::mapping::{Mapping, RESERVED, Source};
use crate::exchange::policy::SubjectRule;
use crate::trust::tenants::PLACEHOLDER;

/// Reads `subject`. Two issuers may give two users the same `sub`, so a target that accepts several issuers must configure a
/// unique subject.
pub(super) fn subject_rule(table: &Table<'_>, from: &[String], has_directory: bool) -> SubjectRule {
    const FIX: &str = "write \"prefixed\" for `<iss>|<sub>`, or { claim = \"/...\" } with a claim that is unique among all users";
    let several = from.iter().any(|issuer| from.first() != Some(issuer) || issuer.contains(PLACEHOLDER));
    match table.read(&TARGET.subject) {
        None if several => {
            table.fault(
                "subject",
                "is missing, and two of the issuers may give two users the same `sub`",
                FIX,
            );
        }
        None => {}
        Some(Value::String(word)) if word == "own" && !several => {}
        Some(Value::String(word)) if word == "own" => {
            table.fault(
                "subject",
                "is \"own\", but two of the issuers may give two users the same `sub`",
                FIX,
            );
        }
        Some(Value::String(word)) if word == "prefixed" => {
            if let Some(issuer) = from.iter().find(|issuer| issuer.contains('|')) {
                table.fault(
                    "subject",
                    format!("is \"prefixed\", but the issuer \"{issuer}\" contains a `|`"),
                    "write { claim = \"/...\" } with a claim that is unique among all users",
                );
            }
            return SubjectRule::Prefixed;
        }
        Some(Value::Object(_)) => {
            if let Some(rule) = table.inner::<Subject>(&TARGET.subject) {
                let claim = pointer(&rule, SUBJECT.claim.name, rule.read(&SUBJECT.claim), has_directory);
                rule.finish();
                return claim.map_or(SubjectRule::Own, SubjectRule::Claim);
            }
        }
        Some(_) => table.fault("subject", "is not \"own\", \"prefixed\" or a table", FIX),
    }
    SubjectRule::Own
}

/// Reads `claims`. Registered claims, and those in `also_reserved`, cannot be set.
pub(super) fn claim_mappings(
    table: &Table<'_>,
    field: &Field<Optional<Entries<ClaimMapping>>>,
    also_reserved: &[&str],
    has_directory: bool,
) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    for (name, one) in table.read(field).into_iter().flatten() {
        if RESERVED.contains(&name.as_str()) || also_reserved.contains(&name.as_str()) {
            one.fault(
                "",
                "is a claim that only the exchange itself sets",
                "remove it, or choose another name",
            );
        }
        let claim = pointer(&one, CLAIM_MAPPING.claim.name, one.read(&CLAIM_MAPPING.claim), has_directory)
            .map(Source::Claim);
        let value = one.read(&CLAIM_MAPPING.value).cloned().map(Source::Value);
        let optional = one.read(&CLAIM_MAPPING.optional);
        match (claim, value) {
            (Some(source), None) | (None, Some(source)) => mappings.push(Mapping { name, source, optional }),
            (Some(_), Some(_)) => one.fault("", "has both claim and value", "remove one of the two"),
            (None, None) if one.given(&CLAIM_MAPPING.claim).is_none() => {
                one.fault(
                    "",
                    "has neither claim nor value",
                    "write { claim = \"/sub\" } or { value = \"text\" }",
                );
            }
            (None, None) => {}
        }
        one.finish();
    }
    mappings
}
