//! Which word an attribute or a header had last time: the first guess for this time.
//!
//! A guess is always checked, so a wrong or stale one costs a comparison and nothing else.

use crate::dictionary::{MessageWords, WordLimit};
use crate::name::Name;

/// For how many string maps guesses are kept; bags have two or three.
const MAPS: usize = 8;

/// The longest map that guesses are kept for.
const LONGEST: usize = 128;

pub(super) struct Guesses {
    /// By the rank of the attribute's name; the last one serves all names without a rank.
    strings: [i32; 257],
    /// Likewise, for the names themselves.
    names: [i32; 257],
    maps: Vec<(Name, Vec<(i32, i32)>)>,
    /// Serves the maps beyond the first few.
    spare: Vec<(i32, i32)>,
}

impl Guesses {
    pub(super) fn new() -> Guesses {
        Guesses { strings: [0; 257], names: [0; 257], maps: Vec::new(), spare: Vec::new() }
    }

    /// The index that the attribute's value had last time.
    pub(super) fn string(&mut self, name: Name) -> &mut i32 {
        &mut self.strings[name.rank().map_or(256, usize::from)]
    }

    /// The index that the attribute's name had last time.
    pub(super) fn name(&mut self, name: Name) -> &mut i32 {
        &mut self.names[name.rank().map_or(256, usize::from)]
    }

    /// The pairs that the map had last time.
    pub(super) fn map(&mut self, name: Name) -> MapGuesses<'_> {
        let known = self.maps.iter().position(|(known, _)| *known == name);
        let pairs = match known {
            Some(position) => &mut self.maps[position].1,
            None if self.maps.len() < MAPS => {
                self.maps.push((name, Vec::new()));
                let last = self.maps.len() - 1;
                &mut self.maps[last].1
            }
            None => &mut self.spare,
        };
        MapGuesses { pairs, at: 0 }
    }
}

/// Walks a map in the order of its keys beside the one of last time.
pub(super) struct MapGuesses<'g> {
    pairs: &'g mut Vec<(i32, i32)>,
    at: usize,
}

impl MapGuesses<'_> {
    /// The indices of the next key and its value.
    pub(super) fn index(&mut self, words: &mut MessageWords, limit: WordLimit, key: &[u8], value: &[u8]) -> (i32, i32) {
        let guess = self.pairs.get(self.at).copied().unwrap_or_default();
        let key = words.index_near(key, limit, guess.0);
        // last time there may have been a key that is missing now, or one may be new
        let found = match self.pairs.get(self.at..).map(|rest| rest.iter().take(3).position(|pair| pair.0 == key)) {
            Some(Some(skipped)) => self.at + skipped,
            _ => self.insert(key),
        };
        let pair = &mut self.pairs[found];
        pair.1 = words.index_near(value, limit, pair.1);
        self.at = found + 1;
        (key, pair.1)
    }

    /// Makes room for a new key here; a list grown long by ever new keys starts anew.
    fn insert(&mut self, key: i32) -> usize {
        if self.pairs.len() >= LONGEST {
            self.pairs.clear();
        }
        let at = self.at.min(self.pairs.len());
        self.pairs.insert(at, (key, 0));
        at
    }
}
