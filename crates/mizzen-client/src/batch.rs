//! Reports on their way: batches that grow, and finished ones that wait for the Mixer to take them.

mod open;
mod sink;

pub use open::{Batch, BatchLimits, OpenBatch};
pub use sink::{Account, Action, BatchId, ReportSink, SinkLimits};
