//! Which requests are charged to which quotas.

use super::error::ConfigError;
use super::read::Node;
use super::write::Fields;
use regex::Regex;
use serde_json::{Map, Value, json};

/// `QuotaSpec`: every rule that applies is charged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaSpec {
    /// In their order.
    pub rules: Vec<QuotaRule>,
}

/// `QuotaRule`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaRule {
    /// The rule applies if any of these does, or if there is none.
    pub matches: Vec<AttributeMatch>,
    /// What a request is charged to.
    pub quotas: Vec<Quota>,
}

/// `AttributeMatch`: applies if all its clauses do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeMatch {
    /// Attribute names, in byte order, and what the text must be.
    pub clause: Vec<(String, StringMatch)>,
}

/// `StringMatch`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StringMatch {
    /// The attribute must only be there.
    #[default]
    Present,
    /// The whole text.
    Exact(String),
    /// Its beginning.
    Prefix(String),
    /// A pattern for the whole text, known to compile.
    Regex(String),
}

/// `Quota`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// The quota's name.
    pub quota: String,
    /// Tokens per request.
    pub charge: i64,
}

impl StringMatch {
    /// The pattern with the ends tied to those of the text.
    ///
    /// # Errors
    /// The pattern is not one, or too large when compiled.
    pub fn whole_text_regex(pattern: &str) -> Result<Regex, regex::Error> {
        Regex::new(&format!("^(?:{pattern})$"))
    }

    fn read(node: &Node<'_>) -> Result<StringMatch, ConfigError> {
        const KINDS: &[&str] = &["exact", "prefix", "regex"];
        Ok(match node.message(KINDS)?.one_of(KINDS)? {
            None => StringMatch::Present,
            Some(("exact", node)) => StringMatch::Exact(node.string()?),
            Some(("prefix", node)) => StringMatch::Prefix(node.string()?),
            Some((_, node)) => StringMatch::Regex(read_pattern(&node)?),
        })
    }

    fn write(&self) -> Value {
        match self {
            StringMatch::Present => json!({}),
            StringMatch::Exact(text) => json!({ "exact": text }),
            StringMatch::Prefix(text) => json!({ "prefix": text }),
            StringMatch::Regex(text) => json!({ "regex": text }),
        }
    }
}

/// A regular expression.
pub(super) fn read_pattern(node: &Node<'_>) -> Result<String, ConfigError> {
    let pattern = node.string()?;
    match StringMatch::whole_text_regex(&pattern) {
        Ok(_) => Ok(pattern),
        Err(error) => {
            let text = error.to_string();
            let cause = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(node.error(
                format!("not a regular expression: {cause}"),
                "a regular expression for the whole text, without look-around and back-references",
            ))
        }
    }
}

impl QuotaSpec {
    pub(super) fn read(node: &Node<'_>) -> Result<QuotaSpec, ConfigError> {
        Ok(QuotaSpec { rules: node.message(&["rules"])?.read("rules", |node| node.list(QuotaRule::read))? })
    }

    pub(super) fn write(&self) -> Value {
        let mut fields = Fields::default();
        fields.list("rules", &self.rules, QuotaRule::write);
        fields.finish()
    }
}

impl QuotaRule {
    fn read(node: &Node<'_>) -> Result<QuotaRule, ConfigError> {
        let message = node.message(&["match", "quotas"])?;
        Ok(QuotaRule {
            matches: message.read("match", |node| node.list(AttributeMatch::read))?,
            quotas: message.read("quotas", |node| node.list(Quota::read))?,
        })
    }

    fn write(&self) -> Value {
        let mut fields = Fields::default();
        fields.list("match", &self.matches, AttributeMatch::write);
        fields.list("quotas", &self.quotas, Quota::write);
        fields.finish()
    }
}

impl AttributeMatch {
    fn read(node: &Node<'_>) -> Result<AttributeMatch, ConfigError> {
        let mut clause = Vec::new();
        if let Some(entries) = node.message(&["clause"])?.field("clause") {
            for (name, node) in entries.entries()? {
                clause.push((name.to_owned(), StringMatch::read(&node)?));
            }
        }
        clause.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(AttributeMatch { clause })
    }

    fn write(&self) -> Value {
        let clause: Map<_, _> = self.clause.iter().map(|(name, text)| (name.clone(), text.write())).collect();
        let mut fields = Fields::default();
        fields.add("clause", clause, self.clause.is_empty());
        fields.finish()
    }
}

impl Quota {
    fn read(node: &Node<'_>) -> Result<Quota, ConfigError> {
        let message = node.message(&["quota", "charge"])?;
        let Some(quota) = message.optional("quota", Node::name)? else {
            return Err(node.error("no quota is named", "{\"quota\": NAME, \"charge\": TOKENS}"));
        };
        let charge = message.read("charge", Node::int64)?;
        match message.field("charge") {
            Some(given) if charge < 0 => Err(given.error("must not be negative", "a whole number of tokens")),
            _ => Ok(Quota { quota, charge }),
        }
    }

    fn write(&self) -> Value {
        let mut fields = Fields::default();
        fields.string("quota", &self.quota);
        fields.add("charge", self.charge.to_string(), self.charge == 0);
        fields.finish()
    }
}
