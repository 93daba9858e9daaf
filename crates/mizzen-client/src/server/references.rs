//! The attributes a result depends on.

use super::message::Message;
use super::ordered::Ordered;
use std::sync::Arc;

/// How a later request must agree with this one for the result to hold. The numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It lacks the attribute or the key.
    Absence = 1,
    /// It has the same value.
    Exact = 2,
}

/// One attribute, or one key of a string map, that was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The attribute's name.
    pub name: &'a str,
    /// The key, if it was a key of a string map that was looked up.
    pub key: Option<&'a str>,
    /// What was found.
    pub condition: Condition,
}

/// A word of a request: by its index, or by its text if the request has it not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word {
    Index(i32),
    Text(Arc<str>),
}

impl Word {
    fn text<'a>(&'a self, message: &'a Message) -> &'a str {
        match self {
            Word::Index(index) => message.word(0, *index).unwrap_or_default(),
            Word::Text(text) => text,
        }
    }
}

/// What was looked up so far, in the order of the first look-ups, each thing once; the last look-up's finding stands.
#[derive(Clone, Debug, Default)]
pub struct References {
    places: Ordered<(Word, Option<Word>)>,
    conditions: Vec<Condition>,
}

impl References {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.conditions.len()
    }

    /// Whether nothing was looked up: such a result holds for every request.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// All references, for a message: the one that the request was decoded into.
    pub fn iter<'a>(&'a self, message: &'a Message) -> impl ExactSizeIterator<Item = Reference<'a>> {
        let places = self.places.items().iter().zip(&self.conditions);
        places.map(|((name, key), condition)| Reference {
            name: name.text(message),
            key: key.as_ref().map(|key| key.text(message)),
            condition: *condition,
        })
    }

    pub(super) fn mark(&mut self, name: Word, key: Option<Word>, condition: Condition) {
        let place = self.places.place((name, key));
        match self.conditions.get_mut(place) {
            Some(known) => *known = condition,
            None => self.conditions.push(condition),
        }
    }
}
