//! JSON objects for responses and log lines.

use serde::Serialize;
use serde_json::{Map, Value};

/// `serde_json::json!` for an object with fixed names, or for one value. Each member compiles to one call. `serde_json`'s own macro
/// repeats the code of an insertion for each member, which costs about 16 kB of wasm.
#[doc(hidden)]
#[macro_export]
macro_rules! __json {
    ({ $($name:literal : $value:expr),* $(,)? }) => {
        $crate::members::object(&mut [$(($name, $crate::members::value(&$value))),*])
    };
    ($value:expr) => {
        $crate::members::value(&$value)
    };
}
pub use crate::__json as json;

/// The value as JSON; null if it cannot be written as JSON.
#[inline(never)]
#[must_use]
pub fn value<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// The object with these members. Takes the values out of the slice.
#[inline(never)]
#[must_use]
pub fn object(members: &mut [(&'static str, Value)]) -> Value {
    let mut object = Map::new();
    for (name, value) in members {
        put(&mut object, name, value.take());
    }
    Value::Object(object)
}

/// Sets one member.
#[inline(never)]
pub fn put(object: &mut Map<String, Value>, name: &'static str, value: Value) {
    object.insert(name.to_owned(), value);
}
