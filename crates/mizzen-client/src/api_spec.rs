//! API specs: which operation of an API a request calls, and with which key. Istio had them up to 1.3.

mod template;

use crate::bag::Bag;
use crate::config::{ApiKey, ConfigError, HttpApiSpec, HttpApiSpecPattern, PathPattern, StringMatch};
use crate::name::{Name, names};
use crate::value::ValueRef;
use regex::Regex;
use template::Templates;

/// What a template may be, for people.
pub(crate) const TEMPLATE_FORM: &str = "a template such as /shelves/{shelf}/books/* or /files/**:read";

/// Why a text is no template, if it is none.
pub(crate) fn check_template(text: &str) -> Result<(), &'static str> {
    template::parse(text).map(drop)
}

/// The API specs of one service, merged: attributes overlay each other, patterns and keys follow each other.
#[derive(Clone, Debug, Default)]
pub struct ApiSpecs {
    attributes: Bag,
    templates: Templates,
    /// The attributes of each template, by its number.
    operations: Vec<Bag>,
    patterns: Vec<Pattern>,
    keys: Vec<ApiKey>,
    given: bool,
}

#[derive(Clone, Debug)]
struct Pattern {
    method: String,
    path: Regex,
    attributes: Bag,
}

impl ApiSpecs {
    /// Prepares all specs of a service.
    ///
    /// # Errors
    /// A template that is not of the form described at [`ApiSpecs::apply`], or a regular expression that does not
    /// compile.
    pub fn compile(specs: &[HttpApiSpec]) -> Result<ApiSpecs, ConfigError> {
        let mut compiled = ApiSpecs { given: !specs.is_empty(), ..ApiSpecs::default() };
        for (spec, given) in specs.iter().enumerate() {
            compiled.attributes.merge(&given.attributes);
            for (pattern, given) in given.patterns.iter().enumerate() {
                compiled.add(given, &format!("http_api_spec[{spec}].patterns[{pattern}]"))?;
            }
            compiled.keys.extend_from_slice(&given.api_keys);
        }
        if compiled.given && compiled.keys.is_empty() {
            compiled.keys = default_keys();
        }
        Ok(compiled)
    }

    /// Whether there is no spec, so that no request gets attributes.
    pub fn is_empty(&self) -> bool {
        !self.given
    }

    /// Sets the attributes of the operation that the request in `bag` calls, and `request.api_key`.
    ///
    /// First those of the specs, then those of the one best matching template, then those of every regular expression
    /// whose method is equal and that matches the whole path with its query. Read are `request.method`, `request.path`,
    /// `request.query_params` and `request.headers`.
    ///
    /// A template is `/` followed by segments with `/` between them and optionally `:` and a verb. A segment is a text,
    /// `*` (one segment), `**` (any number of segments; at most one, and only texts after it), `{name}` or
    /// `{name=segments}`. A text wins over `*`, which wins over `**`. Of equal templates with equal methods the first
    /// counts.
    pub fn apply(&self, bag: &mut Bag) {
        if !self.given {
            return;
        }
        let key = self.keys.iter().find_map(|key| find_key(key, bag)).map(str::to_owned);
        if let (Some(method), Some(path)) = (text(bag, names::REQUEST_METHOD), text(bag, names::REQUEST_PATH)) {
            let template = self.templates.find(method, path).and_then(|number| self.operations.get(number));
            let patterns =
                self.patterns.iter().filter(|pattern| pattern.method == method && pattern.path.is_match(path));
            let patterns: Vec<&Bag> = patterns.map(|pattern| &pattern.attributes).collect();
            for attributes in [&self.attributes].into_iter().chain(template).chain(patterns) {
                bag.merge(attributes);
            }
        }
        if let Some(key) = key {
            bag.set_string(names::REQUEST_API_KEY, &key);
        }
    }

    fn add(&mut self, pattern: &HttpApiSpecPattern, path: &str) -> Result<(), ConfigError> {
        match &pattern.path {
            PathPattern::None => {}
            PathPattern::UriTemplate(template) => {
                let number = self.operations.len();
                let added = self.templates.add(&pattern.http_method, template, number).map_err(|reason| {
                    ConfigError::new(&format!("{path}.uri_template"), template, reason, TEMPLATE_FORM)
                })?;
                if added {
                    self.operations.push(pattern.attributes.clone());
                }
            }
            PathPattern::Regex(regex) => self.patterns.push(Pattern {
                method: pattern.http_method.clone(),
                path: StringMatch::whole_text_regex(regex).map_err(|error| {
                    let accepted = "a regular expression for the whole path";
                    ConfigError::new(&format!("{path}.regex"), regex, error.to_string(), accepted)
                })?,
                attributes: pattern.attributes.clone(),
            }),
        }
        Ok(())
    }
}

fn default_keys() -> Vec<ApiKey> {
    vec![ApiKey::Query("key".to_owned()), ApiKey::Query("api_key".to_owned()), ApiKey::Header("x-api-key".to_owned())]
}

fn text(bag: &Bag, name: Name) -> Option<&str> {
    match bag.get(name)? {
        ValueRef::String(text) => Some(text),
        _ => None,
    }
}

fn find_key<'b>(key: &ApiKey, bag: &'b Bag) -> Option<&'b str> {
    match key {
        ApiKey::Query(name) => bag.get_key(names::REQUEST_QUERY_PARAMS, name),
        ApiKey::Header(name) => bag.get_key(names::REQUEST_HEADERS, &name.to_ascii_lowercase()),
        ApiKey::Cookie(name) => find_cookie(bag.get_key(names::REQUEST_HEADERS, "cookie")?, name),
    }
}

fn find_cookie<'c>(cookies: &'c str, name: &str) -> Option<&'c str> {
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"'))
}

#[cfg(test)]
mod tests;
