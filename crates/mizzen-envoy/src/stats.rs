//! Counters: each thread counts in lanes of its own, one for each kind of filter; the main thread adds the lanes up and publishes what is new.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use mizzen_client::stats::Counter;
use mizzen_client::stats::{COUNTERS, Stats};

use crate::ffi::{BootstrapHandle, concurrency, hook_failures};
use crate::measures::Measures;
use crate::wake;

static LANES: OnceLock<Box<[Lane]>> = OnceLock::new();

/// The kinds of filters, which count apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Http,
    Tcp,
}

impl Family {
    pub(crate) const ALL: [Family; 2] = [Family::Http, Family::Tcp];

    /// What the names of its counters start with.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Family::Http => "http_mixer_filter.",
            Family::Tcp => "tcp_mixer_filter.",
        }
    }
}

/// The counters of one thread, on cache lines of their own. Only that thread writes.
#[repr(align(128))]
struct Lane([[AtomicU64; COUNTERS]; Family::ALL.len()]);

/// Makes a lane for each worker and one for the main thread, on which this must be called once before any counting.
pub(crate) fn prepare() {
    let lane = |_| Lane([const { [const { AtomicU64::new(0) }; COUNTERS] }; Family::ALL.len()]);
    LANES.get_or_init(|| (0..=concurrency()).map(lane).collect());
}

/// The main thread's lane.
pub(crate) fn main_lane() -> usize {
    LANES.get().map_or(0, |lanes| lanes.len().saturating_sub(1))
}

/// Counts one on `lane`, the number of the calling worker.
pub(crate) fn count(family: Family, lane: usize, counter: Counter) {
    add(family, lane, counter, 1);
}

fn add(family: Family, lane: usize, counter: Counter, amount: u64) {
    if let Some(Lane(counters)) = LANES.get().and_then(|lanes| lanes.get(lane)) {
        // the lane has one writer, so load and store do, without a locked instruction
        let cell = &counters[family as usize][counter as usize];
        cell.store(cell.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
    }
}

/// Counts what a client of this lane has counted since the last call; `seen` keeps what was passed on.
pub(crate) fn pass_on(family: Family, lane: usize, stats: &Stats, seen: &mut Stats) {
    let mut moved = false;
    for counter in Counter::ALL {
        let new = stats.get(*counter) - seen.get(*counter);
        if new > 0 {
            add(family, lane, *counter, new);
            seen.add(*counter, new);
            moved = true;
        }
    }
    if moved {
        wake::main_soon();
    }
}

/// The counters as Envoy publishes them. Main thread.
pub(crate) struct Published {
    counters: [Vec<(Option<usize>, u64)>; Family::ALL.len()],
    failures: (Option<usize>, u64),
    measures: Measures,
}

impl Published {
    /// Defines all counters, at zero.
    pub(crate) fn define(envoy: &BootstrapHandle) -> Published {
        let define = |family: Family| {
            let define = |counter: &Counter| envoy.define_counter(&format!("{}{}", family.prefix(), counter.name()));
            Counter::ALL.iter().map(|counter| (define(counter), 0)).collect()
        };
        Published {
            counters: Family::ALL.map(define),
            failures: (envoy.define_counter("http_mixer_filter.total_hook_failures"), 0),
            measures: Measures::define(envoy),
        }
    }

    /// Adds what was counted since the last time.
    pub(crate) fn publish(&mut self, envoy: &BootstrapHandle) {
        let Some(lanes) = LANES.get() else { return };
        for (family, counters) in self.counters.iter_mut().enumerate() {
            for (counter, (id, published)) in counters.iter_mut().enumerate() {
                let total = lanes.iter().map(|Lane(counted)| counted[family][counter].load(Ordering::Relaxed)).sum();
                raise(envoy, *id, published, total);
            }
        }
        raise(envoy, self.failures.0, &mut self.failures.1, hook_failures());
        self.measures.publish(envoy);
    }
}

/// Raises a published counter to `total`.
pub(crate) fn raise(envoy: &BootstrapHandle, id: Option<usize>, published: &mut u64, total: u64) {
    if let (Some(id), true) = (id, total > *published) {
        envoy.increment_counter(id, total - *published);
        *published = total;
    }
}
