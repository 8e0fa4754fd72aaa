//! The `WWW-Authenticate` header of a refused request (RFC 6750 §3).

use crate::rejection::Rejection;

/// The RFC 6750 §3.1 error code of a rejection. A request without credentials gets none, and neither does one whose cookie does not count: no
/// other token helps.
#[must_use]
pub fn bearer_error(rejection: &Rejection) -> Option<&'static str> {
    match rejection {
        Rejection::TokenMissing(_) | Rejection::CrossSite { .. } => None,
        Rejection::RequestAmbiguous(_) => Some("invalid_request"),
        Rejection::ScopeInsufficient { .. } => Some("insufficient_scope"),
        _ => Some("invalid_token"),
    }
}

/// The challenge for a rejection. `realm` must be [`quotable`]; `detail` is the description of the error.
#[must_use]
pub fn challenge(rejection: &Rejection, realm: &str, detail: &str) -> String {
    let mut challenge = format!("Bearer realm=\"{realm}\"");
    let mut add = |name: &str, value: &str| {
        challenge.push_str(", ");
        challenge.push_str(name);
        challenge.push_str("=\"");
        challenge.push_str(value);
        challenge.push('"');
    };
    if let Some(error) = bearer_error(rejection) {
        add("error", error);
        add("error_description", &quotable(detail));
    }
    if let Rejection::ScopeInsufficient { required, .. } = rejection {
        add("scope", &quotable(&required.join(" ")));
    }
    challenge
}

/// `text` with only the characters that RFC 6750 §3 allows in `error_description` and `scope`, and RFC 6749 §5.2 in
/// `error_description`: visible ASCII and spaces without `"` and `\`. Typographic characters get their usual ASCII form, all
/// others become `?`.
#[must_use]
pub fn quotable(text: &str) -> String {
    let mut quotable = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '`' | '\u{2018}'..='\u{201f}' | '\u{2039}' | '\u{203a}' | '\u{ab}' | '\u{bb}' => {
                quotable.push('\'');
            }
            ' '..='~' if c != '\\' => quotable.push(c),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => quotable.push('-'),
            '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' => quotable.push(' '),
            '…' => quotable.push_str("..."),
            '§' => quotable.push_str("section "),
            '→' => quotable.push_str("->"),
            _ => quotable.push('?'),
        }
    }
    quotable
}
