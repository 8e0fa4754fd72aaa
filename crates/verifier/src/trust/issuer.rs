//! The trusted issuers: the identity providers of the configuration, with everything that verification needs of them.

use std::collections::HashMap;
use std::sync::Arc;

use super::claims::ClaimRules;
use super::distrust::DistrustedKeys;
use super::secrets::ConfiguredSecret;
use crate::jose::algorithm::Algorithm;
use crate::keys::KeySource;

/// An issuer whose tokens are accepted, and the policy for them.
#[derive(Debug)]
pub struct TrustedIssuer {
    /// The exact `iss`.
    pub issuer: String,
    /// The allowed algorithms.
    pub algorithms: Vec<Algorithm>,
    /// The source of its public keys, if it has public keys.
    pub keys: Option<KeySource>,
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
    by_name: HashMap<String, Arc<TrustedIssuer>>,
}

impl TrustedIssuers {
    /// The issuer whose `iss` is exactly `name`, compared character by character (RFC 7519 §4.1.1, RFC 3986 §6.2.1).
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<TrustedIssuer>> {
        self.by_name.get(name)
    }

    /// All of them, in the configuration's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TrustedIssuer>> {
        self.in_order.iter()
    }
}

impl FromIterator<TrustedIssuer> for TrustedIssuers {
    fn from_iter<I: IntoIterator<Item = TrustedIssuer>>(issuers: I) -> Self {
        let in_order: Vec<_> = issuers.into_iter().map(Arc::new).collect();
        let by_name = in_order.iter().map(|issuer| (issuer.issuer.clone(), Arc::clone(issuer))).collect();
        Self { in_order, by_name }
    }
}
