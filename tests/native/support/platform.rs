//! A fake platform: a virtual clock, a store and an origin whose failures tests control, secrets, and the log lines written.
//!
//! Time is virtual. [`FakePlatform::run`] runs futures: when all of them wait, the clock jumps to the first time that one of them
//! waits for. A thousand concurrent requests to an origin that takes five seconds run in no real time, and the order is the same in
//! every run. With any other executor a sleep never ends.
//!
//! ```ignore
//! let world = FakePlatform::at(NOW);
//! world.origin.serves(URL, Answer::json(r#"{"keys":[]}"#).after_ms(50));
//! let lookup = world.run(cache.lookup(&world, &source, &policy, Wanted::Any, world.now()));
//! assert_eq!(world.origin.calls(URL), 1);
//! ```

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use ed25519_dalek::Verifier as _;
use edge_assay::jose::{Algorithm, Jwk, SharedSecret, base64url};
use edge_assay::keys::coordinator::Coordinator;
use edge_assay::ports::{
    CheckingKey, Clock, CoordinatorError, Directory, Document, DocumentRequest, EngineError, EngineKey,
    FetchError, HttpClient, KeyValueStore, Level, Log, PlatformCrypto, PrivateKey, Random, Runtime,
    RuntimeFacts, Secrets, SignatureCheck, SigningEngine, StoreError, UpstreamError, UpstreamRequest,
};
use edge_assay::time::Timestamp;

use super::signer::FakeSigner;

/// Implements every port of the application.
#[derive(Default)]
pub struct FakePlatform {
    time: Rc<Time>,
    /// The store, shared by all isolates.
    pub store: Rc<FakeStore>,
    /// Everything reachable by HTTP.
    pub origin: Rc<FakeOrigin>,
    /// The coordinator, shared by all isolates.
    pub coordinator: FakeCoordinator,
    /// The notes beside the answers that a cache shares.
    pub notes: FakeNotes,
    background: RefCell<Vec<Task>>,
    begun: RefCell<Vec<Task>>,
    /// The directories, shared by all isolates; the key is `<binding> <key>`.
    pub directory: FakeStore,
    secrets: RefCell<HashMap<String, String>>,
    lines: RefCell<Vec<(Level, serde_json::Value)>>,
    second_engine: Cell<SecondEngine>,
    second_engine_asked: Cell<usize>,
    draws: Cell<u64>,
    sleeps: Cell<usize>,
    /// What signs with our private keys.
    pub signer: FakeSigner,
    /// The upstreams of the gateway.
    pub upstreams: FakeUpstreams,
}

/// The notes in the cache that processes share. The cache holds no answers here.
#[derive(Default)]
pub struct FakeNotes {
    mode: Cell<NotesMode>,
    /// The notes, each with its URL.
    pub kept: RefCell<HashMap<String, String>>,
}

/// How the notes behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotesMode {
    /// The platform has no such cache.
    #[default]
    Absent,
    /// They are kept until another takes their place.
    Kept,
    /// The cache does not answer.
    Hang,
}

impl FakeNotes {
    /// From now on they behave like this.
    pub fn behave(&self, mode: NotesMode) {
        self.mode.set(mode);
    }

    async fn reach(&self, time: &Time) {
        match self.mode.get() {
            NotesMode::Hang => std::future::pending().await,
            NotesMode::Absent | NotesMode::Kept => time.sleep(5).await,
        }
    }
}

/// The upstreams: the requests that they received, and how they fail.
#[derive(Default)]
pub struct FakeUpstreams {
    received: RefCell<Vec<UpstreamRequest>>,
    failure: RefCell<Option<UpstreamError>>,
}

impl FakeUpstreams {
    /// The upstream requests so far.
    pub fn received(&self) -> Vec<UpstreamRequest> {
        self.received.borrow().clone()
    }

    /// From now on every request fails with this error.
    pub fn fail(&self, failure: UpstreamError) {
        *self.failure.borrow_mut() = Some(failure);
    }
    /// Receives the request, and answers unless it was told to fail.
    ///
    /// # Errors
    /// That of [`Self::fail`].
    pub fn send(&self, upstream_request: &UpstreamRequest) -> Result<(), UpstreamError> {
        self.received.borrow_mut().push(upstream_request.clone());
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }
}

/// How the platform's own cryptography behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondEngine {
    /// As `BoringSSL`: it accepts Ed25519 signatures and keys of small order.
    #[default]
    Honest,
    /// It gives the opposite verdict.
    Lies,
    /// It gives the opposite verdict on every message but that of the self-test.
    LiesOutsideTheSelfTest,
    /// It gives the opposite verdict at every second check.
    Wavers,
    /// It gives no result.
    Absent,
}

impl FakePlatform {
    /// A platform whose clock shows `epoch_seconds`.
    pub fn at(epoch_seconds: i64) -> Self {
        let world = Self::default();
        world.time.now_ms.set(epoch_seconds * 1000);
        world
    }

    /// The time in whole seconds, as the application sees it.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_epoch_seconds(self.now_ms().div_euclid(1000))
    }

    /// The time in milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        self.time.now_ms.get()
    }

    /// The number of calls of [`Clock::sleep`] so far.
    pub fn sleeps(&self) -> usize {
        self.sleeps.get()
    }

    /// Advances the clock by `seconds`; a negative number sets it back.
    pub fn pass(&self, seconds: i64) {
        self.time.now_ms.set(self.now_ms() + seconds * 1000);
    }

    /// Sets the clock to `epoch_seconds`, unless it shows more already.
    pub fn advance_to(&self, epoch_seconds: i64) {
        self.time.now_ms.set(self.now_ms().max(epoch_seconds * 1000));
    }

    /// Sets the clock to `epoch_seconds`, and forgets the log lines and requests so far. What was cached stays.
    pub fn rewind(&self, epoch_seconds: i64) {
        self.time.now_ms.set(epoch_seconds * 1000);
        self.lines.borrow_mut().clear();
        self.origin.requests.borrow_mut().clear();
    }

    /// Binds a secret.
    pub fn bind_secret(&self, name: &str, value: &str) {
        self.secrets.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// The log lines so far.
    pub fn log_lines(&self) -> Vec<(Level, serde_json::Value)> {
        self.lines.borrow().clone()
    }

    /// The log lines so far with this `event`.
    pub fn events(&self, event: &str) -> Vec<serde_json::Value> {
        let lines = self.lines.borrow();
        lines.iter().map(|(_, line)| line).filter(|line| line["event"] == event).cloned().collect()
    }

    /// Runs `future` until it is ready. The clock advances whenever all parts of it wait.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        match self.run_until(i64::MAX, future) {
            Some(output) => output,
            None => panic!("the future waits, but for no time on the clock"),
        }
    }

    /// Runs `future` for at most `ms` milliseconds and then drops it, as when a client goes away.
    pub fn run_for_ms<F: Future>(&self, ms: i64, future: F) -> Option<F::Output> {
        self.run_until(self.now_ms() + ms, future)
    }

    fn run_until<F: Future>(&self, end_ms: i64, future: F) -> Option<F::Output> {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = pin!(future);
        loop {
            if woken.0.swap(false, Ordering::Relaxed) {
                let mut context = Context::from_waker(&waker);
                // A poll of a task or of the future may begin further tasks.
                self.background.borrow_mut().append(&mut self.begun.borrow_mut());
                self.background.borrow_mut().retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Some(output);
                }
                if !self.begun.borrow().is_empty() {
                    woken.0.store(true, Ordering::Relaxed);
                }
            } else if !self.time.jump(end_ms) {
                return None;
            }
        }
    }
}

/// What runs beside the requests.
type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The coordinator that all isolates ask.
#[derive(Default)]
pub struct FakeCoordinator {
    mode: RefCell<CoordinatorMode>,
    memory: RefCell<Rc<Coordinator>>,
    questions: RefCell<Vec<String>>,
}

/// How the coordinator behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CoordinatorMode {
    /// The platform has none.
    #[default]
    Absent,
    /// It answers after 20 ms at least.
    Works,
    /// It fails after 20 ms.
    Down,
    /// It never answers.
    Hangs,
    /// It answers with this text.
    Says(String),
    /// It loses each fetch that it begins.
    LosesFetches,
}

impl FakeCoordinator {
    /// Sets how it behaves from now on.
    pub fn behave(&self, mode: CoordinatorMode) {
        *self.mode.borrow_mut() = mode;
    }

    /// It loses its memory.
    pub fn restart(&self) {
        self.memory.take();
    }

    /// The questions so far.
    pub fn questions(&self) -> Vec<String> {
        self.questions.borrow().clone()
    }
}

/// The ports of the coordinator.
#[derive(Clone)]
struct CoordinatorSide {
    time: Rc<Time>,
    origin: Rc<FakeOrigin>,
    store: Rc<FakeStore>,
}

impl Clock for CoordinatorSide {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_seconds(self.time.now_ms.get().div_euclid(1000))
    }

    async fn sleep(&self, milliseconds: u32) {
        self.time.sleep(milliseconds).await;
    }
}

impl KeyValueStore for CoordinatorSide {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.store.read_by_coordinator.set(self.store.read_by_coordinator.get() + 1);
        self.time.sleep(self.store.delay_ms.get()).await;
        self.store.get(key, self.time.now_ms.get())
    }

    async fn put(&self, _: &str, _: &str, _: u64) -> Result<(), StoreError> {
        Err(StoreError("a coordinator writes nothing".to_owned()))
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        Err(StoreError("a coordinator writes nothing".to_owned()))
    }
}

impl HttpClient for CoordinatorSide {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        self.origin.answer(&self.time, request).await
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The clock, and the tasks that wait for a time on it.
#[derive(Default)]
struct Time {
    now_ms: Cell<i64>,
    waiting: RefCell<Vec<(i64, Waker)>>,
}

impl Time {
    async fn sleep(&self, ms: u32) {
        let due_ms = self.now_ms.get() + i64::from(ms);
        // Yields at least once, even if `ms` is zero.
        let mut has_yielded = false;
        std::future::poll_fn(|context| {
            if has_yielded && self.now_ms.get() >= due_ms {
                return Poll::Ready(());
            }
            has_yielded = true;
            self.waiting.borrow_mut().push((due_ms, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Sets the clock to the first time that a task waits for, if it is before `end_ms`, and wakes the tasks that wait for it.
    fn jump(&self, end_ms: i64) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let first = waiting.iter().map(|(due_ms, _)| *due_ms).min();
        let Some(first) = first.filter(|first| *first < end_ms) else {
            // `run_for_ms` has dropped the tasks that still wait, or is about to.
            self.now_ms.set(if end_ms == i64::MAX { self.now_ms.get() } else { end_ms });
            waiting.clear();
            return false;
        };
        self.now_ms.set(self.now_ms.get().max(first));
        waiting.retain(|(due_ms, waker)| {
            if *due_ms <= first {
                waker.wake_by_ref();
            }
            *due_ms > first
        });
        true
    }
}

impl Clock for FakePlatform {
    fn now(&self) -> Timestamp {
        FakePlatform::now(self)
    }

    async fn sleep(&self, milliseconds: u32) {
        self.sleeps.set(self.sleeps.get() + 1);
        self.time.sleep(milliseconds).await;
    }
}

impl Secrets for FakePlatform {
    fn secret(&self, name: &str) -> Option<String> {
        self.secrets.borrow().get(name).cloned()
    }
}

impl FakePlatform {
    /// Sets how the platform's own cryptography behaves from now on.
    pub fn second_engine(&self, behaviour: SecondEngine) {
        self.second_engine.set(behaviour);
    }

    /// How often the platform's own cryptography was asked.
    pub fn second_engine_asked(&self) -> usize {
        self.second_engine_asked.get()
    }
}

impl PlatformCrypto for FakePlatform {
    async fn verify_signature(&self, check: &SignatureCheck<'_>) -> Result<bool, EngineError> {
        let algorithm = Algorithm::parse(check.alg).unwrap();
        let asked = self.second_engine_asked.get();
        self.second_engine_asked.set(asked + 1);
        let truth = match check.key {
            CheckingKey::Public(jwk) if jwk["crv"] == "Ed25519" => {
                let x = base64url::decode(jwk["x"].as_str().unwrap()).unwrap();
                let key = ed25519_dalek::VerifyingKey::from_bytes(&x.try_into().unwrap()).unwrap();
                ed25519_dalek::Signature::from_slice(check.signature)
                    .is_ok_and(|signature| key.verify(check.message, &signature).is_ok())
            }
            CheckingKey::Public(jwk) => {
                Jwk::from_value(jwk).unwrap().key.verify(algorithm, check.message, check.signature)
            }
            CheckingKey::Secret(octets) => {
                SharedSecret::new(octets.to_vec()).verify(algorithm, check.message, check.signature)
            }
        };
        match self.second_engine.get() {
            SecondEngine::Honest => Ok(truth),
            SecondEngine::Lies => Ok(!truth),
            SecondEngine::LiesOutsideTheSelfTest => {
                Ok(truth == (check.message == b"edge-assay asks both engines"))
            }
            SecondEngine::Wavers => Ok(truth == (asked % 2 == 1)),
            SecondEngine::Absent => Err(EngineError("there is no second engine".to_owned())),
        }
    }
}

/// Not random: a generator that gives the same values in each run.
impl Random for FakePlatform {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let draw = self
                .draws
                .get()
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.draws.set(draw);
            *byte = draw.to_be_bytes()[0];
        }
    }
}

impl SigningEngine for FakePlatform {
    async fn import_signing_key(&self, key: &PrivateKey<'_>) -> Result<EngineKey, EngineError> {
        let imported = self.signer.import(key);
        self.signer_takes_its_time(true).await;
        imported
    }

    async fn sign(&self, key: &EngineKey, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        let signature = self.signer.sign(key, message);
        self.signer_takes_its_time(false).await;
        signature
    }
}

impl FakePlatform {
    async fn signer_takes_its_time(&self, is_import: bool) {
        if self.signer.hangs(is_import) {
            std::future::pending::<()>().await;
        }
        let mut turns = self.signer.turns.get();
        std::future::poll_fn(|context| {
            if turns == 0 {
                return Poll::Ready(());
            }
            turns -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        let ms = self.signer.delay_ms.get();
        if ms > 0 {
            self.time.sleep(ms).await;
        }
    }
}

impl Runtime for FakePlatform {
    fn facts(&self) -> RuntimeFacts {
        RuntimeFacts { runtime: "a fake".to_owned(), compatibility_date: None }
    }
}

impl Log for FakePlatform {
    fn log(&self, level: Level, line: &serde_json::Value) {
        self.lines.borrow_mut().push((level, line.clone()));
    }
}

/// How the store behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoreMode {
    /// As Workers KV: values expire, no expiry is below 60 s, and a key can be written once per second.
    #[default]
    Works,
    /// Neither reads nor writes succeed.
    Down,
    /// No namespace is bound under this name.
    Unbound(String),
    /// Reads succeed, writes are refused with 429.
    TooManyWrites,
    /// Every read of any key returns this text.
    Rubbish(String),
}

/// An in-memory Workers KV.
pub struct FakeStore {
    refuses_deletions: Cell<bool>,
    delay_ms: Cell<u32>,
    mode: RefCell<StoreMode>,
    values: RefCell<HashMap<String, Stored>>,
    gets: Cell<usize>,
    looks_for_purges: Cell<usize>,
    read_by_coordinator: Cell<usize>,
    puts: Cell<usize>,
}

struct Stored {
    value: String,
    written_ms: i64,
    expires_ms: i64,
}

impl Default for FakeStore {
    fn default() -> Self {
        Self {
            refuses_deletions: Cell::new(false),
            delay_ms: Cell::new(1),
            mode: RefCell::default(),
            values: RefCell::default(),
            gets: Cell::default(),
            looks_for_purges: Cell::default(),
            read_by_coordinator: Cell::default(),
            puts: Cell::default(),
        }
    }
}

impl FakeStore {
    /// From now on each operation takes `ms` milliseconds. The default is 1.
    pub fn takes_ms(&self, ms: u32) {
        self.delay_ms.set(ms);
    }

    /// Sets how the store behaves from now on.
    pub fn behave(&self, mode: StoreMode) {
        *self.mode.borrow_mut() = mode;
    }

    /// Sets whether deletions fail from now on.
    pub fn fail_deletions(&self, fail: bool) {
        self.refuses_deletions.set(fail);
    }

    /// The number of reads of records so far, including failed ones.
    pub fn gets(&self) -> usize {
        self.gets.get()
    }

    /// The number of reads of the marks of purges so far, including failed ones.
    pub fn looks_for_purges(&self) -> usize {
        self.looks_for_purges.get()
    }

    /// The number of reads by the coordinator.
    pub fn read_by_coordinator(&self) -> usize {
        self.read_by_coordinator.get()
    }

    /// The number of writes so far, including failed ones.
    pub fn puts(&self) -> usize {
        self.puts.get()
    }

    /// The value under `key`, read without the ports.
    pub fn peek(&self, key: &str) -> Option<String> {
        self.values.borrow().get(key).map(|stored| stored.value.clone())
    }

    /// Stores a value under `key` without the ports. It never expires.
    pub fn plant(&self, key: &str, value: &str) {
        let stored = Stored { value: value.to_owned(), written_ms: i64::MIN, expires_ms: i64::MAX };
        self.values.borrow_mut().insert(key.to_owned(), stored);
    }

    /// Seconds from `now_ms` until the value under `key` expires.
    pub fn seconds_left(&self, key: &str, now_ms: i64) -> Option<i64> {
        self.values.borrow().get(key).map(|stored| (stored.expires_ms - now_ms) / 1000)
    }

    /// Removes all values.
    pub fn clear(&self) {
        self.values.borrow_mut().clear();
    }

    fn get(&self, key: &str, now_ms: i64) -> Result<Option<String>, StoreError> {
        match &*self.mode.borrow() {
            StoreMode::Down => Err(StoreError("down".to_owned())),
            StoreMode::Unbound(binding) => Err(StoreError(format!("no KV namespace is bound as {binding}"))),
            StoreMode::Rubbish(rubbish) => Ok(Some(rubbish.clone())),
            StoreMode::Works | StoreMode::TooManyWrites => {
                let values = self.values.borrow();
                let stored = values.get(key).filter(|stored| now_ms < stored.expires_ms);
                Ok(stored.map(|stored| stored.value.clone()))
            }
        }
    }

    fn put(&self, key: &str, value: &str, ttl_seconds: u64, now_ms: i64) -> Result<(), StoreError> {
        if matches!(*self.mode.borrow(), StoreMode::Down | StoreMode::Unbound(_)) {
            return Err(StoreError("down".to_owned()));
        }
        if ttl_seconds < 60 {
            return Err(StoreError("400: expirationTtl is below 60".to_owned()));
        }
        let mut values = self.values.borrow_mut();
        let too_soon = values.get(key).is_some_and(|stored| now_ms < stored.written_ms.saturating_add(1000));
        if too_soon || *self.mode.borrow() == StoreMode::TooManyWrites {
            return Err(StoreError("429: too many writes".to_owned()));
        }
        let expires_ms = now_ms + i64::try_from(ttl_seconds).unwrap() * 1000;
        values.insert(key.to_owned(), Stored { value: value.to_owned(), written_ms: now_ms, expires_ms });
        Ok(())
    }
}

impl KeyValueStore for FakePlatform {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        let count = if key.ends_with(":purged") { &self.store.looks_for_purges } else { &self.store.gets };
        count.set(count.get() + 1);
        self.time.sleep(self.store.delay_ms.get()).await;
        self.store.get(key, self.now_ms())
    }

    async fn put(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError> {
        self.store.puts.set(self.store.puts.get() + 1);
        self.time.sleep(self.store.delay_ms.get()).await;
        self.store.put(key, value, ttl_seconds, self.now_ms())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.time.sleep(self.store.delay_ms.get()).await;
        if *self.store.mode.borrow() == StoreMode::Down || self.store.refuses_deletions.get() {
            return Err(StoreError("down".to_owned()));
        }
        self.store.values.borrow_mut().remove(key);
        Ok(())
    }
}

impl Directory for FakePlatform {
    async fn find(&self, binding: &str, key: &str) -> Result<Option<String>, StoreError> {
        self.time.sleep(self.directory.delay_ms.get()).await;
        self.directory.gets.set(self.directory.gets.get() + 1);
        self.directory.get(&format!("{binding} {key}"), self.now_ms())
    }

    async fn keep(&self, binding: &str, key: &str, value: &str) -> Result<(), StoreError> {
        self.directory.puts.set(self.directory.puts.get() + 1);
        self.time.sleep(self.directory.delay_ms.get()).await;
        self.directory.put(&format!("{binding} {key}"), value, 1_000_000_000, self.now_ms())
    }
}

/// What an origin answers at one URL. A document with an `ETag` answers a matching `If-None-Match` with a 304.
#[derive(Clone, Debug)]
pub struct Answer {
    outcome: Result<Document, String>,
    delay_ms: u32,
}

impl Answer {
    /// A 200 with JSON.
    pub fn json(body: impl Into<String>) -> Self {
        Self::document(200, "application/json", body.into())
    }

    /// A 200 with an HTML page.
    pub fn html(body: &str) -> Self {
        Self::document(200, "text/html; charset=utf-8", body)
    }

    /// An answer without a body.
    pub fn status(status: u16) -> Self {
        Self::document(status, "text/plain", "")
    }

    /// Any answer.
    pub fn document(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let content_type = Some(content_type.to_owned());
        let document = Document { status, content_type, body: body.into(), ..Document::default() };
        Self { outcome: Ok(document), delay_ms: 10 }
    }

    /// A connection that fails.
    pub fn unreachable() -> Self {
        Self { outcome: Err("connection refused".to_owned()), delay_ms: 10 }
    }

    /// The same with an `ETag`.
    #[must_use]
    pub fn etag(mut self, etag: &str) -> Self {
        if let Ok(document) = &mut self.outcome {
            document.etag = Some(etag.to_owned());
        }
        self
    }

    /// The same with a `Cache-Control` header.
    #[must_use]
    pub fn cache_control(mut self, value: &str) -> Self {
        if let Ok(document) = &mut self.outcome {
            document.cache_control = Some(value.to_owned());
        }
        self
    }

    /// The same with a `Location` header.
    #[must_use]
    pub fn location(mut self, value: &str) -> Self {
        if let Ok(document) = &mut self.outcome {
            document.location = Some(value.to_owned());
        }
        self
    }

    /// The same, from a cache that processes share: at most this old.
    #[must_use]
    pub fn aged(mut self, seconds: u64) -> Self {
        if let Ok(document) = &mut self.outcome {
            document.age_seconds = Some(seconds);
        }
        self
    }

    /// The same, `ms` milliseconds after the request. The default is 10.
    #[must_use]
    pub fn after_ms(mut self, ms: u32) -> Self {
        self.delay_ms = ms;
        self
    }
}

/// The origins that can be reached over HTTP. A URL without an answer is unreachable.
#[derive(Default)]
pub struct FakeOrigin {
    answers: RefCell<HashMap<String, Answer>>,
    has_no_channel: Cell<bool>,
    requests: RefCell<Vec<DocumentRequest>>,
}

impl FakeOrigin {
    /// Sets the answer of `url` from now on.
    pub fn serves(&self, url: &str, answer: Answer) {
        self.answers.borrow_mut().insert(url.to_owned(), answer);
    }

    /// From now on no channel exists. Before, a URL has the same answer through every channel.
    pub fn unbind_channels(&self) {
        self.has_no_channel.set(true);
    }

    /// The number of requests to `url` so far, with any outcome.
    pub fn calls(&self, url: &str) -> usize {
        self.requests.borrow().iter().filter(|request| request.url == url).count()
    }

    /// All requests so far, in order.
    pub fn requests(&self) -> Vec<DocumentRequest> {
        self.requests.borrow().clone()
    }
}

impl HttpClient for FakePlatform {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        self.origin.answer(&self.time, request).await
    }

    fn has_coordinator(&self) -> bool {
        *self.coordinator.mode.borrow() != CoordinatorMode::Absent
    }

    fn has_shared_cache(&self) -> bool {
        self.notes.mode.get() != NotesMode::Absent
    }

    async fn read_note(&self, url: &str) -> Option<String> {
        self.notes.reach(&self.time).await;
        self.notes.kept.borrow().get(url).cloned()
    }

    async fn write_note(&self, url: &str, note: &str, _: u64) {
        self.notes.reach(&self.time).await;
        self.notes.kept.borrow_mut().insert(url.to_owned(), note.to_owned());
    }

    async fn ask_coordinator(&self, _: &str, question: &str) -> Result<String, CoordinatorError> {
        self.coordinator.questions.borrow_mut().push(question.to_owned());
        self.time.sleep(10).await;
        let mode = self.coordinator.mode.borrow().clone();
        let memory = Rc::clone(&self.coordinator.memory.borrow());
        let side = CoordinatorSide {
            time: Rc::clone(&self.time),
            origin: Rc::clone(&self.origin),
            store: Rc::clone(&self.store),
        };
        let answer = match mode {
            CoordinatorMode::Absent | CoordinatorMode::Down => {
                Err(CoordinatorError("the coordinator is down".to_owned()))
            }
            CoordinatorMode::Hangs => std::future::pending().await,
            CoordinatorMode::Says(text) => Ok(text),
            CoordinatorMode::Works | CoordinatorMode::LosesFetches => {
                let (asked, fetch) = memory.ask(question, side.now());
                if let Some(fetch) = fetch.filter(|_| mode == CoordinatorMode::Works) {
                    let (memory, side) = (Rc::clone(&memory), side.clone());
                    let task = Box::pin(async move { memory.fetch(&side, fetch).await });
                    self.begun.borrow_mut().push(task);
                }
                Ok(memory.answer(&side, asked).await)
            }
        };
        self.time.sleep(10).await;
        answer
    }
}

impl FakeOrigin {
    async fn answer(&self, time: &Time, request: &DocumentRequest) -> Result<Document, FetchError> {
        self.requests.borrow_mut().push(request.clone());
        if let Some(name) = request.channel.clone().filter(|_| self.has_no_channel.get()) {
            return Err(FetchError::NoChannel(name));
        }
        let answer = self.answers.borrow().get(&request.url).cloned();
        let Answer { outcome, delay_ms } = answer.unwrap_or_else(Answer::unreachable);
        time.sleep(delay_ms.min(request.timeout_ms)).await;
        if delay_ms > request.timeout_ms {
            return Err(FetchError::Timeout(request.timeout_ms));
        }
        let document = outcome.map_err(FetchError::Unreachable)?;
        if document.body.len() > request.max_bytes {
            return Err(FetchError::TooLarge(request.max_bytes));
        }
        if document.etag.is_some() && document.etag == request.if_none_match {
            return Ok(Document { status: 304, body: Vec::new(), ..document });
        }
        edge_assay::ports::from_origin(document)
    }
}
