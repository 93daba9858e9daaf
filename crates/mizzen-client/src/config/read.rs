//! A place in a JSON value together with the path that leads there.

use super::error::ConfigError;
use super::suggest::suggest;
use serde_json::{Map, Value};

/// A value and its path.
#[derive(Clone, Debug)]
pub(super) struct Node<'v> {
    pub(super) value: &'v Value,
    pub(super) path: String,
}

impl<'v> Node<'v> {
    pub(super) fn root(value: &'v Value) -> Node<'v> {
        Node { value, path: String::new() }
    }

    /// This value is wrong.
    pub(super) fn error(&self, reason: impl Into<String>, accepted: impl Into<String>) -> ConfigError {
        ConfigError::at(&self.path, self.value, reason, accepted)
    }

    /// The value as a message with these fields, given in snake_case.
    pub(super) fn message(&self, fields: &'static [&'static str]) -> Result<Message<'v>, ConfigError> {
        let Value::Object(members) = self.value else {
            return Err(self.error(format!("expected an object, not {}", kind(self.value)), describe(fields)));
        };
        let message = Message { members, path: self.path.clone() };
        for key in members.keys() {
            let Some(field) = fields.iter().find(|field| *key == **field || *key == lower_camel(field)) else {
                return Err(message.unknown(key, fields));
            };
            if key != field && members.contains_key(*field) {
                let both = message.node(field, &members[key]);
                return Err(
                    both.error(format!("given twice, as {key} and as {field}"), format!("one of {key} and {field}"))
                );
            }
        }
        Ok(message)
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> Result<Vec<Node<'v>>, ConfigError> {
        let Value::Array(elements) = self.value else {
            return Err(self.error(format!("expected a list, not {}", kind(self.value)), "a list"));
        };
        let nodes = elements.iter().enumerate();
        Ok(nodes.map(|(at, value)| Node { value, path: format!("{}[{at}]", self.path) }).collect())
    }

    /// The entries of a map with text keys, in the order of the keys.
    pub(super) fn entries(&self) -> Result<Vec<(&'v str, Node<'v>)>, ConfigError> {
        let Value::Object(members) = self.value else {
            return Err(self.error(format!("expected an object, not {}", kind(self.value)), "an object with any keys"));
        };
        let nodes = members.iter();
        Ok(nodes.map(|(key, value)| (key.as_str(), Node { value, path: format!("{}[{key:?}]", self.path) })).collect())
    }

    /// Reads all elements of a list.
    pub(super) fn list<T>(&self, read: impl Fn(&Node<'v>) -> Result<T, ConfigError>) -> Result<Vec<T>, ConfigError> {
        self.elements()?.iter().map(read).collect()
    }
}

/// An object whose keys are all known.
pub(super) struct Message<'v> {
    members: &'v Map<String, Value>,
    path: String,
}

impl<'v> Message<'v> {
    /// The field's value; `None` if it is left out or null.
    pub(super) fn field(&self, field: &'static str) -> Option<Node<'v>> {
        let value = self.members.get(field).or_else(|| self.members.get(&lower_camel(field)))?;
        (!value.is_null()).then(|| self.node(field, value))
    }

    /// Reads a field, or takes its default.
    pub(super) fn read<T: Default>(
        &self,
        field: &'static str,
        read: impl FnOnce(&Node<'v>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        self.optional(field, read).map(Option::unwrap_or_default)
    }

    /// Reads a field, if it is given.
    pub(super) fn optional<T>(
        &self,
        field: &'static str,
        read: impl FnOnce(&Node<'v>) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        self.field(field).map(|node| read(&node)).transpose()
    }

    /// The one field given of several that exclude each other.
    pub(super) fn one_of(
        &self,
        fields: &'static [&'static str],
    ) -> Result<Option<(&'static str, Node<'v>)>, ConfigError> {
        let mut given = fields.iter().filter_map(|field| Some((*field, self.field(field)?)));
        let first = given.next();
        match (&first, given.next()) {
            (Some((earlier, _)), Some((field, node))) => Err(node
                .error(format!("{field} and {earlier} exclude each other"), format!("one of {}", fields.join(", ")))),
            _ => Ok(first),
        }
    }

    fn node(&self, field: &str, value: &'v Value) -> Node<'v> {
        Node { value, path: join(&self.path, field) }
    }

    fn unknown(&self, key: &str, fields: &'static [&'static str]) -> ConfigError {
        let reason = match suggest(key, fields.iter().copied()) {
            Some(field) => format!("unknown field (did you mean {field}?)"),
            None => "unknown field".to_owned(),
        };
        let path = join(&self.path, key);
        ConfigError::at(&path, &self.members[key], reason, describe(fields))
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

fn describe(fields: &[&str]) -> String {
    format!("fields {}", fields.join(", "))
}

/// What kind of JSON value this is, for people.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The JSON name of a field, for instance `mixerAttributes` of `mixer_attributes`.
pub(super) fn lower_camel(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    let mut raise = false;
    for letter in field.chars() {
        match letter {
            '_' => raise = true,
            letter if raise => {
                name.push(letter.to_ascii_uppercase());
                raise = false;
            }
            letter => name.push(letter),
        }
    }
    name
}
