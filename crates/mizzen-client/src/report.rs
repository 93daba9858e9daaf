//! Report batches, encoded as they grow: one shared list of words, one entry per bag.

use crate::bag::Bag;
use crate::compress::Compressor;
use crate::dictionary::{MessageWords, WordLimit};
use crate::encode::put_word_count;
use crate::wire::{BYTES, VARINT, put_varint, tag, varint_len};
use std::error::Error;
use std::fmt;

/// How the bags of one batch relate to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Every bag stands alone; what Istio 1.1 and later send.
    Independent,
    /// A bag says only what changed since the one before it; what Istio 1.0 sends. Nothing can be taken away.
    Delta,
}

/// With [`Encoding::Delta`], a bag lacks an attribute that the batch has: the batch must be finished first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedsNewBatch;

impl fmt::Display for NeedsNewBatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the bag lacks an attribute of the batch, which delta encoding cannot take away")
    }
}

impl Error for NeedsNewBatch {}

/// Builds one `ReportRequest` after the other. It keeps its memory from batch to batch.
pub struct ReportEncoder {
    encoding: Encoding,
    limit: WordLimit,
    next_limit: WordLimit,
    words: MessageWords,
    compressor: Compressor,
    entries: Vec<u8>,
    len: usize,
    previous: Bag,
}

/// How much memory an encoder keeps from one batch to the next; an unusually large batch must not hold its memory for
/// ever.
const KEPT_BYTES: usize = 1 << 20;

/// An entry of 128 to 16,383 bytes, the usual size, has a length of two bytes.
const USUAL_HEADER: usize = 3;

impl ReportEncoder {
    /// An empty batch for a peer that knows `limit` global words.
    pub fn new(limit: WordLimit, encoding: Encoding) -> ReportEncoder {
        ReportEncoder {
            encoding,
            limit,
            next_limit: limit,
            words: MessageWords::new(2),
            compressor: Compressor::new(),
            entries: Vec::new(),
            len: 0,
            previous: Bag::new(),
        }
    }

    /// Changes how many global words are used, from the next batch on: a batch has one limit for all its bags.
    pub fn set_limit(&mut self, limit: WordLimit) {
        self.next_limit = limit;
        if self.is_empty() {
            self.limit = limit;
        }
    }

    /// Whether [`ReportEncoder::push`] would refuse this bag.
    pub fn needs_new_batch(&self, bag: &Bag) -> bool {
        self.encoding == Encoding::Delta && self.previous.entries().any(|entry| !bag.contains(entry.name))
    }

    /// Adds a bag to the batch; the bag may change afterwards.
    ///
    /// # Errors
    /// Only with [`Encoding::Delta`]: the batch must be finished before it can take this bag.
    pub fn push(&mut self, bag: &Bag) -> Result<(), NeedsNewBatch> {
        if self.needs_new_batch(bag) {
            return Err(NeedsNewBatch);
        }
        let previous = (self.encoding == Encoding::Delta).then_some(&self.previous);
        self.compressor.prepare(bag, previous, self.limit, &mut self.words);
        self.write_entry(bag);
        if self.encoding == Encoding::Delta {
            self.previous.clone_from(bag);
        }
        self.len += 1;
        Ok(())
    }

    /// Writes the entry after a header of the usual size, and moves it if its length needs another.
    fn write_entry(&mut self, bag: &Bag) {
        let start = self.entries.len();
        self.entries.extend_from_slice(&[tag(1, BYTES), 0, 0]);
        self.compressor.write(bag, &mut self.entries);
        let len = self.entries.len() - start - USUAL_HEADER;
        if varint_len(len as u64) == USUAL_HEADER - 1 {
            self.entries[start + 1] = len as u8 | 0x80;
            self.entries[start + 2] = (len >> 7) as u8;
            return;
        }
        let mut header = vec![tag(1, BYTES)];
        put_varint(&mut header, len as u64);
        self.entries.splice(start..start + USUAL_HEADER, header);
    }

    /// How many bags the batch holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the batch holds no bag.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The size of the message that [`ReportEncoder::finish`] would give now.
    pub fn encoded_bytes(&self) -> usize {
        let count = usize::from(self.limit.get());
        let trailer = if count == 0 { 0 } else { 1 + varint_len(count as u64) };
        let semantics = if self.encoding == Encoding::Independent { 2 } else { 0 };
        self.entries.len() + self.words.wire().len() + trailer + semantics
    }

    /// The whole `ReportRequest`; the encoder starts anew.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.encoded_bytes());
        self.finish_into(&mut message);
        message
    }

    /// Appends the whole `ReportRequest`; the encoder starts anew.
    pub fn finish_into(&mut self, message: &mut Vec<u8>) {
        message.extend_from_slice(&self.entries);
        message.extend_from_slice(self.words.wire());
        put_word_count(message, 3, self.limit);
        if self.encoding == Encoding::Independent {
            message.extend_from_slice(&[tag(4, VARINT), 1]);
        }
        self.entries.clear();
        self.entries.shrink_to(KEPT_BYTES);
        self.words.clear();
        self.compressor.forget_indices();
        self.previous.clear();
        self.len = 0;
        self.limit = self.next_limit;
    }
}
