//! Purges: an operator has a set dropped, and every process learns of it within about a minute.
//!
//! A purge is a mark in the store beside the records of the source: a time before which no set counts. A process reads the mark with the
//! records, and, while it serves from memory, once in a while: after a response, or before one if it has not looked for longer. Where there
//! is a coordinator, a process asks it for the mark, because the store shows it later ([`Told`]). Nothing here reads a clock or a store.

use crate::keys::KeySource;
use crate::keys::freshness::{is_future, lasts};
use crate::keys::record;
use crate::limits::{
    MAX_SHARED_SECONDS, PURGE_APART_SECONDS, PURGE_KNOWN_SECONDS, PURGE_LOOK_SECONDS, STORE_LEASE_SECONDS,
};
use crate::time::Timestamp;

/// What a process knows of the purges of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Purges {
    /// The time of the latest one.
    last: Option<Timestamp>,
    /// When the process looked for one.
    looked_at: Option<Timestamp>,
    /// Until when a request of this process is looking.
    looking_until: Option<Timestamp>,
    /// A purge that takes effect when every shared answer from before it has ended.
    put_off: Option<Timestamp>,
}

/// When to look for a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Not now.
    No,
    /// After the response.
    Later,
    /// Before the set in memory is used.
    First,
}

impl Purges {
    /// When to look, at `now`, whether a set that was fetched at this time was purged. No purge before that concerns it.
    pub(super) fn look(&self, fetched_at: Option<Timestamp>, now: Timestamp) -> Look {
        let fetched_at = fetched_at.filter(|at| *at <= now);
        let known = |seconds| self.knows(seconds, now) || lately(fetched_at, seconds, now);
        if lasts(self.looking_until, STORE_LEASE_SECONDS, now) {
            Look::No
        } else if self.put_off.is_some_and(|at| !lately(Some(at), MAX_SHARED_SECONDS, now)) {
            Look::First
        } else if known(PURGE_LOOK_SECONDS) {
            Look::No
        } else if known(PURGE_KNOWN_SECONDS) {
            Look::Later
        } else {
            Look::First
        }
    }

    /// Whether the process has looked within the last `seconds`.
    pub(super) fn knows(&self, seconds: u64, now: Timestamp) -> bool {
        lately(self.looked_at, seconds, now)
    }

    /// Takes the right to look. It ends with [`Self::learn`], or after a few seconds if the request is cancelled.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.looking_until = Some(now.plus(STORE_LEASE_SECONDS));
    }

    /// Notes what was found at `now`. Returns whether the mark is a new one.
    pub(super) fn learn(&mut self, mark: Option<Timestamp>, now: Timestamp) -> bool {
        (self.looked_at, self.looking_until) = (Some(now), None);
        let put_off = self.put_off.take();
        self.note(mark.max(put_off))
    }

    /// Notes a look that found a new mark at `now`, which takes effect in a later look.
    pub(super) fn put_off(&mut self, mark: Timestamp, now: Timestamp) {
        (self.looked_at, self.looking_until) = (Some(now), None);
        self.put_off = self.put_off.max(Some(mark));
    }

    /// Notes a mark without a look. Returns whether it is a new one.
    pub(super) fn note(&mut self, mark: Option<Timestamp>) -> bool {
        let is_new = mark > self.last;
        self.last = self.last.max(mark);
        is_new
    }

    /// The time of the latest purge.
    pub(super) const fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

/// Whether this was less than `seconds` ago.
fn lately(at: Option<Timestamp>, seconds: u64, now: Timestamp) -> bool {
    at.is_some_and(|at| now < at.plus(seconds) && !is_future(at, now))
}

/// The purges of one source as a coordinator passes them on.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What the coordinator knows.
    pub(super) known: Purges,
    /// The mark that the processes are told.
    announced: Option<Timestamp>,
}

impl Told {
    /// The mark that a process is told at `now`. The next one has to wait for half a minute: each has every process drop its set and ask for another,
    /// and a coordinator fetches four times a minute at most.
    pub(super) fn announced(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.known.last() > self.announced && !lately(self.announced, PURGE_APART_SECONDS, now) {
            self.announced = self.known.last();
        }
        self.announced
    }
}

/// The key of the mark of `source`: that of its set, and `:purged`.
pub(super) fn key(source: &KeySource) -> String {
    key_of(&record::id(source))
}

/// The key of the mark of the source with this [`record::id`].
pub(super) fn key_of(id: &str) -> String {
    format!("{}:purged", record::key_of(id))
}

/// The mark as text: its time in seconds since the epoch.
pub(super) fn write(at: Timestamp) -> String {
    at.epoch_seconds().to_string()
}

/// The time in the mark `text`, read at `now`. A mark that is no number, or lies ahead, is ignored: it would void every set for ever.
pub(super) fn read(text: &str, now: Timestamp) -> Option<Timestamp> {
    possible(Timestamp::from_epoch_seconds(text.parse().ok()?), now)
}

/// The mark, if it does not lie ahead.
pub(super) fn possible(at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (!is_future(at, now)).then_some(at)
}

/// Whether the mark, found in the store at `now`, is so new that a cache that processes share may still answer from before it. A process that keeps its
/// set for the rest of that time needs no request of its own past the cache.
pub(super) fn is_put_off(mark: Option<Timestamp>, now: Timestamp) -> bool {
    lately(mark, MAX_SHARED_SECONDS, now)
}

/// How old an answer of the origin may be at `now`, in seconds. A process without a set needs one from after the purge. To a process with a set,
/// an older answer does no harm, because it does not replace the set.
pub(super) fn max_age_seconds(purged_at: Option<Timestamp>, holds_set: bool, now: Timestamp) -> u64 {
    let purged_at = purged_at.filter(|_| !holds_set);
    let since = purged_at.map_or(MAX_SHARED_SECONDS, |at| u64::try_from(now.since(at)).unwrap_or(0));
    since.min(MAX_SHARED_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_epoch_seconds(seconds)
    }

    #[test]
    fn a_process_looks_after_half_a_minute_and_before_a_response_after_a_minute() {
        let mut purges = Purges::default();
        assert_eq!(purges.look(None, at(1000)), Look::First);
        assert!(!purges.learn(None, at(1000)));
        for (now, expected) in [
            (1000, Look::No),
            (1000 + 29, Look::No),
            (1000 + 30, Look::Later),
            (1000 + 54, Look::Later),
            (1000 + 55, Look::First),
            (9000, Look::First),
            // The clock was set back.
            (900, Look::First),
        ] {
            assert_eq!(purges.look(None, at(now)), expected, "{now}");
        }
        purges.begin(at(1040));
        assert_eq!((purges.look(None, at(1040)), purges.look(None, at(1042))), (Look::No, Look::No));
        assert_eq!(purges.look(None, at(1043)), Look::Later, "the request that looked was cancelled");
    }

    #[test]
    fn no_purge_before_its_fetch_concerns_a_set() {
        let mut purges = Purges::default();
        purges.learn(None, at(500));
        for (fetched_at, expected) in [
            (Some(1000), Look::No),
            (Some(971), Look::No),
            (Some(970), Look::Later),
            (Some(946), Look::Later),
            (Some(945), Look::First),
            // The clock of the process that fetched it is ahead.
            (Some(1001), Look::First),
            (None, Look::First),
        ] {
            assert_eq!(purges.look(fetched_at.map(at), at(1000)), expected, "{fetched_at:?}");
        }
    }

    #[test]
    fn a_purge_that_is_put_off_takes_effect_when_shared_answers_from_before_it_have_ended() {
        let mut purges = Purges::default();
        assert!(is_put_off(Some(at(1000)), at(1029)) && !is_put_off(Some(at(1000)), at(1030)));
        purges.put_off(at(1000), at(1010));
        assert_eq!((purges.last(), purges.look(None, at(1029))), (None, Look::No));
        assert_eq!(purges.look(Some(at(1029)), at(1030)), Look::First);
        // The store does not answer that look.
        assert!(purges.learn(None, at(1030)));
        assert_eq!((purges.last(), purges.look(None, at(1031))), (Some(at(1000)), Look::No));
    }

    #[test]
    fn processes_are_told_of_one_purge_in_half_a_minute() {
        let mut told = Told::default();
        assert_eq!(told.announced(at(990)), None);
        let mut heard = Vec::new();
        for second in 1000..1100 {
            told.known.note(Some(at(second)));
            heard.extend(told.announced(at(second)));
        }
        heard.dedup();
        assert_eq!(heard, [at(1000), at(1030), at(1060), at(1090)]);
        assert_eq!(told.announced(at(1120)), Some(at(1099)), "the last one is not forgotten");
    }

    #[test]
    fn only_a_later_purge_is_a_new_one() {
        let mut purges = Purges::default();
        assert!(purges.learn(Some(at(10)), at(20)));
        for mark in [Some(at(10)), Some(at(9)), None] {
            assert!(!purges.learn(mark, at(20)), "{mark:?}");
        }
        assert_eq!(purges.last(), Some(at(10)));
    }

    #[test]
    fn a_mark_that_is_not_a_time_of_the_past_is_ignored() {
        let now = at(1_800_000_000);
        assert_eq!(read(&write(now), now), Some(now));
        assert_eq!(read("1800000060", now), Some(at(1_800_000_060)), "clocks differ");
        for text in ["", "now", "1800000061", "99999999999999999999", "1e9", " 1", "{}", "null"] {
            assert_eq!(read(text, now), None, "{text}");
        }
    }
}
