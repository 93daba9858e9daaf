//! The batches of one transport: each worker fills its own, the main thread collects what is due.

use std::sync::{Mutex, Once};

use mizzen_client::batch::{self, Batch, BatchLimits};
use mizzen_client::config::TransportConfig;
use mizzen_client::dictionary::WordLimit;
use mizzen_client::instant::Instant;
use mizzen_client::report::ReportEncoder;

use super::record::Record;
use crate::ffi::{Level, log};
use crate::wake::{self, lock};

static NOT_SENT: Once = Once::new();

/// The batches under way. A lane is locked by its worker for an entry, and by the main thread once per tick and batch.
pub(crate) struct ReportQueue {
    lanes: Box<[Lane]>,
}

/// On a cache line of its own, so that workers do not slow each other down.
#[repr(align(128))]
struct Lane(Mutex<batch::Lane<Record>>);

impl ReportQueue {
    /// Empty batches for `workers` workers and the main thread.
    pub(crate) fn new(config: &TransportConfig, workers: usize) -> ReportQueue {
        let encoder = || ReportEncoder::new(WordLimit::FULL, config.report_encoding());
        let lane = |_| Lane(Mutex::new(batch::Lane::new(BatchLimits::from(config), encoder())));
        ReportQueue { lanes: (0..=workers).map(lane).collect() }
    }

    /// Adds one entry, which `fill` puts in the place of an earlier one, to the batch of `worker`. The main thread sends a full batch within a
    /// tick, under load several at once: each costs it some 100 µs when it is woken for that one alone. Without a bootstrap extension nobody sends batches:
    /// full ones are given up.
    pub(crate) fn push(&self, worker: usize, now: Instant, fill: impl FnOnce(&mut Box<Record>)) {
        let Some(Lane(lane)) = self.lanes.get(worker) else { return };
        let mut lane = lock(lane);
        lane.add(now, fill);
        if lane.has_full() && !wake::is_main_reachable() {
            lane.drop_full();
            NOT_SENT.call_once(|| {
                log(Level::Warn, "mizzen: reports are lost: no bootstrap extension `mixer` is configured to send them")
            });
        }
        drop(lane);
        wake::main_soon();
    }

    /// Takes the batches that are full or old enough, or all of them, and tells when the next one is due. Main thread.
    pub(crate) fn collect(&self, now: Instant, all: bool, take: &mut impl FnMut(Batch)) -> Option<Instant> {
        self.lanes.iter().filter_map(|Lane(lane)| lock(lane).collect(now, all, take)).min()
    }

    /// Uses fewer words of the global dictionary in later batches; the peer does not know them all.
    pub(crate) fn shrink_dictionary(&self) {
        for Lane(lane) in &self.lanes {
            lock(lane).set_word_limit(WordLimit::BASE);
        }
    }
}
