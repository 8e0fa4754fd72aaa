//! Reads a Bearer token from the parts of a request (RFC 6750 §2.1), or says why it is missing or ambiguous.

use crate::rejection::{Ambiguous, Missing, Rejection};

/// The words that clients send when they have no token.
pub const PLACEHOLDERS: &[&str] =
    &["null", "undefined", "None", "nil", "false", "NaN", "[object Object]", "[object Promise]"];

/// The value of the parameter `access_token` (RFC 6750 §2.3).
#[must_use]
pub fn query_token(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("access_token="))
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
        return Err(if header.split(',').skip(1).any(is_bearer) {
            Rejection::RequestAmbiguous(Ambiguous::SeveralCredentials)
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
    if token.contains(',') {
        return Err(Rejection::RequestAmbiguous(Ambiguous::SeveralCredentials));
    }
    // A single word is taken as the token even with characters that RFC 6750 §2.1 excludes: the token's parser then names the
    // character and its segment.
    if token.contains([' ', '\t', '"', '\'']) || token.trim_end_matches('=').is_empty() {
        return Err(Rejection::RequestAmbiguous(Ambiguous::BadSyntax));
    }
    Ok(token)
}

/// Whether the text after a comma is another Bearer credential. No parameter of another scheme starts like that.
fn is_bearer(part: &str) -> bool {
    let scheme = part.trim_start_matches([' ', '\t']).split([' ', '\t']).next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}
