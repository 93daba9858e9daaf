//! How much was used within the last second.

use crate::instant::Instant;

const SLOTS: usize = 20;
const SLOT_NANOS: u64 = 50_000_000;

/// A ring of twenty slots of 50 ms that starts when it is made.
#[derive(Clone, Debug)]
pub(super) struct Usage {
    slots: [i64; SLOTS],
    /// The slot of `start`.
    position: usize,
    /// When the current slot began.
    start: Instant,
}

impl Usage {
    pub(super) fn new(now: Instant) -> Usage {
        Usage { slots: [0; SLOTS], position: 0, start: now }
    }

    /// Adds to the current slot.
    pub(super) fn add(&mut self, amount: i64, now: Instant) {
        self.advance(now);
        self.slots[self.position] = self.slots[self.position].saturating_add(amount);
    }

    /// What was added within the window.
    pub(super) fn total(&mut self, now: Instant) -> i64 {
        self.advance(now);
        self.slots.iter().fold(0, |sum, slot| sum.saturating_add(*slot))
    }

    fn advance(&mut self, now: Instant) {
        let passed = now.as_nanos().saturating_sub(self.start.as_nanos()) / SLOT_NANOS;
        if passed == 0 {
            return;
        }
        for _ in 0..passed.min(SLOTS as u64) {
            self.position = (self.position + 1) % SLOTS;
            self.slots[self.position] = 0;
        }
        self.start = Instant::from_nanos(self.start.as_nanos() + passed * SLOT_NANOS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_falls_out_slot_by_slot() {
        let mut usage = Usage::new(Instant::from_millis(7));
        usage.add(3, Instant::from_millis(10));
        usage.add(4, Instant::from_millis(60));
        assert_eq!(usage.total(Instant::from_millis(1006)), 7);
        assert_eq!(usage.total(Instant::from_millis(1007)), 4);
        assert_eq!(usage.total(Instant::from_millis(1057)), 0);
    }

    #[test]
    fn a_long_pause_clears_everything() {
        let mut usage = Usage::new(Instant::default());
        usage.add(5, Instant::default());
        assert_eq!(usage.total(Instant::from_millis(u64::MAX / 2_000_000)), 0);
    }
}
