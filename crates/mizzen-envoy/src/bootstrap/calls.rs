//! Calls of the main thread to the Mixer, from their start to their answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mizzen_client::batch::BatchId;
use mizzen_client::flow::Ticket;
use mizzen_client::grpc::Outcome;
use mizzen_client::instant::Instant;

use super::not_started;
use super::senders::Senders;
use crate::background::Delivery;
use crate::ffi::{BootstrapHandle, CalloutStart};
use crate::transport::{CHECK, REPORT, Transport};
use crate::{clock, generation};

/// What a call is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// A batch of reports.
    Report(BatchId),
    /// A Check in the background, for a worker.
    Check { worker: usize, ticket: Ticket },
}

/// A call to make.
pub(super) struct Outgoing {
    pub(super) transport: Arc<Transport>,
    pub(super) purpose: Purpose,
    pub(super) body: Arc<Vec<u8>>,
    pub(super) timeout_ms: u64,
}

impl Outgoing {
    pub(super) fn make(&self, envoy: &BootstrapHandle) -> CalloutStart {
        let (cluster, method) = self.target();
        envoy.callout(cluster, &self.transport.headers(method), &self.body, self.timeout_ms)
    }

    fn target(&self) -> (&str, &'static str) {
        match self.purpose {
            Purpose::Report(_) => (&self.transport.config.report_cluster, REPORT),
            Purpose::Check { .. } => (&self.transport.config.check_cluster, CHECK),
        }
    }
}

struct Running {
    transport: Arc<Transport>,
    purpose: Purpose,
    sent: Instant,
    timeout_ms: u64,
}

/// Calls under way, and those whose answer is in.
#[derive(Default)]
pub(super) struct Calls {
    running: HashMap<u64, Running>,
    settled: Vec<(Running, Outcome)>,
    /// Answers that came before their start call had returned.
    early: HashMap<u64, Outcome>,
}

impl Calls {
    /// Notes what the start of a call came to.
    pub(super) fn started(&mut self, call: Outgoing, start: CalloutStart, sent: Instant) {
        let failed = not_started(start, call.target().0);
        let running = Running { transport: call.transport, purpose: call.purpose, sent, timeout_ms: call.timeout_ms };
        match start {
            CalloutStart::Started(id) => match self.early.remove(&id) {
                Some(outcome) => self.settled.push((running, outcome)),
                None => drop(self.running.insert(id, running)),
            },
            _ => self.settled.push((running, failed)),
        }
    }

    /// Notes an answer; `end` makes the outcome, told whether the time was up.
    pub(super) fn answered(&mut self, id: u64, end: impl FnOnce(bool) -> Outcome, now: Instant) {
        match self.running.remove(&id) {
            Some(running) => {
                let timed_out = clock::is_over(running.sent, Duration::from_millis(running.timeout_ms), now);
                self.settled.push((running, end(timed_out)));
            }
            None => drop(self.early.insert(id, end(false))),
        }
    }

    /// Hands the answers on to those who wait for them.
    pub(super) fn settle(&mut self, senders: &mut Senders, now: Instant) {
        for (call, outcome) in self.settled.drain(..) {
            match call.purpose {
                Purpose::Report(id) => {
                    generation::observe(&outcome, call.sent);
                    senders.finished(&call.transport, id, &outcome, now);
                }
                Purpose::Check { worker, ticket } => {
                    call.transport.background.deliver(worker, Delivery { ticket, outcome, sent: call.sent });
                }
            }
        }
    }
}
