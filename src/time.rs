//! Instants in whole seconds since the Unix epoch, the unit of every time in a JWT (RFC 7519 §2, `NumericDate`).
//!
//! Arithmetic saturates: an instant far outside the calendar compares correctly instead of wrapping.

use std::fmt;

/// An instant, in seconds since 1970-01-01T00:00:00Z, leap seconds ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant that lies `seconds` after the epoch.
    #[must_use]
    pub const fn from_epoch_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn epoch_seconds(self) -> i64 {
        self.0
    }

    /// This instant, `seconds` later.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add_unsigned(seconds))
    }

    /// This instant, `seconds` earlier.
    #[must_use]
    pub const fn minus(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub_unsigned(seconds))
    }

    /// Seconds from `earlier` to this instant; negative when `earlier` in fact lies later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant as people read it and RFC 3339 §5.6 has it, in UTC: `2026-11-21T23:00:00Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let second_of_day = self.0.rem_euclid(86_400);
        let (year, month, day) = civil(self.0.div_euclid(86_400));
        let (hour, minute) = (second_of_day.div_euclid(3600), second_of_day.rem_euclid(3600).div_euclid(60));
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second_of_day.rem_euclid(60))
    }
}

/// The Gregorian date `days` days after 1970-01-01. Years are counted from March, so that the day a leap year has more
/// is its last.
// Far outside the calendar the sums saturate, and what comes out is no date; nothing wraps.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let since_march_0 = days.saturating_add(719_468);
    let era = since_march_0.div_euclid(DAYS_OF_400_YEARS);
    let day = since_march_0.rem_euclid(DAYS_OF_400_YEARS);
    let leap_days =
        day.div_euclid(1460).saturating_sub(day.div_euclid(36_524)).saturating_add(day.div_euclid(146_096));
    let year = day.saturating_sub(leap_days).div_euclid(365);
    let before_year =
        year.saturating_mul(365).saturating_add(year.div_euclid(4)).saturating_sub(year.div_euclid(100));
    let day_of_year = day.saturating_sub(before_year);
    // Five months from March on have 153 days, and so have the next five.
    let month = day_of_year.saturating_mul(5).saturating_add(2).div_euclid(153);
    let before_month = month.saturating_mul(153).saturating_add(2).div_euclid(5);
    let calendar_month = if month < 10 { month.saturating_add(3) } else { month.saturating_sub(9) };
    let calendar_year = era.saturating_mul(400).saturating_add(year).saturating_add(i64::from(month >= 10));
    (calendar_year, calendar_month, day_of_year.saturating_sub(before_month).saturating_add(1))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_as_its_date_and_time() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_210_096, "2024-02-29T12:34:56Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp::from_epoch_seconds(seconds).rfc3339(), written);
        }
    }
}
