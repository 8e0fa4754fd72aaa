//! The token in a text that a user pasted.

use edge_assay_verifier::credentials;
use serde_json::Value;

use crate::explain::Presented;
use crate::jose::json;
use crate::rejection::{Ambiguous, Missing, Rejection};

/// The token in a text that a user pasted: a token, a whole `Authorization` header, or a JSON object such as the response of a
/// token endpoint. The text is read like the header, so that words such as `null` are recognised. Line breaks are removed,
/// because terminals and mail programs insert them.
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
            // An empty object means that there is no token. Any other object is explained as text.
            None if object.as_object().is_some_and(serde_json::Map::is_empty) => {
                Err(Rejection::TokenMissing(Missing::NoCredentials)).into()
            }
            None => Ok(text).into(),
        };
    }
    bare(&text).into()
}

/// Members that usually hold a token. The access token, which APIs take, comes first.
const TOKEN_MEMBERS: [&str; 4] = ["access_token", "token", "jwt", "id_token"];
/// Members of a session object that may contain these members.
const WRAPPING_MEMBERS: [&str; 2] = ["session", "data"];
/// The deepest nesting that is searched: `{"data":{"session":{"access_token":…}}}`.
const JSON_LEVELS: usize = 3;

/// The token in a JSON object, with the name of its member; `None` as the token if the member is null.
fn token_in(value: &Value, levels: usize) -> Option<(&'static str, Option<&str>)> {
    let (members, levels) = (value.as_object()?, levels.checked_sub(1)?);
    let own = TOKEN_MEMBERS.into_iter().find_map(|name| match members.get(name)? {
        Value::String(token) => Some((name, Some(token.as_str()))),
        Value::Null => Some((name, None)),
        _ => None,
    });
    own.or_else(|| WRAPPING_MEMBERS.into_iter().find_map(|name| token_in(members.get(name)?, levels)))
}

/// The token in a text that is not a JSON object.
fn bare(text: &str) -> Result<String, Rejection> {
    let lower = text.to_ascii_lowercase();
    let cut = if lower.starts_with("authorization:") { "authorization:".len() } else { 0 };
    let value = text.get(cut..).unwrap_or_default().trim();
    let is_scheme = |scheme: &str| ["bearer", "dpop"].iter().any(|one| scheme.eq_ignore_ascii_case(one));
    let has_scheme = value.split([' ', '\t']).next().is_some_and(is_scheme);
    if has_scheme || cut > 0 {
        return credentials::bearer_token(value).map(str::to_owned);
    }
    if value.is_empty() {
        return Err(Rejection::TokenMissing(Missing::NoCredentials));
    }
    match credentials::bearer_token(&format!("Bearer {value}")) {
        // The text does not say `Bearer`, so it is not a malformed header but a text that is not a token.
        Err(Rejection::RequestAmbiguous(Ambiguous::BadSyntax)) if !value.contains(['"', '\'']) => {
            Ok(value.to_owned())
        }
        outcome => outcome.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_from_the_json_around_it() {
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
            ("Bearer\ta.b.c", (Ok("a.b.c".to_owned()), None)),
            ("hello world", (Ok("hello world".to_owned()), None)),
        ] {
            assert_eq!(taken(text), expected, "{text}");
        }
    }
}
