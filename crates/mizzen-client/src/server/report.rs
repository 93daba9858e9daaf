//! A Report as the Mixer sees it: one record per finished request or event of a connection.

use super::message::{Dictionary, Message};
use super::record::{Entry, Record, scan};
use super::scan::{Field, Reader};
use super::{WireError, check_word_count};
use crate::value::Span;
use std::collections::HashSet;
use std::sync::Arc;

/// The most attributes that the accumulated bags of one delta encoded report may have together: a thousand bags of a
/// thousand attributes.
pub const MAX_ACCUMULATED_ENTRIES: usize = 1 << 20;

/// The most bags of one report; clients send a hundred, old ones a thousand.
pub const MAX_RECORDS: usize = 1 << 16;

/// How many problems of one bag are told.
const TOLD: usize = 4;

const INDEPENDENT_ENCODING: u64 = 1;
/// The dictionary of all bags without words of their own.
const DEFAULT_WORDS: u32 = 0;

/// A bag of a delta encoded report that cannot be used as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Which bag, from 0.
    pub record: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// A decoded ReportRequest.
///
/// In delta encoding each record is what its bag and those before it add up to. A delta bag with undefined words, or
/// one that has a name under two types, is an error and gives no record; what can be read of it still counts for those
/// after it.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    message: Arc<Message>,
    records: Vec<Arc<Record>>,
    errors: Vec<RecordError>,
    sent: usize,
}

impl ReportRequest {
    /// Indexes an encoded ReportRequest; values stay encoded until they are looked up.
    pub fn parse(bytes: &[u8]) -> Result<ReportRequest, WireError> {
        let mut reader = Reader::whole(bytes)?;
        let mut message = Message::new(bytes);
        let (mut spans, mut defaults) = (Vec::new(), Dictionary::default());
        let (mut word_count, mut encoding) = (0, 0);
        while let Some((number, field)) = reader.next()? {
            match (number, field) {
                (1, Field::Bytes(_)) if spans.len() == MAX_RECORDS => return Err(WireError::TooManyRecords),
                (1, Field::Bytes(span)) => spans.push(span),
                (2, Field::Bytes(span)) => defaults.words.push(message.text(span)),
                (3, Field::Varint(count)) => word_count = count as u32,
                (4, Field::Varint(semantics)) => encoding = semantics,
                _ => {}
            }
        }
        check_word_count(word_count)?;
        message.add(defaults);
        let bags = spans.iter().map(|span| bag(&mut message, *span)).collect::<Result<Vec<_>, _>>()?;
        let sent = bags.len();
        let (records, errors) = match encoding {
            INDEPENDENT_ENCODING => (bags.into_iter().map(Arc::new).collect(), Vec::new()),
            _ => accumulate(&message, bags)?,
        };
        Ok(ReportRequest { message: Arc::new(message), records, errors, sent })
    }

    /// How many bags were sent, those in error included.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// The records, in the order sent.
    pub fn records(&self) -> &[Arc<Record>] {
        &self.records
    }

    /// The bags that gave no record.
    pub fn errors(&self) -> &[RecordError] {
        &self.errors
    }

    /// The message that the records belong to.
    pub fn message(&self) -> &Arc<Message> {
        &self.message
    }
}

fn bag(message: &mut Message, span: Span) -> Result<Record, WireError> {
    let (mut dictionary, mut record) = (Dictionary::default(), Record::default());
    let own = message.dictionaries.len() as u32;
    scan(message, span, own, &mut dictionary, &mut record)?;
    if dictionary.words.is_empty() {
        record.entries.iter_mut().for_each(|entry| entry.dictionary = DEFAULT_WORDS);
    } else {
        message.add(dictionary);
    }
    record.seal();
    Ok(record)
}

type Accumulated = (Vec<Arc<Record>>, Vec<RecordError>);

fn accumulate(message: &Message, bags: Vec<Record>) -> Result<Accumulated, WireError> {
    let (mut records, mut errors): Accumulated = (Vec::new(), Vec::new());
    let mut state = Arc::new(Record::default());
    let mut total = 0;
    for (number, mut bag) in bags.into_iter().enumerate() {
        let problems = if number == 0 { Vec::new() } else { take_undefined(message, &mut bag) };
        if number == 0 {
            state = Arc::new(bag);
        } else if !bag.entries.is_empty() {
            // an unchanged state is shared, a changed one costs a copy
            total += state.entries.len() + bag.entries.len();
            if total > MAX_ACCUMULATED_ENTRIES {
                return Err(WireError::TooLarge);
            }
            state = Arc::new(merge(message, &state, &bag));
        }
        if problems.is_empty() {
            records.push(state.clone());
        } else {
            errors.push(RecordError { record: number, reason: told(problems) });
        }
    }
    Ok((records, errors))
}

/// The problems of one bag as a text of bounded length.
fn told(mut problems: Vec<String>) -> String {
    let untold = problems.len().saturating_sub(TOLD);
    problems.truncate(TOLD);
    let more = if untold == 0 { String::new() } else { format!("; and {untold} more") };
    problems.join("; ") + &more
}

/// Removes the entries that cannot be applied, and says why.
fn take_undefined(message: &Message, bag: &mut Record) -> Vec<String> {
    let mut problems = Vec::new();
    let mut previous: Option<(u32, i32)> = None;
    let mut entries = bag.types();
    entries.retain(|entry| {
        let place = (entry.dictionary, entry.name);
        let Some(name) = message.word(entry.dictionary, entry.name) else {
            problems.push(format!("attribute name index {} is not defined in the available dictionaries", entry.name));
            return false;
        };
        if previous.replace(place) == Some(place) {
            problems.push(format!("duplicate attribute {name}"));
            return false;
        }
        if message.value(entry).is_none() {
            problems.push(format!("attribute {name} has a word index not defined in the available dictionaries"));
            return false;
        }
        true
    });
    *bag = Record::with_entries(entries);
    problems
}

/// The state with a bag's entries in place of those of the same names.
fn merge(message: &Message, state: &Record, bag: &Record) -> Record {
    let replaced: HashSet<&str> =
        bag.entries.iter().filter_map(|entry| message.word(entry.dictionary, entry.name)).collect();
    let kept = |entry: &&Entry| message.word(entry.dictionary, entry.name).is_none_or(|name| !replaced.contains(name));
    let mut entries: Vec<Entry> = state.entries.iter().filter(kept).copied().collect();
    entries.extend(&bag.entries);
    Record::with_entries(entries)
}
