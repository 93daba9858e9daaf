//! Writing canonical JSON: lowerCamelCase names in byte order, defaults left out.

use super::read::lower_camel;
use serde_json::{Map, Value};

/// The fields of a message under construction.
#[derive(Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Adds a field, given in snake_case, that differs from its default.
    pub(super) fn add(&mut self, field: &str, value: impl Into<Value>, is_default: bool) {
        if !is_default {
            self.0.insert(lower_camel(field), value.into());
        }
    }

    pub(super) fn bool(&mut self, field: &str, value: bool) {
        self.add(field, value, !value);
    }

    pub(super) fn string(&mut self, field: &str, value: &str) {
        self.add(field, value, value.is_empty());
    }

    pub(super) fn list<T>(&mut self, field: &str, elements: &[T], write: impl Fn(&T) -> Value) {
        self.add(field, elements.iter().map(write).collect::<Value>(), elements.is_empty());
    }

    pub(super) fn finish(self) -> Value {
        Value::Object(self.0)
    }
}

/// A double, as a text where JSON has no number for it.
pub(super) fn double(value: f64) -> Value {
    match value {
        _ if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => value.into(),
    }
}
