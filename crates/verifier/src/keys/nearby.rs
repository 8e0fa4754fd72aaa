//! How often the processes that share a cache ask an origin together: twice a minute.
//!
//! That cache holds each answer for [`MAX_SHARED_SECONDS`], so answers alone keep the bound. What leaves nothing in it does not: a request that gets no
//! answer, and one past it, after a purge. So these processes note their last two fetches of a source beside the answers. If one of the two has left
//! nothing, the next fetch waits until fewer than two are in the last minute. A note has times only: it can delay a fetch by a minute, and brings no key.
//!
//! The cache has no compare-and-set, so two processes may write at the same moment. The later note stays, which has one fetch less. The next fetch corrects it.

use crate::limits::{
    MAX_SHARED_SECONDS, NEARBY_AVOIDED_SECONDS, NEARBY_RETRY_SECONDS, NEARBY_WAIT_MS, NOTE_SECONDS,
};
use crate::ports::{Clock, HttpClient};
use crate::sync::Shared;
use crate::time::Timestamp;
use crate::waiting::with_timeout;

use super::freshness::lasts;

/// The way of a process to the notes of the processes nearby.
#[derive(Debug, Default)]
pub(super) struct Nearby {
    /// Until when it is not used, because it has not answered in time.
    avoided_until: Shared<Option<Timestamp>>,
}

/// The last fetches of one source by the processes nearby.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fetches {
    before: Option<Noted>,
    last: Option<Noted>,
}

/// A fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Noted {
    begun: Timestamp,
    /// When it ended, or ends at the latest.
    ended: Timestamp,
    left: Left,
}

/// What a fetch has left in the cache that processes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Left {
    /// Its answer.
    Answer,
    /// Nothing, because it went past the cache.
    Past,
    /// Nothing, because there was no answer; or nothing yet.
    Nothing,
}

impl Left {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Answer, "answer"), (Self::Past, "past"), (Self::Nothing, "nothing")];
}

impl Nearby {
    /// What is noted of the source whose first document is at `url`. Nothing, if the notes do not answer in time.
    pub(super) async fn read<P: Clock + HttpClient>(&self, platform: &P, url: &str) -> Fetches {
        let text = self.in_time(platform, platform.read_note(url)).await.flatten();
        text.and_then(|text| Fetches::read(&text, platform.now())).unwrap_or_default()
    }

    /// Notes these fetches.
    pub(super) async fn write<P: Clock + HttpClient>(&self, platform: &P, url: &str, fetches: &Fetches) {
        let text = fetches.write();
        self.in_time(platform, platform.write_note(url, &text, NOTE_SECONDS)).await;
    }

    async fn in_time<P: Clock, T>(&self, platform: &P, operation: impl Future<Output = T>) -> Option<T> {
        if lasts(self.avoided_until.get(), NEARBY_AVOIDED_SECONDS, platform.now()) {
            return None;
        }
        let outcome = with_timeout(platform, NEARBY_WAIT_MS, operation).await;
        if outcome.is_none() {
            self.avoided_until.set(Some(platform.now().plus(NEARBY_AVOIDED_SECONDS)));
        }
        outcome
    }
}

impl Fetches {
    /// For how many seconds a fetch that begins at `now` has to wait, and how long ago the last one began; `None` if it need not wait. A process without a
    /// set waits only for an origin that gives no answers, and not because of a purge: the purge has taken its set.
    pub(super) fn hold(&self, holds_set: bool, now: Timestamp) -> Option<(u64, u64)> {
        let last = self.last?;
        // Of concurrent requests the cache sends one, and it answers all while it has an answer.
        let is_shared =
            |noted: Noted| noted.left == Left::Answer && now < noted.begun.plus(MAX_SHARED_SECONDS);
        if self.is_in_progress(now) || is_shared(last) || self.before.is_some_and(is_shared) {
            return None;
        }
        let retry = (last.left == Left::Nothing).then(|| last.ended.plus(NEARBY_RETRY_SECONDS));
        let slot = self.before.and_then(|before| match (before.left, last.left) {
            // They are as far apart as the cache makes them.
            (Left::Answer, Left::Answer) => None,
            (Left::Nothing, Left::Nothing) => {
                Some(before.begun.plus(60).max(last.begun.plus(MAX_SHARED_SECONDS)))
            }
            (Left::Answer | Left::Past, Left::Answer | Left::Past) if !holds_set => None,
            _ => Some(before.begun.plus(60)),
        });
        let seconds = |until: Timestamp, since: Timestamp| u64::try_from(until.since(since)).unwrap_or(0);
        let left = seconds(retry.max(slot)?, now);
        (left > 0).then(|| (left.min(60), seconds(now, last.begun)))
    }

    /// Whether a fetch has not ended, so that another one gets the same answer. In its last second it may be over: several that began at once are noted as
    /// the one that began last.
    pub(super) fn is_in_progress(&self, now: Timestamp) -> bool {
        self.last.is_some_and(|last| last.left == Left::Nothing && now.plus(1) < last.ended)
    }

    /// Whether the last fetch has ended and got no answer.
    pub(super) fn has_failed(&self) -> bool {
        self.last.is_some_and(|last| last.left == Left::Nothing && last.ended <= last.begun.plus(1))
    }

    /// The same with a fetch that began and ended, or ends, at these times. It takes the place of one that was in progress when it began: both are one.
    pub(super) fn with(self, begun: Timestamp, ended: Timestamp, left: Left) -> Self {
        if let Some(last) = self.last.filter(|_| self.is_in_progress(begun)) {
            return Self { last: Some(Noted { ended, left, ..last }), ..self };
        }
        Self { before: self.last, last: Some(Noted { begun, ended, left }) }
    }

    fn write(&self) -> String {
        let fetches: Vec<String> = [self.before, self.last].into_iter().flatten().map(Noted::write).collect();
        fetches.join(";")
    }

    /// Reads a note at `now`. A fetch that lies ahead, lasts too long or is over for a minute does not count.
    fn read(text: &str, now: Timestamp) -> Option<Self> {
        let mut fetches = text.split(';');
        let (first, second) = (fetches.next()?, fetches.next());
        if fetches.next().is_some() {
            return None;
        }
        let counted = |text: &str| Some(Noted::read(text)?).filter(|noted| noted.counts_at(now));
        Some(match second {
            None => Self { before: None, last: counted(first) },
            Some(second) => Self { before: counted(first), last: counted(second) },
        })
    }
}

impl Noted {
    fn write(self) -> String {
        let left = Left::ALL.iter().find(|(left, _)| *left == self.left).map_or("", |(_, name)| name);
        format!("{} {} {left}", self.begun.epoch_seconds(), self.ended.epoch_seconds())
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut time = || Some(Timestamp::from_epoch_seconds(words.next()?.parse().ok()?));
        let (begun, ended) = (time()?, time()?);
        let name = words.next()?;
        let (left, _) = Left::ALL.into_iter().find(|(_, known)| *known == name)?;
        words.next().is_none().then_some(Self { begun, ended, left })
    }

    fn counts_at(&self, now: Timestamp) -> bool {
        // Clocks of one place differ by less. The longest fetch is as long as an answer is shared.
        let longest = MAX_SHARED_SECONDS.saturating_add(NEARBY_RETRY_SECONDS);
        self.begun <= now.plus(NEARBY_RETRY_SECONDS)
            && now < self.begun.plus(60)
            && self.begun <= self.ended
            && self.ended <= self.begun.plus(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_epoch_seconds(1_800_000_000 + seconds)
    }

    fn noted(fetches: &[(i64, i64, Left)]) -> Fetches {
        fetches
            .iter()
            .fold(Fetches::default(), |noted, (begun, ended, left)| noted.with(at(*begun), at(*ended), *left))
    }

    fn left(fetches: &Fetches, now: i64) -> Option<u64> {
        fetches.hold(true, at(now)).map(|(left, _)| left)
    }

    #[test]
    fn a_fetch_waits_until_fewer_than_two_are_in_the_last_minute_if_one_of_them_left_nothing() {
        use Left::{Answer, Nothing, Past};
        for (fetches, now, expected) in [
            (&[][..], 0, None),
            (&[(0, 0, Answer)], 1, None),
            // It has not ended: another one gets the same answer, or none.
            (&[(0, 5, Nothing)], 3, None),
            (&[(0, 5, Nothing)], 4, Some(3)),
            // The first retry comes soon.
            (&[(0, 5, Nothing)], 5, Some(2)),
            (&[(0, 5, Nothing)], 7, None),
            // The second one, when the first fetch does not count any more; then twice a minute, half a minute apart.
            (&[(0, 5, Nothing), (7, 12, Nothing)], 12, Some(48)),
            (&[(0, 5, Nothing), (7, 12, Nothing)], 60, None),
            (&[(7, 12, Nothing), (60, 65, Nothing)], 70, Some(20)),
            (&[(7, 12, Nothing), (60, 65, Nothing)], 90, None),
            // The cache has the answer, and then there were two.
            (&[(0, 5, Nothing), (7, 8, Answer)], 36, None),
            (&[(0, 5, Nothing), (7, 8, Answer)], 37, Some(23)),
            (&[(0, 1, Answer), (30, 35, Nothing)], 36, Some(24)),
            (&[(0, 1, Answer), (30, 35, Nothing)], 60, None),
            // A purge while the cache has an answer, and when it has none any more.
            (&[(0, 1, Answer), (10, 10, Past)], 29, None),
            (&[(0, 1, Answer), (10, 10, Past)], 30, Some(30)),
            (&[(10, 10, Past)], 11, None),
            (&[(10, 10, Past), (12, 12, Past)], 13, Some(57)),
            // Answers are as far apart as the cache makes them. Where it has no effect, everybody asks.
            (&[(0, 0, Answer), (1, 1, Answer)], 31, None),
        ] {
            assert_eq!(left(&noted(fetches), now), expected, "{fetches:?} at {now}");
        }
    }

    #[test]
    fn a_process_without_a_set_does_not_wait_because_of_a_purge() {
        for (fetches, expected) in [
            (noted(&[(0, 1, Left::Answer), (10, 10, Left::Past)]), None),
            (noted(&[(0, 0, Left::Past), (10, 10, Left::Past)]), None),
            (noted(&[(0, 5, Left::Nothing), (10, 10, Left::Past)]), Some(20)),
            (noted(&[(0, 5, Left::Nothing), (7, 12, Left::Nothing)]), Some(20)),
        ] {
            assert_eq!(fetches.hold(false, at(40)).map(|(left, _)| left), expected, "{fetches:?}");
        }
    }

    #[test]
    fn requests_at_the_same_time_are_one_fetch() {
        let slow = noted(&[(0, 5, Left::Nothing)]);
        assert_eq!(slow.with(at(3), at(4), Left::Answer), noted(&[(0, 4, Left::Answer)]));
        assert_eq!(slow.with(at(3), at(8), Left::Nothing), noted(&[(0, 8, Left::Nothing)]));
        assert_eq!(slow.with(at(5), at(6), Left::Answer).before, slow.last);
    }

    #[test]
    fn a_note_is_read_as_it_was_written_while_it_counts() {
        let fetches = noted(&[(0, 5, Left::Nothing), (7, 8, Left::Answer)]);
        assert_eq!(fetches.write(), "1800000000 1800000005 nothing;1800000007 1800000008 answer");
        assert_eq!(Fetches::read(&fetches.write(), at(59)), Some(fetches));
        assert_eq!(
            Fetches::read(&fetches.write(), at(60)),
            Some(Fetches { last: fetches.last, before: None })
        );
        assert_eq!(Fetches::read(&fetches.write(), at(67)), Some(Fetches::default()));
    }

    #[test]
    fn no_note_holds_a_fetch_back_for_more_than_a_minute() {
        for text in [
            "",
            ";",
            "1800000000",
            "1800000000 1800000005",
            "1800000000 1800000005 something",
            "1800000000 1800000005 nothing ",
            "1800000000 1800000005 nothing;1800000000 1800000005 nothing;1800000000 1800000005 nothing",
            // It lies ahead; it lasts too long; it ends before it begins; it is no time.
            "1800000003 1800000005 nothing",
            "1800000000 1800000033 nothing",
            "1800000000 1799999999 nothing",
            "99999999999999999999 99999999999999999999 nothing",
            "9223372036854775807 9223372036854775807 nothing",
        ] {
            assert_eq!(Fetches::read(text, at(0)).unwrap_or_default(), Fetches::default(), "{text}");
        }
        let longest =
            Fetches::read("1800000002 1800000034 nothing;1800000002 1800000034 past", at(0)).unwrap();
        for now in 0..200 {
            let again = Fetches::read(&longest.write(), at(now)).unwrap_or_default();
            let held = left(&again, now).unwrap_or(0);
            assert!(held <= 60 && (now < 62 || held == 0), "{held} at {now}");
        }
    }
}
