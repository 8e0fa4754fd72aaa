//! The verdicts of both engines on a token's signature, in a report.

use super::report::CrossCheck;
use crate::verify::Trail;

/// The results of both engines.
pub(super) fn of(trail: &Trail) -> CrossCheck {
    let web_crypto = trail.web_crypto.as_ref().and_then(|result| result.as_ref().ok().copied());
    let agree = trail.pure_rust.zip(web_crypto).map(|(one, other)| one == other);
    CrossCheck { pure_rust: trail.pure_rust, web_crypto, agree }
}

/// The results of both engines, in words.
pub(super) fn in_words(trail: &Trail) -> String {
    let CrossCheck { pure_rust, web_crypto, agree } = of(trail);
    let verdict = |is_valid: bool| if is_valid { "valid" } else { "invalid" };
    match (agree, pure_rust, web_crypto) {
        (Some(true), Some(result), _) => {
            format!("{}; crypto ruled out: pure Rust and WebCrypto agree", verdict(result))
        }
        (Some(false), ..) => "pure Rust and WebCrypto disagree".to_owned(),
        (_, Some(result), _) => format!("{}, by pure Rust; WebCrypto did not check it", verdict(result)),
        (_, None, Some(result)) => format!("{}, by WebCrypto; pure Rust did not check it", verdict(result)),
        (_, None, None) => "no signature was checked".to_owned(),
    }
}
