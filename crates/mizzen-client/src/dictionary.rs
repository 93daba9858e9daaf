//! Words to indices: the global dictionary below the peer's limit first, else a list that travels with the message.

use crate::wire::{BYTES, put_varint, tag};
use crate::words::{BASE_WORD_COUNT, WORD_COUNT, WORDS};
use foldhash::fast::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

/// How many global words the peer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WordLimit(u16);

impl WordLimit {
    /// All 222 words.
    pub const FULL: WordLimit = WordLimit(WORD_COUNT as u16);
    /// The 111 words every Mixer has known: what a client falls back to after an "invalid dictionary" answer.
    pub const BASE: WordLimit = WordLimit(BASE_WORD_COUNT as u16);

    /// The limit for a peer that knows `count` words; `None` if that is more than we know.
    pub fn new(count: u32) -> Option<WordLimit> {
        u16::try_from(count).ok().filter(|count| *count <= WordLimit::FULL.0).map(WordLimit)
    }

    /// The number of words.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The global words by hash. Words come from the network, so the hash is seeded anew in every process.
pub(crate) struct GlobalWords {
    state: RandomState,
    /// Eight bits of the hash above the index plus one; 0 = empty.
    slots: [u16; GlobalWords::SLOTS],
}

impl GlobalWords {
    /// Four times as many as words, so that a foreign word mostly meets an empty slot at once.
    const SLOTS: usize = 1024;

    pub(crate) fn get() -> &'static GlobalWords {
        static GLOBAL: LazyLock<GlobalWords> = LazyLock::new(GlobalWords::build);
        &GLOBAL
    }

    fn build() -> GlobalWords {
        let mut global = GlobalWords { state: RandomState::default(), slots: [0; Self::SLOTS] };
        for (index, word) in (1..).zip(WORDS) {
            let hash = global.hash(word.as_bytes());
            let mut at = hash as usize % Self::SLOTS;
            while global.slots[at] != 0 {
                at = (at + 1) % Self::SLOTS;
            }
            global.slots[at] = Self::mark(hash) | index;
        }
        global
    }

    pub(crate) fn hash(&self, word: &[u8]) -> u32 {
        let mut hasher = self.state.build_hasher();
        hasher.write(word);
        hasher.finish() as u32
    }

    fn find(&self, word: &[u8], hash: u32) -> Option<u16> {
        let mut at = hash as usize % Self::SLOTS;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            let index = (slot & 0xff) - 1;
            if slot & 0xff00 == Self::mark(hash) && same(WORDS[index as usize].as_bytes(), word) {
                return Some(index);
            }
            at = (at + 1) % Self::SLOTS;
        }
    }

    fn mark(hash: u32) -> u16 {
        (hash >> 16) as u16 & 0xff00
    }
}

/// Equality that compares short words, which most are, without a call.
fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    match left.len() {
        0..4 => left.iter().zip(right).all(|(left, right)| left == right),
        4..8 => {
            left.first_chunk::<4>() == right.first_chunk::<4>() && left.last_chunk::<4>() == right.last_chunk::<4>()
        }
        8..=16 => {
            left.first_chunk::<8>() == right.first_chunk::<8>() && left.last_chunk::<8>() == right.last_chunk::<8>()
        }
        _ => left == right,
    }
}

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u32,
    /// Position in `spans` plus one; 0 = empty.
    word: u32,
}

/// The words of one message that are not global, each once, in their wire form.
pub(crate) struct MessageWords {
    global: &'static GlobalWords,
    tag: u8,
    wire: Vec<u8>,
    spans: Vec<(u32, u32)>,
    slots: Vec<Slot>,
}

impl MessageWords {
    /// A power of two.
    const KEPT_SLOTS: usize = 1 << 16;

    /// An empty list that goes into field `field` of its message.
    pub(crate) fn new(field: u8) -> MessageWords {
        MessageWords {
            global: GlobalWords::get(),
            tag: tag(field, BYTES),
            wire: Vec::new(),
            spans: Vec::new(),
            slots: vec![Slot::default(); 64],
        }
    }

    /// Forgets all words and keeps the memory, unless it is unusually much.
    pub(crate) fn clear(&mut self) {
        self.wire.clear();
        self.wire.shrink_to(Self::KEPT_SLOTS * 16);
        self.spans.clear();
        self.spans.shrink_to(Self::KEPT_SLOTS);
        self.slots.truncate(Self::KEPT_SLOTS);
        self.slots.shrink_to(Self::KEPT_SLOTS);
        self.slots.fill(Slot::default());
    }

    /// The words as fields of the message.
    pub(crate) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// The words in the order of their slots.
    pub(crate) fn to_vec(&self) -> Vec<String> {
        (0..self.spans.len()).map(|position| String::from_utf8_lossy(self.word(position)).into_owned()).collect()
    }

    /// The index of a word, which joins the list if it is neither global nor in it.
    pub(crate) fn index(&mut self, word: &[u8], limit: WordLimit) -> i32 {
        let hash = self.global.hash(word);
        match self.global.find(word, hash) {
            Some(index) if index < limit.0 => i32::from(index),
            _ => self.local(word, hash),
        }
    }

    /// Like [`MessageWords::index`], but tries `guess` first, an index that some word had before: comparing is cheaper
    /// than looking up, and requests resemble each other.
    pub(crate) fn index_near(&mut self, word: &[u8], limit: WordLimit, guess: i32) -> i32 {
        let guessed = match usize::try_from(guess) {
            Ok(global) if guess < i32::from(limit.0) => WORDS.get(global).map(|word| word.as_bytes()),
            Ok(_) => None,
            Err(_) => self.get(guess.unsigned_abs() as usize - 1),
        };
        if guessed.is_some_and(|guessed| same(guessed, word)) { guess } else { self.index(word, limit) }
    }

    fn get(&self, position: usize) -> Option<&[u8]> {
        let (start, len) = *self.spans.get(position)?;
        self.wire.get(start as usize..(start + len) as usize)
    }

    fn local(&mut self, word: &[u8], hash: u32) -> i32 {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.word == 0 {
                break;
            }
            let position = slot.word as usize - 1;
            if slot.hash == hash && same(self.word(position), word) {
                return -(slot.word as i32);
            }
            at = (at + 1) & mask;
        }
        self.wire.push(self.tag);
        put_varint(&mut self.wire, word.len() as u64);
        self.spans.push((self.wire.len() as u32, word.len() as u32));
        self.wire.extend_from_slice(word);
        let number = self.spans.len() as u32;
        self.slots[at] = Slot { hash, word: number };
        if self.spans.len() * 2 > self.slots.len() {
            self.grow();
        }
        -(number as i32)
    }

    fn word(&self, position: usize) -> &[u8] {
        let (start, len) = self.spans[position];
        &self.wire[start as usize..(start + len) as usize]
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![Slot::default(); old.len() * 2];
        let mask = self.slots.len() - 1;
        for slot in old.into_iter().filter(|slot| slot.word != 0) {
            let mut at = slot.hash as usize & mask;
            while self.slots[at].word != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_global_word_is_found_below_the_limit_and_listed_above_it() {
        let mut words = MessageWords::new(1);
        for (index, word) in (0..).zip(WORDS) {
            assert_eq!(words.index(word.as_bytes(), WordLimit::FULL), index, "{word}");
        }
        assert!(words.wire().is_empty());
        assert_eq!(words.index(WORDS[110].as_bytes(), WordLimit::BASE), 110);
        assert_eq!(words.index(WORDS[111].as_bytes(), WordLimit::BASE), -1);
        assert_eq!(words.index(WORDS[111].as_bytes(), WordLimit::BASE), -1);
    }

    #[test]
    fn a_foreign_word_gets_one_slot_however_many_there_are() {
        let mut words = MessageWords::new(1);
        for round in 0..2 {
            for number in 0..5000 {
                let index = words.index(format!("word-{number}").as_bytes(), WordLimit::FULL);
                assert_eq!(index, -number - 1, "round {round}");
            }
        }
        words.clear();
        assert_eq!(words.index(b"word-7", WordLimit::FULL), -1);
        assert_eq!(words.wire(), b"\x0a\x06word-7");
    }

    #[test]
    fn a_limit_above_our_own_words_is_refused() {
        assert_eq!(WordLimit::new(222), Some(WordLimit::FULL));
        assert_eq!(WordLimit::new(223), None);
        assert_eq!(WordLimit::new(u32::MAX), None);
    }
}
