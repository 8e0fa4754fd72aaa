//! `application/x-www-form-urlencoded` bodies as OAuth uses them (RFC 6749 §3.2, appendix B): UTF-8, no parameter twice but
//! those that may be, and an empty value is none.

use std::collections::BTreeMap;

use crate::rejection::excerpt;

/// The parameters that may occur several times (RFC 8693 §2.1, RFC 8707 §2).
const REPEATABLE: &[&str] = &["audience", "resource"];

/// A form's parameters.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(BTreeMap<String, Vec<String>>);

/// Why a body is no such form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// A `%` without two hexadecimal digits, or octets that are no UTF-8.
    #[error("the body is not form-encoded UTF-8")]
    Encoding,
    /// A parameter occurs twice.
    #[error("the parameter `{0}` occurs more than once")]
    Repeated(String),
}

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// [`FormFault`] at the first fault.
    pub fn parse(body: &[u8]) -> Result<Self, FormFault> {
        let text = std::str::from_utf8(body).map_err(|_| FormFault::Encoding)?;
        let mut form = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or(FormFault::Encoding)?;
            let value = decode(value).ok_or(FormFault::Encoding)?;
            let values = form.0.entry(name).or_default();
            // Also an empty one counts here: two parsers could differ on which of the two is meant.
            values.push(value);
        }
        match form.0.iter().find(|(name, values)| values.len() > 1 && !REPEATABLE.contains(&name.as_str())) {
            Some((name, _)) => Err(FormFault::Repeated(excerpt(name))),
            None => Ok(form),
        }
    }

    /// The value of a parameter that is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter, without the empty ones.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Shows no value: some are tokens and secrets.
impl std::fmt::Debug for Form {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Undoes the encoding of one name or value.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from((high << 4) | low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_strictly() {
        let form = Form::parse(b"a=1&b=&audience=x&audience=y+z%26&%63=%C3%A9").unwrap();
        assert_eq!(form.get("a"), Some("1"));
        assert_eq!(form.get("b"), None);
        assert_eq!(form.get("c"), Some("é"));
        assert_eq!(form.all("audience").collect::<Vec<_>>(), ["x", "y z&"]);
        assert_eq!(Form::parse(b"a=1&a=1"), Err(FormFault::Repeated("a".to_owned())));
        assert_eq!(Form::parse(b"a=&a=1"), Err(FormFault::Repeated("a".to_owned())));
        assert_eq!(Form::parse(b"a=1&%61=2"), Err(FormFault::Repeated("a".to_owned())));
        for body in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff"] {
            assert_eq!(Form::parse(body), Err(FormFault::Encoding));
        }
    }

    #[test]
    fn a_debug_print_shows_no_value() {
        let form = Form::parse(b"subject_token=secret").unwrap();
        assert_eq!(format!("{form:?}"), "{\"subject_token\"}");
    }
}
