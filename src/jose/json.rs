//! JSON objects from outside, read strictly: a member occurs once at every depth, nesting is bounded, names hold no
//! NUL, strings are Unicode (a lone surrogate is refused), and nothing follows the object.
//!
//! Two parsers that disagree on the same bytes are how a checked token becomes another one behind the check (RFC 7519
//! §4, RFC 8725 §2.4), so whatever two parsers might read differently is refused.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits;
use crate::rejection::excerpt;

/// The members of a JSON object.
pub type Members = Map<String, Value>;

/// Why a text was refused. Holds nothing of the text but the name of a repeated member, cut to a bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Not JSON at all.
    #[error("it is not JSON (line {line}, column {column})")]
    Syntax {
        /// The line of the first fault, from 1.
        line: usize,
        /// Its column.
        column: usize,
    },
    /// JSON, and not an object.
    #[error("it is JSON and not an object")]
    NotAnObject,
    /// A member occurs twice in one object.
    #[error("the member \"{0}\" occurs twice")]
    Duplicate(String),
    /// More than [`limits::MAX_JSON_DEPTH`] levels.
    #[error("it nests deeper than {} levels", limits::MAX_JSON_DEPTH)]
    TooDeep,
    /// A member's name holds U+0000, where parsers written in C end it.
    #[error("a member's name holds a NUL character")]
    NulInName,
}

/// Reads `text` as one JSON object.
///
/// # Errors
/// [`JsonFault`] at the first fault.
pub fn parse_object(text: &str) -> Result<Members, JsonFault> {
    let fault = Cell::new(None);
    let mut parser = serde_json::Deserializer::from_str(text);
    let read = Strict { depth: 0, fault: &fault }
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value));
    match read {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(JsonFault::NotAnObject),
        Err(error) => {
            Err(fault.take().unwrap_or(JsonFault::Syntax { line: error.line(), column: error.column() }))
        }
    }
}

/// Reads one value; `fault` carries the typed reason past `serde_json`'s textual errors.
#[derive(Clone, Copy)]
struct Strict<'f> {
    /// How many arrays and objects enclose the value.
    depth: usize,
    fault: &'f Cell<Option<JsonFault>>,
}

impl Strict<'_> {
    /// The reader of what is one level further in.
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= limits::MAX_JSON_DEPTH {
            return Err(self.refuse(JsonFault::TooDeep));
        }
        Ok(Self { depth: self.depth.saturating_add(1), fault: self.fault })
    }

    fn refuse<E: serde::de::Error>(self, fault: JsonFault) -> E {
        self.fault.set(Some(fault));
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
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Members::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.contains('\0') {
                return Err(self.refuse(JsonFault::NulInName));
            }
            if object.contains_key(&name) {
                return Err(self.refuse(JsonFault::Duplicate(excerpt(&name))));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_serde_json_reads_it() {
        let text = r#"{"a":[1,-2,2.5,1e3,true,null,"\u00e9\ud83d\ude00",{"b":{}}],"c":18446744073709551615}"#;
        assert_eq!(Value::Object(parse_object(text).unwrap()), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused_at_every_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":{"a":1,"a":2}}"#, r#"{"x":[[{"a":1,"b":0,"a":2}]]}"#] {
            assert_eq!(parse_object(text), Err(JsonFault::Duplicate("a".to_owned())), "{text}");
        }
        // The same name, once spelt with an escape.
        assert_eq!(parse_object(r#"{"a":1,"\u0061":2}"#), Err(JsonFault::Duplicate("a".to_owned())));
        // The same name in two objects is no duplicate.
        assert!(parse_object(r#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| {
            let inner = levels - 1;
            format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
        };
        assert!(parse_object(&nested(limits::MAX_JSON_DEPTH)).is_ok());
        assert_eq!(parse_object(&nested(limits::MAX_JSON_DEPTH + 1)), Err(JsonFault::TooDeep));
        assert_eq!(parse_object(&nested(100_000)), Err(JsonFault::TooDeep));
    }

    #[test]
    fn a_nul_in_a_name_is_refused() {
        assert_eq!(parse_object(r#"{"is\u0000s":1}"#), Err(JsonFault::NulInName));
        assert!(parse_object(r#"{"a":"\u0000"}"#).is_ok());
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for text in ["[]", "1", "\"a\"", "null"] {
            assert_eq!(parse_object(text), Err(JsonFault::NotAnObject), "{text}");
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
            assert!(matches!(parse_object(text), Err(JsonFault::Syntax { .. })), "{text:?}");
        }
    }

    #[test]
    fn serde_jsons_own_private_names_have_no_meaning() {
        let text = r#"{"$serde_json::private::RawValue":"{\"iss\":1}"}"#;
        assert!(parse_object(text).unwrap().contains_key("$serde_json::private::RawValue"));
    }
}
