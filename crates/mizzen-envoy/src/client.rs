//! The Mixer client of one worker and transport: the pure state machine of `mizzen-client` with clock, chance and the other streams around it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use mizzen_client::Bag;
use mizzen_client::flow::{Client, Decision, Finished, Gauges, Generation, Request, Settings, Started, Ticket};
use mizzen_client::grpc::{Failure, Outcome};
use mizzen_client::instant::Instant;
use mizzen_client::quota::{QuotaRules, Requirement};
use mizzen_client::retry::CallPolicy;
use mizzen_client::stats::Stats;
use mizzen_client::tcp::uuid;

use crate::background::Order;
use crate::transport::Transport;
use crate::{clock, generation, measures, stats, wake};

thread_local! {
    static CLIENTS: RefCell<Vec<Rc<WorkerClient>>> = const { RefCell::new(Vec::new()) };
}

/// What a stream or connection does next about its Check.
pub(crate) enum Next {
    /// Nothing: here is the decision.
    Decided(Decision),
    /// Sends this request.
    Call(Request),
    /// Waits under this ticket for the answer to another one's Check.
    Join(Ticket),
}

/// What became of an attempt.
pub(crate) enum Ended {
    /// There will be another after this time.
    Retry {
        after: Duration,
    },
    Decided(Decision),
    /// Nobody waits for it any more.
    Settled,
}

/// A stream or connection that waits for the answer to another one's Check.
pub(crate) trait Waiter {
    /// Has it look at its ticket again, in a hook of its own.
    fn resume_soon(&self);
}

/// A worker's client. No method calls Envoy while the client is borrowed, except to wake streams and the main thread, which only posts.
pub(crate) struct WorkerClient {
    transport: Arc<Transport>,
    worker: usize,
    client: RefCell<Client>,
    requirements: RefCell<Vec<Requirement>>,
    waiting: RefCell<HashMap<Ticket, Weak<dyn Waiter>>>,
    counted: RefCell<Stats>,
    sizes: Cell<Gauges>,
    generation: Cell<Generation>,
    random: Random,
}

impl WorkerClient {
    /// The calling worker's client for `transport`, made at first use.
    pub(crate) fn of(transport: &Arc<Transport>, worker: usize) -> Rc<WorkerClient> {
        CLIENTS.with_borrow_mut(|clients| {
            if let Some(known) = clients.iter().find(|client| Arc::ptr_eq(&client.transport, transport)) {
                return Rc::clone(known);
            }
            let random = Random::new();
            let base = uuid(random.next(), random.next());
            let client = Rc::new(WorkerClient {
                transport: Arc::clone(transport),
                worker,
                client: RefCell::new(Client::new(Settings::from(&transport.config), base)),
                requirements: RefCell::default(),
                waiting: RefCell::default(),
                counted: RefCell::default(),
                sizes: Cell::default(),
                generation: Cell::new(Generation::NONE),
                random,
            });
            clients.push(Rc::clone(&client));
            client
        })
    }

    /// Forgets the calling worker's clients whose transport no filter in use names any more.
    pub(crate) fn forget_withdrawn() {
        CLIENTS.with_borrow_mut(|clients| {
            clients.retain(|client| Rc::strong_count(client) > 1 || client.transport.is_installed());
        });
    }

    /// Asks for a decision about a request.
    pub(crate) fn start(&self, bag: &Bag, rules: &QuotaRules, policy: &CallPolicy) -> Next {
        self.take_deliveries();
        let started = self.using(|client, now| {
            let mut requirements = self.requirements.borrow_mut();
            rules.requirements(bag, &mut requirements);
            client.start(bag, &requirements, policy, now)
        });
        self.next(started)
    }

    /// Asks again for a stream that waited for another one's answer.
    pub(crate) fn resume(&self, ticket: Ticket, bag: &Bag, rules: &QuotaRules, policy: &CallPolicy) -> Next {
        self.waiting.borrow_mut().remove(&ticket);
        let started = self.using(|client, now| {
            let mut requirements = self.requirements.borrow_mut();
            rules.requirements(bag, &mut requirements);
            client.resume(ticket, bag, &requirements, policy, now)
        });
        self.next(started)
    }

    /// The next step; a call in the background that a decision gives rise to is ordered.
    fn next(&self, started: Started) -> Next {
        match started {
            Started::Decided { decision, refill } => {
                if let Some(request) = refill {
                    self.refill(request);
                }
                Next::Decided(decision)
            }
            Started::Call(request) => Next::Call(request),
            Started::Joined(ticket) => Next::Join(ticket),
        }
    }

    /// Tells what became of an attempt that was sent at `sent`, and wakes the streams whose decision depends on it.
    pub(crate) fn finish(&self, ticket: Ticket, outcome: &Outcome, sent: Instant) -> Ended {
        let answered = generation::observe(outcome, sent);
        let random = self.random.next();
        match self.using(|client, now| client.finish(ticket, &outcome.result, answered, now, random)) {
            Finished::Retry { after } => Ended::Retry { after },
            Finished::Decided { decision, resume } => {
                self.wake(resume);
                Ended::Decided(decision)
            }
            Finished::Settled => Ended::Settled,
        }
    }

    /// The request to send again after a wait; `None` if the call is gone.
    pub(crate) fn retry(&self, ticket: Ticket) -> Option<Vec<u8>> {
        self.using(|client, _| client.retry(ticket).map(<[u8]>::to_vec))
    }

    /// The stream behind `ticket` is gone; streams that waited for its answer are woken.
    pub(crate) fn cancel(&self, ticket: Ticket) {
        self.waiting.borrow_mut().remove(&ticket);
        let resume = self.using(|client, _| client.cancel(ticket));
        self.wake(resume);
    }

    /// Notes that a stream waits under `ticket`.
    pub(crate) fn wait(&self, ticket: Ticket, stream: Weak<dyn Waiter>) {
        self.waiting.borrow_mut().insert(ticket, stream);
    }

    /// Has the streams behind these tickets look again.
    fn wake(&self, tickets: Vec<Ticket>) {
        for ticket in tickets {
            let stream = self.waiting.borrow().get(&ticket).and_then(Weak::upgrade);
            match stream {
                Some(stream) => stream.resume_soon(),
                None => self.cancel(ticket),
            }
        }
    }

    /// Has a call made that no stream waits for.
    fn refill(&self, request: Request) {
        let Request { ticket, body } = request;
        self.transport.background.order(Order { worker: self.worker, ticket, body });
        if !wake::main() {
            // nobody can make the call: the pool goes on as after a failed one
            self.transport.background.orders();
            self.finish(ticket, &Failure::not_sent("there is no bootstrap extension").into(), clock::now());
        }
    }

    fn take_deliveries(&self) {
        for delivery in self.transport.background.deliveries(self.worker) {
            // a refill is tried again at once: it was already late by the time of a request
            if let Ended::Retry { .. } = self.finish(delivery.ticket, &delivery.outcome, delivery.sent)
                && let Some(body) = self.retry(delivery.ticket)
            {
                self.refill(Request { ticket: delivery.ticket, body });
            }
        }
    }

    fn using<R>(&self, act: impl FnOnce(&mut Client, Instant) -> R) -> R {
        let mut client = self.client.borrow_mut();
        let current = generation::current();
        if self.generation.replace(current) != current {
            client.set_generation(current);
        }
        let result = act(&mut client, clock::now());
        stats::pass_on(self.transport.family, self.worker, client.stats(), &mut self.counted.borrow_mut());
        self.measure(client.gauges());
        result
    }

    fn measure(&self, now: Gauges) {
        let before = self.sizes.replace(now);
        if before != now {
            self.transport.sizes.set(self.worker, &now);
            wake::main_soon();
        }
    }

    /// Notes how long a request was held that has just been decided.
    pub(crate) fn held_since(&self, start: Instant) {
        measures::held(self.transport.family, clock::now().since(start));
        wake::main_soon();
    }
}

impl Drop for WorkerClient {
    fn drop(&mut self) {
        self.measure(Gauges::default());
    }
}

/// Evenly spread numbers, good enough for jitter and for names that must not repeat.
pub(crate) struct Random(Cell<u64>);

impl Random {
    /// Seeded by the standard library's own random state.
    pub(crate) fn new() -> Random {
        Random(Cell::new(RandomState::new().hash_one(std::process::id()) | 1))
    }

    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
