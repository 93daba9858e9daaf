//! One connection, from its arrival to the report of its end.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use mizzen_client::Bag;
use mizzen_client::flow::Ticket;
use mizzen_client::grpc::Outcome;
use mizzen_client::instant::Instant;
use mizzen_client::schedule::Place;
use mizzen_client::tcp::{Connection, Event, Moment, Resolution, Step, Tls, set_arrival, set_tls};

use super::call::Call;
use super::config::TcpFilterConfig;
use super::open::Registration;
use super::worker::Worker;
use crate::client::Waiter;
use crate::clock;
use crate::ffi::{Attribute, CloseKind, FilterStatus, NetworkHandle, NetworkScheduler};
use crate::wake;

/// Events by which a connection is woken.
pub(super) const RETRY: u64 = 0;
pub(super) const RESUME: u64 = 1;
pub(super) const REPORT: u64 = 2;
pub(super) const END: u64 = 3;
const SETTLE: u64 = 4;

/// The filter of one connection. Envoy may call one hook from inside another, hence the cells: nothing stays borrowed while Envoy is called.
pub(crate) struct TcpFilter {
    pub(super) worker: Rc<Worker>,
    pub(super) connection: RefCell<Connection>,
    pub(super) bag: RefCell<Bag>,
    /// The claim on a decision, while one is awaited.
    pub(super) ticket: Cell<Option<Ticket>>,
    pub(super) call: Cell<Option<Call>>,
    /// An outcome that came while the attempt was being sent.
    pub(super) early: RefCell<Option<Outcome>>,
    pub(super) sending: Cell<bool>,
    /// Since when the connection is held.
    pub(super) held: Cell<Instant>,
    pub(super) scheduler: OnceCell<Arc<NetworkScheduler>>,
    registration: Cell<Option<Registration>>,
    /// When the next periodic report is due.
    pub(super) next_report: Cell<Option<Place>>,
    /// The service has ended its side, and the client has been told.
    service_ended: Cell<bool>,
    /// The service has ended its side, and the client is told after the decision.
    end_owed: Cell<bool>,
    /// Reading is disabled until the decision.
    reading_stopped: Cell<bool>,
    /// Reading, which the next filter had disabled, is enabled until the handshake is done.
    reading_lent: Cell<bool>,
    /// Where the connection goes is known for good.
    pub(super) located: Cell<bool>,
}

impl TcpFilter {
    pub(crate) fn new(config: &Arc<TcpFilterConfig>, envoy: &NetworkHandle<'_>) -> TcpFilter {
        TcpFilter {
            worker: Worker::of(config, envoy),
            connection: RefCell::new(Connection::new(config.moment, clock::now())),
            bag: RefCell::new(config.attributes.clone()),
            ticket: Cell::default(),
            call: Cell::default(),
            early: RefCell::default(),
            sending: Cell::default(),
            held: Cell::default(),
            scheduler: OnceCell::new(),
            registration: Cell::default(),
            next_report: Cell::default(),
            service_ended: Cell::default(),
            end_owed: Cell::default(),
            reading_stopped: Cell::default(),
            reading_lent: Cell::default(),
            located: Cell::new(config.fixed_destination == (true, true)),
        }
    }

    /// A client is being connected. If that alone is to be checked, the connection is held until the decision.
    ///
    /// The next filter, `tcp_proxy`, has disabled reading by now, which a TLS handshake needs, so it is enabled again until that is done. Then it stays
    /// disabled: Envoy raises the end of the client's side only once, and while the connection is held that would be lost on the next filter.
    pub(crate) fn new_connection(&self, mut envoy: NetworkHandle<'_>) -> FilterStatus {
        let config = &self.worker.config;
        let source = envoy.remote_address().map(|(address, _)| address);
        let id = format!("{}-{}", config.uuid, envoy.connection_id());
        set_arrival(&mut self.bag.borrow_mut(), source, &id, clock::wall());
        self.set_tls(&envoy);
        if config.report {
            self.registration.set(Some(Registration::new(Arc::clone(self.scheduler(&envoy)))));
        }
        if config.moment == Moment::FirstData {
            return FilterStatus::Continue;
        }
        if envoy.is_tls() && !envoy.is_reading() {
            envoy.read_disable(false);
            self.reading_lent.set(true);
        }
        FilterStatus::StopIteration
    }

    fn set_tls(&self, envoy: &NetworkHandle<'_>) {
        let [server_name, peer_uri, local_uri] = match envoy.is_tls() {
            true => [Attribute::RequestedServerName, Attribute::PeerUriSan, Attribute::LocalUriSan]
                .map(|attribute| envoy.attribute(attribute)),
            // without TLS only a listener filter may have found a name
            false => [envoy.attribute(Attribute::RequestedServerName), Vec::new(), Vec::new()],
        };
        let tls = Tls {
            mutual: envoy.is(Attribute::Mtls),
            server_name: &server_name,
            peer_uri: &peer_uri,
            local_uri: &local_uri,
        };
        set_tls(&mut self.bag.borrow_mut(), &tls);
    }

    /// The client is connected, a TLS handshake done.
    pub(crate) fn connected(self: &Rc<Self>, mut envoy: NetworkHandle<'_>) {
        if envoy.is_tls() {
            self.set_tls(&envoy);
        }
        if self.reading_lent.take() {
            envoy.read_disable(true);
        }
        let asks = self.connection.borrow_mut().connected();
        if asks && let Some(allowed) = self.ask(&mut envoy) {
            self.conclude(envoy, allowed);
        }
    }

    /// The client has sent data, of which `length` bytes have not gone on yet, or has ended its side.
    pub(crate) fn read(self: &Rc<Self>, mut envoy: NetworkHandle<'_>, length: u64) -> FilterStatus {
        let step = self.connection.borrow_mut().read(length);
        match step {
            Step::Pass => FilterStatus::Continue,
            Step::Hold => FilterStatus::StopIteration,
            Step::Ask => match self.ask(&mut envoy) {
                Some(allowed) => self.conclude_read(envoy, length, allowed),
                None => {
                    self.connection.borrow_mut().hold(length);
                    if self.service_ended.get() {
                        self.reading_stopped.set(true);
                        envoy.read_disable(true);
                    }
                    FilterStatus::StopIteration
                }
            },
        }
    }

    /// Data for the client goes on, the last if the service has ended its side.
    ///
    /// Envoy closes a connection that both sides have ended, and what is held of the client's data would be lost. So while the Mixer is asked only one end
    /// is let through: that of the service waits, or, where it came before, the client is not read from any more.
    pub(crate) fn write(&self, mut envoy: NetworkHandle<'_>, length: u64, end: bool) -> FilterStatus {
        self.connection.borrow_mut().wrote(length);
        if !end {
            return FilterStatus::Continue;
        }
        if !self.connection.borrow().is_calling() {
            self.service_ended.set(true);
            return FilterStatus::Continue;
        }
        self.end_owed.set(true);
        envoy.write_without_end();
        FilterStatus::StopIteration
    }

    /// Makes up for what was put off until the decision. What is held must have gone on before.
    fn settle_ends(&self, mut envoy: NetworkHandle<'_>) {
        if self.connection.borrow().is_over() {
            return;
        }
        if self.reading_stopped.take() {
            envoy.read_disable(false);
        }
        if self.end_owed.take() {
            envoy.write_end();
        }
    }

    /// The connection was woken: for the next attempt, because another connection's answer may be its own, for a report, or to end.
    pub(crate) fn scheduled(self: &Rc<Self>, mut envoy: NetworkHandle<'_>, event: u64) {
        match event {
            RETRY | RESUME => {
                if let Some(allowed) = self.proceed(&mut envoy, event) {
                    self.worker.client.held_since(self.held.get());
                    self.conclude(envoy, allowed);
                }
            }
            REPORT if self.connection.borrow().is_open() => {
                self.report(Event::Continue, Some(&envoy));
                self.schedule_report();
            }
            SETTLE => self.settle_ends(envoy),
            END => {
                // a client that takes nothing may hold up the close itself beyond the last batch
                self.finish(Some(&envoy));
                envoy.close(CloseKind::FlushWrite, "proxy_shutdown");
            }
            _ => {}
        }
    }

    /// The connection was closed, by whom ever; nothing of it may be called any more but getters.
    pub(crate) fn closed(&self, envoy: &NetworkHandle<'_>) {
        self.end(Some(envoy));
    }

    pub(crate) fn destroyed(&self) {
        self.end(None);
    }

    fn end(&self, envoy: Option<&NetworkHandle<'_>>) {
        self.finish(envoy);
        self.registration.take();
    }

    /// Makes the last report, the first time.
    fn finish(&self, envoy: Option<&NetworkHandle<'_>>) {
        let first = self.connection.borrow_mut().close();
        if first {
            self.report(Event::Close, envoy);
            self.give_up();
        }
        self.next_report.take().into_iter().for_each(wake::no_more);
    }

    /// Acts on a decision about a connection that is held.
    pub(super) fn conclude(&self, envoy: NetworkHandle<'_>, allowed: bool) {
        let resolution = self.connection.borrow_mut().decide(allowed);
        match resolution {
            Resolution::Ignored => {}
            Resolution::Allowed => {
                self.opened(&envoy);
                if self.reading_stopped.get() || self.end_owed.get() {
                    self.scheduler(&envoy).commit(SETTLE);
                }
                envoy.continue_reading();
            }
            Resolution::Denied => envoy.close(CloseKind::NoFlush, DENIED),
        }
    }

    /// Acts on a decision that was at hand when data came. Data that goes on now counts after the report that the connection is open, as in Istio.
    fn conclude_read(&self, envoy: NetworkHandle<'_>, length: u64, allowed: bool) -> FilterStatus {
        let at_once = allowed && self.worker.config.moment == Moment::FirstData;
        self.connection.borrow_mut().hold(if at_once { 0 } else { length });
        if !at_once {
            self.conclude(envoy, allowed);
            return FilterStatus::StopIteration;
        }
        let resolution = self.connection.borrow_mut().decide(true);
        if resolution != Resolution::Allowed {
            return FilterStatus::StopIteration;
        }
        self.opened(&envoy);
        self.connection.borrow_mut().pass(length);
        FilterStatus::Continue
    }

    pub(super) fn scheduler(&self, envoy: &NetworkHandle<'_>) -> &Arc<NetworkScheduler> {
        self.scheduler.get_or_init(|| Arc::new(envoy.scheduler()))
    }

    /// Settles a connection that a failed hook would leave held, by the fail policy.
    pub(crate) fn recover(&self, envoy: NetworkHandle<'_>) {
        self.give_up();
        self.connection.borrow_mut().connected();
        self.conclude(envoy, self.worker.config.policy.fail_open);
    }

    /// Settles a connection whose hook for data failed, by the fail policy if it was not decided about.
    pub(crate) fn recover_read(&self, envoy: NetworkHandle<'_>, length: u64) -> FilterStatus {
        self.give_up();
        if self.connection.borrow().is_calling() {
            return self.conclude_read(envoy, length, self.worker.config.policy.fail_open);
        }
        let open = self.connection.borrow().is_open();
        if open { FilterStatus::Continue } else { FilterStatus::StopIteration }
    }
}

/// What access logs say of a refusal.
const DENIED: &str = "mixer_access_denied";

impl Waiter for TcpFilter {
    fn resume_soon(&self) {
        if let Some(scheduler) = self.scheduler.get() {
            scheduler.commit(RESUME);
        }
    }
}
