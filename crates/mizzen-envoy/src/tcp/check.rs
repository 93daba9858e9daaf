//! The Check of a connection, from the question to the decision.

use std::rc::Rc;
use std::sync::Arc;

use mizzen_client::flow::{Decision, Ticket};
use mizzen_client::grpc::Outcome;
use mizzen_client::instant::Instant;
use mizzen_client::tcp::set_decision;

use super::call::{self, Call};
use super::filter::{RESUME, RETRY, TcpFilter};
use crate::client::{Ended, Next};
use crate::ffi::{Header, NetworkHandle};
use crate::report::OWN_NAMESPACE;
use crate::{clock, wake};

impl TcpFilter {
    /// Asks whether the connection may go on; the answer if it is at hand.
    pub(super) fn ask(self: &Rc<Self>, envoy: &mut NetworkHandle<'_>) -> Option<bool> {
        let config = &self.worker.config;
        if !config.check {
            return Some(true);
        }
        self.held.set(clock::now());
        let next = self.worker.client.start(&self.bag.borrow(), &config.quotas, &config.policy);
        let decision = self.advance(envoy, next)?;
        Some(self.note(envoy, &decision))
    }

    /// Goes on after a wait: for the next attempt, or for another connection's answer.
    pub(super) fn proceed(self: &Rc<Self>, envoy: &mut NetworkHandle<'_>, event: u64) -> Option<bool> {
        let config = &self.worker.config;
        let ticket = self.ticket.get().filter(|_| self.connection.borrow().is_calling())?;
        let decision = match event {
            RETRY if self.call.get().is_none() => {
                let body = self.worker.client.retry(ticket)?;
                self.attempt(envoy, ticket, &body)?
            }
            RESUME => {
                let next = self.worker.client.resume(ticket, &self.bag.borrow(), &config.quotas, &config.policy);
                self.advance(envoy, next)?
            }
            _ => return None,
        };
        Some(self.note(envoy, &decision))
    }

    /// The answer to a callout, or its end without one.
    pub(crate) fn call_done<'h>(
        self: &Rc<Self>,
        mut envoy: NetworkHandle<'_>,
        id: u64,
        answered: bool,
        headers: &[Header<'_>],
        chunks: impl Iterator<Item = &'h [u8]>,
    ) {
        let Some(call) = self.call.get().filter(|call| call.is(id)) else { return };
        self.call.set(None);
        let outcome = call.outcome(&self.worker.config.transport, answered, headers, chunks);
        if self.sending.get() {
            self.early.replace(Some(outcome));
            return;
        }
        if let Some(decision) = self.settle(&envoy, call.ticket, call.sent, &outcome) {
            let allowed = self.note(&mut envoy, &decision);
            self.worker.client.held_since(self.held.get());
            self.conclude(envoy, allowed);
        }
    }

    /// Takes the next step of a Check; a decision if there is one already.
    fn advance(self: &Rc<Self>, envoy: &mut NetworkHandle<'_>, next: Next) -> Option<Decision> {
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

    fn attempt(&self, envoy: &mut NetworkHandle<'_>, ticket: Ticket, body: &[u8]) -> Option<Decision> {
        self.ticket.set(Some(ticket));
        let call = Call::new(ticket);
        self.call.set(Some(call));
        self.sending.set(true);
        let result = call::send(envoy, &self.worker.config.transport, body);
        self.sending.set(false);
        let outcome = match result {
            Ok(id) => match self.early.take() {
                Some(outcome) => outcome,
                None => {
                    self.call.set(Some(call.started(id)));
                    return None;
                }
            },
            Err(failure) => failure.into(),
        };
        self.call.set(None);
        self.settle(envoy, ticket, call.sent, &outcome)
    }

    /// Tells the client what became of an attempt.
    fn settle(&self, envoy: &NetworkHandle<'_>, ticket: Ticket, sent: Instant, outcome: &Outcome) -> Option<Decision> {
        match self.worker.client.finish(ticket, outcome, sent) {
            Ended::Retry { after } => {
                let connection = Arc::clone(self.scheduler(envoy));
                wake::later(after, connection, RETRY);
                None
            }
            Ended::Decided(decision) => {
                self.ticket.set(None);
                Some(decision)
            }
            Ended::Settled => None,
        }
    }

    /// Keeps what the reports and access logs say of the decision. True if it lets the connection go on.
    fn note(&self, envoy: &mut NetworkHandle<'_>, decision: &Decision) -> bool {
        set_decision(&mut self.bag.borrow_mut(), decision);
        let status = decision.status();
        if !status.is_ok() {
            envoy.set_dynamic_metadata(OWN_NAMESPACE, "status", &status.to_text());
        }
        status.is_ok()
    }

    /// Nobody waits for the Mixer any more, except connections that had joined.
    pub(super) fn give_up(&self) {
        self.call.set(None);
        if let Some(ticket) = self.ticket.take() {
            self.worker.client.cancel(ticket);
        }
    }
}
