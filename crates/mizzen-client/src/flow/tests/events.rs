//! Random events: the counters agree at all times, every request is decided once, and nothing is left behind.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Event {
    Start { path: u8, quota: bool, policy: u8 },
    Finish { which: usize, result: u8, generation: u64 },
    Retry(usize),
    Cancel(usize),
    Resume(usize),
    Pass(u64),
    Generation(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0_u8..3, any::<bool>(), 0_u8..3).prop_map(|(path, quota, policy)| Event::Start { path, quota, policy }),
        8 => (any::<usize>(), 0_u8..8, 0_u64..2)
            .prop_map(|(which, result, generation)| Event::Finish { which, result, generation }),
        4 => any::<usize>().prop_map(Event::Retry),
        1 => any::<usize>().prop_map(Event::Cancel),
        5 => any::<usize>().prop_map(Event::Resume),
        2 => (0_u64..900).prop_map(Event::Pass),
        1 => (0_u64..2).prop_map(Event::Generation),
    ]
}

/// One request that is not decided yet, or a refill.
#[derive(Clone, Debug)]
struct Open {
    ticket: Ticket,
    bag: Bag,
    quotas: Vec<Requirement>,
    policy: CallPolicy,
}

/// What a caller of the client knows.
struct World {
    client: Client,
    now: u64,
    flying: Vec<Open>,
    resting: Vec<Open>,
    waiting: Vec<Open>,
    ready: Vec<Open>,
    started: u64,
    decided: u64,
    cancelled: u64,
    waits_given_up: u64,
}

impl World {
    fn new(settings: Settings) -> World {
        World {
            client: Client::new(settings, "id"),
            now: 0,
            flying: Vec::new(),
            resting: Vec::new(),
            waiting: Vec::new(),
            ready: Vec::new(),
            started: 0,
            decided: 0,
            cancelled: 0,
            waits_given_up: 0,
        }
    }

    fn started(&mut self, started: Started, mut open: Open) {
        match started {
            Started::Decided { refill, .. } => {
                self.decided += 1;
                if let Some(refill) = refill {
                    // a refill is an open call that decides nothing
                    self.started += 1;
                    open.ticket = refill.ticket;
                    self.flying.push(open);
                }
            }
            Started::Call(request) => {
                open.ticket = request.ticket;
                self.flying.push(open);
            }
            Started::Joined(ticket) => {
                open.ticket = ticket;
                self.waiting.push(open);
            }
        }
    }

    fn wake(&mut self, tickets: &[Ticket]) {
        let (ready, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|open| tickets.contains(&open.ticket));
        self.waiting = waiting;
        let ready: Vec<Open> = ready;
        assert_eq!(ready.len(), tickets.len(), "every ticket to resume waits");
        self.ready.extend(ready);
    }

    fn finish(&mut self, which: usize, result: u8, generation: u64) {
        let Some(open) = take(&mut self.flying, which) else { return };
        let result = match result {
            0 => Err(Failure::timed_out()),
            1 => Err(Failure::from_status(Status::new(13, ""))),
            2 => message(&granting(told(0), "q", 3)),
            3 => message(&told(7)),
            4 => message(&once(0)),
            5 => message(&told(13)),
            6 => message(&granting(told(0), "q", 0)),
            _ => message(&granting(told(0), "q", 10)),
        };
        let now = at(self.now);
        match self.client.finish(open.ticket, &result, Generation::from_number(generation), now, self.now) {
            Finished::Retry { .. } => self.resting.push(open),
            Finished::Settled => self.decided += 1,
            Finished::Decided { resume, .. } => {
                self.decided += 1;
                self.wake(&resume);
            }
        }
    }

    fn cancel(&mut self, which: usize) {
        let lists = [&mut self.flying, &mut self.resting, &mut self.waiting, &mut self.ready];
        let count: usize = lists.iter().map(|list| list.len()).sum();
        let mut which = which % count.max(1);
        let mut found = None;
        for (kind, list) in lists.into_iter().enumerate() {
            if which < list.len() {
                found = Some((kind, list.remove(which)));
                break;
            }
            which -= list.len();
        }
        let Some((kind, open)) = found else { return };
        let resume = self.client.cancel(open.ticket);
        self.cancelled += 1;
        self.waits_given_up += u64::from(kind == 1);
        self.wake(&resume);
    }

    fn apply(&mut self, event: &Event) {
        match *event {
            Event::Start { path: number, quota, policy: kind } => {
                let quotas = if quota { needs(&[("q", 1)]) } else { Vec::new() };
                let policy = [OPEN, CLOSE, policy(true, 2)][kind as usize];
                let open = Open { ticket: Ticket::from_number(0), bag: path(&number.to_string()), quotas, policy };
                self.started += 1;
                let started = self.client.start(&open.bag, &open.quotas, &open.policy, at(self.now));
                self.started(started, open);
            }
            Event::Finish { which, result, generation } => self.finish(which, result, generation),
            Event::Retry(which) => {
                if let Some(open) = take(&mut self.resting, which) {
                    assert!(self.client.retry(open.ticket).is_some_and(|body| !body.is_empty()));
                    self.flying.push(open);
                }
            }
            Event::Cancel(which) => self.cancel(which),
            Event::Resume(which) => {
                if let Some(open) = take(&mut self.ready, which) {
                    let started = self.client.resume(open.ticket, &open.bag, &open.quotas, &open.policy, at(self.now));
                    self.started(started, open);
                }
            }
            Event::Pass(millis) => self.now += millis,
            Event::Generation(number) => self.client.set_generation(Generation::from_number(number)),
        }
    }

    fn check(&self) {
        self.client.assert_counters_agree();
        let gauges = self.client.gauges();
        assert_eq!(gauges.calls, (self.flying.len() + self.resting.len()) as u64);
        assert_eq!(gauges.waiters, (self.waiting.len() + self.ready.len()) as u64);
        let open = gauges.calls + gauges.waiters;
        assert_eq!(self.started, self.decided + self.cancelled + open);
    }

    fn check_settled(&self) {
        use Counter::*;
        let sum = |counters: &[Counter]| counters.iter().map(|counter| self.client.count(*counter)).sum::<u64>();
        let outcomes = sum(&[RemoteCallSuccesses, RemoteCallTimeouts, RemoteCallSendErrors, RemoteCallOtherErrors]);
        let begun = sum(&[RemoteCalls, RemoteCallRetries]);
        assert_eq!(begun, outcomes + sum(&[RemoteCallCancellations]) + self.waits_given_up);
    }
}

fn take(list: &mut Vec<Open>, which: usize) -> Option<Open> {
    (!list.is_empty()).then(|| list.remove(which % list.len()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_request_is_decided_once_and_the_counters_agree(
        events in prop::collection::vec(event(), 1..120), check_join: bool, quota_cache: bool, entries in 0_usize..4,
    ) {
        let mut world = World::new(Settings { check_cache_entries: entries, check_join, quota_cache });
        for event in &events {
            world.apply(event);
            world.check();
        }
        while !(world.flying.is_empty() && world.resting.is_empty() && world.ready.is_empty()) {
            world.finish(0, 2, 0);
            world.apply(&Event::Retry(0));
            world.apply(&Event::Resume(0));
            world.check();
        }
        prop_assert!(world.waiting.is_empty(), "nobody waits for a call that is gone");
        world.check_settled();
    }

    #[test]
    fn no_bytes_of_a_mixer_panic(bytes: Vec<u8>, quota: bool) {
        let mut client = client();
        let quotas = if quota { needs(&[("q", 1)]) } else { Vec::new() };
        let request = called(client.start(&path("/a"), &quotas, &CLOSE, at(0)));
        client.finish(request.ticket, &Ok(bytes), Generation::NONE, at(0), 0);
        client.assert_counters_agree();
    }
}
