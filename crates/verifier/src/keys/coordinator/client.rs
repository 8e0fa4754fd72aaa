//! The side of a process: it asks the coordinator, and fetches by itself if that gives no usable answer.
//!
//! A working coordinator answers each question within a second, if only to say that its fetch has not ended. So a process that hears
//! nothing for longer does not wait for a slow origin: the coordinator is down, and the process fetches by itself for a minute.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::keys::CachePolicy;
use crate::keys::fetch::is_temporary;
use crate::keys::freshness::lasts;
use crate::keys::nearby::{Fetches, Left, Nearby};
use crate::limits::{COORDINATOR_ANSWERS_MS, COORDINATOR_AVOIDED_SECONDS, NOTED_AFTER_MS};
use crate::ports::{Clock, CoordinatorError, Document, DocumentRequest, FetchError, HttpClient};
use crate::sync::Shared;
use crate::time::Timestamp;
use crate::waiting::with_timeout;

use super::wire::{Answer, PurgeQuestion, Question};
use super::{first_url, name, name_for};
use crate::keys::{KeySource, record};

/// The way to the origins for one attempt of a process: through the coordinator, if the platform has one that works.
pub(crate) struct Origins<'o, P> {
    platform: &'o P,
    max_shared_seconds: u64,
    learnt: Shared<Learnt>,
    /// The notes of the processes that share a cache about fetches from this URL, if this attempt obeys them.
    nearby: Option<(&'o Nearby, &'o str)>,
    sent: Shared<Option<Sent>>,
    holds_set: bool,
}

/// What this attempt has sent to the origin, or to the cache before it.
#[derive(Clone, Copy, Debug)]
struct Sent {
    begun: Timestamp,
    /// What was noted when it began.
    known: Fetches,
    /// What it has left in the cache; `None` if the cache has answered.
    left: Option<Left>,
    /// Whether it is noted as a fetch that has not ended.
    is_noted: bool,
}

/// What an attempt has learnt of the coordinator and of the last answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learnt {
    /// Whether the coordinator is not asked: the platform has none, or it has failed.
    is_avoided: bool,
    /// Whether the coordinator has answered.
    pub(crate) has_answered: bool,
    /// How the coordinator failed.
    pub(crate) failure: Option<CoordinatorError>,
    /// How old the last answer is at most, in seconds.
    pub(crate) age_seconds: u64,
    /// Who else has the last answer.
    pub(crate) sharing: Sharing,
    /// How the processes nearby have changed the attempt.
    pub(crate) way: Way,
}

/// How an attempt has reached the origin, where processes share a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// Through that cache, or there is none.
    #[default]
    Usual,
    /// Past it, after a purge.
    PastCache,
    /// Not at all, because of what processes nearby have asked.
    HeldBack,
}

/// Who else has an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody, yet.
    #[default]
    Nobody,
    /// It is from a cache, so others may have it.
    Perhaps,
    /// Another process has received it from the coordinator, and so writes it to the store.
    Another,
}

impl<'o, P: Clock + HttpClient> Origins<'o, P> {
    /// The way of a process that avoids the coordinator until `avoided_until`, because it failed. Without `nearby` it does not count its requests among those
    /// of the processes nearby. `holds_set` says that the process has a set already.
    pub(crate) fn new(
        platform: &'o P,
        source: &'o KeySource,
        policy: &CachePolicy,
        avoided_until: Option<Timestamp>,
        nearby: Option<&'o Nearby>,
        holds_set: bool,
        now: Timestamp,
    ) -> Self {
        let is_avoided =
            lasts(avoided_until, COORDINATOR_AVOIDED_SECONDS, now) || !platform.has_coordinator();
        let learnt = Shared::new(Learnt { is_avoided, ..Learnt::default() });
        let max_shared_seconds = policy.max_shared_seconds;
        // An origin on this machine is a developer's, who may start it a moment later.
        let url = first_url(source);
        let is_counted = source.channel.is_none() && !url.starts_with("http:");
        let is_shared = max_shared_seconds > 0 && platform.has_shared_cache();
        let nearby = nearby.filter(|_| is_counted && is_shared).map(|nearby| (nearby, url));
        Self { platform, max_shared_seconds, learnt, nearby, sent: Shared::new(None), holds_set }
    }

    /// What this attempt has learnt, when it has ended. Notes it for the processes nearby.
    pub(crate) async fn into_learnt(self) -> Learnt {
        if let (Some((nearby, url)), Some(sent)) = (self.nearby, self.sent.into_inner())
            && let Some(left) = sent.left.or_else(|| sent.is_noted.then_some(Left::Answer))
        {
            let fetches = sent.known.with(sent.begun, self.platform.now(), left);
            nearby.write(self.platform, url, &fetches).await;
        }
        self.learnt.into_inner()
    }

    /// The coordinator's outcome of `request`, if it gives one within the time limit of the request. Sets `is_heard` as soon as it has said
    /// anything.
    async fn coordinated(
        &self,
        request: &DocumentRequest,
        is_heard: &AtomicBool,
    ) -> Result<Outcome, CoordinatorError> {
        let (name, question) = (name(request), Question::write(request));
        loop {
            let answer = answered(self.platform, &name, &question, COORDINATOR_ANSWERS_MS).await?;
            is_heard.store(true, Ordering::Relaxed);
            match answer {
                Answer::Pending => {}
                Answer::Refused(reason) => return Err(CoordinatorError(reason)),
                Answer::Purges(_) => return Err(CoordinatorError("it answers another question".to_owned())),
                Answer::Failed { error, age_seconds, is_news } => {
                    return Ok(Outcome { answer: Err(error), age_seconds, is_news });
                }
                Answer::Document { document, age_seconds, is_news } => {
                    let document = Arc::unwrap_or_clone(document);
                    let fits = document.body.len() <= request.max_bytes;
                    let answer =
                        if fits { Ok(document) } else { Err(FetchError::TooLarge(request.max_bytes)) };
                    return Ok(Outcome { answer, age_seconds, is_news });
                }
            }
        }
    }

    fn avoid(&self, failure: CoordinatorError) {
        self.learnt.with(|learnt| (learnt.is_avoided, learnt.failure) = (true, Some(failure)));
    }

    fn note(&self, age_seconds: u64, sharing: Sharing) {
        self.learnt.with(|learnt| (learnt.age_seconds, learnt.sharing) = (age_seconds, sharing));
    }

    /// The origin's own answer, or that of a cache nearby, as far as the policy allows one.
    async fn direct(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        let max_age_seconds = request.max_age_seconds.min(self.max_shared_seconds);
        let request = DocumentRequest { max_age_seconds, ..request.clone() };
        let answer = match self.nearby {
            Some((nearby, url)) => self.counted(&request, nearby, url).await,
            None => HttpClient::get(self.platform, &request).await,
        };
        if let Err(FetchError::HeldBack(_)) = answer {
            return answer;
        }
        let age_seconds = answer.as_ref().ok().and_then(|document| document.age_seconds);
        let sharing = if age_seconds.is_some() { Sharing::Perhaps } else { Sharing::Nobody };
        self.note(age_seconds.unwrap_or(0), sharing);
        answer
    }

    /// The same, as one of the requests that the processes nearby send together. One past the cache, after a purge, is counted and not held back.
    async fn counted(
        &self,
        request: &DocumentRequest,
        nearby: &Nearby,
        url: &str,
    ) -> Result<Document, FetchError> {
        let is_past = request.max_age_seconds < self.max_shared_seconds;
        let sent = if let Some(sent) = self.sent.get() {
            sent
        } else {
            let known = nearby.read(self.platform, url).await;
            let begun = self.platform.now();
            if let Some((left, age_seconds)) = known.hold(self.holds_set, begun).filter(|_| !is_past) {
                self.note(age_seconds, Sharing::Another);
                self.learnt.with(|learnt| learnt.way = Way::HeldBack);
                return Err(FetchError::HeldBack(left));
            }
            // Where the last one got no answer, the next may fail as soon as it begins, and others see it too late. So it is noted first, as a failed one.
            if known.has_failed() && !is_past {
                let fetches = known.with(begun, begun, Left::Nothing);
                nearby.write(self.platform, url, &fetches).await;
            }
            Sent { begun, known, left: None, is_noted: known.is_in_progress(begun) }
        };
        // So it counts if this future is dropped because of a time limit.
        self.sent.set(Some(Sent { left: Some(Left::Nothing), ..sent }));
        let mut asked = pin!(HttpClient::get(self.platform, request));
        let answer = with_timeout(self.platform, NOTED_AFTER_MS, asked.as_mut()).await;
        let is_noted = sent.is_noted || answer.is_none();
        let answer = if let Some(answer) = answer {
            answer
        } else {
            if !sent.is_noted {
                let ended = self.platform.now().plus(u64::from(request.timeout_ms.div_ceil(1000)));
                let fetches = sent.known.with(sent.begun, ended, Left::Nothing);
                nearby.write(self.platform, url, &fetches).await;
            }
            asked.await
        };
        let left = match &answer {
            // The last is a network's own answer in place of an origin that it cannot reach.
            Err(FetchError::Timeout(_) | FetchError::Unreachable(_))
            | Ok(Document { status: 520..=530, age_seconds: None, .. }) => Some(Left::Nothing),
            Ok(Document { age_seconds: Some(_), .. }) => None,
            _ if is_past => Some(Left::Past),
            _ => Some(Left::Answer),
        };
        self.sent.set(Some(Sent { left: sent.left.max(left), is_noted, ..sent }));
        if is_past {
            self.learnt.with(|learnt| learnt.way = Way::PastCache);
        }
        answer
    }
}

/// The answer of the coordinator with this name.
async fn answered<P: Clock + HttpClient>(
    platform: &P,
    name: &str,
    question: &str,
    longest_ms: u32,
) -> Result<Answer, CoordinatorError> {
    let asked = platform.ask_coordinator(name, question);
    let answer = with_timeout(platform, longest_ms, asked).await;
    let text = answer.ok_or_else(|| CoordinatorError(format!("no answer within {longest_ms} ms")))??;
    Answer::read(&text).map_err(|fault| CoordinatorError(format!("it cannot be read: {fault}")))
}

/// The last purge that a coordinator announces, if there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastPurge(pub(crate) Option<Timestamp>);

/// The last purge of `source`, within `longest_ms`; `None` if the coordinator works and does not know, as one of an older version. It is told the mark
/// that this process knows.
pub(crate) async fn purged_at<P: Clock + HttpClient>(
    platform: &P,
    source: &KeySource,
    known: Option<Timestamp>,
    longest_ms: u32,
) -> Result<Option<LastPurge>, CoordinatorError> {
    let question = PurgeQuestion { id: record::id(source), purged_at: known }.write();
    match answered(platform, &name_for(source), &question, longest_ms).await? {
        Answer::Purges(mark) => Ok(Some(LastPurge(mark))),
        Answer::Refused(_) => Ok(None),
        _ => Err(CoordinatorError("it answers another question".to_owned())),
    }
}

/// What a coordinator says of a document.
struct Outcome {
    answer: Result<Document, FetchError>,
    age_seconds: u64,
    is_news: bool,
}

impl<P: Clock + HttpClient> HttpClient for Origins<'_, P> {
    /// Takes at most the time of the request, and [`COORDINATOR_ANSWERS_MS`] more if the coordinator fails.
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        if self.learnt.with(|learnt| learnt.is_avoided) {
            return self.direct(request).await;
        }
        let late = FetchError::Timeout(request.timeout_ms);
        let is_heard = AtomicBool::new(false);
        let longest_ms = request.timeout_ms.saturating_add(COORDINATOR_ANSWERS_MS);
        let whole = async {
            let coordinated = self.coordinated(request, &is_heard);
            let outcome = with_timeout(self.platform, request.timeout_ms, coordinated).await;
            let is_heard = is_heard.load(Ordering::Relaxed);
            self.learnt.with(|learnt| learnt.has_answered |= is_heard);
            match outcome {
                // The coordinator works, but the origin is slow: it would be as slow for this process.
                None if is_heard => {
                    self.note(0, Sharing::Another);
                    Err(late.clone())
                }
                // The time limit is shorter than that of an answer.
                None => {
                    let failure = CoordinatorError(format!("no answer within {} ms", request.timeout_ms));
                    self.avoid(failure);
                    self.direct(request).await
                }
                // Only after a purge, and only if the coordinator has fetched too often.
                Some(Ok(Outcome { answer: Ok(document), age_seconds, .. }))
                    if age_seconds > request.max_age_seconds && !is_temporary(document.status) =>
                {
                    self.direct(request).await
                }
                Some(Ok(Outcome { answer, age_seconds, is_news })) => {
                    self.note(age_seconds, if is_news { Sharing::Nobody } else { Sharing::Another });
                    answer
                }
                Some(Err(failure)) => {
                    self.avoid(failure);
                    self.direct(request).await
                }
            }
        };
        with_timeout(self.platform, longest_ms, whole).await.unwrap_or(Err(late))
    }
}
