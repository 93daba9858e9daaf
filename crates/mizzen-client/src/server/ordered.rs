//! A list without repetitions that tells the place of an item.

use std::collections::HashMap;
use std::hash::Hash;

/// Up to this many items comparing them one by one is cheaper than hashing.
const COMPARED: usize = 16;

/// Items in the order they first came.
#[derive(Clone, Debug)]
pub(super) struct Ordered<T> {
    items: Vec<T>,
    /// Places of all items, filled once there are many.
    places: HashMap<T, usize>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered { items: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Ordered<T> {
    /// The place of an item, which is appended if it is new.
    pub(super) fn place(&mut self, item: T) -> usize {
        let found = match self.places.is_empty() {
            true => self.items.iter().position(|other| *other == item),
            false => self.places.get(&item).copied(),
        };
        found.unwrap_or_else(|| self.append(item))
    }

    /// All items.
    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    fn append(&mut self, item: T) -> usize {
        let place = self.items.len();
        self.items.push(item.clone());
        if place >= COMPARED {
            if self.places.is_empty() {
                self.places = self.items.iter().cloned().zip(0..).collect();
            } else {
                self.places.insert(item, place);
            }
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_keeps_its_place_however_many_follow() {
        let mut ordered = Ordered::default();
        for round in 0..2 {
            for number in 0..100 {
                assert_eq!(ordered.place(number * 7), number, "round {round}");
            }
        }
        assert_eq!(ordered.items().len(), 100);
    }
}
