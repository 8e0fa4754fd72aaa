//! What a readiness report shows of a source: public keys, times and reasons.

use serde::Serialize;

use crate::jose::{Algorithm, KeySet};
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

/// What this process has seen of the coordinator. It is not asked for a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CoordinatorState {
    /// When it last answered.
    pub last_answered_at: Option<Timestamp>,
    /// When it last gave no answer that could be used.
    pub last_failed_at: Option<Timestamp>,
    /// Why it gave none, if it has not answered since.
    pub problem: Option<String>,
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
    /// The state of keys that are given with their issuer.
    #[must_use]
    pub fn fixed(issuer: &str, set: &KeySet) -> Self {
        let (keys, set_aside) = summaries(set);
        Self {
            issuer: issuer.to_owned(),
            source_uri: "configuration".to_owned(),
            jwks_uri: None,
            tier: Some(Tier::Configuration),
            serving: !set.keys.is_empty(),
            fetched_at: None,
            fresh_until: None,
            stale_until: None,
            keys,
            set_aside,
            last_attempt_at: None,
            consecutive_failures: 0,
            last_error: None,
        }
    }

    pub(crate) fn of(source: &KeySource, record: &Record, tier: Option<Tier>, now: Timestamp) -> Self {
        let cached = record.cached.as_ref();
        let (keys, set_aside) = cached.map_or_else(Default::default, |cached| summaries(&cached.set));
        Self {
            issuer: source.issuer.clone(),
            source_uri: source.identity().into_owned(),
            jwks_uri: cached.map(|cached| cached.jwks_uri.clone()),
            tier,
            serving: record.serving(now).is_some_and(|cached| source.accepts(&cached.set)),
            fetched_at: cached.map(|cached| cached.lifetime.fetched_at),
            fresh_until: cached.map(|cached| cached.lifetime.fresh_until),
            stale_until: cached.map(|cached| cached.lifetime.stale_until),
            keys,
            set_aside,
            last_attempt_at: record.attempts.last_attempt_at,
            consecutive_failures: record.attempts.consecutive_failures,
            last_error: record.last_error.clone(),
        }
    }
}

fn summaries(set: &KeySet) -> (Vec<KeySummary>, Vec<SetAsideSummary>) {
    let keys = set.keys.iter().map(|key| KeySummary {
        kid: key.kid.clone(),
        alg: key.algorithm.map(Algorithm::name),
        thumbprint: key.thumbprint.clone(),
    });
    let set_aside = set
        .set_aside
        .iter()
        .map(|key| SetAsideSummary { kid: key.kid.clone(), reason: key.reason.to_string() });
    (keys.collect(), set_aside.collect())
}
