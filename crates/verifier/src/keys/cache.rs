//! Carries out what `freshness.rs` decides: memory first, then the store, then the origin, one at a time.
//!
//! A process's memory is plain data. It is never borrowed across an `await` and holds no future: a server drops the future of
//! a request whose client has gone, and every request that shared the future would wait forever. So a fetch in progress is a
//! *lease* with an end. A request that cannot be served meanwhile polls the memory until the fetch or its lease has
//! ended. `docs/cache-model.md` says which properties of this protocol are checked, and how.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::jose::{KeySet, SetIdentity};
use crate::keys::coordinator::{self, LastPurge, Learnt, Origins, Sharing, Way};
use crate::keys::error::{KeySetError, KeySetErrorKind};
use crate::keys::fetch::{self, Answer, Fetched};
use crate::keys::freshness::{self, Asked, Decision, Freshness, Lifetime, RefreshPoint, Unavailable};
use crate::keys::lease::{self, Lease};
use crate::keys::nearby::Nearby;
use crate::keys::purge::{self, Look, Purges};
use crate::keys::record::{self, CachedSet, Record, Written};
use crate::keys::{CachePolicy, CoordinatorState, KeySource, KeyState, LookedAgain, Lookup, Tier, Wanted};
use crate::limits::{
    CLOCK_DISAGREEMENT_SECONDS, COORDINATOR_ANSWERS_MS, COORDINATOR_AVOIDED_SECONDS,
    COORDINATOR_LEASE_SECONDS, LOOK_AGAIN_AFTER_SECONDS, MIN_STORE_TTL_SECONDS, NO_WAIT_SECONDS,
    PURGE_PAUSE_MS, PURGE_WAIT_MS, STALE_WAIT_MS, STORE_AVOIDED_SECONDS, STORE_LEASE_SECONDS,
    STORE_TIMEOUT_MS, STORE_WAIT_MS, WRITE_FAILURE_LOG_SECONDS, WRITE_WITHIN_SECONDS, WRITTEN_AGAIN_SECONDS,
};
use crate::members::json;
use crate::ports::{CoordinatorError, KeyPlatform, KeyValueStore, Level, Log, Random, StoreError};
use crate::rejection::Fault;
use crate::sync::Shared;
use crate::time::Timestamp;
use crate::waiting::{join_all, no_answer_within, poll_interval_ms, with_store_timeout, with_timeout};

/// A process's memory of the keys of every source.
#[derive(Debug, Default)]
pub struct KeyCache {
    entries: Shared<HashMap<String, Entry>>,
    last_lease: AtomicU64,
    refresh_point: OnceLock<RefreshPoint>,
    unwritten: Shared<Vec<Unwritten>>,
    /// Until when no request waits for the store, because it has not answered in time.
    store_avoided_until: Shared<Option<Timestamp>>,
    write_failures: Shared<WriteFailures>,
    coordinator: Shared<CoordinatorState>,
    nearby: Nearby,
}

/// The outcome of an attempt that the store does not have yet.
#[derive(Debug)]
struct Unwritten {
    issuer: String,
    written: Written,
    noted_at: Timestamp,
}

/// The failed writes of this process, for the log.
#[derive(Clone, Copy, Debug, Default)]
struct WriteFailures {
    logged_at: Option<Timestamp>,
    not_logged: u64,
}

#[derive(Debug, Default)]
struct Entry {
    record: Record,
    lease: Option<Lease>,
    last_looked_again_at: Option<Timestamp>,
    last_probed_at: Option<Timestamp>,
    /// Until when requests use a set past its TTL without waiting for a new one.
    no_wait_until: Option<Timestamp>,
    /// Until when this process fetches without the coordinator, because that has failed.
    coordinator_avoided_until: Option<Timestamp>,
    /// What this process knows of purges.
    purges: Purges,
}

/// The outcome of [`KeyCache::purge`].
#[derive(Clone, Debug)]
pub struct Purged {
    /// Whether the store has told the other processes. If not, only this process has dropped the set.
    pub announced: Result<(), StoreError>,
    /// Whether the coordinator has been told, which tells the other processes sooner than the store.
    pub told: PurgeTold,
    /// The set as the origin serves it now, or why it cannot be had.
    pub fetched: Result<Arc<KeySet>, Fault>,
}

/// What the coordinator made of a purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeTold {
    /// The platform has no coordinator.
    NoCoordinator,
    /// It tells every process that asks from now on: each asks within [`crate::limits::PURGE_KNOWN_SECONDS`].
    AtOnce,
    /// It does so within [`crate::limits::PURGE_APART_SECONDS`], because of another purge a moment ago.
    Soon,
    /// It cannot tell the processes, for this reason. They learn of the purge from the store.
    Failed(CoordinatorError),
}

impl KeyCache {
    /// An empty memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty memory of a process that refreshes sets at this point. Otherwise the point is random.
    #[must_use]
    pub fn refreshing_at(point: RefreshPoint) -> Self {
        Self { refresh_point: OnceLock::from(point), ..Self::default() }
    }

    /// The set with which to verify, at `now`, a token that needs the key `wanted`.
    ///
    /// # Errors
    /// [`Fault::JwksUnavailable`] or [`Fault::JwksInvalid`] when no cached set may verify the token and the fetch fails, or the
    /// last fetch failed too recently for another.
    pub async fn lookup<P: KeyPlatform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        wanted: Wanted<'_>,
        now: Timestamp,
    ) -> Result<Lookup, Fault> {
        let visit = Visit::new(self, platform, source, policy);
        let mut look = visit.look_for_purge(now);
        if look == Look::First && self.avoids_store(now) && !visit.asks_coordinator(now) {
            look = Look::Later;
        }
        let now = if look == Look::First {
            visit.seek_purge(PURGE_WAIT_MS).await;
            platform.now()
        } else {
            now
        };
        let begun = now;
        let (mut now, mut tier, mut has_waited, mut waited_ms) = (now, Tier::Memory, false, 0_u32);
        loop {
            match visit.decide(wanted, now) {
                Decision::Use => return visit.found(tier, now, look == Look::Later),
                Decision::UseAndRefresh => return visit.found(tier, now, !visit.is_leased(now)),
                Decision::Refuse(unavailable) => return Err(visit.fault(now, unavailable)),
                Decision::FetchFirstOrUse if visit.may_not_wait(now) => {
                    return visit.found(tier, now, !visit.is_leased(now));
                }
                Decision::FetchFirstOrUse if waited_ms >= STALE_WAIT_MS => {
                    visit.stop_waiting(now);
                    continue;
                }
                Decision::FetchFirst | Decision::FetchFirstOrUse if visit.is_leased(now) => {
                    let interval_ms = poll_interval_ms(waited_ms);
                    platform.sleep(interval_ms).await;
                    waited_ms = waited_ms.saturating_add(interval_ms);
                }
                // An attempt has ended while this request waited for it. The request takes its result: no request waits for
                // two attempts.
                Decision::FetchFirst if has_waited && visit.was_attempted_since(begun) => {
                    return visit.make_do(tier, now);
                }
                Decision::FetchFirst => {
                    let Some(lease) = visit.take_lease(now) else { continue };
                    let needed = |now| visit.decide(wanted, now) == Decision::FetchFirst;
                    // In a box, so that the future of a request that finds its key in memory stays small.
                    tier = Box::pin(visit.bring(lease, wanted, Patience::Request, needed)).await;
                }
                Decision::FetchFirstOrUse => {
                    let needed = |now| visit.decide(wanted, now) == Decision::FetchFirstOrUse;
                    let Some(lease) = visit.take_lease(now) else { continue };
                    let bring = Box::pin(visit.bring(lease, wanted, Patience::Request, needed));
                    if let Some(brought) = with_timeout(platform, STALE_WAIT_MS, bring).await {
                        tier = brought;
                    } else {
                        // What was not brought in time is brought after the response.
                        visit.with(|entry| entry.release(lease));
                        visit.stop_waiting(platform.now());
                    }
                }
            }
            has_waited = true;
            now = platform.now();
        }
    }

    /// The identity of the set that [`Self::lookup`] finds at `now` without waiting, if nothing has to be done after the response; `None` in all
    /// other cases. It changes nothing.
    #[must_use]
    pub fn settled(
        &self,
        source: &KeySource,
        policy: &CachePolicy,
        wanted: Wanted<'_>,
        now: Timestamp,
    ) -> Option<SetIdentity> {
        let point = *self.refresh_point.get()?;
        self.entries.with(|entries| {
            let entry = entries.get(&*source.identity())?;
            let cached = entry.record.serving(now).filter(|cached| source.accepts(&cached.set))?;
            let (known, asked) = (entry.record.freshness(), asked(&entry.record, wanted, now));
            let is_settled = entry.purges.look(Some(cached.lifetime.fetched_at), now) == Look::No
                && freshness::decide(now, Some(&known), asked, policy, point) == Decision::Use;
            is_settled.then(|| cached.set.identity())
        })
    }

    /// Renews a set that is past its refresh point: from the store if another process has fetched it, else from the origin.
    /// Call it after the response if [`Lookup::refresh_due`] says so.
    pub async fn refresh<P: KeyPlatform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        now: Timestamp,
    ) {
        let visit = Visit::new(self, platform, source, policy);
        let needed = |now| !matches!(visit.decide(Wanted::Any, now), Decision::Use | Decision::Refuse(_));
        visit.renew_or_seek_purge(now, needed).await;
        self.write_back(platform).await;
    }

    /// Whether [`Self::write_back`] has something to write.
    #[must_use]
    pub fn has_unwritten(&self) -> bool {
        self.unwritten.with(|unwritten| !unwritten.is_empty())
    }

    /// Writes to the store what attempts have brought, for the other processes. No request waits for that: call it after the response. If
    /// the request that made the attempt was cancelled, the next one of this process writes.
    pub async fn write_back<P: KeyPlatform>(&self, platform: &P) {
        loop {
            let next = self.unwritten.with(Vec::pop);
            let Some(Unwritten { issuer, written, noted_at }) = next else { return };
            if platform.now().since(noted_at) > WRITE_WITHIN_SECONDS {
                continue;
            }
            let put = platform.put(&written.key, &written.value, written.ttl_seconds);
            if let Err(error) = with_store_timeout(platform, put).await {
                self.log_failed_write(platform, &issuer, &error.to_string());
            }
        }
    }

    /// Whether no request waits for the store now.
    fn avoids_store(&self, now: Timestamp) -> bool {
        freshness::lasts(self.store_avoided_until.get(), STORE_AVOIDED_SECONDS, now)
    }

    /// Notes whether the store has answered in time.
    fn note_store(&self, is_late: bool, now: Timestamp) {
        self.store_avoided_until.set(is_late.then(|| now.plus(STORE_AVOIDED_SECONDS)));
    }

    fn log_failed_write<P: KeyPlatform>(&self, platform: &P, issuer: &str, reason: &str) {
        let WriteFailures { logged_at, not_logged } = self.write_failures.get();
        let now = platform.now();
        if logged_at.is_some_and(|at| now < at.plus(WRITE_FAILURE_LOG_SECONDS)) {
            self.write_failures.set(WriteFailures { logged_at, not_logged: not_logged.saturating_add(1) });
            return;
        }
        self.write_failures.set(WriteFailures { logged_at: Some(now), not_logged: 0 });
        let line = json!({ "operation": "put", "reason": reason, "not_logged": not_logged });
        log(platform, issuer, Level::Warn, "jwks_store_failed", line);
    }

    /// Renews a set that comes due within `horizon_seconds`, so that no request has to. Call it regularly, with a horizon that is longer than
    /// the time until the next call.
    pub async fn refresh_scheduled<P: KeyPlatform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        horizon_seconds: u64,
        now: Timestamp,
    ) {
        let visit = Visit::new(self, platform, source, policy);
        let needed = |now| freshness::due_within(horizon_seconds, now, &visit.freshness());
        visit.renew_or_seek_purge(now, needed).await;
        self.write_back(platform).await;
    }

    /// Drops the set of `source` in this process, tells the other processes of the store to drop it too, and fetches it again. They learn of it within
    /// about a minute: what [`crate::limits::PURGE_KNOWN_SECONDS`] says, and the time that the store needs. Where there is a coordinator that works,
    /// the time of the store is not added. It takes two seconds and a fetch.
    pub async fn purge<P: KeyPlatform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        now: Timestamp,
    ) -> Purged {
        let visit = Visit::new(self, platform, source, policy);
        // Times are whole seconds: a set that was fetched in this one may be from before the purge.
        let at = now.plus(1);
        visit.forget(at, now);
        let lasting =
            policy.ttl_seconds.saturating_add(policy.stale_if_error_seconds).max(MIN_STORE_TTL_SECONDS);
        let ttl_seconds = lasting.saturating_add(CLOCK_DISAGREEMENT_SECONDS);
        let (key, mark) = (purge::key(source), purge::write(at));
        let announced = with_store_timeout(platform, platform.put(&key, &mark, ttl_seconds)).await;
        // What is fetched from now on counts in the other processes, so that they need not fetch too.
        platform.sleep(PURGE_PAUSE_MS).await;
        visit.forget(at, platform.now());
        let fetched = self.lookup(platform, source, policy, Wanted::Any, platform.now()).await;
        self.write_back(platform).await;
        // Only now, so that the processes that hear of it get what has just been fetched.
        let told = visit.tell_of_purge(at).await;
        Purged { announced, told, fetched: fetched.map(|lookup| lookup.set) }
    }

    /// Looks for `kid` once more although the cooldown for unknown keys has not passed, so that `explain` can tell a stale
    /// set from a key that does not exist. This second look has its own cooldown in each process, as long as the other. So the
    /// process asks the origin twice as often at most, and never while the origin fails.
    pub async fn look_again<P: KeyPlatform>(
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
        if !may_help(now) {
            return LookedAgain::NothingNewer;
        }
        let Some(lease) = visit.take_lease(now) else { return LookedAgain::NothingNewer };
        visit.with(|entry| entry.last_looked_again_at = Some(now));
        visit.bring(lease, Wanted::Kid(kid), Patience::Request, may_help).await;
        let set = visit
            .with(|entry| visit.serving(&entry.record, platform.now()).map(|cached| Arc::clone(&cached.set)));
        set.map_or(LookedAgain::NothingNewer, LookedAgain::Fetched)
    }

    /// The set with which a token would be verified now, for a readiness report. A set that is not known yet is fetched, as for a request.
    /// A known set does not show that its origin still answers, so the origin is asked as well, if the last probe of
    /// this process was at least `interval_seconds` ago. It is not asked during a backoff, and an answer without news is not
    /// written to the store.
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub async fn probe<P: KeyPlatform>(
        &self,
        platform: &P,
        source: &KeySource,
        policy: &CachePolicy,
        interval_seconds: u64,
        now: Timestamp,
    ) -> Result<Arc<KeySet>, Fault> {
        let lookup = self.lookup(platform, source, policy, Wanted::Any, now).await?;
        let visit = Visit::new(self, platform, source, policy);
        let now = platform.now();
        let is_asked = lookup.tier != Tier::Origin
            && visit.with(|entry| {
                entry.record.attempts.backoff_left(now).is_none()
                    && entry.last_probed_at.is_none_or(|at| at.plus(interval_seconds) <= now)
            });
        let lease = if is_asked { visit.take_lease(now) } else { None };
        if lease.is_some() || lookup.tier == Tier::Origin {
            visit.with(|entry| entry.last_probed_at = Some(now));
        }
        if let Some(lease) = lease {
            if visit.extend_lease(lease, now) {
                let is_due = visit.decide(Wanted::Any, now) != Decision::Use;
                let noting = if is_due { Noting::Everything } else { Noting::News };
                visit.attempt(Wanted::Any, noting).await;
            }
            visit.with(|entry| entry.release(lease));
        }
        Ok(lookup.set)
    }

    /// Why the store cannot be read, for a readiness report; `None` if it can.
    pub async fn store_failure<P: KeyPlatform>(&self, platform: &P, source: &KeySource) -> Option<String> {
        let key = record::key(source);
        let answer = with_store_timeout(platform, KeyValueStore::get(platform, &key)).await;
        answer.err().map(|error| error.to_string())
    }

    /// What this process has seen of the coordinator, for a readiness report. Asks nobody.
    #[must_use]
    pub fn coordinator_state(&self) -> CoordinatorState {
        self.coordinator.with(|state| state.clone())
    }

    /// The state of `source`, for a readiness report: from memory, and from the store if memory alone would not serve. It does not
    /// ask the origin.
    pub async fn state<P: KeyPlatform>(
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
            let adopted = visit.consult_store(Patience::Background).await;
            tier = if adopted { Some(Tier::Store) } else { tier.or(is_known().then_some(Tier::Store)) };
        }
        visit.with(|entry| KeyState::of(source, &entry.record, tier, now))
    }
}

/// What one call needs to work on one source.
struct Visit<'v, P> {
    cache: &'v KeyCache,
    platform: &'v P,
    source: &'v KeySource,
    policy: &'v CachePolicy,
    identity: Cow<'v, str>,
}

impl<'v, P: KeyPlatform> Visit<'v, P> {
    fn new(cache: &'v KeyCache, platform: &'v P, source: &'v KeySource, policy: &'v CachePolicy) -> Self {
        Self { cache, platform, source, policy, identity: source.identity() }
    }

    /// The only access to the memory. It takes a closure, so that no borrow outlives the access.
    fn with<T>(&self, act: impl FnOnce(&mut Entry) -> T) -> T {
        self.cache.entries.with(|entries| {
            if let Some(entry) = entries.get_mut(&*self.identity) {
                return act(entry);
            }
            act(entries.entry(self.identity.to_string()).or_default())
        })
    }

    /// The times and attempts in `record` as they count for this source: a set that the issuer cannot use counts as absent. (Issuers with the
    /// same URL share the entry, so another issuer may have fetched it.)
    fn freshness_of(&self, record: &Record) -> Freshness {
        let known = record.freshness();
        let is_usable = record.cached.as_ref().is_some_and(|cached| self.source.accepts(&cached.set));
        if is_usable { known } else { Freshness { lifetime: None, ..known } }
    }

    /// The set, if it may verify tokens of this issuer at `now`.
    fn serving<'r>(&self, record: &'r Record, now: Timestamp) -> Option<&'r CachedSet> {
        record.serving(now).filter(|cached| self.source.accepts(&cached.set))
    }

    fn freshness(&self) -> Freshness {
        self.with(|entry| self.freshness_of(&entry.record))
    }

    fn decide(&self, wanted: Wanted<'_>, now: Timestamp) -> Decision {
        let point = self.refresh_point();
        self.with(|entry| {
            let asked = asked(&entry.record, wanted, now);
            freshness::decide(now, Some(&self.freshness_of(&entry.record)), asked, self.policy, point)
        })
    }

    /// When this process refreshes sets. Drawn once.
    fn refresh_point(&self) -> RefreshPoint {
        *self.cache.refresh_point.get_or_init(|| {
            let mut numbers = [[0; 2]; 4];
            Random::fill(self.platform, numbers.as_flattened_mut());
            RefreshPoint::drawn(numbers)
        })
    }

    /// When to look whether the set in memory was purged. Without a set there is nothing to look for.
    fn look_for_purge(&self, now: Timestamp) -> Look {
        self.with(|entry| {
            let cached = entry.record.cached.as_ref();
            cached.map_or(Look::No, |cached| entry.purges.look(Some(cached.lifetime.fetched_at), now))
        })
    }

    /// As [`Self::renew`]. If the set need not be renewed, looks for a purge if that is due, and renews the set if there was one.
    async fn renew_or_seek_purge(&self, now: Timestamp, needed: impl Fn(Timestamp) -> bool) {
        if !needed(now) && self.look_for_purge(now) != Look::No {
            self.seek_purge(STORE_TIMEOUT_MS).await;
        }
        self.renew(self.platform.now(), needed).await;
    }

    /// Asks the coordinator for a purge, and looks in the store if there is none, or it does not know. If the store does not answer in time, the set in
    /// memory stays until the next look.
    async fn seek_purge(&self, timeout_ms: u32) {
        let now = self.platform.now();
        self.with(|entry| entry.purges.begin(now));
        if self.asks_coordinator(now)
            && let Some(LastPurge(mark)) = Box::pin(self.ask_for_purge()).await
        {
            return self.heed(mark, Shown::Everywhere);
        }
        let key = purge::key(self.source);
        let read = KeyValueStore::get(self.platform, &key);
        let answer = with_timeout(self.platform, timeout_ms, read).await;
        self.cache.note_store(answer.is_none(), self.platform.now());
        self.heed_store(answer.and_then(Result::ok).flatten().as_deref(), Shown::ByStore);
    }

    /// Whether this process asks the coordinator for purges.
    fn asks_coordinator(&self, now: Timestamp) -> bool {
        self.platform.has_coordinator()
            && !self.with(|entry| {
                freshness::lasts(entry.coordinator_avoided_until, COORDINATOR_AVOIDED_SECONDS, now)
            })
    }

    /// The last purge that the coordinator knows; `None` if it does not know, or does not answer.
    async fn ask_for_purge(&self) -> Option<LastPurge> {
        let known = self.with(|entry| entry.purges.last());
        let longest_ms = COORDINATOR_ANSWERS_MS.min(self.policy.fetch_timeout_ms);
        let answer = coordinator::purged_at(self.platform, self.source, known, longest_ms).await;
        let now = self.platform.now();
        match answer {
            Ok(mark) => {
                self.note_coordinator(true, None, now);
                mark.map(|LastPurge(mark)| LastPurge(mark.and_then(|at| purge::possible(at, now))))
            }
            Err(failure) => {
                self.note_coordinator(false, Some(failure), now);
                None
            }
        }
    }

    /// Tells the coordinator of a purge.
    async fn tell_of_purge(&self, at: Timestamp) -> PurgeTold {
        if !self.platform.has_coordinator() {
            return PurgeTold::NoCoordinator;
        }
        match coordinator::purged_at(self.platform, self.source, Some(at), COORDINATOR_ANSWERS_MS).await {
            Ok(Some(LastPurge(mark))) if mark >= Some(at) => PurgeTold::AtOnce,
            Ok(Some(_)) => PurgeTold::Soon,
            Ok(None) => PurgeTold::Failed(CoordinatorError("it does not know of purges".to_owned())),
            Err(failure) => PurgeTold::Failed(failure),
        }
    }

    /// Notes for the report, and for the next attempt, how the coordinator has behaved.
    fn note_coordinator(&self, has_answered: bool, failure: Option<CoordinatorError>, now: Timestamp) {
        if has_answered {
            let seen =
                |state: &mut CoordinatorState| (state.last_answered_at, state.problem) = (Some(now), None);
            self.cache.coordinator.with(seen);
        }
        if let Some(failure) = failure {
            self.cache.coordinator.with(|state| {
                (state.last_failed_at, state.problem) = (Some(now), Some(failure.to_string()));
            });
            self.with(|entry| entry.coordinator_avoided_until = Some(now.plus(COORDINATOR_AVOIDED_SECONDS)));
            self.log(Level::Warn, "coordinator_failed", json!({ "reason": failure.to_string() }));
        }
    }

    /// Notes the mark of a purge that the store shows.
    fn heed_store(&self, mark: Option<&str>, shown: Shown) {
        let now = self.platform.now();
        self.heed(mark.and_then(|text| purge::read(text, now)), shown);
    }

    /// Notes the mark of a purge, or that there is none. Drops the set in memory if it is from before the purge.
    fn heed(&self, mark: Option<Timestamp>, shown: Shown) {
        let now = self.platform.now();
        let has_shared_cache = self.platform.has_shared_cache() && self.policy.max_shared_seconds > 0;
        let is_put_off = shown == Shown::ByStore && purge::is_put_off(mark, now) && has_shared_cache;
        let is_dropped = self.with(|entry| {
            let is_new = match (shown, mark) {
                (_, Some(at)) if is_put_off && mark > entry.purges.last() => {
                    entry.purges.put_off(at, now);
                    false
                }
                (Shown::Beside, _) => entry.purges.note(mark),
                (Shown::Everywhere | Shown::ByStore, _) => entry.purges.learn(mark, now),
            };
            is_new && entry.record.drop_set_before(entry.purges.last())
        });
        if is_dropped {
            self.drop_unwritten();
            self.log(Level::Info, "jwks_purged", json!({ "purged_at": mark }));
        }
    }

    /// Forgets what is known of a source that an operator purges, failures included.
    fn forget(&self, purged_at: Timestamp, now: Timestamp) {
        self.with(|entry| {
            entry.purges.learn(Some(purged_at), now);
            if entry.record.cached.is_none() || entry.record.drop_set_before(Some(purged_at)) {
                // Its keys are remembered: the tokens of the one for which the operator purges may circulate.
                let retired = std::mem::take(&mut entry.record.retired);
                entry.record = Record { retired, ..Record::default() };
            }
        });
        self.drop_unwritten();
    }

    /// Drops what an attempt has brought and the store does not have yet.
    fn drop_unwritten(&self) {
        let key = record::key(self.source);
        self.cache.unwritten.with(|unwritten| unwritten.retain(|one| one.written.key != key));
    }

    /// Whether a request has waited in vain for a set to take the place of the one past its TTL, a moment ago.
    fn may_not_wait(&self, now: Timestamp) -> bool {
        self.with(|entry| entry.no_wait_until.is_some_and(|until| now < until))
    }

    fn stop_waiting(&self, now: Timestamp) {
        self.with(|entry| entry.no_wait_until = Some(now.plus(NO_WAIT_SECONDS)));
    }

    fn was_attempted_since(&self, begun: Timestamp) -> bool {
        self.with(|entry| entry.record.attempts.last_attempt_at >= Some(begun))
    }

    fn found(&self, tier: Tier, now: Timestamp, refresh_due: bool) -> Result<Lookup, Fault> {
        let found = self.with(|entry| {
            let cached = self.serving(&entry.record, now)?;
            let fetched_at = cached.lifetime.fetched_at;
            let last_unknown_kid_fetch_at = entry.record.attempts.last_unknown_kid_fetch_at;
            let set = Arc::clone(&cached.set);
            Some(Lookup { set, tier, fetched_at, found_at: now, last_unknown_kid_fetch_at, refresh_due })
        });
        found.ok_or_else(|| self.fault(now, Unavailable { retry_after_seconds: 1 }))
    }

    /// The result of the attempt that a request has waited for, although another attempt would be allowed by now.
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
        self.with(|entry| entry.is_leased(now))
    }

    /// Takes the lease, if it is free.
    fn take_lease(&self, now: Timestamp) -> Option<u64> {
        let number = self.cache.last_lease.fetch_add(1, Ordering::Relaxed);
        self.with(|entry| {
            if entry.is_leased(now) {
                return None;
            }
            entry.lease = Some(Lease::new(number, now, STORE_LEASE_SECONDS));
            Some(number)
        })
    }

    /// Makes the lease last for a fetch. `false` if it has ended and another request has taken its own.
    fn extend_lease(&self, number: u64, now: Timestamp) -> bool {
        let margin = if self.platform.has_coordinator() { COORDINATOR_LEASE_SECONDS } else { 0 };
        let seconds = lease::fetch_seconds(self.policy.fetch_timeout_ms).saturating_add(margin);
        self.with(|entry| match &mut entry.lease {
            Some(lease) if lease.is(number) => {
                *lease = Lease::new(number, now, seconds);
                true
            }
            _ => false,
        })
    }

    /// Gets a set from the store or the origin if that is `needed`, unless another request of this process is doing so.
    async fn renew(&self, now: Timestamp, needed: impl Fn(Timestamp) -> bool) {
        if !needed(now) {
            return;
        }
        if let Some(lease) = self.take_lease(now) {
            self.bring(lease, Wanted::Any, Patience::Background, needed).await;
        }
    }

    /// Reads the store, and then asks the origin if that is still `needed`. Returns the tier that provided a set, or
    /// [`Tier::Memory`] if neither did. The lease must have been free when the caller took it.
    async fn bring(
        &self,
        lease: u64,
        wanted: Wanted<'_>,
        patience: Patience,
        needed: impl Fn(Timestamp) -> bool,
    ) -> Tier {
        let adopted = self.consult_store(patience).await;
        let mut fetched = self.attempt_if(&needed, lease, wanted).await;
        // The store may not show yet that the set was purged.
        if adopted && !fetched && self.is_unsure_of_purges() {
            self.seek_purge(patience.limit_ms()).await;
            fetched = self.attempt_if(&needed, lease, wanted).await;
        }
        self.with(|entry| entry.release(lease));
        match (fetched, adopted) {
            (true, _) => Tier::Origin,
            (false, true) => Tier::Store,
            (false, false) => Tier::Memory,
        }
    }

    /// Asks the origin if that is `needed` now. Returns whether the result was a set.
    async fn attempt_if(&self, needed: impl Fn(Timestamp) -> bool, lease: u64, wanted: Wanted<'_>) -> bool {
        let now = self.platform.now();
        needed(now) && self.extend_lease(lease, now) && self.attempt(wanted, Noting::Everything).await
    }

    /// Whether the coordinator may know of a purge that the store does not show yet.
    fn is_unsure_of_purges(&self) -> bool {
        let now = self.platform.now();
        self.asks_coordinator(now) && self.look_for_purge(now) != Look::No
    }

    /// Reads both records of the source from the store, and the mark of a purge, and adopts what is newer than in memory. Returns whether that
    /// included a set. A request does not wait for a store that has let one wait in vain a moment ago.
    async fn consult_store(&self, patience: Patience) -> bool {
        let now = self.platform.now();
        if patience == Patience::Request && self.cache.avoids_store(now) {
            return false;
        }
        let limit_ms = patience.limit_ms();
        let shown = if self.asks_coordinator(now) { Shown::Beside } else { Shown::ByStore };
        let mark = purge::key(self.source);
        let keys = [mark.clone(), record::key(self.source), record::failures_key(self.source)];
        let (adopted, failures) = (AtomicBool::new(false), Shared::new(Vec::new()));
        let is_late = AtomicBool::new(false);
        join_all(keys.into_iter().map(|key| {
            let (adopted, failures, mark, is_late) = (&adopted, &failures, &mark, &is_late);
            async move {
                let read = KeyValueStore::get(self.platform, &key);
                let answer = with_timeout(self.platform, limit_ms, read).await;
                is_late.fetch_or(answer.is_none(), Ordering::Relaxed);
                match answer.unwrap_or_else(|| Err(no_answer_within(limit_ms))) {
                    Ok(found) if key == *mark => self.heed_store(found.as_deref(), shown),
                    Ok(Some(value)) => {
                        adopted.fetch_or(self.adopt(&key, &value), Ordering::Relaxed);
                    }
                    Ok(None) => {}
                    Err(error) => failures.with(|failures| failures.push(error)),
                }
            }
        }))
        .await;
        self.cache.note_store(is_late.into_inner(), self.platform.now());
        if let Some(error) = failures.into_inner().first() {
            let line = json!({ "operation": "get", "reason": error.to_string() });
            self.log(Level::Warn, "jwks_store_failed", line);
        }
        adopted.into_inner()
    }

    /// Adopts the parts of the record `value` that are newer than those in memory. Returns whether that included a set.
    fn adopt(&self, key: &str, value: &str) -> bool {
        match Record::read(value, self.source, self.policy, self.platform.now()) {
            Ok(read) => {
                if !read.cut.is_empty() {
                    self.log(Level::Info, "jwks_record_cut", json!({ "key": key, "members": read.cut }));
                }
                self.with(|entry| {
                    let mut record = read.record;
                    record.drop_set_before(entry.purges.last());
                    entry.record.adopt(record)
                })
            }
            Err(error) => {
                let reason = error.to_string();
                self.log(Level::Warn, "jwks_record_discarded", json!({ "key": key, "reason": reason }));
                false
            }
        }
    }

    /// Asks the origin once and notes the result in memory; [`KeyCache::write_back`] writes it to the store. Returns whether the result was
    /// a set.
    async fn attempt(&self, wanted: Wanted<'_>, noting: Noting) -> bool {
        let begun = self.platform.now();
        let (held, asked) = self.with(|entry| {
            let held = entry.record.cached.clone().filter(|cached| self.source.accepts(&cached.set));
            (held, asked(&entry.record, wanted, begun))
        });
        let (purged_at, avoided_until) =
            self.with(|entry| (entry.purges.last(), entry.coordinator_avoided_until));
        let must_not_be_lost =
            held.as_ref().is_some_and(|held| held.lifetime.serves_at(begun) && !held.set.keys.is_empty());
        // A probe that is not needed for a token is not counted: a report on many sources has only so many subrequests.
        let nearby = (noting == Noting::Everything).then_some(&self.cache.nearby);
        let (holds_set, source) = (held.is_some(), self.source);
        let origins =
            Origins::new(self.platform, source, self.policy, avoided_until, nearby, holds_set, begun);
        let max_age = purge::max_age_seconds(purged_at, held.is_some(), begun);
        let outcome =
            fetch::fetch(&origins, self.source, self.policy, held.as_ref(), must_not_be_lost, max_age).await;
        let now = self.platform.now();
        let learnt = origins.into_learnt().await;
        let Learnt { has_answered, failure, age_seconds, sharing, way, .. } = learnt;
        self.note_coordinator(has_answered, failure, now);
        let shared_at = (sharing != Sharing::Nobody).then(|| now.minus(age_seconds));
        if self.with(|entry| entry.purges.last()) != purged_at {
            // The set was purged meanwhile, and the answer may be from before that.
            return false;
        }
        let outcome = outcome.map(|fetched| self.accept(fetched, now.minus(age_seconds)));
        // Whoever got the answer first writes it. If a cache gave it, nobody knows who that is: an origin with a cache of its own may never give
        // another. Then everybody writes what is new, or was not confirmed for a while.
        let is_written_by_other = match (&outcome, &held) {
            (Ok(brought), Some(held)) if sharing == Sharing::Perhaps && brought.body == held.body => {
                now.since(held.lifetime.fetched_at) <= WRITTEN_AGAIN_SECONDS
            }
            _ => sharing == Sharing::Another,
        };
        if let (Noting::News, Ok(brought), Some(held)) = (noting, &outcome, &held)
            && (&brought.jwks_uri, &brought.body) == (&held.jwks_uri, &held.body)
            && self.with(|entry| entry.record.attempts.consecutive_failures == 0)
        {
            return true;
        }
        let asked = match (&outcome, wanted) {
            // The fetch has looked for this kid, even if no set was known before.
            (Ok(brought), Wanted::Kid(kid)) if !brought.set.has_kid(kid) => Asked::UnknownKid,
            // The answer is from after a purge, and nothing of it is in the cache. Without this, a token of the purged key would have it asked for again at once.
            (Ok(_), _) if way == Way::PastCache => Asked::UnknownKid,
            // Nobody has looked for the key.
            (Err(_), _) if way == Way::HeldBack => Asked::Any,
            _ => asked,
        };
        let succeeded = outcome.is_ok();
        let (written, line) = self.with(|entry| {
            entry.record.settle(outcome, asked, now, shared_at, self.policy);
            (entry.record.write(self.source, self.policy, now), outcome_line(&entry.record, now))
        });
        let (level, event, line) = line;
        self.log(level, event, line);
        if let Some(written) = written.filter(|_| !is_written_by_other) {
            self.cache.unwritten.with(|unwritten| {
                unwritten.retain(|other| other.written.key != written.key);
                unwritten.push(Unwritten { issuer: self.source.issuer.clone(), written, noted_at: now });
            });
        }
        succeeded
    }

    /// The cached set that an answer of this time produces.
    fn accept(&self, fetched: Fetched, now: Timestamp) -> CachedSet {
        let Fetched { jwks_uri, answer, max_age_seconds } = fetched;
        let lifetime =
            |max_age| Lifetime::starting(now, freshness::ttl_seconds(self.policy, max_age), self.policy);
        match answer {
            Answer::Set { body, set, etag } => {
                // A set that has not changed is held in memory once, however often it is fetched.
                let held = self.with(|entry| entry.record.cached.clone());
                let held = held.filter(|held| held.set.identity() == set.identity());
                let (body, set) = held.map_or((body, set), |held| (held.body, held.set));
                CachedSet { jwks_uri, body, set, etag, lifetime: lifetime(max_age_seconds) }
            }
            // A 304 without `max-age` renews the TTL that the set came with (RFC 9111 §4.3.4).
            Answer::Confirmed(held) => {
                let max_age = max_age_seconds.unwrap_or_else(|| held.lifetime.ttl_seconds());
                CachedSet { lifetime: lifetime(Some(max_age)), ..held }
            }
        }
    }

    fn log(&self, level: Level, event: &str, line: serde_json::Value) {
        log(self.platform, &self.source.issuer, level, event, line);
    }
}

fn log(platform: &impl Log, issuer: &str, level: Level, event: &str, mut line: serde_json::Value) {
    if let Some(members) = line.as_object_mut() {
        members.insert("event".to_owned(), event.into());
        members.insert("issuer".to_owned(), issuer.into());
    }
    platform.log(level, &line);
}

impl Entry {
    fn is_leased(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|lease| lease.is_held(now))
    }

    fn release(&mut self, number: u64) {
        self.lease.take_if(|lease| lease.is(number));
    }
}

/// How a process has come to know the mark of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// The coordinator has said it, which says the same everywhere.
    Everywhere,
    /// A look in the store has found it.
    ByStore,
    /// It was beside the records in the store. The coordinator is the one to be asked.
    Beside,
}

/// Who waits for the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// A request.
    Request,
    /// Work that no request waits for.
    Background,
}

impl Patience {
    /// For how long.
    const fn limit_ms(self) -> u32 {
        match self {
            Self::Request => STORE_WAIT_MS,
            Self::Background => STORE_TIMEOUT_MS,
        }
    }
}

/// How much of an attempt is written to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noting {
    /// Everything, including the time of the attempt.
    Everything,
    /// Only news: another set, a failure, the end of failures.
    News,
}

/// How `wanted` relates to the cached set at `now`. Without a set no key is unknown yet. Nobody looks for a key that is retired, before the end of the TTL:
/// past it, the set does not show that the key is still absent.
fn asked(record: &Record, wanted: Wanted<'_>, now: Timestamp) -> Asked {
    match (wanted, &record.cached) {
        (Wanted::Kid(kid), Some(CachedSet { set, .. })) if set.has_kid(kid) => Asked::KnownKid,
        (Wanted::Kid(kid), Some(CachedSet { lifetime, .. }))
            if now < lifetime.fresh_until && record.retired.contains(kid) =>
        {
            Asked::Any
        }
        (Wanted::Kid(_), Some(_)) => Asked::UnknownKid,
        (Wanted::Any, _) | (Wanted::Kid(_), None) => Asked::Any,
    }
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
