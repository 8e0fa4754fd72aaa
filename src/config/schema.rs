//! What is made from the rows of the configuration: its JSON Schema (draft 2020-12), and the tables of its documentation.
//!
//! Nothing here is used by the Worker. The schema has no `$ref`, because editors for TOML do not follow every form of it.

use serde_json::Value;

use super::described::object;
use super::fields::Configuration;
use super::rows::Rows as _;
pub use super::shapes::{Row, Shape};

/// The fields of the configuration, from its root.
#[must_use]
pub fn rows() -> Vec<Row> {
    Configuration::described()
}

/// The JSON Schema of the configuration. Rules between fields that only the Worker checks are not part of it.
#[must_use]
pub fn schema() -> Value {
    Value::Object(object::<Configuration>().schema)
}
