//! The Bearer token of a request (RFC 6750 §2.1), or how it is missing or ambiguous.

use crate::ports::IncomingRequest;
use crate::rejection::{Ambiguous, Missing, Rejection};

/// What clients send in place of a token they do not have.
const LITERALS: &[&str] =
    &["null", "undefined", "None", "nil", "false", "NaN", "[object Object]", "[object Promise]"];

/// The token in the request's `Authorization` header.
///
/// # Errors
/// [`Rejection::TokenMissing`] without one, [`Rejection::RequestAmbiguous`] with more than one or something else.
pub fn bearer_token(request: &impl IncomingRequest) -> Result<String, Rejection> {
    bearer_token_beside(request, request.query())
}

/// As [`bearer_token`], where the query that may hold a second one is another request's.
///
/// # Errors
/// The same.
pub fn bearer_token_beside(request: &impl IncomingRequest, query: Option<&str>) -> Result<String, Rejection> {
    let Some(header) = request.header("authorization") else {
        return Err(Rejection::TokenMissing(Missing::NoCredentials));
    };
    let token = parse(&header)?.to_owned();
    if has_query_token(query) {
        return Err(Rejection::RequestAmbiguous(Ambiguous::QueryBesideHeader));
    }
    Ok(token)
}

/// The token in a text that somebody has pasted: a token, or a whole `Authorization` header. Read as a header would be, so
/// that the word `null` is found out; only the line breaks of a terminal or a mail are taken out.
///
/// # Errors
/// As [`bearer_token`].
pub fn given(text: &str) -> Result<String, Rejection> {
    let text: String = text.trim().chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let lower = text.to_ascii_lowercase();
    let cut = if lower.starts_with("authorization:") { "authorization:".len() } else { 0 };
    let value = text.get(cut..).unwrap_or_default().trim();
    let has_scheme = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))
        || value.eq_ignore_ascii_case("bearer");
    if has_scheme || cut > 0 {
        return parse(value).map(str::to_owned);
    }
    if value.is_empty() {
        return Err(Rejection::TokenMissing(Missing::NoCredentials));
    }
    parse(&format!("Bearer {value}")).map(str::to_owned)
}

fn has_query_token(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("access_token=")))
}

/// The token in the value of an `Authorization` header. Several headers arrive joined by a comma, which no token holds.
fn parse(header: &str) -> Result<&str, Rejection> {
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
    if let Some(literal) = LITERALS.iter().find(|literal| **literal == token) {
        return Err(Rejection::TokenMissing(Missing::Literal(literal)));
    }
    if is_b64token(token) {
        return Ok(token);
    }
    let has_comma = token.contains(',');
    Err(Rejection::RequestAmbiguous(if has_comma {
        Ambiguous::SeveralCredentials
    } else {
        Ambiguous::BadSyntax
    }))
}

/// Whether what follows a comma is a Bearer credential of its own. No parameter of another scheme begins so.
fn is_bearer(part: &str) -> bool {
    let scheme = part.trim_start_matches([' ', '\t']).split([' ', '\t']).next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}

/// `b64token` of RFC 6750 §2.1.
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_header_holds() {
        use Ambiguous::{BadSyntax, SeveralCredentials};
        let missing = |missing| Err(Rejection::TokenMissing(missing));
        let ambiguous = |ambiguous| Err(Rejection::RequestAmbiguous(ambiguous));
        let cases = [
            ("Bearer a.b.c", Ok("a.b.c")),
            ("bEARER  a.b.c ", Ok("a.b.c")),
            ("Bearer a.b.c==", Ok("a.b.c==")),
            ("", missing(Missing::NoCredentials)),
            ("Bearer", missing(Missing::Empty)),
            ("Bearer  ", missing(Missing::Empty)),
            ("Bearer null", missing(Missing::Literal("null"))),
            ("Bearer undefined", missing(Missing::Literal("undefined"))),
            ("Bearer [object Promise]", missing(Missing::Literal("[object Promise]"))),
            ("Basic dTpw", missing(Missing::OtherScheme)),
            ("a.b.c", missing(Missing::OtherScheme)),
            ("Bearer a.b.c, Bearer d.e.f", ambiguous(SeveralCredentials)),
            ("Bearer a.b.c,Basic dTpw", ambiguous(SeveralCredentials)),
            ("Basic dTpw, Bearer a.b.c", ambiguous(SeveralCredentials)),
            (", bearer a.b.c", ambiguous(SeveralCredentials)),
            ("Digest realm=\"a, bearers\", uri=\"/\"", missing(Missing::OtherScheme)),
            ("Bearer \"a.b.c\"", ambiguous(BadSyntax)),
            ("Bearer a.b.c d", ambiguous(BadSyntax)),
            ("Bearer Bearer a.b.c", ambiguous(BadSyntax)),
            ("Bearer ==", ambiguous(BadSyntax)),
            ("Bearer a\u{e9}", ambiguous(BadSyntax)),
        ];
        for (header, expected) in cases {
            assert_eq!(parse(header), expected, "{header}");
        }
    }

    #[test]
    fn a_token_in_the_query_is_seen_by_its_exact_name() {
        assert!(has_query_token(Some("a=1&access_token=x")));
        assert!(!has_query_token(Some("my_access_token=x")));
        assert!(!has_query_token(None));
    }
}
