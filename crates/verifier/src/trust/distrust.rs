//! Keys that the operator distrusts: their tokens are refused, whatever the issuer still publishes and any cache still holds.

use super::secrets::ConfiguredSecret;
use crate::jose::{Jwk, KeySet};

/// The distrusted keys of an issuer: each a `kid`, or an RFC 7638 thumbprint with SHA-256 in base64url. Both are compared character by
/// character.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistrustedKeys(Vec<String>);

impl DistrustedKeys {
    /// The keys with these names.
    #[must_use]
    pub const fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Their names, as they were given.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them has this `kid` or thumbprint.
    #[must_use]
    pub fn has(&self, name: Option<&str>) -> bool {
        !self.0.is_empty() && name.is_some_and(|name| self.0.iter().any(|one| one == name))
    }

    /// Whether `key`, a key of `set`, is one of them. If a `kid` is distrusted, the same key is distrusted under every other `kid`: whoever
    /// has the private key chooses the `kid` of a token.
    #[must_use]
    pub fn include(&self, set: &KeySet, key: &Jwk) -> bool {
        !self.0.is_empty()
            && (self.has(Some(&key.thumbprint))
                || set
                    .keys
                    .iter()
                    .any(|one| one.thumbprint == key.thumbprint && self.has(one.kid.as_deref())))
    }

    /// The names that neither a key of `set` nor one of `secrets` has. Such a key is withdrawn already, or its name is misspelt.
    pub fn unmatched<'d>(
        &'d self,
        set: Option<&KeySet>,
        secrets: &[ConfiguredSecret],
    ) -> impl Iterator<Item = &'d str> {
        let is_key = move |name: &str| {
            set.is_some_and(|set| set.has_kid(name) || set.keys.iter().any(|key| key.thumbprint == name))
        };
        let is_secret =
            move |name: &str| secrets.iter().any(|secret| secret.reference.kid.as_deref() == Some(name));
        let names = self.0.iter().map(String::as_str);
        names.filter(move |name| !is_key(name) && !is_secret(name))
    }

    /// Whether `secret`, one of `secrets`, is one of them: by its own `kid`, or by that of another entry with the same binding.
    #[must_use]
    pub fn include_secret(&self, secrets: &[ConfiguredSecret], secret: &ConfiguredSecret) -> bool {
        !self.0.is_empty()
            && secrets.iter().any(|one| {
                one.reference.binding == secret.reference.binding && self.has(one.reference.kid.as_deref())
            })
    }
}
