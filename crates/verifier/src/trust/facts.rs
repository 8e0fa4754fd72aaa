//! What is known about the subject of a token: the claims and the JOSE header of the token and, under `/directory`, a record about the
//! subject that the application has.
//!
//! Values are passed on in their original JSON text, so that no number loses precision and no type changes. A claim named
//! `directory` in a token cannot be addressed: otherwise a token could pass its own data off as the directory's.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::jose::object::step_into;
use crate::jose::token::{Claims, Header};
use crate::jose::{Object, json};

/// The first reference token of pointers into the directory.
pub const DIRECTORY: &str = "directory";

/// A JSON Pointer (RFC 6901) to a member at any depth, never to the whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(String);

impl Pointer {
    /// Reads a pointer; `None` unless it begins with a slash and its escapes are `~0` and `~1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.strip_prefix('/')?;
        let has_valid_escapes = path.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        (has_valid_escapes && !path.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The pointer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it points into the directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.steps().next().as_deref() == Some(DIRECTORY)
    }

    fn steps(&self) -> impl Iterator<Item = String> {
        self.0.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"))
    }
}

/// What is known about one subject.
#[derive(Debug)]
pub struct Facts<'f> {
    header: &'f Header,
    claims: &'f Claims,
    record: Option<Object>,
}

impl<'f> Facts<'f> {
    /// What the token says, without a record.
    #[must_use]
    pub fn of(header: &'f Header, claims: &'f Claims) -> Self {
        Self { header, claims, record: None }
    }

    /// The same, with the subject's record, if there is one.
    #[must_use]
    pub fn with_record(self, record: Option<Object>) -> Self {
        Self { record, ..self }
    }

    /// The claim, or the member of the record, at `pointer` in its original JSON text; `None` if it is absent or null.
    #[must_use]
    pub fn raw(&self, pointer: &Pointer) -> Option<&RawValue> {
        if pointer.is_directory() {
            return follow(self.record.as_ref()?, pointer.steps().skip(1));
        }
        select(self.claims.members(), pointer)
    }

    /// The claim, or the member of the record, at `pointer`, parsed.
    #[must_use]
    pub fn value(&self, pointer: &Pointer) -> Option<Value> {
        json::parse_value(self.raw(pointer)?.get()).ok()
    }

    /// The member of the JOSE header at `pointer`, parsed; `None` if it is absent or null.
    #[must_use]
    pub fn header_value(&self, pointer: &Pointer) -> Option<Value> {
        json::parse_value(select(self.header.members(), pointer)?.get()).ok()
    }

    /// The claims of the token.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        self.claims
    }
}

/// The value at `pointer` in `object` in its original JSON text; `None` if it is absent or null.
#[must_use]
pub fn select<'o>(object: &'o Object, pointer: &Pointer) -> Option<&'o RawValue> {
    follow(object, pointer.steps())
}

/// The value to which `steps` lead in `object`; the whole object if there are none.
fn follow(object: &Object, mut steps: impl Iterator<Item = String>) -> Option<&RawValue> {
    let first = match steps.next() {
        Some(step) => object.raw(&step)?,
        None => object.text(),
    };
    let value = steps.try_fold(json::raw(first)?, |value, step| step_into(value, &step));
    value.filter(|value| value.get() != "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_begins_with_a_slash_and_its_escapes_are_valid() {
        for text in ["/sub", "/a/b", "/a~1b", "/a~0b", "/directory/roles/0", "//"] {
            assert!(Pointer::parse(text).is_some(), "{text}");
        }
        for text in ["", "/", "sub", "/a~", "/a~2", "#/a"] {
            assert!(Pointer::parse(text).is_none(), "{text}");
        }
        assert!(Pointer::parse("/directory").unwrap().is_directory());
        assert!(Pointer::parse("/directory/roles").unwrap().is_directory());
        assert!(!Pointer::parse("/directory2").unwrap().is_directory());
    }
}
