//! One bag of a message as a sorted index of its entries.

use super::WireError;
use super::message::{Dictionary, Message};
use super::scan::{Field, Reader, map_entry, time};
use crate::value::Span;
use crate::wire::unzigzag;

/// The type of an entry. The order is that of the search when one name stands under several types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    String,
    StringMap,
    Int64,
    Double,
    Bool,
    Timestamp,
    Duration,
    Bytes,
}

impl Kind {
    /// The type carried by a field of CompressedAttributes.
    fn of_field(number: u32) -> Option<Kind> {
        Some(match number {
            2 => Kind::String,
            3 => Kind::Int64,
            4 => Kind::Double,
            5 => Kind::Bool,
            6 => Kind::Timestamp,
            7 => Kind::Duration,
            8 => Kind::Bytes,
            9 => Kind::StringMap,
            _ => return None,
        })
    }
}

/// One attribute: its name's index in a dictionary, and its value, for a long one where it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) dictionary: u32,
    pub(super) name: i32,
    pub(super) kind: Kind,
    /// The bits of a number or word index; of a longer value, [`pack`]ed, its span in the buffer or among the pairs.
    pub(super) payload: u64,
}

/// A span in the 64 bits of a payload.
pub(super) fn pack(span: Span) -> u64 {
    u64::from(span.start) << 32 | u64::from(span.len)
}

/// The span in a payload.
pub(super) fn unpack(payload: u64) -> Span {
    Span { start: (payload >> 32) as u32, len: payload as u32 }
}

/// Up to this many entries looking through all of them is cheaper than sorting them first.
const SCANNED: usize = 48;

/// One bag.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub(super) entries: Vec<Entry>,
    /// The dictionaries its entries refer to, ascending.
    pub(super) dictionaries: Vec<u32>,
    /// Whether the entries are sorted by dictionary, name and type; long bags are.
    sorted: bool,
}

type Place = (u32, i32, Kind);

impl Entry {
    fn place(&self) -> Place {
        (self.dictionary, self.name, self.kind)
    }
}

impl Record {
    pub(super) fn with_entries(entries: Vec<Entry>) -> Record {
        let mut record = Record { entries, dictionaries: Vec::new(), sorted: false };
        record.seal();
        record
    }

    /// Prepares for look-ups once all entries are there.
    pub(super) fn seal(&mut self) {
        self.sorted = self.entries.len() > SCANNED;
        if self.sorted {
            sort(&mut self.entries);
        }
        self.dictionaries.clear();
        for entry in &self.entries {
            if self.dictionaries.last() != Some(&entry.dictionary) {
                self.dictionaries.push(entry.dictionary);
            }
        }
        self.dictionaries.sort_unstable();
        self.dictionaries.dedup();
    }

    /// The entry of a name by its index: of several types the first in order, of several values the last.
    pub(super) fn entry(&self, dictionary: u32, name: i32) -> Option<&Entry> {
        let named = |entry: &&Entry| entry.name == name && entry.dictionary == dictionary;
        if self.sorted {
            let at = self.entries.partition_point(|entry| (entry.dictionary, entry.name) < (dictionary, name));
            return self.entries.get(at).filter(named);
        }
        self.entries.iter().rev().filter(named).min_by_key(|entry| entry.kind)
    }

    /// For each name the entry that is found under it, sorted.
    pub(super) fn distinct(&self) -> Vec<Entry> {
        let mut entries = self.types();
        entries.dedup_by_key(|entry| (entry.dictionary, entry.name));
        entries
    }

    /// For each name and type the entry that counts, sorted.
    pub(super) fn types(&self) -> Vec<Entry> {
        let mut entries = self.entries.clone();
        if !self.sorted {
            sort(&mut entries);
        }
        entries
    }
}

/// Sorts; of entries with the same name and type the later one stays.
fn sort(entries: &mut Vec<Entry>) {
    entries.sort_by_key(Entry::place);
    entries.dedup_by(|later, earlier| {
        let same = later.place() == earlier.place();
        if same {
            *earlier = *later;
        }
        same
    });
}

/// How many bytes an entry and its words take in a usual request; for the first guess only.
const BYTES_PER_ENTRY: usize = 16;

/// Walks one CompressedAttributes: its words into `dictionary`, its entries into `record`, map entries into the
/// message.
pub(super) fn scan(
    message: &mut Message,
    span: Span,
    number: u32,
    dictionary: &mut Dictionary,
    record: &mut Record,
) -> Result<(), WireError> {
    let buffer = message.buffer.clone();
    let mut reader = Reader::within(&buffer, span);
    record.entries.reserve(span.len as usize / BYTES_PER_ENTRY);
    while let Some((field, content)) = reader.next()? {
        let Field::Bytes(span) = content else { continue };
        if field == 1 {
            dictionary.words.push(message.text(span));
        } else if let Some(kind) = Kind::of_field(field) {
            record.entries.push(entry(message, &buffer, span, number, kind)?);
        }
    }
    Ok(())
}

fn entry(message: &mut Message, buffer: &[u8], span: Span, dictionary: u32, kind: Kind) -> Result<Entry, WireError> {
    let (key, value) = map_entry(buffer, span)?;
    let payload = match (kind, value) {
        (Kind::String, Some(Field::Varint(raw))) => unzigzag(raw) as u32 as u64,
        (Kind::Int64, Some(Field::Varint(raw))) => raw,
        (Kind::Bool, Some(Field::Varint(raw))) => u64::from(raw != 0),
        (Kind::Double, Some(Field::Fixed64(bits))) => bits,
        (Kind::Bytes, Some(Field::Bytes(span))) => pack(span),
        (Kind::Timestamp | Kind::Duration, Some(Field::Bytes(span))) => {
            time(buffer, span)?;
            pack(span)
        }
        (Kind::StringMap, Some(Field::Bytes(span))) => pack(pairs(message, buffer, span)?),
        // an absent value is the type's zero, and so is one of another wire type
        _ => 0,
    };
    Ok(Entry { dictionary, name: index(key), kind, payload })
}

/// Appends the pairs of a StringMap to the message, sorted by key, each key once; gives their place.
fn pairs(message: &mut Message, buffer: &[u8], span: Span) -> Result<Span, WireError> {
    let start = message.pairs.len();
    let mut reader = Reader::within(buffer, span);
    while let Some((number, content)) = reader.next()? {
        if let (1, Field::Bytes(span)) = (number, content) {
            let (key, value) = map_entry(buffer, span)?;
            message.pairs.push((index(key), index(value)));
        }
    }
    message.pairs[start..].sort_by_key(|(key, _)| *key);
    let mut kept = start;
    for at in start..message.pairs.len() {
        if kept > start && message.pairs[kept - 1].0 == message.pairs[at].0 {
            kept -= 1;
        }
        message.pairs[kept] = message.pairs[at];
        kept += 1;
    }
    message.pairs.truncate(kept);
    Ok(Span { start: start as u32, len: (kept - start) as u32 })
}

fn index(field: Option<Field>) -> i32 {
    match field {
        Some(Field::Varint(raw)) => unzigzag(raw),
        _ => 0,
    }
}
