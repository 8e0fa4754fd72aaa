//! When a key is published, signs, and is forgotten: four instants and what must lie between them.
//!
//! Every isolate moves from one state to the next by its clock alone, so a rotation needs no coordination; what makes
//! that safe is that the intervals cover what others remember. Pure: no key material in here, and no clock.

use super::Series;
use crate::time::Timestamp;

/// The four instants of a key, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// From here on the key set shows the public key.
    pub publish_at: Timestamp,
    /// From here on it signs, unless a key that was activated later does.
    pub activate_at: Timestamp,
    /// From here on it signs no more.
    pub retire_at: Timestamp,
    /// From here on the key set does not show it.
    pub remove_at: Timestamp,
}

/// What a key is at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody has seen it.
    Scheduled,
    /// Shown, and not signing yet: consumers get to know it.
    Published,
    /// It may sign.
    Active,
    /// Shown, and not signing any more: its last tokens live on.
    Retired,
    /// Forgotten.
    Removed,
}

impl State {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Published => "published",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Removed => "removed",
        }
    }
}

/// What the intervals of a schedule must cover, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins {
    /// How long a consumer may keep our key set before it asks again.
    pub consumer_cache_seconds: u64,
    /// The longest life of a token that we issue.
    pub longest_token_seconds: u64,
    /// How far clocks may differ.
    pub leeway_seconds: u64,
}

impl Margins {
    /// The least from `retire_at` to `remove_at`.
    #[must_use]
    pub const fn tail_seconds(&self) -> u64 {
        self.longest_token_seconds.saturating_add(self.leeway_seconds)
    }
}

/// Why a schedule would strand a token or surprise a verifier. Lengths are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Two of the four instants stand in the wrong order.
    #[error("{later} lies {by} s before {earlier}")]
    OutOfOrder {
        /// The instant that has to come first.
        earlier: &'static str,
        /// The instant that comes too early.
        later: &'static str,
        /// By how much.
        by: u64,
    },
    /// The key signs before every consumer can have seen it.
    #[error(
        "publish_at -> activate_at is {actual} s, and consumers may hold a key set without it for {required} s: {} s too short",
        .required.saturating_sub(*.actual)
    )]
    LeadTooShort {
        /// What it is.
        actual: u64,
        /// What it must be at least.
        required: u64,
    },
    /// The key is forgotten while tokens of its still live.
    #[error(
        "retire_at -> remove_at is {actual} s, and a token signed at the end lives for up to {required} s, leeway included: {} s too short",
        .required.saturating_sub(*.actual)
    )]
    TailTooShort {
        /// What it is.
        actual: u64,
        /// What it must be at least.
        required: u64,
    },
    /// Between the key before it and this one nothing signs.
    #[error(
        "the {series} key before it retires {seconds} s before this one is activated; nothing would sign in between"
    )]
    Gap {
        /// The series without a signer.
        series: Series,
        /// For how long.
        seconds: u64,
    },
}

impl ScheduleError {
    /// The member to change.
    #[must_use]
    pub const fn member(&self) -> &'static str {
        match self {
            Self::OutOfOrder { later, .. } => later,
            Self::LeadTooShort { .. } | Self::Gap { .. } => "activate_at",
            Self::TailTooShort { .. } => "remove_at",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::OutOfOrder { .. } => {
                "order them publish_at <= activate_at < retire_at <= remove_at".to_owned()
            }
            Self::LeadTooShort { required, .. } => {
                format!(
                    "let at least {required} s pass between publish_at and activate_at, or lower exchange.jwks_max_age_seconds"
                )
            }
            Self::TailTooShort { required, .. } => {
                format!(
                    "let at least {required} s pass between retire_at and remove_at, or lower the greatest `ttl_seconds`"
                )
            }
            Self::Gap { seconds, .. } => {
                format!("activate it {seconds} s earlier, or retire the one before it {seconds} s later")
            }
        }
    }
}

impl Schedule {
    /// What the key is at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        if now < self.publish_at {
            State::Scheduled
        } else if now < self.activate_at {
            State::Published
        } else if now < self.retire_at {
            State::Active
        } else if now < self.remove_at {
            State::Retired
        } else {
            State::Removed
        }
    }

    /// Whether the key set shows it at `now`.
    #[must_use]
    pub fn is_shown(&self, now: Timestamp) -> bool {
        self.publish_at <= now && now < self.remove_at
    }

    /// The instants at which what the key set shows changes.
    #[must_use]
    pub fn turns(&self) -> [Timestamp; 2] {
        [self.publish_at, self.remove_at]
    }

    fn order_faults(&self) -> impl Iterator<Item = ScheduleError> {
        let instants = [
            ("publish_at", self.publish_at, "activate_at", self.activate_at, 0),
            ("activate_at", self.activate_at, "retire_at", self.retire_at, 1),
            ("retire_at", self.retire_at, "remove_at", self.remove_at, 0),
        ];
        instants.into_iter().filter(|(_, first, _, second, least)| second.since(*first) < *least).map(
            |(earlier, first, later, second, _)| ScheduleError::OutOfOrder {
                earlier,
                later,
                by: span(second, first),
            },
        )
    }
}

/// Everything wrong with the keys' schedules, each with the place of its key. What counts is the schedule and not the
/// time of day, so that every isolate judges alike.
///
/// The key that the set showed first needs no lead: no consumer can hold a set from before it.
#[must_use]
pub fn faults(keys: &[(Series, Schedule)], margins: &Margins) -> Vec<(usize, ScheduleError)> {
    let first_shown = keys.iter().map(|(_, schedule)| schedule.publish_at).min();
    let mut faults = Vec::new();
    for (index, (series, schedule)) in keys.iter().enumerate() {
        let before = faults.len();
        faults.extend(schedule.order_faults().map(|fault| (index, fault)));
        if faults.len() > before {
            // Of instants in disorder no interval means anything.
            continue;
        }
        let lead = span(schedule.publish_at, schedule.activate_at);
        if Some(schedule.publish_at) != first_shown && lead < margins.consumer_cache_seconds {
            let required = margins.consumer_cache_seconds;
            faults.push((index, ScheduleError::LeadTooShort { actual: lead, required }));
        }
        let tail = span(schedule.retire_at, schedule.remove_at);
        if tail < margins.tail_seconds() {
            let required = margins.tail_seconds();
            faults.push((index, ScheduleError::TailTooShort { actual: tail, required }));
        }
        let covered = keys
            .iter()
            .filter(|(other, earlier)| other == series && earlier.activate_at < schedule.activate_at)
            .map(|(_, earlier)| earlier.retire_at)
            .max();
        if let Some(covered) = covered.filter(|covered| *covered < schedule.activate_at) {
            let seconds = span(covered, schedule.activate_at);
            faults.push((index, ScheduleError::Gap { series: series.clone(), seconds }));
        }
    }
    faults
}

/// Seconds from `from` to `to`; none when `to` is earlier.
fn span(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from)).unwrap_or(0)
}
