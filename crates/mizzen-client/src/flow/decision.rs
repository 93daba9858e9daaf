//! What the client says to its caller.

use crate::answer::RouteDirective;
use crate::check_cache::Verdict;
use crate::status::Status;
use std::rc::Rc;
use std::time::Duration;

/// Names a call or a waiting request of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

impl Ticket {
    /// The ticket's number, unique within its client.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The ticket with this number.
    pub const fn from_number(number: u64) -> Ticket {
        Ticket(number)
    }
}

/// Whether a request may pass, and what the report says of how that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The status and what to do to the request.
    pub verdict: Rc<Verdict>,
    /// `check.cache_hit` of the report: decided by a remembered decision.
    pub check_cache_hit: bool,
    /// `quota.cache_hit` of the report: quotas were needed and decided from pools.
    pub quota_cache_hit: bool,
}

impl Decision {
    /// The status; OK lets pass.
    pub fn status(&self) -> &Status {
        &self.verdict.status
    }

    /// What to do to the request, if anything.
    pub fn directive(&self) -> Option<&RouteDirective> {
        self.verdict.directive.as_ref()
    }
}

/// A Check to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Names the call in what follows.
    pub ticket: Ticket,
    /// The body of the gRPC request, frame header included.
    pub body: Vec<u8>,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Started {
    /// It is decided.
    Decided {
        /// The decision.
        decision: Decision,
        /// A call to make in the background, for which no request waits: tokens to fetch ahead.
        refill: Option<Request>,
    },
    /// It waits for this call.
    Call(Request),
    /// It waits for the answer to another request with the same key; its ticket comes back in a list of tickets to
    /// resume.
    Joined(Ticket),
}

/// What becomes of an attempt that ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Finished {
    /// It failed; send the same body again after this time.
    Retry {
        /// The wait.
        after: Duration,
    },
    /// The request is decided.
    Decided {
        /// The decision.
        decision: Decision,
        /// Requests that waited for this answer. Each must be resumed or cancelled.
        resume: Vec<Ticket>,
    },
    /// No request waited for it: a call in the background, or one that was cancelled.
    Settled,
}

/// Sizes of what a client holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Decisions remembered.
    pub check_cache_entries: u64,
    /// Quota pools.
    pub quota_pools: u64,
    /// Tokens in them.
    pub quota_tokens: u64,
    /// Calls in flight or waiting for a retry.
    pub calls: u64,
    /// Requests that wait for the answer to another one.
    pub waiters: u64,
}
