//! Walking a bag in the order of its names.

use super::{Bag, Entry};

/// Entries in byte order of their names: the known ones by rank, the others merged in.
pub(crate) struct Entries<'a> {
    bag: &'a Bag,
    /// What is left of the current word of `present`.
    bits: u64,
    word: usize,
    others: &'a [Entry],
    /// The order of the first of `others`.
    other: u16,
}

impl<'a> Entries<'a> {
    pub(super) fn new(bag: &'a Bag) -> Entries<'a> {
        let other = bag.others.first().map_or(u16::MAX, |entry| entry.name.order());
        Entries { bag, bits: bag.present[0], word: 0, others: &bag.others, other }
    }

    fn next_other(&mut self) -> Option<&'a Entry> {
        let (entry, rest) = self.others.split_first()?;
        self.others = rest;
        self.other = rest.first().map_or(u16::MAX, |entry| entry.name.order());
        Some(entry)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a Entry;

    #[inline]
    fn next(&mut self) -> Option<&'a Entry> {
        while self.bits == 0 {
            if self.word + 1 == self.bag.present.len() {
                return self.next_other();
            }
            self.word += 1;
            self.bits = self.bag.present[self.word];
        }
        let rank = self.word * 64 + self.bits.trailing_zeros() as usize;
        if usize::from(self.other) <= 2 * rank {
            return self.next_other();
        }
        self.bits &= self.bits - 1;
        self.bag.known.get(usize::from(self.bag.slots[rank]).wrapping_sub(1))
    }
}
