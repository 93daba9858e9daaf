//! What is known of one stream, and its way from the filter to the access logger.
//!
//! Envoy calls a finished stream's `stream_complete`, then its access loggers, then `destroy`, back to back on one thread. So the filter parks the record
//! in a slot of the thread, the logger borrows it, and `destroy` empties the slot: whatever a logger finds there belongs to the stream it is called for.

use std::cell::{Cell, RefCell};

use mizzen_client::Bag;

use super::entry::Observed;

/// How many records a worker keeps for reuse; each holds a few kilobytes.
const POOL: usize = 256;

thread_local! {
    static CURRENT: Cell<Option<Box<Record>>> = const { Cell::new(None) };
    #[expect(clippy::vec_box, reason = "a record moves between stream, slot and pool, as one pointer each time")]
    static UNUSED: RefCell<Vec<Box<Record>>> = const { RefCell::new(Vec::new()) };
}

/// One stream: its attributes so far and what else its report depends on.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) bag: Bag,
    pub(crate) observed: Observed,
    /// Whether the stream is reported at all.
    pub(crate) report: bool,
}

/// An empty record, with the memory of an earlier one if there is any.
pub(crate) fn recycled() -> Box<Record> {
    UNUSED.with_borrow_mut(Vec::pop).unwrap_or_default()
}

impl Record {
    /// Gives the record's memory to a later stream.
    pub(crate) fn recycle(mut self: Box<Record>) {
        UNUSED.with_borrow_mut(|unused| {
            if unused.len() < POOL {
                self.bag.clear();
                self.observed = Observed::default();
                self.report = false;
                unused.push(self);
            }
        });
    }
}

/// Parks the record of the stream that is ending.
pub(crate) fn make_current(record: Box<Record>) {
    CURRENT.set(Some(record));
}

/// Empties the slot; the stream that parked its record is gone.
pub(crate) fn forget_current() {
    if let Some(record) = CURRENT.take() {
        record.recycle();
    }
}

/// Lends the parked record, which stays parked for a further logger of the same stream.
pub(super) fn with_current<R>(read: impl FnOnce(Option<&mut Record>) -> R) -> R {
    let mut parked = CURRENT.take();
    let result = read(parked.as_deref_mut());
    CURRENT.set(parked);
    result
}
