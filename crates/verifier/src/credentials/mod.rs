//! Reads a token from the parts of a request, or says why it is missing or ambiguous: the `Authorization` header (RFC 6750 §2.1), and other
//! places that the server names in [`Places`].
//!
//! ```
//! use edge_assay_verifier::credentials::{Place, Places, SessionCookie};
//!
//! let places: Places =
//!     [Place::Authorization, Place::Cookie(SessionCookie::Named("__session".to_owned()))].into_iter().collect();
//! let header = |name: &str| (name == "cookie").then(|| "theme=dark; __session=eyJh.eyJi.c2ln".to_owned());
//! let found = places.read(&header, None)?;
//! assert_eq!((found.token.as_str(), found.is_cookie), ("eyJh.eyJi.c2ln", true));
//! assert_eq!(places.without_cookies("theme=dark; __session=eyJh.eyJi.c2ln", None), "theme=dark");
//! # Ok::<(), edge_assay_verifier::credentials::Unread>(())
//! ```

mod cookies;
mod cross_site;
mod names;
mod places;
mod query;
mod sessions;
mod websocket;

pub use cross_site::Sender;
pub use places::{Found, Place, Places, ReadHeader, Unread};
pub use query::value as query_value;
pub use sessions::SessionCookie;

use crate::jose::characters::has_byte_below;
use crate::rejection::{Ambiguous, Missing, Rejection};

/// The words that clients send when they have no token.
pub const PLACEHOLDERS: &[&str] =
    &["null", "undefined", "None", "nil", "false", "NaN", "[object Object]", "[object Promise]"];

/// The value of the parameter `access_token` (RFC 6750 §2.3), or of one that some server reads as that: `access%5Ftoken` too.
#[must_use]
pub fn query_token(query: Option<&str>) -> Option<&str> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| names::may_be(name, "access_token", str::is_empty)).map(|(_, value)| value)
}

/// The token in the value of an `Authorization` header. Several headers arrive as one value, joined by commas, and no token
/// contains a comma.
///
/// # Errors
/// [`Rejection::TokenMissing`] without a token, [`Rejection::RequestAmbiguous`] if there are several or if the value is malformed.
pub fn bearer_token(header: &str) -> Result<&str, Rejection> {
    let header = header.trim_matches([' ', '\t']);
    if header.is_empty() {
        return Err(Rejection::TokenMissing(Missing::NoCredentials));
    }
    let (scheme, rest) = header.split_once([' ', '\t']).unwrap_or((header, ""));
    let token = rest.trim_start_matches([' ', '\t']);
    if !scheme.trim_end_matches(',').eq_ignore_ascii_case("bearer") {
        let any_is = |scheme| header.split(',').any(|part| has_scheme(part, scheme));
        return Err(if any_is("bearer") {
            Rejection::RequestAmbiguous(Ambiguous::SeveralCredentials)
        } else if any_is("dpop") {
            Rejection::TokenMissing(Missing::Dpop)
        } else {
            Rejection::TokenMissing(Missing::OtherScheme)
        });
    }
    if token.is_empty() {
        return Err(Rejection::TokenMissing(Missing::Empty));
    }
    // An empty credential before another one.
    if scheme.ends_with(',') {
        return Err(Rejection::RequestAmbiguous(Ambiguous::SeveralCredentials));
    }
    one_token(token)
}

/// `token`, if it is one word that may be a token.
///
/// # Errors
/// As [`bearer_token`].
pub fn one_token(token: &str) -> Result<&str, Rejection> {
    if let Some(literal) = PLACEHOLDERS.iter().find(|literal| **literal == token) {
        return Err(Rejection::TokenMissing(Missing::Literal(literal)));
    }
    // A token is long, and one pass over it is enough: these characters come before `-`, and of a token's own only `+` does.
    if has_byte_below(token, b'-') {
        if token.contains(',') {
            return Err(Rejection::RequestAmbiguous(Ambiguous::SeveralCredentials));
        }
        // A single word is taken as the token even with characters that RFC 6750 §2.1 excludes: the token's parser then names the
        // character and its segment.
        if token.contains([' ', '\t', '"', '\'']) {
            return Err(Rejection::RequestAmbiguous(Ambiguous::BadSyntax));
        }
    }
    if token.trim_end_matches('=').is_empty() {
        return Err(Rejection::RequestAmbiguous(Ambiguous::BadSyntax));
    }
    Ok(token)
}

/// Whether the text between two commas is a credential of this scheme. No parameter of another scheme starts like that.
fn has_scheme(part: &str, scheme: &str) -> bool {
    let given = part.trim_start_matches([' ', '\t']).split([' ', '\t']).next();
    given.is_some_and(|given| given.eq_ignore_ascii_case(scheme))
}
