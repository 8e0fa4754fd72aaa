//! The rows of `credentials`, for the root and for a route.

use serde_json::json;

use crate::config::described::object as shape_of;
use crate::config::rows::{Optional, Text, object};
use crate::config::shapes::{Shape, either, plain};

/// The place that is a word: the `Authorization` header.
pub(in crate::config) const AUTHORIZATION: &str = "authorization";
/// The place that is a word: the WebSocket subprotocol.
pub(in crate::config) const WEBSOCKET: &str = "websocket";

/// The fix of a list that is none.
pub(in crate::config) const LIST_FIX: &str =
    "write a list, as in [\"authorization\", { cookie = \"clerk\" }]; docs/credentials.md has every place";
/// The fix of a place that is unreadable.
pub(in crate::config) const PLACE_FIX: &str = "write \"authorization\", \"websocket\", { cookie = \"<name>\" }, { header = \"<name>\" } or { query = \"<name>\" }";

object! {
    /// A place of a request where a token is read: `cookie`, `header` or `query`.
    Credential CREDENTIAL with(json!({
        "oneOf": [{ "required": ["cookie"] }, { "required": ["header"] }, { "required": ["query"] }],
    })) {
        /// The name of a cookie that holds the token, or one of `clerk`, `supabase` and `better-auth`: the session cookies of these providers' libraries.
        cookie: Optional<Text> = Optional(Text), with(json!({ "pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" }));
        /// The name of a header that holds the token, alone or after `Bearer`.
        header: Optional<Text> = Optional(Text), with(json!({ "pattern": "^[A-Za-z0-9-]+$" }));
        /// The name of a parameter of the query. Addresses are logged in many places, so use it only where nothing else works.
        query: Optional<Text> = Optional(Text), with(json!({ "pattern": "^[A-Za-z0-9._~-]+$" }));
        /// With `cookie = "clerk"`: the publishable key of the application whose cookie is read, if several applications share the site.
        publishable_key: Optional<Text> = Optional(Text), with(json!({ "pattern": "^pk_(live|test)_[A-Za-z0-9+/=_-]{6,}$" }));
        /// With `cookie = "supabase"` or `cookie = "better-auth"`: the name of the cookie, if it is not the usual one.
        name: Optional<Text> = Optional(Text), with(json!({ "pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" }));
    }
}

/// A list of places, of which the documentation describes the fields with those of the root.
pub(super) fn places_of_the_root() -> Shape {
    Shape { rows: Vec::new(), ..places() }
}

/// A list of places.
pub(super) fn places() -> Shape {
    let words = plain(&json!({ "enum": [AUTHORIZATION, WEBSOCKET] }), "");
    let item = either(&words, shape_of::<Credential>());
    let list = json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": item.schema });
    Shape { rows: item.rows, ..plain(&list, "a list of `\"authorization\"`, `\"websocket\"` and tables") }
}
