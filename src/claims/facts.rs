//! What is known about a subject: the claims of the verified token and, under `/directory`, the subject's record in our
//! directory.
//!
//! Values are passed on in their original JSON text, so that no number loses precision and no type changes. A claim named
//! `directory` in a token cannot be addressed: otherwise a token could pass its own data off as the directory's.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::jose::object::step_into;
use crate::jose::{Claims, Object, json};
use crate::limits;
use crate::ports::{Clock, Directory};
use crate::rejection::Fault;
use crate::verify::VerifiedToken;
use crate::waiting::with_store_timeout;

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
    claims: &'f Claims,
    directory: Option<Object>,
}

impl<'f> Facts<'f> {
    /// The claims alone, without a directory.
    #[must_use]
    pub fn of(claims: &'f Claims) -> Self {
        Self { claims, directory: None }
    }

    /// The claims of `token`, and the record of its subject in the directory that is bound as `binding`.
    ///
    /// # Errors
    /// [`Fault::StoreUnavailable`] if the directory does not answer, or if the record is not a JSON object. To continue without
    /// the record could ignore a right, or a condition on one.
    pub async fn load<D: Directory + Clock>(
        token: &'f VerifiedToken,
        binding: Option<&str>,
        directory: &D,
    ) -> Result<Self, Fault> {
        let claims = token.claims();
        let (Some(binding), Some(subject)) = (binding, claims.subject.as_deref()) else {
            return Ok(Self { claims, directory: None });
        };
        let key = directory_key(token.issuer(), subject);
        if key.len() > limits::MAX_STORE_KEY_BYTES {
            // KV accepts no longer key, so there is no such record.
            return Ok(Self { claims, directory: None });
        }
        let unavailable = |reason: String| Fault::StoreUnavailable { binding: binding.to_owned(), reason };
        let found = with_store_timeout(directory, directory.find(binding, &key))
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        let directory = found.map(Object::parse).transpose();
        let directory =
            directory.map_err(|fault| unavailable(format!("a subject's record cannot be read: {fault}")))?;
        Ok(Self { claims, directory })
    }

    /// The value at `pointer` in its original JSON text; `None` if it is absent or null.
    #[must_use]
    pub fn raw(&self, pointer: &Pointer) -> Option<&RawValue> {
        let mut steps = pointer.steps();
        let object = if pointer.is_directory() {
            steps.next();
            self.directory.as_ref()?
        } else {
            self.claims.members()
        };
        let first = match steps.next() {
            Some(step) => object.raw(&step)?,
            None => object.text(),
        };
        let value = steps.try_fold(json::raw(first)?, |value, step| step_into(value, &step));
        value.filter(|value| value.get() != "null")
    }

    /// The value at `pointer`, parsed.
    #[must_use]
    pub fn value(&self, pointer: &Pointer) -> Option<Value> {
        json::parse_value(self.raw(pointer)?.get()).ok()
    }

    /// The claims of the token.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        self.claims
    }
}

/// The key of a subject's record in the directory.
#[must_use]
pub fn directory_key(issuer: &str, subject: &str) -> String {
    format!("subject:{issuer}:{subject}")
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
