//! What a bag has in common with the one it began as a copy of.

use std::sync::atomic::{AtomicU64, Ordering};

static NEXT_ORIGIN: AtomicU64 = AtomicU64::new(1);

/// The most entries, and the most pairs of a map, whose changes are noted; those beyond always count as changed.
pub(super) const NOTED: usize = 64;

/// From which bag this one was copied, and what was set since. Copies of one origin agree in all that neither has
/// changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lineage {
    /// The origin's number; 0 for a bag of its own kind.
    origin: u64,
    /// The first entries, which the origin had, as bits by their position.
    inherited: u64,
    /// Those of them that were set since.
    changed: u64,
    /// The position of the map of which only single pairs were set.
    map: u8,
    /// These pairs, as bits by their position.
    pairs: u64,
}

/// What need not be looked at in a bag, as it is the same in another.
#[derive(Clone, Copy)]
pub(crate) struct Likeness {
    entries: u64,
    map: u8,
    pairs: u64,
}

impl Lineage {
    /// That of a bag which is no copy.
    pub(crate) const NONE: Lineage = Lineage { origin: 0, inherited: 0, changed: 0, map: 0, pairs: 0 };

    /// A new origin with this many entries.
    pub(super) fn found(entries: usize) -> Lineage {
        let inherited = if entries < NOTED { (1 << entries) - 1 } else { u64::MAX };
        Lineage { origin: NEXT_ORIGIN.fetch_add(1, Ordering::Relaxed), inherited, ..Lineage::NONE }
    }

    /// The entry at this position was set.
    #[inline]
    pub(super) fn change(&mut self, position: usize) {
        self.changed |= bit(position);
    }

    /// A pair of the map at this position was set.
    pub(super) fn change_pair(&mut self, position: usize, pair: usize) {
        if pair >= NOTED || (self.pairs != 0 && usize::from(self.map) != position) {
            return self.change(position);
        }
        self.map = position as u8;
        self.pairs |= bit(pair);
    }

    /// What copies of one origin have in common.
    pub(crate) fn likeness(&self, other: &Lineage) -> Likeness {
        if self.origin == 0 || self.origin != other.origin {
            return Likeness::NOTHING;
        }
        let mut entries = self.inherited & !(self.changed | other.changed);
        for lineage in [self, other].into_iter().filter(|lineage| lineage.pairs != 0) {
            entries &= !bit(usize::from(lineage.map));
        }
        let map = if self.pairs == 0 { other.map } else { self.map };
        let whole = (self.changed | other.changed) & bit(usize::from(map)) != 0;
        let apart = self.pairs != 0 && other.pairs != 0 && self.map != other.map;
        let pairs = if whole || apart { 0 } else { self.pairs | other.pairs };
        Likeness { entries, map, pairs }
    }
}

impl Likeness {
    pub(crate) const NOTHING: Likeness = Likeness { entries: 0, map: 0, pairs: 0 };

    /// Whether the entry at this position is the same.
    #[inline]
    pub(crate) fn has(&self, position: usize) -> bool {
        self.entries & bit(position) != 0
    }

    /// The pairs that may differ, as bits, if the map at this position is the same but for them.
    #[inline]
    pub(crate) fn pairs_of(&self, position: usize) -> Option<u64> {
        (self.pairs != 0 && usize::from(self.map) == position).then_some(self.pairs)
    }
}

/// The bit of a position; none for one beyond those noted.
#[inline]
fn bit(position: usize) -> u64 {
    if position < NOTED { 1 << position } else { 0 }
}
