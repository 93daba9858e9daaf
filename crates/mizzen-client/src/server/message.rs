//! What the bags of one message share: its bytes, its dictionaries, the entries of its string maps.

use super::record::{Entry, Kind, Record, unpack};
use super::scan::{text, time};
use crate::value::{Span, Time};
use crate::words::WORDS;
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// From this many words on a dictionary is searched by bisection.
const BISECTED: usize = 48;

static GLOBAL: LazyLock<HashMap<&'static str, i32, RandomState>> =
    LazyLock::new(|| WORDS.into_iter().zip(0..).collect());

/// The index of a global word.
pub(super) fn global_index(word: &str) -> Option<i32> {
    GLOBAL.get(word).copied()
}

/// The words that travelled with a bag or message.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    pub(super) words: Vec<Span>,
    /// Slots in order of their text, filled for long dictionaries only.
    sorted: Vec<u32>,
}

impl Dictionary {
    /// The slot of a text, of a repeated one the last.
    fn slot(&self, message: &Message, text: &[u8]) -> Option<usize> {
        if self.sorted.is_empty() {
            let same = |span: &Span| span.len as usize == text.len() && message.bytes(*span) == text;
            return self.words.iter().rposition(same);
        }
        let word = |slot: &u32| message.bytes(self.words[*slot as usize]);
        let after = self.sorted.partition_point(|slot| word(slot) <= text);
        let slot = self.sorted.get(after.checked_sub(1)?)?;
        (word(slot) == text).then_some(*slot as usize)
    }
}

/// The parts of a decoded message that all its bags refer to.
#[derive(Debug)]
pub struct Message {
    pub(super) buffer: Arc<[u8]>,
    /// Texts that were not UTF-8, as they are read; spans beyond the buffer lie here.
    repaired: String,
    pub(super) dictionaries: Vec<Dictionary>,
    /// Key and value indices of all string maps.
    pub(super) pairs: Vec<(i32, i32)>,
}

impl Message {
    pub(super) fn new(bytes: &[u8]) -> Message {
        Message { buffer: bytes.into(), repaired: String::new(), dictionaries: Vec::new(), pairs: Vec::new() }
    }

    /// The bytes of a span.
    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        match span.start.checked_sub(self.buffer.len() as u32) {
            Some(start) if start > 0 || span.len > 0 => Span { start, len: span.len }.bytes(self.repaired.as_bytes()),
            _ => span.bytes(&self.buffer),
        }
    }

    /// Where the text of a span can be read: there if it is UTF-8, else where it was repaired.
    pub(super) fn text(&mut self, span: Span) -> Span {
        let Cow::Owned(repaired) = text(&self.buffer, span) else { return span };
        let start = self.buffer.len() + self.repaired.len();
        self.repaired.push_str(&repaired);
        Span { start: start as u32, len: repaired.len() as u32 }
    }

    /// Adds a dictionary that is complete.
    pub(super) fn add(&mut self, mut dictionary: Dictionary) {
        if dictionary.words.len() >= BISECTED {
            dictionary.sorted = (0..dictionary.words.len() as u32).collect();
            dictionary.sorted.sort_by_key(|slot| self.bytes(dictionary.words[*slot as usize]));
        }
        self.dictionaries.push(dictionary);
    }

    /// The index that stands for a text in a dictionary: the message's words win over the global ones.
    pub(super) fn index(&self, dictionary: u32, text: &str) -> Option<i32> {
        let own = self.dictionaries.get(dictionary as usize).and_then(|own| own.slot(self, text.as_bytes()));
        match own {
            Some(slot) => i32::try_from(slot).ok().map(|slot| -slot - 1),
            None => global_index(text),
        }
    }

    /// The text of an index, `None` when no dictionary defines it.
    pub(super) fn word(&self, dictionary: u32, index: i32) -> Option<&str> {
        if let Ok(index) = usize::try_from(index) {
            return WORDS.get(index).copied();
        }
        let slot = usize::try_from(-(i64::from(index) + 1)).ok()?;
        let span = self.dictionaries.get(dictionary as usize)?.words.get(slot)?;
        // the text was made UTF-8 when it was scanned
        std::str::from_utf8(self.bytes(*span)).ok()
    }

    /// Whether an index has a text, without looking at it.
    fn defines(&self, dictionary: u32, index: i32) -> bool {
        let own = || self.dictionaries.get(dictionary as usize).map_or(0, |own| own.words.len());
        if index >= 0 { (index as usize) < WORDS.len() } else { index.unsigned_abs() as usize <= own() }
    }

    /// Where an attribute stands in a bag, by name.
    pub(super) fn find(&self, record: &Record, name: &str) -> Option<Entry> {
        record.dictionaries.iter().find_map(|dictionary| {
            let index = self.index(*dictionary, name)?;
            record.entry(*dictionary, index).copied()
        })
    }

    /// The value of an attribute of a bag; `None` also for one that refers to an undefined word.
    pub fn get(&self, record: &Record, name: &str) -> Option<WireValue<'_>> {
        self.value(&self.find(record, name)?)
    }

    /// The value of one key of a string map; `None` when the map or the key is absent.
    pub fn get_key(&self, record: &Record, name: &str, key: &str) -> Result<Option<&str>, NotAMap> {
        match self.get(record, name) {
            None => Ok(None),
            Some(WireValue::StringMap(map)) => Ok(map.get(key)),
            Some(_) => Err(NotAMap),
        }
    }

    /// All attributes of a bag that can be read, in no particular order, each name once.
    pub fn attributes<'a>(&'a self, record: &Record) -> impl Iterator<Item = (&'a str, WireValue<'a>)> {
        record.distinct().into_iter().filter_map(move |entry| {
            let name = self.word(entry.dictionary, entry.name)?;
            // a name that also has a message word is looked up there only
            let reached = self.index(entry.dictionary, name) == Some(entry.name);
            if reached { Some((name, self.value(&entry)?)) } else { None }
        })
    }

    /// The value of an entry.
    pub(super) fn value(&self, entry: &Entry) -> Option<WireValue<'_>> {
        let span = unpack(entry.payload);
        Some(match entry.kind {
            Kind::String => WireValue::String(self.word(entry.dictionary, entry.payload as u32 as i32)?),
            Kind::Int64 => WireValue::Int64(entry.payload as i64),
            Kind::Double => WireValue::Double(f64::from_bits(entry.payload)),
            Kind::Bool => WireValue::Bool(entry.payload != 0),
            Kind::Bytes => WireValue::Bytes(span.bytes(&self.buffer)),
            Kind::Timestamp => WireValue::Timestamp(time(&self.buffer, span).ok()?),
            Kind::Duration => WireValue::Duration(time(&self.buffer, span).ok()?),
            Kind::StringMap => {
                let start = span.start as usize;
                let pairs = self.pairs.get(start..start + span.len as usize)?;
                let map = WireMap { message: self, dictionary: entry.dictionary, pairs };
                let defined = |index: &i32| self.defines(entry.dictionary, *index);
                let all_defined = pairs.iter().all(|(key, value)| defined(key) && defined(value));
                WireValue::StringMap(all_defined.then_some(map)?)
            }
        })
    }
}

/// A key was looked up in an attribute that is no string map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAMap;

/// One attribute value, borrowed from the message.
#[derive(Clone, Copy, Debug)]
pub enum WireValue<'a> {
    /// STRING, DNS_NAME, EMAIL_ADDRESS, URI
    String(&'a str),
    /// INT64
    Int64(i64),
    /// DOUBLE
    Double(f64),
    /// BOOL
    Bool(bool),
    /// BYTES, IP_ADDRESS
    Bytes(&'a [u8]),
    /// TIMESTAMP
    Timestamp(Time),
    /// DURATION
    Duration(Time),
    /// STRING_MAP
    StringMap(WireMap<'a>),
}

/// A string map of a message, all of its words defined.
#[derive(Clone, Copy, Debug)]
pub struct WireMap<'a> {
    message: &'a Message,
    dictionary: u32,
    pairs: &'a [(i32, i32)],
}

impl<'a> WireMap<'a> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.by_index(self.message.index(self.dictionary, key)?)
    }

    pub(super) fn by_index(&self, key: i32) -> Option<&'a str> {
        let at = self.pairs.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.word(self.pairs[at].1)
    }

    /// All pairs, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let map = *self;
        self.pairs.iter().filter_map(move |(key, value)| Some((map.word(*key)?, map.word(*value)?)))
    }

    fn word(&self, index: i32) -> Option<&'a str> {
        self.message.word(self.dictionary, index)
    }
}
