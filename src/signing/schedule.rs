//! The schedule of a key: four times, and the shortest safe intervals between them.
//!
//! Every isolate derives the state of a key from its own clock, so a rotation needs no coordination. This is safe because each
//! interval is at least as long as others cache the key set, or as tokens live. This module is pure: it has no key material and
//! reads no clock.

use super::Series;
use crate::time::Timestamp;

/// The four times of a key, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// From this time on, the key set shows the public key.
    pub publish_at: Timestamp,
    /// From this time on, the key signs, unless a key with a later `activate_at` is active.
    pub activate_at: Timestamp,
    /// From this time on, the key no longer signs.
    pub retire_at: Timestamp,
    /// From this time on, the key set no longer shows the public key.
    pub remove_at: Timestamp,
}

/// The state of a key at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not published yet.
    Scheduled,
    /// Published and not signing yet, so that consumers learn of it.
    Published,
    /// Published, and may sign.
    Active,
    /// Published and no longer signing, while its last tokens are still valid.
    Retired,
    /// No longer published.
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

/// The shortest safe intervals of a schedule, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins {
    /// How long a consumer may cache our key set.
    pub consumer_cache_seconds: u64,
    /// The longest lifetime of a token that we issue.
    pub longest_token_seconds: u64,
    /// The tolerated difference between clocks.
    pub leeway_seconds: u64,
}

impl Margins {
    /// The shortest interval from `retire_at` to `remove_at`.
    #[must_use]
    pub const fn tail_seconds(&self) -> u64 {
        self.longest_token_seconds.saturating_add(self.leeway_seconds)
    }
}

/// Why a schedule could make a valid token unverifiable, or leave a time without a signing key. Intervals are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Two of the four times are in the wrong order.
    #[error("{later} is {by} s before {earlier}")]
    OutOfOrder {
        /// The time that must come first.
        earlier: &'static str,
        /// The time that comes too early.
        later: &'static str,
        /// By how much.
        by: u64,
    },
    /// The key signs before all consumers can have fetched it.
    #[error(
        "publish_at -> activate_at is {actual} s, but consumers may cache a key set without this key for {required} s: {} s too short",
        .required.saturating_sub(*.actual)
    )]
    LeadTooShort {
        /// What it is.
        actual: u64,
        /// What it must be at least.
        required: u64,
    },
    /// The key is removed while tokens that it signed are still valid.
    #[error(
        "retire_at -> remove_at is {actual} s, but the last token is valid for up to {required} s, leeway included: {} s too short",
        .required.saturating_sub(*.actual)
    )]
    TailTooShort {
        /// What it is.
        actual: u64,
        /// What it must be at least.
        required: u64,
    },
    /// No key signs between the previous key and this one.
    #[error(
        "the previous {series} key retires {seconds} s before this one is activated, so no key signs in between"
    )]
    Gap {
        /// The series that has no signing key.
        series: Series,
        /// For how many seconds.
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

    /// How to fix it.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::OutOfOrder { .. } => {
                "keep the order publish_at <= activate_at < retire_at <= remove_at".to_owned()
            }
            Self::LeadTooShort { required, .. } => {
                format!(
                    "set activate_at at least {required} s after publish_at, or lower exchange.jwks_max_age_seconds"
                )
            }
            Self::TailTooShort { required, .. } => {
                format!(
                    "set remove_at at least {required} s after retire_at, or lower the greatest `ttl_seconds`"
                )
            }
            Self::Gap { seconds, .. } => {
                format!(
                    "set its activate_at {seconds} s earlier, or the retire_at of the previous key {seconds} s later"
                )
            }
        }
    }
}

impl Schedule {
    /// The state of the key at `now`.
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

    /// The times at which this key changes the published key set.
    #[must_use]
    pub fn changes(&self) -> [Timestamp; 2] {
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

/// All faults of the schedules, each with the index of its key. The result depends only on the schedules and not on the current
/// time, so all isolates agree.
///
/// The key with the earliest `publish_at` needs no interval before `activate_at`: no consumer can have a set from before it.
#[must_use]
pub fn faults(keys: &[(Series, Schedule)], margins: &Margins) -> Vec<(usize, ScheduleError)> {
    let first_shown = keys.iter().map(|(_, schedule)| schedule.publish_at).min();
    let mut faults = Vec::new();
    for (index, (series, schedule)) in keys.iter().enumerate() {
        let before = faults.len();
        faults.extend(schedule.order_faults().map(|fault| (index, fault)));
        if faults.len() > before {
            // Intervals between times in the wrong order have no meaning.
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

/// The seconds from `from` to `to`; 0 if `to` is earlier.
fn span(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from)).unwrap_or(0)
}
