//! Attribute names, interned once per process, so that a bag compares and looks up numbers instead of text.

pub mod names;

use crate::words::{WORD_COUNT, WORDS};
use names::BEYOND_DICTIONARY;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock, PoisonError, RwLock};

/// How many names are known at compile time.
pub(crate) const KNOWN_COUNT: usize = WORD_COUNT + BEYOND_DICTIONARY.len();

/// How many names the table may hold for [`Name::try_intern`] to add another.
pub const FOREIGN_NAME_COUNT: usize = 4096;
/// The longest name in bytes that [`Name::try_intern`] takes in.
pub const FOREIGN_NAME_BYTES: usize = 256;

const KNOWN: [&str; KNOWN_COUNT] = known_names();
const RANKS: [u8; KNOWN_COUNT] = ranks();

/// An attribute's name: a number in a process-wide table that only grows.
///
/// The first 222 numbers are the global dictionary's, so a known name carries its wire index. Comparing for equality
/// costs nothing; ordering is by text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name(u32);

impl Name {
    /// The name with this text, added to the table if it is new.
    ///
    /// The table never shrinks: use it for names from code and configuration, and [`Name::try_intern`] for those of
    /// peers.
    pub fn intern(text: &str) -> Name {
        Name::lookup(text).unwrap_or_else(|| Name(TABLE.add(text)))
    }

    /// Like [`Name::intern`], but `None` for a new name that is too long or comes after too many others.
    pub fn try_intern(text: &str) -> Option<Name> {
        match Name::lookup(text) {
            Some(name) => Some(name),
            None if text.len() > FOREIGN_NAME_BYTES || TABLE.len() >= FOREIGN_NAME_COUNT => None,
            None => Some(Name(TABLE.add(text))),
        }
    }

    /// The name with this text, if the process has met it.
    pub fn lookup(text: &str) -> Option<Name> {
        KNOWN_NUMBERS.get(text).copied().or_else(|| TABLE.find(text)).map(Name)
    }

    /// The name's text.
    pub fn as_str(self) -> &'static str {
        match KNOWN.get(self.0 as usize) {
            Some(text) => text,
            None => TABLE.get(self.0 as usize - KNOWN_COUNT).text,
        }
    }

    /// The name's index in the global dictionary, if it has one.
    pub const fn global_index(self) -> Option<u16> {
        if (self.0 as usize) < WORD_COUNT { Some(self.0 as u16) } else { None }
    }

    /// The name's place among the names known at compile time, in byte order of their text.
    pub(crate) fn rank(self) -> Option<u8> {
        RANKS.get(self.0 as usize).copied()
    }

    /// Orders names by text without looking at it, except among names met at run time that no known name parts.
    pub(crate) fn order(self) -> u16 {
        match self.rank() {
            Some(rank) => 2 * u16::from(rank) + 1,
            None => 2 * TABLE.get(self.0 as usize - KNOWN_COUNT).known_before,
        }
    }

    /// The name of the global word `index`.
    pub(crate) const fn of_global_word(index: u16) -> Option<Name> {
        if (index as usize) < WORD_COUNT { Some(Name(index as u32)) } else { None }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Name({:?})", self.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        if self == other {
            return Ordering::Equal;
        }
        self.order().cmp(&other.order()).then_with(|| self.as_str().cmp(other.as_str()))
    }
}

static KNOWN_NUMBERS: LazyLock<HashMap<&'static str, u32>> = LazyLock::new(|| KNOWN.into_iter().zip(0..).collect());

static TABLE: LazyLock<Table> = LazyLock::new(Table::default);

const FIRST_CHUNK: usize = 64;
const CHUNKS: usize = 26;

/// A name met at run time.
#[derive(Clone, Copy, Default)]
struct Met {
    text: &'static str,
    /// How many known names come before it.
    known_before: u16,
}

/// The names met at run time. Reading one takes no lock: they lie in chunks of doubling size that never move.
#[derive(Default)]
struct Table {
    numbers: RwLock<HashMap<&'static str, u32>>,
    chunks: [OnceLock<Box<[OnceLock<Met>]>>; CHUNKS],
}

impl Table {
    fn len(&self) -> usize {
        self.numbers.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn find(&self, text: &str) -> Option<u32> {
        self.numbers.read().unwrap_or_else(PoisonError::into_inner).get(text).copied()
    }

    fn add(&self, text: &str) -> u32 {
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = numbers.get(text) {
            return *number;
        }
        let position = numbers.len();
        let kept: &'static str = Box::leak(text.into());
        let (chunk, offset) = place(position);
        let slots = self.chunks[chunk].get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| OnceLock::new()).collect());
        let known_before = KNOWN.iter().filter(|known| **known < kept).count() as u16;
        slots[offset].get_or_init(|| Met { text: kept, known_before });
        let number = (KNOWN_COUNT + position) as u32;
        numbers.insert(kept, number);
        number
    }

    fn get(&self, position: usize) -> Met {
        let (chunk, offset) = place(position);
        self.chunks[chunk].get().and_then(|slots| slots[offset].get()).copied().unwrap_or_default()
    }
}

/// The chunk and the offset in it of a position.
fn place(position: usize) -> (usize, usize) {
    let chunk = ((position + FIRST_CHUNK) / FIRST_CHUNK).ilog2() as usize;
    (chunk, position + FIRST_CHUNK - (FIRST_CHUNK << chunk))
}

const fn known_names() -> [&'static str; KNOWN_COUNT] {
    let mut known = [""; KNOWN_COUNT];
    let mut index = 0;
    while index < KNOWN_COUNT {
        known[index] = if index < WORD_COUNT { WORDS[index] } else { BEYOND_DICTIONARY[index - WORD_COUNT] };
        index += 1;
    }
    known
}

const fn ranks() -> [u8; KNOWN_COUNT] {
    let mut ranks = [0; KNOWN_COUNT];
    let mut index = 0;
    while index < KNOWN_COUNT {
        let mut other = index + 1;
        while other < KNOWN_COUNT {
            if precedes(KNOWN[index].as_bytes(), KNOWN[other].as_bytes()) {
                ranks[other] += 1;
            } else {
                ranks[index] += 1;
            }
            other += 1;
        }
        index += 1;
    }
    ranks
}

const fn precedes(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() {
        if left[at] != right[at] {
            return left[at] < right[at];
        }
        at += 1;
    }
    left.len() < right.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_has_the_text_and_the_spelling_of_its_attribute() {
        for (name, constant, text) in names::ALL {
            assert_eq!(name.as_str(), *text);
            assert_eq!(*constant, text.to_uppercase().replace('.', "_"));
            assert_eq!(Name::lookup(text), Some(*name));
        }
    }

    #[test]
    fn a_global_word_carries_its_index_and_another_known_name_none() {
        assert_eq!(names::SOURCE_IP.global_index(), Some(0));
        assert_eq!(names::CONTEXT_PROXY_VERSION.global_index(), Some(221));
        assert_eq!(names::ORIGIN_IP.global_index(), None);
    }

    #[test]
    fn ranks_order_known_names_as_their_texts() {
        let mut sorted = KNOWN.to_vec();
        sorted.sort_unstable();
        for (position, text) in sorted.into_iter().enumerate() {
            assert_eq!(Name::intern(text).rank().map(usize::from), Some(position), "{text}");
        }
    }

    #[test]
    fn any_two_names_compare_like_their_texts() {
        let met = ["a", "request.headerz", "request.headers.x", "zz", "source.ip.a", "source.ip.b", "source.ip"];
        let names: Vec<_> = met.into_iter().chain(KNOWN).map(Name::intern).collect();
        for left in &names {
            for right in &names {
                assert_eq!(left.cmp(right), left.as_str().cmp(right.as_str()), "{left} {right}");
            }
        }
    }

    #[test]
    fn interning_twice_gives_the_same_name_and_order_follows_the_text() {
        let later = Name::intern("zz.test.later");
        let earlier = Name::intern("aa.test.earlier");
        assert_eq!(later, Name::intern("zz.test.later"));
        assert_eq!(later.as_str(), "zz.test.later");
        assert!(earlier < later && earlier < names::SOURCE_IP && names::SOURCE_IP < later);
    }

    #[test]
    fn many_names_from_many_threads_stay_apart() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| (0..1000).map(|n| Name::intern(&format!("test.many.{n}"))).collect::<Vec<_>>())
            })
            .collect();
        let lists: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(lists.iter().all(|list| *list == lists[0]));
        for (number, name) in lists[0].iter().enumerate() {
            assert_eq!(name.as_str(), format!("test.many.{number}"));
        }
    }

    #[test]
    fn a_peer_cannot_add_an_overlong_name() {
        assert_eq!(Name::try_intern(&"x".repeat(FOREIGN_NAME_BYTES + 1)), None);
        let longest = "y".repeat(FOREIGN_NAME_BYTES);
        assert_eq!(Name::try_intern(&longest).map(Name::as_str), Some(longest.as_str()));
    }
}
