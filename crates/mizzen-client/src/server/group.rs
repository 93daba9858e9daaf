//! Records that agree in all that matters to rules, taken together: what depends on those is evaluated once per group.

use super::message::{Message, WireValue};
use super::record::{Entry, Kind, Record, unpack};
use super::report::ReportRequest;
use std::collections::HashMap;
use std::sync::Arc;

/// What the rules of one configuration read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Attributes, or keys of string maps, that conditions and dimensions read.
    pub keys: Vec<(String, Option<String>)>,
    /// Numeric attributes that are summed or observed.
    pub values: Vec<String>,
}

/// Records with equal values of all the plan's keys.
#[derive(Clone, Debug)]
pub struct Group {
    /// One of its records, to read the keys' values from.
    pub record: Arc<Record>,
    /// How many records it has.
    pub count: usize,
    /// For each of the plan's values, the number in each record; durations in seconds.
    pub columns: Vec<Vec<Option<f64>>>,
}

impl Plan {
    /// Groups a report's records, in the order in which each group's first record came.
    pub fn group(&self, report: &ReportRequest) -> Vec<Group> {
        let message = report.message().as_ref();
        let by_index = message.dictionaries.len() == 1;
        let mut places: HashMap<Vec<Part<'_>>, usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut key = Vec::with_capacity(self.keys.len());
        for record in report.records() {
            key.clear();
            key.extend(self.keys.iter().map(|(name, of)| part(message, record, name, of.as_deref(), by_index)));
            let place = match places.get(&key) {
                Some(place) => *place,
                None => {
                    groups.push(Group {
                        record: record.clone(),
                        count: 0,
                        columns: vec![Vec::new(); self.values.len()],
                    });
                    places.insert(key.clone(), groups.len() - 1);
                    groups.len() - 1
                }
            };
            let group = &mut groups[place];
            group.count += 1;
            for (column, name) in group.columns.iter_mut().zip(&self.values) {
                column.push(message.get(record, name).and_then(number));
            }
        }
        groups
    }
}

/// One value of a key, such that equal parts are equal values.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Part<'a> {
    Absent,
    /// A word by its index: enough where all records share one dictionary.
    Index(i32),
    Text(&'a str),
    Bits(Kind, u64),
    Bytes(&'a [u8]),
    Time(Kind, i64, i32),
    Map(Vec<(&'a str, &'a str)>),
}

fn part<'a>(message: &'a Message, record: &Record, name: &str, key: Option<&str>, by_index: bool) -> Part<'a> {
    let Some(entry) = message.find(record, name) else { return Part::Absent };
    if let Some(key) = key {
        return match message.value(&entry) {
            Some(WireValue::StringMap(map)) => map.get(key).map_or(Part::Absent, Part::Text),
            _ => Part::Absent,
        };
    }
    if by_index && entry.kind == Kind::String && message.value(&entry).is_some() {
        return Part::Index(entry.payload as u32 as i32);
    }
    whole(message, &entry)
}

fn whole<'a>(message: &'a Message, entry: &Entry) -> Part<'a> {
    match message.value(entry) {
        None => Part::Absent,
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

fn number(value: WireValue<'_>) -> Option<f64> {
    match value {
        WireValue::Int64(number) => Some(number as f64),
        WireValue::Double(number) => Some(number),
        WireValue::Duration(time) => Some(time.seconds as f64 + f64::from(time.nanos) / 1e9),
        _ => None,
    }
}
