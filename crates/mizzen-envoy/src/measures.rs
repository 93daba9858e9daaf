//! Sizes and times. Each worker keeps the sizes of its clients beside their transport and notes how long it held requests; the main thread publishes both.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mizzen_client::flow::Gauges;

use crate::ffi::BootstrapHandle;
use crate::stats::Family;
use crate::transport::Transport;
use crate::wake::lock;

/// What is published of the clients' sizes.
const SIZES: [&str; 5] =
    ["check_cache_entries", "quota_pools", "quota_tokens", "remote_calls_active", "check_joins_active"];
const LATENCY: &str = "check_latency_us";
/// Times kept between two rounds of publication at most; beyond, some requests are missing in the histogram.
const MAX_TIMES: usize = 10_000;

static TIMES: [Mutex<Vec<u64>>; Family::ALL.len()] = [const { Mutex::new(Vec::new()) }; Family::ALL.len()];

/// The sizes of one worker's client, on cache lines of their own. Only that worker writes.
#[derive(Default)]
#[repr(align(128))]
struct Lane([AtomicU64; SIZES.len()]);

/// How much the clients of one transport hold, of which each worker has one.
pub(crate) struct Sizes(Box<[Lane]>);

impl Sizes {
    /// All zero.
    pub(crate) fn new(workers: usize) -> Sizes {
        Sizes((0..workers).map(|_| Lane::default()).collect())
    }

    /// Notes the sizes of the calling worker's client.
    pub(crate) fn set(&self, worker: usize, sizes: &Gauges) {
        if let Some(Lane(cells)) = self.0.get(worker) {
            cells.iter().zip(values(sizes)).for_each(|(cell, value)| cell.store(value, Ordering::Relaxed));
        }
    }

    fn add_to(&self, totals: &mut [u64; SIZES.len()]) {
        for Lane(cells) in &self.0 {
            for (total, cell) in totals.iter_mut().zip(cells) {
                *total = total.saturating_add(cell.load(Ordering::Relaxed));
            }
        }
    }
}

fn values(gauges: &Gauges) -> [u64; SIZES.len()] {
    [gauges.check_cache_entries, gauges.quota_pools, gauges.quota_tokens, gauges.calls, gauges.waiters]
}

/// Notes that a request was held for so long until the Mixer, or the policy in its place, had decided.
pub(crate) fn held(family: Family, time: Duration) {
    let mut times = lock(&TIMES[family as usize]);
    if times.len() < MAX_TIMES {
        times.push(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }
}

/// Sizes and times as Envoy publishes them. Main thread.
pub(crate) struct Measures([Measured; Family::ALL.len()]);

struct Measured {
    /// Ids, and what was published last: a gauge that was never set is missing in Prometheus.
    sizes: [(Option<usize>, Option<u64>); SIZES.len()],
    latency: Option<usize>,
}

impl Measures {
    /// Defines all gauges and histograms.
    pub(crate) fn define(envoy: &BootstrapHandle) -> Measures {
        Measures(Family::ALL.map(|family| Measured {
            sizes: SIZES.map(|name| (envoy.define_gauge(&format!("{}{name}", family.prefix())), None)),
            latency: envoy.define_histogram(&format!("{}{LATENCY}", family.prefix())),
        }))
    }

    /// Sets what has changed since the last time.
    pub(crate) fn publish(&mut self, envoy: &BootstrapHandle) {
        let totals = totals();
        for (family, Measured { sizes, latency }) in self.0.iter_mut().enumerate() {
            for (total, (id, published)) in totals[family].into_iter().zip(sizes) {
                if let (Some(id), true) = (*id, *published != Some(total)) {
                    envoy.set_gauge(id, total);
                    *published = Some(total);
                }
            }
            let times = std::mem::take(&mut *lock(&TIMES[family]));
            if let Some(id) = *latency {
                times.into_iter().for_each(|time| envoy.record_histogram(id, time));
            }
        }
    }
}

/// The sizes of all clients that are in use, by family. What is left of a filter that was withdrawn goes with the worker's next stream, and does not count.
fn totals() -> [[u64; SIZES.len()]; Family::ALL.len()] {
    let mut totals = [[0; SIZES.len()]; Family::ALL.len()];
    for transport in Transport::all().iter().filter(|transport| transport.is_installed()) {
        transport.sizes.add_to(&mut totals[transport.family as usize]);
    }
    totals
}
