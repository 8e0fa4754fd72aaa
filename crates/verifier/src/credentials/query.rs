//! A token in the query of a URL (RFC 6750 §2.3): how it is read, and the query without it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::names;
use crate::rejection::{Ambiguous, Rejection};

/// A part of a pair, as servers decode it.
fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}

fn is_named(pair: &str, name: &str) -> bool {
    let given = pair.split_once('=').map_or(pair, |(given, _)| given);
    decoded(given) == name
}

/// The value of the parameter `name`; `None` if there is none, or if it is empty.
///
/// # Errors
/// [`Ambiguous::QueryTwice`] if it occurs more than once: servers choose differently.
pub fn value(query: &str, name: &str) -> Result<Option<String>, Rejection> {
    let mut found = query.split('&').filter(|pair| is_named(pair, name));
    let Some(pair) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(Rejection::RequestAmbiguous(Ambiguous::QueryTwice));
    }
    let value = pair.split_once('=').map(|(_, value)| decoded(value).into_owned());
    Ok(value.filter(|value| !value.is_empty()))
}

/// The query without the parameters that `names` lists, and those that some server may take for one of them. Some servers end a parameter at a
/// semicolon too (HTML 4.01 §B.2.2). The others stay as they were sent.
pub(super) fn without<'n>(query: &str, names: &(impl Iterator<Item = &'n str> + Clone)) -> String {
    let may_be = |part: &str| {
        let given = part.split_once('=').map_or(part, |(given, _)| given);
        names.clone().any(|name| names::may_be(given, name, str::is_empty))
    };
    let is_kept = |pair: &&str| !pair.split(';').any(may_be);
    query.split('&').filter(is_kept).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_as_servers_decode_it_and_never_twice() {
        let twice = || Err(Rejection::RequestAmbiguous(Ambiguous::QueryTwice));
        let found = |value: &str| Ok(Some(value.to_owned()));
        for (query, expected) in [
            ("", Ok(None)),
            ("t=a.b.c", found("a.b.c")),
            ("x=1&t=a.b.c&y=2", found("a.b.c")),
            ("t=a%2Eb.c", found("a.b.c")),
            ("%74=a.b.c", found("a.b.c")),
            ("t=a+b", found("a b")),
            ("t=", Ok(None)),
            ("t", Ok(None)),
            ("T=a&tt=b&x=t&+t=c", Ok(None)),
            ("t=a&t=b", twice()),
            ("t=a&t=a", twice()),
            ("t=a&%74=b", twice()),
            ("t&t=a", twice()),
            ("x=1;t=a", Ok(None)),
            ("t=%ff", found("\u{fffd}")),
        ] {
            assert_eq!(value(query, "t"), expected, "{query}");
        }
    }

    #[test]
    fn the_other_parameters_stay_as_they_were_sent() {
        for (query, expected) in [
            ("t=a", ""),
            ("x=%20+&t=a&&y", "x=%20+&&y"),
            ("%74=a&t&u=c&tt=b", "tt=b"),
            ("x=1", "x=1"),
            ("x;y=1&z;t=1", "x;y=1"),
        ] {
            assert_eq!(without(query, &["t", "u"].into_iter()), expected, "{query}");
        }
    }
}
