//! Tokens sent with something around them, and words sent instead of a token. Each gets a sentence that says what to send.

use edge_assay_verifier::credentials::PLACEHOLDERS;

/// What a parameter holds that should hold a token alone. Reads as the end of a sentence that begins with the parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFormError {
    /// Nothing.
    #[error("is empty; send a token")]
    Empty,
    /// A JSON object, such as the response of a token endpoint.
    #[error("is a JSON object; send only the token that it contains, such as the value of `access_token`")]
    JsonObject,
    /// A token in quotation marks.
    #[error("has quotation marks around it; send the token without them")]
    Quotes,
    /// A whole `Authorization` header.
    #[error("begins with `Authorization:`; send the token alone, without the header's name and scheme")]
    HeaderName,
    /// A token with the scheme of an `Authorization` header before it.
    #[error("begins with `Bearer `; send the token alone, without that word")]
    Scheme,
    /// A word that stands for a missing value.
    #[error("is the word `{0}` instead of a token; the client had no token when it sent the request")]
    Placeholder(&'static str),
    /// A space, a tab or a line break, inside the token or around it.
    #[error("contains white space; send the token alone, on one line")]
    WhiteSpace,
}

/// Checks that `text` could be a token: it holds nothing else, and no white space.
///
/// # Errors
/// [`TokenFormError`] otherwise. Whether the text is a JWT is not checked here.
pub fn check(text: &str) -> Result<(), TokenFormError> {
    // The alphabet of tokens, and a dot, which no placeholder has. Most callers send this, and the rules below take longer than a signature.
    if text.contains('.')
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_'))
    {
        return Ok(());
    }
    let trimmed = text.trim();
    let lower = trimmed.to_ascii_lowercase();
    if trimmed.is_empty() {
        return Err(TokenFormError::Empty);
    }
    if trimmed.starts_with('{') {
        return Err(TokenFormError::JsonObject);
    }
    if trimmed.starts_with(['"', '\'']) || trimmed.ends_with(['"', '\'']) {
        return Err(TokenFormError::Quotes);
    }
    if lower.starts_with("authorization:") {
        return Err(TokenFormError::HeaderName);
    }
    if lower
        .strip_prefix("bearer")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    {
        return Err(TokenFormError::Scheme);
    }
    if let Some(word) = PLACEHOLDERS.iter().find(|word| **word == trimmed) {
        return Err(TokenFormError::Placeholder(word));
    }
    if text.contains(char::is_whitespace) {
        return Err(TokenFormError::WhiteSpace);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_taken_for_a_token() {
        for placeholder in PLACEHOLDERS {
            assert!(check(placeholder).is_err(), "{placeholder}");
        }
    }

    #[test]
    fn everything_around_a_token_is_named() {
        use TokenFormError::{Empty, HeaderName, JsonObject, Placeholder, Quotes, Scheme, WhiteSpace};
        for (text, expected) in [
            ("a.b.c", Ok(())),
            ("", Err(Empty)),
            (" \r\n", Err(Empty)),
            ("Bearer a.b.c", Err(Scheme)),
            ("bEARER\ta.b.c", Err(Scheme)),
            ("\nBearer a.b.c", Err(Scheme)),
            ("Bearer", Err(Scheme)),
            ("bearer.b.c", Ok(())),
            ("Authorization: Bearer a.b.c", Err(HeaderName)),
            ("authorization:a.b.c", Err(HeaderName)),
            ("\"a.b.c\"", Err(Quotes)),
            ("'a.b.c'", Err(Quotes)),
            ("a.b.c\"", Err(Quotes)),
            ("\"Bearer a.b.c\"", Err(Quotes)),
            ("{\"access_token\":\"a.b.c\"}", Err(JsonObject)),
            (" { \"id_token\": \"a.b.c\" }\n", Err(JsonObject)),
            ("null", Err(Placeholder("null"))),
            ("undefined\n", Err(Placeholder("undefined"))),
            ("[object Promise]", Err(Placeholder("[object Promise]"))),
            ("nullable", Ok(())),
            ("a.b.c\n", Err(WhiteSpace)),
            (" a.b.c", Err(WhiteSpace)),
            ("a.b\r\n.c", Err(WhiteSpace)),
            ("JWT a.b.c", Err(WhiteSpace)),
            ("a.b.c\u{a0}", Err(WhiteSpace)),
        ] {
            assert_eq!(check(text), expected, "{text:?}");
        }
    }
}
