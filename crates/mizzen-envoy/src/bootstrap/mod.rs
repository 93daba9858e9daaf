//! The main thread's part: it sends reports and background calls, publishes counters, wakes streams, and flushes before the process ends.

mod calls;
mod senders;
mod shutdown;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use mizzen_client::grpc::{Answer, Outcome};
use mizzen_client::instant::Instant;

use crate::ffi::{BootstrapHandle, Completion, Header, Level, Timer, log};
use crate::stats::{self, Published};
use crate::{clock, node, tcp, wake};
use calls::Calls;
use senders::Senders;
use shutdown::Shutdown;

/// The longest time until what a worker did is seen here: counters lag by it, and a batch is sent later by it at most.
const TICK: Duration = Duration::from_millis(50);

/// The bootstrap extension. All its methods run on the main thread.
pub(crate) struct Bootstrap {
    timer: Timer,
    envoy: BootstrapHandle,
    state: RefCell<State>,
}

struct State {
    published: Published,
    senders: Senders,
    calls: Calls,
    tick: Option<Instant>,
    shutdown: Option<Shutdown>,
}

impl Bootstrap {
    /// Reads the extension's configuration, in which the local node is named, and makes the main thread reachable. A bad one is refused.
    pub(crate) fn load(text: &[u8], envoy: BootstrapHandle) -> Option<Rc<Bootstrap>> {
        if let Err(error) = node::load(text) {
            log(Level::Error, &format!("mizzen: the configuration of the bootstrap extension is refused: {error}"));
            return None;
        }
        stats::prepare();
        let state = State {
            published: Published::define(&envoy),
            senders: Senders::define(&envoy),
            calls: Calls::default(),
            tick: None,
            shutdown: None,
        };
        wake::set_main(Some(envoy.scheduler()));
        envoy.signal_init_complete();
        Some(Rc::new(Bootstrap { timer: envoy.timer(), envoy, state: RefCell::new(state) }))
    }

    pub(crate) fn server_initialized(&self) {
        self.look();
    }

    pub(crate) fn scheduled(&self, _event: u64) {
        self.look();
    }

    pub(crate) fn timer_fired(&self) {
        self.look();
    }

    /// The listeners are closing: what is there goes out now, and the process goes on.
    pub(crate) fn drain_started(&self) {
        self.state.borrow_mut().senders.collect(clock::now(), true);
        self.look();
    }

    /// The process ends once `completion` is dropped: TCP connections are closed, for their last report, and streams that are just ending come along;
    /// then come the answers to the last batches. All that takes a tick, and two seconds at most.
    pub(crate) fn shutdown(&self, completion: Completion) {
        {
            let mut state = self.state.borrow_mut();
            let state = &mut *state;
            state.senders.begin_shutdown();
            match &mut state.shutdown {
                Some(shutdown) => shutdown.add(completion),
                None => {
                    state.shutdown = Some(Shutdown::new(completion, clock::now()));
                    tcp::end_all();
                }
            }
        }
        self.look();
    }

    pub(crate) fn callout_done(&self, id: u64, answered: bool, headers: &[Header<'_>], body: &[u8]) {
        let mut answer = Answer::new();
        answer.headers(headers.iter().map(|header| (header.name(), header.value())));
        answer.data(body);
        let end = |timed_out| if answered { answer.complete_without_trailers() } else { answer.interrupted(timed_out) };
        self.state.borrow_mut().calls.answered(id, end, clock::now());
        self.look();
    }

    /// Goes on after a hook has failed: nobody waits for a shutdown that may never complete, and everything else is looked at again soon.
    pub(crate) fn recover(&self) {
        let shutdown = self.state.borrow_mut().shutdown.take();
        self.timer.enable(u64::try_from(TICK.as_millis()).unwrap_or(1));
        drop(shutdown);
    }

    /// The extension is going: its workers are gone already.
    pub(crate) fn destroyed(&self) {
        wake::set_main(None);
        wake::forget_delayed();
    }

    /// Does everything that is due, and sets the timer for what will be.
    fn look(&self) {
        wake::main_awake();
        let woken = wake::wake_due(clock::now());
        let waits = self.send();
        let (next, completion) = self.finish_look();
        if let Some(next) = [woken, waits, next].into_iter().flatten().min() {
            let delay = next.since(clock::now());
            // a millisecond is the timer's step; zero would come back within this very round of the event loop
            self.timer.enable(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).saturating_add(1));
        }
        drop(completion);
    }

    /// Makes the calls that are due; the state is never borrowed while Envoy is called. Returns when the next one is due.
    fn send(&self) -> Option<Instant> {
        loop {
            let now = clock::now();
            let outgoing = {
                let mut state = self.state.borrow_mut();
                let State { senders, calls, shutdown, .. } = &mut *state;
                calls.settle(senders, now);
                let waits = senders.collect(now, shutdown.is_some());
                match senders.next(now, shutdown.as_ref().map(|shutdown| shutdown.left(now))) {
                    senders::Next::Call(call) => call,
                    senders::Next::Wait(until) => return [waits, until].into_iter().flatten().min(),
                }
            };
            let start = outgoing.make(&self.envoy);
            self.state.borrow_mut().calls.started(outgoing, start, now);
        }
    }

    /// Publishes what was counted, and completes a shutdown that has waited for long enough. Returns when to look again.
    fn finish_look(&self) -> (Option<Instant>, Option<Shutdown>) {
        let now = clock::now();
        let mut state = self.state.borrow_mut();
        let State { published, senders, tick, shutdown, .. } = &mut *state;
        if tick.is_some_and(|tick| tick <= now) {
            wake::tick();
            *tick = None;
        }
        if wake::is_tick_needed() {
            tick.get_or_insert(now.after(TICK));
        }
        let mut next = *tick;
        let mut completion = None;
        if let Some(ending) = shutdown {
            match ending.wait(now, senders.is_drained() && tcp::are_none_open()) {
                Some(until) => next = next.into_iter().chain([until]).min(),
                None => {
                    senders.abandon();
                    completion = shutdown.take();
                }
            }
        }
        senders.publish(&self.envoy);
        published.publish(&self.envoy);
        (next, completion)
    }
}

/// An outcome for a call that could not be started.
fn not_started(start: crate::ffi::CalloutStart, cluster: &str) -> Outcome {
    let reason = match start {
        crate::ffi::CalloutStart::ClusterNotFound => format!("there is no cluster {cluster}"),
        _ => format!("cluster {cluster} has no endpoint to call"),
    };
    mizzen_client::grpc::Failure::not_sent(&reason).into()
}
