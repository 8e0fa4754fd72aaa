//! Purges: an operator has a set dropped, and every process learns of it within about a minute.
//!
//! A purge is a mark in the store beside the records of the source: a time before which no set counts. A process reads the mark with the
//! records, and, while it serves from memory, once in a while: after a response, or before one if it has not looked for longer. Nothing here
//! reads a clock or a store.

use crate::keys::KeySource;
use crate::keys::freshness::{is_future, lasts};
use crate::keys::record;
use crate::limits::{MAX_SHARED_SECONDS, PURGE_KNOWN_SECONDS, PURGE_LOOK_SECONDS, STORE_LEASE_SECONDS};
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
    /// When to look, at `now`.
    pub(super) fn look(&self, now: Timestamp) -> Look {
        let is_looking = lasts(self.looking_until, STORE_LEASE_SECONDS, now);
        let known = |seconds| self.looked_at.is_some_and(|at| now < at.plus(seconds) && !is_future(at, now));
        if is_looking || known(PURGE_LOOK_SECONDS) {
            Look::No
        } else if known(PURGE_KNOWN_SECONDS) {
            Look::Later
        } else {
            Look::First
        }
    }

    /// Takes the right to look. It ends with [`Self::learn`], or after a few seconds if the request is cancelled.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.looking_until = Some(now.plus(STORE_LEASE_SECONDS));
    }

    /// Notes what was found at `now`. Returns whether the mark is a new one.
    pub(super) fn learn(&mut self, mark: Option<Timestamp>, now: Timestamp) -> bool {
        (self.looked_at, self.looking_until) = (Some(now), None);
        let is_new = mark > self.last;
        self.last = self.last.max(mark);
        is_new
    }

    /// The time of the latest purge.
    pub(super) const fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

/// The key of the mark of `source`: that of its set, and `:purged`.
pub(super) fn key(source: &KeySource) -> String {
    format!("{}:purged", record::key(source))
}

/// The mark as text: its time in seconds since the epoch.
pub(super) fn write(at: Timestamp) -> String {
    at.epoch_seconds().to_string()
}

/// The time in the mark `text`, read at `now`. A mark that is no number, or lies ahead, is ignored: it would void every set for ever.
pub(super) fn read(text: &str, now: Timestamp) -> Option<Timestamp> {
    let at = Timestamp::from_epoch_seconds(text.parse().ok()?);
    (!is_future(at, now)).then_some(at)
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
        assert_eq!(purges.look(at(1000)), Look::First);
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
            assert_eq!(purges.look(at(now)), expected, "{now}");
        }
        purges.begin(at(1040));
        assert_eq!((purges.look(at(1040)), purges.look(at(1042))), (Look::No, Look::No));
        assert_eq!(purges.look(at(1043)), Look::Later, "the request that looked was cancelled");
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
