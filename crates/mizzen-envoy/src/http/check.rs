//! The Check of a stream, from the question to the decision.

use std::rc::Rc;
use std::sync::Arc;

use mizzen_client::Bag;
use mizzen_client::flow::{Decision, Ticket};
use mizzen_client::grpc::Outcome;
use mizzen_client::instant::Instant;

use super::call::{self, Call};
use super::filter::{HttpFilter, RESUME, RETRY, State};
use crate::client::{Ended, Next, Waiter};
use crate::ffi::{Header, HttpHandle, HttpScheduler};
use crate::wake;

impl HttpFilter {
    pub(crate) fn call_headers(&self, id: u64, headers: &[Header<'_>]) {
        self.with_call(id, |call| call.headers(headers));
    }

    pub(crate) fn call_data(&self, id: u64, data: &[u8]) {
        self.with_call(id, |call| call.data(data));
    }

    pub(crate) fn call_trailers(&self, id: u64, trailers: &[Header<'_>]) {
        self.with_call(id, |call| call.trailers(trailers));
    }

    pub(crate) fn call_complete(self: &Rc<Self>, envoy: HttpHandle<'_>, id: u64) {
        self.call_ended(envoy, id, Call::complete);
    }

    pub(crate) fn call_reset(self: &Rc<Self>, envoy: HttpHandle<'_>, id: u64) {
        self.call_ended(envoy, id, |call| call.interrupted(&self.worker.config.transport));
    }

    fn with_call(&self, id: u64, take: impl FnOnce(&mut Call)) {
        if let Some(call) = self.call.borrow_mut().as_mut()
            && call.is(id)
        {
            take(call);
        }
    }

    fn call_ended(self: &Rc<Self>, mut envoy: HttpHandle<'_>, id: u64, end: impl FnOnce(Call) -> Outcome) {
        if self.call.borrow_mut().as_mut().is_none_or(|call| !call.is(id)) {
            return;
        }
        let Some(call) = self.call.take() else { return };
        let (ticket, sent) = (call.ticket, call.sent);
        let outcome = end(call);
        if self.sending.get() {
            self.early.replace(Some(outcome));
            return;
        }
        if let Some(decision) = self.settle(&mut envoy, ticket, sent, &outcome) {
            self.conclude(envoy, &decision);
        }
    }

    /// The stream was woken: for the next attempt, or because another stream's answer may be its own.
    pub(crate) fn scheduled(self: &Rc<Self>, mut envoy: HttpHandle<'_>, event: u64) {
        let Some(ticket) = self.ticket.get().filter(|_| self.state.get() == State::Calling) else { return };
        let decision = match event {
            RETRY if self.call.borrow().is_none() => {
                self.worker.client.retry(ticket).and_then(|body| self.attempt(&mut envoy, ticket, &body))
            }
            RESUME => self.resumed(ticket).and_then(|next| self.advance(&mut envoy, next)),
            _ => None,
        };
        if let Some(decision) = decision {
            self.conclude(envoy, &decision);
        }
    }

    fn resumed(&self, ticket: Ticket) -> Option<Next> {
        let prepared = self.prepared.borrow().clone()?;
        self.with_bag(|bag| self.worker.client.resume(ticket, bag, &prepared.service.quotas, &prepared.policy))
    }

    pub(super) fn with_bag<R>(&self, read: impl FnOnce(&Bag) -> R) -> Option<R> {
        self.record.borrow().as_ref().map(|record| read(&record.bag))
    }

    /// Takes the next step of a Check; a decision if there is one already.
    pub(super) fn advance(self: &Rc<Self>, envoy: &mut HttpHandle<'_>, next: Next) -> Option<Decision> {
        match next {
            Next::Decided(decision) => {
                self.ticket.set(None);
                Some(decision)
            }
            Next::Call(request) => self.attempt(envoy, request.ticket, &request.body),
            Next::Join(ticket) => {
                self.ticket.set(Some(ticket));
                self.scheduler(envoy);
                let weak = Rc::downgrade(self);
                self.worker.client.wait(ticket, weak);
                None
            }
        }
    }

    fn attempt(self: &Rc<Self>, envoy: &mut HttpHandle<'_>, ticket: Ticket, body: &[u8]) -> Option<Decision> {
        self.ticket.set(Some(ticket));
        let call = Call::new(ticket);
        let sent = call.sent;
        self.call.replace(Some(call));
        self.sending.set(true);
        let result = call::send(envoy, &self.worker.config.transport, body);
        self.sending.set(false);
        let outcome = match result {
            Ok(id) => {
                self.with_call(id, |_| ());
                self.early.take()?
            }
            Err(failure) => failure.into(),
        };
        self.call.take();
        self.settle(envoy, ticket, sent, &outcome)
    }

    /// Tells the client what became of an attempt.
    fn settle(
        self: &Rc<Self>,
        envoy: &mut HttpHandle<'_>,
        ticket: Ticket,
        sent: Instant,
        outcome: &Outcome,
    ) -> Option<Decision> {
        match self.worker.client.finish(ticket, outcome, sent) {
            Ended::Retry { after } => {
                let stream = Arc::clone(self.scheduler(envoy));
                wake::later(after, stream, RETRY);
                None
            }
            Ended::Decided(decision) => {
                self.ticket.set(None);
                self.decision.replace(outcome.decision.clone());
                Some(decision)
            }
            Ended::Settled => None,
        }
    }

    fn scheduler(&self, envoy: &HttpHandle<'_>) -> &Arc<HttpScheduler> {
        self.scheduler.get_or_init(|| Arc::new(envoy.scheduler()))
    }

    /// The request is gone: nobody waits for the Mixer any more, except streams that had joined.
    pub(super) fn give_up(&self) {
        self.call.take();
        if let Some(ticket) = self.ticket.take() {
            self.worker.client.cancel(ticket);
        }
    }
}

impl Waiter for HttpFilter {
    fn resume_soon(&self) {
        if let Some(scheduler) = self.scheduler.get() {
            scheduler.commit(RESUME);
        }
    }
}
