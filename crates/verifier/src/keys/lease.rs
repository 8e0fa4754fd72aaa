//! The right to fetch. It ends by itself, because a server may drop the future that has it.

use super::freshness::is_future;
use crate::limits::LEASE_MARGIN_SECONDS;
use crate::time::Timestamp;

/// The right to ask the origin. It ends after its time, or when it is given back, or when the clock is set back to long before it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    number: u64,
    since: Timestamp,
    until: Timestamp,
}

impl Lease {
    /// The lease of this number, which begins at `now`.
    pub(super) fn new(number: u64, now: Timestamp, seconds: u64) -> Self {
        Self { number, since: now, until: now.plus(seconds) }
    }

    /// Whether it has not ended at `now`.
    pub(super) fn is_held(&self, now: Timestamp) -> bool {
        now < self.until && !is_future(self.since, now)
    }

    /// Whether it has this number: so whether it is still the one that was taken under it.
    pub(super) const fn is(&self, number: u64) -> bool {
        self.number == number
    }
}

/// For how many seconds a lease lasts in which one fetch with this time limit is made.
pub(super) fn fetch_seconds(timeout_ms: u32) -> u64 {
    u64::from(timeout_ms.div_ceil(1000)).saturating_add(LEASE_MARGIN_SECONDS)
}
