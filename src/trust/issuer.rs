//! One identity provider as the configuration describes it, ready to judge its tokens.

use std::collections::HashMap;
use std::rc::Rc;

use super::claims::ClaimRules;
use super::secrets::ConfiguredSecret;
use crate::jose::algorithm::Algorithm;
use crate::keys::KeySource;

/// An issuer whose tokens are accepted, and the terms.
#[derive(Debug)]
pub struct TrustedIssuer {
    /// The exact `iss`.
    pub issuer: String,
    /// The allow-list of `alg` values.
    pub algorithms: Vec<Algorithm>,
    /// Where its public keys come from, if it has any.
    pub keys: Option<KeySource>,
    /// Its shared secrets, if it has any.
    pub secrets: Vec<ConfiguredSecret>,
    /// The rules its tokens' claims must keep.
    pub rules: ClaimRules,
}

impl TrustedIssuer {
    /// Why `secret` cannot verify all that this issuer may sign with it: the first algorithm of the allow-list that it is
    /// absent or too short for.
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

/// All trusted issuers, found by exact `iss`. The order of the configuration is kept for reports.
#[derive(Debug, Default)]
pub struct TrustedIssuers {
    in_order: Vec<Rc<TrustedIssuer>>,
    by_name: HashMap<String, Rc<TrustedIssuer>>,
}

impl TrustedIssuers {
    /// The issuer whose `iss` is `name`, character for character (RFC 7519 §4.1.1, RFC 3986 §6.2.1).
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Rc<TrustedIssuer>> {
        self.by_name.get(name)
    }

    /// All of them, in the configuration's order.
    pub fn iter(&self) -> impl Iterator<Item = &Rc<TrustedIssuer>> {
        self.in_order.iter()
    }
}

impl FromIterator<TrustedIssuer> for TrustedIssuers {
    fn from_iter<I: IntoIterator<Item = TrustedIssuer>>(issuers: I) -> Self {
        let in_order: Vec<_> = issuers.into_iter().map(Rc::new).collect();
        let by_name = in_order.iter().map(|issuer| (issuer.issuer.clone(), Rc::clone(issuer))).collect();
        Self { in_order, by_name }
    }
}
