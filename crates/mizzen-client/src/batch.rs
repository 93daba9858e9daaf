//! Reports on their way: batches that grow, and finished ones that wait for the Mixer to take them.

mod lane;
mod open;
mod sink;

pub use lane::{Lane, Report};
pub use open::{Batch, BatchLimits, OpenBatch};
pub use sink::{Account, Action, BatchId, ReportSink, SinkLimits};
