//! Characters that a reader cannot see. Paths that contain one are refused; messages show it escaped.

use crate::limits::MAX_ECHO_CHARS;

/// Whether `c` is invisible, or changes the order in which other characters are shown: `Default_Ignorable_Code_Point` of
/// Unicode 16, the line and paragraph separators, the bidirectional controls, and interlinear annotations.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether `text` has a byte below `limit`, which is at most 0x80. It looks at eight bytes in one step, because tokens are long.
#[must_use]
pub fn has_byte_below(text: &str, limit: u8) -> bool {
    const HIGHEST_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    let limits = u64::from_ne_bytes([limit; 8]);
    let (words, rest) = text.as_bytes().as_chunks();
    // The subtraction borrows into the highest bit of the first byte below the limit. Bytes that have that bit set themselves do not count.
    let has_one = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        word.wrapping_sub(limits) & !word & HIGHEST_BITS != 0
    };
    words.iter().any(has_one) || rest.iter().any(|byte| *byte < limit)
}

/// A text from outside as messages and log lines show it: its first [`MAX_ECHO_CHARS`] characters, followed by `...` if it is
/// longer. Control characters and invisible characters are escaped, as in `\u{202e}`, so that the text can neither hide
/// characters nor change the order in which the text around it is shown. An escape counts with its length.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    let mut left = MAX_ECHO_CHARS;
    for c in text.chars() {
        let escaped = (c.is_control() || is_invisible(c)).then(|| format!("\\u{{{:x}}}", u32::from(c)));
        let length = escaped.as_ref().map_or(1, String::len);
        let Some(rest) = left.checked_sub(length) else {
            shown.push_str("...");
            break;
        };
        left = rest;
        match escaped {
            Some(escaped) => shown.push_str(&escaped),
            None => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_below_a_limit_is_found_at_every_place_of_a_text_of_every_length() {
        for length in 0..70 {
            let text = "-".repeat(length);
            assert!(!has_byte_below(&text, b'-'), "{length}");
            for place in 0..length {
                let mut octets = text.clone().into_bytes();
                octets[place] = b',';
                assert!(has_byte_below(std::str::from_utf8(&octets).unwrap(), b'-'), "{length} {place}");
            }
        }
        assert!(!has_byte_below("Ä\u{ff}ÄÄÄ", b'-') && has_byte_below("ÄÄÄÄ,ÄÄÄÄ", b'-'));
    }

    #[test]
    fn characters_that_cannot_be_seen_or_reorder_others_are_invisible() {
        for c in "\u{ad}\u{200b}\u{200d}\u{200e}\u{202a}\u{202e}\u{2028}\u{2060}\u{2066}\u{2069}\u{fe0f}\u{feff}\u{e0041}".chars() {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in "a é\u{301}日本語Ω\u{2010}\u{2026}\u{fffd}\u{1f600}".chars() {
            assert!(!is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn an_excerpt_shows_what_is_invisible_and_reorders_nothing() {
        assert_eq!(excerpt("https://issuer.example/é日本"), "https://issuer.example/é日本");
        assert_eq!(excerpt("a\u{202e}cba\u{2066}\u{200b}"), "a\\u{202e}cba\\u{2066}\\u{200b}");
        assert_eq!(
            excerpt("line\r\n\u{1b}[31m\u{85}\u{2028}"),
            "line\\u{d}\\u{a}\\u{1b}[31m\\u{85}\\u{2028}"
        );
    }

    #[test]
    fn an_excerpt_is_bounded_even_if_it_is_escaped() {
        assert_eq!(excerpt(&"a".repeat(MAX_ECHO_CHARS)), "a".repeat(MAX_ECHO_CHARS));
        assert_eq!(excerpt(&"é".repeat(MAX_ECHO_CHARS + 1)), format!("{}...", "é".repeat(MAX_ECHO_CHARS)));
        let escaped = excerpt(&"\u{202e}".repeat(1000));
        assert!(escaped.ends_with("...") && escaped.chars().count() <= MAX_ECHO_CHARS + 3, "{escaped}");
    }
}
