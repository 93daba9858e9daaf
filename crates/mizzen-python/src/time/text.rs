//! Times as people write them.

use super::SECOND;

/// RFC 3339 in UTC with as many decimals as needed, like Go's RFC3339Nano.
pub(super) fn rfc3339(nanoseconds: i128) -> String {
    let seconds = nanoseconds.div_euclid(SECOND);
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = fraction(nanoseconds.rem_euclid(SECOND), 9);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The form of Go's `time.Duration.String`: `1h2m3.5s`, `1.5ms`, `0s`.
pub(super) fn go_duration(nanoseconds: i128) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let size = nanoseconds.abs();
    let (unit, digits, scale) = match size {
        0 => return "0s".to_owned(),
        1..1_000 => ("ns", 0, 1),
        1_000..1_000_000 => ("µs", 3, 1_000),
        1_000_000..SECOND => ("ms", 6, 1_000_000),
        _ => ("s", 9, SECOND),
    };
    let (whole, fraction) = (size / scale, fraction(size % scale, digits));
    if whole < 60 || scale != SECOND {
        return format!("{sign}{whole}{fraction}{unit}");
    }
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    let hours = if hours > 0 { format!("{hours}h") } else { String::new() };
    format!("{sign}{hours}{minutes}m{seconds}{fraction}s")
}

/// `.25` of 250,000,000 parts of 9 digits; nothing of 0.
fn fraction(part: i128, digits: usize) -> String {
    if part == 0 {
        return String::new();
    }
    let text = format!(".{part:0digits$}");
    text.trim_end_matches('0').to_owned()
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
fn date(days: i128) -> (i128, i128, i128) {
    // counted from 0000-03-01, so that a leap day ends its year; an era is 400 years
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i128::from(month <= 2), month, day)
}
