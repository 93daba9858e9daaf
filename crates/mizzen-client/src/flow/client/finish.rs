//! The client of one worker: where calls end.

use super::Client;
use crate::answer::{CheckResponse, Precondition, RouteDirective};
use crate::check_cache::Verdict;
use crate::decode::decode_check_response;
use crate::directive;
use crate::flow::call::{Call, Purpose, quota_status, result_of};
use crate::flow::decision::{Decision, Finished, Ticket};
use crate::flow::generation::Generation;
use crate::flow::joins::Waiting;
use crate::grpc::{Failure, FailureClass};
use crate::instant::Instant;
use crate::quota::Refill;
use crate::stats::Counter;
use crate::status::Status;
use std::rc::Rc;

type Settled = Result<CheckResponse, Failure>;

impl Client {
    /// Takes in the end of an attempt.
    ///
    /// `answered` is the generation that the answer told, or [`Generation::NONE`]; if that makes it the current one,
    /// set it first, or the decision is not remembered. `random` is any evenly spread number. A call that is not known
    /// any more changes nothing.
    pub fn finish(
        &mut self,
        ticket: Ticket,
        result: &Result<Vec<u8>, Failure>,
        answered: Generation,
        now: Instant,
        random: u64,
    ) -> Finished {
        if !self.calls.get(&ticket).is_some_and(|call| call.in_flight) {
            return Finished::Settled;
        }
        let settled = read(result);
        self.count_attempt(&settled);
        if let Err(failure) = &settled
            && let Some(after) = self.retry_later(ticket, failure, random)
        {
            return Finished::Retry { after };
        }
        match self.take_call(ticket) {
            Some(call) => self.settle(call, &settled, answered, now),
            None => Finished::Settled,
        }
    }

    /// The body to send for the next attempt, when the wait is over; `None` if the call is gone.
    pub fn retry(&mut self, ticket: Ticket) -> Option<&[u8]> {
        let call = self.calls.get_mut(&ticket).filter(|call| !call.in_flight)?;
        call.in_flight = true;
        Some(&call.body)
    }

    /// Gives up a call or a waiting request whose stream went away; an unknown ticket changes nothing.
    ///
    /// Returns the requests that waited for the call. Each must be resumed or cancelled.
    pub fn cancel(&mut self, ticket: Ticket) -> Vec<Ticket> {
        if self.forget_waiting(ticket).is_some() {
            return Vec::new();
        }
        let Some(call) = self.take_call(ticket) else { return Vec::new() };
        if call.in_flight {
            self.stats.count(Counter::RemoteCallCancellations);
        }
        if let Purpose::Refill(refills) = &call.purpose {
            for refill in refills {
                self.quotas.abandon(refill);
            }
        }
        let Call { waiters, bag, .. } = *call;
        self.keep_spare(bag);
        self.release(waiters, &Waiting::Abandoned)
    }

    /// The decision on a request whose call failed, as its policy has it.
    pub(super) fn count_failure(&mut self, verdict: &Rc<Verdict>) -> Decision {
        let fallback = if verdict.status.is_ok() { Counter::CheckFailOpen } else { Counter::CheckFailClose };
        self.stats.count(fallback);
        Decision { verdict: Rc::clone(verdict), check_cache_hit: false, quota_cache_hit: false }
    }

    fn count_attempt(&mut self, settled: &Settled) {
        self.stats.count(match settled {
            Ok(_) => Counter::RemoteCallSuccesses,
            Err(failure) => match failure.class {
                FailureClass::Timeout => Counter::RemoteCallTimeouts,
                FailureClass::SendError => Counter::RemoteCallSendErrors,
                FailureClass::OtherError => Counter::RemoteCallOtherErrors,
            },
        });
    }

    fn retry_later(&mut self, ticket: Ticket, failure: &Failure, random: u64) -> Option<std::time::Duration> {
        if failure.is_invalid_dictionary() {
            self.shrink_dictionary();
        }
        let call = self.calls.get_mut(&ticket)?;
        let after = call.policy.retry_wait(call.retries, random)?;
        call.retries += 1;
        call.in_flight = false;
        self.stats.count(Counter::RemoteCallRetries);
        Some(after)
    }

    fn take_call(&mut self, ticket: Ticket) -> Option<Box<Call>> {
        let call = self.calls.remove(&ticket)?;
        self.joins.forget(&call.keys);
        Some(call)
    }

    fn settle(&mut self, call: Box<Call>, settled: &Settled, answered: Generation, now: Instant) -> Finished {
        if let Purpose::Refill(refills) = &call.purpose {
            self.answer_refills(&call, refills, settled, now);
            self.keep_spare(call.bag);
            return Finished::Settled;
        }
        let check_cache_hit = matches!(call.purpose, Purpose::Charge(_));
        let (verdict, waiting) = match settled {
            Ok(response) => (self.judge(&call, response, answered, now), Waiting::Answered),
            Err(failure) => {
                let verdict = self.judge_failure(&call, failure);
                (Rc::clone(&verdict), Waiting::Failed(verdict))
            }
        };
        let Call { waiters, bag, .. } = *call;
        self.keep_spare(bag);
        let resume = self.release(waiters, &waiting);
        Finished::Decided { decision: Decision { verdict, check_cache_hit, quota_cache_hit: false }, resume }
    }

    /// The decision of an answer: policy first, then quotas.
    fn judge(&mut self, call: &Call, response: &CheckResponse, answered: Generation, now: Instant) -> Rc<Verdict> {
        let policy = match &call.purpose {
            Purpose::Charge(verdict) => Rc::clone(verdict),
            _ => self.judge_precondition(call, response.precondition.as_ref(), answered, now),
        };
        if call.wanted.is_empty() {
            return policy;
        }
        let (refused, open) = call.judge(Some(response));
        if policy.status.is_ok() {
            self.stats.add(Counter::QuotaFailOpen, open);
        }
        let status = quota_status(&refused);
        self.count_quota(status.is_ok());
        if policy.status.is_ok() && !status.is_ok() { Rc::new(Verdict { status, directive: None }) } else { policy }
    }

    fn judge_precondition(
        &mut self,
        call: &Call,
        precondition: Option<&Precondition>,
        answered: Generation,
        now: Instant,
    ) -> Rc<Verdict> {
        let (verdict, accepted) = match precondition {
            None => {
                let status = Status::new(Status::INVALID_ARGUMENT, "the Mixer's answer holds no decision");
                (Rc::new(Verdict { status, directive: None }), false)
            }
            Some(precondition) => {
                let directive = precondition.directive.as_ref().map(|directive| self.usable(directive));
                let verdict = Rc::new(Verdict { status: precondition.status.clone(), directive });
                // of another generation nobody may use it, and it must not displace a decision of the current one
                if answered == self.generation {
                    // as it was decided: what an error means depends on the policy of who meets it
                    self.cache.insert(precondition, &verdict, &call.bag, answered, now);
                    self.count_evictions();
                }
                self.under_policy(verdict, &call.policy)
            }
        };
        self.count_remote_check(accepted);
        verdict
    }

    fn usable(&mut self, directive: &RouteDirective) -> RouteDirective {
        let (usable, left_out) = directive::usable(directive);
        self.stats.add(Counter::InvalidHeaderOperations, left_out);
        usable
    }

    fn judge_failure(&mut self, call: &Call, failure: &Failure) -> Rc<Verdict> {
        let status = call.policy.verdict(&failure.status);
        let accepted = status.is_ok();
        if matches!(call.purpose, Purpose::Decide) {
            self.count_remote_check(accepted);
        }
        if !call.wanted.is_empty() {
            self.stats.add(Counter::QuotaFailOpen, call.wanted.len() as u64);
            self.count_quota(true);
        }
        let verdict = Rc::new(Verdict { status, directive: None });
        self.count_failure(&verdict).verdict
    }

    fn answer_refills(&mut self, call: &Call, refills: &[Refill], settled: &Settled, now: Instant) {
        let mut refused = false;
        for refill in refills {
            let result = settled.as_ref().ok().and_then(|response| result_of(response, &refill.quota));
            match result {
                Some(result) if result.status.code != Status::UNAVAILABLE => refused |= result.granted_amount <= 0,
                _ => self.stats.count(Counter::QuotaFailOpen),
            }
            self.quotas.answer(refill, result, &call.bag, now);
        }
        self.count_quota(!refused);
    }

    fn count_remote_check(&mut self, accepted: bool) {
        self.stats.count(if accepted { Counter::RemoteCheckAccepts } else { Counter::RemoteCheckDenies });
    }

    fn count_quota(&mut self, accepted: bool) {
        self.stats.count(if accepted { Counter::RemoteQuotaAccepts } else { Counter::RemoteQuotaDenies });
    }

    fn count_evictions(&mut self) {
        let counted = self.stats.get(Counter::CheckCacheEvictions);
        self.stats.add(Counter::CheckCacheEvictions, self.cache.evictions() - counted);
    }

    /// Tells the requests that waited for a call how it ended.
    fn release(&mut self, waiters: Vec<Ticket>, waiting: &Waiting) -> Vec<Ticket> {
        for ticket in &waiters {
            self.waiting.insert(*ticket, waiting.clone());
        }
        waiters
    }
}

/// The answer of an attempt; a message that cannot be read is a failure like a connection that broke.
fn read(result: &Result<Vec<u8>, Failure>) -> Settled {
    let message = result.as_ref().map_err(Failure::clone)?;
    decode_check_response(message).map_err(|error| Failure {
        class: FailureClass::OtherError,
        status: Status::new(Status::UNAVAILABLE, format!("the Mixer's answer cannot be read: {error}")),
    })
}
