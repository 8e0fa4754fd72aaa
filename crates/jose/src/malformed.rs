//! Why a text is not a well-formed token.

use std::fmt;

/// What is wrong with a token's form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not three segments.
    #[error("a signed JWT has three segments separated by dots, this text has {0}")]
    Segments(usize),
    /// A segment is empty.
    #[error("its {0} segment is empty")]
    EmptySegment(Segment),
    /// A segment is not canonical base64url without padding (RFC 7515 §2).
    #[error("its {0} segment is not base64url without padding")]
    Base64(Segment),
    /// A segment is not UTF-8.
    #[error("its {0} segment is not UTF-8")]
    Utf8(Segment),
    /// A segment is not a JSON object, or nests too deeply.
    #[error("its {0} segment is not a JSON object: {1}")]
    Json(Segment, String),
    /// A member occurs twice (RFC 7515 §4, RFC 7519 §4). The text does not show the member's name.
    #[error("its {0} segment contains a member twice")]
    DuplicateMember(Segment, String),
    /// A registered member has an impossible value.
    #[error("`{member}` {problem}")]
    Member {
        /// The member's name.
        member: &'static str,
        /// What is wrong with its value.
        problem: &'static str,
    },
    /// A registered member has the wrong JSON type.
    #[error("`{member}` is {found}, not {expected}")]
    MemberType {
        /// The member's name.
        member: &'static str,
        /// The JSON type that it has, with its article.
        found: &'static str,
        /// The JSON type that it must have.
        expected: &'static str,
    },
    /// A character that never occurs in a compact JWS.
    #[error("{} contains {}", .segment.map_or("the text".to_owned(), |segment| format!("its {segment} segment")), named(*.character))]
    Character {
        /// The segment that contains it, if the text has three segments.
        segment: Option<Segment>,
        /// The character.
        character: char,
    },
    /// `alg` is `none` and the signature is empty.
    #[error("it is not signed: its `alg` is \"none\" and its signature segment is empty")]
    Unsigned,
}

impl Malformed {
    /// The member with a wrong value, if one is the reason.
    #[must_use]
    pub fn member(&self) -> Option<&'static str> {
        match self {
            Self::Member { member, .. } | Self::MemberType { member, .. } => Some(member),
            _ => None,
        }
    }
}

/// A segment of a compact JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The first.
    Header,
    /// The second.
    Payload,
    /// The third.
    Signature,
}

impl fmt::Display for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// A character in ASCII, as a reader can recognise it: the character and how it got there if that is known, else its code
/// point.
fn named(character: char) -> String {
    let name = match character {
        ' ' => "a space",
        '=' => "\"=\" (padding)",
        '+' | '/' => return format!("\"{character}\" (standard base64)"),
        '%' => "\"%\" (URL encoding)",
        '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}' => {
            return format!("an invisible character (U+{:04X})", u32::from(character));
        }
        '\u{2026}' => "an ellipsis (U+2026)",
        c if c.is_ascii_graphic() => return format!("\"{c}\""),
        c => return format!("the character U+{:04X}", u32::from(c)),
    };
    name.to_owned()
}
