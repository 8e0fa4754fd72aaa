//! base64url as JOSE uses it (RFC 7515 §2): no padding, no line breaks, no other characters, and exactly one encoding
//! for each sequence of octets.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};

/// Refuses `=`, and a last character whose unused bits are not zero. Otherwise one signature would have several encodings, and
/// a token's hash would not identify it.
const STRICT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false),
);

/// The octets that `text` encodes; `None` if it is not a canonical encoding.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STRICT.decode(text).ok()
}

/// The octets that `text` encodes in base64url or base64, with or without padding. Only for published keys, whose numbers are
/// the same in every such encoding, and never for a token. Still refused are unused bits that are not zero, white space, and
/// all other characters.
#[must_use]
pub fn decode_any_alphabet(text: &str) -> Option<Vec<u8>> {
    let unpadded = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if let Some(octets) = decode(unpadded) {
        return Some(octets);
    }
    decode(&unpadded.replace('+', "-").replace('/', "_"))
}

/// The canonical encoding of `octets`.
#[must_use]
pub fn encode(octets: &[u8]) -> String {
    STRICT.encode(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_reverses_encoding() {
        for octets in [&b""[..], b"\x00", b"\xff\xfe", b"\xfb\xff\xbf", b"JOSE"] {
            assert_eq!(decode(&encode(octets)).as_deref(), Some(octets));
        }
    }

    #[test]
    fn a_published_number_may_be_padded_and_in_either_alphabet() {
        for text in ["-_-_", "+/+/", "+_-/"] {
            assert_eq!(decode_any_alphabet(text).as_deref(), Some(&b"\xfb\xff\xbf"[..]), "{text}");
        }
        for text in ["AA", "AA=", "AA=="] {
            assert_eq!(decode_any_alphabet(text).as_deref(), Some(&b"\0"[..]), "{text}");
        }
        for text in ["AA===", "A=A=", "=AA", "AB", "AAB=", "A", " AA", "AA\n", "AA?A", "ÄA"] {
            assert_eq!(decode_any_alphabet(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_other_encoding_is_refused() {
        // Padding, trailing bits, the standard alphabet, an impossible length, white space, other characters.
        for text in
            ["AA==", "AA=", "=", "AB", "AAB", "+/+/", "A", "AAAAA", "AA\n", " AA", "AA AA", "AA?A", "ÄA"]
        {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
