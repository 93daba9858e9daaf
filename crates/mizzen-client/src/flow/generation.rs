//! The Mixer's configuration generations, as its answers tell them.

use crate::instant::Instant;
use std::collections::VecDeque;

/// How many generations are remembered by their text.
const REMEMBERED: usize = 64;

/// A generation of the Mixer's configuration. Decisions made under another generation than the current one are not
/// used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Generation(u64);

impl Generation {
    /// The generation of a Mixer that does not tell any.
    pub const NONE: Generation = Generation(0);

    /// A number that stands for the generation within this process.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The generation with this number.
    pub const fn from_number(number: u64) -> Generation {
        Generation(number)
    }
}

/// The generations a process has met; one for all its workers.
///
/// The texts are opaque, so their order is that of the answers. An answer to a call sent before the current generation
/// became known does not bring an older one back: it was decided earlier than it arrived.
#[derive(Debug, Default)]
pub struct Generations {
    current: Generation,
    since: Instant,
    last: u64,
    known: VecDeque<(String, Generation)>,
}

impl Generations {
    /// No generation met.
    pub fn new() -> Generations {
        Generations::default()
    }

    /// The generation whose decisions may be used now.
    pub fn current(&self) -> Generation {
        self.current
    }

    /// Notes that the answer to a call sent at `sent` carried `text`; returns the generation of that answer.
    pub fn observe(&mut self, text: &str, sent: Instant, now: Instant) -> Generation {
        let generation = self.number(text);
        if generation != self.current && (sent >= self.since || self.current == Generation::NONE) {
            self.current = generation;
            self.since = now;
        }
        generation
    }

    fn number(&mut self, text: &str) -> Generation {
        if let Some((_, generation)) = self.known.iter().find(|(known, _)| known == text) {
            return *generation;
        }
        if self.known.len() == REMEMBERED {
            let current = self.current;
            // the current one must keep its number: forgetting it would outdate everything
            if let Some(oldest) = self.known.iter().position(|(_, generation)| *generation != current) {
                self.known.remove(oldest);
            }
        }
        self.last += 1;
        self.known.push_back((text.to_owned(), Generation(self.last)));
        Generation(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_new_text_becomes_the_current_generation() {
        let mut generations = Generations::new();
        assert_eq!(generations.current(), Generation::NONE);
        let first = generations.observe("a", at(0), at(10));
        assert_eq!(generations.current(), first);
        let second = generations.observe("b", at(20), at(30));
        assert_ne!(first, second);
        assert_eq!(generations.current(), second);
    }

    #[test]
    fn a_late_answer_does_not_bring_the_older_generation_back() {
        let mut generations = Generations::new();
        let old = generations.observe("a", at(0), at(10));
        let new = generations.observe("b", at(20), at(30));
        assert_eq!(generations.observe("a", at(29), at(40)), old);
        assert_eq!(generations.current(), new);
    }

    #[test]
    fn a_rollback_is_a_change_like_any_other() {
        let mut generations = Generations::new();
        let old = generations.observe("a", at(0), at(10));
        generations.observe("b", at(20), at(30));
        assert_eq!(generations.observe("a", at(31), at(40)), old);
        assert_eq!(generations.current(), old);
    }

    #[test]
    fn texts_are_remembered_within_bounds_and_the_current_one_always() {
        let mut generations = Generations::new();
        let kept = generations.observe("kept", at(100), at(100));
        for number in 0..1000 {
            generations.observe(&format!("late {number}"), at(0), at(200));
        }
        assert!(generations.known.len() <= REMEMBERED);
        assert_eq!(generations.observe("kept", at(300), at(300)), kept);
        assert_eq!(generations.current(), kept);
    }
}
