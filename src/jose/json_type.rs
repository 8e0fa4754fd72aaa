//! The name of a JSON value's type, for messages that say what was found in place of what.

use serde_json::Value;

/// The type of `value` with its article, as in "a number".
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
