//! The reports of one worker on their way into batches.

use super::{Batch, BatchLimits, OpenBatch};
use crate::bag::Bag;
use crate::dictionary::WordLimit;
use crate::instant::Instant;
use crate::report::ReportEncoder;

/// How many reports are encoded together. Between two requests a proxy runs far more code than a processor's cache holds, so what an encoder costs once per
/// request is mostly the way of its code into that cache; a group pays it once. (Measured with 8, 16 and 32 alike: 2 µs of 12 less per request.)
const TOGETHER: usize = 8;

/// A report on its way into a batch.
pub trait Report: Default {
    /// Works out what is not in the bag yet; called once, for several reports together.
    fn complete(&mut self) -> &Bag;
}

impl Report for Bag {
    fn complete(&mut self) -> &Bag {
        self
    }
}

/// Gathers reports, completes and encodes them in groups, and holds the batches that are full.
pub struct Lane<R> {
    open: OpenBatch,
    limits: BatchLimits,
    /// Reports to encode, and behind them others whose memory is used again.
    reports: Vec<Box<R>>,
    waiting: usize,
    /// Since when the first of them waits.
    since: Instant,
    full: Vec<Batch>,
}

impl<R: Report> Lane<R> {
    /// An empty lane.
    pub fn new(limits: BatchLimits, encoder: ReportEncoder) -> Lane<R> {
        let open = OpenBatch::new(limits, encoder);
        Lane { open, limits, reports: Vec::new(), waiting: 0, since: Instant::default(), full: Vec::new() }
    }

    /// Adds a report, which `fill` puts in the place of an earlier one: by exchange, or as a copy.
    pub fn add(&mut self, now: Instant, fill: impl FnOnce(&mut Box<R>)) {
        if self.waiting == self.reports.len() {
            self.reports.push(Box::default());
        }
        fill(&mut self.reports[self.waiting]);
        if self.waiting == 0 {
            self.since = now;
        }
        self.waiting += 1;
        if self.waiting >= TOGETHER || self.open.len() + self.waiting >= self.limits.entries {
            self.encode();
        }
    }

    #[inline(never)]
    fn encode(&mut self) {
        for report in &mut self.reports[..self.waiting] {
            self.full.extend(self.open.push(report.complete(), self.since));
        }
        self.waiting = 0;
    }

    /// Whether a batch is full.
    pub fn has_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// Gives the batches up that are full.
    pub fn drop_full(&mut self) {
        self.full.clear();
    }

    /// Takes the batches that are full or old enough, or all of them, and tells when the next one is due.
    pub fn collect(&mut self, now: Instant, all: bool, take: &mut impl FnMut(Batch)) -> Option<Instant> {
        if self.waiting > 0 && (all || self.deadline().is_some_and(|deadline| deadline <= now)) {
            self.encode();
        }
        self.full.drain(..).for_each(&mut *take);
        if all || self.open.is_due(now) {
            self.open.take().into_iter().for_each(take);
        }
        self.deadline()
    }

    /// When it must be looked at again for the age of its reports.
    fn deadline(&self) -> Option<Instant> {
        let waiting = (self.waiting > 0).then(|| self.since.after(self.limits.wait));
        self.open.deadline().into_iter().chain(waiting).min()
    }

    /// Changes how many global words are used, from the next batch on.
    pub fn set_word_limit(&mut self, limit: WordLimit) {
        self.open.set_word_limit(limit);
    }
}

#[cfg(test)]
mod tests;
