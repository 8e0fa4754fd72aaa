//! The lines of a project's configuration, and how they are written as TOML and as JSON with comments.

use std::fmt::Write as _;

use serde_json::Value;

/// A line of a table.
#[derive(Clone)]
pub(super) enum Line {
    /// A comment. It has no text from outside.
    Comment(String),
    /// A field.
    Field(&'static str, Value),
    /// A field that is only a comment, because its value is not known.
    Proposed(&'static str, Value),
}

impl Line {
    pub(super) fn comment(text: &str) -> Self {
        Self::Comment(text.to_owned())
    }
}

/// A value as TOML. A basic string of TOML takes every escape that JSON writes; no text has the one character that only TOML
/// refuses, because control characters were refused before.
pub(super) fn toml(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{} = {}", toml_key(name), toml(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn toml_key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(is_bare) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

/// The lines as TOML.
pub(super) fn as_toml(lines: &[Line]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        // Writing to a String cannot fail.
        let _ = match line {
            Line::Comment(comment) => writeln!(text, "# {comment}"),
            Line::Field(name, value) => writeln!(text, "{name} = {}", toml(value)),
            Line::Proposed(name, value) => writeln!(text, "# {name} = {}", toml(value)),
        };
        text
    })
}

/// The lines as members of a JSON object, each with this indent. wrangler accepts comments and a comma behind the last member.
pub(super) fn as_json(lines: &[Line], indent: &str) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = match line {
            Line::Comment(comment) => writeln!(text, "{indent}// {comment}"),
            Line::Field(name, value) => writeln!(text, "{indent}\"{name}\": {},", json(value, indent)),
            Line::Proposed(name, value) => writeln!(text, "{indent}// \"{name}\": {},", json_line(value)),
        };
        text
    })
}

/// A value as JSON: on one line if it is short, otherwise with this indent before all lines but the first.
pub(super) fn json(value: &Value, indent: &str) -> String {
    const ONE_LINE: usize = 100;
    let short = json_line(value);
    if short.len() <= ONE_LINE { short } else { format!("{value:#}").replace('\n', &format!("\n{indent}")) }
}

fn json_line(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(json_line).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), json_line(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
