//! What is made from the rows of the configuration: its JSON Schema (draft 2020-12), and the tables of its documentation.
//!
//! Nothing here is used by the Worker. The schema has no `$ref`, because editors for TOML do not follow every form of it.

use serde_json::{Map, Value, json};

use super::fields::Configuration;
use super::rows::{
    Binding, Boolean, Choice, Defaulted, Entries, Fraction, Inner, List, Optional, Or, Raw, Required, Rows,
    Text, Texts, Whole,
};
use crate::limits;

/// A JSON Pointer to a claim (RFC 6901).
pub(super) const POINTER: &str = "^/([^~]|~[01])+$";
/// A scope (RFC 6749 §3.3).
pub(super) const SCOPE: &str = r"^[!#-\[\]-~]+$";
/// An origin as browsers send it (RFC 6454 §6.2), or `*` for all.
pub(super) const ORIGIN: &str = r"^(\*|https?://[a-z0-9.:\[\]-]+)$";

/// A field of the configuration, as data.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What it is for: one or more sentences of plain English, in Markdown.
    pub sentence: String,
    /// Where the documentation says more: a sentence with a link.
    pub more: &'static str,
    /// The default as the documentation shows it, in Markdown, or that there is none.
    pub default: String,
    /// Whether it must be present.
    pub is_required: bool,
    /// The values that it may have.
    pub shape: Shape,
}

/// The values that a field may have.
pub struct Shape {
    /// As a JSON Schema.
    pub schema: Map<String, Value>,
    /// In words, in Markdown.
    pub words: String,
    /// The rows of the object in it, if there is one: it is the value, or an element of the list or of the table that is the value.
    pub rows: Vec<Row>,
}

impl Row {
    pub(super) fn new<R: Described>(name: &'static str, sentence: &str, rule: &R) -> Self {
        let mut shape = rule.shape();
        let (is_required, default) = match rule.presence() {
            Presence::Required => (true, "required".to_owned()),
            Presence::Optional => (false, "none".to_owned()),
            Presence::Default(value) => {
                let shown = in_toml(&value);
                shape.schema.insert("default".to_owned(), value);
                (false, shown)
            }
        };
        Self { name, sentence: one_line(sentence), more: "", default, is_required, shape }
    }

    /// The reader itself reports it if it is missing.
    pub(super) fn required(mut self) -> Self {
        self.is_required = true;
        self.absent("required")
    }

    /// What holds if it is left out, for a field without a constant default.
    pub(super) fn absent(mut self, words: &str) -> Self {
        words.clone_into(&mut self.default);
        self
    }

    /// A sentence for the documentation alone.
    pub(super) const fn see(mut self, more: &'static str) -> Self {
        self.more = more;
        self
    }

    /// The values, for a field whose form the reader checks itself.
    pub(super) fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// Further rules of the schema.
    pub(super) fn with(mut self, rules: Value) -> Self {
        extend(&mut self.shape.schema, rules);
        self
    }

    /// The list must not be empty, and must be present.
    pub(super) fn at_least_one(self) -> Self {
        self.required().with(json!({ "minItems": 1 }))
    }

    /// The names that must not be used.
    pub(super) fn except(self, names: &[&str]) -> Self {
        self.with(json!({ "propertyNames": { "not": { "enum": names } } }))
    }
}

/// Whether a field must be present, and what it has if it is not.
pub(super) enum Presence {
    Required,
    Optional,
    Default(Value),
}

/// A rule as data.
pub(super) trait Described {
    fn presence(&self) -> Presence;
    fn shape(&self) -> Shape;
}

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

/// The values of a type, as data.
pub(super) trait Shaped {
    fn shape(&self) -> Shape;
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

/// A shape without an object.
pub(super) fn plain(schema: &Value, words: &str) -> Shape {
    Shape {
        schema: schema.as_object().cloned().unwrap_or_default(),
        words: words.to_owned(),
        rows: Vec::new(),
    }
}

/// Every value.
pub(super) fn any() -> Shape {
    plain(&json!({}), "any value")
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

/// A list of strings, numbers and booleans.
pub(super) fn scalars() -> Shape {
    let schema =
        json!({ "type": "array", "minItems": 1, "items": { "type": ["string", "number", "boolean"] } });
    plain(&schema, "a list of strings, numbers or booleans")
}

/// A JSON Pointer.
pub(super) fn pointer() -> Shape {
    plain(&json!({ "type": "string", "pattern": POINTER }), "a string")
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

/// An object whose names the operator chooses, with such values and these further rules.
pub(super) fn map(of: Shape, rules: &Value) -> Shape {
    let mut schema = plain(&json!({ "type": "object", "additionalProperties": of.schema }), "").schema;
    extend(&mut schema, rules.clone());
    Shape { schema, words: format!("a table; each value: {}", of.words), rows: of.rows }
}

fn either(one: &Shape, object: Shape) -> Shape {
    let words = format!("{}, or {}", one.words, object.words);
    Shape { words, rows: object.rows, ..plain(&json!({ "anyOf": [one.schema, object.schema] }), "") }
}

/// An object with the rows `T` and no other members.
fn object<T: Rows>() -> Shape {
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

/// Adds members. Members of objects that are in both are added to the former.
fn extend(schema: &mut Map<String, Value>, rules: Value) {
    let Value::Object(rules) = rules else { return };
    for (name, rule) in rules {
        match (schema.get_mut(&name), rule) {
            (Some(Value::Object(known)), rule @ Value::Object(_)) => extend(known, rule),
            (_, rule) => {
                schema.insert(name, rule);
            }
        }
    }
}

/// The lines of a doc comment as one line. Each begins with a space.
fn one_line(comment: &str) -> String {
    comment.trim().to_owned()
}

/// A value as it is written in TOML, in Markdown.
fn in_toml(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(Value::to_string).collect();
            format!("`[{}]`", list.join(", "))
        }
        Value::Number(number) if number.as_f64() == Some(0.0) => "`0`".to_owned(),
        one => format!("`{one}`"),
    }
}

/// Strings as they are written in TOML, in Markdown.
fn in_words(names: &[&str]) -> String {
    names.iter().map(|name| format!("`\"{name}\"`")).collect::<Vec<_>>().join(", ")
}
