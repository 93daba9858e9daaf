//! The attribute bag: what is known about one request or connection.
//!
//! Entries are small and fixed in size; text and bytes lie in two arenas. A cleared bag keeps its memory, so a bag that
//! is used again allocates nothing.

mod entries;
mod lineage;
mod map;
#[cfg(test)]
mod tests;

use crate::name::{KNOWN_COUNT, Name};
use crate::value::{MapRef, Pair, Span, Time, ValueRef};
use entries::Entries;
pub(crate) use lineage::{Likeness, Lineage};
use std::fmt;

/// Bytes of overwritten values that a bag tolerates before it considers tidying its arenas.
const TOLERATED_WASTE: usize = 4096;

/// A value whose text and bytes lie in the arenas; in the order of the maps of `CompressedAttributes`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stored {
    String(Span),
    Int64(i64),
    Double(f64),
    Bool(bool),
    Timestamp(Time),
    Duration(Time),
    Bytes(Span),
    StringMap(Span),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) name: Name,
    pub(crate) stored: Stored,
}

/// A set of named, typed values.
///
/// Setting and looking up a name known at compile time costs a few nanoseconds; other names are searched among their
/// like. A bag holds up to 4 GiB of text; a value beyond that is left out.
pub struct Bag {
    /// Position plus one in `known`, by the rank of the name; 0 = absent.
    slots: [u8; 256],
    /// The ranks present, as bits, for walking in the order of the text.
    present: [u64; 4],
    known: Vec<Entry>,
    /// Entries with names met at run time, in the order of their text.
    others: Vec<Entry>,
    text: String,
    bytes: Vec<u8>,
    pairs: Vec<Pair>,
    /// Texts of a map that are not checked yet; empty between calls but for its memory.
    raw: Vec<u8>,
    waste: usize,
    lineage: Lineage,
}

const _: () = assert!(KNOWN_COUNT < 256, "a rank, and a position plus one, must fit into eight bits");

impl Bag {
    /// An empty bag without memory of its own.
    pub const fn new() -> Bag {
        Bag {
            slots: [0; 256],
            present: [0; 4],
            known: Vec::new(),
            others: Vec::new(),
            text: String::new(),
            bytes: Vec::new(),
            pairs: Vec::new(),
            raw: Vec::new(),
            waste: 0,
            lineage: Lineage::NONE,
        }
    }

    /// Removes everything and keeps the memory.
    pub fn clear(&mut self) {
        self.slots = [0; 256];
        self.present = [0; 4];
        self.known.clear();
        self.others.clear();
        self.text.clear();
        self.bytes.clear();
        self.pairs.clear();
        self.waste = 0;
        self.lineage = Lineage::NONE;
    }

    /// How many attributes are set.
    pub fn len(&self) -> usize {
        self.known.len() + self.others.len()
    }

    /// Whether no attribute is set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets an attribute; a later value replaces an earlier one of any type. An empty string map removes the attribute.
    pub fn set(&mut self, name: Name, value: ValueRef<'_>) {
        match value {
            ValueRef::String(value) => self.set_string(name, value),
            ValueRef::Int64(value) => self.set_int64(name, value),
            ValueRef::Double(value) => self.set_double(name, value),
            ValueRef::Bool(value) => self.set_bool(name, value),
            ValueRef::Bytes(value) => self.set_bytes(name, value),
            ValueRef::Timestamp(value) => self.set_timestamp(name, value),
            ValueRef::Duration(value) => self.set_duration(name, value),
            ValueRef::StringMap(value) => self.set_map(name, value.iter()),
        }
    }

    /// Sets a STRING.
    pub fn set_string(&mut self, name: Name, value: &str) {
        if let Some(span) = self.add_text(value) {
            self.store(name, Stored::String(span));
        }
    }

    /// Sets an INT64.
    pub fn set_int64(&mut self, name: Name, value: i64) {
        self.store(name, Stored::Int64(value));
    }

    /// Sets a DOUBLE.
    pub fn set_double(&mut self, name: Name, value: f64) {
        self.store(name, Stored::Double(value));
    }

    /// Sets a BOOL.
    pub fn set_bool(&mut self, name: Name, value: bool) {
        self.store(name, Stored::Bool(value));
    }

    /// Sets BYTES or an IP_ADDRESS.
    pub fn set_bytes(&mut self, name: Name, value: &[u8]) {
        let Some(span) = span(self.bytes.len(), value.len()) else { return };
        self.bytes.extend_from_slice(value);
        self.store(name, Stored::Bytes(span));
    }

    /// Sets a TIMESTAMP.
    pub fn set_timestamp(&mut self, name: Name, value: Time) {
        self.store(name, Stored::Timestamp(value));
    }

    /// Sets a DURATION.
    pub fn set_duration(&mut self, name: Name, value: Time) {
        self.store(name, Stored::Duration(value));
    }

    /// The value of an attribute.
    pub fn get(&self, name: Name) -> Option<ValueRef<'_>> {
        self.find(name).map(|entry| self.view(entry.stored))
    }

    /// The value of `key` in the string map `map`; `None` also if the attribute is no string map.
    pub fn get_key(&self, map: Name, key: &str) -> Option<&str> {
        match self.get(map)? {
            ValueRef::StringMap(map) => map.get(key),
            _ => None,
        }
    }

    /// Whether an attribute is set.
    pub fn contains(&self, name: Name) -> bool {
        self.find(name).is_some()
    }

    /// Removes an attribute, if it is set.
    pub fn remove(&mut self, name: Name) {
        match name.rank() {
            Some(rank) => self.remove_known(rank),
            None => {
                if let Ok(position) = self.others.binary_search_by_key(&name, |entry| entry.name) {
                    let entry = self.others.remove(position);
                    self.discard(entry.stored);
                }
            }
        }
    }

    /// Sets all attributes of `other`, which win over those already set.
    pub fn merge(&mut self, other: &Bag) {
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        for (name, value) in other.iter() {
            self.set(name, value);
        }
    }

    /// All attributes in byte order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (Name, ValueRef<'_>)> {
        self.entries().map(|entry| (entry.name, self.view(entry.stored)))
    }

    /// The entries in byte order of their names.
    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries::new(self)
    }

    /// The entries in the order in which they were set first, if all names are known at compile time.
    pub(crate) fn known_entries(&self) -> Option<&[Entry]> {
        self.others.is_empty().then_some(&self.known)
    }

    /// The position of an attribute in [`Bag::known_entries`]; beyond its end for one that is not there.
    pub(crate) fn known_position(&self, name: Name) -> usize {
        let slot = name.rank().map_or(0, |rank| self.slots[rank as usize]);
        usize::from(slot).wrapping_sub(1)
    }

    /// Makes this bag one that others are copied from: an encoder that has just seen one copy looks only at what
    /// differs in the next. What it writes is the same.
    pub fn become_origin(&mut self) {
        self.lineage = if self.others.is_empty() { Lineage::found(self.known.len()) } else { Lineage::NONE };
    }

    pub(crate) fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// The memory in use, in bytes.
    pub(crate) fn footprint(&self) -> usize {
        size_of::<Bag>() + self.len() * size_of::<Entry>() + self.used()
    }

    fn used(&self) -> usize {
        self.text.len() + self.bytes.len() + self.pairs.len() * size_of::<Pair>()
    }

    /// Adds text to the arena, for [`Bag::put`] to refer to; `None` if the arena is full.
    pub(crate) fn add_text(&mut self, text: &str) -> Option<Span> {
        let span = span(self.text.len(), text.len())?;
        self.text.push_str(text);
        Some(span)
    }

    /// The arena of all text, which spans point into.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of a stored value.
    pub(crate) fn stored_bytes(&self, span: Span) -> &[u8] {
        span.bytes(&self.bytes)
    }

    /// The pairs of a stored string map.
    pub(crate) fn stored_pairs(&self, span: Span) -> &[Pair] {
        let start = span.start as usize;
        self.pairs.get(start..start + span.len as usize).unwrap_or_default()
    }

    /// Puts a value whose text is in the arena already, and tidies a bag that has been overwritten a lot.
    #[inline(always)] // building the entry in place spares a stalled copy of what was just written
    fn store(&mut self, name: Name, stored: Stored) {
        self.put(name, stored);
        if self.waste > TOLERATED_WASTE {
            self.tidy();
        }
    }

    #[cold]
    fn tidy(&mut self) {
        if self.waste > self.used() / 2 {
            let mut tidy = Bag::new();
            for (name, value) in self.iter() {
                tidy.set(name, value);
            }
            *self = tidy;
        }
    }

    #[inline(always)]
    fn put(&mut self, name: Name, stored: Stored) {
        let entry = Entry { name, stored };
        let old = match name.rank() {
            Some(rank) => match self.slots[rank as usize] {
                0 => {
                    self.known.push(entry);
                    self.slots[rank as usize] = self.known.len() as u8;
                    self.present[rank as usize / 64] |= 1 << (rank % 64);
                    return;
                }
                slot => {
                    self.lineage.change(slot as usize - 1);
                    std::mem::replace(&mut self.known[slot as usize - 1], entry)
                }
            },
            None => match self.others.binary_search_by_key(&name, |entry| entry.name) {
                Ok(position) => std::mem::replace(&mut self.others[position], entry),
                Err(position) => return self.others.insert(position, entry),
            },
        };
        self.discard(old.stored);
    }

    pub(crate) fn find(&self, name: Name) -> Option<&Entry> {
        match name.rank() {
            Some(rank) => match self.slots[rank as usize] {
                0 => None,
                slot => self.known.get(slot as usize - 1),
            },
            None => {
                let position = self.others.binary_search_by_key(&name, |entry| entry.name).ok()?;
                self.others.get(position)
            }
        }
    }

    pub(crate) fn view(&self, stored: Stored) -> ValueRef<'_> {
        match stored {
            Stored::String(span) => ValueRef::String(span.text(&self.text)),
            Stored::Int64(value) => ValueRef::Int64(value),
            Stored::Double(value) => ValueRef::Double(value),
            Stored::Bool(value) => ValueRef::Bool(value),
            Stored::Bytes(span) => ValueRef::Bytes(self.stored_bytes(span)),
            Stored::Timestamp(value) => ValueRef::Timestamp(value),
            Stored::Duration(value) => ValueRef::Duration(value),
            Stored::StringMap(span) => {
                ValueRef::StringMap(MapRef { arena: &self.text, pairs: self.stored_pairs(span) })
            }
        }
    }

    fn remove_known(&mut self, rank: u8) {
        let slot = std::mem::take(&mut self.slots[rank as usize]);
        if slot == 0 {
            return;
        }
        self.present[rank as usize / 64] &= !(1 << (rank % 64));
        // the last entry takes the place, and positions mean others
        self.lineage = Lineage::NONE;
        let entry = self.known.swap_remove(slot as usize - 1);
        if let Some(moved) = self.known.get(slot as usize - 1).and_then(|moved| moved.name.rank()) {
            self.slots[moved as usize] = slot;
        }
        self.discard(entry.stored);
    }

    /// Accounts for a value that nothing refers to any more.
    fn discard(&mut self, stored: Stored) {
        self.waste += match stored {
            Stored::String(span) | Stored::Bytes(span) => span.len as usize,
            Stored::StringMap(span) => {
                let texts = self.stored_pairs(span).iter().map(|pair| (pair.key.len + pair.value.len) as usize);
                texts.sum::<usize>() + span.len as usize * size_of::<Pair>()
            }
            _ => 0,
        };
    }
}

/// The span of the next `len` units of an arena that holds `start`, unless it is full.
fn span(start: usize, len: usize) -> Option<Span> {
    u32::try_from(start.checked_add(len)?).ok()?;
    Some(Span { start: start as u32, len: len as u32 })
}

impl Clone for Bag {
    fn clone(&self) -> Bag {
        let mut copy = Bag::new();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, source: &Bag) {
        self.slots = source.slots;
        self.present = source.present;
        self.known.clone_from(&source.known);
        self.others.clone_from(&source.others);
        self.text.clone_from(&source.text);
        self.bytes.clone_from(&source.bytes);
        self.pairs.clone_from(&source.pairs);
        self.waste = source.waste;
        self.lineage = source.lineage;
    }
}

impl Default for Bag {
    fn default() -> Bag {
        Bag::new()
    }
}

impl PartialEq for Bag {
    fn eq(&self, other: &Bag) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Bag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter().map(|(name, value)| (name.as_str(), value))).finish()
    }
}
