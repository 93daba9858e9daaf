//! A Check as the Mixer sees it: look-ups are remembered as the references of the answer.

use super::message::{Dictionary, Message, NotAMap, WireMap, WireValue};
use super::record::{Record, scan};
use super::references::{Condition, References, Word};
use super::scan::{Field, Reader, map_entry, text};
use super::{WireError, check_word_count};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tokens asked of a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaAsked {
    /// How many.
    pub amount: i64,
    /// Whether fewer are welcome.
    pub best_effort: bool,
}

/// A decoded CheckRequest with the references of what was looked up so far.
///
/// A string map found by [`get`](CheckRequest::get) is taken as read whole: the reference has no key, which no client
/// can hold a later request against, so the answer is not cached. Look keys up one by one to keep an answer cacheable.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    message: Arc<Message>,
    record: Arc<Record>,
    references: References,
    word_count: u32,
    deduplication_id: String,
    quotas: BTreeMap<String, QuotaAsked>,
}

impl CheckRequest {
    /// Indexes an encoded CheckRequest; values stay encoded until they are looked up.
    pub fn parse(bytes: &[u8]) -> Result<CheckRequest, WireError> {
        let mut reader = Reader::whole(bytes)?;
        let mut message = Message::new(bytes);
        let (mut record, mut dictionary) = (Record::default(), Dictionary::default());
        let (mut word_count, mut deduplication_id, mut quotas) = (0, String::new(), BTreeMap::new());
        while let Some((number, field)) = reader.next()? {
            match (number, field) {
                (1, Field::Bytes(span)) => scan(&mut message, span, 0, &mut dictionary, &mut record)?,
                (2, Field::Varint(count)) => word_count = count as u32,
                (3, Field::Bytes(span)) => deduplication_id = text(bytes, span).into_owned(),
                (4, Field::Bytes(span)) => {
                    let (name, asked) = quota(bytes, span)?;
                    quotas.insert(name, asked);
                }
                _ => {}
            }
        }
        check_word_count(word_count)?;
        record.seal();
        message.add(dictionary);
        let (message, record) = (Arc::new(message), Arc::new(record));
        Ok(CheckRequest { message, record, references: References::default(), word_count, deduplication_id, quotas })
    }

    /// The value of an attribute; remembers that it was looked up.
    pub fn get(&mut self, name: &str) -> Option<WireValue<'_>> {
        let word = self.word(name);
        let value = self.message.get(&self.record, name);
        self.references.mark(word, None, found(value.is_some()));
        value
    }

    /// The value of one key of a string map; remembers that this key was looked up.
    ///
    /// When the map is absent, that is what the answer depends on; when the attribute is no string map, its value is.
    pub fn get_key(&mut self, name: &str, key: &str) -> Result<Option<&str>, NotAMap> {
        let word = self.word(name);
        match self.message.get(&self.record, name) {
            None => {
                self.references.mark(word, None, Condition::Absence);
                Ok(None)
            }
            Some(WireValue::StringMap(map)) => {
                let (key, value) = look_up(&self.message, &map, key);
                self.references.mark(word, Some(key), found(value.is_some()));
                Ok(value)
            }
            Some(_) => {
                self.references.mark(word, None, Condition::Exact);
                Err(NotAMap)
            }
        }
    }

    /// Whether an attribute is there; remembers that it was looked up, but not that a string map is there.
    ///
    /// No reference can say "there, whatever its keys": look up a key next, or the map with [`get`](CheckRequest::get).
    pub fn has(&mut self, name: &str) -> bool {
        let value = self.message.get(&self.record, name);
        if !matches!(value, Some(WireValue::StringMap(_))) {
            let condition = found(value.is_some());
            self.references.mark(self.word(name), None, condition);
        }
        value.is_some()
    }

    /// What was looked up so far.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Forgets what was looked up since `references` were taken, and takes these in place.
    pub fn rewind(&mut self, references: References) {
        self.references = references;
    }

    /// The message that references and records belong to.
    pub fn message(&self) -> &Arc<Message> {
        &self.message
    }

    /// The bag, for look-ups that are not to be remembered.
    pub fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// How many global words the client knows.
    pub fn word_count(&self) -> u32 {
        self.word_count
    }

    /// The client's id of this call, the same for all its attempts.
    pub fn deduplication_id(&self) -> &str {
        &self.deduplication_id
    }

    /// The quotas asked for, by name.
    pub fn quotas(&self) -> &BTreeMap<String, QuotaAsked> {
        &self.quotas
    }

    fn word(&self, text: &str) -> Word {
        word(&self.message, text)
    }
}

fn word(message: &Message, text: &str) -> Word {
    match message.index(0, text) {
        Some(index) => Word::Index(index),
        None => Word::Text(text.into()),
    }
}

fn look_up<'a>(message: &Message, map: &WireMap<'a>, key: &str) -> (Word, Option<&'a str>) {
    let word = word(message, key);
    let value = match word {
        Word::Index(index) => map.by_index(index),
        Word::Text(_) => None,
    };
    (word, value)
}

fn found(present: bool) -> Condition {
    if present { Condition::Exact } else { Condition::Absence }
}

fn quota(bytes: &[u8], span: crate::value::Span) -> Result<(String, QuotaAsked), WireError> {
    let (key, value) = map_entry(bytes, span)?;
    let mut asked = QuotaAsked::default();
    if let Some(Field::Bytes(span)) = value {
        let mut reader = Reader::within(bytes, span);
        while let Some((number, field)) = reader.next()? {
            match (number, field) {
                (1, Field::Varint(amount)) => asked.amount = amount as i64,
                (2, Field::Varint(flag)) => asked.best_effort = flag != 0,
                _ => {}
            }
        }
    }
    let name = match key {
        Some(Field::Bytes(span)) => text(bytes, span).into_owned(),
        _ => String::new(),
    };
    Ok((name, asked))
}
