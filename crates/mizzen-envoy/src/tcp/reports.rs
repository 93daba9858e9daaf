//! The reports of a connection.

use std::sync::Arc;

use mizzen_client::Bag;
use mizzen_client::instant::Instant;
use mizzen_client::tcp::{Event, set_destination};

use super::filter::{REPORT, TcpFilter};
use crate::ffi::NetworkHandle;
use crate::stats::{self, Counter, Family};
use crate::{clock, wake};

/// Periodic reports are due at multiples of this, so that those of many connections need few rounds of the main thread.
const STEP_NANOS: u64 = 20_000_000;

impl TcpFilter {
    /// Reports that the connection is open, and has it reported from time to time.
    pub(super) fn opened(&self, envoy: &NetworkHandle<'_>) {
        self.report(Event::Open, Some(envoy));
        self.schedule_report();
    }

    pub(super) fn schedule_report(&self) {
        if !self.worker.config.report {
            return;
        }
        if let Some(scheduler) = self.scheduler.get() {
            let due = clock::now().after(self.worker.config.report_interval).as_nanos();
            let due = Instant::from_nanos(due.checked_next_multiple_of(STEP_NANOS).unwrap_or(due));
            let connection = Arc::clone(scheduler);
            self.next_report.set(Some(wake::at(due, connection, REPORT)));
        }
    }

    pub(super) fn report(&self, event: Event, envoy: Option<&NetworkHandle<'_>>) {
        let config = &self.worker.config;
        if !config.report {
            return;
        }
        let mut bag = self.bag.borrow_mut();
        if let Some(envoy) = envoy {
            self.locate(envoy, &mut bag);
        }
        let now = clock::now();
        self.connection.borrow_mut().report(event, &mut bag, now, clock::wall());
        stats::count(Family::Tcp, self.worker.index, Counter::ReportCalls);
        config.transport.reports.push(self.worker.index, now, |record| record.copy_finished(&bag));
    }

    /// Sets where the connection goes: to the chosen endpoint, and until that is known to where the client has connected.
    fn locate(&self, envoy: &NetworkHandle<'_>, bag: &mut Bag) {
        if self.located.get() {
            return;
        }
        let upstream = envoy.upstream_address();
        self.located.set(upstream.is_some());
        if let Some((address, port)) = upstream.or_else(|| envoy.local_address()) {
            set_destination(bag, address, port, self.worker.config.fixed_destination);
        }
    }
}
