//! Reads the rules about claims: a target's `subject`, `when` and `claims`, and the conditions of a route and of an issuer.

use serde_json::Value;

use crate::claims::conditions::{Condition, Member, Test};
use crate::claims::facts::Pointer;
use crate::config::fields::exchange::{
    CLAIM_MAPPING, CONDITION, ClaimMapping, Condition as ConditionRows, POINTER_FIX, SUBJECT, Subject, TARGET,
};
use crate::config::reader::Table;
use crate::config::rows::{Entries, Field, List, Optional};
use crate::exchange::mapping::{Mapping, RESERVED, Source};
use crate::exchange::policy::SubjectRule;
use crate::trust::tenants::PLACEHOLDER;

/// The pointer that was read from the field `name`. One into the directory is a fault if there is no directory.
fn pointer(table: &Table<'_>, name: &str, text: Option<String>, has_directory: bool) -> Option<Pointer> {
    let text = text?;
    let Some(pointer) = Pointer::parse(&text) else {
        table.fault(name, format!("\"{text}\" is not a JSON Pointer"), POINTER_FIX);
        return None;
    };
    if pointer.is_directory() && !has_directory {
        table.fault(
            name,
            "points into the directory, but no directory can be used here",
            "write a pointer to a claim of the token; in `exchange`, set exchange.directory to use a directory",
        );
    }
    Some(pointer)
}

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

/// The list of conditions in a field.
pub(in crate::config) fn conditions(
    table: &Table<'_>,
    field: &Field<Optional<List<ConditionRows>>>,
    has_directory: bool,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for one in table.read(field).into_iter().flatten() {
        let about = member(&one, has_directory);
        let tests = tests(&one);
        match (about, tests.as_slice()) {
            (Some(about), [test]) => conditions.push(Condition { about, test: test.clone() }),
            (Some(_), []) => one.fault(
                "",
                "has no test",
                "add one of equals, one_of, contains_all, contains_any, matches, at_least, exists",
            ),
            (Some(_), _) => one.fault("", "has more than one test", "write one table for each test"),
            (None, _) => {}
        }
        one.finish();
    }
    conditions
}

/// The member that a condition is about: a claim, or a member of the JOSE header.
fn member(table: &Table<'_>, has_directory: bool) -> Option<Member> {
    let claim = table.read(&CONDITION.claim);
    let header = table.read(&CONDITION.header);
    match (table.given(&CONDITION.claim).is_some(), table.given(&CONDITION.header).is_some()) {
        (true, true) => {
            table.fault("", "has both claim and header", "write one table for each");
            None
        }
        (false, false) => {
            table.fault(CONDITION.claim.name, "is missing", POINTER_FIX);
            None
        }
        (true, false) => pointer(table, CONDITION.claim.name, claim, has_directory).map(Member::Claim),
        // The header has no record beside it, so a member of it may be called `directory`.
        (false, true) => pointer(table, CONDITION.header.name, header, true).map(Member::Header),
    }
}

fn tests(table: &Table<'_>) -> Vec<Test> {
    let mut tests = Vec::new();
    if let Some(value) = table.read(&CONDITION.equals) {
        tests.push(Test::Equals(value.clone()));
    }
    for (field, make) in [
        (&CONDITION.one_of, Test::OneOf as fn(Vec<Value>) -> Test),
        (&CONDITION.contains_all, Test::ContainsAll),
        (&CONDITION.contains_any, Test::ContainsAny),
    ] {
        match table.read(field) {
            None => {}
            Some(Value::Array(list)) if !list.is_empty() && list.iter().all(is_scalar) => {
                tests.push(make(list.clone()));
            }
            Some(_) => {
                table.fault(
                    field.name,
                    "is not a list of strings, numbers or booleans, or is empty",
                    "write a list, as in [\"a\", \"b\"]",
                );
            }
        }
    }
    tests.extend(table.read(&CONDITION.matches).map(Test::Matches));
    match table.read(&CONDITION.at_least) {
        None => {}
        Some(Value::Number(number)) => tests.push(Test::AtLeast(number.clone())),
        Some(_) => {
            table.fault(CONDITION.at_least.name, "is not a number", "write a number, as in at_least = 18");
        }
    }
    tests.extend(table.read(&CONDITION.exists).map(Test::Exists));
    tests
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

/// Whether a value may be an element of a condition's list.
fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null)
}
