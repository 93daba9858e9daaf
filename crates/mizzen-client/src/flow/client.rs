//! The client of one worker: where requests start and resume.

mod finish;

use super::call::{Call, Purpose, Wanted, quota_status};
use super::decision::{Decision, Gauges, Request, Started, Ticket};
use super::generation::Generation;
use super::joins::{Joins, Waiting};
use super::settings::Settings;
use crate::bag::Bag;
use crate::check_cache::{CheckCache, Lookup, Miss, Verdict};
use crate::dictionary::WordLimit;
use crate::encode::encode_check_request;
use crate::grpc;
use crate::instant::Instant;
use crate::name::names;
use crate::quota::{QuotaCache, Requirement};
use crate::retry::CallPolicy;
use crate::stats::{Counter, Stats};
use crate::status::Status;
use std::collections::HashMap;
use std::rc::Rc;

/// How many bags are kept for the next calls.
const SPARE_BAGS: usize = 8;

/// The Check side of one worker: remembered decisions, quota pools, calls.
///
/// Whatever differs from request to request (attributes, quotas, fail policy) is an argument, so filters whose
/// transport settings are equal may share a client.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    generation: Generation,
    cache: CheckCache,
    quotas: QuotaCache,
    joins: Joins,
    calls: HashMap<Ticket, Box<Call>>,
    waiting: HashMap<Ticket, Waiting>,
    last_ticket: u64,
    limit: WordLimit,
    deduplication_base: String,
    deduplication_count: u64,
    spare: Vec<Bag>,
    stats: Stats,
}

/// How a request came to be decided here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// It is new.
    New,
    /// It waited for another one's answer.
    Joined,
}

impl Client {
    /// A client whose calls have deduplication ids that start with `deduplication_base`, a text unique to it.
    pub fn new(settings: Settings, deduplication_base: impl Into<String>) -> Client {
        Client {
            settings,
            generation: Generation::NONE,
            cache: CheckCache::new(settings.check_cache_entries),
            quotas: QuotaCache::new(),
            joins: Joins::default(),
            calls: HashMap::new(),
            waiting: HashMap::new(),
            last_ticket: 0,
            limit: WordLimit::FULL,
            deduplication_base: deduplication_base.into(),
            deduplication_count: 0,
            spare: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Sets the configuration generation in force. Decisions made under another one are not used.
    pub fn set_generation(&mut self, generation: Generation) {
        self.generation = generation;
    }

    /// What was counted so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Counts a report.
    pub fn count_report(&mut self) {
        self.stats.count(Counter::ReportCalls);
    }

    /// Sizes of what the client holds.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            check_cache_entries: self.cache.len() as u64,
            quota_pools: self.quotas.len() as u64,
            quota_tokens: self.quotas.tokens(),
            calls: self.calls.len() as u64,
            waiters: self.waiting.len() as u64,
        }
    }

    /// How many global words requests use.
    pub fn word_limit(&self) -> WordLimit {
        self.limit
    }

    /// Uses only the words that every Mixer knows, for good.
    pub fn shrink_dictionary(&mut self) {
        if self.limit != WordLimit::BASE {
            self.limit = WordLimit::BASE;
            self.stats.count(Counter::DictionaryShrinks);
        }
    }

    /// Decides a new request, or says what it waits for. `quotas` names each quota once.
    ///
    /// A remembered decision allocates nothing.
    pub fn start(&mut self, bag: &Bag, quotas: &[Requirement], policy: &CallPolicy, now: Instant) -> Started {
        self.stats.count(Counter::CheckCalls);
        match self.lookup(bag, policy, now) {
            Some(verdict) => {
                self.stats.count(Counter::CheckCacheHits);
                let (verdict, accepted) = self.under_policy(verdict, policy);
                let split = if accepted { Counter::CheckCacheHitAccepts } else { Counter::CheckCacheHitDenies };
                self.stats.count(split);
                self.decided(verdict, bag, quotas, policy, Arrival::New, now)
            }
            None => {
                self.stats.count(Counter::CheckCacheMisses);
                if let Some(ticket) = self.join(bag, policy) {
                    self.stats.count(Counter::CheckJoins);
                    return Started::Joined(ticket);
                }
                self.ask(bag, quotas, policy)
            }
        }
    }

    /// Goes on with a request whose ticket came in a list of tickets to resume; the other arguments are those of its
    /// start.
    pub fn resume(
        &mut self,
        ticket: Ticket,
        bag: &Bag,
        quotas: &[Requirement],
        policy: &CallPolicy,
        now: Instant,
    ) -> Started {
        let waited = self.forget_waiting(ticket);
        if let Some(Waiting::Failed(verdict)) = waited {
            return self.count_failure(&verdict).into_started();
        }
        if let Some(verdict) = self.lookup(bag, policy, now) {
            let (verdict, _) = self.under_policy(verdict, policy);
            return self.decided(verdict, bag, quotas, policy, Arrival::Joined, now);
        }
        // an answer that did not decide this request will not decide the next one either
        let again = if waited == Some(Waiting::Answered) { None } else { self.join(bag, policy) };
        match again {
            Some(ticket) => Started::Joined(ticket),
            None => {
                self.stats.count(Counter::CheckJoinMisses);
                self.ask(bag, quotas, policy)
            }
        }
    }

    fn lookup(&mut self, bag: &Bag, policy: &CallPolicy, now: Instant) -> Option<Rc<Verdict>> {
        match self.cache.lookup(bag, policy.fail_open, self.generation, now) {
            Lookup::Hit(verdict) => return Some(verdict),
            Lookup::Miss(Miss::Expired) => self.stats.count(Counter::CheckCacheExpirations),
            Lookup::Miss(Miss::Outdated) => self.stats.count(Counter::CheckCacheOutdated),
            Lookup::Miss(Miss::Unknown | Miss::Error) => {}
        }
        None
    }

    /// The decision as this policy takes it, and whether it lets pass: an error of the Mixer passes under fail open.
    fn under_policy(&mut self, verdict: Rc<Verdict>, policy: &CallPolicy) -> (Rc<Verdict>, bool) {
        if verdict.status.code != Status::INTERNAL {
            let accepted = verdict.status.is_ok();
            return (verdict, accepted);
        }
        if !policy.fail_open {
            self.stats.count(Counter::CheckFailClose);
            return (verdict, false);
        }
        self.stats.count(Counter::CheckFailOpen);
        (Rc::new(Verdict { status: Status::ok(), directive: verdict.directive.clone() }), true)
    }

    /// The rest of a request whose policy is decided: its quotas.
    fn decided(
        &mut self,
        verdict: Rc<Verdict>,
        bag: &Bag,
        quotas: &[Requirement],
        policy: &CallPolicy,
        arrival: Arrival,
        now: Instant,
    ) -> Started {
        let check_cache_hit = arrival == Arrival::New;
        if !verdict.status.is_ok() || quotas.is_empty() {
            return Decision { verdict, check_cache_hit, quota_cache_hit: false }.into_started();
        }
        self.stats.count(Counter::QuotaCalls);
        if !self.settings.quota_cache {
            self.stats.count(Counter::QuotaCacheMisses);
            return self.call(Purpose::Charge(verdict), bag, quotas, policy);
        }
        self.charge(verdict, bag, quotas, policy, check_cache_hit, now)
    }

    /// Decides the quotas from pools.
    fn charge(
        &mut self,
        verdict: Rc<Verdict>,
        bag: &Bag,
        quotas: &[Requirement],
        policy: &CallPolicy,
        check_cache_hit: bool,
        now: Instant,
    ) -> Started {
        let mut refused = Vec::new();
        let mut refills = Vec::new();
        for requirement in quotas {
            let charged = self.quotas.charge(requirement, bag, self.generation, now);
            refills.extend(charged.refill);
            if !charged.passed {
                refused.push(&*requirement.name);
            }
        }
        self.stats.count(Counter::QuotaCacheHits);
        let verdict = if refused.is_empty() {
            self.stats.count(Counter::QuotaCacheHitAccepts);
            verdict
        } else {
            self.stats.count(Counter::QuotaCacheHitDenies);
            Rc::new(Verdict { status: quota_status(&refused), directive: None })
        };
        let refill = (!refills.is_empty()).then(|| self.refill(refills, bag, policy, check_cache_hit));
        Started::Decided { decision: Decision { verdict, check_cache_hit, quota_cache_hit: true }, refill }
    }

    /// A call in the background for the tokens that pools lack.
    fn refill(
        &mut self,
        refills: Vec<crate::quota::Refill>,
        bag: &Bag,
        policy: &CallPolicy,
        check_cache_hit: bool,
    ) -> Request {
        self.stats.count(Counter::RemoteQuotaPrefetchCalls);
        let mut bag = self.copy(bag);
        bag.set_bool(names::CHECK_CACHE_HIT, check_cache_hit);
        bag.set_bool(names::QUOTA_CACHE_HIT, true);
        self.send(Purpose::Refill(refills), bag, &[], policy)
    }

    /// The remote Check of a request without a remembered decision.
    fn ask(&mut self, bag: &Bag, quotas: &[Requirement], policy: &CallPolicy) -> Started {
        self.stats.count(Counter::RemoteCheckCalls);
        if !quotas.is_empty() {
            self.stats.count(Counter::QuotaCalls);
            self.stats.count(Counter::QuotaCacheMisses);
        }
        let started = self.call(Purpose::Decide, bag, quotas, policy);
        if let (Started::Call(request), true) = (&started, self.settings.check_join) {
            let keys = self.joins.lead(&mut self.cache, bag, request.ticket);
            if let Some(call) = self.calls.get_mut(&request.ticket) {
                call.keys = keys;
            }
        }
        started
    }

    fn call(&mut self, purpose: Purpose, bag: &Bag, quotas: &[Requirement], policy: &CallPolicy) -> Started {
        let bag = self.copy(bag);
        Started::Call(self.send(purpose, bag, quotas, policy))
    }

    fn send(&mut self, purpose: Purpose, bag: Bag, quotas: &[Requirement], policy: &CallPolicy) -> Request {
        self.stats.count(Counter::RemoteCalls);
        let wanted: Vec<Wanted> = quotas
            .iter()
            .map(|requirement| Wanted { quota: requirement.name.clone(), amount: requirement.charge })
            .collect();
        let mut call = Box::new(Call {
            purpose,
            bag,
            wanted,
            policy: *policy,
            body: Vec::new(),
            retries: 0,
            in_flight: true,
            waiters: Vec::new(),
            keys: Vec::new(),
        });
        let params = call.params();
        if !params.is_empty() {
            self.stats.count(Counter::RemoteQuotaCalls);
        }
        let id = format!("{}{}", self.deduplication_base, self.deduplication_count);
        self.deduplication_count += 1;
        let body = grpc::frame(&encode_check_request(&call.bag, self.limit, &id, &params));
        if policy.max_retry > 0 {
            call.body.clone_from(&body);
        }
        let ticket = self.ticket();
        self.calls.insert(ticket, call);
        Request { ticket, body }
    }

    /// Joins a call in flight for the same key and under the same policy, if there is one.
    fn join(&mut self, bag: &Bag, policy: &CallPolicy) -> Option<Ticket> {
        if !self.settings.check_join {
            return None;
        }
        let calls = &self.calls;
        let suits = |leader| calls.get(&leader).is_some_and(|call| call.policy == *policy);
        let leader = self.joins.find(&mut self.cache, bag, suits)?;
        let ticket = self.ticket();
        self.calls.get_mut(&leader)?.waiters.push(ticket);
        self.waiting.insert(ticket, Waiting::For(leader));
        Some(ticket)
    }

    /// Takes a request off the list of those waiting, and off the call that it waits for.
    fn forget_waiting(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waited = self.waiting.remove(&ticket)?;
        if let Waiting::For(leader) = waited
            && let Some(call) = self.calls.get_mut(&leader)
        {
            call.waiters.retain(|waiter| *waiter != ticket);
        }
        Some(waited)
    }

    fn ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }

    fn copy(&mut self, bag: &Bag) -> Bag {
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clone_from(bag);
        copy
    }

    fn keep_spare(&mut self, bag: Bag) {
        if self.spare.len() < SPARE_BAGS {
            self.spare.push(bag);
        }
    }
}

impl Decision {
    fn into_started(self) -> Started {
        Started::Decided { decision: self, refill: None }
    }
}
