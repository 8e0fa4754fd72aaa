//! The command line's changes to `SIGNING_KEYS`: a new set, the next key, the removal of a key. All functions are pure: the set,
//! the time and the random octets are arguments, and the result is the changed set.

mod text;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::key::JwkError;
use super::keyring::{Keyring, KeyringError, RingKey};
use super::schedule::{Margins, Schedule, State};
use super::series::Series;
use crate::time::Timestamp;

/// The intervals of new keys, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// How long a key signs.
    pub period_seconds: u64,
    /// How long it is published before it signs, and after it has retired.
    pub overlap_seconds: u64,
}

impl Default for Intervals {
    /// 13 weeks (a quarter), so that every rotation is on the same day of the week, and an overlap of one week.
    fn default() -> Self {
        Self { period_seconds: 13 * 7 * 86_400, overlap_seconds: 7 * 86_400 }
    }
}

/// A set of keys that is being changed. The order of the keys and all their members are kept.
#[derive(Clone)]
pub struct Plan {
    keys: Vec<Map<String, Value>>,
    ring: Keyring,
}

/// Why the set was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The set cannot be read.
    #[error("the set cannot be read: {}", .0.iter().map(|fault| format!("{}: {}", fault.path(), fault.problem)).collect::<Vec<_>>().join("; "))]
    Unreadable(Vec<KeyringError>),
    /// The random octets are not a valid key.
    #[error("no key could be made: {0}")]
    Key(#[from] JwkError),
    /// Not exactly one key has a `kid` that begins with this text.
    #[error("no key, or more than one, has a kid that begins with {0}")]
    NoSuchKey(String),
    /// Valid tokens may still need the key.
    #[error("the key {kid} is {state}, and tokens that it signed may be valid until {until}; without it they would be refused. If the key has leaked, use --revoke {kid}", state = .state.name())]
    StillNeeded {
        /// The `kid` of the key.
        kid: String,
        /// Its state.
        state: State,
        /// Its `remove_at`, in RFC 3339.
        until: String,
    },
    /// All keys of the set have been removed by their schedules.
    #[error("the set has no key that is still used; make a new set with `npx edge-assay keys new`")]
    Empty,
    /// The series already has a successor.
    #[error(
        "{series} already has a successor: the key {kid} signs from {activate_at} on. To use it earlier, add --now"
    )]
    SuccessorThere {
        /// The series of keys.
        series: Series,
        /// The `kid` of the successor.
        kid: String,
        /// Its `activate_at`, in RFC 3339.
        activate_at: String,
    },
}

impl Plan {
    /// An empty set.
    #[must_use]
    pub fn empty() -> Self {
        Self { keys: Vec::new(), ring: Keyring::default() }
    }

    /// The keys of the set with their schedules.
    #[must_use]
    pub fn ring(&self) -> &Keyring {
        &self.ring
    }

    /// Adds a key that signs at once: for the first set, or in an emergency.
    ///
    /// # Errors
    /// [`PlanError::Key`] if the random octets are not a valid key.
    pub fn begin(
        &mut self,
        series: impl Into<Series>,
        intervals: Intervals,
        now: Timestamp,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), PlanError> {
        self.add(&series.into(), schedule_from(now, now, intervals), fill)
    }

    /// Drops removed keys, and adds a successor to the last key of `series`, or the first key of a new series. With `early`, the
    /// successor (a new one, or the one that waits) signs as soon as all consumers can have fetched it.
    ///
    /// # Errors
    /// [`PlanError::SuccessorThere`] if there is a successor and `early` is false, [`PlanError::Key`].
    pub fn rotate(
        &mut self,
        series: impl Into<Series>,
        intervals: Intervals,
        margins: &Margins,
        now: Timestamp,
        early: bool,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), PlanError> {
        let series = &series.into();
        self.retain(|key| key.schedule.state(now) != State::Removed);
        let Some(last) = self.last(series) else {
            // The series is new. Consumers that have cached the set for its other keys must fetch it again first.
            let activate_at =
                if self.keys.is_empty() { now } else { now.plus(margins.consumer_cache_seconds) };
            return self.add(series, schedule_from(now, activate_at, intervals), fill);
        };
        let waiting = matches!(last.schedule.state(now), State::Scheduled | State::Published);
        let soonest = now.plus(margins.consumer_cache_seconds);
        if waiting && !early {
            return Err(PlanError::SuccessorThere {
                series: series.clone(),
                kid: last.key.kid().to_owned(),
                activate_at: last.schedule.activate_at.rfc3339(),
            });
        }
        if waiting {
            let publish_at = last.schedule.publish_at.min(now);
            let known_at = publish_at.plus(margins.consumer_cache_seconds).max(now);
            let activate_at = known_at.min(last.schedule.activate_at);
            let kid = last.key.kid().to_owned();
            self.retire_predecessor(series, &kid, activate_at, intervals, margins);
            return self.reschedule(&kid, schedule_from(publish_at, activate_at, intervals));
        }
        let due = last.schedule.retire_at;
        let activate_at = if early { soonest } else { due.max(soonest) };
        let publish_at = activate_at.minus(intervals.overlap_seconds).max(now).min(activate_at);
        self.add(series, schedule_from(publish_at, activate_at, intervals), fill)?;
        let kid = self.last(series).map(|key| key.key.kid().to_owned()).unwrap_or_default();
        self.retire_predecessor(series, &kid, activate_at, intervals, margins);
        Ok(())
    }

    /// Drops a key that has not signed yet, or that its schedule has removed.
    ///
    /// # Errors
    /// [`PlanError::StillNeeded`] while valid tokens may need the key, [`PlanError::NoSuchKey`].
    pub fn discard(&mut self, kid: &str, now: Timestamp) -> Result<(), PlanError> {
        let key = self.find(kid)?;
        let state = key.schedule.state(now);
        let kid = key.key.kid().to_owned();
        if matches!(state, State::Active | State::Retired) {
            let until = key.schedule.remove_at.rfc3339();
            return Err(PlanError::StillNeeded { kid, state, until });
        }
        self.retain(|key| key.key.kid() != kid);
        Ok(())
    }

    /// Drops a key at once, even if valid tokens need it. If no other key of its series is active, the successor that waits
    /// signs from now on, even if consumers do not know it yet; without a successor, a new key does. Besides it, only removed
    /// keys are dropped.
    ///
    /// # Errors
    /// [`PlanError::NoSuchKey`], [`PlanError::Key`].
    pub fn revoke(
        &mut self,
        kid: &str,
        intervals: Intervals,
        margins: &Margins,
        now: Timestamp,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), PlanError> {
        let key = self.find(kid)?;
        let (kid, series) = (key.key.kid().to_owned(), &key.series());
        self.retain(|key| key.key.kid() != kid && key.schedule.state(now) != State::Removed);
        if self.ring.signer(series, now).is_some() {
            return Ok(());
        }
        // The key with the earliest `publish_at` may sign at once; see `schedule::faults`.
        let earliest = self.ring.keys().iter().map(|key| key.schedule.publish_at).min();
        let publish_at = earliest.map_or(now, |earliest| earliest.min(now));
        let waits = |key: &&RingKey| key.series() == *series && key.schedule.activate_at > now;
        let next = self.ring.keys().iter().filter(waits).min_by_key(|key| key.schedule.activate_at);
        if let Some(next) = next {
            let (kid, known_at) =
                (next.key.kid().to_owned(), next.schedule.publish_at.plus(margins.consumer_cache_seconds));
            let publish_at = if known_at <= now { next.schedule.publish_at } else { publish_at };
            self.reschedule(&kid, schedule_from(publish_at, now, intervals))?;
            self.retire_predecessor(series, &kid, now, intervals, margins);
            return Ok(());
        }
        self.add(series, schedule_from(publish_at, now, intervals), fill)?;
        let kid = self.last(series).map(|key| key.key.kid().to_owned()).unwrap_or_default();
        self.retire_predecessor(series, &kid, now, intervals, margins);
        Ok(())
    }

    /// Drops all keys at once, even if valid tokens need them, and makes a new key for each series, which signs from now on. This
    /// is for a leak of the whole set, which also contains the successors.
    ///
    /// # Errors
    /// [`PlanError::Empty`], [`PlanError::Key`].
    pub fn revoke_all(
        &mut self,
        intervals: Intervals,
        now: Timestamp,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), PlanError> {
        let needed = self.ring.keys().iter().filter(|key| key.schedule.state(now) != State::Removed);
        let all: BTreeSet<Series> = needed.map(RingKey::series).collect();
        if all.is_empty() {
            return Err(PlanError::Empty);
        }
        self.retain(|_| false);
        all.into_iter().try_for_each(|series| self.begin(series, intervals, now, fill))
    }

    /// The coming changes of state, one line each, in the order of their times.
    #[must_use]
    pub fn calendar(&self, now: Timestamp) -> Vec<String> {
        let mut changes = Vec::new();
        for ring_key in self.ring.keys() {
            let schedule = ring_key.schedule;
            let name = format!("{} {}", ring_key.series(), ring_key.key.kid());
            for (at, what) in [
                (schedule.publish_at, "is published"),
                (schedule.activate_at, "begins to sign"),
                (schedule.retire_at, "no longer signs"),
                (schedule.remove_at, "is removed"),
            ] {
                if at >= now {
                    changes.push((at, format!("{}  {name} {what}", at.rfc3339())));
                }
            }
        }
        // The sort is stable: changes at the same time stay in the order of the keys and their states.
        changes.sort_by_key(|(at, _)| *at);
        changes.into_iter().map(|(_, line)| line).collect()
    }

    /// The only key whose `kid` begins with this text.
    fn find(&self, kid: &str) -> Result<&RingKey, PlanError> {
        let mut found = self.ring.keys().iter().filter(|key| key.key.kid().starts_with(kid));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(PlanError::NoSuchKey(crate::rejection::excerpt(kid))),
        }
    }

    /// The key of the series with the latest `activate_at`.
    fn last(&self, series: &Series) -> Option<&RingKey> {
        self.ring
            .keys()
            .iter()
            .filter(|key| key.series() == *series)
            .max_by_key(|key| key.schedule.activate_at)
    }

    /// Retires the predecessor of `kid` at `at`, when `kid` begins to sign, so that there is neither a gap nor a key that never
    /// signs.
    fn retire_predecessor(
        &mut self,
        series: &Series,
        kid: &str,
        at: Timestamp,
        intervals: Intervals,
        margins: &Margins,
    ) {
        let tail = margins.tail_seconds().max(intervals.overlap_seconds);
        let former: Vec<_> = self
            .ring
            .keys()
            .iter()
            .filter(|key| key.series() == *series && key.key.kid() != kid)
            .filter(|key| key.schedule.activate_at < at)
            .map(|key| (key.key.kid().to_owned(), key.schedule))
            .collect();
        let latest = former.iter().map(|(_, schedule)| schedule.activate_at).max();
        for (kid, schedule) in former {
            if Some(schedule.activate_at) == latest && schedule.retire_at != at {
                let ends = Schedule { retire_at: at, remove_at: at.plus(tail), ..schedule };
                // The key exists, so this cannot fail.
                let _ = self.reschedule(&kid, ends);
            }
        }
    }
}

/// The schedule of a key that is published and activated at these times.
fn schedule_from(publish_at: Timestamp, activate_at: Timestamp, intervals: Intervals) -> Schedule {
    let retire_at = activate_at.plus(intervals.period_seconds);
    Schedule { publish_at, activate_at, retire_at, remove_at: retire_at.plus(intervals.overlap_seconds) }
}
