//! Scalars of proto3 JSON. Envoy keeps configuration as doubles, so a whole number may arrive as `100.0` or `1e+21`.

use super::error::ConfigError;
use super::read::{Node, kind};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use std::fmt::Display;

impl Node<'_> {
    pub(super) fn bool(&self) -> Result<bool, ConfigError> {
        match self.value {
            Value::Bool(value) => Ok(*value),
            other => Err(self.error(format!("expected a bool, not {}", kind(other)), "true or false")),
        }
    }

    pub(super) fn string(&self) -> Result<String, ConfigError> {
        match self.value {
            Value::String(value) => Ok(value.clone()),
            other => Err(self.error(format!("expected a string, not {}", kind(other)), "a string")),
        }
    }

    /// A string that says something.
    pub(super) fn name(&self) -> Result<String, ConfigError> {
        let text = self.string()?;
        if text.is_empty() { Err(self.error("must not be empty", "a name")) } else { Ok(text) }
    }

    pub(super) fn int64(&self) -> Result<i64, ConfigError> {
        self.integer(i64::MIN, i64::MAX)
    }

    pub(super) fn uint32(&self) -> Result<u32, ConfigError> {
        self.integer(u32::MIN, u32::MAX)
    }

    pub(super) fn uint64(&self) -> Result<u64, ConfigError> {
        self.integer(u64::MIN, u64::MAX)
    }

    fn integer<T: TryFrom<i128> + Display>(&self, least: T, most: T) -> Result<T, ConfigError> {
        let accepted = format!("a whole number from {least} to {most}, as a number or a string");
        let whole = match self.value {
            Value::Number(number) => number
                .as_i64()
                .map(i128::from)
                .or_else(|| number.as_u64().map(i128::from))
                .or_else(|| number.as_f64().and_then(whole)),
            Value::String(text) => text.parse().ok().or_else(|| text.parse().ok().and_then(whole)),
            other => return Err(self.error(format!("expected a whole number, not {}", kind(other)), accepted)),
        };
        match whole.map(T::try_from) {
            Some(Ok(value)) => Ok(value),
            Some(Err(_)) => Err(self.error("out of range", accepted)),
            None => Err(self.error("not a whole number", accepted)),
        }
    }

    pub(super) fn double(&self) -> Result<f64, ConfigError> {
        let accepted = "a number, \"NaN\", \"Infinity\" or \"-Infinity\"";
        match self.value {
            Value::Number(number) => number.as_f64().ok_or_else(|| self.error("out of range", accepted)),
            Value::String(text) => match text.as_str() {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                // Rust would take "inf" and the like, which proto3 JSON does not
                text => text
                    .parse()
                    .ok()
                    .filter(|value: &f64| value.is_finite())
                    .ok_or_else(|| self.error("not a number", accepted)),
            },
            other => Err(self.error(format!("expected a number, not {}", kind(other)), accepted)),
        }
    }

    /// Base64 in the standard or the URL-safe alphabet, with or without padding.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, ConfigError> {
        let text = self.string()?;
        let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
        engine.decode(&text).map_err(|error| self.error(format!("not base64: {error}"), "bytes in base64"))
    }

    /// One of these names, or its number.
    pub(super) fn enumeration<T: Copy>(&self, names: &[(&str, T)]) -> Result<T, ConfigError> {
        let found = match self.value {
            Value::String(text) => names.iter().find(|(name, _)| name == text),
            Value::Number(number) => {
                number.as_f64().and_then(whole).and_then(|number| names.get(usize::try_from(number).ok()?))
            }
            _ => None,
        };
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        found.map(|(_, value)| *value).ok_or_else(|| {
            let numbers = known.len().saturating_sub(1);
            self.error("not one of the names", format!("{} or their numbers 0 to {numbers}", known.join(", ")))
        })
    }
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The value of a double that is a whole number; beyond 2^96 none is of use.
fn whole(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 2f64.powi(96)).then_some(value as i128)
}
