//! One small world: isolates with their requests, a clock, an origin and an eventually consistent store. It changes only when
//! the explorer takes a [`Choice`].
//!
//! Each call of a port is an operation that stays pending until a choice ends it. The result of an operation is part of
//! the choice: which write a read of the store sees, which set the origin serves, whether a write is lost. After each choice
//! exactly one request runs, up to its next operation. A request is the future of the production code; it is cancelled by
//! dropping it.

use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::future::{Future, poll_fn};
use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use edge_assay::keys::freshness::RefreshPoint;
use edge_assay::keys::{
    CachePolicy, KeyCache, KeySource, KeyState, Location, LookedAgain, Lookup, Wanted, record,
};
use edge_assay::limits::{LEASE_POLL_RANGE_MS, STALE_WAIT_MS, STORE_LEASE_SECONDS};
use edge_assay::ports::{
    Clock, Document, DocumentRequest, FetchError, HttpClient, KeyValueStore, Level, Log, Random, StoreError,
};
use edge_assay::rejection::Fault;
use edge_assay::time::Timestamp;

use super::properties::{Ghost, lease_seconds};
use crate::support::keys::jwks_of_kids;

/// The time at which every world begins, in seconds since the epoch.
pub(super) const START: i64 = 1_800_000_000;
const URL: &str = "https://issuer.example/jwks";

/// The policy of every world. Small numbers, so that few instants make a difference: lease 3 s, refresh point 16 s.
pub(super) const POLICY: CachePolicy = CachePolicy {
    ttl_seconds: 20,
    stale_if_error_seconds: 10,
    unknown_kid_cooldown_seconds: 4,
    fetch_timeout_ms: 1000,
    max_shared_seconds: 0,
};

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    /// Looks up the key for a token with this `kid`, and refreshes after the response if the look-up says so.
    Kid(&'static str),
    /// The same for a token without a `kid`.
    Any,
    /// The cron trigger.
    Cron,
    /// The second look of `explain`.
    LookAgain(&'static str),
    /// The probe of `/readyz`.
    Probe,
}

/// How often each kind of event may happen in one execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Steps of the clock.
    pub(super) ticks: u8,
    /// Requests that are cancelled.
    pub(super) cancels: u8,
    /// Fetches that fail at once.
    pub(super) fetch_failures: u8,
    /// Reads that fail, and writes that are lost.
    pub(super) store_failures: u8,
    /// Publications of the next set.
    pub(super) rotations: u8,
}

/// When a write becomes visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    /// A read returns any write since the last one that this isolate has seen.
    Eventual,
    /// A read returns the last write.
    Immediate,
}

/// A deliberate fault, to show that a property can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// Each request has a memory of its own, so it sees no other request's lease.
    LeaseIgnored,
    /// The store loses the time of the last look for an unknown `kid`.
    CooldownNotStored,
    /// A failure is written over the record of the set.
    FailureOverwritesSet,
    /// The isolates use a set for longer than the policy allows.
    EndIgnored,
    /// A lease lasts for hours, so that a cancelled request blocks the others.
    EndlessLease,
    /// An isolate forgets everything when a fetch fails.
    BackoffForgotten,
    /// A failed fetch looks like an old answer of the origin.
    FailureHidden,
    /// The isolates take a set for fresh for longer than the policy allows.
    TtlIgnored,
    /// The store says of every vanished key that its absence is confirmed.
    RetiredAtOnce,
}

/// A property that no protocol over an eventually consistent store has: the model must find a counterexample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// All isolates together look for unknown kids once per cooldown.
    SharedCooldown,
    /// The store never goes back to an older set.
    NewestSetInStore,
}

/// What has happened before exploration begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// Nothing.
    Quiet,
    /// The origin published its second set after 15 s, and each isolate refreshed after 16 s.
    Rotated,
    /// The same, and each isolate fetched again after 80 s: a key that the second set lacks is retired.
    Retired,
}

/// The description of a world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// Its name in reports.
    pub(super) name: &'static str,
    /// How many isolates there are.
    pub(super) isolates: usize,
    /// The sets that the origin publishes, one after the other.
    pub(super) versions: &'static [&'static [&'static str]],
    /// The requests, each with its isolate. They begin in this order, at any time.
    pub(super) calls: &'static [(usize, Call)],
    /// The events that may happen.
    pub(super) budget: Budget,
    /// How the store behaves.
    pub(super) visibility: Visibility,
    /// Isolates that know the first set already, fetched (or read) at [`START`].
    pub(super) warm: usize,
    /// What these isolates have seen since then.
    pub(super) history: History,
    /// Milliseconds after [`START`] at which exploration begins.
    pub(super) begin_ms: i64,
    /// The number of next relevant instants from which a step of the clock chooses.
    pub(super) reach: usize,
    /// Further properties to check.
    pub(super) demand: Option<Demand>,
    /// How far the clock of each isolate is ahead, in seconds.
    pub(super) skew: [i64; 3],
    /// The fault, if there is one.
    pub(super) mutant: Option<Mutant>,
}

impl Setup {
    /// The largest difference between two clocks.
    pub(super) fn skew_range(&self) -> i64 {
        self.skew.iter().max().unwrap() - self.skew.iter().min().unwrap()
    }
}

/// One step of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The next request begins.
    Start,
    /// A read of the store returns the write with this number, or nothing if that is 0.
    Read(u32, usize),
    /// A read of the store fails.
    ReadFails(u32),
    /// A write reaches the store.
    Written(usize),
    /// A write is refused (429) or lost.
    Lost(usize),
    /// The origin answers with the set of this number.
    Served(u32, usize),
    /// The origin cannot be reached.
    Unreachable(u32),
    /// The fetch takes too long.
    TimedOut(u32),
    /// A timer fires.
    Wake(u32),
    /// The client of a request goes away.
    Cancel(usize),
    /// The clock moves to this second after [`START`].
    Tick(i64),
    /// The origin publishes its next set.
    Rotate,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
enum Operation {
    Get {
        key: String,
        begun_ms: i64,
    },
    Put {
        write: usize,
    },
    /// A timer. `seen` is the isolate's state when the timer began, for requests that look at its memory again.
    Sleep {
        milliseconds: u32,
        due_ms: i64,
        seen: Option<u64>,
    },
    Fetch {
        if_none_match: Option<String>,
        begun_ms: i64,
        timeout_ms: u32,
    },
}

#[derive(Clone, Debug)]
enum Outcome {
    Got(Result<Option<String>, StoreError>),
    Put(Result<(), StoreError>),
    Slept,
    Fetched(Result<Document, FetchError>),
}

impl Outcome {
    /// Equal for outcomes that a request cannot tell apart. All documents have the same other members.
    fn digest(&self) -> u64 {
        match self {
            Self::Got(Ok(value)) => hash_of((0, value)),
            Self::Got(Err(StoreError(reason))) => hash_of((1, reason)),
            Self::Put(Ok(())) => hash_of(2),
            Self::Put(Err(StoreError(reason))) => hash_of((3, reason)),
            Self::Slept => hash_of(4),
            Self::Fetched(Ok(Document { status, etag, body, .. })) => hash_of((5, status, etag, body)),
            Self::Fetched(Err(error)) => hash_of((6, error.to_string())),
        }
    }
}

struct Pending {
    request: usize,
    operation: Operation,
    outcome: Option<Outcome>,
}

/// A write that has reached neither the store nor its end.
#[derive(Clone, Hash)]
pub(super) struct Write {
    id: usize,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) ttl_seconds: u64,
}

/// A write that the store has taken.
#[derive(Clone, Hash)]
pub(super) struct Stored {
    pub(super) key: String,
    pub(super) value: String,
    expires_ms: i64,
}

/// The state that the isolates share.
pub(super) struct Shared {
    pub(super) setup: Setup,
    pub(super) now_ms: i64,
    left: Budget,
    pending: BTreeMap<u32, Pending>,
    last_operation: u32,
    in_flight: Vec<Write>,
    last_write: usize,
    /// Every write in the order in which the store took them; a read's number is an index, counted from 1.
    pub(super) log: Vec<Stored>,
    /// The last write that each isolate has seen, by key.
    views: BTreeMap<(usize, String), usize>,
    /// The current set, and since when each is published.
    published: Vec<i64>,
    instants: BTreeSet<i64>,
    pub(super) ghost: Ghost,
    /// The digests of the isolates' memories after the last step.
    memories: Vec<u64>,
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

struct Request {
    isolate: usize,
    call: Call,
    task: Task,
    /// Everything that it has observed. This determines its local state.
    history: u64,
    /// Whether it waits for another request of its isolate.
    waits: bool,
}

pub(super) struct World {
    shared: Rc<RefCell<Shared>>,
    caches: Vec<Vec<Rc<KeyCache>>>,
    requests: BTreeMap<usize, Request>,
    /// How many of the calls have begun.
    begun: usize,
    last_request: usize,
    /// The digests of the memories after the step that is being repeated; computing them again costs more than the step.
    known: Option<Vec<u64>>,
}

/// The ports, as one request of one isolate has them.
#[derive(Clone)]
struct Port {
    shared: Rc<RefCell<Shared>>,
    isolate: usize,
    request: usize,
    /// Whether the store fails at once: to look at an isolate's memory alone.
    is_silent: bool,
}

pub(super) fn source() -> KeySource {
    let location = Location::Jwks { uri: URL.to_owned() };
    KeySource { issuer: "https://issuer.example".to_owned(), location, may_be_empty: false, channel: None }
}

/// The policy of the isolates. In some mutants it differs from the policy that is checked.
fn policy(setup: &Setup) -> CachePolicy {
    match setup.mutant {
        Some(Mutant::EndIgnored) => CachePolicy { stale_if_error_seconds: 1000, ..POLICY },
        Some(Mutant::TtlIgnored) => CachePolicy { ttl_seconds: 25, stale_if_error_seconds: 5, ..POLICY },
        Some(Mutant::EndlessLease) => CachePolicy { fetch_timeout_ms: 10_000_000, ..POLICY },
        _ => POLICY,
    }
}

fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Hashes what is written to it.
struct Digest(DefaultHasher);

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Shared {
    pub(super) fn seconds(&self, isolate: usize) -> i64 {
        self.now_ms.div_euclid(1000) + self.setup.skew[isolate]
    }

    /// Records that the state may change in this many seconds.
    fn matters_in(&mut self, seconds: u64) {
        self.instants.insert(self.now_ms.div_euclid(1000) + i64::try_from(seconds).unwrap());
    }

    /// Records that the state may change at the first full second from then on.
    fn matters_at(&mut self, due_ms: i64) {
        self.instants.insert((due_ms + 999).div_euclid(1000));
    }

    fn current(&self) -> usize {
        self.published.len() - 1
    }

    /// The numbers of the writes that a read of `key` by `isolate` may return.
    fn visible(&self, isolate: usize, key: &str) -> Vec<usize> {
        let seen = self.views.get(&(isolate, key.to_owned())).copied().unwrap_or(0);
        let mut numbers = vec![seen];
        numbers.extend((seen + 1..=self.log.len()).filter(|number| self.log[number - 1].key == key));
        if self.setup.visibility == Visibility::Immediate {
            numbers.drain(..numbers.len() - 1);
        }
        numbers
    }

    fn begin(&mut self, request: usize, operation: Operation) -> u32 {
        self.last_operation += 1;
        self.pending.insert(self.last_operation, Pending { request, operation, outcome: None });
        self.last_operation
    }

    fn end(&mut self, id: u32, outcome: Outcome) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.outcome = Some(outcome);
        }
    }
}

/// Waits for the end of an operation, and removes it when it ends or is dropped.
struct Waiting<'p> {
    port: &'p Port,
    operation: Option<Operation>,
    id: u32,
}

impl Future for Waiting<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Outcome> {
        let port = self.port;
        let mut shared = port.shared.borrow_mut();
        if let Some(operation) = self.operation.take() {
            self.id = shared.begin(port.request, operation);
            return Poll::Pending;
        }
        match shared.pending.get_mut(&self.id).and_then(|pending| pending.outcome.take()) {
            Some(outcome) => {
                shared.pending.remove(&self.id);
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.port.shared.borrow_mut().pending.remove(&self.id);
    }
}

impl Port {
    fn wait(&self, operation: Operation) -> Waiting<'_> {
        Waiting { port: self, operation: Some(operation), id: 0 }
    }

    fn now_ms(&self) -> i64 {
        self.shared.borrow().now_ms
    }
}

impl Clock for Port {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_seconds(self.shared.borrow().seconds(self.isolate))
    }

    async fn sleep(&self, milliseconds: u32) {
        let (due_ms, seen) = {
            let shared = self.shared.borrow();
            let is_look = milliseconds <= LEASE_POLL_RANGE_MS.1;
            let due_ms = if is_look { 0 } else { shared.now_ms + i64::from(milliseconds) };
            (due_ms, is_look.then(|| hash_of((shared.memories[self.isolate], shared.seconds(self.isolate)))))
        };
        self.wait(Operation::Sleep { milliseconds, due_ms, seen }).await;
    }
}

impl KeyValueStore for Port {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        // No operator purges a set in these worlds.
        if key.ends_with(":purged") {
            return Ok(None);
        }
        if self.is_silent {
            return Err(StoreError("not asked".to_owned()));
        }
        let begun_ms = self.now_ms();
        match self.wait(Operation::Get { key: key.to_owned(), begun_ms }).await {
            Outcome::Got(got) => got,
            _ => unreachable!(),
        }
    }

    async fn put(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError> {
        let mut write = None;
        // The write is sent at the first poll. From then on it can arrive even if the request is cancelled.
        poll_fn(|_| {
            let mut shared = self.shared.borrow_mut();
            shared.last_write += 1;
            let id = shared.last_write;
            let key = match shared.setup.mutant {
                Some(Mutant::FailureOverwritesSet) => record::key(&source()),
                _ => key.to_owned(),
            };
            shared.in_flight.push(Write { id, key, value: value.to_owned(), ttl_seconds });
            write = Some(id);
            Poll::Ready(())
        })
        .await;
        match self.wait(Operation::Put { write: write.unwrap() }).await {
            Outcome::Put(put) => put,
            _ => unreachable!(),
        }
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        unreachable!("no key set is ever deleted")
    }
}

impl HttpClient for Port {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        let if_none_match = request.if_none_match.clone();
        let (begun_ms, timeout_ms) = (self.now_ms(), POLICY.fetch_timeout_ms);
        match self.wait(Operation::Fetch { if_none_match, begun_ms, timeout_ms }).await {
            Outcome::Fetched(fetched) => fetched,
            _ => unreachable!(),
        }
    }
}

impl Log for Port {
    fn log(&self, _: Level, _: &serde_json::Value) {}
}

impl Random for Port {
    fn fill(&self, _: &mut [u8]) {
        unreachable!("the cache draws nothing")
    }
}

/// The empty memory of an isolate. All isolates refresh at the last point.
fn memory() -> Rc<KeyCache> {
    Rc::new(KeyCache::refreshing_at(RefreshPoint::LAST))
}

/// Runs a request to its end, and the work after its response.
async fn serve(port: Port, cache: Rc<KeyCache>, call: Call) {
    let (source, policy) = (source(), policy(&port.shared.borrow().setup));
    let wanted = match call {
        Call::Kid(kid) => Wanted::Kid(kid),
        Call::Any => Wanted::Any,
        Call::Cron => {
            return cache
                .refresh_scheduled(
                    &port,
                    &source,
                    &policy,
                    edge_assay::limits::CRON_HORIZON_SECONDS,
                    port.now(),
                )
                .await;
        }
        Call::LookAgain(kid) => {
            if let LookedAgain::Fetched(set) =
                cache.look_again(&port, &source, &policy, kid, port.now()).await
            {
                port.shared.borrow_mut().check_set(&set);
            }
            return cache.write_back(&port).await;
        }
        Call::Probe => {
            if let Ok(set) = cache.probe(&port, &source, &policy, 2, port.now()).await {
                port.shared.borrow_mut().check_set(&set);
            }
            return cache.write_back(&port).await;
        }
    };
    let begun_ms = port.now_ms();
    let result = cache.lookup(&port, &source, &policy, wanted, port.now()).await;
    port.shared.borrow_mut().check_answer(port.isolate, call, begun_ms, &result);
    if result.is_ok_and(|lookup: Lookup| lookup.refresh_due) {
        cache.refresh(&port, &source, &policy, port.now()).await;
    }
    cache.write_back(&port).await;
}

impl World {
    /// The world before the first choice. `known` are the digests of the memories, if they were taken before.
    pub(super) fn new(setup: Setup, known: Option<&[u64]>) -> Self {
        let shared = Shared {
            setup,
            now_ms: START * 1000,
            left: setup.budget,
            pending: BTreeMap::new(),
            last_operation: 0,
            in_flight: Vec::new(),
            last_write: 0,
            log: Vec::new(),
            views: BTreeMap::new(),
            published: vec![START],
            instants: BTreeSet::new(),
            ghost: Ghost::new(setup.isolates),
            memories: vec![0; setup.isolates],
        };
        let caches = (0..setup.isolates).map(|_| vec![memory()]).collect();
        let shared = Rc::new(RefCell::new(shared));
        let mut world =
            Self { shared, caches, requests: BTreeMap::new(), begun: 0, last_request: 0, known: None };
        world.known = Some(vec![0; setup.isolates]);
        for isolate in 0..setup.warm {
            world.ask(isolate, Call::Any);
        }
        let (rotations, fetches): (_, &[i64]) = match setup.history {
            History::Quiet => (0, &[]),
            History::Rotated => (1, &[16]),
            History::Retired => (1, &[16, 80]),
        };
        world.shared.borrow_mut().published.extend((0..rotations).map(|_| START + 15));
        for second in fetches {
            world.shared.borrow_mut().now_ms = (START + second) * 1000;
            (0..setup.warm).for_each(|isolate| world.ask(isolate, Call::Any));
        }
        world.known = known.map(<[u64]>::to_vec);
        (0..setup.isolates).for_each(|isolate| world.look_at(isolate));
        world.known = None;
        world.shared.borrow_mut().now_ms = START * 1000 + setup.begin_ms;
        world
    }

    pub(super) fn violation(&self) -> Option<String> {
        self.shared.borrow().ghost.violation.clone()
    }

    /// All choices for the next step.
    pub(super) fn choices(&self) -> Vec<Choice> {
        let shared = self.shared.borrow();
        let left = shared.left;
        let mut choices = Vec::new();
        if left.cancels > 0 {
            choices.extend(self.requests.keys().map(|request| Choice::Cancel(*request)));
        }
        if left.rotations > 0 && shared.current() + 1 < shared.setup.versions.len() {
            choices.push(Choice::Rotate);
        }
        if left.ticks > 0 {
            let now = shared.now_ms.div_euclid(1000);
            let ahead = shared.instants.range(now + 1..).take(shared.setup.reach);
            choices.extend(ahead.map(|second| Choice::Tick(second - START)));
        }
        for (id, pending) in &shared.pending {
            // The two reads of one request end in the order in which they began, and so do their timers.
            let is_second = shared.pending.range(..id).any(|(_, other)| {
                other.request == pending.request
                    && discriminant(&other.operation) == discriminant(&pending.operation)
            });
            if is_second {
                continue;
            }
            let isolate = self.requests[&pending.request].isolate;
            match &pending.operation {
                Operation::Get { key, .. } => {
                    choices.extend(
                        shared.visible(isolate, key).into_iter().map(|number| Choice::Read(*id, number)),
                    );
                    if left.store_failures > 0 {
                        choices.push(Choice::ReadFails(*id));
                    }
                }
                Operation::Put { .. } => {}
                Operation::Sleep { due_ms, seen, .. } => {
                    let now = hash_of((shared.memories[isolate], shared.seconds(isolate)));
                    if seen.map_or(shared.now_ms >= *due_ms, |seen| seen != now) {
                        choices.push(Choice::Wake(*id));
                    }
                }
                Operation::Fetch { begun_ms, timeout_ms, .. } => {
                    let first = shared.published.partition_point(|since| *since * 1000 <= *begun_ms) - 1;
                    choices.extend((first..=shared.current()).map(|version| Choice::Served(*id, version)));
                    if left.fetch_failures > 0 {
                        choices.push(Choice::Unreachable(*id));
                    }
                    if shared.now_ms >= begun_ms + i64::from(*timeout_ms) {
                        choices.push(Choice::TimedOut(*id));
                    }
                }
            }
        }
        for write in &shared.in_flight {
            choices.push(Choice::Written(write.id));
            if left.store_failures > 0 {
                choices.push(Choice::Lost(write.id));
            }
        }
        if self.begun < shared.setup.calls.len() {
            choices.push(Choice::Start);
        }
        choices
    }

    /// The digests of the memories.
    pub(super) fn memories(&self) -> Vec<u64> {
        self.shared.borrow().memories.clone()
    }

    /// Takes a step again that led to memories with these digests.
    pub(super) fn take_again(&mut self, choice: &Choice, memories: &[u64]) {
        self.known = Some(memories.to_vec());
        self.take(choice);
        self.known = None;
    }

    /// Takes one step.
    pub(super) fn take(&mut self, choice: &Choice) {
        match choice {
            Choice::Start => {
                let (isolate, call) = self.shared.borrow().setup.calls[self.begun];
                self.begun += 1;
                self.start(isolate, call);
            }
            Choice::Read(id, number) => {
                let value = self.read(*id, *number);
                self.resume(*id, Outcome::Got(Ok(value)));
            }
            Choice::ReadFails(id) => {
                self.shared.borrow_mut().left.store_failures -= 1;
                self.resume(*id, Outcome::Got(Err(StoreError("down".to_owned()))));
            }
            Choice::Written(write) => {
                self.store(*write);
                self.settle_write(*write, Ok(()));
            }
            Choice::Lost(write) => {
                {
                    let mut shared = self.shared.borrow_mut();
                    shared.left.store_failures -= 1;
                    shared.in_flight.retain(|other| other.id != *write);
                }
                self.settle_write(*write, Err(StoreError("429".to_owned())));
            }
            Choice::Served(id, version) => self.serve(*id, *version),
            Choice::Unreachable(id) => {
                self.shared.borrow_mut().left.fetch_failures -= 1;
                self.fail(*id, FetchError::Unreachable("refused".to_owned()));
            }
            Choice::TimedOut(id) => self.fail(*id, FetchError::Timeout(POLICY.fetch_timeout_ms)),
            Choice::Wake(id) => self.resume(*id, Outcome::Slept),
            Choice::Cancel(request) => {
                self.shared.borrow_mut().left.cancels -= 1;
                // Its operations end when it is dropped.
                let request = self.requests.remove(request).unwrap();
                let isolate = request.isolate;
                drop(request);
                self.look_at(isolate);
            }
            Choice::Tick(second) => {
                let mut shared = self.shared.borrow_mut();
                shared.left.ticks -= 1;
                shared.now_ms = (START + second) * 1000;
            }
            Choice::Rotate => {
                let mut shared = self.shared.borrow_mut();
                shared.left.rotations -= 1;
                let now = shared.now_ms.div_euclid(1000);
                shared.published.push(now);
            }
        }
    }

    /// A request begins, and runs to its first operation.
    fn start(&mut self, isolate: usize, call: Call) {
        self.last_request += 1;
        let number = self.last_request;
        if self.shared.borrow().setup.mutant == Some(Mutant::LeaseIgnored) {
            self.caches[isolate].push(memory());
        }
        let cache = Rc::clone(self.caches[isolate].last().unwrap());
        let known = self.state(isolate);
        let port = Port { shared: Rc::clone(&self.shared), isolate, request: number, is_silent: false };
        let history = hash_of((isolate, call, self.shared.borrow().now_ms));
        let task = Box::pin(serve(port, cache, call));
        self.requests.insert(number, Request { isolate, call, task, history, waits: false });
        self.shared.borrow_mut().ghost.last_answer = None;
        self.run(number, None);
        self.shared.borrow_mut().check_begin(isolate, call, &known);
    }

    /// The memory of `isolate`, as the production code reports it.
    fn state(&self, isolate: usize) -> KeyState {
        let shared = Rc::clone(&self.shared);
        let port = Port { shared, isolate, request: usize::MAX, is_silent: true };
        let cache = self.caches[isolate].last().unwrap();
        let (source, policy, now) = (source(), POLICY, port.now());
        let mut state = Box::pin(cache.state(&port, &source, &policy, now));
        match state.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(state) => state,
            Poll::Pending => unreachable!("the store fails at once"),
        }
    }

    fn resume(&mut self, id: u32, outcome: Outcome) {
        let is_look =
            matches!(self.shared.borrow().pending[&id].operation, Operation::Sleep { seen: Some(_), .. });
        let event = outcome.digest();
        let request = {
            let mut shared = self.shared.borrow_mut();
            let Pending { request, operation, .. } = &shared.pending[&id];
            let (request, operation) = (*request, operation.clone());
            if matches!(operation, Operation::Sleep { milliseconds: STALE_WAIT_MS, .. }) {
                let isolate = self.requests[&request].isolate;
                shared.has_waited_in_vain(isolate);
            }
            shared.end(id, outcome);
            request
        };
        self.run(request, Some(event).filter(|_| !is_look));
    }

    /// Runs a request up to its next operation. `event` is its input; `None` if it begins, or looks at the memory again.
    fn run(&mut self, number: usize, event: Option<u64>) {
        let request = self.requests.get_mut(&number).unwrap();
        let (isolate, call) = (request.isolate, request.call);
        let (before, second, memory) = {
            let mut shared = self.shared.borrow_mut();
            shared.ghost.continues(number);
            (shared.last_operation, shared.seconds(isolate), shared.memories[isolate])
        };
        if request.task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.requests.remove(&number);
        }
        self.look_at(isolate);
        let mut shared = self.shared.borrow_mut();
        let begun: Vec<_> =
            shared.pending.range(before + 1..).map(|(_, one)| one.operation.clone()).collect();
        // A request that looks at the memory again and waits on is where it was, except for how long it has waited.
        let waits_on = event.is_none()
            && matches!(begun.as_slice(), [Operation::Sleep { seen: Some(_), .. }])
            && memory == shared.memories[isolate];
        if let Some(request) = self.requests.get_mut(&number) {
            request.waits = waits_on;
            if !waits_on {
                request.history = hash_of((request.history, event, second, memory));
            }
        }
        for operation in &begun {
            match operation {
                Operation::Get { .. } => {
                    shared.matters_in(STORE_LEASE_SECONDS);
                    shared.check_read(number, isolate);
                }
                Operation::Sleep { due_ms, seen: None, .. } => shared.matters_at(*due_ms),
                Operation::Fetch { begun_ms, timeout_ms, .. } => {
                    shared.matters_in(lease_seconds());
                    shared.matters_at(begun_ms + i64::from(*timeout_ms));
                }
                Operation::Sleep { .. } | Operation::Put { .. } => {}
            }
        }
        drop(shared);
        if begun.iter().any(|operation| matches!(operation, Operation::Fetch { .. })) {
            let known = self.state(isolate);
            self.shared.borrow_mut().check_fetch(number, call, isolate, &known);
        }
    }

    /// Takes the digest of an isolate's memory.
    fn look_at(&mut self, isolate: usize) {
        if let Some(known) = &self.known {
            self.shared.borrow_mut().memories[isolate] = known[isolate];
            return;
        }
        let mut digest = Digest(DefaultHasher::new());
        for cache in &self.caches[isolate] {
            write!(digest, "{cache:?}").unwrap();
        }
        self.shared.borrow_mut().memories[isolate] = digest.0.finish();
    }

    fn read(&self, id: u32, number: usize) -> Option<String> {
        let mut shared = self.shared.borrow_mut();
        let pending = &shared.pending[&id];
        let isolate = self.requests[&pending.request].isolate;
        let Operation::Get { key, .. } = pending.operation.clone() else { unreachable!() };
        shared.views.insert((isolate, key), number);
        let now_ms = shared.now_ms;
        let stored = number.checked_sub(1).map(|index| shared.log[index].clone());
        let mut value = stored.filter(|stored| now_ms < stored.expires_ms).map(|stored| stored.value);
        if let Some(value) = &mut value {
            let second = shared.seconds(isolate);
            shared.ghost.learns(isolate, value, second);
            if shared.setup.mutant == Some(Mutant::RetiredAtOnce) {
                *value = value.replace("\"confirmed\":false", "\"confirmed\":true");
            }
            if shared.setup.mutant == Some(Mutant::CooldownNotStored) {
                let mut members: serde_json::Value = serde_json::from_str(value).unwrap();
                members["last_unknown_kid_fetch_at"] = serde_json::Value::Null;
                *value = members.to_string();
            }
        }
        value
    }

    fn store(&self, write: usize) {
        let mut shared = self.shared.borrow_mut();
        let index = shared.in_flight.iter().position(|other| other.id == write).unwrap();
        let write = shared.in_flight.remove(index);
        shared.check_write(&write);
        let expires_ms = shared.now_ms + i64::try_from(write.ttl_seconds).unwrap() * 1000;
        shared.log.push(Stored { key: write.key, value: write.value, expires_ms });
    }

    /// Wakes the request that waits for a write, if it still waits.
    fn settle_write(&mut self, write: usize, outcome: Result<(), StoreError>) {
        let waiting = {
            let shared = self.shared.borrow();
            let mut pending = shared.pending.iter();
            pending.find(|(_, one)| one.operation == Operation::Put { write }).map(|(id, _)| *id)
        };
        if let Some(id) = waiting {
            self.resume(id, Outcome::Put(outcome));
        }
    }

    fn serve(&mut self, id: u32, version: usize) {
        let document = {
            let mut shared = self.shared.borrow_mut();
            let etag = format!("\"v{version}\"");
            let pending = &shared.pending[&id];
            let Operation::Fetch { if_none_match, .. } = &pending.operation else { unreachable!() };
            let is_confirmed = if_none_match.as_deref() == Some(&*etag);
            let (number, isolate) = (pending.request, self.requests[&pending.request].isolate);
            let kids = shared.setup.versions[version];
            let lacks = matches!(self.requests[&number].call, Call::Kid(kid) | Call::LookAgain(kid) if !kids.contains(&kid));
            shared.fetch_served(number, isolate, version, lacks);
            for seconds in [4, 16, 20, 30] {
                shared.matters_in(seconds);
            }
            Document {
                status: if is_confirmed { 304 } else { 200 },
                etag: Some(etag),
                content_type: Some("application/json".to_owned()),
                body: if is_confirmed { Vec::new() } else { jwks_of_kids(kids).into_bytes() },
                ..Document::default()
            }
        };
        self.resume(id, Outcome::Fetched(Ok(document)));
    }

    fn fail(&mut self, id: u32, error: FetchError) {
        let (isolate, mutant) = {
            let mut shared = self.shared.borrow_mut();
            let number = shared.pending[&id].request;
            let isolate = self.requests[&number].isolate;
            let backoff = shared.fetch_failed(number, isolate);
            shared.matters_in(backoff);
            shared.matters_in(POLICY.unknown_kid_cooldown_seconds);
            (isolate, shared.setup.mutant)
        };
        if mutant == Some(Mutant::FailureHidden) {
            let kids = self.shared.borrow().setup.versions[0];
            let document =
                Document { status: 200, body: jwks_of_kids(kids).into_bytes(), ..Document::default() };
            return self.resume(id, Outcome::Fetched(Ok(document)));
        }
        self.resume(id, Outcome::Fetched(Err(error)));
        if mutant == Some(Mutant::BackoffForgotten) {
            self.caches[isolate].push(memory());
        }
    }

    /// A hash of everything that determines the further execution.
    pub(super) fn digest(&self) -> u64 {
        let shared = self.shared.borrow();
        let mut hasher = DefaultHasher::new();
        (shared.now_ms, shared.left, &shared.memories, &shared.published, self.begun).hash(&mut hasher);
        for pending in shared.pending.values() {
            (pending.request, &pending.operation).hash(&mut hasher);
        }
        shared
            .in_flight
            .iter()
            .for_each(|write| (&write.key, &write.value, write.ttl_seconds).hash(&mut hasher));
        (&shared.log, &shared.views, &shared.ghost).hash(&mut hasher);
        shared.instants.range(shared.now_ms.div_euclid(1000)..).for_each(|second| second.hash(&mut hasher));
        for (number, request) in &self.requests {
            (number, request.history, request.waits).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Ends everything without another fault, and checks that every request ends and every isolate accepts the published keys
    /// soon.
    pub(super) fn end_well(&mut self) {
        let begun = self.shared.borrow().now_ms;
        self.let_pass();
        let waited = (self.shared.borrow().now_ms - begun).div_euclid(1000);
        self.shared.borrow_mut().check_end(waited);
        for isolate in 0..self.caches.len() {
            let kid = {
                let shared = self.shared.borrow();
                *shared.setup.versions[shared.current()].last().unwrap()
            };
            let begun = self.shared.borrow().now_ms;
            loop {
                self.shared.borrow_mut().ghost.last_answer = None;
                self.ask(isolate, Call::Kid(kid));
                let mut shared = self.shared.borrow_mut();
                let wait = match shared.ghost.last_answer.take() {
                    Some(Ok(true)) => break,
                    Some(Ok(false)) => POLICY.unknown_kid_cooldown_seconds,
                    Some(Err(retry_after)) => retry_after,
                    // It did not end, which is a violation.
                    None => return,
                };
                shared.now_ms += i64::try_from(wait).unwrap() * 1000;
                let waited = (shared.now_ms - begun).div_euclid(1000);
                shared.check_acceptance(isolate, kid, waited);
                if shared.ghost.violation.is_some() {
                    return;
                }
            }
        }
    }

    /// One request, begun now, to its end.
    fn ask(&mut self, isolate: usize, call: Call) {
        self.start(isolate, call);
        self.let_pass();
    }

    /// Ends every operation successfully; if all wait for the clock, advances it by a second.
    fn let_pass(&mut self) {
        for _ in 0..1000 {
            let choices = self.choices();
            let good = choices.iter().rev().find(|choice| {
                matches!(
                    choice,
                    Choice::Read(..) | Choice::Written(_) | Choice::Wake(_)
                ) || matches!(choice, Choice::Served(_, version) if *version == self.shared.borrow().current())
            });
            if let Some(good) = good {
                self.take(&good.clone());
            } else if self.requests.is_empty() {
                return;
            } else {
                self.shared.borrow_mut().now_ms += 1000;
            }
            if self.violation().is_some() {
                return;
            }
        }
        self.shared.borrow_mut().ghost.violate("progress: a request does not end".to_owned());
    }
}

/// The result of a look-up, for the properties: whether the key is there, or when to retry.
pub(super) fn summary(result: &Result<Lookup, Fault>, kid: &str) -> Result<bool, u64> {
    match result {
        Ok(lookup) => Ok(lookup.set.with_kid(kid).next().is_some()),
        Err(fault) => Err(fault.retry_after_seconds()),
    }
}
