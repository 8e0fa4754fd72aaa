//! The `Cookie` header (RFC 6265 §5.4): the value of one cookie, a value that is spread over several, and the header without some of them.
//!
//! Any server of a site can set a cookie for the whole site. A browser then sends two cookies of one name, in an order that the other server can
//! choose. So two values of one name are never told apart by their order: they are refused.

use std::borrow::Cow;

use crate::limits::{MAX_COOKIE_CHUNKS, MAX_SESSION_COOKIE_BYTES};
use crate::rejection::{Ambiguous, Missing, Rejection};

const SPACE: [char; 2] = [' ', '\t'];

/// The names and values of the header, in its order. A cookie without a name is left out.
pub(super) fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim_matches(SPACE), value.trim_matches(SPACE));
        (!name.is_empty()).then_some((name, unquoted(value)))
    })
}

/// The value without the two quotes around it (RFC 6265 §4.1.1).
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// The names of cookies that stand behind a comma in this pair, also in its name. Two `Cookie` headers are joined by a comma on some ways, so some
/// servers read such a text as a cookie.
fn behind_commas(pair: &str) -> impl Iterator<Item = &str> {
    pair.split(',').skip(1).filter_map(|part| Some(part.split_once('=')?.0.trim_matches(SPACE)))
}

/// The values of the cookies whose names `is_wanted` accepts. Empty values are left out, because deleting a cookie can leave one.
///
/// # Errors
/// [`Ambiguous::CookieTwice`] if there are several different ones, or if one is hidden behind a comma.
pub(super) fn one<'h>(
    header: &'h str,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Option<&'h str>, Rejection> {
    if header.split(';').flat_map(behind_commas).any(is_wanted) {
        return Err(Rejection::RequestAmbiguous(Ambiguous::CookieTwice));
    }
    let mut found = None;
    for (name, value) in pairs(header) {
        if !is_wanted(name) || value.is_empty() {
            continue;
        }
        if found.is_some_and(|known| known != value) {
            return Err(Rejection::RequestAmbiguous(Ambiguous::CookieTwice));
        }
        found = Some(value);
    }
    Ok(found)
}

/// The number of a chunk of the cookie `base`, if `name` is the name of one: `base.0`, `base.1`, … without leading zeros.
fn chunk_number(name: &str, base: &str) -> Option<usize> {
    let digits = name.strip_prefix(base)?.strip_prefix('.')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.is_empty()
        && (digits == "0" || !digits.starts_with('0'));
    if is_number { digits.parse().ok() } else { None }
}

/// Whether `name` is the cookie `base` or one of its chunks.
pub(super) fn is_part_of(name: &str, base: &str) -> bool {
    name == base || chunk_number(name, base).is_some()
}

/// The value of the cookie `base`, or of its chunks `base.0`, `base.1`, … joined until one is missing.
///
/// # Errors
/// [`Ambiguous::CookieTwice`] if a part has two values, or if there are both the cookie and its chunks: either could be another server's.
/// [`Missing::SessionUnreadable`] if there are more than [`MAX_COOKIE_CHUNKS`] or [`MAX_SESSION_COOKIE_BYTES`].
pub(super) fn joined<'h>(header: &'h str, base: &str) -> Result<Option<Cow<'h, str>>, Rejection> {
    let whole = one(header, &|name| name == base)?;
    let chunk = |number: usize| one(header, &|name| chunk_number(name, base) == Some(number));
    let Some(first) = chunk(0)? else { return Ok(whole.map(Cow::Borrowed)) };
    if whole.is_some() {
        return Err(Rejection::RequestAmbiguous(Ambiguous::CookieTwice));
    }
    let unreadable = Rejection::TokenMissing(Missing::SessionUnreadable);
    let mut value = first.to_owned();
    for number in 1.. {
        let Some(next) = chunk(number)? else { break };
        if number >= MAX_COOKIE_CHUNKS || value.len().saturating_add(next.len()) > MAX_SESSION_COOKIE_BYTES {
            return Err(unreadable);
        }
        value.push_str(next);
    }
    Ok(Some(Cow::Owned(value)))
}

/// The cookies of [`joined`]: their names and values.
pub(super) fn parts<'h>(header: &'h str, base: &str) -> Vec<(&'h str, &'h str)> {
    let sent = || pairs(header).filter(|(_, value)| !value.is_empty());
    let whole: Vec<_> = sent().filter(|(name, _)| *name == base).collect();
    if !whole.is_empty() {
        return whole;
    }
    let mut found = Vec::new();
    for number in 0..MAX_COOKIE_CHUNKS {
        let before = found.len();
        found.extend(sent().filter(|(name, _)| chunk_number(name, base) == Some(number)));
        if found.len() == before {
            break;
        }
    }
    found
}

/// Whether the header has a chunk of the cookie `base` other than the first, `base.0`.
pub(super) fn has_later_chunk(header: &str, base: &str) -> bool {
    pairs(header)
        .any(|(name, value)| !value.is_empty() && chunk_number(name, base).is_some_and(|number| number > 0))
}

/// The header without the cookies whose names `is_removed` accepts, except those of `kept`. The others stay as they were sent.
pub(super) fn without(header: &str, kept: &[(&str, &str)], is_removed: &dyn Fn(&str) -> bool) -> String {
    let is_kept = |pair: &&str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (name.trim_matches(SPACE), unquoted(value.trim_matches(SPACE)));
        (kept.contains(&(name, value)) || !is_removed(name)) && !behind_commas(pair).any(is_removed)
    };
    let mut kept = String::with_capacity(header.len());
    for pair in header.split(';').map(|pair| pair.trim_matches(SPACE)).filter(|pair| !pair.is_empty()) {
        if is_kept(&pair) {
            if !kept.is_empty() {
                kept.push_str("; ");
            }
            kept.push_str(pair);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWICE: Rejection = Rejection::RequestAmbiguous(Ambiguous::CookieTwice);
    const UNREADABLE: Rejection = Rejection::TokenMissing(Missing::SessionUnreadable);

    #[test]
    fn a_cookie_is_found_by_its_exact_name_and_two_values_of_it_are_refused() {
        for (header, expected) in [
            ("", Ok(None)),
            ("s=a", Ok(Some("a"))),
            ("x=1; s=a; y=2", Ok(Some("a"))),
            (" \ts = a\t;x=1", Ok(Some("a"))),
            ("s=\"a\"", Ok(Some("a"))),
            ("s=\"a", Ok(Some("\"a"))),
            ("s=a=b", Ok(Some("a=b"))),
            ("S=a; ss=b; s_=c; __Host-s=d; s.0=e", Ok(None)),
            ("s", Ok(None)),
            ("=s=a", Ok(None)),
            ("s=", Ok(None)),
            ("s=; s=a", Ok(Some("a"))),
            ("s=a; s=a", Ok(Some("a"))),
            ("s=a; s=\"a\"", Ok(Some("a"))),
            ("s=a; s=b", Err(TWICE)),
            ("s=b; x=1; s=a", Err(TWICE)),
            ("s=a, s=b", Err(TWICE)),
            ("x=1, s=b", Err(TWICE)),
            ("x=1,\ts =b; y=2", Err(TWICE)),
            ("x, s=b", Err(TWICE)),
            ("s=a; x, s=b", Err(TWICE)),
            ("s=a; =x, y, s=b", Err(TWICE)),
            ("s=a; x, y=b", Ok(Some("a"))),
            ("x=1, 2, 3; s=a", Ok(Some("a"))),
            ("x={\"s\":1,\"t\":2}; s=a", Ok(Some("a"))),
        ] {
            assert_eq!(one(header, &|name| name == "s"), expected, "{header}");
        }
    }

    #[test]
    fn chunks_are_joined_in_the_order_of_their_numbers_until_one_is_missing() {
        for (header, expected) in [
            ("s.1=b; s.0=a; s.2=c", Ok(Some("abc"))),
            ("s.0=a; s.2=c", Ok(Some("a"))),
            ("s.1=b", Ok(None)),
            ("s.00=a; s.01=b", Ok(None)),
            ("s.0=a; s.01=b; s.+1=c; s.1 =d", Ok(Some("ad"))),
            ("s.=a; s.x=b; s.0x=c", Ok(None)),
            ("s=w", Ok(Some("w"))),
            ("s=w; s.1=b", Ok(Some("w"))),
            ("s=; s.0=a", Ok(Some("a"))),
            ("s=w; s.0=a", Err(TWICE)),
            ("s.0=a; s.1=b; s.1=c", Err(TWICE)),
            ("s.0=a; s.1=b; s.1=b", Ok(Some("ab"))),
            ("s.0=a; s.99999999999999999999999=b", Ok(Some("a"))),
        ] {
            let found = joined(header, "s");
            assert_eq!(found.as_ref().map(|value| value.as_deref()), expected.as_ref().copied(), "{header}");
        }
    }

    #[test]
    fn the_number_and_the_size_of_chunks_are_bounded() {
        let header = |count: usize, length: usize| {
            let chunks = (0..count).map(|number| format!("s.{number}={}", "a".repeat(length)));
            chunks.collect::<Vec<_>>().join("; ")
        };
        let length = |header: &str| joined(header, "s").map(|value| value.unwrap().len());
        assert_eq!(length(&header(MAX_COOKIE_CHUNKS, 3)), Ok(MAX_COOKIE_CHUNKS * 3));
        assert_eq!(length(&header(MAX_COOKIE_CHUNKS + 1, 3)), Err(UNREADABLE));
        let half = MAX_SESSION_COOKIE_BYTES / 2;
        assert_eq!(length(&header(2, half)), Ok(2 * half));
        assert_eq!(length(&header(2, half + 1)), Err(UNREADABLE));
    }

    #[test]
    fn a_removed_cookie_leaves_the_others_as_they_were_sent() {
        for (header, expected) in [
            ("s=a", ""),
            ("s=a; s=b;s.0=c; s.12=d", ""),
            ("x=1; s=a; y=\"2\"", "x=1; y=\"2\""),
            ("x=1;y=2;; z", "x=1; y=2; z"),
            ("ss=a; S=b; s.x=c; s.01=d", "ss=a; S=b; s.x=c; s.01=d"),
            ("x=1, s=a; y=2", "y=2"),
            ("x, s=a; y=2", "y=2"),
            ("s", ""),
        ] {
            assert_eq!(without(header, &[], &|name| is_part_of(name, "s")), expected, "{header}");
        }
    }

    #[test]
    fn of_the_cookies_that_are_removed_only_those_that_were_read_are_kept() {
        for (header, expected) in [
            ("s=a; x=1", "s=a; x=1"),
            ("s=\"a\"; s=a; s=", "s=\"a\"; s=a"),
            ("s=a; s.0=", "s=a"),
            ("s=w; s.1=b", "s=w"),
            ("s.1=b; s.0=a; s.3=d; s.12=e", "s.1=b; s.0=a"),
            ("x=1", "x=1"),
        ] {
            let kept = parts(header, "s");
            assert_eq!(without(header, &kept, &|name| is_part_of(name, "s")), expected, "{header}");
        }
    }
}
