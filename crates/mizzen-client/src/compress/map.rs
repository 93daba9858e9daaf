//! The words of a string map, with those of last time as guesses.

use super::cursor::{Cursor, Encoded};
use super::turned;
use crate::bag::Bag;
use crate::dictionary::{MessageWords, WordLimit};
use crate::name::Name;
use crate::value::Span;
use crate::wire::{BYTES, tag};

/// How far ahead a guess is looked for: last time there may have been a few that are missing now.
const NEAR: usize = 3;

/// The tag of an entry of a string map.
const PAIR: u8 = tag(1, BYTES);

/// The position of a fitting guess at `at` or soon after.
#[inline]
pub(super) fn find_near<T>(guesses: &[T], at: usize, fits: impl FnMut(&T) -> bool) -> Option<usize> {
    guesses.get(at..)?.iter().take(NEAR).position(fits).map(|skipped| at + skipped)
}

/// A key and a value, by their indices and as they go out.
#[derive(Clone, Copy, Default)]
struct Pair {
    key: i32,
    value: i32,
    entry: Encoded,
}

impl Pair {
    /// Gives the value its index; returns the size of the pair on the wire.
    #[inline]
    fn look_up(&mut self, value: &[u8], limit: WordLimit, words: &mut MessageWords) -> usize {
        self.value = words.index_near(value, limit, self.value);
        self.entry = self.entry.or_new(PAIR, self.key, self.value);
        self.entry.size()
    }
}

pub(super) struct MapWords {
    pub(super) name: Name,
    /// In byte order of the keys.
    pairs: Vec<Pair>,
    /// The positions of the pairs by ascending index of their keys.
    order: Vec<u32>,
    size: usize,
}

impl MapWords {
    pub(super) fn new(name: Name) -> MapWords {
        MapWords { name, pairs: Vec::new(), order: Vec::new(), size: 0 }
    }

    /// The size of all pairs on the wire.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Gives the words of a map their indices.
    pub(super) fn look_up(&mut self, bag: &Bag, map: Span, limit: WordLimit, words: &mut MessageWords) {
        let arena = bag.text().as_bytes();
        let pairs = bag.stored_pairs(map);
        let mut moved = pairs.len() != self.pairs.len();
        self.size = 0;
        for (at, pair) in pairs.iter().enumerate() {
            let guess = self.pairs.get(at).map_or(0, |pair| pair.key);
            let key = words.index_near(pair.key.bytes(arena), limit, guess);
            if key != guess || at >= self.pairs.len() {
                moved = true;
                self.align(at, key);
            }
            self.size += self.pairs[at].look_up(pair.value.bytes(arena), limit, words);
        }
        self.pairs.truncate(pairs.len());
        if moved {
            self.sort();
        }
    }

    /// Gives the words of some pairs, named by bits, their indices; all others and the keys are those of last time.
    pub(super) fn look_up_some(
        &mut self,
        bag: &Bag,
        map: Span,
        mut some: u64,
        limit: WordLimit,
        words: &mut MessageWords,
    ) {
        let arena = bag.text().as_bytes();
        let pairs = bag.stored_pairs(map);
        while some != 0 {
            let at = some.trailing_zeros() as usize;
            some &= some - 1;
            if let (Some(pair), Some(known)) = (pairs.get(at), self.pairs.get_mut(at)) {
                self.size -= known.entry.size();
                self.size += known.look_up(pair.value.bytes(arena), limit, words);
            }
        }
    }

    /// Brings what is known of `key` to position `at`, where there was another key.
    fn align(&mut self, at: usize, key: i32) {
        match find_near(&self.pairs, at, |pair| pair.key == key) {
            Some(found) => drop(self.pairs.drain(at..found)),
            None => self.pairs.insert(at, Pair { key, ..Pair::default() }),
        }
    }

    fn sort(&mut self) {
        self.order.clear();
        self.order.extend(0..self.pairs.len() as u32);
        self.order.sort_unstable_by_key(|place| turned(self.pairs[*place as usize].key));
    }

    /// Writes the pairs by ascending index of their keys.
    pub(super) fn write(&self, out: &mut Cursor<'_>) {
        for place in &self.order {
            out.encoded(PAIR, self.pairs[*place as usize].entry);
        }
    }
}
