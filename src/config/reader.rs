//! Reads a JSON object member by member and collects all faults, so that they are reported at once.
//!
//! It knows types and ranges, but not the meaning of the members. A member at fault is read as absent, so that reading can
//! continue. The result may be used only if there are no faults.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde_json::{Map, Value};

use crate::limits::{MAX_CONFIG_FAULTS, MAX_NAME_COMPARED_BYTES};

/// One fault of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ConfigFault {
    /// The path of the member at fault, as in `issuers[1].audience`.
    pub path: String,
    /// What is wrong: the end of a sentence that begins with the path.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}; {}", self.path, self.problem, self.fix)
    }
}

/// The faults that were found so far. Those after the first [`MAX_CONFIG_FAULTS`] are only counted, so that a long text with a fault in
/// each line fills neither the memory nor the log.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    shown: RefCell<Vec<ConfigFault>>,
    further: Cell<usize>,
}

impl Faults {
    pub(crate) fn add(&self, path: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) {
        if self.are_complete() {
            self.further.set(self.further.get().saturating_add(1));
            return;
        }
        let fault = ConfigFault { path: path.into(), problem: problem.into(), fix: fix.into() };
        self.shown.borrow_mut().push(fault);
    }

    /// Whether further faults are only counted.
    pub(crate) fn are_complete(&self) -> bool {
        self.shown.borrow().len() >= MAX_CONFIG_FAULTS
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shown.borrow().is_empty()
    }

    pub(crate) fn into_inner(self) -> Vec<ConfigFault> {
        let mut faults = self.shown.into_inner();
        let further = self.further.get();
        if further > 0 {
            faults.push(ConfigFault {
                path: super::BINDING.to_owned(),
                problem: format!("has further faults: {further}"),
                fix: "correct the faults above first".to_owned(),
            });
        }
        faults
    }
}

/// A JSON object that is being read. [`Self::finish`] reports the members for which it has no row as unknown.
pub(crate) struct Table<'d> {
    path: String,
    members: Option<&'d Map<String, Value>>,
    known: &'static [&'static str],
    faults: &'d Faults,
}

impl<'d> Table<'d> {
    /// Reads `value`, the member at `path`, as an object with members of these names. If it is not an object, this is a fault, and the table is
    /// empty.
    pub(super) fn new(
        path: String,
        value: &'d Value,
        known: &'static [&'static str],
        faults: &'d Faults,
    ) -> Self {
        let members = value.as_object();
        if members.is_none() {
            let shown = if path.is_empty() { super::BINDING } else { &path };
            faults.add(
                shown,
                format!("is {} and not a table", kind_of(value)),
                "write a table, as in docs/configuration.md",
            );
        }
        Self { path, members, known, faults }
    }

    /// A table without members, in the place of the member `name`.
    pub(super) fn empty(&self, name: &str, known: &'static [&'static str]) -> Self {
        Self { path: self.path_of(name), members: None, known, faults: self.faults }
    }

    /// Reads `value`, which is below this table at `path`, as an object with members of these names.
    pub(super) fn inside(&self, path: &str, value: &'d Value, known: &'static [&'static str]) -> Self {
        Self::new(self.path_of(path), value, known, self.faults)
    }

    /// The path of a member, or of the table itself for an empty name.
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

    /// Reports a fault at a path from the root.
    pub(crate) fn fault_at(&self, path: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.faults.add(path, problem, fix);
    }

    /// Reports a field that is absent.
    pub(super) fn report_missing(&self, name: &str, fix: &str) {
        if self.value(name).is_none() {
            self.fault(name, "is missing", fix);
        }
    }

    /// The value of the member `name`, of any type.
    pub(super) fn value(&self, name: &str) -> Option<&'d Value> {
        debug_assert!(self.known.contains(&name), "{name} has no row in {:?}", self.known);
        self.members?.get(name)
    }

    /// Whether there is a member of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn typed<T>(&self, name: &str, expected: &str, read: impl Fn(&'d Value) -> Option<T>) -> Option<T> {
        let value = self.value(name)?;
        let read = read(value);
        if read.is_none() {
            self.fault(name, format!("is {}", kind_of(value)), format!("write {expected}"));
        }
        read
    }

    /// A string that is not empty.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        self.typed(name, "a string that is not empty", |value| {
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        })
    }

    /// The name of a Worker secret or of a KV namespace. A text that is not a name may be a secret itself, so the fault does not
    /// repeat it.
    pub(super) fn binding(&self, name: &str) -> Option<String> {
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
            "write a name of letters, digits and _, and not the secret itself, which you store with `npx wrangler secret put <name>`",
        );
        None
    }

    /// A list of at least one string, none of them empty.
    pub(super) fn strings(&self, name: &str) -> Option<Vec<String>> {
        self.typed(name, "a list of one or more strings that are not empty, as in [\"a\", \"b\"]", |value| {
            let list = value.as_array().filter(|list| !list.is_empty())?;
            list.iter().map(|one| one.as_str().filter(|text| !text.is_empty()).map(str::to_owned)).collect()
        })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// A whole number within `range`, which includes both ends.
    pub(super) fn integer(&self, name: &str, range: (u64, u64)) -> Option<u64> {
        let (low, high) = range;
        let number = self.typed(name, &format!("a whole number from {low} to {high}"), Value::as_u64)?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        self.fault(name, format!("is {number}"), format!("write a whole number from {low} to {high}"));
        None
    }

    /// A number from 0 to 1.
    pub(super) fn fraction(&self, name: &str) -> Option<f64> {
        self.typed(name, "a number from 0 to 1", |value| {
            value.as_f64().filter(|number| (0.0..=1.0).contains(number))
        })
    }

    /// The value of one of the `choices`, which the member names.
    pub(super) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let names = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let text = self.typed(name, &format!("one of {names}"), Value::as_str)?;
        let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        if chosen.is_none() {
            self.fault(name, format!("is \"{text}\""), format!("write one of {names}"));
        }
        chosen
    }

    /// The object in the member `name`.
    pub(super) fn table(&self, name: &str, known: &'static [&'static str]) -> Option<Self> {
        let value = self.value(name)?;
        Some(Self::new(self.path_of(name), value, known, self.faults))
    }

    /// The objects in the list in the member `name`. Other elements are faults and left out.
    pub(super) fn tables(&self, name: &str, known: &'static [&'static str]) -> Option<Vec<Self>> {
        let list =
            self.typed(name, "a list of tables, in wrangler.toml with [[double brackets]]", Value::as_array)?;
        let path = self.path_of(name);
        Some(
            list.iter()
                .enumerate()
                .map(|(index, value)| Self::new(format!("{path}[{index}]"), value, known, self.faults))
                .filter(|table| table.members.is_some())
                .collect(),
        )
    }

    /// The objects in the object in the member `name`, each with its name, which the operator chooses.
    pub(super) fn entries(&self, name: &str, known: &'static [&'static str]) -> Option<Vec<(String, Self)>> {
        let members = self.typed(name, "a table of tables", Value::as_object)?;
        let path = self.path_of(name);
        let entry = |(name, value): (&String, &'d Value)| {
            (
                name.clone(),
                Self::new(format!("{path}.{}", crate::rejection::excerpt(name)), value, known, self.faults),
            )
        };
        Some(members.iter().map(entry).collect())
    }

    /// Reports every member without a row as unknown, with the known name that is most similar.
    pub(crate) fn finish(self) {
        for name in
            self.members.into_iter().flat_map(Map::keys).filter(|name| !self.known.contains(&name.as_str()))
        {
            let mut names = self.known.to_vec();
            names.sort_unstable();
            let known = names.join(", ");
            let near = names.iter().filter(|known| is_near(known, name));
            let nearest = near.min_by_key(|known| strsim::levenshtein(known, name));
            let fix = nearest.map_or_else(
                || format!("remove it, or write one of {known}"),
                |nearest| format!("write `{nearest}`, or remove it"),
            );
            let shown = if name.is_empty() { "\"\"".to_owned() } else { crate::rejection::excerpt(name) };
            self.fault(&shown, "is not a known field", fix);
        }
    }
}

/// The kind of a value, with its article, in the terms of TOML.
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

/// Whether two names differ only in case, in `-` and `_`, in one or two letters, or because one begins with the other.
fn is_near(known: &str, given: &str) -> bool {
    if given.len() > MAX_NAME_COMPARED_BYTES {
        return false;
    }
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
        assert!(!is_near("audience", &"audience".repeat(10)));
    }
}
