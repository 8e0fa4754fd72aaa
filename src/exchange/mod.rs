//! Exchanges a verified token for a token of our own: the OAuth token endpoint (RFC 8693, RFC 7523) and the Fireproof
//! dashboard's protocol.
//!
//! Only a [`VerifiedToken`](crate::verify::VerifiedToken) can be exchanged, and only [`mint`] signs. This module knows the
//! policies and the messages of both protocols. It does not know HTTP or the source of the configuration.

pub mod access_token;
pub mod clients;
pub mod delegation;
pub mod fireproof;
pub mod form;
pub mod mapping;
pub mod memberships;
pub mod mint;
pub mod oauth;
pub mod policy;
pub mod refusal;
pub mod token_form;

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::rejection::Fault;
use crate::signing::keyring::BINDING;
use crate::signing::{Keyring, Series};

/// The configuration of the exchange, and its keys.
#[derive(Debug)]
pub struct Exchange {
    /// The issuer identifier of the tokens (RFC 8414 §2).
    pub issuer: String,
    /// The URL of the token endpoint.
    pub token_endpoint: String,
    /// The URL of our key set.
    pub jwks_uri: String,
    /// The path of the issuer: empty, or as in `/tenant`. RFC 8414 §3 appends it to the well-known path.
    pub issuer_path: String,
    /// For how many seconds others may cache our key set and our metadata.
    pub max_age_seconds: u64,
    /// The audiences for which tokens are issued, each with its policy.
    pub targets: Vec<policy::Target>,
    /// The registered clients.
    pub clients: Vec<clients::Client>,
    /// The Fireproof dashboard's protocol, if it is configured.
    pub fireproof: Option<fireproof::Fireproof>,
    /// The binding of the directory: the KV namespace with further data about subjects.
    pub directory: Option<String>,
    /// What this isolate remembers about stored results: tokens that a client with the right `resultId` may collect.
    pub results: Rc<fireproof::Results>,
    /// Our signing keys, or why there are none.
    pub ring: Result<Keyring, &'static str>,
}

impl Exchange {
    /// Every series of keys that the configuration signs with, each once.
    #[must_use]
    pub fn series(&self) -> BTreeSet<Series> {
        let targets = self.targets.iter().map(policy::Target::series);
        let mut all = BTreeSet::new();
        // `collect` would compile a sort for series.
        for series in targets.chain(self.fireproof.iter().map(fireproof::Fireproof::series)) {
            all.insert(series);
        }
        all
    }

    /// Our signing keys.
    ///
    /// # Errors
    /// [`Fault::SecretMissing`] while the secret `SIGNING_KEYS` is not bound.
    pub fn keys(&self) -> Result<&Keyring, Fault> {
        self.ring.as_ref().map_err(|reason| Fault::SecretMissing {
            binding: BINDING.to_owned(),
            reason: (*reason).to_owned(),
        })
    }
}
