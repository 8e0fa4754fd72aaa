//! The rows of the configuration as data, by the types of their rules.
//!
//! Nothing here is used by the Worker.

use serde_json::{Map, Value, json};

use super::rows::{
    Binding, Boolean, Choice, Defaulted, Entries, Fraction, Inner, List, Optional, Or, Raw, Required, Rows,
    Text, Texts, Whole,
};
use super::shapes::{
    Described, Presence, Shape, Shaped, any, either, extend, in_words, map, one_line, plain,
};
use crate::limits;

impl<K: Shaped> Described for Optional<K> {
    fn presence(&self) -> Presence {
        Presence::Optional
    }

    fn shape(&self) -> Shape {
        self.0.shape()
    }
}

impl<K: Shaped> Described for Required<K> {
    fn presence(&self) -> Presence {
        Presence::Required
    }

    fn shape(&self) -> Shape {
        self.0.shape()
    }
}

impl<K: Shaped + Shown> Described for Or<K> {
    fn presence(&self) -> Presence {
        Presence::Default(self.0.shown(self.1))
    }

    fn shape(&self) -> Shape {
        self.0.shape()
    }
}

/// A default, as data.
pub(super) trait Shown: Defaulted {
    fn shown(&self, constant: Self::Constant) -> Value;
}

impl Shaped for Text {
    fn shape(&self) -> Shape {
        plain(&json!({ "type": "string", "minLength": 1 }), "a string")
    }
}

impl Shown for Text {
    fn shown(&self, constant: &'static str) -> Value {
        json!(constant)
    }
}

impl Shaped for Texts {
    fn shape(&self) -> Shape {
        texts(&json!({}))
    }
}

impl Shown for Texts {
    fn shown(&self, constant: &'static [&'static str]) -> Value {
        json!(constant)
    }
}

impl Shaped for Binding {
    fn shape(&self) -> Shape {
        let longest = limits::MAX_BINDING_NAME_BYTES;
        let schema = json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "maxLength": longest });
        plain(&schema, "the name of a binding")
    }
}

impl Shaped for Boolean {
    fn shape(&self) -> Shape {
        plain(&json!({ "type": "boolean" }), "`true`, `false`")
    }
}

impl Shown for Boolean {
    fn shown(&self, constant: bool) -> Value {
        json!(constant)
    }
}

impl Shaped for Whole {
    fn shape(&self) -> Shape {
        let (low, high) = self.0;
        plain(&json!({ "type": "integer", "minimum": low, "maximum": high }), &format!("{low} to {high}"))
    }
}

impl Shown for Whole {
    fn shown(&self, constant: u64) -> Value {
        json!(constant)
    }
}

impl Shaped for Fraction {
    fn shape(&self) -> Shape {
        plain(&json!({ "type": "number", "minimum": 0, "maximum": 1 }), "0 to 1")
    }
}

impl Shown for Fraction {
    fn shown(&self, constant: f64) -> Value {
        json!(constant)
    }
}

impl<T> Shaped for Choice<T> {
    fn shape(&self) -> Shape {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| *name).collect();
        plain(&json!({ "enum": names }), &in_words(&names))
    }
}

impl<T: Copy + PartialEq> Shown for Choice<T> {
    fn shown(&self, constant: T) -> Value {
        json!(self.0.iter().find(|(_, value)| *value == constant).map(|(name, _)| *name))
    }
}

impl<T: Rows> Shaped for Inner<T> {
    fn shape(&self) -> Shape {
        object::<T>()
    }
}

impl<T: Rows> Shaped for List<T> {
    fn shape(&self) -> Shape {
        let Shape { schema, rows, .. } = object::<T>();
        Shape { rows, ..plain(&json!({ "type": "array", "items": schema }), "a list of tables") }
    }
}

impl<T: Rows> Shaped for Entries<T> {
    fn shape(&self) -> Shape {
        map(object::<T>(), &json!({}))
    }
}

/// The row of such a field has a `shape` of its own.
impl Shaped for Raw {
    fn shape(&self) -> Shape {
        any()
    }
}

/// A list of strings, each with these further rules.
pub(super) fn texts(rules: &Value) -> Shape {
    let mut item = Text.shape().schema;
    let words = match rules.get("enum").and_then(Value::as_array) {
        None => "a list of strings".to_owned(),
        Some(names) => {
            format!("a list of {}", in_words(&names.iter().filter_map(Value::as_str).collect::<Vec<_>>()))
        }
    };
    extend(&mut item, rules.clone());
    plain(&json!({ "type": "array", "minItems": 1, "items": item }), &words)
}

/// One of these words, or an object with the rows `T`.
pub(super) fn word_or_object<T: Rows>(words: &[&str]) -> Shape {
    either(&plain(&json!({ "enum": words }), &in_words(words)), object::<T>())
}

/// A string with these further rules, or an object with the rows `T`.
pub(super) fn text_or_object<T: Rows>(rules: Value) -> Shape {
    let mut text = Text.shape();
    extend(&mut text.schema, rules);
    either(&text, object::<T>())
}

/// `false`, or an object with the rows `T`.
pub(super) fn false_or_object<T: Rows>() -> Shape {
    either(&plain(&json!({ "const": false }), "`false`"), object::<T>())
}

/// An object with the rows `T` and no other members.
pub(super) fn object<T: Rows>() -> Shape {
    let rows = T::described();
    let properties: Map<String, Value> = rows
        .iter()
        .map(|row| {
            let mut schema = row.shape.schema.clone();
            schema.insert("description".to_owned(), json!(row.sentence));
            (row.name.to_owned(), Value::Object(schema))
        })
        .collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("description".to_owned(), json!(one_line(T::ABOUT)));
    schema.insert("properties".to_owned(), Value::Object(properties));
    let required: Vec<&str> = rows.iter().filter(|row| row.is_required).map(|row| row.name).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    extend(&mut schema, T::rules());
    Shape { schema, words: "a table".to_owned(), rows }
}
