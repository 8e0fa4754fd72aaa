//! The Bearer token of a request (RFC 6750 §2.1), or how it is missing or ambiguous.

use serde_json::Value;

use crate::explain::Presented;
use crate::jose::json;
use crate::ports::IncomingRequest;
use crate::rejection::{Ambiguous, Missing, Rejection};

/// What clients send in place of a token they do not have.
const LITERALS: &[&str] = crate::exchange::token_form::PLACEHOLDERS;

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

/// The token in a text that somebody has pasted: a token, a whole `Authorization` header, or a JSON object such as a token
/// endpoint's answer. Read as a header would be, so that the word `null` is found out; only the line breaks of a terminal or
/// a mail are taken out.
#[must_use]
pub fn given(text: &str) -> Presented {
    let text: String = text.trim().chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    if text.starts_with('{')
        && let Ok(object) = json::parse_value(&text)
    {
        let found = token_in(&object, JSON_LEVELS);
        return match found {
            Some((member, Some(token))) => {
                Presented { token: bare(token), taken_from: Some(member), request: None }
            }
            Some((member, None)) => {
                let token = Err(Rejection::TokenMissing(Missing::Literal("null")));
                Presented { token, taken_from: Some(member), request: None }
            }
            // Without any member it says nothing; with others it is explained as the text that it is.
            None if object.as_object().is_some_and(serde_json::Map::is_empty) => {
                Err(Rejection::TokenMissing(Missing::NoCredentials)).into()
            }
            None => Ok(text).into(),
        };
    }
    bare(&text).into()
}

/// The members under which a token usually stands, the one that APIs take first.
const TOKEN_MEMBERS: [&str; 4] = ["access_token", "token", "jwt", "id_token"];
/// The members of a session object that may hold them.
const WRAPPING_MEMBERS: [&str; 2] = ["session", "data"];
/// How deep they may stand: `{"data":{"session":{"access_token":…}}}`.
const JSON_LEVELS: usize = 3;

/// The token in a JSON object with the name of its member; without a text where that is null.
fn token_in(value: &Value, levels: usize) -> Option<(&'static str, Option<&str>)> {
    let (members, levels) = (value.as_object()?, levels.checked_sub(1)?);
    let own = TOKEN_MEMBERS.into_iter().find_map(|name| match members.get(name)? {
        Value::String(token) => Some((name, Some(token.as_str()))),
        Value::Null => Some((name, None)),
        _ => None,
    });
    own.or_else(|| WRAPPING_MEMBERS.into_iter().find_map(|name| token_in(members.get(name)?, levels)))
}

/// The token in a text that is no JSON object.
fn bare(text: &str) -> Result<String, Rejection> {
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
    match parse(&format!("Bearer {value}")) {
        // Nobody said Bearer, so this is no malformed header but a text that is no token.
        Err(Rejection::RequestAmbiguous(Ambiguous::BadSyntax)) if !value.contains(['"', '\'']) => {
            Ok(value.to_owned())
        }
        outcome => outcome.map(str::to_owned),
    }
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
    if token.contains(',') {
        return Err(Rejection::RequestAmbiguous(Ambiguous::SeveralCredentials));
    }
    // One word is taken for the token, though it may hold what no token does (RFC 6750 §2.1): whoever reads the token says
    // which character that is and where.
    if token.contains([' ', '\t', '"', '\'']) || token.trim_end_matches('=').is_empty() {
        return Err(Rejection::RequestAmbiguous(Ambiguous::BadSyntax));
    }
    Ok(token)
}

/// Whether what follows a comma is a Bearer credential of its own. No parameter of another scheme begins so.
fn is_bearer(part: &str) -> bool {
    let scheme = part.trim_start_matches([' ', '\t']).split([' ', '\t']).next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
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
            ("Bearer a\u{e9}", Ok("a\u{e9}")),
            ("Bearer a%2Eb%2Ec", Ok("a%2Eb%2Ec")),
            ("Bearer ..", Ok("..")),
            ("Bearer a.b\u{200b}.c", Ok("a.b\u{200b}.c")),
        ];
        for (header, expected) in cases {
            assert_eq!(parse(header), expected, "{header}");
        }
    }

    #[test]
    fn a_token_is_taken_out_of_the_json_around_it() {
        let taken = |text: &str| (given(text).token, given(text).taken_from);
        let from = |member: &'static str| (Ok("a.b.c".to_owned()), Some(member));
        for (text, expected) in [
            (r#"{"access_token":"a.b.c","id_token":"d.e.f","token_type":"Bearer"}"#, from("access_token")),
            (" {\"id_token\": \"a.b.c\"}\n", from("id_token")),
            (r#"{"jwt":"Bearer a.b.c"}"#, from("jwt")),
            (r#"{"data":{"session":{"access_token":"a.b.c"}}}"#, from("access_token")),
            (
                r#"{"access_token":null}"#,
                (Err(Rejection::TokenMissing(Missing::Literal("null"))), Some("access_token")),
            ),
            ("{}", (Err(Rejection::TokenMissing(Missing::NoCredentials)), None)),
            (r#"{"user":{"id":"a.b.c"}}"#, (Ok(r#"{"user":{"id":"a.b.c"}}"#.to_owned()), None)),
            ("a.b.c", (Ok("a.b.c".to_owned()), None)),
            ("hello world", (Ok("hello world".to_owned()), None)),
        ] {
            assert_eq!(taken(text), expected, "{text}");
        }
    }

    #[test]
    fn a_token_in_the_query_is_seen_by_its_exact_name() {
        assert!(has_query_token(Some("a=1&access_token=x")));
        assert!(!has_query_token(Some("my_access_token=x")));
        assert!(!has_query_token(None));
    }
}
