//! `application/x-www-form-urlencoded` bodies as OAuth uses them (RFC 6749 §3.2, appendix B): the text is UTF-8, only the
//! parameters in `REPEATABLE` may occur more than once, and a parameter with an empty value counts as absent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// The parameters that the endpoint reads (RFC 6749, RFC 7523, RFC 8693, RFC 8707). Others are ignored, and their names do not
/// appear in any message: a name may be a token in the wrong place.
const KNOWN: &[&str] = &[
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "audience",
    "resource",
];

/// The parameters that may occur several times (RFC 8693 §2.1, RFC 8707 §2).
const REPEATABLE: &[&str] = &["audience", "resource"];

/// The parameters of a form, by name, each with its values in the order in which they were sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(BTreeMap<String, Vec<String>>);

/// Why a body cannot be read as such a form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A `%` without two hexadecimal digits, or octets that are not UTF-8.
    #[error("the body is not form-encoded UTF-8")]
    Encoding,
    /// A parameter that the endpoint reads occurs more than once.
    #[error("the parameter `{0}` occurs more than once")]
    Repeated(&'static str),
    /// A parameter that the endpoint does not read occurs more than once.
    #[error("an unknown parameter occurs more than once")]
    UnknownRepeated,
}

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// [`FormError`] at the first fault.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let text = std::str::from_utf8(body).map_err(|_| FormError::Encoding)?;
        let mut form = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or(FormError::Encoding)?;
            let value = decode(value).ok_or(FormError::Encoding)?;
            let values = form.0.entry(name).or_default();
            // An empty value counts as an occurrence here: two parsers could differ on which of two values they use.
            values.push(value);
        }
        match form.0.iter().find(|(name, values)| values.len() > 1 && !REPEATABLE.contains(&name.as_str())) {
            Some((name, _)) => {
                let known = KNOWN.iter().find(|known| **known == name.as_str());
                Err(known.map_or(FormError::UnknownRepeated, |known| FormError::Repeated(known)))
            }
            None => Ok(form),
        }
    }

    /// The value of a parameter; `None` if it is absent or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter that are not empty.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Prints the names only, because values may be tokens and secrets.
impl std::fmt::Debug for Form {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Decodes one name or value; `None` if it is not form-encoded UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    // The longest value is a token, which has neither.
    if !text.bytes().any(|octet| matches!(octet, b'%' | b'+')) {
        return Some(text.to_owned());
    }
    let is_escape = |rest: &str| {
        rest.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
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
        for body in [&b"scope=1&scope=1"[..], b"scope=&scope=1", b"scope=1&%73cope=2"] {
            assert_eq!(Form::parse(body), Err(FormError::Repeated("scope")));
        }
        assert_eq!(Form::parse(b"a=1&a=1"), Err(FormError::UnknownRepeated));
        for body in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff"] {
            assert_eq!(Form::parse(body), Err(FormError::Encoding));
        }
    }

    #[test]
    fn a_debug_print_shows_no_value() {
        let form = Form::parse(b"subject_token=secret").unwrap();
        assert_eq!(format!("{form:?}"), "{\"subject_token\"}");
    }
}
