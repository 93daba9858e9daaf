//! The batch that reports are added to.

use crate::bag::Bag;
use crate::config::TransportConfig;
use crate::dictionary::WordLimit;
use crate::grpc;
use crate::instant::Instant;
use crate::report::ReportEncoder;
use std::time::Duration;

/// A batch of this size is sent whatever its entries: half of it is far below what gRPC servers take by default (4
/// MiB).
const FULL_BYTES: usize = 1 << 20;

/// When a batch is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// With so many entries; 0 counts as 1.
    pub entries: usize,
    /// So long after its first entry.
    pub wait: Duration,
}

impl From<&TransportConfig> for BatchLimits {
    fn from(transport: &TransportConfig) -> BatchLimits {
        BatchLimits { entries: transport.report_batch_capacity(), wait: transport.report_batch_max_time }
    }
}

/// A finished batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The body of the gRPC request, frame header included.
    pub body: Vec<u8>,
    /// How many reports it holds.
    pub entries: u64,
}

/// The batch of one worker, encoded as it grows.
pub struct OpenBatch {
    limits: BatchLimits,
    encoder: ReportEncoder,
    deadline: Option<Instant>,
}

impl OpenBatch {
    /// An empty batch.
    pub fn new(limits: BatchLimits, encoder: ReportEncoder) -> OpenBatch {
        OpenBatch { limits, encoder, deadline: None }
    }

    /// Adds a report; the bag may change afterwards. Returns a batch that is finished by it.
    ///
    /// That is the batch with this report when it is full, or the one before it when delta encoding cannot add to that.
    pub fn push(&mut self, bag: &Bag, now: Instant) -> Option<Batch> {
        let finished = if self.encoder.needs_new_batch(bag) { self.take() } else { None };
        // an encoder that was just emptied, or that needs no new batch, takes every bag
        if self.encoder.push(bag).is_err() {
            return finished;
        }
        if self.deadline.is_none() {
            self.deadline = Some(now.after(self.limits.wait));
        }
        match finished {
            Some(batch) => Some(batch),
            None if self.is_full() => self.take(),
            None => None,
        }
    }

    /// How many reports it holds.
    pub fn len(&self) -> usize {
        self.encoder.len()
    }

    /// Whether it holds no report.
    pub fn is_empty(&self) -> bool {
        self.encoder.is_empty()
    }

    /// When it must be taken at the latest; `None` while it is empty.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether it must be taken now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Finishes the batch, unless it is empty.
    pub fn take(&mut self) -> Option<Batch> {
        self.deadline = None;
        if self.is_empty() {
            return None;
        }
        let entries = self.len() as u64;
        let body = grpc::frame_with(self.encoder.encoded_bytes(), |body| self.encoder.finish_into(body));
        Some(Batch { body, entries })
    }

    /// Changes how many global words are used, from the next batch on.
    pub fn set_word_limit(&mut self, limit: WordLimit) {
        self.encoder.set_limit(limit);
    }

    fn is_full(&self) -> bool {
        self.len() >= self.limits.entries.max(1) || self.encoder.encoded_bytes() >= FULL_BYTES
    }
}

#[cfg(test)]
mod tests;
