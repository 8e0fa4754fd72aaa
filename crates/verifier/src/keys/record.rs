//! The records of a source in the store, and how they are checked when they are read.
//!
//! A source has two records of one schema: the last good set, and the last failure. A failure never rewrites the set: the process
//! that failed may hold an older set than the store. A record is written by this program and read like network input: its
//! length is bounded, it is complete and about this source, its times are possible, and its set is parsed again. A record
//! that fails a check is discarded with a reason. A life longer than the policy's is cut. `docs/kv-schema.md` describes the
//! schema. Nothing here reads a clock or a store.

use std::borrow::Cow;
use std::sync::Arc;

use edge_assay_jose::hash::sha256;
use serde::Serialize;
use serde_json::Value;

use crate::jose::{KeySet, base64url, json};
use crate::keys::error::KeySetError;
use crate::keys::freshness::{Asked, Attempts, Freshness, Lifetime};
use crate::keys::retired::RetiredKids;
use crate::keys::url::{self, UrlError};
use crate::keys::{CachePolicy, KeySource, Location};
use crate::limits::{
    BACKOFF_MAX_SECONDS, CLOCK_DISAGREEMENT_SECONDS, MAX_ETAG_BYTES, MAX_RECORD_BYTES, MIN_STORE_TTL_SECONDS,
};
use crate::rejection::excerpt;
use crate::time::Timestamp;

/// The key under which the last good set of `source` is stored: `jwks:v1:<base64url SHA-256 of its identity>`.
#[must_use]
pub fn key(source: &KeySource) -> String {
    key_of(&id(source))
}

/// The name of `source` in the keys of the store: the base64url SHA-256 of its identity.
pub(super) fn id(source: &KeySource) -> String {
    base64url::encode(&sha256(source.identity().as_bytes()))
}

/// The key of the set of the source with this [`id`].
pub(super) fn key_of(id: &str) -> String {
    format!("jwks:v1:{id}")
}

/// The key under which the last failure to fetch from `source` is stored: that of the set, and `:failures`.
#[must_use]
pub fn failures_key(source: &KeySource) -> String {
    format!("{}:failures", key(source))
}

/// What is known about a source.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The last good set, if there is one.
    pub cached: Option<CachedSet>,
    /// The state of the attempts to fetch it.
    pub attempts: Attempts,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<KeySetError>,
    /// The `kid`s that were in the set once.
    pub retired: RetiredKids,
}

/// A set as its origin served it.
#[derive(Clone, Debug)]
pub struct CachedSet {
    /// The URL from which it was fetched.
    pub jwks_uri: String,
    /// Its text as fetched.
    pub body: Arc<str>,
    /// The keys, parsed from `body`.
    pub set: Arc<KeySet>,
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its times.
    pub lifetime: Lifetime,
}

/// Why a record is discarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is longer than [`MAX_RECORD_BYTES`].
    #[error("it has {0} bytes")]
    TooLarge(usize),
    /// It is not the JSON object that the schema describes.
    #[error("it is not a record: {0}")]
    Schema(String),
    /// It was written for another source.
    #[error("it is about another source")]
    OtherSource,
    /// Some members of a set are present and some are missing.
    #[error("it holds half a set")]
    Incomplete,
    /// A time lies further ahead than clocks may differ.
    #[error("`{0}` lies in the future")]
    Future(&'static str),
    /// Its times contradict each other.
    #[error("`{0}` contradicts the other times")]
    Contradiction(&'static str),
    /// Its set came from a URL that is not acceptable.
    #[error("its `jwks_uri` is not acceptable: {0}")]
    JwksUri(UrlError),
    /// Its set cannot be parsed.
    #[error("its set is malformed: {0}")]
    Set(String),
}

/// A record that passed all checks.
#[derive(Clone, Debug)]
pub struct Read {
    /// The record, cut to what the policy allows.
    pub record: Record,
    /// The members that exceeded the policy and were cut to it.
    pub cut: Vec<&'static str>,
}

/// What to write to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// For how many seconds to store it.
    pub ttl_seconds: u64,
}

/// The record as JSON. Times are whole seconds since the epoch.
#[derive(Serialize)]
struct Stored<'r> {
    source_uri: Cow<'r, str>,
    jwks_uri: Option<Cow<'r, str>>,
    set: Option<Cow<'r, str>>,
    fetched_at: Option<Timestamp>,
    fresh_until: Option<Timestamp>,
    stale_until: Option<Timestamp>,
    etag: Option<Cow<'r, str>>,
    last_attempt_at: Timestamp,
    consecutive_failures: u32,
    last_unknown_kid_fetch_at: Option<Timestamp>,
    last_error: Option<KeySetError>,
    /// Releases that do not know this member discard a record that has it. So most records do not.
    #[serde(skip_serializing_if = "RetiredKids::is_empty")]
    retired: RetiredKids,
}

impl Record {
    /// The input for [`crate::keys::freshness::decide`].
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        Freshness { lifetime: self.cached.as_ref().map(|cached| cached.lifetime), attempts: self.attempts }
    }

    /// The set, if it may be used at `now`.
    #[must_use]
    pub fn serving(&self, now: Timestamp) -> Option<&CachedSet> {
        self.cached.as_ref().filter(|cached| cached.lifetime.serves_at(now))
    }

    /// Drops the set if it was fetched before this time. Its keys are remembered as vanished until a set has them. Returns whether it was.
    pub fn drop_set_before(&mut self, purged_at: Option<Timestamp>) -> bool {
        let is_before = |cached: &mut CachedSet| purged_at.is_some_and(|at| cached.lifetime.fetched_at < at);
        let dropped = self.cached.take_if(is_before);
        if let (Some(dropped), Some(at)) = (&dropped, purged_at) {
            self.retired.dropped(&dropped.set, at);
        }
        dropped.is_some()
    }

    /// Holds `cached` in place of the set so far.
    fn hold(&mut self, cached: CachedSet) {
        let former = self.cached.as_ref().map(|cached| &*cached.set);
        self.retired.replaced(former, &cached.set, cached.lifetime.fetched_at);
        self.cached = Some(cached);
    }

    /// Takes from `other` what is newer: its set, the state of its attempts, or both. Returns whether the set was taken.
    pub fn adopt(&mut self, other: Self) -> bool {
        // Times are whole seconds. Of two sets of one second, the one that was fetched for an unknown `kid` came second.
        let order = |record: &Self| {
            let fetched_at = record.cached.as_ref()?.lifetime.fetched_at;
            Some((fetched_at, record.attempts.last_unknown_kid_fetch_at))
        };
        let newer = order(&other) > order(self);
        if other.attempts.last_attempt_at > self.attempts.last_attempt_at {
            self.last_error = other.last_error;
        }
        self.attempts = self.attempts.merged_with(other.attempts);
        match other.cached {
            Some(cached) if newer => self.hold(cached),
            Some(former) => {
                // The older set may have had keys that this process has never seen.
                if let Some(CachedSet { set, lifetime, .. }) = &self.cached {
                    self.retired.replaced(Some(&former.set), set, lifetime.fetched_at);
                }
            }
            None => {}
        }
        self.retired.merge(other.retired, self.cached.as_ref().map(|cached| &*cached.set));
        newer
    }

    /// Notes the outcome of an attempt that ended at `now`. `shared_at` is when the origin gave it, if other processes have it too. A failure keeps
    /// the set, and so does a shared answer that is older than the set.
    pub fn settle(
        &mut self,
        outcome: Result<CachedSet, KeySetError>,
        asked: Asked,
        now: Timestamp,
        shared_at: Option<Timestamp>,
        policy: &CachePolicy,
    ) {
        match outcome {
            Ok(cached) => {
                // The cooldown counts from when the origin answered, so that an old answer does not hide a new key for longer. Half
                // of it is left at least.
                let latest = now.minus(policy.unknown_kid_cooldown_seconds / 2);
                let looked_at = shared_at.map_or(now, |at| at.max(latest).min(now));
                self.attempts = self.attempts.succeeded(now, asked, looked_at);
                let is_newer = |held: &CachedSet| {
                    shared_at.is_some_and(|at| (at..=now).contains(&held.lifetime.fetched_at))
                };
                if !self.cached.as_ref().is_some_and(is_newer) {
                    self.hold(cached);
                }
                self.last_error = None;
            }
            Err(failure) => {
                let is_counted = shared_at.is_some() && shared_at <= self.attempts.last_attempt_at;
                let failures = self.attempts.consecutive_failures;
                self.attempts = self.attempts.failed(now, asked);
                // A failure that this process has counted already is not another one.
                if is_counted && failures > 0 {
                    self.attempts.consecutive_failures = failures;
                }
                self.last_error = Some(failure);
            }
        }
    }

    /// What to store after the last attempt: the set after a success, the failure alone after a failure. It is stored as long as
    /// the set may be used, and at least as long as failures count. `None` before the first attempt.
    #[must_use]
    pub fn write(&self, source: &KeySource, policy: &CachePolicy, now: Timestamp) -> Option<Written> {
        let has_failed = self.attempts.consecutive_failures > 0;
        let key = if has_failed { failures_key(source) } else { key(source) };
        let cached = self.cached.as_ref().filter(|_| !has_failed);
        let stored = Stored {
            source_uri: source.identity(),
            jwks_uri: cached.map(|cached| cached.jwks_uri.as_str().into()),
            set: cached.map(|cached| (&*cached.body).into()),
            fetched_at: cached.map(|cached| cached.lifetime.fetched_at),
            fresh_until: cached.map(|cached| cached.lifetime.fresh_until),
            stale_until: cached.map(|cached| cached.lifetime.stale_until),
            etag: cached.and_then(|cached| cached.etag.as_deref().map(Into::into)),
            last_attempt_at: self.attempts.last_attempt_at?,
            consecutive_failures: self.attempts.consecutive_failures,
            last_unknown_kid_fetch_at: self.attempts.last_unknown_kid_fetch_at,
            last_error: self.last_error.clone(),
            retired: if has_failed { RetiredKids::default() } else { self.retired.clone() },
        };
        let serves =
            cached.map_or(0, |cached| u64::try_from(cached.lifetime.stale_until.since(now)).unwrap_or(0));
        let counts = BACKOFF_MAX_SECONDS.saturating_mul(2).max(policy.unknown_kid_cooldown_seconds);
        let ttl_seconds = serves.max(counts).max(MIN_STORE_TTL_SECONDS);
        serde_json::to_string(&stored).ok().map(|value| Written { key, value, ttl_seconds })
    }

    /// Reads and checks the record `value` of `source` at `now`.
    ///
    /// # Errors
    /// The reason why it is discarded.
    pub fn read(
        value: &str,
        source: &KeySource,
        policy: &CachePolicy,
        now: Timestamp,
    ) -> Result<Read, RecordError> {
        if value.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLarge(value.len()));
        }
        let stored = Stored::parse(value)?;
        if stored.source_uri != source.identity() {
            return Err(RecordError::OtherSource);
        }
        let mut cut = Vec::new();
        let attempts = stored.attempts(now)?;
        let cached = stored.cached(source, policy, now, &mut cut)?;
        if cached.as_ref().is_some_and(|cached| attempts.last_attempt_at < Some(cached.lifetime.fetched_at)) {
            return Err(RecordError::Contradiction("last_attempt_at"));
        }
        let last_error = stored.last_error.map(KeySetError::bounded);
        if let Some(latest) = stored.retired.latest() {
            past(latest, now, "retired")?;
        }
        Ok(Read { record: Self { cached, attempts, last_error, retired: stored.retired }, cut })
    }
}

/// The members of a record that are not yet read.
struct Rest(json::Members);

impl Rest {
    /// Takes out a member that may be absent or null.
    fn optional<T>(
        &mut self,
        name: &'static str,
        read: fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, RecordError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(&value)
                .map(Some)
                .ok_or_else(|| RecordError::Schema(format!("`{name}` is not what it should be"))),
        }
    }

    /// Takes out a member that must be present.
    fn required<T>(&mut self, name: &'static str, read: fn(&Value) -> Option<T>) -> Result<T, RecordError> {
        self.optional(name, read)?.ok_or_else(|| RecordError::Schema(format!("`{name}` is missing")))
    }
}

impl Stored<'_> {
    fn parse(value: &str) -> Result<Self, RecordError> {
        let text = |value: &Value| value.as_str().map(|text| Cow::Owned(text.to_owned()));
        let time = |value: &Value| value.as_i64().map(Timestamp::from_epoch_seconds);
        let count = |value: &Value| value.as_u64()?.try_into().ok();
        let members = json::parse_object(value);
        let mut rest = Rest(members.map_err(|fault| RecordError::Schema(fault.to_string()))?);
        let stored = Self {
            source_uri: rest.required("source_uri", text)?,
            jwks_uri: rest.optional("jwks_uri", text)?,
            set: rest.optional("set", text)?,
            fetched_at: rest.optional("fetched_at", time)?,
            fresh_until: rest.optional("fresh_until", time)?,
            stale_until: rest.optional("stale_until", time)?,
            etag: rest.optional("etag", text)?,
            last_attempt_at: rest.required("last_attempt_at", time)?,
            consecutive_failures: rest.required("consecutive_failures", count)?,
            last_unknown_kid_fetch_at: rest.optional("last_unknown_kid_fetch_at", time)?,
            last_error: rest.optional("last_error", KeySetError::from_json)?,
            retired: rest.optional("retired", RetiredKids::from_json)?.unwrap_or_default(),
        };
        match rest.0.keys().next() {
            None => Ok(stored),
            Some(unknown) => Err(RecordError::Schema(format!("`{}` is no member of it", excerpt(unknown)))),
        }
    }

    fn attempts(&self, now: Timestamp) -> Result<Attempts, RecordError> {
        let last_attempt_at = past(self.last_attempt_at, now, "last_attempt_at")?;
        let unknown = self.last_unknown_kid_fetch_at.map(|at| past(at, now, "last_unknown_kid_fetch_at"));
        let last_unknown_kid_fetch_at = unknown.transpose()?;
        if last_unknown_kid_fetch_at > Some(last_attempt_at) {
            return Err(RecordError::Contradiction("last_unknown_kid_fetch_at"));
        }
        Ok(Attempts {
            last_attempt_at: Some(last_attempt_at),
            consecutive_failures: self.consecutive_failures,
            last_unknown_kid_fetch_at,
        })
    }

    fn cached(
        &self,
        source: &KeySource,
        policy: &CachePolicy,
        now: Timestamp,
        cut: &mut Vec<&'static str>,
    ) -> Result<Option<CachedSet>, RecordError> {
        let (body, jwks_uri, fetched_at, fresh_until, stale_until) =
            match (&self.set, &self.jwks_uri, self.fetched_at, self.fresh_until, self.stale_until) {
                (Some(body), Some(uri), Some(fetched), Some(fresh), Some(stale)) => {
                    (body, uri, fetched, fresh, stale)
                }
                (None, None, None, None, None) if self.etag.is_none() => return Ok(None),
                _ => return Err(RecordError::Incomplete),
            };
        match &source.location {
            Location::Jwks { uri } if uri != jwks_uri => return Err(RecordError::OtherSource),
            Location::Jwks { .. } => {}
            Location::Discovery { .. } => {
                url::accept(jwks_uri).map_err(RecordError::JwksUri)?;
            }
        }
        let fetched_at = past(fetched_at, now, "fetched_at")?;
        if fresh_until < fetched_at {
            return Err(RecordError::Contradiction("fresh_until"));
        }
        if stale_until < fresh_until {
            return Err(RecordError::Contradiction("stale_until"));
        }
        let longest = Lifetime::starting(fetched_at, policy.ttl_seconds, policy);
        if fresh_until > longest.fresh_until {
            cut.push("fresh_until");
        }
        if stale_until > longest.stale_until {
            cut.push("stale_until");
        }
        let lifetime = Lifetime {
            fetched_at,
            fresh_until: fresh_until.min(longest.fresh_until),
            stale_until: stale_until.min(longest.stale_until),
        };
        let etag = self.etag.as_deref().filter(|etag| etag.len() <= MAX_ETAG_BYTES).map(str::to_owned);
        let set =
            KeySet::parse(body.as_bytes()).map_err(|error| RecordError::Set(excerpt(&error.to_string())))?;
        Ok(Some(CachedSet {
            jwks_uri: jwks_uri.as_ref().to_owned(),
            body: body.as_ref().into(),
            set: Arc::new(set),
            etag,
            lifetime,
        }))
    }
}

/// `at`, which cannot lie ahead of `now`: up to [`CLOCK_DISAGREEMENT_SECONDS`] ahead counts as now, more is an error.
fn past(at: Timestamp, now: Timestamp, member: &'static str) -> Result<Timestamp, RecordError> {
    if at > now.plus(CLOCK_DISAGREEMENT_SECONDS) { Err(RecordError::Future(member)) } else { Ok(at.min(now)) }
}
