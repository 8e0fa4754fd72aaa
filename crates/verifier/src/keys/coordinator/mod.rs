//! One place that fetches key sets for all processes, so that an origin sees a few requests a minute from all of them together.
//!
//! A platform runs one [`Coordinator`] for each source in the world and carries texts between it and the processes; [`wire`] defines
//! them. A coordinator knows documents, not keys: each process checks what it gets as if the origin had sent it. `client.rs`
//! is the side of a process, which fetches by itself if the coordinator fails.
//!
//! It also passes on purges. The mark in the store stays the truth: a coordinator reads it twice a minute while it is asked, and after a restart. But what
//! a process tells it, the other processes hear at once, and not when the store shows it.
//!
//! As in `cache.rs`, the state is plain data and a fetch is a lease with an end. No answer waits for another question's future, because
//! a server may drop that.

mod client;
pub mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use edge_assay_jose::hash::sha256;

use crate::jose::base64url;
use crate::limits::{
    COORDINATOR_FETCHES_PER_MINUTE, COORDINATOR_HOLD_SECONDS, COORDINATOR_LONGEST_HOLD_SECONDS,
    COORDINATOR_RETRY_SECONDS, COORDINATOR_WAITS_MS, MAX_COORDINATED_BYTES, MAX_COORDINATED_SOURCES,
    MAX_JWKS_BYTES, PURGE_KNOWN_SECONDS, PURGE_WAIT_MS,
};
use crate::ports::{Clock, Document, DocumentRequest, FetchError, HttpClient, KeyValueStore};
use crate::sync::Shared;
use crate::time::Timestamp;
use crate::waiting::{poll_interval_ms, with_timeout};

use super::fetch::is_temporary;
use super::freshness::is_future;
use super::lease::{self, Lease};
use super::purge::{self, Look, Told};
use super::{KeySource, Location};
use wire::{Answer, AnyQuestion, PurgeQuestion, Question};

pub(super) use client::{LastPurge, Learnt, Origins, Sharing, Way, purged_at};

/// The name of the coordinator that fetches what `request` asks for: the same for each process. The base64url SHA-256 of the channel
/// and the URL.
#[must_use]
pub fn name(request: &DocumentRequest) -> String {
    name_of(&identity(request))
}

/// The name of the coordinator that knows the purges of `source`: the one that fetches its first document.
fn name_for(source: &KeySource) -> String {
    name_of(&identity_of(source.channel.as_deref(), first_url(source)))
}

/// The URL of the document that is fetched first.
fn first_url(source: &KeySource) -> &str {
    let (Location::Jwks { uri } | Location::Discovery { uri }) = &source.location;
    uri
}

fn name_of(identity: &str) -> String {
    base64url::encode(&sha256(identity.as_bytes()))
}

fn identity(request: &DocumentRequest) -> String {
    identity_of(request.channel.as_deref(), &request.url)
}

fn identity_of(channel: Option<&str>, url: &str) -> String {
    // A URL that is fetched contains no line break.
    format!("{}\n{url}", channel.unwrap_or_default())
}

/// The memory of a coordinator. One value may serve several sources; each source must be served by one value only.
#[derive(Debug, Default)]
pub struct Coordinator {
    sources: Shared<Sources>,
    /// What is known of purges, by [`PurgeQuestion::id`].
    purges: Shared<HashMap<String, Told>>,
}

#[derive(Debug, Default)]
struct Sources {
    by_identity: HashMap<String, Source>,
    last_lease: u64,
}

/// What is known of one document.
#[derive(Debug, Default)]
struct Source {
    lease: Option<Lease>,
    /// The outcome of the last fetch.
    held: Option<Held>,
    /// The last answer with an `ETag`, for conditional requests.
    confirmable: Option<Arc<Document>>,
    consecutive_failures: u32,
    /// When the last fetches began, the last one first.
    begun: [Option<Timestamp>; COORDINATOR_FETCHES_PER_MINUTE],
    used_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Held {
    outcome: Result<Arc<Document>, FetchError>,
    /// When the fetch began: the answer is not older than that.
    at: Timestamp,
    /// Whether a process has received it.
    is_told: bool,
}

const TOO_MANY_SOURCES: &str = "it has too many sources";

/// A question that was read. [`Coordinator::answer`] answers it.
#[derive(Debug)]
pub struct Asked(Subject);

/// What is asked for.
#[derive(Debug)]
enum Subject {
    Document(DocumentRequest),
    Purges {
        id: String,
        is_news: bool,
    },
    /// Nothing that can be served, for this reason.
    Nothing(String),
}

impl Asked {
    /// Whether the question tells of a purge that the coordinator did not know. It should be kept in memory for
    /// [`PURGE_KEPT_SECONDS`](crate::limits::PURGE_KEPT_SECONDS) then.
    #[must_use]
    pub const fn tells_of_purge(&self) -> bool {
        matches!(self.0, Subject::Purges { is_news: true, .. })
    }
}

/// A fetch that a question begins. Run it with [`Coordinator::fetch`].
#[derive(Debug)]
#[must_use = "questions wait for it"]
pub struct Fetch {
    request: DocumentRequest,
    lease: u64,
}

impl Coordinator {
    /// A coordinator that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `question` and decides whether it begins a fetch. Run the fetch at once and beside the answer, in a future that does not end with the
    /// question: other questions need its outcome. If it is dropped all the same, a later question begins another.
    #[must_use]
    pub fn ask(&self, question: &str, now: Timestamp) -> (Asked, Option<Fetch>) {
        match AnyQuestion::read(question) {
            Ok(AnyQuestion::Document(Question { request })) => {
                let lease = self.lease(&request, now);
                let fetch = lease.map(|lease| Fetch { request: request.clone(), lease });
                (Asked(Subject::Document(request)), fetch)
            }
            Ok(AnyQuestion::Purges(question)) => (Asked(self.hear(question, now)), None),
            Err(reason) => (Asked(Subject::Nothing(reason)), None),
        }
    }

    /// Notes what the process knows of the purges of the source for which it asks.
    fn hear(&self, question: PurgeQuestion, now: Timestamp) -> Subject {
        let PurgeQuestion { id, purged_at } = question;
        self.purges.with(|purges| {
            if purges.len() >= MAX_COORDINATED_SOURCES && !purges.contains_key(&id) {
                return Subject::Nothing(TOO_MANY_SOURCES.to_owned());
            }
            let mark = purged_at.and_then(|at| purge::possible(at, now));
            let is_news = purges.entry(id.clone()).or_default().known.note(mark);
            Subject::Purges { id, is_news }
        })
    }

    /// The answer to a question, as text: the outcome of the fetch, or, after a second, that the fetch has not ended yet. The process then
    /// asks again, and so knows that the coordinator works. If the process waits for less than two seconds, that is said after half of its
    /// time. To a question about purges: the last one. The store of `platform` is that of the processes; it is read for such questions only.
    pub async fn answer<P: Clock + KeyValueStore>(&self, platform: &P, asked: Asked) -> String {
        let request = match asked.0 {
            Subject::Document(request) => request,
            Subject::Purges { id, .. } => return self.purged_at(platform, &id).await.write(),
            Subject::Nothing(reason) => return Answer::Refused(reason).write(),
        };
        let longest_ms = COORDINATOR_WAITS_MS.min(request.timeout_ms / 2);
        let mut waited_ms = 0;
        loop {
            let now = platform.now();
            if let Some(answer) = self.known(&request, now) {
                return answer.write();
            }
            if waited_ms >= longest_ms {
                return Answer::Pending.write();
            }
            let interval_ms = poll_interval_ms(waited_ms);
            platform.sleep(interval_ms).await;
            waited_ms = waited_ms.saturating_add(interval_ms);
        }
    }

    /// When the source with this name was last purged: what processes have told, and what the store shows.
    async fn purged_at<P: Clock + KeyValueStore>(&self, platform: &P, id: &str) -> Answer {
        let now = platform.now();
        let is_due = self.with_purges(id, |told| {
            let is_due = told.known.look(None, now) != Look::No;
            if is_due {
                told.known.begin(now);
            }
            is_due
        });
        if is_due {
            let key = purge::key_of(id);
            let found = with_timeout(platform, PURGE_WAIT_MS, KeyValueStore::get(platform, &key)).await;
            let now = platform.now();
            if let Some(Ok(mark)) = found {
                let mark = mark.and_then(|text| purge::read(&text, now));
                self.with_purges(id, |told| told.known.learn(mark, now));
            }
        }
        let now = platform.now();
        let (mark, is_known) =
            self.with_purges(id, |told| (told.announced(now), told.known.knows(PURGE_KNOWN_SECONDS, now)));
        // Without the store it cannot know that there was none before it was restarted.
        if is_known || mark.is_some() {
            Answer::Purges(mark)
        } else {
            Answer::Refused("it cannot read the store".to_owned())
        }
    }

    fn with_purges<T>(&self, id: &str, act: impl FnOnce(&mut Told) -> T) -> T {
        self.purges.with(|purges| act(purges.entry(id.to_owned()).or_default()))
    }

    /// Carries out a fetch and keeps its outcome. A platform's `get` must ask the origin here, not a coordinator.
    pub async fn fetch<P: Clock + HttpClient>(&self, platform: &P, fetch: Fetch) {
        let Fetch { request, lease } = fetch;
        let confirmable = self.with(&request, |source| source.confirmable.clone());
        let request = DocumentRequest {
            if_none_match: confirmable.as_ref().and_then(|document| document.etag.clone()),
            max_age_seconds: 0,
            ..request
        };
        let begun = platform.now();
        let outcome = HttpClient::get(platform, &request).await;
        self.sources.with(|sources| {
            if let Some(source) = sources.by_identity.get_mut(&identity(&request)) {
                source.settle(outcome, confirmable, lease, begun);
            }
        });
    }

    /// Takes the lease for a fetch, if one is needed and allowed now.
    fn lease(&self, request: &DocumentRequest, now: Timestamp) -> Option<u64> {
        self.sources.with(|sources| {
            let number = sources.last_lease.wrapping_add(1);
            sources.make_room(request, now)?;
            let source = sources.by_identity.entry(identity(request)).or_default();
            source.used_at = Some(now);
            if source.is_leased(now) || !source.needs_fetch(request, now) || !source.may_fetch(now) {
                return None;
            }
            source.lease = Some(Lease::new(number, now, lease::fetch_seconds(request.timeout_ms)));
            source.begun.rotate_right(1);
            if let Some(first) = source.begun.first_mut() {
                *first = Some(now);
            }
            sources.last_lease = number;
            Some(number)
        })
    }

    /// The answer, if it need not wait for a fetch.
    fn known(&self, request: &DocumentRequest, now: Timestamp) -> Option<Answer> {
        self.sources.with(|sources| {
            let Some(source) = sources.by_identity.get_mut(&identity(request)) else {
                return Some(Answer::Refused(TOO_MANY_SOURCES.to_owned()));
            };
            if source.is_leased(now) && source.needs_fetch(request, now) {
                return None;
            }
            // If nothing is held, whoever had the lease has gone, or too many fetches were begun in vain.
            let held = source.held.as_mut()?;
            let is_news = !std::mem::replace(&mut held.is_told, true);
            let age_seconds = held.age(now);
            Some(match &held.outcome {
                Ok(document) => {
                    Answer::Document { document: given_to(request, document), age_seconds, is_news }
                }
                Err(error) => Answer::Failed { error: error.clone(), age_seconds, is_news },
            })
        })
    }

    fn with<T: Default>(&self, request: &DocumentRequest, act: impl FnOnce(&Source) -> T) -> T {
        self.sources.with(|sources| sources.by_identity.get(&identity(request)).map(act).unwrap_or_default())
    }
}

/// `document`, or a 304 if the process has it already.
fn given_to(request: &DocumentRequest, document: &Arc<Document>) -> Arc<Document> {
    let is_held = document.status == 200 && document.etag.is_some() && document.etag == request.if_none_match;
    if is_held {
        Arc::new(Document { status: 304, body: Vec::new(), ..Document::clone(document) })
    } else {
        Arc::clone(document)
    }
}

/// Whether the outcome is one that will soon be another: the origin fails for the moment, or it has answered with something that cannot be a set. A
/// page in place of the keys usually is a proxy's.
fn is_failure(outcome: &Result<Arc<Document>, FetchError>) -> bool {
    outcome.as_ref().map_or(true, |document| match document.status {
        200 => !after_byte_order_mark(&document.body).trim_ascii_start().starts_with(b"{"),
        // Nobody has asked whether a set is still current.
        304 => true,
        status => is_temporary(status),
    })
}

fn after_byte_order_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

impl Source {
    fn is_leased(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|lease| lease.is_held(now))
    }

    /// Whether what is held is too old, for everyone or for this process. A failure is held for everyone.
    fn needs_fetch(&self, request: &DocumentRequest, now: Timestamp) -> bool {
        let Some(held) = &self.held else { return true };
        let age = held.age(now);
        let is_too_old = self.consecutive_failures == 0 && age > request.max_age_seconds;
        is_future(held.at, now) || age >= self.hold_seconds() || is_too_old
    }

    /// For how long the outcome is held: a good one for a fixed time, a failure the longer the more there were.
    fn hold_seconds(&self) -> u64 {
        match self.consecutive_failures.checked_sub(1) {
            None => COORDINATOR_HOLD_SECONDS,
            Some(0) => COORDINATOR_RETRY_SECONDS,
            Some(further) => {
                let seconds = COORDINATOR_HOLD_SECONDS.saturating_mul(u64::from(further));
                seconds.min(COORDINATOR_LONGEST_HOLD_SECONDS)
            }
        }
    }

    /// Whether fewer fetches than allowed began in the last minute.
    fn may_fetch(&self, now: Timestamp) -> bool {
        let last_of_many = self.begun.last().copied().flatten();
        last_of_many.is_none_or(|at| at.plus(60) <= now || is_future(at, now))
    }

    fn settle(
        &mut self,
        outcome: Result<Document, FetchError>,
        confirmable: Option<Arc<Document>>,
        lease: u64,
        begun: Timestamp,
    ) {
        if self.lease.take_if(|own| own.is(lease)).is_none() {
            // The fetch took longer than its lease, and another has taken its place.
            return;
        }
        let outcome = outcome.map(|document| match confirmable {
            Some(confirmed) if document.status == 304 => Arc::new(Document {
                cache_control: document.cache_control.or_else(|| confirmed.cache_control.clone()),
                date: document.date,
                ..Document::clone(&confirmed)
            }),
            _ => Arc::new(document),
        });
        if is_failure(&outcome) {
            self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        } else {
            self.consecutive_failures = 0;
            let is_confirmable =
                |document: &&Arc<Document>| document.status == 200 && document.etag.is_some();
            self.confirmable = outcome.as_ref().ok().filter(is_confirmable).cloned();
        }
        self.held = Some(Held { outcome, at: begun, is_told: false });
    }

    /// The bytes that it keeps, or may keep when its fetch ends.
    fn bytes(&self, now: Timestamp) -> usize {
        if self.is_leased(now) {
            return MAX_JWKS_BYTES;
        }
        let held = self.held.as_ref().and_then(|held| held.outcome.as_ref().ok());
        held.or(self.confirmable.as_ref()).map_or(0, |document| document.body.len())
    }
}

impl Held {
    fn age(&self, now: Timestamp) -> u64 {
        u64::try_from(now.since(self.at)).unwrap_or(0)
    }
}

impl Sources {
    /// Makes sure that there is room for the source of `request`. `None` if every other source is in use.
    fn make_room(&mut self, request: &DocumentRequest, now: Timestamp) -> Option<()> {
        if self.by_identity.contains_key(&identity(request)) {
            return Some(());
        }
        let bytes = |source: &Source| source.bytes(now);
        while self.by_identity.len() >= MAX_COORDINATED_SOURCES
            || self.by_identity.values().map(bytes).fold(0, usize::saturating_add) >= MAX_COORDINATED_BYTES
        {
            self.forget_one(now)?;
        }
        Some(())
    }

    /// Forgets the source that was used least recently, but none whose fetches of the last minute still count.
    fn forget_one(&mut self, now: Timestamp) -> Option<()> {
        let is_idle = |source: &Source| {
            let begun = source.begun.first().copied().flatten();
            !source.is_leased(now) && begun.is_none_or(|at| at.plus(60) <= now)
        };
        let idle = self.by_identity.iter().filter(|(_, source)| is_idle(source));
        let oldest = idle.min_by_key(|(_, source)| source.used_at).map(|(identity, _)| identity.clone())?;
        self.by_identity.remove(&oldest).map(|_| ())
    }
}
