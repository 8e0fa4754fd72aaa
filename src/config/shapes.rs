//! A field of the configuration as data: what it is for, and which values it may have. The JSON Schema and the documentation are made from this.

use serde_json::{Map, Value, json};

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

/// The values of a type, as data.
pub(super) trait Shaped {
    fn shape(&self) -> Shape;
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

/// An object whose names the operator chooses, with such values and these further rules.
pub(super) fn map(of: Shape, rules: &Value) -> Shape {
    let mut schema = plain(&json!({ "type": "object", "additionalProperties": of.schema }), "").schema;
    extend(&mut schema, rules.clone());
    Shape { schema, words: format!("a table; each value: {}", of.words), rows: of.rows }
}

pub(super) fn either(one: &Shape, object: Shape) -> Shape {
    let words = format!("{}, or {}", one.words, object.words);
    Shape { words, rows: object.rows, ..plain(&json!({ "anyOf": [one.schema, object.schema] }), "") }
}

/// Adds members. Members of objects that are in both are added to the former.
pub(super) fn extend(schema: &mut Map<String, Value>, rules: Value) {
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
pub(super) fn one_line(comment: &str) -> String {
    comment.trim().to_owned()
}

/// A value as it is written in TOML, in Markdown.
pub(super) fn in_toml(value: &Value) -> String {
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
pub(super) fn in_words(names: &[&str]) -> String {
    names.iter().map(|name| format!("`\"{name}\"`")).collect::<Vec<_>>().join(", ")
}
