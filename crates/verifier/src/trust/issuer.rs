//! The trusted issuers: the identity providers of the configuration, with everything that verification needs of them.

use std::collections::HashMap;
use std::sync::Arc;

use super::claims::ClaimRules;
use super::distrust::DistrustedKeys;
use super::secrets::ConfiguredSecret;
use crate::jose::KeySet;
use crate::jose::algorithm::Algorithm;
use crate::keys::KeySource;

/// An issuer whose tokens are accepted, and the policy for them.
#[derive(Debug)]
pub struct TrustedIssuer {
    /// The exact `iss`, and the name under which its tokens are reported.
    pub issuer: String,
    /// Further exact spellings of `iss`. Its tokens are reported under [`Self::issuer`], so that a subject has one issuer.
    pub also_known_as: Vec<String>,
    /// The allowed algorithms.
    pub algorithms: Vec<Algorithm>,
    /// The source of its public keys, if it has public keys.
    pub keys: Option<KeySource>,
    /// Its public keys, if they are given with it. Then nothing is fetched or stored, and [`Self::keys`] is not used.
    pub fixed_keys: Option<Arc<KeySet>>,
    /// Its shared secrets; empty if it has none.
    pub secrets: Vec<ConfiguredSecret>,
    /// The keys that are refused, although the issuer may still publish them.
    pub distrusted: DistrustedKeys,
    /// The rules for its tokens' claims.
    pub rules: ClaimRules,
}

impl TrustedIssuer {
    /// Why `secret` cannot be used with every HS algorithm on the allow-list: the problem with the first algorithm for which it is
    /// absent or too short. `None` if it can be used with all of them.
    #[must_use]
    pub fn problem_of(&self, secret: &ConfiguredSecret) -> Option<String> {
        let shared = self.algorithms.iter().filter(|algorithm| algorithm.is_shared_secret());
        shared.copied().find_map(|algorithm| secret.problem_for(algorithm))
    }

    /// Whether it has public keys, or a place from which they are fetched.
    #[must_use]
    pub const fn has_public_keys(&self) -> bool {
        self.keys.is_some() || self.fixed_keys.is_some()
    }

    /// Whether `algorithm` is on the allow-list.
    #[must_use]
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }
}

/// All trusted issuers, found by exact `iss`. Reports list them in the configuration's order.
#[derive(Debug, Default)]
pub struct TrustedIssuers {
    in_order: Vec<Arc<TrustedIssuer>>,
    by_iss: HashMap<String, Arc<TrustedIssuer>>,
}

impl TrustedIssuers {
    /// The issuer of tokens whose `iss` is exactly `iss`, compared character by character (RFC 7519 §4.1.1, RFC 3986 §6.2.1).
    #[must_use]
    pub fn find(&self, iss: &str) -> Option<&Arc<TrustedIssuer>> {
        self.by_iss.get(iss)
    }

    /// The issuer that is configured under this name. A further spelling of its `iss` is no name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<TrustedIssuer>> {
        self.in_order.iter().find(|issuer| issuer.issuer == name)
    }

    /// All of them, in the configuration's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TrustedIssuer>> {
        self.in_order.iter()
    }
}

impl FromIterator<TrustedIssuer> for TrustedIssuers {
    fn from_iter<I: IntoIterator<Item = TrustedIssuer>>(issuers: I) -> Self {
        let in_order: Vec<_> = issuers.into_iter().map(Arc::new).collect();
        let mut by_iss = HashMap::new();
        for issuer in &in_order {
            for iss in std::iter::once(&issuer.issuer).chain(&issuer.also_known_as) {
                by_iss.insert(iss.clone(), Arc::clone(issuer));
            }
        }
        Self { in_order, by_iss }
    }
}
