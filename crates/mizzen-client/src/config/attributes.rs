//! `Attributes`: fixed attributes in configuration.

use super::error::ConfigError;
use super::read::{Node, lower_camel};
use super::time::{format_duration, format_timestamp};
use super::write::double;
use crate::bag::Bag;
use crate::name::Name;
use crate::value::ValueRef;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

const VALUES: &[&str] = &[
    "string_value",
    "int64_value",
    "double_value",
    "bool_value",
    "bytes_value",
    "timestamp_value",
    "duration_value",
    "string_map_value",
];

/// Reads `{"attributes": {NAME: {"string_value": …}}}`.
pub(super) fn read_attributes(node: &Node<'_>) -> Result<Bag, ConfigError> {
    let mut bag = Bag::new();
    let Some(attributes) = node.message(&["attributes"])?.field("attributes") else { return Ok(bag) };
    for (name, node) in attributes.entries()? {
        if name.is_empty() {
            return Err(node.error("an attribute without a name", "a name such as destination.uid"));
        }
        read_value(&mut bag, Name::intern(name), &node)?;
    }
    Ok(bag)
}

fn read_value(bag: &mut Bag, name: Name, node: &Node<'_>) -> Result<(), ConfigError> {
    let Some((kind, value)) = node.message(VALUES)?.one_of(VALUES)? else {
        return Err(node.error("no value is given", format!("one of {}", VALUES.join(", "))));
    };
    match kind {
        "string_value" => bag.set_string(name, &value.string()?),
        "int64_value" => bag.set_int64(name, value.int64()?),
        "double_value" => bag.set_double(name, value.double()?),
        "bool_value" => bag.set_bool(name, value.bool()?),
        "bytes_value" => bag.set_bytes(name, &value.bytes()?),
        "timestamp_value" => bag.set_timestamp(name, value.timestamp()?),
        "duration_value" => bag.set_duration(name, value.duration()?),
        _ => {
            let Some(entries) = value.message(&["entries"])?.field("entries") else { return Ok(()) };
            let mut pairs = Vec::new();
            for (key, value) in entries.entries()? {
                pairs.push((key, value.string()?));
            }
            bag.set_map(name, pairs.iter().map(|(key, value)| (*key, value.as_str())));
        }
    }
    Ok(())
}

/// Writes what [`read_attributes`] reads.
pub(super) fn write_attributes(bag: &Bag) -> Value {
    let attributes = bag.iter().map(|(name, value)| {
        let (kind, value) = write_value(value);
        (name.as_str().to_owned(), json!({ lower_camel(kind): value }))
    });
    json!({ "attributes": attributes.collect::<Map<_, _>>() })
}

fn write_value(value: ValueRef<'_>) -> (&'static str, Value) {
    match value {
        ValueRef::String(value) => ("string_value", value.into()),
        ValueRef::Int64(value) => ("int64_value", value.to_string().into()),
        ValueRef::Double(value) => ("double_value", double(value)),
        ValueRef::Bool(value) => ("bool_value", value.into()),
        ValueRef::Bytes(value) => ("bytes_value", STANDARD.encode(value).into()),
        ValueRef::Timestamp(value) => ("timestamp_value", format_timestamp(value).into()),
        ValueRef::Duration(value) => ("duration_value", format_duration(value).into()),
        ValueRef::StringMap(map) => {
            let entries: Map<_, _> = map.iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            ("string_map_value", json!({ "entries": entries }))
        }
    }
}
