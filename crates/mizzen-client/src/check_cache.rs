//! Decisions of the Mixer remembered, and found again for requests that must get the same one.
//!
//! The Mixer says which attributes a decision rests on (a *shape*) and for how long and how often it may be used. A
//! request gets a remembered decision only if every one of those attributes has the same value, or is absent as it was
//! then: the key holds the values themselves, not a hash of them.

#[cfg(test)]
mod tests;

use crate::answer::{Precondition, RouteDirective};
use crate::bag::Bag;
use crate::flow::Generation;
use crate::instant::Instant;
use crate::shape::{Shape, Shapes, Slot};
use crate::status::Status;
use hashlink::LruCache;
use std::rc::Rc;

/// What the Mixer decided: the status and what to do to the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// OK lets pass.
    pub status: Status,
    /// Header operations or a direct response.
    pub directive: Option<RouteDirective>,
}

/// What a lookup brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// A decision that holds for the request.
    Hit(Rc<Verdict>),
    /// None.
    Miss(Miss),
}

/// Why there is no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// None is remembered.
    Unknown,
    /// The one remembered was too old or used up; it is forgotten now.
    Expired,
    /// The one remembered was made under another configuration generation; it is forgotten now.
    Outdated,
    /// The one remembered is an error of the Mixer, which refuses nobody twice.
    Error,
}

#[derive(Debug)]
struct Entry {
    verdict: Rc<Verdict>,
    expires: Option<Instant>,
    /// Uses left; negative = without limit.
    uses: i32,
    generation: Generation,
    shape: u64,
}

/// The remembered decisions of one worker. The least recently used ones give way beyond `capacity`; 0 remembers
/// nothing.
#[derive(Debug)]
pub struct CheckCache {
    shapes: Shapes,
    entries: LruCache<Box<[u8]>, Entry>,
    /// The key being looked up; kept so that a lookup allocates nothing.
    key: Vec<u8>,
    last_shape: u64,
    evictions: u64,
}

impl CheckCache {
    /// A cache for `capacity` decisions.
    pub fn new(capacity: usize) -> CheckCache {
        CheckCache {
            shapes: Shapes::default(),
            entries: LruCache::new(capacity),
            key: Vec::with_capacity(512),
            last_shape: 0,
            evictions: 0,
        }
    }

    /// How many decisions are remembered, those included that are too old but not met since.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no decision is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many decisions gave way to newer ones so far.
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// The decision that holds for `bag`; a hit counts as one use.
    ///
    /// Reads only the attributes that the known shapes mention and allocates nothing. The first decision found under
    /// the current generation decides, also if it is too old. `fail_open`: whether an error of the Mixer counts as a
    /// decision at all.
    pub fn lookup(&mut self, bag: &Bag, fail_open: bool, generation: Generation, now: Instant) -> Lookup {
        let mut miss = Miss::Unknown;
        for position in 0..self.shapes.len() {
            let slot = self.shapes.at(position);
            if slot.entries == 0 || !slot.write_key(bag, &mut self.key) {
                continue;
            }
            let Some(entry) = self.entries.get_mut(self.key.as_slice()) else { continue };
            if entry.generation != generation {
                // the new configuration may decide by other attributes, so others are looked at too
                self.forget();
                miss = Miss::Outdated;
                continue;
            }
            if entry.uses == 0 || entry.expires.is_some_and(|expires| now > expires) {
                self.forget();
                return Lookup::Miss(Miss::Expired);
            }
            if entry.verdict.status.code == Status::INTERNAL && !fail_open {
                miss = Miss::Error;
                continue;
            }
            if entry.uses > 0 {
                entry.uses -= 1;
            }
            let verdict = Rc::clone(&entry.verdict);
            self.shapes.found(position);
            return Lookup::Hit(verdict);
        }
        Lookup::Miss(miss)
    }

    /// Remembers the decision on `bag`, in place of an older one with the same key; returns whether others may use it.
    ///
    /// Not remembered are decisions that cannot be described exactly (a regular expression or an unknown word among the
    /// references; references that do not fit the very request), that nobody else may use (no use, no time), and the
    /// codes NOT_FOUND and UNAVAILABLE, which stand for a Mixer that has no answer.
    pub fn insert(
        &mut self,
        precondition: &Precondition,
        verdict: &Rc<Verdict>,
        bag: &Bag,
        generation: Generation,
        now: Instant,
    ) -> bool {
        let Ok(references) = &precondition.referenced else { return false };
        let Some(shape) = Shape::new(references, bag).filter(|_| self.entries.capacity() > 0) else { return false };
        let uses = permitted_uses(precondition);
        let Some(id) = self.remember_shape(shape, bag, uses) else { return false };
        self.forget();
        if uses == 0 {
            return false;
        }
        if self.entries.len() >= self.entries.capacity() {
            if let Some((_, entry)) = self.entries.remove_lru() {
                self.shapes.lost_entry(entry.shape);
            }
            self.evictions += 1;
        }
        let expires = precondition.valid_duration.map(|duration| now.after_time(duration));
        let entry = Entry { verdict: Rc::clone(verdict), expires, uses, generation, shape: id };
        self.entries.insert(self.key.as_slice().into(), entry);
        self.shapes.gained_entry(id);
        true
    }

    /// The keys under which another request could share the answer to `bag`, with how many may (negative: all).
    ///
    /// They are told by the shapes of earlier answers; `visit` ends the walk with `false`.
    pub fn shared_keys(&mut self, bag: &Bag, mut visit: impl FnMut(&[u8], i32) -> bool) {
        for position in 0..self.shapes.len() {
            let slot = self.shapes.at(position);
            if slot.uses != 0 && slot.write_key(bag, &mut self.key) && !visit(&self.key, slot.uses) {
                return;
            }
        }
    }

    /// Notes the shape and leaves the key of `bag` in `self.key`; `None` if the bag does not fit.
    fn remember_shape(&mut self, shape: Shape, bag: &Bag, uses: i32) -> Option<u64> {
        self.last_shape += 1;
        let slot = Slot::new(self.shapes.id_of(&shape).unwrap_or(self.last_shape), shape, uses);
        if !slot.write_key(bag, &mut self.key) {
            return None;
        }
        let id = slot.id;
        if let Some(dropped) = self.shapes.keep(slot) {
            self.entries.retain(|_, entry| entry.shape != dropped);
        }
        Some(id)
    }

    /// Forgets the decision under `self.key`.
    fn forget(&mut self) {
        if let Some(entry) = self.entries.remove(self.key.as_slice()) {
            self.shapes.lost_entry(entry.shape);
        }
    }
}

/// How many other requests may use a decision.
fn permitted_uses(precondition: &Precondition) -> i32 {
    let no_answer = matches!(precondition.status.code, Status::NOT_FOUND | Status::UNAVAILABLE);
    let no_time = precondition.valid_duration.is_some_and(|duration| duration.as_nanos() <= 0);
    if no_answer || no_time { 0 } else { precondition.valid_use_count }
}
