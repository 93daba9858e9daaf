//! Records that agree in all that matters to rules, taken together: what depends on those is evaluated once per group.

use super::message::{Message, WireMap, WireValue};
use super::record::{Entry, Kind, Record, unpack};
use super::report::ReportRequest;
use crate::value::Time;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Whole numbers up to this size are the same as 64-bit floating point numbers.
const EXACT: u64 = 1 << 53;

/// What the rules of one configuration read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Attributes, or keys of string maps, that conditions and dimensions read.
    pub keys: Vec<(String, Option<String>)>,
    /// Numeric attributes that are summed or observed.
    pub values: Vec<String>,
}

/// Records in which every look-up of the plan's keys has the same outcome.
#[derive(Clone, Debug)]
pub struct Group {
    /// The first of its records: what depends on the keys alone is the same for all.
    pub record: Arc<Record>,
    /// The numbers of its records in the report, ascending.
    pub members: Vec<u32>,
    /// For each of the plan's values, the number in each record, durations in seconds; `None` when the value is the
    /// same in all of them because it is absent or no number that a 64-bit float can hold.
    pub columns: Vec<Option<Vec<f64>>>,
}

impl Plan {
    /// Groups a report's records, in the order in which each group's first record came.
    ///
    /// `among` are the numbers of those to look at, ascending; numbers beyond the end are passed over.
    pub fn group(&self, report: &ReportRequest, among: Option<&[u32]>) -> Vec<Group> {
        let records = report.records();
        match among {
            Some(numbers) => {
                let known = numbers.iter().filter_map(|number| Some((*number, records.get(*number as usize)?)));
                self.gather(report.message(), known)
            }
            None => self.gather(report.message(), (0..).zip(records)),
        }
    }

    fn gather<'a>(&self, message: &Message, records: impl Iterator<Item = (u32, &'a Arc<Record>)>) -> Vec<Group> {
        let places = Places::new(self, message);
        let mut known: HashMap<Vec<Part<'_>>, usize, RandomState> = HashMap::default();
        let mut groups: Vec<Group> = Vec::new();
        let mut entries = vec![None; places.names];
        let (mut key, mut numbers) = (Vec::new(), Vec::new());
        for (number, record) in records {
            places.find(message, record, &mut entries);
            key.clear();
            numbers.clear();
            key.extend(places.keys.iter().map(|place| place.part(message, &entries)));
            for place in &places.values {
                let found = entries[*place].as_ref().and_then(|entry| as_number(message, entry));
                numbers.push(found);
                key.push(match (found, &entries[*place]) {
                    (Some((kind, _)), _) => Part::Number(kind),
                    (None, Some(entry)) => whole(message, entry, places.by_index),
                    (None, None) => Part::Absent,
                });
            }
            let at = match known.get(&key) {
                Some(at) => *at,
                None => {
                    let columns = numbers.iter().map(|number| number.map(|_| Vec::new())).collect();
                    groups.push(Group { record: record.clone(), members: Vec::new(), columns });
                    known.insert(key.clone(), groups.len() - 1);
                    groups.len() - 1
                }
            };
            let group = &mut groups[at];
            group.members.push(number);
            for (column, number) in group.columns.iter_mut().zip(&numbers) {
                if let (Some(column), Some((_, number))) = (column, number) {
                    column.push(*number);
                }
            }
        }
        groups
    }
}

/// A plan's attributes as one message writes them.
struct Places<'p> {
    keys: Vec<Place<'p>>,
    /// Where the entry of each value is found.
    values: Vec<usize>,
    /// How many different attributes there are.
    names: usize,
    /// Where all records share one dictionary: which attribute a name's index stands for.
    global: Vec<u16>,
    own: Vec<u16>,
    /// Else their names.
    texts: Vec<&'p str>,
    by_index: bool,
}

/// One key of a plan: which attribute, and the key of a map with its index in the shared dictionary.
struct Place<'p> {
    entry: usize,
    of: Option<(&'p str, Option<i32>)>,
}

const NOT_WANTED: u16 = u16::MAX;

impl<'p> Places<'p> {
    fn new(plan: &'p Plan, message: &Message) -> Places<'p> {
        let mut slots: HashMap<&str, usize, RandomState> = HashMap::default();
        let mut texts = Vec::new();
        let mut slot = |name: &'p str| {
            *slots.entry(name).or_insert_with(|| {
                texts.push(name);
                texts.len() - 1
            })
        };
        let by_index = message.dictionaries.len() == 1 && plan.keys.len() + plan.values.len() < usize::from(NOT_WANTED);
        let index = |key: &str| if by_index { message.index(0, key) } else { None };
        let keys = plan
            .keys
            .iter()
            .map(|(name, of)| Place { entry: slot(name), of: of.as_deref().map(|key| (key, index(key))) });
        let keys = keys.collect();
        let values = plan.values.iter().map(|name| slot(name)).collect();
        let mut places =
            Places { keys, values, names: texts.len(), global: Vec::new(), own: Vec::new(), texts, by_index };
        if by_index {
            for (slot, name) in places.texts.iter().enumerate() {
                let Some(index) = message.index(0, name) else { continue };
                let (table, at) = side(&mut places.global, &mut places.own, index);
                if table.len() <= at {
                    table.resize(at + 1, NOT_WANTED);
                }
                table[at] = slot as u16;
            }
        }
        places
    }

    /// The entries of the plan's attributes in one record: as [`Message::find`] finds them, all in one pass.
    fn find(&self, message: &Message, record: &Record, found: &mut [Option<Entry>]) {
        if !self.by_index {
            for (entry, name) in found.iter_mut().zip(&self.texts) {
                *entry = message.find(record, name);
            }
            return;
        }
        found.fill(None);
        for entry in &record.entries {
            let (table, at) = side(&self.global, &self.own, entry.name);
            let Some(slot) = table.get(at).filter(|slot| **slot != NOT_WANTED) else { continue };
            let known = &mut found[usize::from(*slot)];
            // of several types the first counts, of several values the last
            if known.is_none_or(|known| entry.kind <= known.kind) {
                *known = Some(*entry);
            }
        }
    }
}

/// The table of a name's index, and the place there: global words count up from 0, a message's own down from -1.
fn side<T>(global: T, own: T, index: i32) -> (T, usize) {
    match usize::try_from(index) {
        Ok(at) => (global, at),
        Err(_) => (own, !index as usize),
    }
}

/// One value of a key, such that equal parts are equal outcomes of a look-up.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Part<'a> {
    Absent,
    /// A map without the key.
    NoKey,
    /// A key was looked up in another value.
    NotAMap(Kind),
    /// A number that is in a column.
    Number(Kind),
    /// A word by its index: enough where all records share one dictionary.
    Index(i32),
    Text(&'a str),
    Bits(Kind, u64),
    Bytes(&'a [u8]),
    Time(Kind, i64, i32),
    Map(Vec<(&'a str, &'a str)>),
}

impl Place<'_> {
    fn part<'a>(&self, message: &'a Message, entries: &[Option<Entry>]) -> Part<'a> {
        let Some(entry) = &entries[self.entry] else { return Part::Absent };
        match (self.of, message.value(entry)) {
            (_, None) => Part::Absent,
            (None, Some(_)) => whole(message, entry, entry.dictionary == 0 && message.dictionaries.len() == 1),
            (Some((key, index)), Some(WireValue::StringMap(map))) => pair(&map, key, index),
            (Some(_), Some(_)) => Part::NotAMap(entry.kind),
        }
    }
}

fn pair<'a>(map: &WireMap<'a>, key: &str, index: Option<i32>) -> Part<'a> {
    let value = match index {
        Some(index) => map.by_index(index),
        None => map.get(key),
    };
    value.map_or(Part::NoKey, Part::Text)
}

fn whole<'a>(message: &'a Message, entry: &Entry, by_index: bool) -> Part<'a> {
    match message.value(entry) {
        None => Part::Absent,
        Some(WireValue::String(_)) if by_index => Part::Index(entry.payload as u32 as i32),
        Some(WireValue::String(text)) => Part::Text(text),
        Some(WireValue::Bytes(_)) => Part::Bytes(unpack(entry.payload).bytes(&message.buffer)),
        Some(WireValue::Timestamp(time) | WireValue::Duration(time)) => {
            Part::Time(entry.kind, time.seconds, time.nanos)
        }
        Some(WireValue::StringMap(map)) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_unstable();
            Part::Map(pairs)
        }
        Some(WireValue::Int64(_) | WireValue::Double(_) | WireValue::Bool(_)) => Part::Bits(entry.kind, entry.payload),
    }
}

fn as_number(message: &Message, entry: &Entry) -> Option<(Kind, f64)> {
    let number = match message.value(entry)? {
        WireValue::Int64(number) if number.unsigned_abs() <= EXACT => number as f64,
        WireValue::Double(number) => number,
        WireValue::Duration(time) => seconds(time),
        _ => return None,
    };
    Some((entry.kind, number))
}

/// Seconds, rounded once, as Python rounds the quotient of the nanoseconds.
fn seconds(time: Time) -> f64 {
    let nanoseconds = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    nanoseconds as f64 / 1e9
}
