//! CompressedAttributes by themselves, outside of any call.

use super::WireError;
use super::message::{Dictionary, Message};
use super::record::{Record, scan};
use super::scan::Reader;
use crate::bag::Bag;
use crate::compress::Compressor;
use crate::dictionary::{MessageWords, WordLimit};
use crate::value::Span;

/// A bag as CompressedAttributes with words of its own. Equal bags give equal bytes.
pub fn encode_attributes(bag: &Bag, limit: WordLimit) -> Vec<u8> {
    let (mut words, mut compressor, mut maps) = (MessageWords::new(1), Compressor::new(), Vec::new());
    compressor.prepare(bag, None, limit, &mut words);
    compressor.write(bag, &mut maps);
    [words.wire(), &maps].concat()
}

/// CompressedAttributes with words of their own, indexed.
pub fn parse_attributes(bytes: &[u8]) -> Result<(Message, Record), WireError> {
    Reader::whole(bytes)?;
    let mut message = Message::new(bytes);
    let (mut record, mut dictionary) = (Record::default(), Dictionary::default());
    let all = Span { start: 0, len: bytes.len() as u32 };
    scan(&mut message, all, 0, &mut dictionary, &mut record)?;
    record.seal();
    message.add(dictionary);
    Ok((message, record))
}
