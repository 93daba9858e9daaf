//! One stream: its states, from the arrival of the headers to the record of its end.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use mizzen_client::answer::RouteDirective;
use mizzen_client::check_cache::Verdict;
use mizzen_client::flow::{Decision, Ticket};
use mizzen_client::grpc::{DecisionHeader, Outcome};
use mizzen_client::instant::Instant;
use mizzen_client::status::Status;
use mizzen_client::{Bag, names};

use super::attributes::{Arrival, FORWARD_HEADER, PAYLOAD_HEADER, derive};
use super::call::Call;
use super::config::HttpFilterConfig;
use super::directive::{Reply, apply};
use super::payload;
use super::prepared::forward_header;
use super::worker::{Served, Worker};
use crate::clock;
use crate::ffi::{HeaderKind, HeadersStatus, HttpHandle, HttpScheduler, StreamView};
use crate::report::{OWN_NAMESPACE, Record, make_current, read_metadata, recycled, release_current};

/// Where a stream stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The headers have not been seen.
    NotStarted,
    /// The request is held until the Mixer has decided.
    Calling,
    /// The request went on.
    Complete,
    /// This filter has answered.
    Responded,
}

/// Events by which a stream is woken.
pub(super) const RETRY: u64 = 0;
pub(super) const RESUME: u64 = 1;

/// The filter of one stream. Envoy may call one hook from inside another, hence the cells: nothing stays borrowed while Envoy is called.
pub(crate) struct HttpFilter {
    pub(super) worker: Rc<Worker>,
    pub(super) state: Cell<State>,
    grpc: Cell<bool>,
    pub(super) record: RefCell<Option<Box<Record>>>,
    pub(super) prepared: RefCell<Option<Rc<Served>>>,
    /// What the Mixer wants done to the response.
    verdict: RefCell<Option<Rc<Verdict>>>,
    /// The claim on a decision, while one is awaited.
    pub(super) ticket: Cell<Option<Ticket>>,
    pub(super) call: RefCell<Option<Call>>,
    /// An outcome that came while the attempt was being sent.
    pub(super) early: RefCell<Option<Outcome>>,
    pub(super) sending: Cell<bool>,
    /// What the answer to this stream's call wants a refused client to be told.
    pub(super) decision: RefCell<Option<DecisionHeader>>,
    /// Since when the request is held.
    held: Cell<Instant>,
    pub(super) scheduler: OnceCell<Arc<HttpScheduler>>,
}

impl HttpFilter {
    pub(crate) fn new(config: &Arc<HttpFilterConfig>, envoy: &mut HttpHandle<'_>) -> HttpFilter {
        let mut record = recycled();
        record.observed.taken_off_bytes = payload::take_off_sent(envoy);
        HttpFilter {
            worker: Worker::of(config, envoy),
            state: Cell::new(State::NotStarted),
            grpc: Cell::new(false),
            record: RefCell::new(Some(record)),
            prepared: RefCell::default(),
            verdict: RefCell::default(),
            ticket: Cell::default(),
            call: RefCell::default(),
            early: RefCell::default(),
            sending: Cell::default(),
            decision: RefCell::default(),
            held: Cell::default(),
            scheduler: OnceCell::new(),
        }
    }

    /// The headers have arrived: attributes are built, the forwarding header is replaced, and the Mixer is asked unless a decision is at hand.
    pub(crate) fn request_headers(self: &Rc<Self>, mut envoy: HttpHandle<'_>) -> HeadersStatus {
        self.state.set(State::Complete);
        let prepared = self.worker.prepared(&envoy);
        self.prepared.replace(prepared.clone());
        let Some(prepared) = prepared else { return self.pass_unserved(envoy) };
        let service = &prepared.service;
        let arrival = (service.check || service.report).then(|| self.arrive(&prepared, &envoy));
        replace_own_headers(&mut envoy, arrival.as_ref(), prepared.forward_header.as_deref());
        if !service.check {
            return HeadersStatus::Continue;
        }
        self.state.set(State::Calling);
        let next = self.with_bag(|bag| self.worker.client.start(bag, &service.quotas, &prepared.policy));
        match next.and_then(|next| self.advance(&mut envoy, next)) {
            Some(decision) => match self.decide(&mut envoy, &decision) {
                None => HeadersStatus::Continue,
                Some(reply) => answer(&reply, envoy),
            },
            None => {
                self.held.set(clock::now());
                HeadersStatus::StopAllAndWatermark
            }
        }
    }

    /// No service applies to the request: it is neither checked nor reported.
    #[cold]
    fn pass_unserved(&self, mut envoy: HttpHandle<'_>) -> HeadersStatus {
        let forward = forward_header(&self.worker.config.forward);
        replace_own_headers(&mut envoy, None, forward.as_deref());
        HeadersStatus::Continue
    }

    fn arrive(&self, served: &Served, envoy: &HttpHandle<'_>) -> Arrival {
        let mut record = self.record.borrow_mut();
        let record = record.get_or_insert_with(recycled);
        let arrival = served.fill(&self.worker.config, &mut record.bag, |base, bag| {
            with_claims(envoy, bag, |bag| served.precedents.borrow_mut().derive(base, envoy, bag, clock::wall()))
        });
        record.report = served.service.report;
        record.observed.request_header_bytes = Some(arrival.header_bytes);
        record.observed.headers_without_trace = arrival.headers_without_trace;
        self.grpc.set(arrival.grpc);
        arrival
    }

    pub(crate) fn request_trailers(&self, envoy: &HttpHandle<'_>) {
        if let Some(record) = self.record.borrow_mut().as_mut().filter(|record| record.report) {
            record.observed.request_trailer_bytes = envoy.with_headers(HeaderKind::RequestTrailers, |trailers| {
                trailers.iter().map(|trailer| trailer.size() as u64).sum()
            });
        }
    }

    pub(crate) fn response_headers(&self, envoy: &mut HttpHandle<'_>) {
        if self.state.get() != State::Complete {
            return;
        }
        let verdict = self.verdict.borrow().clone();
        if let Some(directive) = verdict.as_ref().and_then(|verdict| verdict.directive.as_ref()) {
            apply(envoy, HeaderKind::Response, &directive.response_header_operations);
        }
    }

    /// The stream has ended; its record is completed as far as only a filter can, and left for the access logger.
    pub(crate) fn stream_complete(&self, envoy: &HttpHandle<'_>) {
        self.give_up();
        if self.state.replace(State::Responded) == State::NotStarted {
            self.fill_late(envoy);
        }
        if let Some(mut record) = self.record.take() {
            if record.report {
                read_metadata(envoy, &mut record);
            }
            make_current(record);
        }
    }

    /// A stream that an earlier filter or Envoy itself has answered.
    fn fill_late(&self, envoy: &HttpHandle<'_>) {
        let Some(prepared) = self.worker.prepared(envoy).filter(|prepared| prepared.service.report) else { return };
        let mut record = self.record.borrow_mut();
        let record = record.get_or_insert_with(recycled);
        prepared.fill_late(&self.worker.config, &mut record.bag, |bag| {
            with_claims(envoy, bag, |bag| derive(envoy, bag, clock::wall()))
        });
        record.report = true;
    }

    pub(crate) fn destroyed(&self) {
        self.give_up();
        release_current();
        if let Some(record) = self.record.take() {
            record.recycle();
        }
    }

    /// Acts on a decision for a request that was held.
    pub(super) fn conclude(&self, mut envoy: HttpHandle<'_>, decision: &Decision) {
        if self.state.get() != State::Calling {
            return;
        }
        self.worker.client.held_since(self.held.get());
        match self.decide(&mut envoy, decision) {
            None => envoy.continue_decoding(),
            Some(reply) => reply.send(envoy),
        }
    }

    /// Carries a decision out: makes the changes asked for to a request that may go on, or returns the answer to give instead.
    fn decide(&self, envoy: &mut HttpHandle<'_>, decision: &Decision) -> Option<Reply> {
        let Verdict { status, directive } = &*decision.verdict;
        self.note(decision);
        let direct = directive.as_ref().filter(|directive| directive.direct_response_code != 0);
        if direct.is_some() || !status.is_ok() {
            return Some(self.respond(envoy, status, direct));
        }
        self.state.set(State::Complete);
        if let Some(directive) = directive {
            apply(envoy, HeaderKind::Request, &directive.request_header_operations);
            if !directive.request_header_operations.is_empty() {
                envoy.clear_route_cache();
            }
            self.verdict.replace(Some(Rc::clone(&decision.verdict)));
        }
        None
    }

    /// The answer of this proxy to a request that is refused, or that the Mixer answers itself.
    #[cold]
    fn respond(&self, envoy: &mut HttpHandle<'_>, status: &Status, direct: Option<&RouteDirective>) -> Reply {
        if !status.is_ok() {
            envoy.add_custom_flag("UAEX");
            envoy.set_dynamic_metadata(OWN_NAMESPACE, "status", &status.to_text());
        }
        self.state.set(State::Responded);
        let grpc = self.grpc.get();
        let denial = || Reply::denial(status, grpc).telling(self.decision.take());
        direct.map_or_else(denial, |direct| Reply::direct(direct, status, grpc))
    }

    /// Keeps what the report says of the decision.
    fn note(&self, decision: &Decision) {
        let mut record = self.record.borrow_mut();
        let Some(record) = record.as_mut().filter(|record| record.report) else { return };
        record.bag.set_bool(names::CHECK_CACHE_HIT, decision.check_cache_hit);
        record.bag.set_bool(names::QUOTA_CACHE_HIT, decision.quota_cache_hit);
        if !decision.verdict.status.is_ok() {
            note_refusal(record, &decision.verdict.status);
        }
    }

    /// Settles a stream whose headers hook failed: by the fail policy it goes on, or is answered 500.
    pub(crate) fn recover_headers(&self, envoy: HttpHandle<'_>) -> HeadersStatus {
        self.give_up();
        match self.fail() {
            None => HeadersStatus::Continue,
            Some(reply) => answer(&reply, envoy),
        }
    }

    /// Settles a stream that a failed hook would leave held.
    pub(crate) fn recover_held(&self, mut envoy: HttpHandle<'_>) {
        if self.state.get() != State::Calling {
            return;
        }
        let running = self.call.borrow().as_ref().and_then(Call::stream);
        self.give_up();
        if let Some(id) = running {
            envoy.reset_stream(id);
        }
        match self.fail() {
            None => envoy.continue_decoding(),
            Some(reply) => reply.send(envoy),
        }
    }

    fn fail(&self) -> Option<Reply> {
        if self.worker.config.policy.fail_open {
            self.state.set(State::Complete);
            return None;
        }
        self.state.set(State::Responded);
        Some(Reply::failure(self.grpc.get()))
    }
}

/// What the headers and the connection tell, which `derive` sets, and the claims of a token, if it was verified.
fn with_claims(envoy: &HttpHandle<'_>, bag: &mut Bag, derive: impl FnOnce(&mut Bag) -> Arrival) -> Arrival {
    let arrival = derive(bag);
    if let Some(payload) = &arrival.payload {
        payload::apply(envoy, payload, bag);
    }
    arrival
}

#[cold]
fn note_refusal(record: &mut Record, status: &Status) {
    record.bag.set_int64(names::CHECK_ERROR_CODE, i64::from(status.code));
    record.bag.set_string(names::CHECK_ERROR_MESSAGE, &status.to_text());
    record.observed.denied_code = Some(status.http_code());
}

#[cold]
fn answer(reply: &Reply, envoy: HttpHandle<'_>) -> HeadersStatus {
    reply.send(envoy);
    HeadersStatus::StopIteration
}

/// Removes the headers that are for this filter alone, and puts in what this proxy forwards.
fn replace_own_headers(envoy: &mut HttpHandle<'_>, arrival: Option<&Arrival>, forward: Option<&str>) {
    let (sent, payload) = match arrival {
        Some(arrival) => (arrival.forwarded.is_some(), arrival.payload.is_some()),
        // read as a whole: to look one up by its name, Envoy builds an index of all
        None => envoy.with_headers(HeaderKind::Request, |headers| {
            let sent = |name: &str| headers.iter().any(|header| header.name() == name.as_bytes());
            (sent(FORWARD_HEADER), sent(PAYLOAD_HEADER))
        }),
    };
    match forward {
        Some(value) => envoy.set_header(HeaderKind::Request, FORWARD_HEADER, value.as_bytes()),
        None => sent && envoy.remove_header(HeaderKind::Request, FORWARD_HEADER),
    };
    if payload {
        envoy.remove_header(HeaderKind::Request, PAYLOAD_HEADER);
    }
}
