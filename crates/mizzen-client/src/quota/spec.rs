//! Which quotas a request needs.

use crate::bag::Bag;
use crate::config::{AttributeMatch, ConfigError, QuotaRule, QuotaSpec, StringMatch};
use crate::name::Name;
use crate::value::ValueRef;
use regex::Regex;
use std::sync::Arc;

/// A quota that a request needs, and how many tokens of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The quota.
    pub name: Arc<str>,
    /// Tokens; at least zero.
    pub charge: i64,
}

/// The quota specs of one service, ready to be applied.
#[derive(Clone, Debug, Default)]
pub struct QuotaRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    /// One of them must match, if there is any.
    matches: Vec<Vec<Clause>>,
    quotas: Vec<Requirement>,
}

#[derive(Clone, Debug)]
struct Clause {
    name: Name,
    text: Text,
}

#[derive(Clone, Debug)]
enum Text {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    Whole(Regex),
}

impl QuotaRules {
    /// Prepares the rules of all specs, in order.
    ///
    /// # Errors
    /// A regular expression that does not compile; a configuration that was read from text has none.
    pub fn compile(specs: &[QuotaSpec]) -> Result<QuotaRules, ConfigError> {
        let mut rules = Vec::new();
        for (spec, QuotaSpec { rules: given }) in specs.iter().enumerate() {
            for (rule, given) in given.iter().enumerate() {
                rules.push(Rule::compile(given, &format!("quota_spec[{spec}].rules[{rule}]"))?);
            }
        }
        Ok(QuotaRules { rules })
    }

    /// Whether no request needs any quota.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Writes what a request needs to `requirements`, which is cleared first.
    ///
    /// Each quota comes once, with the charges of all rules that name it added up. Only attributes of type STRING
    /// match.
    pub fn requirements(&self, bag: &Bag, requirements: &mut Vec<Requirement>) {
        requirements.clear();
        for rule in self.rules.iter().filter(|rule| rule.applies(bag)) {
            for quota in &rule.quotas {
                match requirements.iter_mut().find(|known| known.name == quota.name) {
                    Some(known) => known.charge = known.charge.saturating_add(quota.charge),
                    None => requirements.push(quota.clone()),
                }
            }
        }
    }
}

impl Rule {
    fn compile(rule: &QuotaRule, path: &str) -> Result<Rule, ConfigError> {
        let matches = rule.matches.iter().enumerate();
        let quotas = rule.quotas.iter();
        Ok(Rule {
            matches: matches
                .map(|(position, given)| clauses(given, &format!("{path}.match[{position}]")))
                .collect::<Result<_, _>>()?,
            quotas: quotas
                .map(|quota| Requirement { name: Arc::from(&*quota.quota), charge: quota.charge.max(0) })
                .collect(),
        })
    }

    fn applies(&self, bag: &Bag) -> bool {
        self.matches.is_empty() || self.matches.iter().any(|clauses| clauses.iter().all(|clause| clause.holds(bag)))
    }
}

fn clauses(given: &AttributeMatch, path: &str) -> Result<Vec<Clause>, ConfigError> {
    given
        .clause
        .iter()
        .map(|(name, text)| {
            let path = format!("{path}.clause[{name:?}].regex");
            Ok(Clause { name: Name::intern(name), text: Text::compile(text, &path)? })
        })
        .collect()
}

impl Clause {
    fn holds(&self, bag: &Bag) -> bool {
        let Some(ValueRef::String(value)) = bag.get(self.name) else { return false };
        match &self.text {
            Text::Any => true,
            Text::Exact(text) => value == &**text,
            Text::Prefix(text) => value.starts_with(&**text),
            Text::Whole(pattern) => pattern.is_match(value),
        }
    }
}

impl Text {
    fn compile(text: &StringMatch, path: &str) -> Result<Text, ConfigError> {
        Ok(match text {
            StringMatch::Present => Text::Any,
            StringMatch::Exact(text) => Text::Exact(text.as_str().into()),
            StringMatch::Prefix(text) => Text::Prefix(text.as_str().into()),
            StringMatch::Regex(pattern) => Text::Whole(StringMatch::whole_text_regex(pattern).map_err(|error| {
                ConfigError::new(path, pattern, error.to_string(), "a regular expression for the whole text")
            })?),
        })
    }
}

#[cfg(test)]
mod tests;
