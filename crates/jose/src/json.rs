//! A strict parser for JSON from outside. No object at any depth may contain a member twice, nesting is bounded, names must not
//! contain NUL, strings must be Unicode (a lone surrogate is refused), and nothing may follow the value.
//!
//! If two parsers read the same bytes differently, the code that uses a token may see other claims than the code that checked it
//! (RFC 7519 §4, RFC 8725 §2.4). Therefore texts that parsers might read differently are refused.
//!
//! Every JSON text from outside that becomes a [`Value`] is parsed here. `serde_json` gives some names a special meaning: with its
//! feature `raw_value`, `from_str::<Value>` turns `{"$serde_json::private::RawValue":"1"}` into the number 1. Therefore
//! `clippy.toml` bans its functions everywhere else.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::characters::excerpt;
use crate::limits;

/// The members of a JSON object.
pub type Members = Map<String, Value>;

/// Why a text was refused. Of the text it contains only the name of a repeated member, truncated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON.
    #[error("it is not JSON (line {line}, column {column})")]
    Syntax {
        /// The line of the first error, from 1.
        line: usize,
        /// The column of the first error.
        column: usize,
    },
    /// The text is JSON, but not an object.
    #[error("it is JSON, but not an object")]
    NotAnObject,
    /// A member occurs twice in one object.
    #[error("the member \"{0}\" occurs twice")]
    Duplicate(String),
    /// More than [`limits::MAX_JSON_DEPTH`] levels.
    #[error("it nests deeper than {} levels", limits::MAX_JSON_DEPTH)]
    TooDeep,
    /// A member's name contains U+0000, which ends a text for parsers written in C.
    #[error("a member's name contains a NUL character")]
    NulInName,
}

/// With `serde_json`'s feature `arbitrary_precision`, which any dependency can enable, [`Number`] is a text, and [`Strict`] would
/// get a number as an object with a special name. This assertion stops such a build.
const _: () = assert!(size_of::<Number>() == 16, "serde_json must be built without `arbitrary_precision`");

/// Parses `text` as one JSON object.
///
/// # Errors
/// [`JsonError`] for the first error.
pub fn parse_object(text: &str) -> Result<Members, JsonError> {
    match parse_value(text)? {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Parses `text` as one JSON value.
///
/// # Errors
/// [`JsonError`] for the first error; never [`JsonError::NotAnObject`].
pub fn parse_value(text: &str) -> Result<Value, JsonError> {
    let reason = Cell::new(None);
    with_reason(Strict { depth: 0, builds: true, reason: &reason }.read(text), &reason)
}

/// The members of the object in `text`, each value as its text. The values are checked as [`parse_object`] checks them.
pub(super) fn checked_members(text: &str) -> Result<Vec<(Name<'_>, &RawValue)>, JsonError> {
    let reason = Cell::new(None);
    let mut parser = reader(text);
    let read = parser.deserialize_map(TopLevel(&reason)).and_then(|members| parser.end().map(|()| members));
    with_reason(read, &reason).map_err(|error| {
        // The text may be a JSON value of another type, or no JSON.
        match parse_value(text) {
            Ok(value) if !value.is_object() => JsonError::NotAnObject,
            _ => error,
        }
    })
}

/// `text` as a value that is not parsed; `None` if it is not one JSON value.
#[expect(clippy::disallowed_methods, reason = "the type is a text, in which no name has a special meaning")]
#[must_use]
pub fn raw(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

/// `serde_json`'s parser, for visitors in which no name has a special meaning.
#[expect(clippy::disallowed_methods, reason = "the only place that constructs it")]
pub(super) fn reader(text: &str) -> serde_json::Deserializer<serde_json::de::StrRead<'_>> {
    serde_json::Deserializer::from_str(text)
}

/// `read` with the typed reason of its error, if [`Strict`] has set one; otherwise with the place of a syntax error.
fn with_reason<T>(read: serde_json::Result<T>, reason: &Cell<Option<JsonError>>) -> Result<T, JsonError> {
    read.map_err(|error| {
        reason.take().unwrap_or(JsonError::Syntax { line: error.line(), column: error.column() })
    })
}

/// A member's name, borrowed from the text if it contains no escape.
pub(super) struct Name<'de>(pub(super) Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a member's name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A name that occurs more than once.
fn repeated<'n>(names: impl ExactSizeIterator<Item = &'n str> + Clone) -> Option<&'n str> {
    /// So few names are compared with each other: that needs no memory. The work for more of them must not grow with the square.
    const FEW: usize = 24;
    if names.len() <= FEW {
        let mut following = names.clone();
        return names.into_iter().find(|name| {
            following.next();
            following.clone().any(|other| other == *name)
        });
    }
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    let mut following = names.iter().skip(1);
    names.iter().find(|name| following.next() == Some(name)).copied()
}

/// Whether a value that the parser has skipped needs no further check: it contains no name and no escape, and it is not a number
/// that might exceed a double. This is true of most claims.
fn is_simple(value: &str) -> bool {
    /// One digit fewer than the largest `i64` has.
    const SHORT: usize = 18;
    match value.as_bytes() {
        [b'"', text @ ..] => !text.contains(&b'\\'),
        [b't' | b'f' | b'n', ..] => true,
        digits => digits.len() <= SHORT && digits.iter().all(u8::is_ascii_digit),
    }
}

/// Reads the members of one object, and checks their values without building them.
struct TopLevel<'r>(&'r Cell<Option<JsonError>>);

impl<'de> Visitor<'de> for TopLevel<'_> {
    type Value = Vec<(Name<'de>, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        /// A token has about so many claims.
        const USUAL: usize = 16;
        let strict = Strict { depth: 1, builds: false, reason: self.0 };
        let mut found: Self::Value = Vec::with_capacity(USUAL);
        while let Some(name) = members.next_key::<Name<'de>>()? {
            if name.0.contains('\0') {
                return Err(strict.refuse(JsonError::NulInName));
            }
            let value: &RawValue = members.next_value()?;
            if !is_simple(value.get()) {
                strict.read(value.get()).map_err(|_| serde::de::Error::custom("refused"))?;
            }
            found.push((name, value));
        }
        match repeated(found.iter().map(|(name, _)| &*name.0)) {
            Some(name) => Err(strict.refuse(JsonError::Duplicate(excerpt(name)))),
            None => Ok(found),
        }
    }
}

/// Reads one value. `serde_json`'s errors are only texts, so `reason` takes the typed reason out of the parser.
#[derive(Clone, Copy)]
struct Strict<'r> {
    /// The number of arrays and objects around the value.
    depth: usize,
    /// Whether the value is built. If not, it is only checked, and texts become null.
    builds: bool,
    reason: &'r Cell<Option<JsonError>>,
}

impl Strict<'_> {
    fn read(self, text: &str) -> serde_json::Result<Value> {
        let mut parser = reader(text);
        let value = self.deserialize(&mut parser)?;
        parser.end().map(|()| value)
    }

    /// The reader for the elements or members of this value.
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= limits::MAX_JSON_DEPTH {
            return Err(self.refuse(JsonError::TooDeep));
        }
        Ok(Self { depth: self.depth.saturating_add(1), ..self })
    }

    fn refuse<E: serde::de::Error>(self, reason: JsonError) -> E {
        self.reason.set(Some(reason));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(if self.builds { Value::String(value.to_owned()) } else { Value::Null })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            if self.builds {
                array.push(element);
            }
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let (mut object, mut names) = (Members::new(), Vec::new());
        while let Some(Name(name)) = members.next_key()? {
            if name.contains('\0') {
                return Err(self.refuse(JsonError::NulInName));
            }
            if self.builds {
                if object.contains_key(&*name) {
                    return Err(self.refuse(JsonError::Duplicate(excerpt(&name))));
                }
                let value = members.next_value_seed(inner)?;
                object.insert(name.into_owned(), value);
            } else {
                members.next_value_seed(inner)?;
                names.push(name);
            }
        }
        match repeated(names.iter().map(|name| &**name)) {
            Some(name) => Err(self.refuse(JsonError::Duplicate(excerpt(name)))),
            None => Ok(Value::Object(object)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_parsed_as_serde_json_parses_it() {
        let text = r#"{"a":[1,-2,2.5,1e3,true,null,"\u00e9\ud83d\ude00",{"b":{}}],"c":18446744073709551615}"#;
        assert_eq!(Value::Object(parse_object(text).unwrap()), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused_at_every_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":{"a":1,"a":2}}"#, r#"{"x":[[{"a":1,"b":0,"a":2}]]}"#] {
            assert_eq!(parse_object(text), Err(JsonError::Duplicate("a".to_owned())), "{text}");
        }
        // The same name, written once with an escape.
        assert_eq!(parse_object(r#"{"a":1,"\u0061":2}"#), Err(JsonError::Duplicate("a".to_owned())));
        // The same name in two different objects is not a duplicate.
        assert!(parse_object(r#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| {
            let inner = levels - 1;
            format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
        };
        assert!(parse_object(&nested(limits::MAX_JSON_DEPTH)).is_ok());
        assert_eq!(parse_object(&nested(limits::MAX_JSON_DEPTH + 1)), Err(JsonError::TooDeep));
        assert_eq!(parse_object(&nested(100_000)), Err(JsonError::TooDeep));
    }

    #[test]
    fn a_nul_in_a_name_is_refused() {
        assert_eq!(parse_object(r#"{"is\u0000s":1}"#), Err(JsonError::NulInName));
        assert!(parse_object(r#"{"a":"\u0000"}"#).is_ok());
    }

    #[test]
    fn a_text_that_is_not_one_object_is_refused() {
        for text in ["[]", "1", "\"a\"", "null"] {
            assert_eq!(parse_object(text), Err(JsonError::NotAnObject), "{text}");
        }
        let bad = [
            "",
            "{",
            "{}x",
            "{}{}",
            "{\"a\":1,}",
            "{'a':1}",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":+1}",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "\u{feff}{}",
            "{\"a\":\"\\ud800\"}",
            "{\"\\udc00\":1}",
            "{\"a\":\"\u{1}\"}",
            "{/**/}",
        ];
        for text in bad {
            assert!(matches!(parse_object(text), Err(JsonError::Syntax { .. })), "{text:?}");
        }
    }

    #[test]
    fn the_private_names_of_serde_json_have_no_special_meaning() {
        for name in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
            let text = format!(r#"{{"a":[{{"{name}":"1"}}],"{name}":"1"}}"#);
            let read = parse_object(&text).unwrap();
            assert_eq!(read.get("a").unwrap(), &serde_json::json!([{ name: "1" }]));
            assert_eq!(read.get(name).unwrap(), "1");
            let alone = format!(r#"{{"{name}":"1"}}"#);
            assert_eq!(parse_value(&alone).unwrap(), serde_json::json!({ name: "1" }));
        }
    }

    #[test]
    fn a_text_that_is_only_checked_is_refused_for_the_same_reasons() {
        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        let texts = [
            r#"{"a":1,"a":1}"#.to_owned(),
            r#"{"a":{"b":[{"c":1,"c":2}]}}"#.to_owned(),
            r#"{"a":{"\u0062":1,"b":2}}"#.to_owned(),
            r#"{"is\u0000s":1}"#.to_owned(),
            r#"{"a":[{"is\u0000s":1}]}"#.to_owned(),
            deep(limits::MAX_JSON_DEPTH - 1),
            deep(limits::MAX_JSON_DEPTH),
            deep(100_000),
            "[1]".to_owned(),
            "1 ".to_owned(),
            "{\"a\":1e999}".to_owned(),
            "{\"a\":-1e999}".to_owned(),
            // No double is as large.
            format!("{{\"a\":{}}}", "9".repeat(400)),
            "{\"a\":01}".to_owned(),
            "{\"a\":\"\u{1}\"}".to_owned(),
            "{\"a\":\"\\ud800\"}".to_owned(),
            "{\"a\":\"\\x\"}".to_owned(),
            "{\"a\":nul}".to_owned(),
            "{\"a\":[\"\\ud800\"]}".to_owned(),
            "{\"a\":1}x".to_owned(),
            "[1".to_owned(),
            String::new(),
        ];
        for text in texts {
            let (built, checked) = (parse_object(&text), checked_members(&text));
            let kind = std::mem::discriminant::<JsonError>;
            assert_eq!(built.as_ref().err().map(kind), checked.as_ref().err().map(kind), "{text:.40}");
        }
    }
}
