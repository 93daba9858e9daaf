//! The client against a Mixer played by the test.

mod cache;
mod events;
mod failure;
mod joins;
mod quota;

use super::*;
use crate::answer::{CheckResponse, Condition, Precondition, QuotaResult, Reference, RouteDirective};
use crate::bag::Bag;
use crate::decode::{CheckRequest, decode_check_request};
use crate::dictionary::WordLimit;
use crate::encode::encode_check_response;
use crate::grpc::{Failure, unframe};
use crate::instant::Instant;
use crate::name::names;
use crate::quota::Requirement;
use crate::retry::CallPolicy;
use crate::stats::Counter;
use crate::status::Status;
use std::time::Duration;

const OPEN: CallPolicy = policy(true, 0);
const CLOSE: CallPolicy = policy(false, 0);

const fn policy(fail_open: bool, max_retry: u32) -> CallPolicy {
    let (base_wait, max_wait) = (Duration::from_millis(80), Duration::from_millis(1000));
    CallPolicy { fail_open, max_retry, base_wait, max_wait }
}

fn client() -> Client {
    Client::new(Settings::default(), "base-")
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn path(text: &str) -> Bag {
    let mut bag = Bag::new();
    bag.set_string(names::REQUEST_PATH, text);
    bag
}

/// An answer that rests on the path, for ever and for everybody.
fn told(code: i32) -> CheckResponse {
    let reference = Reference { name: "request.path".to_owned(), map_key: None, condition: Condition::Exact };
    let precondition = Precondition {
        status: Status::new(code, if code == 0 { "" } else { "because" }),
        valid_duration: None,
        valid_use_count: -1,
        referenced: Ok(vec![reference]),
        directive: None,
    };
    CheckResponse { precondition: Some(precondition), quotas: Vec::new() }
}

/// The same answer, which nobody else may use.
fn once(code: i32) -> CheckResponse {
    let mut response = told(code);
    response.precondition.as_mut().unwrap().valid_use_count = 0;
    response
}

fn granting(mut response: CheckResponse, quota: &str, amount: i64) -> CheckResponse {
    let status = Status::ok();
    let result = QuotaResult { valid_duration: None, granted_amount: amount, referenced: Ok(Vec::new()), status };
    response.quotas.push((quota.to_owned(), result));
    response
}

fn message(response: &CheckResponse) -> Result<Vec<u8>, Failure> {
    Ok(encode_check_response(response, WordLimit::FULL))
}

fn needs(quotas: &[(&str, i64)]) -> Vec<Requirement> {
    quotas.iter().map(|(name, charge)| Requirement { name: (*name).into(), charge: *charge }).collect()
}

fn read(request: &Request) -> CheckRequest {
    decode_check_request(unframe(&request.body).unwrap()).unwrap()
}

#[track_caller]
fn called(started: Started) -> Request {
    match started {
        Started::Call(request) => request,
        other => panic!("expected a call, got {other:?}"),
    }
}

#[track_caller]
fn decided(started: Started) -> Decision {
    match started {
        Started::Decided { decision, refill: None } => decision,
        other => panic!("expected a decision, got {other:?}"),
    }
}

#[track_caller]
fn joined(started: Started) -> Ticket {
    match started {
        Started::Joined(ticket) => ticket,
        other => panic!("expected to join, got {other:?}"),
    }
}

#[track_caller]
fn finished(finished: Finished) -> (Decision, Vec<Ticket>) {
    match finished {
        Finished::Decided { decision, resume } => (decision, resume),
        other => panic!("expected a decision, got {other:?}"),
    }
}

impl Client {
    /// Starts a request and answers its call at once.
    #[track_caller]
    fn ask_and_tell(&mut self, bag: &Bag, policy: &CallPolicy, response: &CheckResponse) -> Decision {
        let request = called(self.start(bag, &[], policy, at(0)));
        finished(self.finish(request.ticket, &message(response), Generation::NONE, at(0), 0)).0
    }

    fn count(&self, counter: Counter) -> u64 {
        self.stats().get(counter)
    }

    /// The invariants that hold at all times.
    fn assert_counters_agree(&self) {
        use Counter::*;
        let sum = |counters: &[Counter]| counters.iter().map(|counter| self.count(*counter)).sum::<u64>();
        assert_eq!(sum(&[CheckCalls]), sum(&[CheckCacheHits, CheckCacheMisses]));
        assert_eq!(sum(&[CheckCacheHits]), sum(&[CheckCacheHitAccepts, CheckCacheHitDenies]));
        assert_eq!(sum(&[RemoteCheckCalls, CheckJoins]), sum(&[CheckCacheMisses, CheckJoinMisses]));
        assert_eq!(sum(&[QuotaCalls]), sum(&[QuotaCacheHits, QuotaCacheMisses]));
        assert_eq!(sum(&[QuotaCacheHits]), sum(&[QuotaCacheHitAccepts, QuotaCacheHitDenies]));
        assert_eq!(sum(&[RemoteQuotaCalls]), sum(&[QuotaCacheMisses, RemoteQuotaPrefetchCalls]));
    }
}
