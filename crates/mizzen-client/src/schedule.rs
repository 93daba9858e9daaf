//! Things that are due later, the earliest first.

use crate::instant::Instant;
use std::collections::BTreeMap;

/// Where an item stands in a schedule: by its time, and among those of equal time by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    due: Instant,
    number: u64,
}

/// Items with their times. Adding, taking and removing cost O(log n).
#[derive(Debug)]
pub struct Schedule<T> {
    waiting: BTreeMap<Place, T>,
    added: u64,
}

impl<T> Schedule<T> {
    /// A schedule without items.
    pub const fn new() -> Schedule<T> {
        Schedule { waiting: BTreeMap::new(), added: 0 }
    }

    /// Adds an item; the place is its own for good.
    pub fn add(&mut self, due: Instant, item: T) -> Place {
        self.added += 1;
        let place = Place { due, number: self.added };
        self.waiting.insert(place, item);
        place
    }

    /// Takes an item out before its time; `None` if it was taken.
    pub fn remove(&mut self, place: Place) -> Option<T> {
        self.waiting.remove(&place)
    }

    /// Whether the item at this place is the first, so that who waits for the first must wait anew.
    pub fn is_first(&self, place: Place) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| *first == place)
    }

    /// When the first item is due.
    pub fn first(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|(place, _)| place.due)
    }

    /// Takes the first item if it is due.
    pub fn take_due(&mut self, now: Instant) -> Option<T> {
        let first = self.waiting.first_entry().filter(|first| first.key().due <= now)?;
        Some(first.remove())
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no item waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets all items.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl<T> Default for Schedule<T> {
    fn default() -> Schedule<T> {
        Schedule::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_taken_before_its_time() {
        let mut schedule = Schedule::new();
        let later = schedule.add(Instant::from_millis(5), "later");
        let first = schedule.add(Instant::from_millis(3), "first");
        let second = schedule.add(Instant::from_millis(3), "second");
        assert_eq!([later, first, second].map(|place| schedule.is_first(place)), [false, true, false]);
        assert_eq!(schedule.take_due(Instant::from_millis(2)), None);
        assert_eq!(schedule.take_due(Instant::from_millis(3)), Some("first"));
        assert_eq!(schedule.take_due(Instant::from_millis(9)), Some("second"));
        assert_eq!(schedule.first(), Some(Instant::from_millis(5)));
        schedule.clear();
        assert!(schedule.is_empty() && schedule.take_due(Instant::from_millis(9)).is_none());
    }

    #[test]
    fn a_removed_item_never_comes() {
        let mut schedule = Schedule::new();
        let place = schedule.add(Instant::from_millis(1), "gone");
        assert_eq!(schedule.remove(place), Some("gone"));
        assert_eq!(schedule.remove(place), None);
        assert_eq!((schedule.len(), schedule.first()), (0, None));
    }

    proptest! {
        #[test]
        fn items_come_by_time_and_then_by_age(
            times in prop::collection::vec((0_u64..20, any::<bool>()), 0..60),
        ) {
            let mut schedule = Schedule::new();
            let mut expected = Vec::new();
            for (number, (time, removed)) in times.iter().enumerate() {
                let place = schedule.add(Instant::from_millis(*time), (*time, number));
                if *removed {
                    schedule.remove(place);
                } else {
                    expected.push((*time, number));
                }
            }
            expected.sort_unstable();
            let taken: Vec<_> = std::iter::from_fn(|| schedule.take_due(Instant::from_millis(20))).collect();
            prop_assert_eq!(taken, expected);
        }
    }
}
