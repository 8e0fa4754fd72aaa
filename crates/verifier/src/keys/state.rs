//! What a readiness report shows of a source: public keys, times and reasons.

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
    /// The source of its keys (see [`KeySource::identity`]).
    pub source_uri: String,
    /// The URL from which the set was fetched; with discovery it differs from the source.
    pub jwks_uri: Option<String>,
    /// The tier that knows the source; `None` if none does.
    pub tier: Option<Tier>,
    /// Whether the set can be used now.
    pub serving: bool,
    /// When the origin served the set, or confirmed it with a 304.
    pub fetched_at: Option<Timestamp>,
    /// Until when it is fresh.
    pub fresh_until: Option<Timestamp>,
    /// Until when it may be used while the origin does not answer.
    pub stale_until: Option<Timestamp>,
    /// The usable keys.
    pub keys: Vec<KeySummary>,
    /// The keys that are set aside.
    pub set_aside: Vec<SetAsideSummary>,
    /// When the last attempt ended.
    pub last_attempt_at: Option<Timestamp>,
    /// How many attempts have failed since the last success.
    pub consecutive_failures: u32,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<KeySetError>,
}

/// A usable key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeySummary {
    /// Its `kid`.
    pub kid: Option<String>,
    /// Its `alg`, if it has one.
    pub alg: Option<&'static str>,
    /// Its RFC 7638 thumbprint, SHA-256, base64url.
    pub thumbprint: String,
}

/// A key that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAsideSummary {
    /// Its `kid`.
    pub kid: Option<String>,
    /// The reason, in words.
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
