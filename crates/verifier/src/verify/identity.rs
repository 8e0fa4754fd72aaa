//! What identifies a token in a log or as a key: its SHA-256.

use std::fmt;
use std::sync::{Arc, OnceLock};

use edge_assay_jose::hash::sha256;

use super::remembered::Digest;

/// A token's SHA-256. Most tokens that are accepted are never asked for it, so it is computed when somebody asks; a copy of the text costs less.
#[derive(Clone)]
pub(super) enum Identity {
    /// It was computed before.
    Known(Digest),
    /// It is computed from the text.
    Of(Arc<Text>),
}

/// The text of a token, and its SHA-256 once it is computed.
pub(super) struct Text {
    text: Box<str>,
    digest: OnceLock<Digest>,
}

impl Identity {
    /// The identity of `token`.
    pub(super) fn of(token: &str) -> Self {
        Self::Of(Arc::new(Text { text: token.into(), digest: OnceLock::new() }))
    }

    /// The SHA-256 of the whole token.
    pub(super) fn digest(&self) -> &Digest {
        match self {
            Self::Known(digest) => digest,
            Self::Of(token) => token.digest.get_or_init(|| sha256(token.text.as_bytes())),
        }
    }
}

/// Shows no token.
impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identity")
    }
}
