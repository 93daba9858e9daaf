//! `ReferencedAttributes`: which attributes a decision rests on.

use crate::answer::{Condition, Reference};
use crate::dictionary::{MessageWords, WordLimit};
use crate::proto;
use crate::words::WORDS;
use std::error::Error;
use std::fmt;

/// A reference names a word that neither side has; the decision that carries it must not be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferencedError {
    /// The index that leads nowhere.
    pub index: i32,
}

impl fmt::Display for ReferencedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "referenced attributes use word index {}, which no dictionary has", self.index)
    }
}

impl Error for ReferencedError {}

/// Reads the references. Those with an unspecified condition are left out, as the protocol demands.
///
/// All our global words count, also after a fall-back to fewer.
///
/// # Errors
/// An index of a name or key that no dictionary has.
pub fn decode_references(message: &proto::ReferencedAttributes) -> Result<Vec<Reference>, ReferencedError> {
    let mut references = Vec::with_capacity(message.attribute_matches.len());
    for part in &message.attribute_matches {
        let condition = match part.condition {
            0 => continue,
            1 => Condition::Absence,
            2 => Condition::Exact,
            // also what a later protocol may add: whatever it means, we cannot test it
            _ => Condition::Regex,
        };
        let name = word(part.name, &message.words)?.to_owned();
        let map_key = match part.map_key {
            0 => None,
            index => Some(word(index, &message.words)?.to_owned()),
        };
        references.push(Reference { name, map_key, condition });
    }
    Ok(references)
}

/// Writes references for a client that knows `limit` global words.
pub fn encode_references(references: &[Reference], limit: WordLimit) -> proto::ReferencedAttributes {
    let mut words = MessageWords::new(1);
    let attribute_matches = references
        .iter()
        .map(|reference| proto::AttributeMatch {
            name: words.index(reference.name.as_bytes(), limit),
            condition: match reference.condition {
                Condition::Absence => 1,
                Condition::Exact => 2,
                Condition::Regex => 3,
            },
            regex: String::new(),
            map_key: reference.map_key.as_ref().map_or(0, |key| words.index(key.as_bytes(), limit)),
        })
        .collect();
    proto::ReferencedAttributes { words: words.to_vec(), attribute_matches }
}

fn word(index: i32, words: &[String]) -> Result<&str, ReferencedError> {
    let found = match usize::try_from(index) {
        Ok(global) => WORDS.get(global).copied(),
        Err(_) => words.get(index.unsigned_abs() as usize - 1).map(String::as_str),
    };
    found.ok_or(ReferencedError { index })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: i32, condition: i32, map_key: i32) -> proto::AttributeMatch {
        proto::AttributeMatch { name, condition, regex: String::new(), map_key }
    }

    #[test]
    fn indices_read_as_words_and_key_zero_as_none() {
        let message = proto::ReferencedAttributes {
            words: vec!["x-team".to_owned()],
            attribute_matches: vec![part(15, 2, -1), part(10, 2, 0), part(0, 0, 0), part(166, 1, 0), part(17, 3, 0)],
        };
        let reference = |name: &str, key: Option<&str>, condition| Reference {
            name: name.to_owned(),
            map_key: key.map(str::to_owned),
            condition,
        };
        assert_eq!(
            decode_references(&message),
            Ok(vec![
                reference("request.headers", Some("x-team"), Condition::Exact),
                reference("target.name", None, Condition::Exact),
                reference("request.api_key", None, Condition::Absence),
                reference("request.path", None, Condition::Regex),
            ])
        );
    }

    #[test]
    fn an_index_that_leads_nowhere_is_an_error() {
        for index in [222, i32::MAX, -2, i32::MIN] {
            for part in [part(index, 1, 0), part(15, 2, index)] {
                let message = proto::ReferencedAttributes { words: vec![String::new()], attribute_matches: vec![part] };
                assert_eq!(decode_references(&message), Err(ReferencedError { index }));
            }
        }
    }

    #[test]
    fn what_is_written_for_a_small_dictionary_reads_back() {
        let references = [("request.headers", Some("x-team")), ("request.api_key", None), ("source.name", Some("GET"))]
            .map(|(name, key)| Reference {
                name: name.to_owned(),
                map_key: key.map(str::to_owned),
                condition: Condition::Exact,
            });
        let message = encode_references(&references, WordLimit::BASE);
        assert_eq!(message.words, ["x-team", "request.api_key"]);
        assert_eq!(decode_references(&message), Ok(references.to_vec()));
    }
}
