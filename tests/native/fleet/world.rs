//! The fleet in virtual time: isolates in data centres, their lives, and the tasks that run in them. An event is handled when it is due;
//! nothing takes real time.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use edge_assay::jose::KeySet;
use edge_assay::keys::freshness::{self, Attempts, Lifetime};
use edge_assay::keys::record::{CachedSet, Record};
use edge_assay::keys::{CachePolicy, KeyCache, KeySource, Location, record};
use edge_assay::limits::{CRON_HORIZON_SECONDS, CRON_INTERVAL_SECONDS, MAX_SHARED_SECONDS};
use edge_assay::ports::DocumentRequest;
use edge_assay::time::Timestamp;

use super::between::{Caches, Centre, Notes};
use super::dice::{self, Dice};
use super::origin::{self, Provider};
use super::port::Port;
use super::report::Report;
use super::scenario::Scenario;
use super::store::Namespace;
use super::traffic;
use crate::support::keys::jwks_of_kids;

/// The beginning of the measurement, in seconds since the epoch. It is on the grid of the cron trigger.
const EPOCH: i64 = 1_800_000_000;

/// The number of an isolate's place, and how many isolates were there before.
pub(super) type Place = (usize, u32);
/// The number of a task, and how many tasks had the number before.
type TaskId = (usize, u32);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A timer of the task.
    Wake(TaskId),
    /// The client of the task goes away.
    Cancel(TaskId),
    /// The next request of an honest client.
    Request(Place),
    /// The next request with an unknown `kid`.
    Flood(Place),
    /// The isolate ends, and a new one begins.
    End(Place),
    /// A deployment reaches the isolate with this number.
    Deployed(usize),
    Cron,
    /// An operator purges the set of the first issuer.
    Purge,
}

/// The memory of an isolate, and what the report needs to know of it.
pub(super) struct Isolate {
    pub(super) data_centre: u16,
    pub(super) cache: KeyCache,
    /// Its clock's error, in seconds.
    clock_error: i64,
    /// Fetches in progress.
    pub(super) fetching: Cell<u32>,
    /// When it saw the first token of the new key, in milliseconds; and whether it accepts that key.
    pub(super) new_key_seen_ms: Cell<Option<i64>>,
    pub(super) accepts_new_key: Cell<bool>,
    /// Whether the configuration has the key `old` on `distrusted_keys`.
    pub(super) distrusts_old: bool,
    /// When it last logged a failed write, in milliseconds.
    pub(super) write_logged_ms: Cell<Option<i64>>,
    /// When it last accepted the withdrawn key, in milliseconds.
    pub(super) withdrawn_accepted_ms: Cell<Option<i64>>,
}

struct Slot {
    isolate: Rc<Isolate>,
    generation: u32,
    pause_ms: i64,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    /// The isolate in which it runs. It ends with the isolate.
    place: Option<Place>,
}

#[derive(Default)]
struct TaskSlot {
    generation: u32,
    task: Option<Task>,
}

pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) policy: CachePolicy,
    pub(super) sources: Vec<KeySource>,
    pub(super) providers: Vec<Provider>,
    pub(super) store: Namespace,
    pub(super) caches: Caches,
    pub(super) notes: Notes,
    pub(super) centre: Centre,
    pub(super) dice: Dice,
    now_ms: Cell<i64>,
    events: RefCell<BinaryHeap<Reverse<(i64, u64, Event)>>>,
    last_event: Cell<u64>,
    tasks: RefCell<Vec<TaskSlot>>,
    free_tasks: RefCell<Vec<usize>>,
    running: Cell<TaskId>,
    slots: RefCell<Vec<Slot>>,
    report: RefCell<Report>,
}

/// Runs a scenario to its end.
pub(super) fn simulate(scenario: Scenario) -> Report {
    let sources = (0..scenario.issuers).map(|number| {
        let issuer = format!("https://idp{number}.example");
        let location = Location::Jwks { uri: format!("{issuer}/jwks.json") };
        KeySource { issuer, location, may_be_empty: false, channel: None }
    });
    let world = Rc::new(World {
        policy: CachePolicy {
            ttl_seconds: 3600,
            stale_if_error_seconds: 86_400,
            unknown_kid_cooldown_seconds: 30,
            fetch_timeout_ms: 5000,
            max_shared_seconds: MAX_SHARED_SECONDS,
        },
        sources: sources.collect(),
        providers: (0..scenario.issuers).map(|number| Provider::new(scenario.origin, number)).collect(),
        store: Namespace::new(scenario.store.propagation_ms),
        caches: Caches::default(),
        notes: Notes::default(),
        centre: Centre::default(),
        dice: Dice::new(scenario.seed),
        now_ms: Cell::new(-scenario.warm_up * 1000),
        events: RefCell::default(),
        last_event: Cell::new(0),
        tasks: RefCell::default(),
        free_tasks: RefCell::default(),
        running: Cell::new((0, 0)),
        slots: RefCell::default(),
        report: RefCell::new(Report::new(&scenario)),
        scenario,
    });
    world.fill_store();
    world.begin();
    world.run();
    // The tasks hold the world.
    let unfinished = world.tasks.take();
    drop(unfinished);
    world.slots.borrow().iter().for_each(|slot| world.note_end(&slot.isolate));
    world.report.take()
}

impl World {
    pub(super) fn now_ms(&self) -> i64 {
        self.now_ms.get()
    }

    /// The time on the clock of `isolate`.
    pub(super) fn now(&self, isolate: &Isolate) -> Timestamp {
        Timestamp::from_epoch_seconds(EPOCH + self.now_ms().div_euclid(1000) + isolate.clock_error)
    }

    /// The time on a clock that is right.
    pub(super) fn true_time(&self) -> Timestamp {
        Timestamp::from_epoch_seconds(EPOCH + self.now_ms().div_euclid(1000))
    }

    /// The issuer whose set the request asks for.
    pub(super) fn issuer_of(&self, request: &DocumentRequest) -> usize {
        let is_asked =
            |source: &KeySource| matches!(&source.location, Location::Jwks { uri } if *uri == request.url);
        self.sources.iter().position(is_asked).unwrap()
    }

    pub(super) fn is_within(&self, span: Option<(i64, i64)>) -> bool {
        span.is_some_and(|(from, to)| (from * 1000..to * 1000).contains(&self.now_ms()))
    }

    /// Changes the report, if the measurement has begun.
    pub(super) fn note(&self, change: impl FnOnce(&mut Report)) {
        if self.now_ms() >= 0 {
            change(&mut self.report.borrow_mut());
        }
    }

    fn at(&self, due_ms: i64, event: Event) {
        self.last_event.set(self.last_event.get() + 1);
        self.events.borrow_mut().push(Reverse((due_ms, self.last_event.get(), event)));
    }

    /// Waits for `milliseconds` in the running task.
    pub(super) async fn sleep(&self, milliseconds: i64) {
        let mut due_ms = None;
        std::future::poll_fn(|_| match due_ms {
            Some(due_ms) if self.now_ms() >= due_ms => Poll::Ready(()),
            Some(_) => Poll::Pending,
            None => {
                let due = self.now_ms() + milliseconds;
                due_ms = Some(due);
                self.at(due, Event::Wake(self.running.get()));
                Poll::Pending
            }
        })
        .await;
    }

    /// Runs a task of the isolate at `place` up to its first wait. Returns its number if it waits.
    pub(super) fn spawn(
        &self,
        place: Option<Place>,
        future: impl Future<Output = ()> + 'static,
    ) -> Option<TaskId> {
        let number = self.free_tasks.borrow_mut().pop().unwrap_or_else(|| {
            self.tasks.borrow_mut().push(TaskSlot::default());
            self.tasks.borrow().len() - 1
        });
        let id = (number, self.tasks.borrow()[number].generation);
        self.poll(id, Task { future: Box::pin(future), place }).then_some(id)
    }

    /// Lets the client of a waiting task go away in `milliseconds`.
    pub(super) fn cancel_in(&self, milliseconds: i64, task: TaskId) {
        self.at(self.now_ms() + milliseconds, Event::Cancel(task));
    }

    /// Returns whether the task waits.
    fn poll(&self, id: TaskId, mut task: Task) -> bool {
        let outer = self.running.replace(id);
        let is_ready = task.future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        self.running.set(outer);
        if is_ready {
            self.end_task(id.0);
        } else {
            self.tasks.borrow_mut()[id.0].task = Some(task);
        }
        !is_ready
    }

    fn end_task(&self, number: usize) {
        self.tasks.borrow_mut()[number].generation += 1;
        self.free_tasks.borrow_mut().push(number);
    }

    /// The waiting task with this number, if it has not ended since.
    fn take_task(&self, id: TaskId) -> Option<Task> {
        let mut tasks = self.tasks.borrow_mut();
        let slot = tasks.get_mut(id.0).filter(|slot| slot.generation == id.1)?;
        slot.task.take()
    }

    fn is_alive(&self, place: Place) -> bool {
        self.slots.borrow()[place.0].generation == place.1
    }

    fn isolate(&self, data_centre: u16) -> Rc<Isolate> {
        let most = self.scenario.clock_error;
        Rc::new(Isolate {
            data_centre,
            cache: KeyCache::new(),
            clock_error: self.dice.between(-most, most + 1),
            fetching: Cell::new(0),
            new_key_seen_ms: Cell::new(None),
            accepts_new_key: Cell::new(false),
            distrusts_old: self.scenario.distrusts_old
                && self.scenario.deployed_at.is_some_and(|at| self.now_ms() >= at * 1000),
            write_logged_ms: Cell::new(None),
            withdrawn_accepted_ms: Cell::new(None),
        })
    }

    /// Writes the set that was fetched before the beginning.
    fn fill_store(&self) {
        let Some(age) = self.scenario.stored_age else { return };
        let fetched_at = Timestamp::from_epoch_seconds(EPOCH - age);
        for source in &self.sources {
            let kids = self.scenario.origin.documents[0].1;
            let body = jwks_of_kids(kids);
            let max_age = self.scenario.origin.cache_control.and_then(freshness::max_age_seconds);
            let ttl = freshness::ttl_seconds(&self.policy, max_age);
            let Location::Jwks { uri } = &source.location else { continue };
            let stored = Record {
                cached: Some(CachedSet {
                    jwks_uri: uri.clone(),
                    set: Arc::new(KeySet::parse(body.as_bytes()).unwrap()),
                    body: body.into(),
                    etag: Some(origin::etag(kids)),
                    lifetime: Lifetime::starting(fetched_at, ttl, &self.policy),
                }),
                attempts: Attempts { last_attempt_at: Some(fetched_at), ..Attempts::default() },
                last_error: None,
                ..Record::default()
            };
            let written = stored.write(source, &self.policy, fetched_at).unwrap();
            assert_eq!(written.key, record::key(source));
            self.store.write(&written.key, &written.value, written.ttl_seconds, 0, -age * 1000).unwrap();
        }
    }

    /// Starts all isolates, and the cron trigger.
    fn begin(&self) {
        let scenario = &self.scenario;
        let sizes = dice::sizes(scenario.isolates, scenario.data_centres);
        let pauses = self.dice.pauses(sizes.iter().sum(), scenario.pause_ms);
        let places = (0..).zip(sizes).flat_map(|(data_centre, size)| std::iter::repeat_n(data_centre, size));
        for (data_centre, pause_ms) in places.zip(pauses) {
            let isolate = self.isolate(data_centre);
            self.slots.borrow_mut().push(Slot { isolate, generation: 0, pause_ms });
        }
        let count = self.slots.borrow().len();
        for number in 0..count {
            let first_ms = self.dice.pause(self.slots.borrow()[number].pause_ms);
            self.live((number, 0), first_ms);
            if let Some(deployed_at) = scenario.deployed_at {
                self.at(deployed_at * 1000 + self.dice.between(0, 30_000), Event::Deployed(number));
            }
        }
        if let Some(purged_at) = scenario.purged_at {
            self.at(purged_at * 1000, Event::Purge);
        }
        if scenario.cron {
            let interval_ms = CRON_INTERVAL_SECONDS as i64 * 1000;
            self.at((self.now_ms().div_euclid(interval_ms) + 1) * interval_ms, Event::Cron);
        }
    }

    /// Schedules the requests of a new isolate, and its end.
    fn live(&self, place: Place, first_ms: i64) {
        let now_ms = self.now_ms();
        if self.scenario.life > 0 {
            self.at(now_ms + self.dice.pause(self.scenario.life * 1000), Event::End(place));
        }
        self.at(now_ms + first_ms, Event::Request(place));
        let data_centre = self.slots.borrow()[place.0].isolate.data_centre;
        if let Some(flood) = self.scenario.flood
            && flood.data_centre.is_none_or(|only| only == data_centre)
        {
            let from_ms = now_ms.max(flood.span.0 * 1000);
            self.at(from_ms + self.dice.pause(flood.pause_ms), Event::Flood(place));
        }
    }

    fn run(self: &Rc<Self>) {
        let end_ms = self.scenario.duration * 1000;
        loop {
            let next = self.events.borrow_mut().pop();
            let Some(Reverse((due_ms, _, event))) = next.filter(|Reverse((due_ms, ..))| *due_ms <= end_ms)
            else {
                break;
            };
            self.now_ms.set(due_ms);
            self.handle(event);
        }
    }

    fn handle(self: &Rc<Self>, event: Event) {
        let now_ms = self.now_ms();
        match event {
            Event::Wake(id) => match self.take_task(id) {
                // An isolate that ends takes its tasks along.
                Some(Task { place: Some(place), .. }) if !self.is_alive(place) => self.end_task(id.0),
                Some(task) => {
                    self.poll(id, task);
                }
                None => {}
            },
            Event::Cancel(id) => {
                if let Some(task) = self.take_task(id) {
                    drop(task);
                    self.end_task(id.0);
                    self.note(|report| report.cancelled += 1);
                }
            }
            Event::Request(place) if self.is_alive(place) => {
                traffic::honest(self, place, &self.occupant(place));
                let pause_ms = self.slots.borrow()[place.0].pause_ms;
                self.at(now_ms + self.dice.pause(pause_ms), event);
            }
            Event::Flood(place) if self.is_alive(place) => {
                let flood = self.scenario.flood.filter(|flood| self.is_within(Some(flood.span)));
                if let Some(flood) = flood {
                    traffic::unknown(self, place, &self.occupant(place));
                    self.at(now_ms + self.dice.pause(flood.pause_ms), event);
                }
            }
            Event::End(place) if self.is_alive(place) => {
                let old = self.occupant(place);
                self.note_end(&old);
                let place = {
                    let slot = &mut self.slots.borrow_mut()[place.0];
                    slot.isolate = self.isolate(old.data_centre);
                    slot.generation += 1;
                    (place.0, slot.generation)
                };
                self.live(place, 0);
            }
            Event::Request(_) | Event::Flood(_) | Event::End(_) => {}
            Event::Purge => self.purge(),
            Event::Deployed(number) => {
                let generation = self.slots.borrow()[number].generation;
                self.handle(Event::End((number, generation)));
            }
            Event::Cron => {
                self.at(now_ms + CRON_INTERVAL_SECONDS as i64 * 1000, Event::Cron);
                self.run_cron();
            }
        }
    }

    fn occupant(&self, place: Place) -> Rc<Isolate> {
        Rc::clone(&self.slots.borrow()[place.0].isolate)
    }

    /// The cron trigger: a new isolate in one of the thirty largest data centres, up to 5 s late.
    fn run_cron(self: &Rc<Self>) {
        let data_centre = self.dice.between(0, i64::from(self.scenario.data_centres.min(30))) as u16;
        let late_ms = self.dice.between(0, 5000);
        let (world, isolate) = (Rc::clone(self), self.isolate(data_centre));
        self.spawn(None, async move {
            world.sleep(late_ms).await;
            let port = Port::new(&world, &isolate);
            for source in &world.sources {
                isolate
                    .cache
                    .refresh_scheduled(
                        &port,
                        source,
                        &world.policy,
                        CRON_HORIZON_SECONDS,
                        world.now(&isolate),
                    )
                    .await;
            }
        });
    }

    /// The operator's request reaches any isolate of the largest data centre.
    fn purge(self: &Rc<Self>) {
        let (world, isolate) = (Rc::clone(self), self.occupant(self.places()[0]));
        self.spawn(None, async move {
            let port = Port::new(&world, &isolate);
            let source = &world.sources[0];
            let purged = isolate.cache.purge(&port, source, &world.policy, world.now(&isolate)).await;
            assert!(purged.announced.is_ok() && purged.fetched.is_ok(), "{purged:?}");
        });
    }

    fn places(&self) -> Vec<Place> {
        self.slots.borrow().iter().enumerate().map(|(number, slot)| (number, slot.generation)).collect()
    }

    fn note_end(&self, isolate: &Isolate) {
        self.note(|report| {
            if isolate.new_key_seen_ms.get().is_some() && !isolate.accepts_new_key.get() {
                report.never_accepted_new_key += 1;
            }
            let withdrawn = self.scenario.tokens.withdrawn;
            if let (Some((from, _)), Some(at_ms)) = (withdrawn, isolate.withdrawn_accepted_ms.get()) {
                report.withdrawn_accepted_for_ms.push((at_ms - from * 1000).max(0));
            }
        });
    }
}
