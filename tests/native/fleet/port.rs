//! The ports of one isolate: its clock, the store as its data centre sees it, and the way to the origins.

use std::rc::Rc;

use edge_assay::keys::coordinator::wire::PurgeQuestion;
use edge_assay::keys::record;
use edge_assay::ports::{
    Clock, CoordinatorError, Document, DocumentRequest, FetchError, HttpClient, KeyValueStore, Level, Log,
    Random, StoreError,
};
use edge_assay::time::Timestamp;
use serde_json::Value;

use super::between::{Caches, Centre, Notes};
use super::scenario::{Defect, Tier};
use super::world::{Isolate, World};

/// A store that does not answer is given up after a minute.
const HANGING_MS: i64 = 60_000;

/// Fails if the store fails.
async fn reach_store(world: &World) -> Result<(), StoreError> {
    if !world.is_within(world.scenario.store.outage) {
        return Ok(());
    }
    let hangs = world.scenario.store.hangs;
    world.sleep(if hangs { HANGING_MS } else { world.dice.between(10, 60) }).await;
    Err(StoreError("the store is down".to_owned()))
}

/// What the store shows in this data centre.
pub(super) async fn read_store(
    world: &World,
    data_centre: u16,
    key: &str,
) -> Result<Option<String>, StoreError> {
    world.note(|report| report.reads += 1);
    reach_store(world).await?;
    let value = if let Some(cached) = world.store.cached(key, data_centre, world.now_ms()) {
        world.sleep(world.dice.between(2, 8)).await;
        cached.0
    } else {
        world.sleep(world.dice.between(20, 120)).await;
        world.store.read(key, data_centre, world.now_ms())
    };
    Ok(value.map(|value| value.to_string()))
}

#[derive(Clone)]
pub(super) struct Port {
    world: Rc<World>,
    isolate: Rc<Isolate>,
}

impl Port {
    pub(super) fn new(world: &Rc<World>, isolate: &Rc<Isolate>) -> Self {
        Self { world: Rc::clone(world), isolate: Rc::clone(isolate) }
    }

    /// Counts a fetch in progress in this isolate until it ends.
    fn count_fetch(&self) -> Fetching<'_> {
        let isolate = &self.isolate;
        isolate.fetching.set(isolate.fetching.get() + 1);
        self.world.note(|report| report.at_once = report.at_once.max(isolate.fetching.get()));
        Fetching(isolate)
    }

    /// Whether the value replaces a set with an older one, and whether it is a failure that does so.
    fn note_replacement(&self, before: &str, after: &str) {
        let read = |value| serde_json::from_str::<Value>(value).unwrap();
        let (before, after) = (read(before), read(after));
        if after["fetched_at"].as_i64() < before["fetched_at"].as_i64() {
            let is_failure = after["consecutive_failures"] != 0;
            self.world.note(|report| {
                report.older_sets += 1;
                report.failures_over_sets += u64::from(is_failure);
            });
        }
    }
}

impl Clock for Port {
    fn now(&self) -> Timestamp {
        self.world.now(&self.isolate)
    }

    async fn sleep(&self, milliseconds: u32) {
        self.world.sleep(i64::from(milliseconds)).await;
    }
}

impl KeyValueStore for Port {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        read_store(&self.world, self.isolate.data_centre, key).await
    }

    async fn put(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError> {
        let (world, data_centre) = (&self.world, self.isolate.data_centre);
        world.note(|report| report.writes += 1);
        reach_store(world).await?;
        world.sleep(world.dice.between(40, 150)).await;
        let key = match world.scenario.defect {
            Some(Defect::FailureOverwritesSet) => key.trim_end_matches(":failures"),
            _ => key,
        };
        let mut value = value.to_owned();
        if world.scenario.defect == Some(Defect::RetiredNotStored) && value.contains("\"retired\"") {
            let mut record: Value = serde_json::from_str(&value).unwrap();
            record.as_object_mut().unwrap().remove("retired");
            value = record.to_string();
        }
        let written = world.store.write(key, &value, ttl_seconds, data_centre, world.now_ms());
        let Ok(before) = written else {
            world.note(|report| report.refused_writes += 1);
            return Err(StoreError("429 Too Many Requests".to_owned()));
        };
        let is_set = world.sources.iter().any(|source| record::key(source) == key);
        if let Some(before) = before.filter(|_| is_set) {
            self.note_replacement(&before, &value);
        }
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        unreachable!("no key set is ever deleted")
    }
}

/// Counts a fetch in progress, also if it is dropped.
struct Fetching<'p>(&'p Isolate);

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        self.0.fetching.set(self.0.fetching.get() - 1);
    }
}

impl HttpClient for Port {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        let (world, isolate) = (&self.world, &self.isolate);
        let issuer = world.issuer_of(request);
        let _counted = self.count_fetch();
        Caches::get(world, isolate.data_centre, issuer, request).await
    }

    fn has_coordinator(&self) -> bool {
        self.world.scenario.tier == Tier::Coordinator
    }

    fn has_shared_cache(&self) -> bool {
        self.world.scenario.tier != Tier::Without
    }

    async fn read_note(&self, url: &str) -> Option<String> {
        Notes::read(&self.world, self.isolate.data_centre, url).await
    }

    async fn write_note(&self, url: &str, note: &str, seconds: u64) {
        Notes::write(&self.world, self.isolate.data_centre, url, note, seconds).await;
    }

    async fn ask_coordinator(&self, _: &str, question: &str) -> Result<String, CoordinatorError> {
        let _counted = PurgeQuestion::read(question).is_err().then(|| self.count_fetch());
        Centre::ask(&self.world, question).await
    }
}

impl Log for Port {
    fn log(&self, _: Level, line: &Value) {
        let event = line["event"].as_str().unwrap();
        self.world.note(|report| report.logged(event));
        if event == "jwks_store_failed" && line["operation"] == "put" {
            let now_ms = self.world.now_ms();
            if let Some(last_ms) = self.isolate.write_logged_ms.replace(Some(now_ms)) {
                self.world.note(|report| {
                    let closest = report.closest_write_lines_ms.unwrap_or(i64::MAX);
                    report.closest_write_lines_ms = Some(closest.min(now_ms - last_ms));
                });
            }
        }
    }
}

impl Random for Port {
    fn fill(&self, bytes: &mut [u8]) {
        let same = (self.world.scenario.defect == Some(Defect::OneRefreshPoint)).then_some(0x80);
        bytes.fill_with(|| same.unwrap_or_else(|| self.world.dice.bits() as u8));
    }
}
