//! Which words the headers had last time: the first guess for this time.

use super::cursor::Encoded;
use crate::dictionary::{MessageWords, WordLimit};
use crate::name::Name;
use crate::wire::{BYTES, tag};

/// For how many string maps guesses are kept; bags have two or three.
const MAPS: usize = 8;

/// The longest map that guesses are kept for.
const LONGEST: usize = 128;

/// How far ahead a guess is looked for: last time there may have been a few that are missing now.
const NEAR: usize = 3;

/// The tag of an entry of a string map.
pub(super) const PAIR: u8 = tag(1, BYTES);

/// The position of a fitting guess at `at` or soon after.
#[inline]
pub(super) fn find_near<T>(guesses: &[T], at: usize, fits: impl FnMut(&T) -> bool) -> Option<usize> {
    guesses.get(at..)?.iter().take(NEAR).position(fits).map(|skipped| at + skipped)
}

/// A key and a value as they were, by their indices and as they went out.
#[derive(Clone, Copy, Default)]
pub(super) struct Guess {
    pub(super) key: i32,
    value: i32,
    pub(super) entry: Encoded,
}

pub(super) struct MapGuesses {
    maps: Vec<(Name, Vec<Guess>)>,
    /// Serves the maps beyond the first few.
    spare: Vec<Guess>,
}

impl MapGuesses {
    pub(super) fn new() -> MapGuesses {
        MapGuesses { maps: Vec::new(), spare: Vec::new() }
    }

    /// The pairs that the map had last time.
    pub(super) fn of(&mut self, name: Name) -> Walk<'_> {
        let known = self.maps.iter().position(|(known, _)| *known == name);
        let guesses = match known {
            Some(position) => &mut self.maps[position].1,
            None if self.maps.len() < MAPS => {
                self.maps.push((name, Vec::new()));
                let last = self.maps.len() - 1;
                &mut self.maps[last].1
            }
            None => &mut self.spare,
        };
        Walk { guesses, at: 0 }
    }
}

/// Walks a map in the order of its keys beside the one of last time.
pub(super) struct Walk<'g> {
    guesses: &'g mut Vec<Guess>,
    at: usize,
}

impl Walk<'_> {
    /// The next key and its value.
    pub(super) fn next(&mut self, words: &mut MessageWords, limit: WordLimit, key: &[u8], value: &[u8]) -> Guess {
        let guess = self.guesses.get(self.at).copied().unwrap_or_default();
        let key = words.index_near(key, limit, guess.key);
        let found = find_near(self.guesses, self.at, |guess| guess.key == key).unwrap_or_else(|| self.insert(key));
        self.at = found + 1;
        let guess = &mut self.guesses[found];
        guess.value = words.index_near(value, limit, guess.value);
        guess.entry = guess.entry.or_new(PAIR, key, guess.value);
        *guess
    }

    /// Makes room for a new key here; a list grown long by ever new keys starts anew.
    fn insert(&mut self, key: i32) -> usize {
        if self.guesses.len() >= LONGEST {
            self.guesses.clear();
        }
        let at = self.at.min(self.guesses.len());
        self.guesses.insert(at, Guess { key, ..Guess::default() });
        at
    }
}
