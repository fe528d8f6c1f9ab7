//! Durations: an SQL interval in, a number of microseconds out, and back to words.
//!
//! For: `request`, `approve` and the rules of policies.
//! Must hold: limits compare computed lengths, never intervals. An interval compares by a month of 30 days, so
//! `1200 mon -36000 days 1 hour` passes for one hour and is a century; therefore months are refused, whatever else is
//! in there. A day is 24 hours, not a calendar day: a grant over the change to summer time lasts as long as was agreed.

use thiserror::Error;

/// Microseconds in a second, a minute, an hour and a day.
pub const SECOND: i64 = 1_000_000;
/// See [`SECOND`].
pub const MINUTE: i64 = 60 * SECOND;
/// See [`SECOND`].
pub const HOUR: i64 = 60 * MINUTE;
/// See [`SECOND`].
pub const DAY: i64 = 24 * HOUR;

/// The longest duration there is, a hundred years: an end computed from it is still a timestamp PostgreSQL can hold.
pub const MAX: i64 = 36_525 * DAY;

/// Why an interval is no duration. `Display` is for people, lower case, without full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// It holds months or years, which have no fixed length.
    #[error("a duration can't hold months or years, because they have no fixed length: use days or hours")]
    Months,
    /// It is `infinity` or `-infinity` (PostgreSQL 17 and later).
    #[error("a duration can't be infinite")]
    Infinite,
    /// It is nothing.
    #[error("a duration can't be zero")]
    Zero,
    /// It is less than nothing.
    #[error("a duration can't be negative")]
    Negative,
    /// It is longer than [`MAX`].
    #[error("a duration can't be longer than 36525 days")]
    TooLong,
}

/// The length in microseconds of an interval given by its three fields, as PostgreSQL stores them.
pub fn from_interval(months: i32, days: i32, micros: i64) -> Result<i64, DurationError> {
    // This is how PostgreSQL 17 writes the infinite ones; on 15 and 16 the same bits are just absurdly long.
    let edges = [(i32::MAX, i32::MAX, i64::MAX), (i32::MIN, i32::MIN, i64::MIN)];
    if edges.contains(&(months, days, micros)) {
        return Err(DurationError::Infinite);
    }
    if months != 0 {
        return Err(DurationError::Months);
    }
    // In 128 bits no sum of these can overflow.
    let total = i128::from(days) * i128::from(DAY) + i128::from(micros);
    match i64::try_from(total) {
        _ if total == 0 => Err(DurationError::Zero),
        _ if total < 0 => Err(DurationError::Negative),
        Ok(length) if length <= MAX => Ok(length),
        _ => Err(DurationError::TooLong),
    }
}

/// A length in words, exact, and in a form PostgreSQL reads as the same interval: `1 day 2 hours 30 minutes`.
pub fn human(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let mut rest = micros.unsigned_abs();
    let mut words = Vec::new();
    for (unit, name) in [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")] {
        let unit = unit.unsigned_abs();
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            words.push(format!("{sign}{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    let second = SECOND.unsigned_abs();
    let (whole, part) = (rest / second, rest % second);
    if part > 0 {
        let digits = format!("{part:06}");
        words.push(format!("{sign}{whole}.{} seconds", digits.trim_end_matches('0')));
    } else if whole == 1 {
        words.push(format!("{sign}1 second"));
    } else if whole > 1 || words.is_empty() {
        words.push(format!("{sign}{whole} seconds"));
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads back what [`human`] writes, as PostgreSQL would.
    fn read(text: &str) -> i128 {
        let words: Vec<&str> = text.split(' ').collect();
        words
            .chunks(2)
            .map(|pair| {
                let unit = match pair[1].trim_end_matches('s') {
                    "day" => DAY,
                    "hour" => HOUR,
                    "minute" => MINUTE,
                    _ => SECOND,
                };
                let (whole, part) = pair[0].split_once('.').unwrap_or((pair[0], ""));
                let micros: i128 = format!("{part:0<6}").parse().unwrap();
                let whole: i128 = whole.trim_start_matches('-').parse().unwrap();
                let length = whole * i128::from(unit) + micros;
                if pair[0].starts_with('-') { -length } else { length }
            })
            .sum()
    }

    #[test]
    fn a_day_is_24_hours_and_parts_add_up() {
        assert_eq!(from_interval(0, 1, 0), Ok(24 * HOUR));
        assert_eq!(from_interval(0, 1, -23 * HOUR), Ok(HOUR));
        assert_eq!(from_interval(0, 0, 1), Ok(1));
        assert_eq!(from_interval(0, 36_525, 0), Ok(MAX));
    }

    #[test]
    fn what_has_no_fixed_positive_length_is_refused() {
        assert_eq!(from_interval(1, 0, 0), Err(DurationError::Months));
        assert_eq!(from_interval(1200, -36_000, HOUR), Err(DurationError::Months));
        assert_eq!(from_interval(-1, 60, 0), Err(DurationError::Months));
        assert_eq!(from_interval(0, 0, 0), Err(DurationError::Zero));
        assert_eq!(from_interval(0, 1, -DAY), Err(DurationError::Zero));
        assert_eq!(from_interval(0, 0, -1), Err(DurationError::Negative));
        assert_eq!(from_interval(0, 36_525, 1), Err(DurationError::TooLong));
        assert_eq!(from_interval(0, i32::MAX, i64::MAX), Err(DurationError::TooLong));
        assert_eq!(from_interval(i32::MAX, i32::MAX, i64::MAX), Err(DurationError::Infinite));
        assert_eq!(from_interval(i32::MIN, i32::MIN, i64::MIN), Err(DurationError::Infinite));
    }

    #[test]
    fn words_are_those_a_person_would_use() {
        assert_eq!(human(HOUR), "1 hour");
        assert_eq!(human(30 * MINUTE), "30 minutes");
        assert_eq!(human(DAY + 2 * HOUR + SECOND), "1 day 2 hours 1 second");
        assert_eq!(human(1_500_000), "1.5 seconds");
        assert_eq!(human(0), "0 seconds");
        assert_eq!(human(-90 * MINUTE), "-1 hour -30 minutes");
    }

    proptest! {
        #[test]
        fn words_lose_nothing(micros in any::<i64>()) {
            prop_assert_eq!(read(&human(micros)), i128::from(micros));
        }

        #[test]
        fn what_is_accepted_is_positive_and_bounded(months in -2..2i32, days in any::<i32>(), micros in any::<i64>()) {
            if let Ok(length) = from_interval(months, days, micros) {
                prop_assert!(months == 0 && length > 0 && length <= MAX);
            }
        }
    }
}
