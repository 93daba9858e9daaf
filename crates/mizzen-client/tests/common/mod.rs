//! Random bags for the property tests.

use mizzen_client::{Bag, Name, Time, names};
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    String(String),
    Int64(i64),
    Double(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    Timestamp(Time),
    Duration(Time),
    StringMap(Vec<(String, String)>),
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        prop::sample::select(vec![
            names::SOURCE_IP,
            names::SOURCE_UID,
            names::REQUEST_HEADERS,
            names::REQUEST_PATH,
            names::RESPONSE_HEADERS,
            names::CONTEXT_TIME,
            names::CONTEXT_PROTOCOL,
            names::DESTINATION_PORT,
            names::CONTEXT_PROXY_VERSION,
            names::ORIGIN_IP,
        ]),
        "[a-c]{1,2}(\\.[a-c]){0,2}".prop_map(|text| Name::intern(&text)),
        // words of the dictionary that are no attribute names, and the empty name
        prop::sample::select(vec!["'200'", "200", "GET", "\"-\"", ""]).prop_map(Name::intern),
    ]
}

/// Words that are global, below or above the base, and words that are not.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "GET",
            "http",
            "source.ip",
            "'200'",
            "200",
            "context.protocol",
            "true",
            "inbound",
            ""
        ])
        .prop_map(str::to_owned),
        "[a-d]{1,3}",
        "\\PC{0,20}",
        (120..300usize).prop_map(|length| "x".repeat(length)),
    ]
}

fn time() -> impl Strategy<Value = Time> {
    (any::<i64>(), any::<i32>()).prop_map(|(seconds, nanos)| Time { seconds, nanos })
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => word().prop_map(Value::String),
        1 => any::<i64>().prop_map(Value::Int64),
        // no -0.0: prost takes it for the default and leaves it out of maps
        1 => any::<f64>().prop_map(|value| Value::Double(value + 0.0)),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        1 => time().prop_map(Value::Timestamp),
        1 => time().prop_map(Value::Duration),
        3 => prop::collection::vec((word(), word()), 1..40).prop_map(Value::StringMap),
    ]
}

pub(crate) fn set(bag: &mut Bag, name: Name, value: &Value) {
    match value {
        Value::String(value) => bag.set_string(name, value),
        Value::Int64(value) => bag.set_int64(name, *value),
        Value::Double(value) => bag.set_double(name, *value),
        Value::Bool(value) => bag.set_bool(name, *value),
        Value::Bytes(value) => bag.set_bytes(name, value),
        Value::Timestamp(value) => bag.set_timestamp(name, *value),
        Value::Duration(value) => bag.set_duration(name, *value),
        Value::StringMap(pairs) => bag.set_map(name, pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
    }
}

pub(crate) fn attributes() -> impl Strategy<Value = Vec<(Name, Value)>> {
    prop::collection::vec((name(), value()), 0..14)
}

pub(crate) fn bag() -> impl Strategy<Value = Bag> {
    attributes().prop_map(|attributes| {
        let mut bag = Bag::new();
        for (name, value) in &attributes {
            set(&mut bag, *name, value);
        }
        bag
    })
}
