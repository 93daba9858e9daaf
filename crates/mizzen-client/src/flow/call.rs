//! One remote Check.

use super::decision::Ticket;
use crate::answer::{CheckResponse, QuotaResult};
use crate::bag::Bag;
use crate::check_cache::Verdict;
use crate::encode::QuotaParams;
use crate::quota::Refill;
use crate::retry::CallPolicy;
use crate::status::Status;
use std::rc::Rc;
use std::sync::Arc;

/// Why a call is made.
#[derive(Debug)]
pub(super) enum Purpose {
    /// No decision is remembered.
    Decide,
    /// The policy is decided, the quotas are not.
    Charge(Rc<Verdict>),
    /// Pools run low; no request waits.
    Refill(Vec<Refill>),
}

/// A quota that the answer must decide.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) quota: Arc<str>,
    pub(super) amount: i64,
}

/// A call in flight or between attempts.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) purpose: Purpose,
    /// The attributes as they were sent.
    pub(super) bag: Bag,
    pub(super) wanted: Vec<Wanted>,
    pub(super) policy: CallPolicy,
    /// The framed request; empty if it will never be sent again.
    pub(super) body: Vec<u8>,
    pub(super) retries: u32,
    /// Whether an attempt is under way.
    pub(super) in_flight: bool,
    /// Requests that wait for the answer.
    pub(super) waiters: Vec<Ticket>,
    /// The keys under which others find this call.
    pub(super) keys: Vec<Rc<[u8]>>,
}

impl Call {
    /// What is asked of each quota.
    pub(super) fn params(&self) -> Vec<QuotaParams<'_>> {
        match &self.purpose {
            Purpose::Refill(refills) => refills
                .iter()
                .map(|refill| QuotaParams { name: &refill.quota, amount: refill.amount, best_effort: true })
                .collect(),
            _ => self
                .wanted
                .iter()
                .map(|wanted| QuotaParams { name: &wanted.quota, amount: wanted.amount, best_effort: false })
                .collect(),
        }
    }

    /// The quotas that the answer refuses, and how many it leaves open, which pass.
    pub(super) fn judge(&self, response: Option<&CheckResponse>) -> (Vec<&str>, u64) {
        let mut refused = Vec::new();
        let mut open = 0;
        for Wanted { quota, .. } in &self.wanted {
            match response.and_then(|response| result_of(response, quota)) {
                None => open += 1,
                Some(result) if result.status.code == Status::UNAVAILABLE => open += 1,
                Some(result) if result.granted_amount > 0 => {}
                Some(_) => refused.push(&**quota),
            }
        }
        (refused, open)
    }
}

/// What an answer says of one quota.
pub(super) fn result_of<'r>(response: &'r CheckResponse, quota: &str) -> Option<&'r QuotaResult> {
    response.quotas.iter().find(|(name, _)| name == quota).map(|(_, result)| result)
}

/// The status of a request whose quotas were decided.
pub(super) fn quota_status(refused: &[&str]) -> Status {
    if refused.is_empty() {
        return Status::ok();
    }
    Status::new(Status::RESOURCE_EXHAUSTED, format!("Quota is exhausted for: {}", refused.join(",")))
}
