//! Instants in whole seconds since the Unix epoch, the unit of every time in a JWT (RFC 7519 §2, `NumericDate`).
//!
//! Arithmetic saturates, so instants far outside the calendar still compare correctly.

use std::fmt;

/// An instant, in seconds since 1970-01-01T00:00:00Z without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `seconds` after the epoch.
    #[must_use]
    pub const fn from_epoch_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn epoch_seconds(self) -> i64 {
        self.0
    }

    /// The instant `seconds` after this one.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add_unsigned(seconds))
    }

    /// The instant `seconds` before this one.
    #[must_use]
    pub const fn minus(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub_unsigned(seconds))
    }

    /// Seconds from `earlier` to this instant; negative if `earlier` is in fact later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant in UTC in the format of RFC 3339 §5.6, as in `2026-11-21T23:00:00Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let second_of_day = self.0.rem_euclid(86_400);
        let (year, month, day) = civil(self.0.div_euclid(86_400));
        let (hour, minute) = (second_of_day.div_euclid(3600), second_of_day.rem_euclid(3600).div_euclid(60));
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second_of_day.rem_euclid(60))
    }
}

/// Year, month and day of the Gregorian date `days` days after 1970-01-01. Internally a year starts in March, so that a leap day
/// is the year's last day. Far outside the calendar the sums saturate, and the result is not a valid date.
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
    // March to July have 153 days together, and so have August to December.
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

/// A duration in its two largest units, as in `3 min 12 s` or `2 d 4 h`, without its sign.
#[must_use]
pub fn duration_in_words(seconds: i64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds.unsigned_abs();
    let mut parts = Vec::new();
    for (length, name) in UNITS {
        let count = left.checked_div(length).unwrap_or(0);
        left = left.checked_rem(length).unwrap_or(0);
        if count > 0 {
            parts.push(format!("{count} {name}"));
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// Days from 1970-01-01 to the given date of the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    // Internally a year starts in March, so that a leap day is the year's last day.
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = month.checked_add(9)?.rem_euclid(12);
    let day_of_year =
        month_from_march.checked_mul(153)?.checked_add(2)?.div_euclid(5).checked_add(day)?.checked_sub(1)?;
    let leap_days = year_of_era.div_euclid(4).checked_sub(year_of_era.div_euclid(100))?;
    let day_of_era = year_of_era.checked_mul(365)?.checked_add(leap_days)?.checked_add(day_of_year)?;
    era.checked_mul(146_097)?.checked_add(day_of_era)?.checked_sub(719_468)
}

impl Timestamp {
    /// The instant in an HTTP `Date` header, in the only form that senders may use (RFC 9110 §5.6.7, IMF-fixdate); `None` for any
    /// other text.
    #[must_use]
    pub fn from_http_date(text: &str) -> Option<Self> {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (_, rest) = text.trim().split_once(", ")?;
        let mut words = rest.split(' ');
        let day: i64 = words.next()?.parse().ok()?;
        let name = words.next()?;
        let month = i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()?.checked_add(1)?;
        let year: i64 = words.next()?.parse().ok()?;
        let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
        let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
        let in_range = (1..=31).contains(&day)
            && (0..10_000).contains(&year)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..=60).contains(&second);
        if !in_range || words.next() != Some("GMT") {
            return None;
        }
        let days = days_from_civil(year, month, day)?;
        let of_day = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
        Some(Self(days.checked_mul(86_400)?.checked_add(of_day)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_formatted_as_date_and_time() {
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

    #[test]
    fn a_date_header_is_read_in_the_only_form_that_may_be_sent() {
        let read = |text| Timestamp::from_http_date(text).map(Timestamp::epoch_seconds);
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(read("Fri, 15 Jan 2027 08:00:00 GMT"), Some(1_800_000_000));
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 25:49:37 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_in_its_two_largest_units() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (-192, "3 min 12 s"),
            (3600, "1 h"),
            (3661, "1 h 1 min"),
            (86_400 + 59, "1 d"),
            (i64::MIN, "106751991167300 d 15 h"),
        ] {
            assert_eq!(duration_in_words(seconds), words);
        }
    }
}
