//! The filters' configuration, read from proto3 JSON and written back in one canonical form.
//!
//! Names of fields are accepted in snake_case and lowerCamelCase. Unlike proto3 JSON in general, an unknown field is
//! refused: a misspelt policy must not be taken for none. What is left out has the effect that Istio 1.4 gives it; the
//! structs hold these effective values, so nobody has to know the defaults twice.

mod api_spec;
mod attributes;
mod error;
mod http;
mod quota_spec;
mod read;
mod scalar;
mod suggest;
mod tcp;
mod time;
mod transport;
mod write;

pub use api_spec::{ApiKey, HttpApiSpec, HttpApiSpecPattern, PathPattern};
pub use error::ConfigError;
pub use http::{HttpClientConfig, ServiceConfig};
pub use quota_spec::{AttributeMatch, Quota, QuotaRule, QuotaSpec, StringMatch};
pub use tcp::TcpClientConfig;
pub use transport::{FailPolicy, NetworkFailPolicy, TransportConfig};

use read::Node;
use serde_json::Value;

/// Reads a whole configuration; no text at all, as Envoy hands over for none, is an empty one.
fn parse<T>(text: &[u8], read: impl FnOnce(Node<'_>) -> Result<T, ConfigError>) -> Result<T, ConfigError> {
    let value = if text.trim_ascii().is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        serde_json::from_slice(text).map_err(|error| ConfigError::syntax(text, &error))?
    };
    read(Node::root(&value))
}
