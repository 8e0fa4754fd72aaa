//! A request's path, normalised once: what is matched against the routes is what the upstream gets.
//!
//! What two servers could read differently is refused, not repaired: dot segments, an encoded slash, backslashes, control
//! characters, `;` (which some servers cut off before they look), broken or doubled encoding, and what is not UTF-8. So are
//! the names by which file systems know a file besides its own: with dots or spaces at the end, with an NTFS stream, with
//! invisible characters, with characters that Windows turns into a slash, and with the full-width and similar forms of all that
//! is refused. What all read alike is brought to one form: escapes
//! of unreserved characters are decoded, the others in upper case (RFC 3986 §6.2.2), and empty segments go.

use crate::characters::is_invisible;
use crate::limits::MAX_PATH_BYTES;

/// A path in its one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    has_empty_segments: bool,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer than [`MAX_PATH_BYTES`].
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// No slash at the beginning.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// A character that has to be encoded, or a control character, encoded or not.
    #[error("the path holds a character that may not be there")]
    Character,
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a % without two hexadecimal digits")]
    Escape,
    /// `%2F`.
    #[error("the path holds an encoded slash")]
    EncodedSlash,
    /// A backslash, encoded or not.
    #[error("the path holds a backslash")]
    Backslash,
    /// `.` or `..` as a segment, encoded or not.
    #[error("the path holds a segment of dots")]
    Dots,
    /// `;`, encoded or not.
    #[error("the path holds a semicolon")]
    Semicolon,
    /// `%25` with two hexadecimal digits behind it.
    #[error("the path is encoded twice")]
    EncodedTwice,
    /// Escapes that are not UTF-8.
    #[error("the path is not UTF-8")]
    Utf8,
    /// A segment that begins or ends with white space or ends with a dot. Windows drops the end; some frameworks drop white
    /// space on both sides.
    #[error("a segment of the path begins or ends with a space, or ends with a dot")]
    Trimmed,
    /// `:$`, which in NTFS begins the type of a stream: `a::$DATA` is the file `a`.
    #[error("the path names a stream of a file")]
    Stream,
    /// An invisible character. HFS+ leaves them out.
    #[error("the path holds an invisible character")]
    Invisible,
    /// A character that Windows turns into a slash or a backslash where it converts a text to its own code page.
    #[error("the path holds a character that some servers read as a slash")]
    SlashLike,
}

impl Path {
    /// Brings `raw`, a path as it was sent, to its one form.
    ///
    /// # Errors
    /// [`PathError`] for what servers read in different ways.
    pub fn normalise(raw: &str) -> Result<Self, PathError> {
        if raw.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let rest = raw.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        let mut text = String::with_capacity(raw.len());
        let mut has_empty_segments = false;
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            match (segment.is_empty(), segments.peek().is_some()) {
                // Only the one behind the last slash may be empty.
                (true, true) => has_empty_segments = true,
                (true, false) => text.push('/'),
                (false, _) => {
                    text.push('/');
                    push_segment(&mut text, segment)?;
                }
            }
        }
        Ok(Self { text, has_empty_segments })
    }

    /// The path, with its slash at the beginning and, if it had one, at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there were empty segments, as in `//`, which are gone now.
    #[must_use]
    pub fn has_empty_segments(&self) -> bool {
        self.has_empty_segments
    }

    /// Its segments, in their encoded form. A slash at the end adds none.
    pub fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        self.text.split('/').filter(|segment| !segment.is_empty())
    }
}

fn push_segment(text: &mut String, segment: &str) -> Result<(), PathError> {
    // Most segments are words.
    if segment.bytes().all(|byte| is_unreserved(byte) && byte != b'.') {
        text.push_str(segment);
        return Ok(());
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let (byte, was_encoded) = match byte {
            b'%' => (escape(&mut bytes)?, true),
            plain => (plain, false),
        };
        match byte {
            b'/' => return Err(PathError::EncodedSlash),
            b'\\' => return Err(PathError::Backslash),
            b';' => return Err(PathError::Semicolon),
            0..=0x1f | 0x7f => return Err(PathError::Character),
            b' ' | b'?' | b'#' | 0x80.. if !was_encoded => return Err(PathError::Character),
            _ => {}
        }
        decoded.push(byte);
        let stands_as_it_is = is_unreserved(byte) || (!was_encoded && is_reserved(byte));
        if stands_as_it_is {
            text.push(char::from(byte));
        } else {
            push_escape(text, byte);
        }
    }
    // Looked for in what was decoded: the digits may have come as escapes too.
    match decoded.as_slice() {
        b"." | b".." => Err(PathError::Dots),
        decoded if has_escape(decoded) => Err(PathError::EncodedTwice),
        decoded => std::str::from_utf8(decoded).map_err(|_| PathError::Utf8).and_then(refuse_other_names),
    }
}

/// Refuses a decoded segment that some server or file system takes for another one.
fn refuse_other_names(segment: &str) -> Result<(), PathError> {
    if segment.contains(is_invisible) {
        return Err(PathError::Invisible);
    }
    if segment.is_ascii() {
        return refuse_other_spellings(segment);
    }
    let mut plain = String::with_capacity(segment.len());
    for c in segment.chars() {
        match plain_form(c) {
            "" => plain.push(full_width_as_ascii(c)),
            text => plain.push_str(text),
        }
    }
    if plain.contains(['/', '\\']) {
        return Err(PathError::SlashLike);
    }
    if plain.contains(';') {
        return Err(PathError::Semicolon);
    }
    if has_escape(plain.as_bytes()) {
        return Err(PathError::EncodedTwice);
    }
    refuse_other_spellings(&plain)
}

/// Refuses a segment whose characters are in their plain form.
fn refuse_other_spellings(segment: &str) -> Result<(), PathError> {
    if segment.starts_with(char::is_whitespace) || segment.ends_with(|c: char| c == '.' || c.is_whitespace())
    {
        return Err(PathError::Trimmed);
    }
    if segment.contains(":$") {
        return Err(PathError::Stream);
    }
    Ok(())
}

/// The ASCII that servers make of a character where they normalise a text (NFKC) or convert it to a code page of Windows, of what
/// has a meaning in a path; empty for other characters.
fn plain_form(c: char) -> &'static str {
    match c {
        // One dot leader, small full stop; two and three dots in one character.
        '\u{2024}' | '\u{fe52}' => ".",
        '\u{2025}' | '\u{fe30}' => "..",
        '\u{2026}' | '\u{fe19}' => "...",
        // Fraction slash, division slash.
        '\u{2044}' | '\u{2215}' => "/",
        // Set minus, small reverse solidus; yen and won, which stand in the place of the backslash in Japan's and Korea's code pages.
        '\u{2216}' | '\u{fe68}' | '\u{a5}' | '\u{ffe5}' | '\u{20a9}' | '\u{ffe6}' => "\\",
        // Greek question mark, small and vertical semicolon.
        '\u{37e}' | '\u{fe54}' | '\u{fe14}' => ";",
        '\u{fe6a}' => "%",
        '\u{fe55}' | '\u{fe13}' => ":",
        '\u{fe69}' => "$",
        _ => "",
    }
}

/// The ASCII character of which `c` is the full-width form; else `c`.
fn full_width_as_ascii(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        other => other,
    }
}

/// Whether there is a `%` with two hexadecimal digits.
fn has_escape(text: &[u8]) -> bool {
    text.windows(3).any(
        |three| matches!(three, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()),
    )
}

/// Two hexadecimal digits.
fn escape(bytes: &mut std::str::Bytes<'_>) -> Result<u8, PathError> {
    let mut digit = || {
        bytes.next().and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    match (digit(), digit()) {
        (Some(high), Some(low)) => Ok(high << 4 | low),
        _ => Err(PathError::Escape),
    }
}

/// Writes `byte` as `%XX`.
pub(super) fn push_escape(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    for digit in [byte >> 4, byte & 15] {
        text.push(DIGITS.get(usize::from(digit)).copied().map_or('0', char::from));
    }
}

/// `unreserved` of RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What else may stand in a segment as it is (`pchar` of RFC 3986 §3.3), but for `;`.
fn is_reserved(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(raw: &str) -> Result<String, PathError> {
        Path::normalise(raw).map(|path| path.text)
    }

    #[test]
    fn what_all_servers_read_alike_has_one_form() {
        for (raw, expected) in [
            ("/", "/"),
            ("/profiles", "/profiles"),
            ("/profiles/", "/profiles/"),
            ("//", "/"),
            ("//profiles", "/profiles"),
            ("/profiles//7", "/profiles/7"),
            ("/profiles///", "/profiles/"),
            ("/%70rofiles", "/profiles"),
            ("/%7Eada", "/~ada"),
            ("/a%c3%a9", "/a%C3%A9"),
            ("/a%2Cb,c", "/a%2Cb,c"),
            ("/{id}", "/%7Bid%7D"),
            ("/a|b^c", "/a%7Cb%5Ec"),
            ("/100%25", "/100%25"),
            ("/100%25zz", "/100%25zz"),
            ("/a.b/..c", "/a.b/..c"),
            ("/.hidden", "/.hidden"),
            ("/x:@!$&'()*+,=", "/x:@!$&'()*+,="),
            ("/v1/a:cancel", "/v1/a:cancel"),
            ("/a%20b", "/a%20b"),
            ("/a.b%20c.d", "/a.b%20c.d"),
            ("/%E6%97%A5%E6%9C%AC%EF%BC%88", "/%E6%97%A5%E6%9C%AC%EF%BC%88"),
        ] {
            assert_eq!(normal(raw).as_deref(), Ok(expected), "{raw}");
            assert_eq!(normal(expected).as_deref(), Ok(expected), "{raw} twice");
        }
    }

    #[test]
    fn what_servers_read_in_different_ways_is_refused() {
        use PathError::{
            Backslash, Character, Dots, EncodedSlash, EncodedTwice, Escape, NotAbsolute, Semicolon, Utf8,
        };
        for (raw, fault) in [
            ("", NotAbsolute),
            ("profiles", NotAbsolute),
            ("http://host/profiles", NotAbsolute),
            ("*", NotAbsolute),
            ("/a/./b", Dots),
            ("/a/../b", Dots),
            ("/..", Dots),
            ("/a/%2e%2e/b", Dots),
            ("/a/.%2E/b", Dots),
            ("/a/%2e", Dots),
            ("/a%2fb", EncodedSlash),
            ("/a%2Fb", EncodedSlash),
            ("/%2e%2e%2fb", EncodedSlash),
            ("/a\\b", Backslash),
            ("/a%5cb", Backslash),
            ("/a%5Cb", Backslash),
            ("/a%00", Character),
            ("/a%0d%0aX: y", Character),
            ("/a%7f", Character),
            ("/a b", Character),
            ("/a#b", Character),
            ("/\u{e9}", Character),
            ("/a;x=1", Semicolon),
            ("/a/..;/b", Semicolon),
            ("/a%3Bx", Semicolon),
            ("/a%252fb", EncodedTwice),
            ("/%252e%252e/", EncodedTwice),
            ("/a%25%32%66b", EncodedTwice),
            ("/a%2525b", EncodedTwice),
            ("/a%", Escape),
            ("/a%2", Escape),
            ("/a%zz", Escape),
            ("/a%c0%af", Utf8),
            ("/a%ff", Utf8),
        ] {
            assert_eq!(normal(raw), Err(fault), "{raw}");
        }
        assert_eq!(normal(&format!("/{}", "a".repeat(MAX_PATH_BYTES))), Err(PathError::TooLong));
    }

    #[test]
    fn other_names_of_a_file_are_refused() {
        use PathError::{Dots, Invisible, SlashLike, Stream, Trimmed};
        for (raw, fault) in [
            ("/admin.", Trimmed),
            ("/admin./x", Trimmed),
            ("/admin%2e", Trimmed),
            ("/admin%2E%2e/x", Trimmed),
            ("/...", Trimmed),
            ("/admin%20", Trimmed),
            ("/admin%20.", Trimmed),
            ("/admin.%20", Trimmed),
            ("/..%20", Trimmed),
            ("/%20admin/x", Trimmed),
            ("/%20", Trimmed),
            ("/admin%C2%A0", Trimmed),
            ("/admin%E3%80%80/x", Trimmed),
            ("/x.php::$DATA", Stream),
            ("/x.php::%24data", Stream),
            ("/x.php%3A%3A$DATA", Stream),
            ("/x.php:s:$DATA", Stream),
            ("/admin:$i30:$INDEX_ALLOCATION/x", Stream),
            ("/adm%E2%80%8Bin", Invisible),
            ("/admin%E2%80%8D/x", Invisible),
            ("/admin%EF%BB%BF", Invisible),
            ("/adm%C2%ADin", Invisible),
            ("/%E2%80%AEnimda", Invisible),
            ("/adm%E2%81%A6in", Invisible),
            ("/admin%EF%B8%8F", Invisible),
            ("/adm%F3%A0%81%81in", Invisible),
            ("/x%EF%BC%8F..%EF%BC%8Fadmin", SlashLike),
            ("/x%E2%88%95admin", SlashLike),
            ("/x%E2%81%84admin", SlashLike),
            ("/x%EF%BC%BCadmin", SlashLike),
            ("/x%E2%88%96admin", SlashLike),
            ("/%2e%2e", Dots),
        ] {
            assert_eq!(normal(raw), Err(fault), "{raw}");
        }
    }

    #[test]
    fn a_compatibility_form_of_what_is_refused_is_refused_too() {
        use PathError::{EncodedTwice, Semicolon, SlashLike, Stream, Trimmed};
        for (raw, fault) in [
            ("/x/%EF%BC%8E%EF%BC%8E/admin", Trimmed),
            ("/x/.%EF%BC%8E/admin", Trimmed),
            ("/x/%E2%80%A4%E2%80%A4/admin", Trimmed),
            ("/x/%E2%80%A5/admin", Trimmed),
            ("/x/%E2%80%A6", Trimmed),
            ("/admin%EF%BC%8E/x", Trimmed),
            ("/admin%E2%80%A6", Trimmed),
            ("/x/..%C2%A5admin", SlashLike),
            ("/x/..%EF%BF%A5admin", SlashLike),
            ("/x/..%E2%82%A9admin", SlashLike),
            ("/x/..%EF%BF%A6admin", SlashLike),
            ("/x/..%EF%BC%9Bv=1/admin", Semicolon),
            ("/x/..%CD%BE/admin", Semicolon),
            ("/x/%EF%BC%85%32%65/admin", EncodedTwice),
            ("/x/%EF%BC%852%EF%BD%85/admin", EncodedTwice),
            ("/x/%25%EF%BC%92%EF%BD%85/admin", EncodedTwice),
            ("/x.php%EF%BC%9A%EF%BC%84DATA", Stream),
            ("/x.php%3A%EF%BC%84DATA", Stream),
            ("/x.php%EF%BC%9A$DATA", Stream),
        ] {
            assert_eq!(normal(raw), Err(fault), "{raw}");
        }
        // Where the plain form would be taken, so is the other.
        for raw in [
            "/%EF%BC%8Ehidden",
            "/wait%E2%80%A6what",
            "/100%EF%BC%85",
            "/a%EF%BC%9Ab",
            "/%EF%BC%847",
            "/%EF%BC%88a%EF%BC%89",
        ] {
            assert_eq!(normal(raw).as_deref(), Ok(raw), "{raw}");
        }
    }

    #[test]
    fn empty_segments_are_told_of() {
        let told = |raw| Path::normalise(raw).map(|path| path.has_empty_segments());
        for raw in ["//", "//a", "/a//b", "/a//"] {
            assert_eq!(told(raw), Ok(true), "{raw}");
        }
        for raw in ["/", "/a", "/a/"] {
            assert_eq!(told(raw), Ok(false), "{raw}");
        }
    }
}
