//! Faults of the server, the operator, an identity provider or a store. The token is not at fault.

use edge_assay_jose::TokenFormatError;

use super::Rejection;
use crate::codes::{self, Code};
use crate::limits;

/// Why a token cannot be verified, or no token can be issued. Always 503 with `Retry-After`; it says nothing about the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The issuer's keys are not cached, and they cannot be fetched from their origin.
    #[error("the keys of {issuer} cannot be fetched: {reason}")]
    JwksUnavailable {
        /// The configured issuer.
        issuer: String,
        /// Why the last attempt failed.
        reason: String,
        /// Seconds until the next attempt is due.
        retry_after_seconds: u64,
    },
    /// The issuer's origin answers with something that is not a usable JWK Set, and no set is cached.
    #[error("{issuer} serves no usable JWK Set: {reason}")]
    JwksInvalid {
        /// The configured issuer.
        issuer: String,
        /// What is wrong with the answer.
        reason: String,
        /// Seconds until the next attempt is due.
        retry_after_seconds: u64,
    },
    /// A secret that the configuration names is not bound, empty, too short, or not in its declared encoding.
    #[error("the secret {binding} cannot be used: {reason}")]
    SecretMissing {
        /// The secret's name.
        binding: String,
        /// What is wrong.
        reason: String,
    },
    /// A required store does not answer, or its content cannot be read.
    #[error("the store {binding} cannot be used: {reason}")]
    StoreUnavailable {
        /// The store's name.
        binding: String,
        /// What is wrong.
        reason: String,
    },
    /// Two cryptographic engines disagree on a signature, or one has failed its self-test. Neither result is used.
    #[error("two cryptographic engines disagree on {algorithm}; neither is trusted")]
    CryptoDisagreement {
        /// The token's `alg`.
        algorithm: &'static str,
    },
    /// The server's configuration has faults.
    #[error("{detail}")]
    ConfigInvalid {
        /// The part of the faults that is public.
        detail: String,
    },
}

impl Fault {
    /// The row of its code.
    #[must_use]
    pub fn row(&self) -> &'static Code {
        match self {
            Self::JwksUnavailable { .. } => &codes::JWKS_UNAVAILABLE,
            Self::JwksInvalid { .. } => &codes::JWKS_INVALID,
            Self::SecretMissing { .. } => &codes::SECRET_MISSING,
            Self::StoreUnavailable { .. } => &codes::STORE_UNAVAILABLE,
            Self::CryptoDisagreement { .. } => &codes::CRYPTO_DISAGREEMENT,
            Self::ConfigInvalid { .. } => &codes::CONFIG_INVALID,
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.row().name()
    }

    /// A short title, the same for every occurrence of the code.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.row().title()
    }

    /// The text for clients. It leaves out the names of secrets and stores, which only help an attacker. The full text goes to the log.
    #[must_use]
    pub fn public_detail(&self) -> String {
        match self {
            Self::SecretMissing { .. } => {
                "a secret of this server is missing or cannot be used; the operator finds its name in the log"
                    .to_owned()
            }
            Self::StoreUnavailable { .. } => "a store that this server needs is unavailable".to_owned(),
            other => other.to_string(),
        }
    }

    /// Seconds until a retry makes sense; at least 1.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        match self {
            Self::JwksUnavailable { retry_after_seconds, .. }
            | Self::JwksInvalid { retry_after_seconds, .. } => (*retry_after_seconds).max(1),
            Self::StoreUnavailable { .. } => limits::RETRY_AFTER_STORE_SECONDS,
            Self::SecretMissing { .. } | Self::CryptoDisagreement { .. } | Self::ConfigInvalid { .. } => {
                limits::RETRY_AFTER_CONFIGURATION_SECONDS
            }
        }
    }
}

/// Why there is no verified token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token is at fault.
    #[error(transparent)]
    Rejection(#[from] Rejection),
    /// The token is not at fault.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<TokenFormatError> for Refusal {
    fn from(error: TokenFormatError) -> Self {
        Self::Rejection(error.into())
    }
}

impl Refusal {
    /// The row of its code.
    fn row(&self) -> &'static Code {
        match self {
            Self::Rejection(rejection) => rejection.row().0,
            Self::Fault(fault) => fault.row(),
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.row().name()
    }

    /// A short title, the same for every occurrence of the code (RFC 9457 §3.1.3).
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.row().title()
    }

    /// The status of the response: 400, 401 or 403 for a rejection, 503 for a fault.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.row().status()
    }

    /// The text for clients. For a fault it leaves out the names of secrets and stores.
    #[must_use]
    pub fn public_detail(&self) -> String {
        match self {
            Self::Rejection(rejection) => rejection.to_string(),
            Self::Fault(fault) => fault.public_detail(),
        }
    }

    /// `Retry-After` in seconds, at least 1; `None` for a rejection.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Rejection(_) => None,
            Self::Fault(fault) => Some(fault.retry_after_seconds()),
        }
    }
}
