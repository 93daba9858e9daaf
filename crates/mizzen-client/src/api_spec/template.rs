//! Path templates: a tree of segments, searched so that the most precise template wins.

use std::collections::HashMap;

/// The templates of a service.
#[derive(Clone, Debug, Default)]
pub(super) struct Templates {
    root: Node,
    /// Verbs that some template ends with; a `:` in a path means nothing otherwise.
    verbs: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    texts: HashMap<String, Node>,
    any: Option<Box<Node>>,
    /// The texts that must end the path after `**`, longest first.
    rest: Vec<(Vec<String>, Ends)>,
    ends: Ends,
}

/// Templates that end here.
#[derive(Clone, Debug, Default)]
struct Ends(Vec<End>);

#[derive(Clone, Debug)]
struct End {
    method: String,
    verb: Option<String>,
    number: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Segment<'t> {
    Text(&'t str),
    Any,
    Rest,
}

impl Templates {
    /// Adds a template under a number; `false` if an equal one with the same method is there already.
    pub(super) fn add(&mut self, method: &str, template: &str, number: usize) -> Result<bool, &'static str> {
        let (segments, verb) = parse(template)?;
        if let Some(verb) = verb.filter(|verb| !self.verbs.iter().any(|known| known == verb)) {
            self.verbs.push(verb.to_owned());
        }
        let end = End { method: method.to_owned(), verb: verb.map(str::to_owned), number };
        Ok(self.root.ends_of(&segments).add(end))
    }

    /// The number of the best template for a path.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<usize> {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let (path, verb) = match path.rsplit_once(':') {
            Some((path, verb)) if self.verbs.iter().any(|known| known == verb) => (path, Some(verb)),
            _ => (path, None),
        };
        let mut segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        while segments.last() == Some(&"") {
            segments.pop();
        }
        self.root.find(&segments, &|ends| ends.find(method, verb))
    }
}

impl Node {
    /// The ends that a template leads to; makes the nodes on the way.
    fn ends_of(&mut self, segments: &[Segment<'_>]) -> &mut Ends {
        match segments {
            [] => &mut self.ends,
            [Segment::Text(text), rest @ ..] => self.texts.entry((*text).to_owned()).or_default().ends_of(rest),
            [Segment::Any, rest @ ..] => self.any.get_or_insert_default().ends_of(rest),
            [Segment::Rest, suffix @ ..] => {
                let suffix: Vec<String> = suffix
                    .iter()
                    .map(|segment| if let Segment::Text(text) = segment { (*text).to_owned() } else { String::new() })
                    .collect();
                let position = match self.rest.iter().position(|(known, _)| *known == suffix) {
                    Some(position) => position,
                    None => {
                        let position = self.rest.partition_point(|(known, _)| known.len() >= suffix.len());
                        self.rest.insert(position, (suffix, Ends::default()));
                        position
                    }
                };
                &mut self.rest[position].1
            }
        }
    }

    /// Tries text, then `*`, then `**`. Every node is visited once at most: its depth says which segments are left.
    fn find(&self, segments: &[&str], accept: &impl Fn(&Ends) -> Option<usize>) -> Option<usize> {
        let Some((first, rest)) = segments.split_first() else {
            return accept(&self.ends).or_else(|| self.find_rest(segments, accept));
        };
        let text = self.texts.get(*first).and_then(|node| node.find(rest, accept));
        text.or_else(|| self.any.as_ref().and_then(|node| node.find(rest, accept)))
            .or_else(|| self.find_rest(segments, accept))
    }

    fn find_rest(&self, segments: &[&str], accept: &impl Fn(&Ends) -> Option<usize>) -> Option<usize> {
        self.rest.iter().filter(|(suffix, _)| ends_with(segments, suffix)).find_map(|(_, ends)| accept(ends))
    }
}

fn ends_with(segments: &[&str], suffix: &[String]) -> bool {
    let start = segments.len().checked_sub(suffix.len());
    start.is_some_and(|start| segments[start..].iter().zip(suffix).all(|(segment, text)| segment == text))
}

impl Ends {
    fn add(&mut self, end: End) -> bool {
        let new = !self.0.iter().any(|known| known.method == end.method && known.verb == end.verb);
        if new {
            self.0.push(end);
        }
        new
    }

    /// The template with this method, before the one with any method.
    fn find(&self, method: &str, verb: Option<&str>) -> Option<usize> {
        let of = |wanted: &str| {
            self.0.iter().find(|end| end.method == wanted && end.verb.as_deref() == verb).map(|end| end.number)
        };
        of(method).or_else(|| of("*"))
    }
}

/// The segments and the verb of a template.
pub(super) fn parse(template: &str) -> Result<(Vec<Segment<'_>>, Option<&str>), &'static str> {
    let path = template.strip_prefix('/').ok_or("a template starts with /")?;
    // a `:` within braces would be part of a form that is not supported
    let after_braces = path.rfind('}').map_or(0, |position| position + 1);
    let after_slash = path.rfind('/').map_or(0, |position| position + 1);
    let (path, verb) = match path[after_braces.max(after_slash)..].rfind(':') {
        Some(position) => {
            let position = after_braces.max(after_slash) + position;
            (&path[..position], Some(&path[position + 1..]))
        }
        None => (path, None),
    };
    if verb == Some("") {
        return Err("the verb after : is empty");
    }
    let mut segments = Vec::new();
    if !path.is_empty() {
        parse_segments(path, &mut segments)?;
    }
    let mut after_rest = segments.iter().skip_while(|segment| **segment != Segment::Rest).skip(1);
    match after_rest.all(|segment| matches!(segment, Segment::Text(_))) {
        true => Ok((segments, verb)),
        false => Err("only plain segments may follow **"),
    }
}

fn parse_segments<'t>(path: &'t str, segments: &mut Vec<Segment<'t>>) -> Result<(), &'static str> {
    let mut left = path;
    loop {
        let end = if left.starts_with('{') {
            let close = left.find('}').ok_or("a { is not closed")?;
            parse_field(&left[1..close], segments)?;
            close + 1
        } else {
            let end = left.find('/').unwrap_or(left.len());
            segments.push(parse_segment(&left[..end])?);
            end
        };
        match &left[end..] {
            "" => return Ok(()),
            rest => left = rest.strip_prefix('/').ok_or("after } follows / or the end")?,
        }
    }
}

/// What stands between braces: `name`, or `name=segments`.
fn parse_field<'t>(field: &'t str, segments: &mut Vec<Segment<'t>>) -> Result<(), &'static str> {
    let (name, inner) = field.split_once('=').map_or((field, None), |(name, inner)| (name, Some(inner)));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !name.split('.').all(plain) {
        return Err("a name between braces has letters, digits, _ and . only");
    }
    match inner {
        None => segments.push(Segment::Any),
        Some(inner) => {
            for segment in inner.split('/') {
                segments.push(parse_segment(segment)?);
            }
        }
    }
    Ok(())
}

fn parse_segment(segment: &str) -> Result<Segment<'_>, &'static str> {
    match segment {
        "" => Err("a segment is empty"),
        "*" => Ok(Segment::Any),
        "**" => Ok(Segment::Rest),
        text if text.contains(['{', '}', '*']) => Err("braces and * stand for whole segments"),
        text => Ok(Segment::Text(text)),
    }
}
