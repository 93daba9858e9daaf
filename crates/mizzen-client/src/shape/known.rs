//! The shapes of the answers seen so far.

use super::Shape;
use crate::bag::Bag;

/// How many shapes are known at most. A Mixer's policy makes a handful; each costs every lookup a little.
const MAX_SHAPES: usize = 64;

/// One shape and what is remembered under it. The owner of the shapes numbers them and uses no number twice.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: u64,
    shape: Shape,
    /// How many decisions are remembered under it.
    pub(crate) entries: usize,
    /// How many others may use the latest answer of this shape; negative = all. Only the check cache cares.
    pub(crate) uses: i32,
    last_answer: u64,
}

impl Slot {
    pub(crate) fn new(id: u64, shape: Shape, uses: i32) -> Slot {
        Slot { id, shape, entries: 0, uses, last_answer: 0 }
    }

    /// Writes the key of `bag`, which starts with the shape's number; `false` if the bag does not fit.
    pub(crate) fn write_key(&self, bag: &Bag, key: &mut Vec<u8>) -> bool {
        key.clear();
        key.extend_from_slice(&self.id.to_le_bytes());
        self.shape.write_key(bag, key)
    }
}

/// The shapes, those found most often towards the front.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    slots: Vec<Slot>,
    answers: u64,
}

impl Shapes {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn at(&self, position: usize) -> &Slot {
        &self.slots[position]
    }

    /// The number of a known shape.
    pub(crate) fn id_of(&self, shape: &Shape) -> Option<u64> {
        self.slots.iter().find(|slot| slot.shape == *shape).map(|slot| slot.id)
    }

    /// Notes an answer of this shape; returns the number of a shape that had to give way.
    pub(crate) fn keep(&mut self, mut slot: Slot) -> Option<u64> {
        self.answers += 1;
        slot.last_answer = self.answers;
        if let Some(known) = self.slots.iter_mut().find(|known| known.id == slot.id) {
            known.uses = slot.uses;
            known.last_answer = slot.last_answer;
            return None;
        }
        let dropped = if self.slots.len() == MAX_SHAPES { self.drop_one() } else { None };
        self.slots.push(slot);
        dropped
    }

    /// Drops the shape longest without an answer, one without decisions first.
    fn drop_one(&mut self) -> Option<u64> {
        let (position, _) =
            self.slots.iter().enumerate().min_by_key(|(_, slot)| (slot.entries > 0, slot.last_answer))?;
        Some(self.slots.remove(position).id)
    }

    /// Notes that the shape at `position` led to a decision: it moves one place forward.
    pub(crate) fn found(&mut self, position: usize) {
        if position > 0 {
            self.slots.swap(position - 1, position);
        }
    }

    pub(crate) fn gained_entry(&mut self, id: u64) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == id) {
            slot.entries += 1;
        }
    }

    pub(crate) fn lost_entry(&mut self, id: u64) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == id) {
            slot.entries -= 1;
        }
    }
}
