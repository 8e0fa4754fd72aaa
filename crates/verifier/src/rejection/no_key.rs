//! Why no key of the issuer fits a token.

/// Why no key was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The issuer's set has no key with the token's `kid`.
    #[error(
        "the kid \"{kid}\" is not in the issuer's key set (fetched {age_seconds} s ago, keys: {known}); {}", next_fetch(*.next_fetch_seconds)
    )]
    UnknownKid {
        /// The token's `kid`, truncated.
        kid: String,
        /// The number of keys in the set.
        known: usize,
        /// Seconds since the set was fetched.
        age_seconds: u64,
        /// Seconds until a token with an unknown `kid` makes the server fetch the set again.
        next_fetch_seconds: u64,
    },
    /// The issuer's keys are in the configuration, and none has the token's `kid`.
    #[error("the kid \"{kid}\" is not among the issuer's keys in the configuration (keys: {known})")]
    NotConfigured {
        /// The token's `kid`, truncated.
        kid: String,
        /// The number of keys in the configuration.
        known: usize,
    },
    /// The token names a `kid`, but no key in the set has one.
    #[error(
        "the token names the kid \"{kid}\", but no key of the issuer has a kid (keys: {known}), so none can be selected by it"
    )]
    KeysWithoutKid {
        /// The token's `kid`, truncated.
        kid: String,
        /// The number of keys in the set.
        known: usize,
    },
    /// The keys that fit the token are for other tenants of the issuer.
    #[error("the issuer's key{} is for another tenant", .kid.as_deref().map_or(String::new(), |kid| format!(" \"{kid}\"")))]
    OtherTenant {
        /// The token's `kid`, truncated.
        kid: Option<String>,
    },
    /// The set has a key with this `kid`, for another algorithm.
    #[error("the issuer's key \"{kid}\" does not support {algorithm}")]
    OtherAlgorithm {
        /// The token's `kid`, truncated.
        kid: String,
        /// The token's `alg`.
        algorithm: &'static str,
    },
    /// The token names no `kid`, and no key of the issuer supports its algorithm.
    #[error("no key of the issuer supports {algorithm} (keys: {known})")]
    NoneForAlgorithm {
        /// The token's `alg`.
        algorithm: &'static str,
        /// The number of keys in the set.
        known: usize,
    },
    /// The token is signed with a shared secret, and none is configured for the issuer, or none with this `kid`.
    #[error(
        "the token is signed with a shared secret ({algorithm}), which no JWKS can verify, and no shared secret of the issuer fits it"
    )]
    NoSharedSecret {
        /// The token's `alg`.
        algorithm: &'static str,
    },
}

/// When the set is fetched again because of an unknown `kid`, in words. `seconds` is the time until then.
#[must_use]
pub fn next_fetch(seconds: u64) -> String {
    match seconds {
        0 => "the next request fetches the set again".to_owned(),
        seconds => format!("the set is fetched again in {seconds} s at the earliest"),
    }
}
