//! Points of time as the state machines take them: numbers that only the caller's clock gives meaning to.

use crate::value::Time;
use std::time::Duration;

/// A point of time in nanoseconds on a clock that never goes back, shared by the whole process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The point `nanos` nanoseconds after the clock's zero.
    pub const fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    /// The point `millis` milliseconds after the clock's zero.
    pub const fn from_millis(millis: u64) -> Instant {
        Instant(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the clock's zero.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Milliseconds since the clock's zero, cut.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The point `duration` later, or the last one there is.
    pub fn after(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// The point `time` later; a negative `time` counts as zero.
    pub fn after_time(self, time: Time) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(0)))
    }

    /// How long ago `earlier` was; zero if it is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_saturates_and_never_goes_back() {
        let end = Instant::from_nanos(u64::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        assert_eq!(Instant::from_millis(u64::MAX), end);
        assert_eq!(end.after_time(Time { seconds: i64::MAX, nanos: 0 }), end);
        assert_eq!(Instant::from_millis(5).after_time(Time { seconds: -3, nanos: 0 }), Instant::from_millis(5));
        assert_eq!(Instant::from_millis(5).since(Instant::from_millis(7)), Duration::ZERO);
    }
}
