//! Reads a JSON object member by member and collects every fault on the way, so that all are reported at once.
//!
//! It knows types and ranges, and nothing of what the members mean. A faulty member reads as absent, so that reading
//! goes on; whoever asked must look at the faults before using what was read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

/// One thing wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ConfigFault {
    /// Where, as in `issuers[1].audience`.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}; {}", self.path, self.problem, self.fix)
    }
}

/// Where faults are collected while a document is read.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<ConfigFault>>);

impl Faults {
    pub(crate) fn add(&self, path: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) {
        let fault = ConfigFault { path: path.into(), problem: problem.into(), fix: fix.into() };
        self.0.borrow_mut().push(fault);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(crate) fn into_inner(self) -> Vec<ConfigFault> {
        self.0.into_inner()
    }
}

/// One JSON object being read. Members that nobody asked for are faults when it is finished.
pub(crate) struct Table<'d> {
    path: String,
    members: Option<&'d Map<String, Value>>,
    asked: BTreeSet<&'static str>,
    faults: &'d Faults,
}

impl<'d> Table<'d> {
    /// Reads `value`, which stands at `path`, as an object; an empty one in its place when it is none.
    pub(crate) fn new(path: String, value: &'d Value, faults: &'d Faults) -> Self {
        let members = value.as_object();
        if members.is_none() {
            let shown = if path.is_empty() { super::BINDING } else { &path };
            faults.add(shown, format!("is {}", kind_of(value)), "write a table");
        }
        Self { path, members, asked: BTreeSet::new(), faults }
    }

    /// The path of a member, for faults found outside; of the table itself for an empty name.
    pub(crate) fn path_of(&self, name: &str) -> String {
        match (self.path.as_str(), name) {
            ("", name) => name.to_owned(),
            (path, "") => path.to_owned(),
            (path, name) => format!("{path}.{name}"),
        }
    }

    /// Reports a fault at the member `name`.
    pub(crate) fn fault(&self, name: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.faults.add(self.path_of(name), problem, fix);
    }

    pub(crate) fn value(&mut self, name: &'static str) -> Option<&'d Value> {
        self.asked.insert(name);
        self.members?.get(name)
    }

    fn typed<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl Fn(&'d Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(name)?;
        let read = read(value);
        if read.is_none() {
            self.fault(name, format!("is {}", kind_of(value)), format!("write {expected}"));
        }
        read
    }

    /// A string that is not empty.
    pub(crate) fn string(&mut self, name: &'static str) -> Option<String> {
        self.typed(name, "a string that is not empty", |value| {
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        })
    }

    /// The name of a Worker secret or of a KV namespace. What does not look like a name may be a secret itself, so it is
    /// not repeated.
    pub(crate) fn binding(&mut self, name: &'static str) -> Option<String> {
        let binding = self.string(name)?;
        let is_name = binding.len() <= crate::limits::MAX_BINDING_NAME_BYTES
            && !binding.starts_with(|c: char| c.is_ascii_digit())
            && binding.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_name {
            return Some(binding);
        }
        self.fault(
            name,
            "is not the name of a binding",
            "write a name of letters, digits and _; a secret itself is set with `npx wrangler secret put`",
        );
        None
    }

    /// A list of at least one string, none of them empty.
    pub(crate) fn strings(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.typed(name, "a list of strings, none of them empty, at least one", |value| {
            let list = value.as_array().filter(|list| !list.is_empty())?;
            list.iter().map(|one| one.as_str().filter(|text| !text.is_empty()).map(str::to_owned)).collect()
        })
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// A whole number within `range`, both ends included.
    pub(crate) fn integer(&mut self, name: &'static str, range: (u64, u64)) -> Option<u64> {
        let (low, high) = range;
        let number = self.typed(name, &format!("a whole number from {low} to {high}"), Value::as_u64)?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        self.fault(name, format!("is {number}"), format!("write a whole number from {low} to {high}"));
        None
    }

    /// A number from 0 to 1.
    pub(crate) fn fraction(&mut self, name: &'static str) -> Option<f64> {
        self.typed(name, "a number from 0 to 1", |value| {
            value.as_f64().filter(|number| (0.0..=1.0).contains(number))
        })
    }

    /// One of the `choices`, by name.
    pub(crate) fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let names = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let text = self.typed(name, &format!("one of {names}"), Value::as_str)?;
        let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        if chosen.is_none() {
            self.fault(name, format!("is \"{text}\""), format!("write one of {names}"));
        }
        chosen
    }

    /// The object under `name`.
    pub(crate) fn table(&mut self, name: &'static str) -> Option<Table<'d>> {
        let value = self.value(name)?;
        Some(Table::new(self.path_of(name), value, self.faults))
    }

    /// The objects in the list under `name`. What else is in it is at fault and left out.
    pub(crate) fn tables(&mut self, name: &'static str) -> Option<Vec<Table<'d>>> {
        let list = self.typed(name, "a list of tables", Value::as_array)?;
        let path = self.path_of(name);
        Some(
            list.iter()
                .enumerate()
                .map(|(index, value)| Table::new(format!("{path}[{index}]"), value, self.faults))
                .filter(|table| table.members.is_some())
                .collect(),
        )
    }

    /// The objects under `name`, each with a name of the reader's choice.
    pub(crate) fn entries(&mut self, name: &'static str) -> Option<Vec<(String, Table<'d>)>> {
        let members = self.typed(name, "a table of tables", Value::as_object)?;
        let path = self.path_of(name);
        let entry = |(name, value): (&String, &'d Value)| {
            (
                name.clone(),
                Table::new(format!("{path}.{}", crate::rejection::excerpt(name)), value, self.faults),
            )
        };
        Some(members.iter().map(entry).collect())
    }

    /// Reports every member that was not asked for, with the nearest name that would have been understood.
    pub(crate) fn finish(self) {
        for name in
            self.members.into_iter().flat_map(Map::keys).filter(|name| !self.asked.contains(name.as_str()))
        {
            let known = self.asked.iter().copied().collect::<Vec<_>>().join(", ");
            let nearest = self.asked.iter().find(|known| is_near(known, name));
            let fix = nearest.map_or_else(
                || format!("known here: {known}"),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            self.fault(&crate::rejection::excerpt(name), "is not a known field", fix);
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_u64() => "a number",
        Value::Number(number) if number.is_i64() => "a negative number",
        Value::Number(_) => "a number with a fraction",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
        Value::Array(list) if list.is_empty() => "an empty list",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// Whether two names differ by case, by `-` against `_`, by one or two letters, or by what one has in addition.
fn is_near(known: &str, given: &str) -> bool {
    let fold = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    let (known, given) = (fold(known), fold(given));
    known == given
        || (given.len() >= 3 && (known.starts_with(&given) || given.starts_with(&known)))
        || strsim::levenshtein(&known, &given) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_recognised() {
        assert!(is_near("jwks_uri", "jwks-uri"));
        assert!(is_near("leeway_seconds", "leeway"));
        assert!(is_near("audience", "audiance"));
        assert!(!is_near("audience", "secrets"));
    }
}
