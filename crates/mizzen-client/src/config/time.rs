//! Durations and timestamps of proto3 JSON, for instance `"1.5s"` and `"2017-07-14T02:40:00.25Z"`.

use super::error::ConfigError;
use super::read::{Node, kind};
use crate::value::Time;
use serde_json::Value;
use std::time::Duration;

/// The longest duration of proto3, about ten thousand years.
const LONGEST: i64 = 315_576_000_000;

/// What the protocol cuts every configured duration to: a day.
const CAP: Duration = Duration::from_secs(86_400);

const ACCEPTED: &str = "seconds with a unit, for instance \"1.5s\"";
const ACCEPTED_TIMESTAMP: &str = "a time of RFC 3339 from year 1 to 9999, for instance \"2017-07-14T02:40:00.25Z\"";

impl Node<'_> {
    /// A duration of either sign.
    pub(super) fn duration(&self) -> Result<Time, ConfigError> {
        let Value::String(text) = self.value else {
            return Err(self.error(format!("expected a duration, not {}", kind(self.value)), ACCEPTED));
        };
        parse_duration(text).ok_or_else(|| self.error("not a duration", ACCEPTED))
    }

    /// A duration that is not negative, cut to a day.
    pub(super) fn wait(&self) -> Result<Duration, ConfigError> {
        let time = self.duration()?;
        to_duration(time).map(|wait| wait.min(CAP)).ok_or_else(|| self.error("must not be negative", ACCEPTED))
    }

    /// A duration, cut to a day, or `default` for one that is not positive.
    pub(super) fn period(&self, default: Duration) -> Result<Duration, ConfigError> {
        let period = to_duration(self.duration()?).filter(|period| !period.is_zero());
        Ok(period.map_or(default, |period| period.min(CAP)))
    }

    pub(super) fn timestamp(&self) -> Result<Time, ConfigError> {
        let Value::String(text) = self.value else {
            return Err(self.error(format!("expected a timestamp, not {}", kind(self.value)), ACCEPTED_TIMESTAMP));
        };
        parse_timestamp(text).ok_or_else(|| self.error("not a timestamp", ACCEPTED_TIMESTAMP))
    }
}

fn to_duration(time: Time) -> Option<Duration> {
    Some(Duration::new(u64::try_from(time.seconds).ok()?, u32::try_from(time.nanos).ok()?))
}

fn parse_duration(text: &str) -> Option<Time> {
    let text = text.strip_suffix('s')?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if digits.ends_with('.') {
        return None;
    }
    let seconds: i64 = number(seconds).filter(|seconds| *seconds <= LONGEST)?;
    Some(Time { seconds: sign * seconds, nanos: sign as i32 * parse_fraction(fraction)? })
}

/// Nanoseconds from the digits after the point.
fn parse_fraction(digits: &str) -> Option<i32> {
    if digits.is_empty() {
        return Some(0);
    }
    let value: i64 = number(digits).filter(|_| digits.len() <= 9)?;
    i32::try_from(value * 10_i64.pow(9 - digits.len() as u32)).ok()
}

/// Digits only: no sign, not empty.
fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn parse_timestamp(text: &str) -> Option<Time> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let (clock, offset) = match rest.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => {
            let at = rest.rfind(['+', '-'])?;
            (&rest[..at], parse_offset(&rest[at..])?)
        }
    };
    let mut date = date.split('-');
    let (year, month, day) = (field(date.next()?, 4)?, field(date.next()?, 2)?, field(date.next()?, 2)?);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.split(':');
    let (hour, minute, second) = (field(clock.next()?, 2)?, field(clock.next()?, 2)?, field(clock.next()?, 2)?);
    let valid = date.next().is_none()
        && clock.next().is_none()
        && year >= 1
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    valid.then_some(Time { seconds, nanos: parse_fraction(fraction)? })
}

fn parse_offset(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text[1..].split_once(':')?;
    let (hours, minutes) = (field(hours, 2)?, field(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn field(digits: &str, len: usize) -> Option<i64> {
    number(digits).filter(|_| digits.len() == len)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 January 1970, in the calendar that counts March as the first month so that a leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The date of a day counted from 1 January 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let year = year + era * 400 + i64::from(month >= 10);
    (year, (month + 2) % 12 + 1, day_of_year - (153 * month + 2) / 5 + 1)
}

/// The canonical text of a duration.
pub(super) fn format_duration(time: Time) -> String {
    let sign = if time.seconds < 0 || time.nanos < 0 { "-" } else { "" };
    format!("{sign}{}{}s", time.seconds.unsigned_abs(), fraction(time.nanos.unsigned_abs()))
}

/// The canonical text of a wait.
pub(super) fn format_wait(wait: Duration) -> String {
    format!("{}{}s", wait.as_secs(), fraction(wait.subsec_nanos()))
}

/// The canonical text of a timestamp.
pub(super) fn format_timestamp(time: Time) -> String {
    let (year, month, day) = date_of(time.seconds.div_euclid(86_400));
    let second = time.seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = fraction(time.nanos.unsigned_abs());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// A point and as many digits as needed, or nothing.
fn fraction(nanos: u32) -> String {
    if nanos == 0 {
        return String::new();
    }
    format!(".{nanos:09}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, seconds, nanos) in [
            ("0s", 0, 0),
            ("1.5s", 1, 500_000_000),
            ("-0.25s", 0, -250_000_000),
            ("-3s", -3, 0),
            ("0.000000001s", 0, 1),
            ("315576000000s", LONGEST, 0),
        ] {
            let time = Time { seconds, nanos };
            assert_eq!(parse_duration(text), Some(time), "{text}");
            assert_eq!(format_duration(time), text);
        }
        for wrong in ["", "s", "1", "1.s", ".5s", "1.0000000001s", "+1s", "1ms", "--1s", "1 s", "315576000001s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn timestamps_read_and_write() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2017-07-14T02:40:00.25Z", 1_500_000_000, 250_000_000),
            ("2000-02-29T23:59:59Z", 951_868_799, 0),
            ("1969-12-31T23:59:59Z", -1, 0),
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
            ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
        ] {
            let time = Time { seconds, nanos };
            assert_eq!(parse_timestamp(text), Some(time), "{text}");
            assert_eq!(format_timestamp(time), text);
        }
        let shifted = parse_timestamp("2017-07-14t04:40:00+02:00");
        assert_eq!(shifted, Some(Time { seconds: 1_500_000_000, nanos: 0 }));
        for wrong in [
            "2017-07-14",
            "2017-07-14T02:40Z",
            "2017-02-29T00:00:00Z",
            "2017-13-01T00:00:00Z",
            "2017-07-14T24:00:00Z",
            "2017-07-14T02:40:00",
            "17-07-14T02:40:00Z",
            "0000-01-01T00:00:00Z",
            "2017-07-14T02:40:00+2:00",
            "2017-07-14T02:40:00.1234567890Z",
        ] {
            assert_eq!(parse_timestamp(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_reads_back() {
        for days in -200_000..200_000 {
            let (year, month, day) = date_of(days);
            assert_eq!(days_since_epoch(year, month, day), days);
            assert!((1..=days_in(year, month)).contains(&day));
        }
    }
}
