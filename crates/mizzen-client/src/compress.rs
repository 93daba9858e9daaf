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
use crate::words::WORD_COUNT;
use cursor::{Cursor, index_pair_len};
use guess::Guesses;

/// How many maps `CompressedAttributes` has, one per type of value.
const KINDS: usize = 8;
/// The field number of the first of them.
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
    guesses: Guesses,
    /// At least the size of what is prepared, on the wire.
    bound: usize,
}

impl Compressor {
    pub(crate) fn new() -> Compressor {
        Compressor {
            cells: Vec::new(),
            pairs: Vec::new(),
            places: [0; WORD_COUNT],
            present: [[0; 4]; KINDS],
            others: Vec::new(),
            guesses: Guesses::new(),
            bound: 0,
        }
    }

    /// Gives all words of the bag their indices. Attributes that `previous` holds with the same value are left out.
    pub(crate) fn prepare(&mut self, bag: &Bag, previous: Option<&Bag>, limit: WordLimit, words: &mut MessageWords) {
        self.cells.clear();
        self.pairs.clear();
        self.others.clear();
        self.present = [[0; 4]; KINDS];
        self.bound = 0;
        for entry in bag.entries() {
            let unchanged = previous.is_some_and(|previous| previous.get(entry.name) == Some(bag.view(entry.stored)));
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
                let guess = self.guesses.name(entry.name);
                *guess = words.index_near(entry.name.as_str().as_bytes(), limit, *guess);
                self.others.push((kind, *guess, place));
                *guess
            }
        };
        let (mut word, mut pairs, mut size) = (0, Span::default(), 0);
        if let Stored::String(span) = entry.stored {
            let guess = self.guesses.string(entry.name);
            *guess = words.index_near(span.bytes(bag.text().as_bytes()), limit, *guess);
            word = *guess;
        } else if let Stored::StringMap(span) = entry.stored {
            (pairs, size) = self.prepare_map(bag, entry.name, span, limit, words);
        } else if let Stored::Bytes(span) = entry.stored {
            self.bound += span.len as usize;
        }
        self.bound += ENTRY_BOUND + size as usize;
        self.cells.push(Cell { name: entry.name, index, word, pairs, size });
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
        let mut guesses = self.guesses.map(name);
        for pair in bag.stored_pairs(map) {
            let (key, value) = guesses.index(words, limit, pair.key.bytes(arena), pair.value.bytes(arena));
            // with the sign bit turned, unsigned order is that of the signed index
            self.pairs.push((key as u32 ^ SIGN, zigzag(value)));
            size += 2 + index_pair_len(zigzag(key), zigzag(value));
        }
        sort_pairs(&mut self.pairs[start..]);
        (Span { start: start as u32, len: map.len }, size as u32)
    }

    /// Appends the maps of `CompressedAttributes`, without its words.
    pub(crate) fn write(&self, bag: &Bag, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + self.bound + Cursor::SLACK, 0);
        let mut cursor = Cursor::new(&mut out[start..]);
        let mut others = self.others.as_slice();
        for kind in 0..KINDS as u8 {
            let of_kind = others.partition_point(|other| other.0 <= kind);
            for (_, _, place) in &others[..of_kind] {
                self.write_cell(bag, *place, &mut cursor);
            }
            others = &others[of_kind..];
            for (word, bits) in self.present[usize::from(kind)].iter().enumerate() {
                let mut bits = *bits;
                while bits != 0 {
                    let index = word * 64 + bits.trailing_zeros() as usize;
                    self.write_cell(bag, self.places[index], &mut cursor);
                    bits &= bits - 1;
                }
            }
        }
        let written = cursor.written();
        out.truncate(start + written);
    }

    fn write_cell(&self, bag: &Bag, place: u16, out: &mut Cursor<'_>) {
        let cell = &self.cells[usize::from(place)];
        let Some(stored) = bag.find(cell.name).map(|entry| entry.stored) else { return };
        let key = zigzag(cell.index);
        let tag = tag(FIRST_FIELD + kind(stored), BYTES);
        // asked one by one, most frequent first: a jump through a table would be predicted worse
        if let Stored::String(_) = stored {
            out.index_pair(tag, key, zigzag(cell.word));
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
        for (key, value) in &self.pairs[start..start + cell.pairs.len as usize] {
            out.index_pair(tag(1, BYTES), zigzag((key ^ SIGN) as i32), *value);
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
