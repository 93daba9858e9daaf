//! What is known of one stream, and its way from the filter to the access logger.
//!
//! Envoy calls a finished stream's `stream_complete`, then its access loggers, then `destroy`, back to back on one thread. So the filter parks the record
//! in a slot of the thread, the loggers complete it, and `destroy` empties the slot and hands the record on: whatever a logger finds there belongs to the
//! stream it is called for.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use mizzen_client::Bag;
use mizzen_client::batch::Report;

use super::entry::Observed;
use super::outcome::Outcome;
use crate::clock;
use crate::transport::Transport;

/// How many records a worker keeps for reuse; each holds a few kilobytes.
const POOL: usize = 256;

thread_local! {
    static CURRENT: Cell<Option<Box<Record>>> = const { Cell::new(None) };
    #[expect(clippy::vec_box, reason = "a record moves between stream, slot and pool, as one pointer each time")]
    static UNUSED: RefCell<Vec<Box<Record>>> = const { RefCell::new(Vec::new()) };
}

/// One stream: its attributes so far and what else its report depends on.
#[derive(Clone, Default)]
pub(crate) struct Record {
    pub(crate) bag: Bag,
    pub(crate) observed: Observed,
    /// What is not in the bag yet, unless the bag is finished.
    pub(super) outcome: Outcome,
    finished: bool,
    /// Whether the stream is reported at all.
    pub(crate) report: bool,
    /// Where to, once it is complete, and from which worker.
    receivers: Vec<Arc<Transport>>,
    worker: usize,
}

/// An empty record, with the memory of an earlier one if there is any.
pub(crate) fn recycled() -> Box<Record> {
    UNUSED.with_borrow_mut(Vec::pop).unwrap_or_default()
}

impl Record {
    /// Makes this the record of something that `bag` tells all of.
    pub(crate) fn copy_finished(&mut self, bag: &Bag) {
        self.bag.clone_from(bag);
        self.finished = true;
    }

    /// The record is complete; it goes to this transport when its last logger has seen it.
    pub(super) fn send_to(&mut self, transport: &Arc<Transport>, worker: usize) {
        self.receivers.push(Arc::clone(transport));
        self.worker = worker;
    }

    /// Hands the record to all receivers, and returns one to use again: the last of them, mostly the only one, gets it without a copy.
    pub(super) fn send(mut self: Box<Record>) -> Box<Record> {
        let worker = self.worker;
        while let Some(transport) = self.receivers.pop() {
            let last = self.receivers.is_empty();
            transport.reports.push(worker, clock::now(), |record| match last {
                true => std::mem::swap(record, &mut self),
                false => **record = self.copy(),
            });
            if last {
                break;
            }
        }
        self
    }

    /// The same for one receiver only.
    #[cold]
    fn copy(&self) -> Record {
        Record { receivers: Vec::new(), ..self.clone() }
    }

    /// Gives the record's memory to a later stream.
    pub(crate) fn recycle(mut self: Box<Record>) {
        UNUSED.with_borrow_mut(|unused| {
            if unused.len() < POOL {
                self.bag.clear();
                self.observed = Observed::default();
                self.report = false;
                self.finished = false;
                unused.push(self);
            }
        });
    }
}

impl Report for Record {
    fn complete(&mut self) -> &Bag {
        if !self.finished {
            self.outcome.set_attributes(&mut self.bag);
        }
        &self.bag
    }
}

/// Parks the record of the stream that is ending.
pub(crate) fn make_current(record: Box<Record>) {
    CURRENT.set(Some(record));
}

/// Empties the slot; the stream that parked its record is gone, and all loggers have seen it.
pub(crate) fn release_current() {
    if let Some(record) = CURRENT.take() {
        record.send().recycle();
    }
}

/// Lends the parked record, which stays parked for a further logger of the same stream.
pub(super) fn with_current<R>(read: impl FnOnce(Option<&mut Record>) -> R) -> R {
    let mut parked = CURRENT.take();
    let result = read(parked.as_deref_mut());
    CURRENT.set(parked);
    result
}
