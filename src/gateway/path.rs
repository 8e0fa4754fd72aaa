//! A request's path, normalised once: the path that is matched against the routes is the path that the upstream gets.
//!
//! A path that two servers could read differently is refused, never repaired:
//!
//! - dot segments, backslashes, control characters, broken or doubled encoding, bytes that are not UTF-8;
//! - an encoded slash behind a semicolon in one segment;
//! - other names that file systems have for a file: dots or spaces at the end, an NTFS stream, invisible characters, characters that
//!   Windows converts to a slash;
//! - the full-width and similar forms of all these.
//!
//! An encoded slash and a semicolon are recorded ([`Specials`]). They are refused unless the route allows them and every reading of the
//! path ([`Path::readings`]) leads to the same route; `routes.rs` decides that.
//!
//! A path that all servers read in the same way is brought to one form: escapes of unreserved characters are decoded, the other escapes are in
//! upper case (RFC 3986 §6.2.2), and empty segments are removed.

use crate::characters::is_invisible;
use crate::limits::MAX_PATH_BYTES;

/// A path in its normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    has_empty_segments: bool,
    specials: Specials,
}

/// The characters that servers read in different ways and that a route can allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Specials {
    /// `%2F`. Some servers decode it before they split the path into segments.
    pub encoded_slash: bool,
    /// `;`, encoded or not. Some servers cut it and the characters after it off (RFC 1808 §2.4.5, RFC 3986 §3.3).
    pub semicolon: bool,
}

impl Specials {
    /// All, by the names that the configuration uses.
    pub const NAMED: [(&str, Self); 2] = [
        ("encoded_slash", Self { encoded_slash: true, semicolon: false }),
        ("semicolon", Self { encoded_slash: false, semicolon: true }),
    ];

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// These and those of `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            encoded_slash: self.encoded_slash || other.encoded_slash,
            semicolon: self.semicolon || other.semicolon,
        }
    }

    /// Their names in the configuration.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMED.into_iter().filter(move |(_, one)| one.not_in(self).is_none()).map(|(name, _)| name)
    }

    /// The error for the first one that `allowed` lacks.
    #[must_use]
    pub fn not_in(self, allowed: Self) -> Option<PathError> {
        if self.encoded_slash && !allowed.encoded_slash {
            return Some(PathError::EncodedSlash);
        }
        (self.semicolon && !allowed.semicolon).then_some(PathError::Semicolon)
    }
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer than [`MAX_PATH_BYTES`].
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// The path does not begin with a slash.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// A character that must be encoded, or a control character, encoded or not.
    #[error("the path holds a character that is not allowed in a path")]
    Character,
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a % without two hexadecimal digits")]
    Escape,
    /// `%2F`, and the route does not allow it.
    #[error("the path holds an encoded slash")]
    EncodedSlash,
    /// A backslash, encoded or not.
    #[error("the path holds a backslash")]
    Backslash,
    /// `.` or `..` as a segment, encoded or not.
    #[error("the path holds a dot segment")]
    Dots,
    /// `;`, encoded or not, and the route does not allow it.
    #[error("the path holds a semicolon")]
    Semicolon,
    /// A server that decodes `%2F`, or removes `;` and the characters after it, would serve a path that another route takes, or none.
    #[error(
        "the path holds an encoded slash or a semicolon, and some servers would read a path that another route takes, or none"
    )]
    OtherRoute,
    /// `%2F` behind a `;` in one segment. A server that decodes the slash before it removes the semicolon reads another path than one
    /// that decodes it afterwards, and several servers in a row can do both in turn.
    #[error("the path holds an encoded slash behind a semicolon in one segment")]
    SlashAfterSemicolon,
    /// `%2F` or `;` at the beginning or the end of a segment, or two of them in a row.
    #[error("the path holds an encoded slash or a semicolon with nothing before or after it")]
    EmptyPart,
    /// `%25` followed by two hexadecimal digits.
    #[error("the path is encoded twice")]
    EncodedTwice,
    /// Escapes that are not UTF-8.
    #[error("the path is not UTF-8")]
    Utf8,
    /// A segment that begins or ends with white space, or ends with a dot. Windows drops the dot and the space at the end; some
    /// frameworks drop white space on both sides.
    #[error("a segment of the path begins or ends with a space, or ends with a dot")]
    Trimmed,
    /// `:$`, which in NTFS begins the type of a stream: `a::$DATA` is the file `a`.
    #[error("the path names a stream of a file")]
    Stream,
    /// An invisible character. HFS+ ignores them.
    #[error("the path holds an invisible character")]
    Invisible,
    /// A character that Windows converts to a slash or a backslash in its own code page.
    #[error("the path holds a character that some servers read as a slash")]
    SlashLike,
    /// A character that servers convert to a semicolon when they normalise Unicode.
    #[error("the path holds a character that some servers read as a semicolon")]
    SemicolonLike,
}

impl Path {
    /// Brings `raw`, a path as the client sent it, to its normal form.
    ///
    /// # Errors
    /// [`PathError`] for a path that servers read in different ways, on every route. A path with [`Specials`] is no error here.
    pub fn normalise(raw: &str) -> Result<Self, PathError> {
        if raw.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let rest = raw.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        let mut text = String::with_capacity(raw.len());
        let mut has_empty_segments = false;
        let mut specials = Specials::default();
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            match (segment.is_empty(), segments.peek().is_some()) {
                // Only the segment after the last slash may be empty.
                (true, true) => has_empty_segments = true,
                (true, false) => text.push('/'),
                (false, _) => {
                    text.push('/');
                    push_segment(&mut text, &mut specials, segment)?;
                }
            }
        }
        Ok(Self { text, has_empty_segments, specials })
    }

    /// The path, with the slash at its beginning and, if it has one, at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the path had empty segments, as in `//`. They are removed.
    #[must_use]
    pub fn has_empty_segments(&self) -> bool {
        self.has_empty_segments
    }

    /// The encoded slashes and semicolons in it.
    #[must_use]
    pub fn specials(&self) -> Specials {
        self.specials
    }

    /// All paths that servers can read in this one, itself included; only itself if it has no [`Specials`]. A server may remove
    /// semicolons with the characters after them, decode `%3B`, `%2F` or both, and then remove semicolons again.
    ///
    /// Other orders of these steps, as of several servers in a row, give no other paths, because no `%2F` is behind a `;`
    /// ([`PathError::SlashAfterSemicolon`]). A server that removes the semicolons of some segments only (Python's `urlparse`: of the
    /// last one) leads to the same route, because no word of a pattern has a semicolon.
    #[must_use]
    pub fn readings(&self) -> Vec<String> {
        let mut readings = vec![self.text.clone()];
        if self.specials.is_empty() {
            return readings;
        }
        for first in REMOVALS {
            for escapes in [&[][..], &[("%3B", ";")], &[("%2F", "/")], &[("%3B", ";"), ("%2F", "/")]] {
                for second in REMOVALS {
                    let removed = without_semicolons(&self.text, first);
                    let decoded =
                        escapes.iter().fold(removed, |text, (escape, plain)| text.replace(escape, plain));
                    let reading = without_semicolons(&decoded, second);
                    if !readings.contains(&reading) {
                        readings.push(reading);
                    }
                }
            }
        }
        readings
    }
}

/// How a server removes semicolons.
#[derive(Clone, Copy)]
enum Removal {
    /// It does not.
    None,
    /// Each, with the characters after it in the same segment (RFC 3986 §3.3).
    OfSegment,
    /// The first, with all characters after it (RFC 1808 §2.4.5).
    OfPath,
}

const REMOVALS: [Removal; 3] = [Removal::None, Removal::OfSegment, Removal::OfPath];

fn without_semicolons(text: &str, removal: Removal) -> String {
    let before = |text: &str| text.split(';').next().unwrap_or_default().to_owned();
    match removal {
        Removal::None => text.to_owned(),
        Removal::OfSegment => text.split('/').map(before).collect::<Vec<_>>().join("/"),
        Removal::OfPath => before(text),
    }
}

/// The segments of a path in its normal form, in their encoded form. A slash at the end adds none.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn push_segment(text: &mut String, specials: &mut Specials, segment: &str) -> Result<(), PathError> {
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
            b'/' => specials.encoded_slash = true,
            b';' => specials.semicolon = true,
            b'\\' => return Err(PathError::Backslash),
            0..=0x1f | 0x7f => return Err(PathError::Character),
            b' ' | b'?' | b'#' | 0x80.. if !was_encoded => return Err(PathError::Character),
            _ => {}
        }
        decoded.push(byte);
        let is_kept = is_unreserved(byte) || (!was_encoded && is_reserved(byte));
        if is_kept {
            text.push(char::from(byte));
        } else {
            push_escape(text, byte);
        }
    }
    // In the decoded segment, because the digits may have been escapes too.
    if has_escape(&decoded) {
        return Err(PathError::EncodedTwice);
    }
    let decoded = std::str::from_utf8(&decoded).map_err(|_| PathError::Utf8)?;
    // A server that decodes the slash or cuts at the semicolon takes each part for a segment.
    decoded.split(['/', ';']).try_for_each(|part| match part {
        "." | ".." => Err(PathError::Dots),
        "" => Err(PathError::EmptyPart),
        part => refuse_other_names(part),
    })?;
    match decoded.split_once(';') {
        Some((_, parameters)) if parameters.contains('/') => Err(PathError::SlashAfterSemicolon),
        _ => Ok(()),
    }
}

/// Refuses a decoded segment that a server or file system takes for another one.
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
        return Err(PathError::SemicolonLike);
    }
    if has_escape(plain.as_bytes()) {
        return Err(PathError::EncodedTwice);
    }
    refuse_other_spellings(&plain)
}

/// Refuses a segment that Windows or a framework shortens. Its characters are in their plain form.
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

/// The ASCII to which servers convert a character when they normalise a text (NFKC) or convert it to a code page of Windows, if that ASCII
/// has a meaning in a path; empty for other characters.
fn plain_form(c: char) -> &'static str {
    match c {
        // One dot leader, small full stop; two and three dots in one character.
        '\u{2024}' | '\u{fe52}' => ".",
        '\u{2025}' | '\u{fe30}' => "..",
        '\u{2026}' | '\u{fe19}' => "...",
        // Fraction slash, division slash.
        '\u{2044}' | '\u{2215}' => "/",
        // Set minus, small reverse solidus; yen and won, which replace the backslash in the code pages of Japan and Korea.
        '\u{2216}' | '\u{fe68}' | '\u{a5}' | '\u{ffe5}' | '\u{20a9}' | '\u{ffe6}' => "\\",
        // Greek question mark, small and vertical semicolon.
        '\u{37e}' | '\u{fe54}' | '\u{fe14}' => ";",
        '\u{fe6a}' => "%",
        '\u{fe55}' | '\u{fe13}' => ":",
        '\u{fe69}' => "$",
        _ => "",
    }
}

/// The ASCII character whose full-width form `c` is; otherwise `c`.
fn full_width_as_ascii(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        other => other,
    }
}

/// Whether `text` has a `%` followed by two hexadecimal digits.
fn has_escape(text: &[u8]) -> bool {
    text.windows(3).any(
        |three| matches!(three, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()),
    )
}

/// Reads the two hexadecimal digits after a `%`.
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

/// The other characters that a segment may hold unencoded (`pchar` of RFC 3986 §3.3).
fn is_reserved(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(raw: &str) -> Result<String, PathError> {
        Path::normalise(raw).map(|path| path.text)
    }

    #[test]
    fn a_path_that_all_servers_read_alike_has_one_form() {
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
            Backslash, Character, Dots, EmptyPart, EncodedTwice, Escape, NotAbsolute, SlashAfterSemicolon,
            Utf8,
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
            ("/%2e%2e%2fb", Dots),
            ("/a/..%2Fb", Dots),
            ("/a/x%2F..%2F..%2Fb", Dots),
            ("/a/x%2f%2e%2e", Dots),
            ("/a/x%2F.%2Fb", Dots),
            ("/a%2F", EmptyPart),
            ("/a/%2Fb", EmptyPart),
            ("/%2F", EmptyPart),
            ("/a%2F%2fb", EmptyPart),
            ("/a\\b", Backslash),
            ("/a%5cb", Backslash),
            ("/a%5Cb", Backslash),
            ("/a%00", Character),
            ("/a%0d%0aX: y", Character),
            ("/a%7f", Character),
            ("/a b", Character),
            ("/a#b", Character),
            ("/\u{e9}", Character),
            ("/a/..;/b", Dots),
            ("/a/..%3B/b", Dots),
            ("/a/.;x=1/b", Dots),
            ("/a/x;..", Dots),
            ("/a/x;..%2Fb", Dots),
            ("/a/x%2F..;y%2Fb", Dots),
            ("/a/;/b", EmptyPart),
            ("/a/;x/b", EmptyPart),
            ("/a;", EmptyPart),
            ("/a;;x", EmptyPart),
            ("/a;x%2F", EmptyPart),
            ("/a%2F;x", EmptyPart),
            ("/a;x%2Fb", SlashAfterSemicolon),
            ("/a%3Bx%2Fb", SlashAfterSemicolon),
            ("/a%2Fb;x%2Fc", SlashAfterSemicolon),
            ("/a/x%2F\\b", Backslash),
            ("/a/x%2F..%5Cb", Backslash),
            ("/a/x%252F..%252Fb", EncodedTwice),
            ("/a/x%2F%252e%252e", EncodedTwice),
            ("/a;x%253B", EncodedTwice),
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
        let longest = format!("/{}", "a".repeat(MAX_PATH_BYTES - 1));
        assert_eq!(normal(&longest).as_deref(), Ok(longest.as_str()));
        assert_eq!(normal(&format!("{longest}a")), Err(PathError::TooLong));
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
            ("/x%2Fadmin.", Trimmed),
            ("/x%2Fadmin.%2Fy", Trimmed),
            ("/admin.;x=1", Trimmed),
            ("/admin%20;x=1", Trimmed),
            ("/x%2F%20admin", Trimmed),
            ("/x%2Fy.php::$DATA", Stream),
            ("/y.php::$DATA;x=1", Stream),
            ("/x%2Fadm%E2%80%8Bin", Invisible),
            ("/x%2Fy%EF%BC%8Fz", SlashLike),
        ] {
            assert_eq!(normal(raw), Err(fault), "{raw}");
        }
    }

    #[test]
    fn a_compatibility_form_of_what_is_refused_is_refused_too() {
        use PathError::{EncodedTwice, SemicolonLike, SlashLike, Stream, Trimmed};
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
            ("/x/..%EF%BC%9Bv=1/admin", SemicolonLike),
            ("/x/..%CD%BE/admin", SemicolonLike),
            ("/x;y/a%EF%BC%9Bb", SemicolonLike),
            ("/x%2F%EF%BC%8E%EF%BC%8E", Trimmed),
            ("/x/%EF%BC%85%32%65/admin", EncodedTwice),
            ("/x/%EF%BC%852%EF%BD%85/admin", EncodedTwice),
            ("/x/%25%EF%BC%92%EF%BD%85/admin", EncodedTwice),
            ("/x.php%EF%BC%9A%EF%BC%84DATA", Stream),
            ("/x.php%3A%EF%BC%84DATA", Stream),
            ("/x.php%EF%BC%9A$DATA", Stream),
            ("/x.php%EF%B9%95$DATA", Stream),
            ("/x.php%EF%B8%93$DATA", Stream),
            ("/x.php:%EF%B9%A9DATA", Stream),
            ("/x/%EF%B9%92", Trimmed),
            ("/x/%EF%B8%B0", Trimmed),
            ("/x/%EF%B8%99", Trimmed),
            ("/x%EF%B9%A8y", SlashLike),
            ("/x%EF%B9%94y", SemicolonLike),
            ("/x%EF%B8%94y", SemicolonLike),
            ("/x/%EF%B9%AA2e", EncodedTwice),
        ] {
            assert_eq!(normal(raw), Err(fault), "{raw}");
        }
        // If the plain form is accepted, so is the other.
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
    fn encoded_slashes_and_semicolons_are_recorded_and_keep_their_form() {
        for (raw, text, encoded_slash, semicolon) in [
            ("/@scope%2fname", "/@scope%2Fname", true, false),
            ("/%40scope%2Fname", "/%40scope%2Fname", true, false),
            ("/p/group%2Fsub%2Fproject/issues", "/p/group%2Fsub%2Fproject/issues", true, false),
            ("/p/lib%2Fclass%2Erb", "/p/lib%2Fclass.rb", true, false),
            ("/a;v=1.2/b", "/a;v=1.2/b", false, true),
            ("/a%3bv=1", "/a%3Bv=1", false, true),
            ("/a;v=1;w=2", "/a;v=1;w=2", false, true),
            ("/a%2Fb;v=1", "/a%2Fb;v=1", true, true),
            ("/a/b", "/a/b", false, false),
        ] {
            let path = Path::normalise(raw).unwrap();
            assert_eq!(
                (path.as_str(), path.specials()),
                (text, Specials { encoded_slash, semicolon }),
                "{raw}"
            );
            assert_eq!(Path::normalise(text).as_ref(), Ok(&path), "{raw} twice");
        }
    }

    #[test]
    fn a_path_is_read_as_every_server_reads_it() {
        let readings = |raw| {
            let mut readings = Path::normalise(raw).unwrap().readings();
            readings.sort();
            readings
        };
        for (raw, expected) in [
            ("/a/b", &["/a/b"][..]),
            ("/a%2Fb/c", &["/a%2Fb/c", "/a/b/c"]),
            ("/a;v=1/c", &["/a", "/a/c", "/a;v=1/c"]),
            ("/a%3Bv/c", &["/a", "/a%3Bv/c", "/a/c", "/a;v/c"]),
            ("/a%2Fb;x/c", &["/a%2Fb", "/a%2Fb/c", "/a%2Fb;x/c", "/a/b", "/a/b/c", "/a/b;x/c"]),
        ] {
            assert_eq!(readings(raw), expected, "{raw}");
        }
    }

    #[test]
    fn empty_segments_are_reported() {
        let has_any = |raw| Path::normalise(raw).map(|path| path.has_empty_segments());
        for raw in ["//", "//a", "/a//b", "/a//"] {
            assert_eq!(has_any(raw), Ok(true), "{raw}");
        }
        for raw in ["/", "/a", "/a/"] {
            assert_eq!(has_any(raw), Ok(false), "{raw}");
        }
    }
}
