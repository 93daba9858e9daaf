//! Writes the answer to a Check.

use super::message::{Message, global_index};
use super::ordered::Ordered;
use super::references::References;
use crate::answer::{Operation, RouteDirective};
use crate::value::Time;
use crate::wire::{put_varint, zigzag};
use crate::words::WORD_COUNT;

/// References together with the message they belong to.
pub type Referenced<'a> = (&'a Message, &'a References);

/// The decision.
#[derive(Clone, Copy, Debug)]
pub struct Precondition<'a> {
    /// 0: the request may pass.
    pub code: i32,
    /// Why not.
    pub message: &'a str,
    /// How long it may be used again, `None`: without end.
    pub valid_for: Option<Time>,
    /// How often it may be used again, negative: without limit.
    pub uses: i32,
    /// What it depends on.
    pub referenced: Referenced<'a>,
    /// What else to do.
    pub directive: Option<&'a RouteDirective>,
}

/// What was granted of one quota.
#[derive(Clone, Copy, Debug)]
pub struct Granted<'a> {
    /// The quota's name.
    pub name: &'a str,
    /// Tokens granted.
    pub amount: i64,
    /// How long they last, `None`: the client takes a minute.
    pub valid_for: Option<Time>,
    /// Why the quota could not be asked, 0: it could.
    pub code: i32,
    /// The text to that code.
    pub message: &'a str,
    /// What it depends on.
    pub referenced: Option<Referenced<'a>>,
}

/// Encodes a CheckResponse with global words below `word_count`, the client's `global_word_count`, only.
pub fn encode_check_response(word_count: u32, precondition: &Precondition<'_>, quotas: &[Granted<'_>]) -> Vec<u8> {
    let words = (word_count as usize).min(WORD_COUNT) as i32;
    let mut response = Writer::default();
    response.message(2, |writer| {
        writer.status(1, precondition.code, precondition.message);
        writer.time(2, precondition.valid_for);
        writer.number(3, i64::from(precondition.uses) as u64);
        writer.referenced(5, precondition.referenced, words);
        if let Some(directive) = precondition.directive {
            writer.message(6, |writer| writer.directive(directive));
        }
    });
    for quota in quotas {
        response.message(3, |writer| {
            writer.text(1, quota.name);
            writer.message(2, |writer| {
                writer.time(1, quota.valid_for);
                writer.number(2, quota.amount as u64);
                if let Some(referenced) = quota.referenced {
                    writer.referenced(5, referenced, words);
                }
                writer.status(6, quota.code, quota.message);
            });
        });
    }
    response.bytes
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn varint(&mut self, value: u64) {
        put_varint(&mut self.bytes, value);
    }

    /// A number that is left out when it is 0.
    fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.varint(u64::from(field << 3));
            self.varint(value);
        }
    }

    /// A `sint32`.
    fn signed(&mut self, field: u32, value: i32) {
        self.number(field, u64::from(zigzag(value)));
    }

    fn text(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.varint(u64::from(field << 3 | 2));
            self.varint(text.len() as u64);
            self.bytes.extend_from_slice(text.as_bytes());
        }
    }

    /// An embedded message, present even if it is empty.
    fn message(&mut self, field: u32, write: impl FnOnce(&mut Writer)) {
        self.varint(u64::from(field << 3 | 2));
        let start = self.bytes.len();
        write(self);
        let mut length = Writer::default();
        length.varint((self.bytes.len() - start) as u64);
        self.bytes.splice(start..start, length.bytes);
    }

    fn status(&mut self, field: u32, code: i32, message: &str) {
        if code != 0 {
            self.message(field, |writer| {
                writer.number(1, i64::from(code) as u64);
                writer.text(2, message);
            });
        }
    }

    fn time(&mut self, field: u32, time: Option<Time>) {
        if let Some(time) = time {
            self.message(field, |writer| {
                writer.number(1, time.seconds as u64);
                writer.number(2, i64::from(time.nanos) as u64);
            });
        }
    }

    fn directive(&mut self, directive: &RouteDirective) {
        for (field, operations) in
            [(1, &directive.request_header_operations), (2, &directive.response_header_operations)]
        {
            for operation in operations {
                self.message(field, |writer| {
                    writer.text(1, &operation.name);
                    writer.text(2, &operation.value);
                    writer.number(
                        3,
                        match operation.operation {
                            Operation::Replace => 0,
                            Operation::Remove => 1,
                            Operation::Append => 2,
                        },
                    );
                });
            }
        }
        self.number(3, u64::from(directive.direct_response_code));
        self.text(4, &directive.direct_response_body);
    }

    fn referenced(&mut self, field: u32, (message, references): Referenced<'_>, word_count: i32) {
        if references.is_empty() {
            return;
        }
        let mut words = Ordered::default();
        let mut matches = Writer::default();
        for reference in references.iter(message) {
            let name = index(&mut words, reference.name, 0..word_count);
            // key 0 would be read as no key, so global word 0 travels with the message when it is a key
            let key = reference.key.map_or(0, |key| index(&mut words, key, 1..word_count));
            matches.message(2, |writer| {
                writer.signed(1, name);
                writer.number(2, reference.condition as u64);
                writer.signed(4, key);
            });
        }
        self.message(field, |writer| {
            for word in words.items() {
                writer.message(1, |writer| writer.bytes.extend_from_slice(word.as_bytes()));
            }
            writer.bytes.extend_from_slice(&matches.bytes);
        });
    }
}

/// The index of a word: its global one if that is usable, else its place among the message's words.
fn index<'a>(words: &mut Ordered<&'a str>, word: &'a str, usable: std::ops::Range<i32>) -> i32 {
    match global_index(word) {
        Some(index) if usable.contains(&index) => index,
        _ => -(words.place(word) as i32) - 1,
    }
}
