//! The rows of a condition, which issuers, routes and targets have.

use serde_json::json;

use crate::config::rows::{Boolean, Optional, Raw, Text, object};
use crate::config::shapes::{self, POINTER};

/// The fix of a pointer that is missing or unreadable.
pub(in crate::config) const POINTER_FIX: &str = "write a JSON Pointer (RFC 6901), as in \"/email\"";

object! {
    /// A condition on a claim, or on a member of the JOSE header: exactly one test.
    Condition CONDITION with(json!({
        "minProperties": 2,
        "maxProperties": 2,
        "oneOf": [{ "required": ["claim"] }, { "required": ["header"] }],
    })) {
        /// The JSON Pointer to the claim.
        claim: Optional<Text> = Optional(Text), absent("this or `header`"), with(json!({ "pattern": POINTER }));
        /// The JSON Pointer to the member of the JOSE header, as in `/cat`.
        header: Optional<Text> = Optional(Text), absent("this or `claim`"), with(json!({ "pattern": POINTER }));
        /// The value is this one.
        equals: Optional<Raw> = Optional(Raw), shape(shapes::any());
        /// The value is one of these.
        one_of: Optional<Raw> = Optional(Raw), shape(shapes::scalars());
        /// The value is a list with all of these.
        contains_all: Optional<Raw> = Optional(Raw), shape(shapes::scalars());
        /// The value is a list with one of these.
        contains_any: Optional<Raw> = Optional(Raw), shape(shapes::scalars());
        /// The whole string fits this pattern, in which `*` stands for any characters and `?` for one.
        matches: Optional<Text> = Optional(Text);
        /// The value is a number that is not smaller.
        at_least: Optional<Raw> = Optional(Raw), shape(shapes::plain(&json!({ "type": "number" }), "a number"));
        /// Whether the member is present.
        exists: Optional<Boolean> = Optional(Boolean);
    }
}
