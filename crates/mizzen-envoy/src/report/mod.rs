//! Reports: one entry of every finished stream, encoded on its worker straight into that worker's batch.

mod entry;
mod logger;
mod outcome;
mod queue;
mod record;

pub(crate) use entry::{OWN_NAMESPACE, read_metadata};
pub(crate) use logger::LoggerConfig;
pub(crate) use queue::ReportQueue;
pub(crate) use record::{Record, make_current, recycled, release_current};
