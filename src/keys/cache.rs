//! Carries out what `freshness.rs` decides: memory first, then the store, then the origin, one at a time.
//!
//! What an isolate remembers is plain data, never borrowed across an `await` and never a future: workerd cancels the
//! future of a request whose client went away, and whoever shared it would wait for ever. So a single flight is a *lease*
//! with an end. Whoever cannot be served meanwhile looks again until the flight has landed or its lease has ended.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::json;

use crate::jose::KeySet;
use crate::keys::error::{KeySetError, KeySetErrorKind};
use crate::keys::fetch::{self, Answer, Fetched};
use crate::keys::freshness::{self, Asked, Decision, Freshness, Lifetime, Unavailable};
use crate::keys::record::{self, CachedSet, Record};
use crate::keys::{CachePolicy, KeySource, KeyState, LookedAgain, Lookup, Tier, Wanted};
use crate::limits::{
    CRON_INTERVAL_SECONDS, LEASE_MARGIN_SECONDS, LEASE_POLL_RANGE_MS, LEASE_POLL_SHARE,
    LOOK_AGAIN_AFTER_SECONDS, STORE_LEASE_SECONDS,
};
use crate::ports::{KeyValueStore, Level, Platform};
use crate::rejection::Fault;
use crate::time::Timestamp;
use crate::waiting::with_store_timeout;

/// An isolate's memory of every source's keys.
#[derive(Debug, Default)]
pub struct KeyCache {
    entries: RefCell<HashMap<String, Entry>>,
    last_lease: Cell<u64>,
}

#[derive(Debug, Default)]
struct Entry {
    record: Record,
    lease: Option<Lease>,
    last_looked_again_at: Option<Timestamp>,
    last_probed_at: Option<Timestamp>,
}

/// The right to consult the store and the origin, until it is given back or has ended.
#[derive(Clone, Copy, Debug)]
struct Lease {
    number: u64,
    until: Timestamp,
}

impl KeyCache {
    /// An empty memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The set by which to judge a token that wants `wanted`, at `now`.
    ///
    /// # Errors
    /// [`Fault::JwksUnavailable`] or [`Fault::JwksInvalid`] when nothing cached may judge it and the origin does not help,
    /// or was asked in vain too short a time ago.
    pub async fn lookup<P: Platform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        wanted: Wanted<'_>,
        now: Timestamp,
    ) -> Result<Lookup, Fault> {
        let visit = Visit::new(self, platform, source, policy);
        let begun = now;
        let (mut now, mut tier, mut has_waited, mut waited_ms) = (now, Tier::Memory, false, 0_u32);
        loop {
            match visit.decide(wanted, now) {
                Decision::Use => return visit.found(tier, now, false),
                Decision::UseAndRefresh => return visit.found(tier, now, !visit.is_leased(now)),
                Decision::Refuse(unavailable) => return Err(visit.fault(now, unavailable)),
                Decision::FetchFirst if visit.is_leased(now) => {
                    let interval_ms = poll_interval_ms(waited_ms);
                    platform.sleep(interval_ms).await;
                    waited_ms = waited_ms.saturating_add(interval_ms);
                }
                // One attempt has ended while this request waited for it. What it brought is what this request gets:
                // nobody waits through two attempts.
                Decision::FetchFirst if has_waited && visit.was_attempted_since(begun) => {
                    return visit.make_do(tier, now);
                }
                Decision::FetchFirst => {
                    let needed = |now| visit.decide(wanted, now) == Decision::FetchFirst;
                    tier = visit.bring(now, wanted, needed).await;
                }
            }
            has_waited = true;
            now = platform.now();
        }
    }

    /// Renews what is past its refresh point, from the store if another isolate has done it, else from the origin.
    /// To be run after the response whenever a [`Lookup`] says so.
    pub async fn refresh<P: Platform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        now: Timestamp,
    ) {
        let visit = Visit::new(self, platform, source, policy);
        let needed =
            |now| matches!(visit.decide(Wanted::Any, now), Decision::UseAndRefresh | Decision::FetchFirst);
        visit.renew(now, needed).await;
    }

    /// The cron trigger's part: renews what would come due before its next run, so that no request has to.
    pub async fn refresh_scheduled<P: Platform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        now: Timestamp,
    ) {
        let visit = Visit::new(self, platform, source, policy);
        let needed = |now| freshness::due_within(CRON_INTERVAL_SECONDS, now, &visit.freshness());
        visit.renew(now, needed).await;
    }

    /// Looks for `kid` once more although the cooldown of unknown keys has not passed, so that `explain` can tell a stale
    /// set from a key that does not exist. It has a cooldown of its own, as long, in this isolate: so the origin is asked
    /// twice as often at the most, and never while it fails.
    pub async fn look_again<P: Platform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        kid: &str,
        now: Timestamp,
    ) -> LookedAgain {
        let visit = Visit::new(self, platform, source, policy);
        let cooldown = policy.unknown_kid_cooldown_seconds;
        let left = visit.with(|entry| {
            let free_at = entry.last_looked_again_at?.plus(cooldown);
            u64::try_from(free_at.since(now)).ok().filter(|left| *left > 0)
        });
        if let Some(left) = left {
            return LookedAgain::TooEarly { retry_after_seconds: left.min(cooldown) };
        }
        let may_help = |now: Timestamp| {
            visit.with(|entry| {
                let attempts = &entry.record.attempts;
                let is_settled =
                    attempts.last_attempt_at.is_some_and(|at| now.since(at) < LOOK_AGAIN_AFTER_SECONDS);
                attempts.consecutive_failures == 0 && !is_settled
            })
        };
        if !may_help(now) || visit.is_leased(now) {
            return LookedAgain::NothingNewer;
        }
        visit.with(|entry| entry.last_looked_again_at = Some(now));
        visit.bring(now, Wanted::Kid(kid), may_help).await;
        let set = visit
            .with(|entry| visit.serving(&entry.record, platform.now()).map(|cached| Rc::clone(&cached.set)));
        set.map_or(LookedAgain::NothingNewer, LookedAgain::Fetched)
    }

    /// The set by which any token would be judged now, for `/readyz`. What is not known yet is fetched, as for a request. A
    /// set that is known says nothing about its origin, so that is asked whether it still answers, if the last probe of this
    /// isolate is `interval_seconds` ago; never while it is backed off from, and without a write to the store where it
    /// says nothing new.
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub async fn probe<P: Platform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        interval_seconds: u64,
        now: Timestamp,
    ) -> Result<Rc<KeySet>, Fault> {
        let lookup = self.lookup(platform, source, policy, Wanted::Any, now).await?;
        let visit = Visit::new(self, platform, source, policy);
        let now = platform.now();
        let is_asked = lookup.tier != Tier::Origin
            && !visit.is_leased(now)
            && visit.with(|entry| {
                entry.record.attempts.backoff_left(now).is_none()
                    && entry.last_probed_at.is_none_or(|at| at.plus(interval_seconds) <= now)
            });
        if is_asked || lookup.tier == Tier::Origin {
            visit.with(|entry| entry.last_probed_at = Some(now));
        }
        if is_asked {
            let lease = visit.take_lease(now);
            if visit.extend_lease(lease, now) {
                let noting = if lookup.refresh_due { Noting::Everything } else { Noting::News };
                visit.attempt(Wanted::Any, noting).await;
            }
            visit.with(|entry| entry.release(lease));
        }
        Ok(lookup.set)
    }

    /// Why the store does not answer, if it does not, for `/readyz`.
    pub async fn store_failure<P: Platform>(&self, platform: &P, source: &KeySource) -> Option<String> {
        let key = record::key(source);
        let answer = with_store_timeout(platform, KeyValueStore::get(platform, &key)).await;
        answer.err().map(|error| error.to_string())
    }

    /// What is known of `source`, for `/readyz`: from memory, or the store where memory alone would not serve. The origin
    /// is not asked.
    pub async fn state<P: Platform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        now: Timestamp,
    ) -> KeyState {
        let visit = Visit::new(self, platform, source, policy);
        let is_known = || visit.freshness() != Freshness::default();
        let mut tier = is_known().then_some(Tier::Memory);
        if visit.decide(Wanted::Any, now) != Decision::Use {
            let adopted = visit.consult_store().await;
            tier = if adopted { Some(Tier::Store) } else { tier.or(is_known().then_some(Tier::Store)) };
        }
        visit.with(|entry| KeyState::of(source, &entry.record, tier, now))
    }
}

/// One call's view of one source.
struct Visit<'v, P> {
    cache: &'v KeyCache,
    platform: &'v P,
    source: &'v KeySource,
    policy: &'v CachePolicy,
    identity: Cow<'v, str>,
}

impl<'v, P: Platform> Visit<'v, P> {
    fn new(cache: &'v KeyCache, platform: &'v P, source: &'v KeySource, policy: &'v CachePolicy) -> Self {
        Self { cache, platform, source, policy, identity: source.identity() }
    }

    /// The only way to the memory: a closure, so that no borrow outlives it.
    fn with<T>(&self, act: impl FnOnce(&mut Entry) -> T) -> T {
        let mut entries = self.cache.entries.borrow_mut();
        if let Some(entry) = entries.get_mut(&*self.identity) {
            return act(entry);
        }
        act(entries.entry(self.identity.to_string()).or_default())
    }

    /// What `record` knows, seen from this source: a set that its issuer cannot use counts as none. (Another issuer may
    /// have fetched it, since issuers with one URL share the entry.)
    fn freshness_of(&self, record: &Record) -> Freshness {
        let known = record.freshness();
        let is_usable = record.cached.as_ref().is_some_and(|cached| self.source.accepts(&cached.set));
        if is_usable { known } else { Freshness { lifetime: None, ..known } }
    }

    /// The set, if this issuer's tokens may be judged by it at `now`.
    fn serving<'r>(&self, record: &'r Record, now: Timestamp) -> Option<&'r CachedSet> {
        record.serving(now).filter(|cached| self.source.accepts(&cached.set))
    }

    fn freshness(&self) -> Freshness {
        self.with(|entry| self.freshness_of(&entry.record))
    }

    fn decide(&self, wanted: Wanted<'_>, now: Timestamp) -> Decision {
        self.with(|entry| {
            let asked = asked(&entry.record, wanted);
            freshness::decide(now, Some(&self.freshness_of(&entry.record)), asked, self.policy)
        })
    }

    fn was_attempted_since(&self, begun: Timestamp) -> bool {
        self.with(|entry| entry.record.attempts.last_attempt_at >= Some(begun))
    }

    fn found(&self, tier: Tier, now: Timestamp, refresh_due: bool) -> Result<Lookup, Fault> {
        let found = self.with(|entry| {
            let cached = self.serving(&entry.record, now)?;
            let fetched_at = cached.lifetime.fetched_at;
            let last_unknown_kid_fetch_at = entry.record.attempts.last_unknown_kid_fetch_at;
            let set = Rc::clone(&cached.set);
            Some(Lookup { set, tier, fetched_at, found_at: now, last_unknown_kid_fetch_at, refresh_due })
        });
        found.ok_or_else(|| self.fault(now, Unavailable { retry_after_seconds: 1 }))
    }

    /// What an attempt brought that ended long enough ago for another, to a request that waited for that one.
    fn make_do(&self, tier: Tier, now: Timestamp) -> Result<Lookup, Fault> {
        if self.with(|entry| entry.record.attempts.consecutive_failures > 0) {
            return Err(self.fault(now, Unavailable { retry_after_seconds: 1 }));
        }
        self.found(tier, now, false)
    }

    fn fault(&self, now: Timestamp, unavailable: Unavailable) -> Fault {
        let Unavailable { retry_after_seconds } = unavailable;
        let issuer = self.source.issuer.clone();
        let (serves, last_error) =
            self.with(|entry| (self.serving(&entry.record, now).is_some(), entry.record.last_error.clone()));
        match last_error {
            Some(KeySetError { kind: KeySetErrorKind::Invalid, reason, .. }) if !serves => {
                Fault::JwksInvalid { issuer, reason, retry_after_seconds }
            }
            Some(KeySetError { reason, .. }) => {
                Fault::JwksUnavailable { issuer, reason, retry_after_seconds }
            }
            None => {
                let reason = "no attempt has succeeded yet".to_owned();
                Fault::JwksUnavailable { issuer, reason, retry_after_seconds }
            }
        }
    }

    fn is_leased(&self, now: Timestamp) -> bool {
        self.with(|entry| entry.lease.is_some_and(|lease| now < lease.until))
    }

    fn take_lease(&self, now: Timestamp) -> u64 {
        let number = self.cache.last_lease.get().wrapping_add(1);
        self.cache.last_lease.set(number);
        self.with(|entry| entry.lease = Some(Lease { number, until: now.plus(STORE_LEASE_SECONDS) }));
        number
    }

    /// Makes the lease last for a fetch. `false` if it ended meanwhile and is now another request's.
    fn extend_lease(&self, number: u64, now: Timestamp) -> bool {
        let seconds =
            u64::from(self.policy.fetch_timeout_ms.div_ceil(1000)).saturating_add(LEASE_MARGIN_SECONDS);
        self.with(|entry| match &mut entry.lease {
            Some(lease) if lease.number == number => {
                lease.until = now.plus(seconds);
                true
            }
            _ => false,
        })
    }

    /// Brings what is `needed`, whatever the key, unless another request is at it.
    async fn renew(&self, now: Timestamp, needed: impl Fn(Timestamp) -> bool) {
        if needed(now) && !self.is_leased(now) {
            self.bring(now, Wanted::Any, needed).await;
        }
    }

    /// Consults the store, and then, if it is still `needed`, the origin. Returns the tier that brought something.
    /// The lease must be free.
    async fn bring(&self, now: Timestamp, wanted: Wanted<'_>, needed: impl Fn(Timestamp) -> bool) -> Tier {
        let lease = self.take_lease(now);
        let mut tier = if self.consult_store().await { Tier::Store } else { Tier::Memory };
        let now = self.platform.now();
        if needed(now) && self.extend_lease(lease, now) && self.attempt(wanted, Noting::Everything).await {
            tier = Tier::Origin;
        }
        self.with(|entry| entry.release(lease));
        tier
    }

    /// Adopts what the store knows better. Returns whether that was a set.
    async fn consult_store(&self) -> bool {
        let key = record::key(self.source);
        let value = match with_store_timeout(self.platform, KeyValueStore::get(self.platform, &key)).await {
            Ok(Some(value)) => value,
            Ok(None) => return false,
            Err(error) => {
                self.log_store_failure("get", &error.to_string());
                return false;
            }
        };
        match Record::read(&value, self.source, self.policy, self.platform.now()) {
            Ok(read) => {
                if !read.cut.is_empty() {
                    self.log(Level::Info, "jwks_record_cut", json!({ "key": key, "members": read.cut }));
                }
                self.with(|entry| entry.record.adopt(read.record))
            }
            Err(unbelievable) => {
                let reason = unbelievable.to_string();
                self.log(Level::Warn, "jwks_record_discarded", json!({ "key": key, "reason": reason }));
                false
            }
        }
    }

    /// Asks the origin, once, and tells memory and then the store what came of it: whoever waits is served by memory before
    /// the store has answered. Returns whether that was a set.
    async fn attempt(&self, wanted: Wanted<'_>, noting: Noting) -> bool {
        let begun = self.platform.now();
        let (held, asked) = self.with(|entry| {
            let held = entry.record.cached.clone().filter(|cached| self.source.accepts(&cached.set));
            (held, asked(&entry.record, wanted))
        });
        let must_not_be_lost =
            held.as_ref().is_some_and(|held| held.lifetime.serves_at(begun) && !held.set.keys.is_empty());
        let outcome =
            fetch::fetch(self.platform, self.source, self.policy, held.as_ref(), must_not_be_lost).await;
        let now = self.platform.now();
        let outcome = outcome.map(|fetched| self.accept(fetched, now));
        if let (Noting::News, Ok(brought), Some(held)) = (noting, &outcome, &held)
            && (&brought.jwks_uri, &brought.body) == (&held.jwks_uri, &held.body)
            && self.with(|entry| entry.record.attempts.consecutive_failures == 0)
        {
            return true;
        }
        let asked = match (&outcome, wanted) {
            // It was looked for, whatever was known before.
            (Ok(brought), Wanted::Kid(kid)) if !is_known(&brought.set, kid) => Asked::UnknownKid,
            _ => asked,
        };
        let succeeded = outcome.is_ok();
        let (written, line) = self.with(|entry| {
            entry.record.settle(outcome, asked, now);
            (entry.record.write(self.source, self.policy, now), outcome_line(&entry.record, now))
        });
        let (level, event, line) = line;
        self.log(level, event, line);
        if let Some((value, ttl_seconds)) = written {
            let key = record::key(self.source);
            let put = self.platform.put(&key, &value, ttl_seconds);
            if let Err(error) = with_store_timeout(self.platform, put).await {
                self.log_store_failure("put", &error.to_string());
            }
        }
        succeeded
    }

    /// The set to keep after a good answer.
    fn accept(&self, fetched: Fetched, now: Timestamp) -> CachedSet {
        let Fetched { jwks_uri, answer, max_age_seconds } = fetched;
        let lifetime =
            |max_age| Lifetime::starting(now, freshness::ttl_seconds(self.policy, max_age), self.policy);
        match answer {
            Answer::Set { body, set, etag } => {
                // What did not change is kept once, however often it is fetched.
                let held = self.with(|entry| entry.record.cached.clone());
                let held = held.filter(|held| held.set.identity() == set.identity());
                let (body, set) = held.map_or((body, set), |held| (held.body, held.set));
                CachedSet { jwks_uri, body, set, etag, lifetime: lifetime(max_age_seconds) }
            }
            // A 304 that says nothing of its age renews the one that the set came with (RFC 9111 §4.3.4).
            Answer::Confirmed(held) => {
                let max_age = max_age_seconds.unwrap_or_else(|| held.lifetime.ttl_seconds());
                CachedSet { lifetime: lifetime(Some(max_age)), ..held }
            }
        }
    }

    fn log_store_failure(&self, operation: &str, reason: &str) {
        self.log(Level::Warn, "jwks_store_failed", json!({ "operation": operation, "reason": reason }));
    }

    fn log(&self, level: Level, event: &str, mut line: serde_json::Value) {
        if let Some(members) = line.as_object_mut() {
            members.insert("event".to_owned(), event.into());
            members.insert("issuer".to_owned(), self.source.issuer.as_str().into());
        }
        self.platform.log(level, &line);
    }
}

impl Entry {
    fn release(&mut self, number: u64) {
        self.lease.take_if(|lease| lease.number == number);
    }
}

/// How long to wait until the next look at what another request fetches, after `waited_ms`.
fn poll_interval_ms(waited_ms: u32) -> u32 {
    let (shortest, longest) = LEASE_POLL_RANGE_MS;
    (waited_ms / LEASE_POLL_SHARE).clamp(shortest, longest)
}

/// What of an attempt is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noting {
    /// All of it, the time of the attempt included.
    Everything,
    /// What was not known before: another set, a failure, the end of failures.
    News,
}

/// What `wanted` is to what is cached. Without a set there are no unknown keys yet.
fn asked(record: &Record, wanted: Wanted<'_>) -> Asked {
    match (wanted, &record.cached) {
        (Wanted::Kid(kid), Some(CachedSet { set, .. })) if is_known(set, kid) => Asked::KnownKid,
        (Wanted::Kid(_), Some(_)) => Asked::UnknownKid,
        (Wanted::Any, _) | (Wanted::Kid(_), None) => Asked::Any,
    }
}

/// Whether the issuer has a key called `kid`, be it one that was set aside.
fn is_known(set: &KeySet, kid: &str) -> bool {
    set.with_kid(kid).next().is_some() || set.set_aside_with_kid(kid).is_some()
}

fn outcome_line(record: &Record, now: Timestamp) -> (Level, &'static str, serde_json::Value) {
    let serving = record.serving(now);
    if let Some(KeySetError { kind, problem, reason, .. }) = &record.last_error {
        let level = if serving.is_some() { Level::Warn } else { Level::Error };
        let failures = record.attempts.consecutive_failures;
        let line = json!({
            "kind": kind,
            "problem": problem,
            "reason": reason,
            "consecutive_failures": failures,
            "serving": serving.is_some(),
        });
        return (level, "jwks_fetch_failed", line);
    }
    let line = json!({
        "keys": serving.map(|cached| cached.set.keys.len()),
        "set_aside": serving.map(|cached| cached.set.set_aside.len()),
        "fresh_until": serving.map(|cached| cached.lifetime.fresh_until),
    });
    (Level::Info, "jwks_fetched", line)
}
