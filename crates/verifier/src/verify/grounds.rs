//! What the verdict on a remembered token rests on, so that the same verdict can be given again without the token.

use std::sync::{Arc, Weak};

use super::remembered::Remembered;
use super::{Identity, Observed, Terms, Trail, Verification, VerifiedToken};
use crate::keys::{KeyCache, Wanted};
use crate::time::Timestamp;
use crate::trust::issuer::TrustedIssuer;

/// The grounds of the verdict that a remembered token is accepted. They keep nothing in memory: if the entry or the issuer is dropped, they do
/// not hold any more.
#[derive(Clone, Debug)]
pub struct Grounds {
    entry: Weak<Remembered>,
    issuer: Weak<TrustedIssuer>,
}

impl Grounds {
    pub(super) fn new(entry: &Arc<Remembered>, issuer: &Arc<TrustedIssuer>) -> Self {
        Self { entry: Arc::downgrade(entry), issuer: Arc::downgrade(issuer) }
    }

    /// The result of [`verify`](super::verify) for the same token at `now`, without its text; `None` if they do not [hold](Self::hold). It has no
    /// trail, and no grounds of its own.
    #[must_use]
    pub fn verification(&self, terms: &Terms, keys: &KeyCache, now: Timestamp) -> Option<Verification> {
        if !self.hold(terms, keys, now) {
            return None;
        }
        let (entry, issuer) = (self.entry.upgrade()?, self.issuer.upgrade()?);
        let (content, key) = (Arc::clone(&entry.content), Arc::clone(&entry.key));
        let identity = Identity::Known(entry.digest);
        let observed = Observed { identity: Some(identity.clone()), content: Some(Arc::clone(&content)) };
        Some(Verification {
            outcome: Ok(VerifiedToken { issuer, content, key, identity }),
            observed,
            verified_at: now,
            refresh: None,
            trail: Trail::default(),
            grounds: None,
        })
    }

    /// Whether [`verify`](super::verify) would accept the same token at `now` under the same key, without waiting and with nothing to do after the
    /// response. `terms` and `keys` must be those of the verdict. What follows from them and the token alone, such as the issuer and the
    /// algorithm, is not decided again; everything that depends on time, or on what the process has learnt, is.
    #[must_use]
    pub fn hold(&self, terms: &Terms, keys: &KeyCache, now: Timestamp) -> bool {
        let (Some(entry), Some(issuer)) = (self.entry.upgrade(), self.issuer.upgrade()) else { return false };
        let (header, claims) = (entry.content.header(), entry.content.claims());
        let is_of_the_same_set = || match (entry.set, &issuer.fixed_keys, &issuer.keys) {
            (None, ..) => true,
            (Some(identity), Some(fixed), _) => fixed.identity() == identity,
            (Some(identity), None, Some(source)) => {
                let wanted = header.kid.as_deref().map_or(Wanted::Any, Wanted::Kid);
                keys.settled(source, &terms.cache, wanted, now) == Some(identity)
            }
            (Some(_), None, None) => false,
        };
        terms.remembered.is_recent(&entry, now)
            && !terms.cross_checks.may_be_drawn()
            && !terms.cross_checks.is_distrusted(entry.key.algorithm)
            && is_of_the_same_set()
            && issuer.rules.violations(header, claims, now).is_empty()
    }
}
