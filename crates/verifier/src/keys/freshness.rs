//! When to use a cached set, when to refresh it, and when to answer that the keys are unavailable.
//!
//! A pure state machine: `(now, what is cached, what is asked for) -> decision`, and the two transitions that an attempt makes.
//! It has no I/O, no clock and no keys. Its tests are tables and serve as its specification.

use crate::keys::CachePolicy;
use crate::limits::{
    BACKOFF_FIRST_SECONDS, BACKOFF_MAX_SECONDS, CLOCK_DISAGREEMENT_SECONDS, FAILURE_COUNTS_SECONDS,
    MIN_TTL_FROM_CACHE_CONTROL_SECONDS, REFRESH_AHEAD_PERCENT_RANGE,
};
use crate::time::Timestamp;

/// The times of a source's set, and the state of the attempts to fetch it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The times of the set, if one was ever fetched.
    pub lifetime: Option<Lifetime>,
    /// The state of the attempts.
    pub attempts: Attempts,
}

/// The times of a set: `fetched_at <= fresh_until <= stale_until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When the origin served it, or confirmed it with a 304.
    pub fetched_at: Timestamp,
    /// Until when it is fresh.
    pub fresh_until: Timestamp,
    /// Until when it may be used while its origin does not answer.
    pub stale_until: Timestamp,
}

/// The point between 60 and 80 % of a TTL at which a process refreshes a set in advance. 0 is the first point, `u16::MAX` the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshPoint(u16);

impl RefreshPoint {
    /// Before the points of all processes.
    pub const FIRST: Self = Self(0);
    /// The last point.
    pub const LAST: Self = Self(u16::MAX);

    /// The point that follows from these random bytes. The maximum of four numbers is small in few processes: in one of 10,000 it lies in
    /// the first tenth. These few fetch the set, and the store distributes it before the others need it.
    #[must_use]
    pub fn drawn(numbers: [[u8; 2]; 4]) -> Self {
        Self(numbers.map(u16::from_be_bytes).into_iter().fold(0, u16::max))
    }
}

/// The state of the attempts to fetch a set. A process obeys its own and those in the records that it has read from the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// When the last attempt ended, successful or not.
    pub last_attempt_at: Option<Timestamp>,
    /// How many attempts have failed since the last success.
    pub consecutive_failures: u32,
    /// When the last attempt ended that looked for an unknown `kid`.
    pub last_unknown_kid_fetch_at: Option<Timestamp>,
}

/// What a request asks for, relative to the cached set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A `kid` of the set, usable or set aside.
    KnownKid,
    /// A `kid` that the set lacks.
    UnknownKid,
    /// Any key.
    Any,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Use the cached set.
    Use,
    /// Use the cached set, and refresh it after the response.
    UseAndRefresh,
    /// The cached set is past its TTL: fetch first, and use it only if that fails or takes long.
    FetchFirstOrUse,
    /// The cached set is not enough: fetch first.
    FetchFirst,
    /// The cached set is not enough, and it is too early for another fetch.
    Refuse(Unavailable),
}

/// The keys are unavailable at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Seconds until the next attempt is allowed.
    pub retry_after_seconds: u64,
}

/// What to do at `now` for a request that asks for `asked`; `cached` is what the process knows, and `point` is when it refreshes.
#[must_use]
pub fn decide(
    now: Timestamp,
    cached: Option<&Freshness>,
    asked: Asked,
    policy: &CachePolicy,
    point: RefreshPoint,
) -> Decision {
    let Some(cached) = cached else { return Decision::FetchFirst };
    let backoff = cached.attempts.backoff_left(now);
    let Some(lifetime) = cached.lifetime.filter(|lifetime| lifetime.serves_at(now)) else {
        return refuse_or_fetch(backoff);
    };
    // How old a set from the future is cannot be known, so it is past its TTL.
    let is_fresh = now < lifetime.fresh_until && !is_future(lifetime.fetched_at, now);
    if asked == Asked::UnknownKid {
        let cooldown_left = cooldown_left(now, cached.attempts.last_unknown_kid_fetch_at, policy);
        if cached.attempts.consecutive_failures > 0 {
            return refuse_or_fetch(backoff.max(cooldown_left));
        }
        // Only a fetch for an unknown `kid` begins the cooldown: after any other, the keys may have been rotated at once.
        // A set past its TTL does not show that a key is absent: a fetch is due anyway.
        if cooldown_left.is_none() || !is_fresh {
            return Decision::FetchFirst;
        }
    }
    if (is_fresh && now < lifetime.refresh_at(point)) || backoff.is_some() {
        return Decision::Use;
    }
    // A withdrawn key must not outlive the TTL while its origin can be asked. An origin that failed a moment ago is asked after the
    // response, so that requests do not wait for it again and again.
    if is_fresh || cached.attempts.failed_recently(now) {
        Decision::UseAndRefresh
    } else {
        Decision::FetchFirstOrUse
    }
}

/// Seconds until the origin may be asked for an unknown `kid` again, if the last such fetch ended at `looked_at`; `None` when it
/// may be asked now.
#[must_use]
pub fn cooldown_left(now: Timestamp, looked_at: Option<Timestamp>, policy: &CachePolicy) -> Option<u64> {
    left(now, looked_at?, policy.unknown_kid_cooldown_seconds)
}

/// Whether the set would come due in any process within `horizon_seconds`, so that a regular run refreshes it now.
#[must_use]
pub fn due_within(horizon_seconds: u64, now: Timestamp, cached: &Freshness) -> bool {
    let is_due = |lifetime: Lifetime| {
        is_future(lifetime.fetched_at, now)
            || now.plus(horizon_seconds) >= lifetime.refresh_at(RefreshPoint::FIRST)
    };
    cached.attempts.backoff_left(now).is_none() && cached.lifetime.is_none_or(is_due)
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

    /// Its TTL in seconds.
    #[must_use]
    pub fn ttl_seconds(&self) -> u64 {
        u64::try_from(self.fresh_until.since(self.fetched_at)).unwrap_or(0)
    }

    /// When a process with this point refreshes it in advance.
    #[must_use]
    pub fn refresh_at(&self, point: RefreshPoint) -> Timestamp {
        let (first, last) = REFRESH_AHEAD_PERCENT_RANGE;
        let range = self.ttl_seconds().saturating_mul(last.saturating_sub(first)) / 100;
        // 65,535 is `u16::MAX`, the last point.
        let later = range.saturating_mul(u64::from(point.0)) / 65_535;
        self.fetched_at.plus(self.ttl_seconds().saturating_mul(first) / 100).plus(later)
    }

    /// Whether it may be used at `now`, fresh or stale.
    #[must_use]
    pub fn serves_at(&self, now: Timestamp) -> bool {
        now < self.stale_until
    }
}

impl Attempts {
    /// The state after an attempt that ended at `now` with a set (or a 304). The cooldown for an unknown `kid` begins at `looked_at`.
    #[must_use]
    pub fn succeeded(self, now: Timestamp, asked: Asked, looked_at: Timestamp) -> Self {
        Self { consecutive_failures: 0, ..self.ended(now, asked, looked_at) }
    }

    /// The state after an attempt that failed at `now`.
    #[must_use]
    pub fn failed(self, now: Timestamp, asked: Asked) -> Self {
        Self {
            consecutive_failures: self.consecutive_failures.saturating_add(1),
            ..self.ended(now, asked, now)
        }
    }

    /// The state that two processes know together: the later attempt counts. If the earlier one has failed too, a moment before, the larger number of
    /// failures counts: it is the same outage.
    #[must_use]
    pub fn merged_with(self, other: Self) -> Self {
        let last_unknown_kid_fetch_at = self.last_unknown_kid_fetch_at.max(other.last_unknown_kid_fetch_at);
        let (earlier, later) =
            if other.last_attempt_at > self.last_attempt_at { (self, other) } else { (other, self) };
        let is_same_outage = later.consecutive_failures > 0
            && later.last_attempt_at.is_some_and(|at| earlier.failed_recently(at));
        let consecutive_failures = if is_same_outage {
            later.consecutive_failures.max(earlier.consecutive_failures)
        } else {
            later.consecutive_failures
        };
        Self { consecutive_failures, last_unknown_kid_fetch_at, ..later }
    }

    fn ended(self, now: Timestamp, asked: Asked, looked_at: Timestamp) -> Self {
        let unknown = (asked == Asked::UnknownKid).then_some(looked_at);
        // A time in the future would hide this one, and begin no cooldown.
        let former = self.last_unknown_kid_fetch_at.filter(|at| !is_future(*at, now));
        Self { last_attempt_at: Some(now), last_unknown_kid_fetch_at: former.max(unknown), ..self }
    }

    /// Whether the last attempt failed, so recently that the origin may still be down.
    fn failed_recently(&self, now: Timestamp) -> bool {
        let left = |at| left(now, at, FAILURE_COUNTS_SECONDS);
        self.consecutive_failures > 0 && self.last_attempt_at.and_then(left).is_some()
    }

    /// Seconds until a failing origin may be asked again; `None` when it may be asked now.
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

/// Whether `at`, a time in the past, lies ahead of `now` because the clock was set back since. Clocks differ by up to
/// [`CLOCK_DISAGREEMENT_SECONDS`] without that.
pub(super) fn is_future(at: Timestamp, now: Timestamp) -> bool {
    at > now.plus(CLOCK_DISAGREEMENT_SECONDS)
}

/// Whether a period that ends at `until` lasts at `now`. It has `longest_seconds` at most: after a step of the clock its end may lie further ahead.
pub(super) fn lasts(until: Option<Timestamp>, longest_seconds: u64, now: Timestamp) -> bool {
    until.is_some_and(|until| now < until && until <= now.plus(longest_seconds))
}

/// Seconds left of a period of `seconds` that began at `since`; never more than the whole. A period that begins in the future has
/// ended.
fn left(now: Timestamp, since: Timestamp, seconds: u64) -> Option<u64> {
    if is_future(since, now) {
        return None;
    }
    let left = u64::try_from(since.plus(seconds).since(now)).ok()?;
    (left > 0).then_some(left.min(seconds))
}

/// The TTL of an answer: the configured one, or less if the origin asks for less, down to five minutes.
#[must_use]
pub fn ttl_seconds(policy: &CachePolicy, max_age_seconds: Option<u64>) -> u64 {
    let wished = max_age_seconds.unwrap_or(u64::MAX).max(MIN_TTL_FROM_CACHE_CONTROL_SECONDS);
    policy.ttl_seconds.min(wished)
}

/// The seconds for which a `Cache-Control` field (RFC 9111 §5.2.2) lets an answer be reused; `None` when it says nothing
/// about it. `no-store`, `no-cache` and a `max-age` that is not a number (RFC 9111 §4.2.1) count as 0. The smallest of several
/// values counts.
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
            // A number that exceeds a u64 has no practical end.
            Some(if numeric { digits.parse().unwrap_or(u64::MAX) } else { 0 })
        }
        _ => None,
    }
}
