//! Which characters a reader cannot see. Paths that hold one are refused, and messages show it escaped.

/// Whether `c` is invisible, or changes the order in which other characters are shown: `Default_Ignorable_Code_Point` of
/// Unicode 16, the line and paragraph separators, the bidirectional controls, and interlinear annotations.
#[must_use]
pub(crate) fn is_invisible(c: char) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_or_reorders_others_is_invisible() {
        for c in "\u{ad}\u{200b}\u{200d}\u{200e}\u{202a}\u{202e}\u{2028}\u{2060}\u{2066}\u{2069}\u{fe0f}\u{feff}\u{e0041}".chars() {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in "a é\u{301}日本語Ω\u{2010}\u{2026}\u{fffd}\u{1f600}".chars() {
            assert!(!is_invisible(c), "{c:?}");
        }
    }
}
