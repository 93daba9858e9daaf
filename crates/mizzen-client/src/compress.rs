//! A bag to `CompressedAttributes`, in two walks: the first gives every word its index, the second writes the fields.
//!
//! The order is canonical, so equal bags give equal bytes: words are numbered in the order of the attributes' names (the name
//! before its value, map keys in their order), fields are written by number and map entries by ascending index.

mod cursor;
mod guess;

use crate::bag::{Bag, Entry, Stored};
use crate::dictionary::{MessageWords, WordLimit};
use crate::name::Name;
use crate::value::{Span, Time};
use crate::wire::{BYTES, KEY, VALUE, VARINT, tag, varint_len, zigzag};
use cursor::{Cursor, Encoded};
use guess::{MapGuesses, PAIR, find_near};

/// The field number of the first map of `CompressedAttributes`; there is one per type of value.
const FIRST_FIELD: u8 = 2;

/// More than any entry takes on the wire, but for the contents of bytes and maps.
const ENTRY_BOUND: usize = 48;

const VALUE_BYTES: u8 = tag(2, BYTES);
const VALUE_FIXED64: u8 = tag(2, 1);

/// An attribute with its words looked up.
#[derive(Clone, Copy)]
struct Cell {
    name: Name,
    index: i32,
    stored: Stored,
    /// The index of a string value.
    word: i32,
    /// A string's entry as it goes out.
    entry: Encoded,
    /// The entries of a string map in `Compressor::pairs`, and their size on the wire.
    pairs: Span,
    size: u32,
}

/// The working memory of the encoder; used again it allocates nothing.
///
/// What it wrote last is its guess for the next time. Requests resemble each other: comparing a word with the one of last time is
/// cheaper than looking it up, and an entry of the same two indices need not be put together again. Guesses are always
/// checked, so that none changes what is written.
pub(crate) struct Compressor {
    cells: Vec<Cell>,
    previous: Vec<Cell>,
    /// The cells in the order in which they are written.
    order: Vec<u16>,
    pairs: Vec<(u32, Encoded)>,
    maps: MapGuesses,
    /// At least the size of what is prepared, on the wire.
    bound: usize,
}

impl Compressor {
    pub(crate) fn new() -> Compressor {
        Compressor {
            cells: Vec::new(),
            previous: Vec::new(),
            order: Vec::new(),
            pairs: Vec::new(),
            maps: MapGuesses::new(),
            bound: 0,
        }
    }

    /// Gives all words of the bag their indices. Attributes that `previous` holds with the same value are left out.
    pub(crate) fn prepare(&mut self, bag: &Bag, previous: Option<&Bag>, limit: WordLimit, words: &mut MessageWords) {
        std::mem::swap(&mut self.cells, &mut self.previous);
        self.cells.clear();
        self.pairs.clear();
        self.bound = 0;
        let mut at = 0;
        let mut alike = true;
        for entry in bag.entries() {
            let unchanged = previous.is_some_and(|previous| previous.get(entry.name) == Some(bag.view(entry.stored)));
            if unchanged || self.cells.len() >= usize::from(u16::MAX) {
                continue;
            }
            let guess = find_near(&self.previous, at, |cell| cell.name == entry.name);
            let guessed = guess.map(|position| self.previous[position]);
            let cell = self.prepare_entry(bag, entry, guessed.as_ref(), limit, words);
            alike &= guess == Some(at)
                && guessed.is_some_and(|last| last.index == cell.index && kind(last.stored) == kind(cell.stored));
            at = guess.map_or(at, |position| position + 1);
            self.cells.push(cell);
        }
        if !alike || self.cells.len() != self.previous.len() {
            self.sort_cells();
        }
    }

    /// Fields are written by number, and map entries by ascending index.
    fn sort_cells(&mut self) {
        self.order.clear();
        self.order.extend(0..self.cells.len() as u16);
        let cells = &self.cells;
        self.order.sort_unstable_by_key(|place| {
            let cell = &cells[usize::from(*place)];
            u64::from(kind(cell.stored)) << 32 | u64::from(cell.index as u32 ^ SIGN)
        });
    }

    fn prepare_entry(
        &mut self,
        bag: &Bag,
        entry: &Entry,
        guess: Option<&Cell>,
        limit: WordLimit,
        words: &mut MessageWords,
    ) -> Cell {
        let index = match entry.name.global_index() {
            Some(index) if index < limit.get() => i32::from(index),
            _ => words.index_near(entry.name.as_str().as_bytes(), limit, guess.map_or(0, |cell| cell.index)),
        };
        let mut cell = Cell {
            name: entry.name,
            index,
            stored: entry.stored,
            word: 0,
            entry: Encoded::default(),
            pairs: Span::default(),
            size: 0,
        };
        if let Stored::String(span) = entry.stored {
            let (last, encoded) = guess.map_or((0, Encoded::default()), |cell| (cell.word, cell.entry));
            cell.word = words.index_near(span.bytes(bag.text().as_bytes()), limit, last);
            cell.entry = encoded.or_new(tag(FIRST_FIELD, BYTES), index, cell.word);
        } else if let Stored::StringMap(span) = entry.stored {
            (cell.pairs, cell.size) = self.prepare_map(bag, entry.name, span, limit, words);
        } else if let Stored::Bytes(span) = entry.stored {
            self.bound += span.len as usize;
        }
        self.bound += ENTRY_BOUND + cell.size as usize;
        cell
    }

    fn prepare_map(
        &mut self,
        bag: &Bag,
        name: Name,
        map: Span,
        limit: WordLimit,
        words: &mut MessageWords,
    ) -> (Span, u32) {
        let arena = bag.text().as_bytes();
        let start = self.pairs.len();
        let mut size = 0;
        let mut guesses = self.maps.of(name);
        for pair in bag.stored_pairs(map) {
            let guess = guesses.next(words, limit, pair.key.bytes(arena), pair.value.bytes(arena));
            size += guess.entry.size();
            // with the sign bit turned, unsigned order is that of the signed index
            self.pairs.push((guess.key as u32 ^ SIGN, guess.entry));
        }
        sort_pairs(&mut self.pairs[start..]);
        (Span { start: start as u32, len: map.len }, size as u32)
    }

    /// Appends the maps of `CompressedAttributes`, without its words.
    pub(crate) fn write(&self, bag: &Bag, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + self.bound + Cursor::SLACK, 0);
        let mut cursor = Cursor::new(&mut out[start..]);
        for place in &self.order {
            self.write_cell(bag, &self.cells[usize::from(*place)], &mut cursor);
        }
        let written = cursor.written();
        out.truncate(start + written);
    }

    fn write_cell(&self, bag: &Bag, cell: &Cell, out: &mut Cursor<'_>) {
        let stored = cell.stored;
        let key = zigzag(cell.index);
        let tag = tag(FIRST_FIELD + kind(stored), BYTES);
        // asked one by one, most frequent first: a jump through a table would be predicted worse
        if let Stored::String(_) = stored {
            out.encoded(tag, cell.entry);
        } else if let Stored::Int64(value) = stored {
            put_number(out, tag, key, value as u64);
        } else if let Stored::StringMap(_) = stored {
            self.write_map(cell, tag, key, out);
        } else if let Stored::Bool(value) = stored {
            put_number(out, tag, key, u64::from(value));
        } else if let Stored::Timestamp(time) | Stored::Duration(time) = stored {
            put_time(out, tag, key, time);
        } else if let Stored::Bytes(span) = stored {
            let bytes = bag.stored_bytes(span);
            put_header(out, tag, key, varint_len(bytes.len() as u64) + bytes.len(), VALUE_BYTES);
            out.varint(bytes.len() as u64);
            out.slice(bytes);
        } else if let Stored::Double(value) = stored {
            put_header(out, tag, key, 8, VALUE_FIXED64);
            out.slice(&value.to_bits().to_le_bytes());
        }
    }

    fn write_map(&self, cell: &Cell, map_tag: u8, key: u32, out: &mut Cursor<'_>) {
        let size = u64::from(cell.size);
        put_header(out, map_tag, key, varint_len(size) + size as usize, VALUE_BYTES);
        out.varint(size);
        let start = cell.pairs.start as usize;
        for (_, entry) in &self.pairs[start..start + cell.pairs.len as usize] {
            out.encoded(PAIR, *entry);
        }
    }
}

const SIGN: u32 = 1 << 31;

/// The place of a value's map among the maps of `CompressedAttributes`.
fn kind(stored: Stored) -> u8 {
    match stored {
        Stored::String(_) => 0,
        Stored::Int64(_) => 1,
        Stored::Double(_) => 2,
        Stored::Bool(_) => 3,
        Stored::Timestamp(_) => 4,
        Stored::Duration(_) => 5,
        Stored::Bytes(_) => 6,
        Stored::StringMap(_) => 7,
    }
}

/// Sorts by key. Maps are short as a rule, and then insertion is fastest.
fn sort_pairs(pairs: &mut [(u32, Encoded)]) {
    if pairs.len() > 32 {
        pairs.sort_unstable_by_key(|pair| pair.0);
        return;
    }
    for end in 1..pairs.len() {
        let pair = pairs[end];
        let mut at = end;
        while at > 0 && pairs[at - 1].0 > pair.0 {
            pairs[at] = pairs[at - 1];
            at -= 1;
        }
        pairs[at] = pair;
    }
}

fn put_number(out: &mut Cursor<'_>, tag: u8, key: u32, value: u64) {
    put_header(out, tag, key, varint_len(value), VALUE);
    out.varint(value);
}

/// Writes the start of a map entry up to the tag of its value, which takes `value_len` bytes after that.
fn put_header(out: &mut Cursor<'_>, tag: u8, key: u32, value_len: usize, value_tag: u8) {
    out.byte(tag);
    out.varint((2 + varint_len(u64::from(key)) + value_len) as u64);
    out.byte(KEY);
    out.varint(u64::from(key));
    out.byte(value_tag);
}

fn put_time(out: &mut Cursor<'_>, map_tag: u8, key: u32, time: Time) {
    // the nanos of a message are an int32, which goes out sign-extended
    let (seconds, nanos) = (time.seconds as u64, i64::from(time.nanos) as u64);
    let part = |value: u64| if value == 0 { 0 } else { 1 + varint_len(value) };
    let len = part(seconds) + part(nanos);
    put_header(out, map_tag, key, varint_len(len as u64) + len, VALUE_BYTES);
    out.varint(len as u64);
    for (field, value) in [(1, seconds), (2, nanos)] {
        if value != 0 {
            out.byte(tag(field, VARINT));
            out.varint(value);
        }
    }
}
