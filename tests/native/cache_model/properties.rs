//! The properties of every world, checked at each step against the real events, not against the isolates' own state.

use std::collections::{BTreeMap, BTreeSet};

use edge_assay::jose::KeySet;
use edge_assay::keys::{KeyState, Lookup, record};
use edge_assay::limits::{
    FAILURE_COUNTS_SECONDS, LEASE_MARGIN_SECONDS, RETIRED_AFTER_SECONDS, STORE_LEASE_SECONDS,
};
use edge_assay::rejection::Fault;
use serde_json::Value;

use super::world::{Call, Demand, POLICY, Shared, Write, source, summary};

/// How long a lease for a fetch lasts.
pub(super) fn lease_seconds() -> u64 {
    u64::from(POLICY.fetch_timeout_ms.div_ceil(1000)) + LEASE_MARGIN_SECONDS
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap()
}

/// How long a set may serve after its origin has served it.
fn life() -> i64 {
    signed(POLICY.ttl_seconds + POLICY.stale_if_error_seconds)
}

/// The real events, as far as a property needs them.
#[derive(Debug)]
pub(super) struct Ghost {
    /// The first property that failed.
    pub(super) violation: Option<String>,
    /// The result of the last look-up that ended.
    pub(super) last_answer: Option<Result<bool, u64>>,
    /// When the origin's answer with each set last arrived at any isolate, in seconds.
    served: BTreeMap<usize, i64>,
    /// Since when the origin's answers lack a key that they had before.
    absent: BTreeMap<&'static str, i64>,
    /// The keys that were absent for so long that nobody looks for them.
    retired: BTreeSet<&'static str>,
    /// Fetches whose answer has not arrived.
    flights: Vec<Flight>,
    /// Reads of the store whose answer has not arrived.
    reads: Vec<Flight>,
    /// The attempts that each isolate has observed.
    observed: Vec<Observed>,
    /// When each isolate last had a reason to use a set past its TTL: a failed fetch of its own or of a record, or a wait in vain.
    excused: Vec<Option<i64>>,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Flight {
    request: usize,
    isolate: usize,
    begun: i64,
    is_for_unknown_kid: bool,
}

/// The attempts to fetch that an isolate has observed: its own, and those in the records that it read. In seconds of its
/// own clock.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Observed {
    last_attempt: Option<i64>,
    failures: u32,
    last_unknown: Option<i64>,
}

impl std::hash::Hash for Ghost {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.served, &self.absent, &self.retired, &self.observed, &self.excused).hash(state);
        // The order in which two fetches began makes no difference.
        for flights in [&self.flights, &self.reads] {
            let mut flights: Vec<_> = flights
                .iter()
                .map(|one| (one.request, one.isolate, one.begun, one.is_for_unknown_kid))
                .collect();
            flights.sort_unstable();
            flights.hash(state);
        }
    }
}

fn backoff(failures: u32) -> i64 {
    if failures == 0 { 0 } else { (1 << (failures - 1).min(6)).min(60) }
}

impl Ghost {
    pub(super) fn new(isolates: usize) -> Self {
        Self {
            violation: None,
            last_answer: None,
            served: BTreeMap::new(),
            absent: BTreeMap::new(),
            retired: BTreeSet::new(),
            flights: Vec::new(),
            reads: Vec::new(),
            observed: vec![Observed::default(); isolates],
            excused: vec![None; isolates],
        }
    }

    pub(super) fn violate(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    /// A request continues, so it waits neither for a read nor for a fetch. A cancelled request never continues.
    pub(super) fn continues(&mut self, request: usize) {
        self.flights.retain(|flight| flight.request != request);
        self.reads.retain(|read| read.request != request);
    }

    /// An isolate reads a record.
    pub(super) fn learns(&mut self, isolate: usize, value: &str, now: i64) {
        let record: Value = serde_json::from_str(value).unwrap();
        let observed = &mut self.observed[isolate];
        observed.last_unknown =
            observed.last_unknown.max(record["last_unknown_kid_fetch_at"].as_i64().map(|at| at.min(now)));
        let last_attempt = record["last_attempt_at"].as_i64().map(|at| at.min(now));
        if last_attempt > observed.last_attempt {
            observed.last_attempt = last_attempt;
            observed.failures = u32::try_from(record["consecutive_failures"].as_u64().unwrap()).unwrap();
        }
        if observed.failures > 0 {
            self.excused[isolate] = Some(now);
        }
    }
}

impl Shared {
    fn second(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }

    /// No isolate accepts a key whose set has ended.
    fn check_life(&mut self, set: &KeySet) {
        let kids: Vec<_> = set.keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        let mut versions = self.setup.versions.iter().enumerate();
        let version = versions.find(|(_, version)| **version == kids).map(|(version, _)| version);
        let served = version.and_then(|version| self.ghost.served.get(&version).copied());
        let now = self.second();
        match served {
            None => self.ghost.violate(format!("a set that the origin never served is used: {kids:?}")),
            Some(served) if now >= served + life() + self.setup.skew_range() => {
                self.ghost.violate(format!("a set is used {} s after the origin served it", now - served));
            }
            Some(_) => {}
        }
    }

    pub(super) fn check_set(&mut self, set: &KeySet) {
        self.check_life(set);
    }

    /// A request of this isolate has waited for a new set for as long as it may.
    pub(super) fn has_waited_in_vain(&mut self, isolate: usize) {
        self.ghost.excused[isolate] = Some(self.seconds(isolate));
    }

    /// Past its TTL a set is used only if its origin cannot be asked.
    fn check_ttl(&mut self, isolate: usize, lookup: &Lookup) {
        let own = self.seconds(isolate);
        let age = own - lookup.fetched_at.epoch_seconds();
        let is_excused =
            self.ghost.excused[isolate].is_some_and(|at| own - at <= signed(FAILURE_COUNTS_SECONDS));
        if age >= signed(POLICY.ttl_seconds) + self.setup.skew_range() && !is_excused {
            self.ghost.violate(format!("a set of {age} s is used, and its origin was not asked"));
        }
    }

    pub(super) fn check_answer(
        &mut self,
        isolate: usize,
        call: Call,
        begun_ms: i64,
        result: &Result<Lookup, Fault>,
    ) {
        let kid = if let Call::Kid(kid) = call { kid } else { "" };
        self.ghost.last_answer = Some(summary(result, kid));
        let Ok(lookup) = result else { return };
        self.check_life(&lookup.set);
        self.check_ttl(isolate, lookup);
        let Call::Kid(kid) = call else { return };
        if lookup.set.with_kid(kid).next().is_some() {
            return;
        }
        // A look-up reports that a key does not exist only if the origin has just said so.
        let lacking =
            self.ghost.served.iter().filter(|(version, _)| !self.setup.versions[**version].contains(&kid));
        let looked = lacking.map(|(_, served)| *served).max();
        let (now, begun) = (self.second(), begun_ms.div_euclid(1000));
        // Nobody looks for a retired key before the set is due.
        let is_retired = self.ghost.retired.contains(kid);
        let seconds = if is_retired { POLICY.ttl_seconds } else { POLICY.unknown_kid_cooldown_seconds };
        let since = (now - signed(seconds) + 1).min(begun) - self.setup.skew_range();
        if looked.is_none_or(|looked| looked < since) {
            let ago = looked.map(|looked| now - looked);
            self.ghost.violate(format!("\"{kid}\" is called unknown, by an answer of {ago:?} s ago"));
        }
    }

    /// A request for a key of the set that the isolate holds does not wait before the end of the TTL.
    pub(super) fn check_begin(&mut self, isolate: usize, call: Call, known: &KeyState) {
        let Call::Kid(kid) = call else { return };
        let own = self.seconds(isolate);
        let is_fresh = known.fresh_until.is_some_and(|until| own < until.epoch_seconds());
        let is_known =
            is_fresh && known.serving && known.keys.iter().any(|key| key.kid.as_deref() == Some(kid));
        if is_known && self.ghost.last_answer != Some(Ok(true)) {
            self.ghost.violate(format!("the known key \"{kid}\" has to wait: {:?}", self.ghost.last_answer));
        }
    }

    /// One read of the store per isolate and lease.
    pub(super) fn check_read(&mut self, request: usize, isolate: usize) {
        let now = self.second();
        self.ghost.reads.retain(|read| now < read.begun + signed(STORE_LEASE_SECONDS));
        if self.ghost.reads.iter().any(|read| read.isolate == isolate && read.request != request) {
            self.ghost.violate("an isolate reads the store twice at once".to_owned());
        }
        self.ghost.reads.push(Flight { request, isolate, begun: now, is_for_unknown_kid: false });
    }

    /// One fetch per isolate and lease, and none that contradicts the attempts that the isolate has observed.
    pub(super) fn check_fetch(&mut self, request: usize, call: Call, isolate: usize, known: &KeyState) {
        let (now, own) = (self.second(), self.seconds(isolate));
        self.ghost.flights.retain(|flight| now < flight.begun + signed(lease_seconds()));
        if self.ghost.flights.iter().any(|flight| flight.isolate == isolate) {
            self.ghost.violate("an isolate fetches twice at once".to_owned());
        }
        let observed = self.ghost.observed[isolate];
        if let Some(attempt) =
            observed.last_attempt.filter(|attempt| own < attempt + backoff(observed.failures))
        {
            self.ghost.violate(format!(
                "an isolate fetches {} s after failure {}",
                own - attempt,
                observed.failures
            ));
        }
        let holds = |kid: &str| known.keys.iter().any(|key| key.kid.as_deref() == Some(kid));
        let is_for_unknown_kid = matches!(call, Call::Kid(kid) if known.fetched_at.is_some() && !holds(kid));
        let is_fresh = known.serving && known.fresh_until.is_some_and(|until| own < until.epoch_seconds());
        if is_for_unknown_kid && is_fresh {
            let cooldown = signed(POLICY.unknown_kid_cooldown_seconds);
            if let Some(looked) = observed.last_unknown.filter(|looked| own < looked + cooldown) {
                self.ghost.violate(format!("an isolate looks for an unknown kid after {} s", own - looked));
            }
            let anywhere = self.ghost.observed.iter().filter_map(|observed| observed.last_unknown).max();
            if let (Some(Demand::SharedCooldown), Some(looked)) = (self.setup.demand, anywhere)
                && own < looked + cooldown
            {
                self.ghost.violate(format!("two isolates look for an unknown kid within {} s", own - looked));
            }
        }
        self.ghost.flights.push(Flight { request, isolate, begun: now, is_for_unknown_kid });
    }

    fn ended(&mut self, request: usize, isolate: usize, lacks: bool) -> &mut Observed {
        let own = self.seconds(isolate);
        let mut flights = self.ghost.flights.iter();
        let was_unknown = flights.any(|flight| flight.request == request && flight.is_for_unknown_kid);
        let observed = &mut self.ghost.observed[isolate];
        observed.last_attempt = Some(own);
        if lacks || was_unknown {
            observed.last_unknown = Some(own);
        }
        observed
    }

    /// The origin's answer arrives.
    pub(super) fn fetch_served(&mut self, request: usize, isolate: usize, version: usize, lacks: bool) {
        let now = self.second();
        self.ghost.served.insert(version, now);
        let versions = self.setup.versions;
        for kid in versions.iter().flat_map(|kids| kids.iter()) {
            if versions[version].contains(kid) {
                self.ghost.absent.remove(kid);
            } else if now - *self.ghost.absent.entry(kid).or_insert(now) >= RETIRED_AFTER_SECONDS {
                self.ghost.retired.insert(kid);
            }
        }
        self.ended(request, isolate, lacks).failures = 0;
    }

    /// A fetch fails. Returns the backoff that follows, in seconds.
    pub(super) fn fetch_failed(&mut self, request: usize, isolate: usize) -> u64 {
        let observed = self.ended(request, isolate, false);
        observed.failures += 1;
        let failures = observed.failures;
        self.ghost.excused[isolate] = Some(self.seconds(isolate));
        u64::try_from(backoff(failures)).unwrap()
    }

    /// A write reaches the store: a failure removes no set.
    pub(super) fn check_write(&mut self, write: &Write) {
        let key = record::key(&source());
        if write.key != key {
            return;
        }
        let read = |value: &str| serde_json::from_str::<Value>(value).unwrap();
        let before = self
            .log
            .iter()
            .rfind(|stored| stored.key == key)
            .and_then(|stored| read(&stored.value)["fetched_at"].as_i64());
        let after = read(&write.value);
        let is_older = after["fetched_at"].as_i64() < before;
        if is_older && after["consecutive_failures"] != 0 {
            self.ghost.violate("a failure replaces a newer set in the store".to_owned());
        } else if is_older && self.setup.demand == Some(Demand::NewestSetInStore) {
            self.ghost.violate("an older set replaces a newer one in the store".to_owned());
        }
    }

    /// Every request ends soon if no further fault occurs.
    pub(super) fn check_end(&mut self, waited: i64) {
        if waited > signed(STORE_LEASE_SECONDS + lease_seconds()) + 1 {
            self.ghost.violate(format!("progress: a request takes {waited} s more"));
        }
    }

    /// Every isolate accepts a published key soon if no further fault occurs.
    pub(super) fn check_acceptance(&mut self, isolate: usize, kid: &str, waited: i64) {
        // Nobody looks for a retired key before the set is due.
        let is_retired = self.ghost.retired.contains(kid);
        let due = if is_retired { POLICY.ttl_seconds } else { 0 };
        let longest = signed(due + POLICY.unknown_kid_cooldown_seconds + lease_seconds()) + 8;
        if waited > longest {
            self.ghost
                .violate(format!("progress: isolate {isolate} does not accept \"{kid}\" within {waited} s"));
        }
    }
}
