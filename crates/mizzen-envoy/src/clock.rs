//! The two clocks: one that never goes back, for what expires and waits, and the wall's, for what is told.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mizzen_client::Time;
use mizzen_client::instant::Instant;

static ZERO: OnceLock<std::time::Instant> = OnceLock::new();

/// Nanoseconds since the first call in this process.
pub(crate) fn now() -> Instant {
    let zero = ZERO.get_or_init(std::time::Instant::now);
    Instant::from_nanos(u64::try_from(zero.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// How much earlier than this clock tells Envoy's timers may fire: they start from the time at which their event loop last woke.
const TIMER_SLACK: Duration = Duration::from_millis(10);

/// Whether what was allowed `limit` from `start` on and ended `now` was ended by its timer.
pub(crate) fn is_over(start: Instant, limit: Duration, now: Instant) -> bool {
    now.since(start) + TIMER_SLACK >= limit
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn wall_nanos() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// The wall clock's time.
pub(crate) fn wall() -> Time {
    Time::from_nanos(wall_nanos())
}
