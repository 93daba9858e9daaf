//! The end of the process: how long it waits, and for what.

use std::time::Duration;

use mizzen_client::instant::Instant;

use crate::ffi::Completion;

/// How long streams that are just ending get to come along.
const GRACE: Duration = Duration::from_millis(100);
/// The longest time that Envoy's end is held up.
const LIMIT: Duration = Duration::from_secs(2);

/// A shutdown under way; Envoy goes on to end when this is dropped.
pub(super) struct Shutdown {
    completions: Vec<Completion>,
    grace: Instant,
    limit: Instant,
}

impl Shutdown {
    pub(super) fn new(completion: Completion, now: Instant) -> Shutdown {
        Shutdown { completions: vec![completion], grace: now.after(GRACE), limit: now.after(LIMIT) }
    }

    /// Envoy was told to end once more, and waits for this completion too.
    pub(super) fn add(&mut self, completion: Completion) {
        self.completions.push(completion);
    }

    /// How much of the time is left.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.limit.since(now)
    }

    /// Until when to wait further; `None` if Envoy may end now.
    pub(super) fn wait(&self, now: Instant, drained: bool) -> Option<Instant> {
        if now < self.grace {
            return Some(self.grace);
        }
        (!drained && now < self.limit).then_some(self.limit)
    }
}
