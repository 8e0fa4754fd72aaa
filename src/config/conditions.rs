//! Reads conditions: those of an issuer, a route and a target.

use serde_json::Value;

use super::fields::conditions::{CONDITION, Condition as ConditionRows, POINTER_FIX};
use super::reader::Table;
use super::rows::{Field, List, Optional};
use crate::claims::conditions::{Condition, Member, Test};
use crate::claims::facts::Pointer;

/// The pointer that was read from the field `name`. One into the directory is a fault if there is no directory.
pub(super) fn pointer(
    table: &Table<'_>,
    name: &str,
    text: Option<String>,
    has_directory: bool,
) -> Option<Pointer> {
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

/// The list of conditions in a field.
pub(super) fn conditions(
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

/// Whether a value may be an element of a condition's list.
fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null)
}
