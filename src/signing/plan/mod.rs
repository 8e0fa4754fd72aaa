//! What the command line does to `SIGNING_KEYS`: a new set, the next key, a key dropped. Pure: the time, the randomness and
//! the set come in, the new set and what will happen when go out.

mod text;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::key::JwkError;
use super::keyring::{Keyring, KeyringError, RingKey};
use super::schedule::{Margins, Schedule, State};
use super::series::Series;
use crate::time::Timestamp;

/// How keys follow one another, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// For how long a key signs.
    pub period_seconds: u64,
    /// For how long it is shown before and after.
    pub overlap_seconds: u64,
}

impl Default for Rhythm {
    /// A quarter, 13 weeks, so that a rotation is always on the same day of the week; one week's overlap.
    fn default() -> Self {
        Self { period_seconds: 13 * 7 * 86_400, overlap_seconds: 7 * 86_400 }
    }
}

/// A set of keys as JSON text in memory, with the order and every member kept.
#[derive(Clone)]
pub struct Plan {
    keys: Vec<Map<String, Value>>,
    ring: Keyring,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The set cannot be read.
    #[error("the set cannot be read: {}", .0.iter().map(|fault| format!("{}: {}", fault.path(), fault.problem)).collect::<Vec<_>>().join("; "))]
    Unreadable(Vec<KeyringError>),
    /// The randomness was unfit.
    #[error("no key could be made: {0}")]
    Key(#[from] JwkError),
    /// No key has this `kid`, in full or by its beginning.
    #[error("there is no key {0}, or more than one that begins so")]
    NoSuchKey(String),
    /// Tokens still need the key.
    #[error("the key {kid} is {state}, and tokens signed with it may live until {until}; they would be refused as soon as it is gone. If that is what you want, because it has leaked: --revoke {kid}", state = .state.name())]
    StillNeeded {
        /// The key.
        kid: String,
        /// What it is.
        state: State,
        /// Until when it is needed.
        until: String,
    },
    /// There is nothing to replace.
    #[error("the set holds no key that is still needed; `edge-assay keys new` makes a first one")]
    Empty,
    /// There is a successor already.
    #[error("{series} has a successor already: {kid} takes over at {activate_at}. To have it earlier: --now")]
    SuccessorThere {
        /// The series of keys.
        series: Series,
        /// The successor.
        kid: String,
        /// When it takes over.
        activate_at: String,
    },
}

impl Plan {
    /// An empty set.
    #[must_use]
    pub fn empty() -> Self {
        Self { keys: Vec::new(), ring: Keyring::default() }
    }

    /// The set as keys with schedules.
    #[must_use]
    pub fn ring(&self) -> &Keyring {
        &self.ring
    }

    /// Adds a key that begins to sign at once: for the first set, or in an emergency.
    ///
    /// # Errors
    /// [`PlanError::Key`].
    pub fn begin(
        &mut self,
        series: impl Into<Series>,
        rhythm: Rhythm,
        now: Timestamp,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), PlanError> {
        self.add(&series.into(), following(now, now, rhythm), fill)
    }

    /// Drops what is over, and to `series` adds the key that follows the last one; or, `early`, lets the next one take
    /// over as soon as consumers can know it.
    ///
    /// # Errors
    /// [`PlanError::SuccessorThere`] when there is one and it is not wanted early.
    pub fn rotate(
        &mut self,
        series: impl Into<Series>,
        rhythm: Rhythm,
        margins: &Margins,
        now: Timestamp,
        early: bool,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), PlanError> {
        let series = &series.into();
        self.retain(|key| key.schedule.state(now) != State::Removed);
        let Some(last) = self.last(series) else {
            // Nothing to take over from; other keys' consumers still have to get to know it.
            let activate_at =
                if self.keys.is_empty() { now } else { now.plus(margins.consumer_cache_seconds) };
            return self.add(series, following(now, activate_at, rhythm), fill);
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
            self.hand_over(series, &kid, activate_at, rhythm, margins);
            return self.reschedule(&kid, following(publish_at, activate_at, rhythm));
        }
        let due = last.schedule.retire_at;
        let activate_at = if early { soonest } else { due.max(soonest) };
        let publish_at = activate_at.minus(rhythm.overlap_seconds).max(now).min(activate_at);
        self.add(series, following(publish_at, activate_at, rhythm), fill)?;
        let kid = self.last(series).map(|key| key.key.kid().to_owned()).unwrap_or_default();
        self.hand_over(series, &kid, activate_at, rhythm, margins);
        Ok(())
    }

    /// Drops a key that no token needs any more.
    ///
    /// # Errors
    /// [`PlanError::StillNeeded`] while one may, [`PlanError::NoSuchKey`].
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

    /// Drops a key at once, whoever needs it, and lets another sign from now on: the one that waits, whether consumers know it
    /// already or not, or a new one. No other key is dropped unless it is over.
    ///
    /// # Errors
    /// [`PlanError::NoSuchKey`], [`PlanError::Key`].
    pub fn revoke(
        &mut self,
        kid: &str,
        rhythm: Rhythm,
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
        // What is shown first needs no lead.
        let shown_first = self.ring.keys().iter().map(|key| key.schedule.publish_at).min();
        let publish_at = shown_first.map_or(now, |first| first.min(now));
        let waits = |key: &&RingKey| key.series() == *series && key.schedule.activate_at > now;
        let next = self.ring.keys().iter().filter(waits).min_by_key(|key| key.schedule.activate_at);
        if let Some(next) = next {
            let (kid, known_at) =
                (next.key.kid().to_owned(), next.schedule.publish_at.plus(margins.consumer_cache_seconds));
            let publish_at = if known_at <= now { next.schedule.publish_at } else { publish_at };
            self.reschedule(&kid, following(publish_at, now, rhythm))?;
            self.hand_over(series, &kid, now, rhythm, margins);
            return Ok(());
        }
        self.add(series, following(publish_at, now, rhythm), fill)?;
        let kid = self.last(series).map(|key| key.key.kid().to_owned()).unwrap_or_default();
        self.hand_over(series, &kid, now, rhythm, margins);
        Ok(())
    }

    /// Drops every key at once, whoever needs it, and makes a new one for each series that signs from now on: when the whole
    /// set has leaked, keys that only wait have leaked with it.
    ///
    /// # Errors
    /// [`PlanError::Empty`], [`PlanError::Key`].
    pub fn revoke_all(
        &mut self,
        rhythm: Rhythm,
        now: Timestamp,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), PlanError> {
        let needed = self.ring.keys().iter().filter(|key| key.schedule.state(now) != State::Removed);
        let all: BTreeSet<Series> = needed.map(RingKey::series).collect();
        if all.is_empty() {
            return Err(PlanError::Empty);
        }
        self.retain(|_| false);
        all.into_iter().try_for_each(|series| self.begin(series, rhythm, now, fill))
    }

    /// What will happen when, a line each, in the order in which it comes.
    #[must_use]
    pub fn calendar(&self, now: Timestamp) -> Vec<String> {
        let mut turns = Vec::new();
        for ring_key in self.ring.keys() {
            let schedule = ring_key.schedule;
            let name = format!("{} {}", ring_key.series(), ring_key.key.kid());
            for (at, what) in [
                (schedule.publish_at, "is published"),
                (schedule.activate_at, "begins to sign"),
                (schedule.retire_at, "signs no more"),
                (schedule.remove_at, "is removed"),
            ] {
                if at >= now {
                    turns.push((at, format!("{}  {name} {what}", at.rfc3339())));
                }
            }
        }
        // Of one instant, in the order of a key's life.
        turns.sort_by_key(|(at, _)| *at);
        turns.into_iter().map(|(_, line)| line).collect()
    }

    fn find(&self, kid: &str) -> Result<&RingKey, PlanError> {
        let mut found = self.ring.keys().iter().filter(|key| key.key.kid().starts_with(kid));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(PlanError::NoSuchKey(crate::rejection::excerpt(kid))),
        }
    }

    fn last(&self, series: &Series) -> Option<&RingKey> {
        self.ring
            .keys()
            .iter()
            .filter(|key| key.series() == *series)
            .max_by_key(|key| key.schedule.activate_at)
    }

    /// Ends the other keys of the series when `kid` takes over: neither a gap, nor a key that waits behind another.
    fn hand_over(&mut self, series: &Series, kid: &str, at: Timestamp, rhythm: Rhythm, margins: &Margins) {
        let tail = margins.tail_seconds().max(rhythm.overlap_seconds);
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
                // The key is there: it was just listed.
                let _ = self.reschedule(&kid, ends);
            }
        }
    }
}

/// The schedule of a key that is published and activated then.
fn following(publish_at: Timestamp, activate_at: Timestamp, rhythm: Rhythm) -> Schedule {
    let retire_at = activate_at.plus(rhythm.period_seconds);
    Schedule { publish_at, activate_at, retire_at, remove_at: retire_at.plus(rhythm.overlap_seconds) }
}
