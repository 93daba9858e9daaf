//! A configuration error that says where, what, why, and what would be right.

use serde_json::Value;
use std::error::Error;
use std::fmt;

/// How many characters of a wrong value an error shows.
const SHOWN: usize = 80;

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The field, for instance `service_configs["a"].quota_spec[0].rules`; empty for the whole configuration.
    pub path: String,
    /// The value seen, as JSON, shortened.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
    /// What is accepted in its place.
    pub accepted: String,
}

impl ConfigError {
    /// An error at a field that holds a value.
    pub fn new(path: &str, value: &str, reason: impl Into<String>, accepted: impl Into<String>) -> ConfigError {
        ConfigError { path: path.to_owned(), value: shorten(value), reason: reason.into(), accepted: accepted.into() }
    }

    pub(super) fn at(path: &str, value: &Value, reason: impl Into<String>, accepted: impl Into<String>) -> ConfigError {
        ConfigError::new(path, &value.to_string(), reason, accepted)
    }

    /// The text is no JSON.
    pub(super) fn syntax(text: &[u8], error: &serde_json::Error) -> ConfigError {
        let line = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
        ConfigError::new("", &String::from_utf8_lossy(line), format!("not JSON: {error}"), "a JSON object")
    }
}

fn shorten(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        write!(formatter, "{}", self.reason)?;
        if !self.value.is_empty() {
            write!(formatter, ", got {}", self.value)?;
        }
        write!(formatter, "; accepted: {}", self.accepted)
    }
}

impl Error for ConfigError {}
