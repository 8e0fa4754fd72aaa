//! A verified token in, a token of our own out: the OAuth token endpoint (RFC 8693, RFC 7523) and the Fireproof dashboard's
//! protocol.
//!
//! Only a [`VerifiedToken`](crate::verify::VerifiedToken) is ever exchanged, and only [`mint`] signs. Knows policies and
//! both protocols' messages; does not know HTTP, nor where the configuration came from.

pub mod access_token;
pub mod clients;
pub mod conditions;
pub mod delegation;
pub mod facts;
pub mod fireproof;
pub mod form;
pub mod mapping;
pub mod memberships;
pub mod mint;
pub mod oauth;
pub mod policy;
pub mod refusal;

use std::collections::BTreeSet;

use crate::rejection::Fault;
use crate::signing::keyring::BINDING;
use crate::signing::{Keyring, Series};

/// Everything the exchange goes by, as the configuration has it.
#[derive(Debug)]
pub struct Exchange {
    /// The issuer identifier of the tokens (RFC 8414 §2).
    pub issuer: String,
    /// The URL of the token endpoint.
    pub token_endpoint: String,
    /// The URL of our key set.
    pub jwks_uri: String,
    /// What stands in the issuer after its host; empty, or as in `/tenant`. RFC 8414 §3 puts it behind the well-known path.
    pub issuer_path: String,
    /// How long others may keep our key set and our metadata, in seconds.
    pub max_age_seconds: u64,
    /// For whom tokens are issued.
    pub targets: Vec<policy::Target>,
    /// Who may authenticate as whom.
    pub clients: Vec<clients::Client>,
    /// The Fireproof dashboard's protocol, if it is spoken.
    pub fireproof: Option<fireproof::Fireproof>,
    /// The binding of the KV namespace that holds what we know of subjects beside their tokens.
    pub directory: Option<String>,
    /// What this isolate remembers of tokens that wait for whoever knows their `resultId`.
    pub results: fireproof::Results,
    /// Our keys, or why there are none.
    pub ring: Result<Keyring, &'static str>,
}

impl Exchange {
    /// Every series of keys that something is signed with, each once.
    #[must_use]
    pub fn series(&self) -> BTreeSet<Series> {
        let targets = self.targets.iter().map(policy::Target::series);
        targets.chain(self.fireproof.iter().map(fireproof::Fireproof::series)).collect()
    }

    /// Our keys.
    ///
    /// # Errors
    /// [`Fault::SecretMissing`] while the secret is not bound.
    pub fn keys(&self) -> Result<&Keyring, Fault> {
        self.ring.as_ref().map_err(|reason| Fault::SecretMissing {
            binding: BINDING.to_owned(),
            reason: (*reason).to_owned(),
        })
    }
}
