//! The name of a JSON value's type, for messages about values of the wrong type.

use serde_json::Value;

/// The type of `value` with an article, as in "a number"; "null" for null.
#[must_use]
pub const fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
