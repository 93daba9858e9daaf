//! Things that are due later, the earliest first.

use crate::instant::Instant;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Items with their times; those of equal time keep their order. Adding and taking cost O(log n).
#[derive(Debug)]
pub struct Schedule<T> {
    waiting: BinaryHeap<Entry<T>>,
    added: u64,
}

#[derive(Debug)]
struct Entry<T> {
    due: Instant,
    number: u64,
    item: T,
}

impl<T> Schedule<T> {
    /// A schedule without items.
    pub const fn new() -> Schedule<T> {
        Schedule { waiting: BinaryHeap::new(), added: 0 }
    }

    /// Adds an item; true if it is due before all others, so that who waits for the first must wait anew.
    pub fn add(&mut self, due: Instant, item: T) -> bool {
        let first = self.first().is_none_or(|first| due < first);
        self.added += 1;
        self.waiting.push(Entry { due, number: self.added, item });
        first
    }

    /// When the first item is due.
    pub fn first(&self) -> Option<Instant> {
        self.waiting.peek().map(|entry| entry.due)
    }

    /// Takes the first item if it is due.
    pub fn take_due(&mut self, now: Instant) -> Option<T> {
        self.first().filter(|first| *first <= now)?;
        self.waiting.pop().map(|entry| entry.item)
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no item waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets all items and their memory.
    pub fn clear(&mut self) {
        self.waiting = BinaryHeap::new();
    }
}

impl<T> Default for Schedule<T> {
    fn default() -> Schedule<T> {
        Schedule::new()
    }
}

impl<T> Entry<T> {
    fn key(&self) -> (Instant, u64) {
        (self.due, self.number)
    }
}

// The heap gives its greatest first, so the earliest entry is the greatest.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Entry<T>) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Entry<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Entry<T>) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_taken_before_its_time() {
        let mut schedule = Schedule::new();
        assert!(schedule.add(Instant::from_millis(5), "later"));
        assert!(schedule.add(Instant::from_millis(3), "first"));
        assert!(!schedule.add(Instant::from_millis(3), "second"));
        assert_eq!(schedule.take_due(Instant::from_millis(2)), None);
        assert_eq!(schedule.take_due(Instant::from_millis(3)), Some("first"));
        assert_eq!(schedule.take_due(Instant::from_millis(9)), Some("second"));
        assert_eq!(schedule.first(), Some(Instant::from_millis(5)));
        schedule.clear();
        assert!(schedule.is_empty() && schedule.take_due(Instant::from_millis(9)).is_none());
    }

    proptest! {
        #[test]
        fn items_come_by_time_and_then_by_age(times in prop::collection::vec(0_u64..20, 0..60)) {
            let mut schedule = Schedule::new();
            for (number, time) in times.iter().enumerate() {
                let first = times[..number].iter().all(|other| time < other);
                prop_assert_eq!(schedule.add(Instant::from_millis(*time), (*time, number)), first);
            }
            let mut expected: Vec<_> = times.iter().copied().zip(0..).collect();
            expected.sort_unstable();
            let taken: Vec<_> = std::iter::from_fn(|| schedule.take_due(Instant::from_millis(20))).collect();
            prop_assert_eq!(taken, expected);
        }
    }
}
