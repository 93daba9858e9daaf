//! Which API operation a request calls. Istio used this up to 1.3.

use super::attributes::{read_attributes, write_attributes};
use super::error::ConfigError;
use super::quota_spec::read_pattern;
use super::read::Node;
use super::write::Fields;
use crate::api_spec::{TEMPLATE_FORM, check_template};
use crate::bag::Bag;
use serde_json::{Value, json};

/// `HTTPAPISpec`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpApiSpec {
    /// Set for every request.
    pub attributes: Bag,
    /// Attributes for single operations.
    pub patterns: Vec<HttpApiSpecPattern>,
    /// Where to look for the API key, in this order; if empty, the defaults of the protocol apply.
    pub api_keys: Vec<ApiKey>,
}

/// `HTTPAPISpecPattern`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpApiSpecPattern {
    /// Set for requests that match.
    pub attributes: Bag,
    /// The request's method, or `*`.
    pub http_method: String,
    /// What the path must be.
    pub path: PathPattern,
}

/// What a request's path must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PathPattern {
    /// Nothing is said, so no path matches.
    #[default]
    None,
    /// A template such as `/pets/{id}`, as written, known to be one.
    UriTemplate(String),
    /// A pattern for the whole path with its query, known to compile.
    Regex(String),
}

/// `APIKey`: a place where a request may carry its API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKey {
    /// A query parameter.
    Query(String),
    /// A header.
    Header(String),
    /// A cookie.
    Cookie(String),
}

impl HttpApiSpec {
    pub(super) fn read(node: &Node<'_>) -> Result<HttpApiSpec, ConfigError> {
        let message = node.message(&["attributes", "patterns", "api_keys"])?;
        Ok(HttpApiSpec {
            attributes: message.read("attributes", read_attributes)?,
            patterns: message.read("patterns", |node| node.list(HttpApiSpecPattern::read))?,
            api_keys: message.read("api_keys", |node| node.list(ApiKey::read))?,
        })
    }

    pub(super) fn write(&self) -> Value {
        let mut fields = Fields::default();
        fields.add("attributes", write_attributes(&self.attributes), self.attributes.is_empty());
        fields.list("patterns", &self.patterns, HttpApiSpecPattern::write);
        fields.list("api_keys", &self.api_keys, ApiKey::write);
        fields.finish()
    }
}

impl HttpApiSpecPattern {
    fn read(node: &Node<'_>) -> Result<HttpApiSpecPattern, ConfigError> {
        let message = node.message(&["attributes", "http_method", "uri_template", "regex"])?;
        Ok(HttpApiSpecPattern {
            attributes: message.read("attributes", read_attributes)?,
            http_method: message.read("http_method", Node::string)?,
            path: match message.one_of(&["uri_template", "regex"])? {
                None => PathPattern::None,
                Some(("uri_template", node)) => PathPattern::UriTemplate(read_template(&node)?),
                Some((_, node)) => PathPattern::Regex(read_pattern(&node)?),
            },
        })
    }

    fn write(&self) -> Value {
        let mut fields = Fields::default();
        fields.add("attributes", write_attributes(&self.attributes), self.attributes.is_empty());
        fields.string("http_method", &self.http_method);
        match &self.path {
            PathPattern::None => {}
            PathPattern::UriTemplate(template) => fields.add("uri_template", template.as_str(), false),
            PathPattern::Regex(pattern) => fields.add("regex", pattern.as_str(), false),
        }
        fields.finish()
    }
}

fn read_template(node: &Node<'_>) -> Result<String, ConfigError> {
    let template = node.string()?;
    check_template(&template).map_err(|reason| node.error(format!("not a template: {reason}"), TEMPLATE_FORM))?;
    Ok(template)
}

impl ApiKey {
    fn read(node: &Node<'_>) -> Result<ApiKey, ConfigError> {
        const PLACES: &[&str] = &["query", "header", "cookie"];
        match node.message(PLACES)?.one_of(PLACES)? {
            Some(("query", node)) => node.name().map(ApiKey::Query),
            Some(("header", node)) => node.name().map(ApiKey::Header),
            Some((_, node)) => node.name().map(ApiKey::Cookie),
            None => Err(node.error("no place is named", "one of query, header, cookie")),
        }
    }

    fn write(&self) -> Value {
        match self {
            ApiKey::Query(name) => json!({ "query": name }),
            ApiKey::Header(name) => json!({ "header": name }),
            ApiKey::Cookie(name) => json!({ "cookie": name }),
        }
    }
}
