//! Names of cookies and of parameters of the query, as lenient servers read them.
//!
//! The API gets none of the credentials that were not verified. It may read a name that is not the listed one as the listed one: PHP ignores
//! spaces before a name, reads a space, a dot and a bracket in it as `_`, and takes `t[]` for the list `t`; PHP before 7.4.11 and Rack before 2.2.3
//! decode the names of cookies (CVE-2020-7070, CVE-2020-8184); ASP.NET ignores case; JavaScript's `trim` removes every white space. Nothing here
//! decides where a token is read: there, names are compared exactly.

use percent_encoding::percent_decode_str;

/// A byte of a name in the form in which names are compared.
const fn fold(byte: u8) -> u8 {
    match byte {
        b' ' | b'+' | b'.' | b'[' => b'_',
        other => other.to_ascii_lowercase(),
    }
}

/// Characters that some server ignores around a name. A byte that was not UTF-8 arrives as U+FFFD.
fn is_ignored(c: char) -> bool {
    c == '+' || !c.is_ascii_graphic()
}

/// The names that servers may read in `sent`, folded. Each has its own order of decoding, cutting and trimming, and most names have one reading.
fn readings(sent: &str) -> impl Iterator<Item = String> {
    let is_plain = sent.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let decoded = percent_decode_str(sent).decode_utf8_lossy();
    let text = decoded.trim_start_matches(is_ignored);
    // C's texts end at the first NUL.
    let text = text.split('\0').next().unwrap_or_default();
    let trimmed = text.trim_end_matches(is_ignored);
    let array = trimmed.split('[').next().unwrap_or_default();
    let folded = |text: &str| -> String {
        text.chars().map(|c| u8::try_from(c).map_or(c, |byte| fold(byte).into())).collect()
    };
    let others = if is_plain { None } else { Some([folded(text), folded(array)]) };
    std::iter::once(folded(trimmed)).chain(others.into_iter().flatten())
}

/// Whether a server may read `sent` as `name`, followed by something that `is_rest` accepts. What it gets is folded.
pub(super) fn may_be(sent: &str, name: &str, is_rest: impl Fn(&str) -> bool) -> bool {
    readings(sent).any(|reading| {
        reading.split_at_checked(name.len()).is_some_and(|(start, rest)| {
            start.bytes().zip(name.bytes()).all(|(one, other)| one == fold(other)) && is_rest(rest)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_some_server_reads_as_the_listed_one_is_recognised() {
        for sent in [
            "access_token",
            "Access_Token",
            "access.token",
            "access token",
            "access+token",
            "access[token",
            "access%5Ftoken",
            "access%2etoken",
            " access_token",
            "%20access_token",
            "+access_token\t",
            "\u{a0}access_token",
            "\u{fffd}access_token\u{feff}",
            "access_token[]",
            "access_token[0]",
            "access_token%5B%5D",
            "access_token%00",
            "access_token\0x",
        ] {
            assert!(may_be(sent, "access_token", str::is_empty), "{sent}");
        }
        for sent in [
            "",
            "access_tokens",
            "xaccess_token",
            "accesstoken",
            "access-token",
            "access_token.x",
            "_access_token",
        ] {
            assert!(!may_be(sent, "access_token", str::is_empty), "{sent}");
        }
        assert!(may_be("..session", "__session", str::is_empty), "CVE-2022-31629");
        assert!(may_be("s%20", "s_", str::is_empty), "PHP ignores spaces before a name alone");
        assert!(may_be("S.12", "s", |rest| rest == "_12"));
    }
}
