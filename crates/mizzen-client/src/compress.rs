//! A bag to `CompressedAttributes`, in two walks: the first gives every word its index, the second writes the fields.
//!
//! The order is canonical, so equal bags give equal bytes: words are numbered in the order of the attributes' names (the name
//! before its value, map keys in their order), fields are written by number and map entries by ascending index.

use crate::bag::{Bag, Entry, Stored};
use crate::dictionary::{MessageWords, WordLimit};
use crate::value::{Span, Time};
use crate::wire::{BYTES, VARINT, put_varint, tag, varint_len, zigzag};
use crate::words::WORD_COUNT;

/// How many maps `CompressedAttributes` has, one per type of value.
const KINDS: usize = 8;
/// The field number of the first of them.
const FIRST_FIELD: u8 = 2;

const KEY: u8 = tag(1, VARINT);
const VALUE: u8 = tag(2, VARINT);
const VALUE_BYTES: u8 = tag(2, BYTES);
const VALUE_FIXED64: u8 = tag(2, 1);

/// An attribute with its words looked up.
#[derive(Clone, Copy)]
struct Cell {
    kind: u8,
    index: i32,
    stored: Stored,
    /// The index of a string value.
    word: i32,
    /// The entries of a string map in `Compressor::pairs`, and their size on the wire.
    pairs: Span,
    size: u32,
}

/// The working memory of the encoder; used again it allocates nothing.
pub(crate) struct Compressor {
    cells: Vec<Cell>,
    pairs: Vec<(u32, u32)>,
    /// Position in `cells` by global index.
    places: [u16; WORD_COUNT],
    /// The global indices that occur, as bits, by kind.
    present: [[u64; 4]; KINDS],
    /// Kind, index and position of the attributes whose names are not global.
    others: Vec<(u8, i32, u16)>,
}

impl Compressor {
    pub(crate) fn new() -> Compressor {
        Compressor {
            cells: Vec::new(),
            pairs: Vec::new(),
            places: [0; WORD_COUNT],
            present: [[0; 4]; KINDS],
            others: Vec::new(),
        }
    }

    /// Gives all words of the bag their indices. Attributes that `previous` holds with the same value are left out.
    pub(crate) fn prepare(&mut self, bag: &Bag, previous: Option<&Bag>, limit: WordLimit, words: &mut MessageWords) {
        self.cells.clear();
        self.pairs.clear();
        self.others.clear();
        self.present = [[0; 4]; KINDS];
        for entry in bag.entries() {
            let unchanged = previous.and_then(|previous| previous.get(entry.name)) == Some(bag.view(entry.stored));
            if !unchanged && self.cells.len() < usize::from(u16::MAX) {
                self.prepare_entry(bag, entry, limit, words);
            }
        }
        self.others.sort_unstable();
    }

    fn prepare_entry(&mut self, bag: &Bag, entry: &Entry, limit: WordLimit, words: &mut MessageWords) {
        let place = self.cells.len() as u16;
        let kind = kind(entry.stored);
        let index = match entry.name.global_index() {
            Some(index) if index < limit.get() => {
                self.places[usize::from(index)] = place;
                self.present[usize::from(kind)][usize::from(index) / 64] |= 1 << (index % 64);
                i32::from(index)
            }
            _ => {
                let index = words.index(entry.name.as_str().as_bytes(), limit);
                self.others.push((kind, index, place));
                index
            }
        };
        let mut cell = Cell { kind, index, stored: entry.stored, word: 0, pairs: Span::default(), size: 0 };
        match entry.stored {
            Stored::String(span) => cell.word = words.index(span.bytes(bag.text().as_bytes()), limit),
            Stored::StringMap(span) => (cell.pairs, cell.size) = self.prepare_map(bag, span, limit, words),
            _ => {}
        }
        self.cells.push(cell);
    }

    fn prepare_map(&mut self, bag: &Bag, map: Span, limit: WordLimit, words: &mut MessageWords) -> (Span, u32) {
        let arena = bag.text().as_bytes();
        let start = self.pairs.len();
        let mut size = 0;
        for pair in bag.stored_pairs(map) {
            let key = words.index(pair.key.bytes(arena), limit);
            let value = words.index(pair.value.bytes(arena), limit);
            // with the sign bit turned, unsigned order is that of the signed index
            self.pairs.push((key as u32 ^ SIGN, zigzag(value)));
            size += 2 + index_pair_len(zigzag(key), zigzag(value));
        }
        sort_pairs(&mut self.pairs[start..]);
        (Span { start: start as u32, len: map.len }, size as u32)
    }

    /// Writes the maps of `CompressedAttributes`, without its words.
    pub(crate) fn write(&self, bag: &Bag, out: &mut Vec<u8>) {
        let mut others = self.others.iter().peekable();
        for kind in 0..KINDS as u8 {
            while let Some((_, _, place)) = others.next_if(|other| other.0 == kind) {
                self.write_cell(bag, *place, out);
            }
            for (word, bits) in self.present[usize::from(kind)].iter().enumerate() {
                let mut bits = *bits;
                while bits != 0 {
                    let index = word * 64 + bits.trailing_zeros() as usize;
                    self.write_cell(bag, self.places[index], out);
                    bits &= bits - 1;
                }
            }
        }
    }

    fn write_cell(&self, bag: &Bag, place: u16, out: &mut Vec<u8>) {
        let cell = &self.cells[usize::from(place)];
        let key = zigzag(cell.index);
        out.push(tag(FIRST_FIELD + cell.kind, BYTES));
        match cell.stored {
            Stored::String(_) => put_index_pair(out, key, zigzag(cell.word)),
            Stored::Int64(value) => put_number(out, key, value as u64),
            Stored::Bool(value) => put_number(out, key, u64::from(value)),
            Stored::Double(value) => {
                put_header(out, key, 8, VALUE_FIXED64);
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Stored::Timestamp(time) | Stored::Duration(time) => put_time(out, key, time),
            Stored::Bytes(span) => {
                let bytes = bag.stored_bytes(span);
                put_header(out, key, varint_len(bytes.len() as u64) + bytes.len(), VALUE_BYTES);
                put_varint(out, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
            Stored::StringMap(_) => self.write_map(cell, key, out),
        }
    }

    fn write_map(&self, cell: &Cell, key: u32, out: &mut Vec<u8>) {
        let size = u64::from(cell.size);
        put_header(out, key, varint_len(size) + size as usize, VALUE_BYTES);
        put_varint(out, size);
        let start = cell.pairs.start as usize;
        for (key, value) in &self.pairs[start..start + cell.pairs.len as usize] {
            out.push(tag(1, BYTES));
            put_index_pair(out, zigzag((key ^ SIGN) as i32), *value);
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
fn sort_pairs(pairs: &mut [(u32, u32)]) {
    if pairs.len() > 32 {
        pairs.sort_unstable();
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

/// The size of a map entry of two indices, which are at most 22 bytes and so have a length of one byte.
fn index_pair_len(key: u32, value: u32) -> usize {
    2 + varint_len(u64::from(key)) + varint_len(u64::from(value))
}

fn put_index_pair(out: &mut Vec<u8>, key: u32, value: u32) {
    out.push(index_pair_len(key, value) as u8);
    out.push(KEY);
    put_varint(out, u64::from(key));
    out.push(VALUE);
    put_varint(out, u64::from(value));
}

fn put_number(out: &mut Vec<u8>, key: u32, value: u64) {
    put_header(out, key, varint_len(value), VALUE);
    put_varint(out, value);
}

/// Writes the length of a map entry, its key, and the tag of its value, which takes `value_len` bytes after the tag.
fn put_header(out: &mut Vec<u8>, key: u32, value_len: usize, value_tag: u8) {
    put_varint(out, (2 + varint_len(u64::from(key)) + value_len) as u64);
    out.push(KEY);
    put_varint(out, u64::from(key));
    out.push(value_tag);
}

fn put_time(out: &mut Vec<u8>, key: u32, time: Time) {
    // the nanos of a message are an int32, which goes out sign-extended
    let (seconds, nanos) = (time.seconds as u64, i64::from(time.nanos) as u64);
    let part = |value: u64| if value == 0 { 0 } else { 1 + varint_len(value) };
    let len = part(seconds) + part(nanos);
    put_header(out, key, varint_len(len as u64) + len, VALUE_BYTES);
    put_varint(out, len as u64);
    for (field, value) in [(1, seconds), (2, nanos)] {
        if value != 0 {
            out.push(tag(field, VARINT));
            put_varint(out, value);
        }
    }
}
