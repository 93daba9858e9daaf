//! Sending: the finished batches of every transport, and the workers' background calls.

use std::sync::Arc;
use std::time::Duration;

use mizzen_client::batch::{Account, Action, BatchId, ReportSink, SinkLimits};
use mizzen_client::grpc::Outcome;
use mizzen_client::instant::Instant;
use mizzen_client::stats::Stats;

use super::calls::{Outgoing, Purpose};
use crate::background::Order;
use crate::client::Random;
use crate::ffi::BootstrapHandle;
use crate::stats::{self, raise};
use crate::transport::Transport;

/// A sender and the loop over all transports refer to a transport without using it.
const USERS: usize = 2;

/// What to do next.
pub(super) enum Next {
    Call(Outgoing),
    /// Nothing until then, or until something happens.
    Wait(Option<Instant>),
}

/// The batches of one transport on their way.
struct Sender {
    transport: Arc<Transport>,
    sink: ReportSink,
    counted: Stats,
}

/// All transports' batches, and the account of their entries.
pub(super) struct Senders {
    senders: Vec<Sender>,
    orders: Vec<(Arc<Transport>, Order)>,
    random: Random,
    shutting_down: bool,
    /// What became of the entries of transports that are gone.
    closed: Account,
    made: (Option<usize>, u64),
    acknowledged: (Option<usize>, u64),
    dropped: (Option<usize>, u64),
    pending: Option<usize>,
}

impl Senders {
    /// Defines the account's counters.
    pub(super) fn define(envoy: &BootstrapHandle) -> Senders {
        Senders {
            senders: Vec::new(),
            orders: Vec::new(),
            random: Random::new(),
            shutting_down: false,
            closed: Account::default(),
            made: (envoy.define_counter("report.entries_made"), 0),
            acknowledged: (envoy.define_counter("report.entries_acknowledged"), 0),
            dropped: (envoy.define_counter("report.entries_dropped"), 0),
            pending: envoy.define_gauge("report.entries_pending"),
        }
    }

    /// Takes from the workers what is due, or everything there is, and tells when more will be.
    pub(super) fn collect(&mut self, now: Instant, all: bool) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for transport in Transport::all() {
            let orders = transport.background.orders();
            self.orders.extend(orders.into_iter().map(|order| (Arc::clone(&transport), order)));
            let sender = self.sender(&transport);
            let due = transport.reports.collect(now, all, &mut |batch| sender.sink.submit(batch));
            next = next.into_iter().chain(due).min();
            if due.is_none() && sender.sink.is_drained() && transport.is_unused(USERS) {
                self.close(&transport);
            }
        }
        next
    }

    /// Forgets a transport that no configuration names any more, but not its account.
    fn close(&mut self, transport: &Arc<Transport>) {
        transport.forget();
        if let Some(position) = self.senders.iter().position(|sender| Arc::ptr_eq(&sender.transport, transport)) {
            let sender = self.senders.swap_remove(position);
            add(&mut self.closed, sender.sink.account());
        }
    }

    fn sender(&mut self, transport: &Arc<Transport>) -> &mut Sender {
        let known = self.senders.iter().position(|sender| Arc::ptr_eq(&sender.transport, transport));
        let position = known.unwrap_or_else(|| {
            let mut sink = ReportSink::new(SinkLimits::from(&transport.config));
            if self.shutting_down {
                sink.begin_shutdown();
            }
            self.senders.push(Sender { transport: Arc::clone(transport), sink, counted: Stats::default() });
            self.senders.len() - 1
        });
        &mut self.senders[position]
    }

    /// The next call to make; `left` is the time until the process ends, if it is ending.
    pub(super) fn next(&mut self, now: Instant, left: Option<Duration>) -> Next {
        if let Some((transport, order)) = self.orders.pop() {
            let purpose = Purpose::Check { worker: order.worker, ticket: order.ticket };
            let timeout_ms = limited(transport.timeout_ms(), left);
            return Next::Call(Outgoing { transport, purpose, body: Arc::new(order.body), timeout_ms });
        }
        let mut wait: Option<Instant> = None;
        for sender in &mut self.senders {
            match sender.sink.poll(now) {
                Action::Send { id, body } => {
                    let transport = Arc::clone(&sender.transport);
                    let timeout_ms = limited(transport.timeout_ms(), left);
                    return Next::Call(Outgoing { transport, purpose: Purpose::Report(id), body, timeout_ms });
                }
                Action::WaitUntil(until) => wait = wait.into_iter().chain([until]).min(),
                Action::Idle => {}
            }
        }
        Next::Wait(wait)
    }

    /// Notes the answer to a batch.
    pub(super) fn finished(&mut self, transport: &Arc<Transport>, id: BatchId, outcome: &Outcome, now: Instant) {
        let random = self.random.next();
        let sender = self.sender(transport);
        sender.sink.finished(id, &outcome.result, now, random);
        if sender.sink.dictionary_refused() {
            transport.reports.shrink_dictionary();
        }
    }

    /// From now on nothing waits before it is sent again.
    pub(super) fn begin_shutdown(&mut self) {
        self.shutting_down = true;
        self.senders.iter_mut().for_each(|sender| sender.sink.begin_shutdown());
    }

    pub(super) fn is_drained(&self) -> bool {
        self.senders.iter().all(|sender| sender.sink.is_drained())
    }

    /// Gives up what is left; it counts as dropped.
    pub(super) fn abandon(&mut self) {
        self.senders.iter_mut().for_each(|sender| sender.sink.abandon());
    }

    /// Publishes the account and the counters of the senders.
    pub(super) fn publish(&mut self, envoy: &BootstrapHandle) {
        let mut total = self.closed;
        for sender in &mut self.senders {
            let family = sender.transport.family;
            stats::pass_on(family, stats::main_lane(), sender.sink.stats(), &mut sender.counted);
            add(&mut total, sender.sink.account());
        }
        raise(envoy, self.made.0, &mut self.made.1, total.made);
        raise(envoy, self.acknowledged.0, &mut self.acknowledged.1, total.acknowledged);
        raise(envoy, self.dropped.0, &mut self.dropped.1, total.dropped);
        if let Some(pending) = self.pending {
            envoy.set_gauge(pending, total.pending);
        }
    }
}

fn add(total: &mut Account, account: Account) {
    total.made += account.made;
    total.acknowledged += account.acknowledged;
    total.dropped += account.dropped;
    total.pending += account.pending;
}

fn limited(timeout_ms: u64, left: Option<Duration>) -> u64 {
    let left = left.map_or(u64::MAX, |left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
    timeout_ms.min(left).max(1)
}
