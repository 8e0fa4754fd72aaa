//! What `/readyz` shows of a source: public key material, times and reasons. Data only.

use serde::Serialize;

use crate::jose::Algorithm;
use crate::keys::error::KeySetError;
use crate::keys::record::Record;
use crate::keys::{KeySource, Tier};
use crate::time::Timestamp;

/// The state of one source's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyState {
    /// The configured issuer.
    pub issuer: String,
    /// Where its keys come from (see [`KeySource::identity`]).
    pub source_uri: String,
    /// Where the set was fetched; differs from the source in discovery.
    pub jwks_uri: Option<String>,
    /// Which tier knows the source; `None` while nobody does.
    pub tier: Option<Tier>,
    /// Whether tokens can be judged by the set now.
    pub serving: bool,
    /// When the origin served or confirmed the set.
    pub fetched_at: Option<Timestamp>,
    /// Until when it is fresh.
    pub fresh_until: Option<Timestamp>,
    /// Until when it serves while the origin does not.
    pub stale_until: Option<Timestamp>,
    /// The usable keys.
    pub keys: Vec<KeySummary>,
    /// The keys set aside.
    pub set_aside: Vec<SetAsideSummary>,
    /// When the last attempt ended.
    pub last_attempt_at: Option<Timestamp>,
    /// Attempts that failed since the last that did not.
    pub consecutive_failures: u32,
    /// What the last attempt met, if it failed.
    pub last_error: Option<KeySetError>,
}

/// A usable key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeySummary {
    /// Its `kid`.
    pub kid: Option<String>,
    /// Its `alg`, if it states one.
    pub alg: Option<&'static str>,
    /// Its RFC 7638 thumbprint, SHA-256, base64url.
    pub thumbprint: String,
}

/// A key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAsideSummary {
    /// Its `kid`.
    pub kid: Option<String>,
    /// Why not, in words.
    pub reason: String,
}

impl KeyState {
    pub(crate) fn of(source: &KeySource, record: &Record, tier: Option<Tier>, now: Timestamp) -> Self {
        let cached = record.cached.as_ref();
        let keys = cached.into_iter().flat_map(|cached| &cached.set.keys).map(|key| KeySummary {
            kid: key.kid.clone(),
            alg: key.algorithm.map(Algorithm::name),
            thumbprint: key.thumbprint.clone(),
        });
        let set_aside = cached
            .into_iter()
            .flat_map(|cached| &cached.set.set_aside)
            .map(|key| SetAsideSummary { kid: key.kid.clone(), reason: key.reason.to_string() });
        Self {
            issuer: source.issuer.clone(),
            source_uri: source.identity().into_owned(),
            jwks_uri: cached.map(|cached| cached.jwks_uri.clone()),
            tier,
            serving: record.serving(now).is_some_and(|cached| source.accepts(&cached.set)),
            fetched_at: cached.map(|cached| cached.lifetime.fetched_at),
            fresh_until: cached.map(|cached| cached.lifetime.fresh_until),
            stale_until: cached.map(|cached| cached.lifetime.stale_until),
            keys: keys.collect(),
            set_aside: set_aside.collect(),
            last_attempt_at: record.attempts.last_attempt_at,
            consecutive_failures: record.attempts.consecutive_failures,
            last_error: record.last_error.clone(),
        }
    }
}
