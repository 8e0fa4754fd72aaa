//! Workers KV as a fleet sees it: a data centre caches what it has read for 30 seconds, misses included; a write is seen in other data
//! centres after 30 to 60 seconds; a key is written once per second at most.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use edge_assay::limits::KV_CACHE_TTL_SECONDS;

use super::dice::mixed;

/// The namespace. Times are milliseconds.
#[derive(Default)]
pub(super) struct Namespace {
    keys: RefCell<HashMap<String, Key>>,
    propagation_ms: i64,
}

/// What a data centre has cached: the value, or that there is none.
pub(super) struct Cached(pub(super) Option<Rc<str>>);

#[derive(Default)]
struct Key {
    versions: VecDeque<Version>,
    last_written_ms: Option<i64>,
    written: u64,
    cached: HashMap<u16, (i64, Option<Rc<str>>)>,
}

struct Version {
    number: u64,
    value: Rc<str>,
    written_ms: i64,
    expires_ms: i64,
    data_centre: u16,
}

impl Namespace {
    pub(super) fn new(propagation_ms: i64) -> Self {
        Self { keys: RefCell::default(), propagation_ms }
    }

    /// What the data centre has cached at `now_ms`, if its cache may still answer.
    pub(super) fn cached(&self, key: &str, data_centre: u16, now_ms: i64) -> Option<Cached> {
        let keys = self.keys.borrow();
        let (until_ms, value) = keys.get(key)?.cached.get(&data_centre)?;
        (now_ms < *until_ms).then(|| Cached(value.clone()))
    }

    /// What a read from the central store returns at `now_ms`; the data centre caches it.
    pub(super) fn read(&self, key: &str, data_centre: u16, now_ms: i64) -> Option<Rc<str>> {
        let mut keys = self.keys.borrow_mut();
        let key = keys.entry(key.to_owned()).or_default();
        let is_seen = |version: &Version| {
            let spread = mixed(version.number ^ (u64::from(data_centre) << 32)) % self.propagation_ms as u64;
            version.data_centre == data_centre
                || now_ms >= version.written_ms + self.propagation_ms + spread as i64
        };
        let newest = key.versions.iter().rev().find(|version| is_seen(version));
        let value = newest.filter(|version| now_ms < version.expires_ms).map(|version| version.value.clone());
        key.cached.insert(data_centre, (now_ms + i64::from(KV_CACHE_TTL_SECONDS) * 1000, value.clone()));
        value
    }

    /// Writes a value, and returns the one before. `Err` if the key was written less than a second ago.
    pub(super) fn write(
        &self,
        key: &str,
        value: &str,
        ttl_seconds: u64,
        data_centre: u16,
        now_ms: i64,
    ) -> Result<Option<Rc<str>>, ()> {
        let mut keys = self.keys.borrow_mut();
        let key = keys.entry(key.to_owned()).or_default();
        if key.last_written_ms.is_some_and(|at| now_ms < at + 1000) {
            return Err(());
        }
        let before = key.versions.back().map(|version| version.value.clone());
        key.last_written_ms = Some(now_ms);
        key.written += 1;
        let expires_ms = now_ms + ttl_seconds as i64 * 1000;
        let number = key.written;
        key.versions.push_back(Version {
            number,
            value: value.into(),
            written_ms: now_ms,
            expires_ms,
            data_centre,
        });
        // Every data centre sees the second one: the first is not needed.
        while key.versions.get(1).is_some_and(|second| second.written_ms + 2 * self.propagation_ms < now_ms) {
            key.versions.pop_front();
        }
        Ok(before)
    }
}
