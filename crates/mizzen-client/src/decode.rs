//! Messages read: the Mixer's answers for the client, and the client's requests for the server.
//!
//! Input comes from the network. Nothing panics, and memory is bounded by a multiple of the message: text that a
//! message names many times counts against [`MAX_DECODED_BYTES`].

mod attributes;
mod report;
mod response;

pub use attributes::MAX_DECODED_BYTES;
pub use report::{ReportReader, ReportRequest, decode_report_request};
pub use response::decode_check_response;

use crate::bag::Bag;
use crate::wire::{Field, Reader};
use attributes::{Budget, Words, decode_attributes};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

/// Why a message cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The message ends in the middle of a field.
    Truncated,
    /// A varint has more than ten bytes.
    Varint,
    /// A field has a number that the format does not allow.
    FieldNumber,
    /// A field's value has the wrong form.
    WireType {
        /// The field's number in its message.
        field: u32,
        /// What the message has.
        wire_type: u8,
    },
    /// A text is not UTF-8 where that matters.
    Utf8 {
        /// The field's number in its message.
        field: u32,
    },
    /// A part read by the protobuf library is malformed; its message.
    Message(String),
    /// A delta names words that no dictionary has: the first of the indices.
    UndefinedIndices(Vec<i32>),
    /// A delta has one attribute under two types.
    DuplicateAttribute(String),
    /// An attribute's name is too long, or the process has met too many names.
    NameRefused(String),
    /// Decoded, the message would take more than [`MAX_DECODED_BYTES`].
    TooLarge,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Truncated => formatter.write_str("the message ends in the middle of a field"),
            DecodeError::Varint => formatter.write_str("a varint is longer than ten bytes"),
            DecodeError::FieldNumber => formatter.write_str("a field number is zero or too large"),
            DecodeError::WireType { field, wire_type } => {
                write!(formatter, "field {field} has wire type {wire_type}, which does not fit")
            }
            DecodeError::Utf8 { field } => write!(formatter, "field {field} is not UTF-8"),
            DecodeError::Message(reason) => formatter.write_str(reason),
            DecodeError::UndefinedIndices(indices) => {
                write!(formatter, "word indices {indices:?} are in no dictionary")
            }
            DecodeError::DuplicateAttribute(name) => write!(formatter, "duplicate attribute {name}"),
            DecodeError::NameRefused(name) => {
                write!(formatter, "attribute name {name:?} is too long or one too many")
            }
            DecodeError::TooLarge => {
                write!(formatter, "decoded, the message would take more than {MAX_DECODED_BYTES} bytes")
            }
        }
    }
}

impl Error for DecodeError {}

/// A Check as the server sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckRequest {
    /// The attributes.
    pub bag: Bag,
    /// How many global words the client says it knows.
    pub global_word_count: u32,
    /// The same for all attempts of one call.
    pub deduplication_id: String,
    /// The quotas asked for, by name.
    pub quotas: BTreeMap<String, QuotaArguments>,
}

/// What a request asks of a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaArguments {
    /// Tokens asked for.
    pub amount: i64,
    /// Whether fewer tokens are welcome too.
    pub best_effort: bool,
}

/// Reads a Check as the original server does: an index that leads nowhere reads as absent, and of one name under
/// several types the first of string, string map, int64, double, bool, timestamp, duration, bytes counts. Bytes that
/// are not UTF-8 in a text become U+FFFD.
///
/// # Errors
/// Malformed bytes, and what [`DecodeError`] says of names and size.
pub fn decode_check_request(message: &[u8]) -> Result<CheckRequest, DecodeError> {
    let mut request = CheckRequest::default();
    let mut attributes: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.next()? {
        match number {
            // a message given twice means its parts joined
            1 if attributes.is_empty() => attributes = Cow::Borrowed(field.bytes(number)?),
            1 => attributes.to_mut().extend_from_slice(field.bytes(number)?),
            2 => request.global_word_count = field.varint(number)? as u32,
            3 => request.deduplication_id = text(field, number)?.into_owned(),
            4 => {
                let (name, arguments) = decode_quota(field.bytes(number)?)?;
                request.quotas.insert(name, arguments);
            }
            _ => {}
        }
    }
    let words = Words::of(&attributes)?;
    decode_attributes(&attributes, &words, false, &mut request.bag, &mut Budget::default())?;
    Ok(request)
}

fn decode_quota(entry: &[u8]) -> Result<(String, QuotaArguments), DecodeError> {
    let (mut name, mut arguments) = (String::new(), QuotaArguments::default());
    let mut reader = Reader::new(entry);
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => name = text(field, number)?.into_owned(),
            2 => {
                let mut params = Reader::new(field.bytes(number)?);
                while let Some((number, field)) = params.next()? {
                    match number {
                        1 => arguments.amount = field.varint(number)? as i64,
                        2 => arguments.best_effort = field.varint(number)? != 0,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok((name, arguments))
}

fn text(field: Field<'_>, number: u32) -> Result<Cow<'_, str>, DecodeError> {
    field.bytes(number).map(String::from_utf8_lossy)
}
