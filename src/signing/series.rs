//! A series: the keys that succeed one another. Key pairs of one algorithm form a series, and so do the shared secrets of one
//! audience.
//!
//! Every party that can verify an HS256 token can also make one. Therefore each audience has its own shared secrets. If two
//! audiences had the same one, each could issue tokens to the other in our name.

use std::fmt;

use crate::jose::Algorithm;

/// A series of keys. When one of them retires, the next one signs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The algorithm of the keys.
    pub algorithm: Algorithm,
    /// The audience of a shared secret. `None` for a key pair, and for a shared secret that names no audience.
    pub audience: Option<String>,
}

impl Series {
    /// The series that signs tokens for `audience` under `algorithm`.
    #[must_use]
    pub fn of(algorithm: Algorithm, audience: &str) -> Self {
        Self { algorithm, audience: algorithm.is_shared_secret().then(|| audience.to_owned()) }
    }

    /// The command that adds the next key of the series.
    #[must_use]
    pub fn rotation(&self) -> String {
        let command = format!("npx edge-assay keys rotate --algorithm {}", self.algorithm);
        match &self.audience {
            Some(audience)
                if audience.bytes().all(|b| b.is_ascii_alphanumeric() || b":/._-~@".contains(&b)) =>
            {
                format!("{command} --audience {audience}")
            }
            // Quoted for a POSIX shell.
            Some(audience) => format!("{command} --audience '{}'", audience.replace('\'', "'\\''")),
            None => command,
        }
    }
}

impl From<Algorithm> for Series {
    fn from(algorithm: Algorithm) -> Self {
        Self { algorithm, audience: None }
    }
}

impl From<&Self> for Series {
    fn from(series: &Self) -> Self {
        series.clone()
    }
}

/// As in `ES256`, or `HS256 (https://api.example.com)`.
impl fmt::Display for Series {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.audience {
            Some(audience) => write!(formatter, "{} ({audience})", self.algorithm),
            None => write!(formatter, "{}", self.algorithm),
        }
    }
}
