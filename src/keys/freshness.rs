//! When to believe a cached set, when to refresh it, and when to say that nobody can tell.
//!
//! A pure state machine: `(now, what is cached, what was asked) -> decision`, and the two transitions an attempt makes.
//! No I/O, no clock, no keys; its tests are the specification as a table.

use crate::keys::CachePolicy;
use crate::limits::{
    BACKOFF_FIRST_SECONDS, BACKOFF_MAX_SECONDS, MIN_TTL_FROM_CACHE_CONTROL_SECONDS, REFRESH_AHEAD_PERCENT,
};
use crate::time::Timestamp;

/// What is known about a source's set and about the attempts to fetch it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The times of the set, if one was ever fetched.
    pub lifetime: Option<Lifetime>,
    /// How the attempts went.
    pub attempts: Attempts,
}

/// The times of a set: `fetched_at <= fresh_until <= stale_until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When the origin served or confirmed it.
    pub fetched_at: Timestamp,
    /// Until when it is believed without question.
    pub fresh_until: Timestamp,
    /// Until when it serves while the origin does not.
    pub stale_until: Timestamp,
}

/// How the attempts to fetch a set went. All isolates obey them, through the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// When the last attempt ended, whatever came of it.
    pub last_attempt_at: Option<Timestamp>,
    /// Attempts that failed since the last that did not.
    pub consecutive_failures: u32,
    /// When an attempt that an unknown `kid` asked for last ended.
    pub last_unknown_kid_fetch_at: Option<Timestamp>,
}

/// What a request is after, seen from the cached set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A `kid` that the set holds (or has set aside: the issuer is known to have it).
    KnownKid,
    /// A `kid` that the set does not hold.
    UnknownKid,
    /// Whatever there is.
    Any,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Judge by the cached set.
    Use,
    /// Judge by the cached set, and refresh it after the response.
    UseAndRefresh,
    /// Nothing cached can judge this: fetch first.
    FetchFirst,
    /// Nothing cached can judge this, and it is too early to ask again.
    Refuse(Unavailable),
}

/// Nobody can tell at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Seconds until the next attempt is due.
    pub retry_after_seconds: u64,
}

/// What to do at `now` for a request that asks for `asked`.
#[must_use]
pub fn decide(now: Timestamp, cached: Option<&Freshness>, asked: Asked, policy: &CachePolicy) -> Decision {
    let Some(cached) = cached else { return Decision::FetchFirst };
    let backoff = cached.attempts.backoff_left(now);
    let Some(lifetime) = cached.lifetime.filter(|lifetime| lifetime.serves_at(now)) else {
        return refuse_or_fetch(backoff);
    };
    if asked == Asked::UnknownKid {
        let cooldown_left = cooldown_left(now, cached.attempts.last_unknown_kid_fetch_at, policy);
        if cached.attempts.consecutive_failures > 0 {
            return refuse_or_fetch(backoff.max(cooldown_left));
        }
        // A fetch that nobody's unknown `kid` asked for begins no cooldown: the keys may have been rotated right after it.
        // And a set past its TTL proves no absence: a fetch is due anyway.
        if cooldown_left.is_none() || now >= lifetime.fresh_until {
            return Decision::FetchFirst;
        }
    }
    if now >= lifetime.refresh_at() && backoff.is_none() { Decision::UseAndRefresh } else { Decision::Use }
}

/// Seconds until an unknown `kid` may make the origin be asked again, if it was last asked for one at `looked_at`; `None` when
/// it may now.
#[must_use]
pub fn cooldown_left(now: Timestamp, looked_at: Option<Timestamp>, policy: &CachePolicy) -> Option<u64> {
    left(now, looked_at?, policy.unknown_kid_cooldown_seconds)
}

/// Whether to refresh now what would come due within `horizon_seconds`: the question of the cron trigger.
#[must_use]
pub fn due_within(horizon_seconds: u64, now: Timestamp, cached: &Freshness) -> bool {
    cached.attempts.backoff_left(now).is_none()
        && cached.lifetime.is_none_or(|lifetime| now.plus(horizon_seconds) >= lifetime.refresh_at())
}

fn refuse_or_fetch(wait_seconds: Option<u64>) -> Decision {
    wait_seconds.map_or(Decision::FetchFirst, |retry_after_seconds| {
        Decision::Refuse(Unavailable { retry_after_seconds })
    })
}

impl Lifetime {
    /// The times of a set that the origin serves at `now`, for `ttl_seconds` (see [`ttl_seconds`]).
    #[must_use]
    pub fn starting(now: Timestamp, ttl_seconds: u64, policy: &CachePolicy) -> Self {
        let fresh_until = now.plus(ttl_seconds);
        Self { fetched_at: now, fresh_until, stale_until: fresh_until.plus(policy.stale_if_error_seconds) }
    }

    /// The TTL it was given, in seconds.
    #[must_use]
    pub fn ttl_seconds(&self) -> u64 {
        u64::try_from(self.fresh_until.since(self.fetched_at)).unwrap_or(0)
    }

    /// When it is time to refresh it ahead: at 80 % of its TTL.
    #[must_use]
    pub fn refresh_at(&self) -> Timestamp {
        self.fetched_at.plus(self.ttl_seconds().saturating_mul(REFRESH_AHEAD_PERCENT) / 100)
    }

    /// Whether it may judge a token at `now`, fresh or stale.
    #[must_use]
    pub fn serves_at(&self, now: Timestamp) -> bool {
        now < self.stale_until
    }
}

impl Attempts {
    /// After an attempt that ended at `now` with a set (or the word that the cached one still holds).
    #[must_use]
    pub fn succeeded(self, now: Timestamp, asked: Asked) -> Self {
        Self { consecutive_failures: 0, ..self.ended(now, asked) }
    }

    /// After an attempt that ended at `now` with nothing of use.
    #[must_use]
    pub fn failed(self, now: Timestamp, asked: Asked) -> Self {
        Self { consecutive_failures: self.consecutive_failures.saturating_add(1), ..self.ended(now, asked) }
    }

    /// What two isolates know together: the later attempt counts.
    #[must_use]
    pub fn merged_with(self, other: Self) -> Self {
        let last_unknown_kid_fetch_at = self.last_unknown_kid_fetch_at.max(other.last_unknown_kid_fetch_at);
        let later = if other.last_attempt_at > self.last_attempt_at { other } else { self };
        Self { last_unknown_kid_fetch_at, ..later }
    }

    fn ended(self, now: Timestamp, asked: Asked) -> Self {
        let unknown = (asked == Asked::UnknownKid).then_some(now);
        Self {
            last_attempt_at: Some(now),
            last_unknown_kid_fetch_at: self.last_unknown_kid_fetch_at.max(unknown),
            ..self
        }
    }

    /// Seconds until a failing origin may be asked again; `None` when it may.
    #[must_use]
    pub fn backoff_left(&self, now: Timestamp) -> Option<u64> {
        left(now, self.last_attempt_at?, backoff_seconds(self.consecutive_failures)?)
    }
}

/// Seconds to wait after the `failures`th failure in a row: 1, 2, 4, … 60; `None` after none.
#[must_use]
pub fn backoff_seconds(failures: u32) -> Option<u64> {
    let doublings = failures.checked_sub(1)?;
    let doubled = 1_u64.checked_shl(doublings).map(|factor| BACKOFF_FIRST_SECONDS.saturating_mul(factor));
    Some(doubled.unwrap_or(BACKOFF_MAX_SECONDS).min(BACKOFF_MAX_SECONDS))
}

/// Seconds left of a period of `seconds` that began at `since`; never more than the whole.
fn left(now: Timestamp, since: Timestamp, seconds: u64) -> Option<u64> {
    let left = u64::try_from(since.plus(seconds).since(now)).ok()?;
    (left > 0).then_some(left.min(seconds))
}

/// The TTL of an answer: the configured one, or less if the origin asks for less, down to a minute.
#[must_use]
pub fn ttl_seconds(policy: &CachePolicy, max_age_seconds: Option<u64>) -> u64 {
    let wished = max_age_seconds.unwrap_or(u64::MAX).max(MIN_TTL_FROM_CACHE_CONTROL_SECONDS);
    policy.ttl_seconds.min(wished)
}

/// The seconds for which a `Cache-Control` field (RFC 9111 §5.2.2) lets an answer be reused; `None` when it says nothing
/// about it. `no-store`, `no-cache`, and a `max-age` that is no number (RFC 9111 §4.2.1) count as 0, the least of several
/// wins.
#[must_use]
pub fn max_age_seconds(cache_control: &str) -> Option<u64> {
    cache_control.split(',').filter_map(directive_seconds).min()
}

fn directive_seconds(directive: &str) -> Option<u64> {
    let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
    match name.trim().to_ascii_lowercase().as_str() {
        "no-store" | "no-cache" => Some(0),
        "max-age" => {
            let digits = value.trim().trim_matches('"');
            let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            // All digits and still no u64: more seconds than anybody will wait.
            Some(if numeric { digits.parse().unwrap_or(u64::MAX) } else { 0 })
        }
        _ => None,
    }
}
