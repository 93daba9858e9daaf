//! The access logger: completes the record that the filter left, or makes one from the log alone, and adds it to the worker's batch.

use std::sync::Arc;

use super::entry;
use super::record::{self, Record};
use crate::clock;
use crate::ffi::LogHandle;
use crate::http::{HttpFilterConfig, Prepared, derive};
use crate::stats::{self, Counter, Family};

/// The access logger's configuration: that of the filter, of which it uses the transport and the default service.
pub(crate) struct LoggerConfig {
    filter: Arc<HttpFilterConfig>,
    /// What applies to a stream that no filter of ours saw; `None` if such streams are not reported.
    default: Option<Prepared>,
}

impl LoggerConfig {
    /// Reads an `HttpClientConfig` in JSON. A bad one is named in Envoy's log and refused.
    pub(crate) fn load(text: &[u8]) -> Option<Arc<LoggerConfig>> {
        let filter = HttpFilterConfig::load(text, "access logger")?;
        let default = filter.default_service().filter(|service| service.report);
        let default = default.map(|service| Prepared::new(&filter, service));
        Some(Arc::new(LoggerConfig { filter, default }))
    }

    /// Reports one finished stream.
    pub(crate) fn log(&self, log: &LogHandle<'_>) {
        record::with_current(|current| match current {
            Some(record) if record.report => self.add(log, record),
            Some(_) => {}
            None => self.log_unseen(log),
        });
    }

    fn log_unseen(&self, log: &LogHandle<'_>) {
        let Some(prepared) = &self.default else { return };
        let mut record = record::recycled();
        prepared.fill_late(&self.filter, &mut record.bag, |bag| derive(log, bag, clock::wall()));
        entry::set_rbac(log, &mut record.bag);
        self.add(log, &mut record);
        record.send().recycle();
    }

    fn add(&self, log: &LogHandle<'_>, record: &mut Record) {
        entry::read_outcome(log, record);
        let worker = log.worker_index();
        stats::count(Family::Http, worker, Counter::ReportCalls);
        record.send_to(&self.filter.transport, worker);
    }
}
