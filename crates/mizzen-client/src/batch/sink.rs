//! Finished batches: sent, retried, and in the end dropped, with an account that always adds up.

use super::open::Batch;
use crate::config::TransportConfig;
use crate::grpc::{Failure, FailureClass};
use crate::instant::Instant;
use crate::retry::jitter;
use crate::stats::{Counter, Stats};
use crate::status::Status;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// How many batches are in flight at once while the Mixer takes them.
const IN_FLIGHT: usize = 4;
/// How many at once when the process ends and nothing can wait.
const IN_FLIGHT_AT_SHUTDOWN: usize = 16;
/// The waits after failures in a row.
const BASE_WAIT: Duration = Duration::from_millis(250);
const MAX_WAIT: Duration = Duration::from_secs(10);
/// A batch that failed so often while others got through is dropped: the fault is its own.
const LONE_FAILURES: u32 = 3;

/// How much waits at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkLimits {
    /// Reports.
    pub entries: u64,
    /// Bytes of their encoding.
    pub bytes: u64,
}

impl From<&TransportConfig> for SinkLimits {
    fn from(transport: &TransportConfig) -> SinkLimits {
        SinkLimits { entries: transport.report_buffer_entries.into(), bytes: transport.report_buffer_bytes }
    }
}

/// Names one batch of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(u64);

impl BatchId {
    /// The batch's number; later batches have higher ones.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The batch with this number.
    pub const fn from_number(number: u64) -> BatchId {
        BatchId(number)
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this body, then report how it went; ask again.
    Send {
        /// The batch.
        id: BatchId,
        /// The body of the gRPC request, frame header included.
        body: Arc<Vec<u8>>,
    },
    /// Ask again then, or after the next event.
    WaitUntil(Instant),
    /// Ask again after the next event.
    Idle,
}

/// What became of all reports: made = acknowledged + dropped + pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Reports taken in.
    pub made: u64,
    /// Reports that the Mixer acknowledged.
    pub acknowledged: u64,
    /// Reports given up.
    pub dropped: u64,
    /// Reports that wait or are in flight.
    pub pending: u64,
}

#[derive(Debug)]
struct Held {
    id: BatchId,
    body: Arc<Vec<u8>>,
    entries: u64,
    in_flight: bool,
    attempts: u32,
    /// How many batches had got through when this one failed first.
    acknowledged_before: Option<u64>,
    lone_failures: u32,
    tried_at_shutdown: bool,
}

/// The finished batches of one report destination.
///
/// While the Mixer is away they wait within [`SinkLimits`]; beyond, the oldest are dropped and counted. A batch in
/// flight and the newest one left are never dropped for room, so the bound can be passed by these. An attempt that
/// fails is repeated, so the Mixer may see a batch twice if only its answer was lost.
#[derive(Debug)]
pub struct ReportSink {
    limits: SinkLimits,
    held: VecDeque<Held>,
    account: Account,
    bytes: u64,
    last_id: u64,
    batches_acknowledged: u64,
    /// Failures in a row.
    failures: u32,
    paused_until: Option<Instant>,
    shutdown: bool,
    dictionary_refused: bool,
    stats: Stats,
}

impl ReportSink {
    /// An empty sink.
    pub fn new(limits: SinkLimits) -> ReportSink {
        ReportSink {
            limits,
            held: VecDeque::new(),
            account: Account::default(),
            bytes: 0,
            last_id: 0,
            batches_acknowledged: 0,
            failures: 0,
            paused_until: None,
            shutdown: false,
            dictionary_refused: false,
            stats: Stats::default(),
        }
    }

    /// Takes in a finished batch, and drops the oldest ones if there is no room.
    pub fn submit(&mut self, batch: Batch) {
        self.last_id += 1;
        self.account.made += batch.entries;
        self.account.pending += batch.entries;
        self.bytes += batch.body.len() as u64;
        self.held.push_back(Held {
            id: BatchId(self.last_id),
            body: Arc::new(batch.body),
            entries: batch.entries,
            in_flight: false,
            attempts: 0,
            acknowledged_before: None,
            lone_failures: 0,
            tried_at_shutdown: false,
        });
        self.make_room();
    }

    /// The next thing to do. Ask until the answer is not [`Action::Send`].
    pub fn poll(&mut self, now: Instant) -> Action {
        let in_flight = self.held.iter().filter(|held| held.in_flight).count();
        let Some(position) = self.next().filter(|_| in_flight < self.window()) else { return Action::Idle };
        if let Some(until) = self.paused_until.filter(|until| *until > now && !self.shutdown) {
            return Action::WaitUntil(until);
        }
        let held = &mut self.held[position];
        held.in_flight = true;
        held.tried_at_shutdown = self.shutdown;
        self.stats.count(match held.attempts {
            0 => Counter::RemoteReportCalls,
            _ => Counter::RemoteReportRetries,
        });
        Action::Send { id: held.id, body: Arc::clone(&held.body) }
    }

    /// Takes in how an attempt ended; an id that is not in flight changes nothing. `random` is any evenly spread
    /// number.
    pub fn finished(&mut self, id: BatchId, result: &Result<Vec<u8>, Failure>, now: Instant, random: u64) {
        let Some(position) = self.held.iter().position(|held| held.id == id && held.in_flight) else { return };
        match result {
            Ok(_) => self.acknowledge(position),
            Err(failure) => self.fail(position, failure, now, random),
        }
    }

    /// What became of all reports so far.
    pub fn account(&self) -> Account {
        self.account
    }

    /// Bytes that wait or are in flight.
    pub fn pending_bytes(&self) -> u64 {
        self.bytes
    }

    /// The counters of remote reports.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether the Mixer said that it does not know words of the dictionary: encoders should use
    /// [`WordLimit::BASE`](crate::dictionary::WordLimit::BASE) from then on.
    pub fn dictionary_refused(&self) -> bool {
        self.dictionary_refused
    }

    /// From now on nothing waits: each batch is sent at once and dropped if that fails.
    pub fn begin_shutdown(&mut self) {
        self.shutdown = true;
    }

    /// Whether nothing waits and nothing is in flight.
    pub fn is_drained(&self) -> bool {
        self.held.is_empty()
    }

    /// Gives up everything that waits or is in flight; answers that come later change nothing.
    pub fn abandon(&mut self) {
        while !self.held.is_empty() {
            self.drop_batch(0);
        }
    }

    fn window(&self) -> usize {
        match (self.shutdown, self.failures) {
            (true, _) => IN_FLIGHT_AT_SHUTDOWN,
            (false, 0) => IN_FLIGHT,
            // one finds out as well as four whether the Mixer is back
            (false, _) => 1,
        }
    }

    /// The batch to send next: the one tried least, then the oldest, so that one batch cannot hold up the others.
    fn next(&self) -> Option<usize> {
        let waiting = self.held.iter().enumerate().filter(|(_, held)| !held.in_flight);
        waiting.min_by_key(|(_, held)| (held.attempts, held.id)).map(|(position, _)| position)
    }

    fn acknowledge(&mut self, position: usize) {
        self.stats.count(Counter::RemoteReportSuccesses);
        self.failures = 0;
        self.paused_until = None;
        self.batches_acknowledged += 1;
        if let Some(entries) = self.remove(position) {
            self.account.acknowledged += entries;
        }
    }

    fn fail(&mut self, position: usize, failure: &Failure, now: Instant, random: u64) {
        self.stats.count(match failure.class {
            FailureClass::Timeout => Counter::RemoteReportTimeouts,
            FailureClass::SendError => Counter::RemoteReportSendErrors,
            FailureClass::OtherError => Counter::RemoteReportOtherErrors,
        });
        self.dictionary_refused |= failure.is_invalid_dictionary();
        if !may_succeed_later(&failure.status) {
            return self.drop_batch(position);
        }
        let acknowledged = self.batches_acknowledged;
        let held = &mut self.held[position];
        held.in_flight = false;
        held.attempts += 1;
        if *held.acknowledged_before.get_or_insert(acknowledged) < acknowledged {
            held.lone_failures += 1;
        }
        if held.tried_at_shutdown || held.lone_failures >= LONE_FAILURES {
            self.drop_batch(position);
        } else {
            self.pause(now, random);
        }
        self.make_room();
    }

    /// Waits longer after each failure; those that come while it waits anyway are the same outage.
    fn pause(&mut self, now: Instant, random: u64) {
        if self.paused_until.is_none_or(|until| until <= now) {
            self.paused_until = Some(now.after(jitter(BASE_WAIT, MAX_WAIT, self.failures, random)));
            self.failures = self.failures.saturating_add(1);
        }
    }

    fn make_room(&mut self) {
        while self.account.pending > self.limits.entries || self.bytes > self.limits.bytes {
            let newest = self.held.len().saturating_sub(1);
            let oldest = self.held.iter().take(newest).position(|held| !held.in_flight);
            let Some(position) = oldest else { return };
            self.drop_batch(position);
        }
    }

    fn drop_batch(&mut self, position: usize) {
        if let Some(entries) = self.remove(position) {
            self.account.dropped += entries;
        }
    }

    /// Removes a batch from the account's pending side; returns its entries.
    fn remove(&mut self, position: usize) -> Option<u64> {
        let held = self.held.remove(position)?;
        self.account.pending -= held.entries;
        self.bytes -= held.body.len() as u64;
        Some(held.entries)
    }
}

/// Whether the same bytes may be taken another time. Of a request that the Mixer read and refused they will not be.
fn may_succeed_later(status: &Status) -> bool {
    const CANCELLED: i32 = 1;
    const ABORTED: i32 = 10;
    matches!(
        status.code,
        CANCELLED | Status::DEADLINE_EXCEEDED | Status::RESOURCE_EXHAUSTED | ABORTED | Status::UNAVAILABLE
    )
}

#[cfg(test)]
mod tests;
