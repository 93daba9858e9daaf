//! `CompressedAttributes` to a bag.

use super::DecodeError;
use crate::bag::Bag;
use crate::name::Name;
use crate::value::{Pair, Time, ValueRef};
use crate::wire::{Field, Reader, unzigzag};
use crate::words::WORDS;

/// How many bytes the bags of one message may take together: far more than a sensible message needs.
pub const MAX_DECODED_BYTES: usize = 64 << 20;

/// How many of the indices that lead nowhere an error lists.
const LISTED_INDICES: usize = 10;

/// What is left of [`MAX_DECODED_BYTES`].
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Budget {
        Budget(MAX_DECODED_BYTES)
    }
}

impl Budget {
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.0 = self.0.checked_sub(bytes).ok_or(DecodeError::TooLarge)?;
        Ok(())
    }
}

/// The list of words of one message.
#[derive(Default)]
pub(super) struct Words<'m>(Vec<&'m [u8]>);

impl<'m> Words<'m> {
    /// The `words` of a `CompressedAttributes`.
    pub(super) fn of(attributes: &'m [u8]) -> Result<Words<'m>, DecodeError> {
        Words::field(attributes, 1)
    }

    /// The words in field `wanted` of a message.
    pub(super) fn field(message: &'m [u8], wanted: u32) -> Result<Words<'m>, DecodeError> {
        let mut words = Vec::new();
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.next()? {
            if number == wanted {
                words.push(field.bytes(number)?);
            }
        }
        Ok(Words(words))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, index: i32) -> Option<&'m [u8]> {
        match usize::try_from(index) {
            Ok(global) => WORDS.get(global).map(|word| word.as_bytes()),
            Err(_) => self.0.get(index.unsigned_abs() as usize - 1).copied(),
        }
    }
}

/// The place of a type among those looked through for a name, from the field number of its map.
fn precedence(kind: u32) -> u32 {
    // string maps, the last field, come right after strings, the first
    if kind == STRING_MAPS { STRINGS * 2 + 1 } else { kind * 2 }
}

const STRINGS: u32 = 2;
const INT64S: u32 = 3;
const DOUBLES: u32 = 4;
const BOOLS: u32 = 5;
const TIMESTAMPS: u32 = 6;
const DURATIONS: u32 = 7;
const BYTES: u32 = 8;
const STRING_MAPS: u32 = 9;

fn kind_of(value: ValueRef<'_>) -> u32 {
    match value {
        ValueRef::String(_) => STRINGS,
        ValueRef::Int64(_) => INT64S,
        ValueRef::Double(_) => DOUBLES,
        ValueRef::Bool(_) => BOOLS,
        ValueRef::Timestamp(_) => TIMESTAMPS,
        ValueRef::Duration(_) => DURATIONS,
        ValueRef::Bytes(_) => BYTES,
        ValueRef::StringMap(_) => STRING_MAPS,
    }
}

/// Adds the attributes of a message to `bag`, which should be empty.
///
/// With `strict`, the rule for deltas, an index that leads nowhere and a name under two types are errors; all other
/// attributes are in the bag even then.
pub(super) fn decode_attributes(
    message: &[u8],
    words: &Words<'_>,
    strict: bool,
    bag: &mut Bag,
    budget: &mut Budget,
) -> Result<(), DecodeError> {
    let mut decoder = Decoder {
        words,
        strict,
        bag,
        budget,
        local: Vec::new(),
        undefined: Vec::new(),
        duplicate: None,
        pairs: Vec::new(),
    };
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.next()? {
        if (STRINGS..=STRING_MAPS).contains(&number) {
            decoder.entry(number, field.bytes(number)?)?;
        }
    }
    match decoder.duplicate {
        _ if !decoder.undefined.is_empty() => Err(DecodeError::UndefinedIndices(decoder.undefined)),
        Some(name) => Err(DecodeError::DuplicateAttribute(name.as_str().to_owned())),
        None => Ok(()),
    }
}

struct Decoder<'d, 'm> {
    words: &'d Words<'m>,
    strict: bool,
    bag: &'d mut Bag,
    budget: &'d mut Budget,
    /// Global names that came as words of the message; those win over the same name by its global index.
    local: Vec<Name>,
    undefined: Vec<i32>,
    duplicate: Option<Name>,
    pairs: Vec<(&'m [u8], &'m [u8])>,
}

impl<'m> Decoder<'_, 'm> {
    /// One entry of one of the eight maps.
    fn entry(&mut self, kind: u32, entry: &[u8]) -> Result<(), DecodeError> {
        let (key, value) = key_and_value(entry)?;
        let index = number(key)?;
        let Some(name) = self.name(index)? else { return Ok(()) };
        match kind {
            STRINGS => match self.word(number(value)?) {
                Some(text) if self.admits(name, index, kind) => {
                    self.charge(text.len())?;
                    self.bag.set_string_lossy(name, text);
                }
                _ => {}
            },
            STRING_MAPS => {
                if self.read_map(bytes(value)?)? && self.admits(name, index, kind) {
                    self.bag.set_map_lossy(name, self.pairs.iter().copied());
                }
            }
            _ => {
                let value = plain_value(kind, value)?;
                if self.admits(name, index, kind) {
                    self.charge(if let ValueRef::Bytes(bytes) = value { bytes.len() } else { 0 })?;
                    self.bag.set(name, value);
                }
            }
        }
        Ok(())
    }

    /// Reads a map into `pairs`; false if it uses an index that leads nowhere, for then it counts as absent.
    fn read_map(&mut self, map: &[u8]) -> Result<bool, DecodeError> {
        self.pairs.clear();
        let mut whole = true;
        let mut reader = Reader::new(map);
        while let Some((field_number, field)) = reader.next()? {
            if field_number != 1 {
                continue;
            }
            let (key, value) = key_and_value(field.bytes(field_number)?)?;
            let (key, value) = (self.word(number(key)?), self.word(number(value)?));
            let (Some(key), Some(value)) = (key, value) else {
                whole = false;
                continue;
            };
            self.charge(key.len() + value.len())?;
            self.pairs.push((key, value));
        }
        Ok(whole)
    }

    /// Whether a value of this type counts beside the one that the bag may have for the name.
    fn admits(&mut self, name: Name, index: i32, kind: u32) -> bool {
        let local = index < 0 && name.global_index().is_some();
        let admitted = match self.bag.get(name).map(kind_of) {
            None => true,
            Some(present) if present != kind => {
                if self.strict {
                    self.duplicate.get_or_insert(name);
                }
                !self.strict && precedence(kind) < precedence(present)
            }
            Some(_) => local || !self.local.contains(&name),
        };
        if admitted && local && !self.local.contains(&name) {
            self.local.push(name);
        }
        admitted
    }

    fn name(&mut self, index: i32) -> Result<Option<Name>, DecodeError> {
        if let Some(name) = u16::try_from(index).ok().and_then(Name::of_global_word) {
            return Ok(Some(name));
        }
        let Some(word) = self.word(index) else { return Ok(None) };
        let text = String::from_utf8_lossy(word);
        Name::try_intern(&text).map(Some).ok_or_else(|| DecodeError::NameRefused(text.chars().take(80).collect()))
    }

    fn word(&mut self, index: i32) -> Option<&'m [u8]> {
        self.words.get(index).or_else(|| self.note_undefined(index))
    }

    fn note_undefined<T>(&mut self, index: i32) -> Option<T> {
        if self.strict && self.undefined.len() < LISTED_INDICES {
            self.undefined.push(index);
        }
        None
    }

    fn charge(&mut self, text: usize) -> Result<(), DecodeError> {
        self.budget.charge(text + size_of::<Pair>())
    }
}

type Entry<'e> = (Option<Field<'e>>, Option<Field<'e>>);

fn key_and_value(entry: &[u8]) -> Result<Entry<'_>, DecodeError> {
    let (mut key, mut value) = (None, None);
    let mut reader = Reader::new(entry);
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => key = Some(field),
            2 => value = Some(field),
            _ => {}
        }
    }
    Ok((key, value))
}

/// A word index; what is left out is 0.
fn number(field: Option<Field<'_>>) -> Result<i32, DecodeError> {
    field.map_or(Ok(0), |field| field.varint(1).map(unzigzag))
}

fn bytes(field: Option<Field<'_>>) -> Result<&[u8], DecodeError> {
    field.map_or(Ok(&[]), |field| field.bytes(2))
}

fn plain_value(kind: u32, field: Option<Field<'_>>) -> Result<ValueRef<'_>, DecodeError> {
    let varint = || field.map_or(Ok(0), |field| field.varint(2));
    Ok(match kind {
        INT64S => ValueRef::Int64(varint()? as i64),
        DOUBLES => ValueRef::Double(field.map_or(Ok(0.0), |field| field.double(2))?),
        BOOLS => ValueRef::Bool(varint()? != 0),
        TIMESTAMPS => ValueRef::Timestamp(time(bytes(field)?)?),
        DURATIONS => ValueRef::Duration(time(bytes(field)?)?),
        _ => ValueRef::Bytes(bytes(field)?),
    })
}

fn time(message: &[u8]) -> Result<Time, DecodeError> {
    let mut time = Time::default();
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => time.seconds = field.varint(number)? as i64,
            2 => time.nanos = field.varint(number)? as i32,
            _ => {}
        }
    }
    Ok(time)
}
