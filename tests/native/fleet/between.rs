//! What stands between the isolates and the origins: the cache of a data centre, and the coordinator, which is the production code.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use edge_assay::keys::coordinator::Coordinator;
use edge_assay::keys::coordinator::wire::{Answer, PurgeQuestion};
use edge_assay::limits::MAX_SHARED_SECONDS;
use edge_assay::ports::{
    Clock, CoordinatorError, Document, DocumentRequest, FetchError, HttpClient, KeyValueStore, StoreError,
};
use edge_assay::time::Timestamp;

use super::port;
use super::scenario::{Defect, Tier};
use super::world::World;

/// The data centre in which the coordinator runs. No isolate is there.
pub(super) const ELSEWHERE: u16 = u16::MAX;

/// How often a request that waits for another one looks whether that has ended.
const LOOK_MS: i64 = 20;

/// The caches of all data centres.
#[derive(Default)]
pub(super) struct Caches(RefCell<HashMap<(u16, usize), Cached>>);

/// The answer of one issuer in one data centre.
#[derive(Default)]
struct Cached {
    is_fetching: bool,
    /// The answer, and when its fetch began.
    answer: Option<(Document, i64)>,
    /// The fetches that have failed: connections that broke, and answers that did not come.
    failures: u64,
}

impl Caches {
    fn with<T>(&self, key: (u16, usize), act: impl FnOnce(&mut Cached) -> T) -> T {
        act(self.0.borrow_mut().entry(key).or_default())
    }

    /// The answer to a request from an isolate: from the cache, or from the origin.
    pub(super) async fn get(
        world: &Rc<World>,
        data_centre: u16,
        issuer: usize,
        request: &DocumentRequest,
    ) -> Result<Document, FetchError> {
        let hides_age = world.scenario.defect == Some(Defect::AgeHidden);
        let is_used = world.scenario.tier != Tier::Without && request.max_age_seconds >= MAX_SHARED_SECONDS;
        if !is_used {
            return world.providers[issuer].answer(world, data_centre, request).await;
        }
        let key = (data_centre, issuer);
        let life_ms = if hides_age { 600_000 } else { MAX_SHARED_SECONDS as i64 * 1000 };
        let begun_ms = world.now_ms();
        let failures = world.caches.with(key, |cached| cached.failures);
        let mut is_own = false;
        loop {
            let now_ms = world.now_ms();
            let is_fresh = |(_, at_ms): &&(Document, i64)| now_ms < *at_ms + life_ms;
            let (found, is_fetching, has_failed) = world.caches.with(key, |cached| {
                let found = cached.answer.as_ref().filter(is_fresh).map(|(document, _)| document.clone());
                (found, cached.is_fetching, cached.failures > failures)
            });
            if let Some(found) = found {
                let age_seconds = (!is_own && !hides_age).then_some(request.max_age_seconds);
                let is_held = found.status == 200 && found.etag == request.if_none_match;
                let status = if is_held { 304 } else { found.status };
                return Ok(Document { status, age_seconds, ..found });
            }
            if has_failed {
                return Err(FetchError::Unreachable("the origin does not answer".to_owned()));
            }
            if now_ms - begun_ms >= i64::from(request.timeout_ms) {
                return Err(FetchError::Timeout(request.timeout_ms));
            }
            if !is_fetching {
                is_own = true;
                Self::fetch(world, key, request);
            }
            world.sleep(LOOK_MS).await;
        }
    }

    /// Asks the origin. The request goes on if the isolate that began it ends.
    fn fetch(world: &Rc<World>, key: (u16, usize), request: &DocumentRequest) {
        let (data_centre, issuer) = key;
        let former = world.caches.with(key, |cached| {
            cached.is_fetching = true;
            cached.answer.as_ref().map(|(document, _)| document.clone())
        });
        let if_none_match = former.as_ref().and_then(|document| document.etag.clone());
        let (world, request) = (Rc::clone(world), DocumentRequest { if_none_match, ..request.clone() });
        let at = Rc::clone(&world);
        at.spawn(None, async move {
            let begun_ms = world.now_ms();
            let answer = world.providers[issuer].answer(&world, data_centre, &request).await;
            world.caches.with(key, |cached| {
                cached.is_fetching = false;
                match (answer, former) {
                    (Ok(document), Some(former)) if document.status == 304 => {
                        cached.answer = Some((former, begun_ms));
                    }
                    (Ok(document), _) => cached.answer = Some((document, begun_ms)),
                    (Err(_), _) => cached.failures += 1,
                }
            });
        });
    }
}

/// The notes of fetches in the caches of all data centres: the text, and until when it is kept.
#[derive(Default)]
pub(super) struct Notes(RefCell<HashMap<(u16, String), (String, i64)>>);

impl Notes {
    /// How long the cache takes.
    fn way_ms(world: &World) -> i64 {
        world.dice.between(2, 8)
    }

    pub(super) async fn read(world: &World, data_centre: u16, url: &str) -> Option<String> {
        world.sleep(Self::way_ms(world)).await;
        let notes = world.notes.0.borrow();
        let (text, until_ms) = notes.get(&(data_centre, url.to_owned()))?;
        (world.now_ms() < *until_ms).then(|| text.clone())
    }

    pub(super) async fn write(world: &World, data_centre: u16, url: &str, note: &str, seconds: u64) {
        world.sleep(Self::way_ms(world)).await;
        if world.scenario.defect != Some(Defect::NotesLost) {
            let until_ms = world.now_ms() + seconds as i64 * 1000;
            let key = (data_centre, url.to_owned());
            world.notes.0.borrow_mut().insert(key, (note.to_owned(), until_ms));
        }
    }
}

/// The one coordinator of the world.
#[derive(Default)]
pub(super) struct Centre {
    memory: RefCell<Rc<Coordinator>>,
    restarted_at: Cell<i64>,
    /// How much the defect has advanced its clock, in seconds.
    ahead: Cell<i64>,
}

/// The ports of the coordinator.
#[derive(Clone)]
struct CentrePort(Rc<World>);

impl Centre {
    /// The answer to a question from an isolate.
    pub(super) async fn ask(world: &Rc<World>, question: &str) -> Result<String, CoordinatorError> {
        let (centre, faults) = (&world.centre, world.scenario.coordinator);
        let second = world.now_ms().div_euclid(1000);
        world.note(|report| report.asked(second));
        world.sleep(world.dice.between(10, 120)).await;
        if world.is_within(faults.outage) {
            if faults.hangs {
                world.sleep(600_000).await;
            }
            return Err(CoordinatorError("the coordinator is down".to_owned()));
        }
        world.sleep(faults.slow_ms).await;
        let period = faults.restarts_every;
        if world.scenario.defect == Some(Defect::CoordinatorForgets)
            || (period > 0 && centre.restarted_at.get() + period <= second)
        {
            centre.restarted_at.set(second);
            centre.memory.take();
        }
        if world.scenario.defect == Some(Defect::HoldIgnored) {
            centre.ahead.set(centre.ahead.get() + 61);
        }
        if world.scenario.defect == Some(Defect::PurgesUnknown) && PurgeQuestion::read(question).is_ok() {
            return Ok(Answer::Refused("`url` is missing".to_owned()).write());
        }
        let (memory, port) = (Rc::clone(&centre.memory.borrow()), CentrePort(Rc::clone(world)));
        let (asked, fetch) = memory.ask(question, port.now());
        if let Some(fetch) = fetch {
            let (memory, port) = (Rc::clone(&memory), port.clone());
            world.spawn(None, async move { memory.fetch(&port, fetch).await });
        }
        let answer = memory.answer(&port, asked).await;
        world.sleep(world.dice.between(10, 120)).await;
        Ok(answer)
    }
}

impl Clock for CentrePort {
    fn now(&self) -> Timestamp {
        self.0.true_time().plus(self.0.centre.ahead.get().unsigned_abs())
    }

    async fn sleep(&self, milliseconds: u32) {
        self.0.sleep(i64::from(milliseconds)).await;
    }
}

impl HttpClient for CentrePort {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        let issuer = self.0.issuer_of(request);
        Caches::get(&self.0, ELSEWHERE, issuer, request).await
    }
}

impl KeyValueStore for CentrePort {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        port::read_store(&self.0, ELSEWHERE, key).await
    }

    async fn put(&self, _: &str, _: &str, _: u64) -> Result<(), StoreError> {
        unreachable!("a coordinator writes nothing")
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        unreachable!("a coordinator writes nothing")
    }
}
