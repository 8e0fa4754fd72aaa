//! A JSON object from outside, checked strictly. It is stored as its text with the position of each member, not as a tree.
//!
//! A parsed tree can take forty times the memory of its text (`[{"":0},…]`), and tokens are in memory before their signatures are
//! checked. An [`Object`] takes a small multiple of its text for every content; see [`Object::footprint`]. A value is parsed on
//! each access.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::{DeserializeOwned, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::json::{self, JsonError, Name};

/// Bytes that the allocator adds to one allocation: its header, and rounding up.
const ALLOCATION_BYTES: usize = 16;

/// A JSON object, checked as [`json::parse_object`] checks it.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    text: Box<str>,
    members: Box<[Member]>,
}

/// A member: its name, and the position of its value in the text.
#[derive(Clone, PartialEq, Eq)]
struct Member {
    name: MemberName,
    value: Range<usize>,
}

/// A member's name.
#[derive(Clone, PartialEq, Eq)]
enum MemberName {
    /// The position in the text of a name that is written as it is read.
    Plain(Range<usize>),
    /// A name that is written with escapes.
    Escaped(Box<str>),
}

/// Shows no member and no value, so that it can be logged.
impl std::fmt::Debug for Object {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Object").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

impl Object {
    /// Parses `text` as one JSON object.
    ///
    /// # Errors
    /// [`JsonError`], as [`json::parse_object`].
    pub fn parse(text: String) -> Result<Self, JsonError> {
        let members = json::checked_members(&text)?
            .into_iter()
            .map(|(name, value)| Member {
                name: match name.0 {
                    Cow::Borrowed(name) => MemberName::Plain(position(&text, name)),
                    Cow::Owned(name) => MemberName::Escaped(name.into()),
                },
                value: position(&text, value.get()),
            })
            .collect();
        Ok(Self { text: text.into(), members })
    }

    /// The unchanged text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The members' names, in the order of the text.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| match &member.name {
            MemberName::Plain(position) => self.text.get(position.clone()).unwrap_or_default(),
            MemberName::Escaped(name) => name,
        })
    }

    /// Whether there is a member called `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The unchanged text of the value of the member called `name`.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        let text = self.text.as_bytes();
        let member = self.members.iter().find(|member| match &member.name {
            MemberName::Plain(position) => {
                position.len() == name.len() && text.get(position.clone()) == Some(name.as_bytes())
            }
            MemberName::Escaped(escaped) => &**escaped == name,
        })?;
        self.text.get(member.value.clone())
    }

    /// The value of the member called `name`. A number that exceeds 64 bits has lost precision; [`Self::raw`] has all its digits.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        json::parse_value(self.raw(name)?).ok()
    }

    /// The value of the member called `name` if it is a string; `None` if it is absent or has another type.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<Cow<'_, str>> {
        let inner = self.raw(name)?.strip_prefix('"')?.strip_suffix('"')?;
        if !inner.contains('\\') {
            return Some(Cow::Borrowed(inner));
        }
        match self.get(name)? {
            Value::String(text) => Some(Cow::Owned(text)),
            _ => None,
        }
    }

    /// The object as a type of the application's.
    ///
    /// # Errors
    /// What the type finds wrong.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&mut json::reader(&self.text))
    }

    /// An upper bound on the bytes of memory that it takes.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let members = self.members.iter().map(|member| {
            let escaped = match &member.name {
                MemberName::Plain(_) => 0,
                MemberName::Escaped(name) => ALLOCATION_BYTES.saturating_add(name.len()),
            };
            size_of::<Member>().saturating_add(escaped)
        });
        members.fold(self.text.len(), usize::saturating_add)
    }
}

/// The position in `whole` of `part`, which is a slice of it.
fn position(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// The value that one reference token of a JSON Pointer (RFC 6901) selects in `value`, as its text. `value` must be part of a text
/// that was checked. `None` if there is no such member or element.
#[must_use]
pub fn step_into<'j>(value: &'j RawValue, step: &str) -> Option<&'j RawValue> {
    json::reader(value.get()).deserialize_any(Child(step)).ok()?
}

/// Finds the member or the element that a reference token names.
struct Child<'s>(&'s str);

impl<'j> Visitor<'j> for Child<'_> {
    type Value = Option<&'j RawValue>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object or an array")
    }

    // Values of other types have no members and no elements.
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'j>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Name(name)) = members.next_key()? {
            if name == self.0 {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        // RFC 6901 §4: an index has no leading zero.
        let wanted = self.0.parse().ok().filter(|index: &usize| index.to_string() == self.0);
        let mut found = None;
        let mut index: usize = 0;
        while let Some(element) = elements.next_element::<&RawValue>()? {
            if Some(index) == wanted {
                found = Some(element);
            }
            index = index.saturating_add(1);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_by_its_name_even_if_the_name_is_escaped() {
        let object =
            Object::parse(r#" { "a" : 1.50 , "\u0062\n":[ {"c":"\u00e9"} ],"":null } "#.to_owned()).unwrap();
        assert_eq!(object.names().collect::<Vec<_>>(), ["a", "b\n", ""]);
        assert_eq!(object.raw("a"), Some("1.50"));
        assert_eq!(object.raw("b\n"), Some(r#"[ {"c":"\u00e9"} ]"#));
        assert_eq!(object.get("b\n"), Some(serde_json::json!([{ "c": "é" }])));
        assert_eq!(object.get(""), Some(Value::Null));
        let texts = Object::parse(r#"{"a":"b c","d":"\u00e9\"","e":1,"f":["g"],"h":"","i":"\\"}"#.to_owned())
            .unwrap();
        let read: Vec<_> = ["a", "d", "e", "f", "h", "i"].map(|name| texts.string(name)).to_vec();
        assert_eq!(
            read,
            [Some("b c"), Some("é\""), None, None, Some(""), Some("\\")].map(|text| text.map(Cow::Borrowed))
        );
        assert_eq!(object.get("c"), None);
    }

    #[test]
    fn the_memory_is_a_small_multiple_of_the_text_for_every_content() {
        let many = |element: &str, bytes: usize| vec![element; bytes / (element.len() + 1)].join(",");
        let members: Vec<String> = (0..9000).map(|number| format!("\"{number:x}\":0")).collect();
        let texts = [
            format!("{{\"m\":[{}]}}", many(r#"{"":0}"#, 60_000)),
            format!("{{\"m\":[{}]}}", many("[]", 60_000)),
            format!("{{\"m\":[{}]}}", many("0", 60_000)),
            format!("{{{}}}", members.join(",")),
        ];
        for text in texts {
            let bytes = text.len();
            let footprint = Object::parse(text).unwrap().footprint();
            assert!((bytes..8 * bytes).contains(&footprint), "{footprint}");
        }
    }

    #[test]
    fn a_step_selects_a_member_or_an_element() {
        let at = |text: &'static str, step: &str| {
            let value: &RawValue = serde_json::from_str(text).unwrap();
            step_into(value, step).map(RawValue::get)
        };
        assert_eq!(at(r#"{"a":12345678901234567890123}"#, "a"), Some("12345678901234567890123"));
        assert_eq!(at(r#"{"a":1.50}"#, "a"), Some("1.50"));
        assert_eq!(at(r#"["x",{"b":1}]"#, "1"), Some(r#"{"b":1}"#));
        assert_eq!(at(r#"["x"]"#, "01"), None);
        assert_eq!(at(r#"["x"]"#, "-"), None);
        assert_eq!(at(r#""x""#, "0"), None);
        assert_eq!(at("null", "a"), None);
        assert_eq!(at(r#"{"\u0061\n":1,"b":2}"#, "a\n"), Some("1"));
    }
}
