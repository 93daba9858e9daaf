//! Sizes and times. Each worker keeps the sizes of its clients in a lane of its own and notes how long it held requests; the main thread publishes both.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use mizzen_client::flow::Gauges;

use crate::ffi::{BootstrapHandle, concurrency};
use crate::stats::Family;
use crate::wake::lock;

/// What is published of a client's sizes.
const SIZES: [&str; 4] = ["check_cache_entries", "quota_pools", "remote_calls_active", "check_joins_active"];
const LATENCY: &str = "check_latency_us";
/// Times kept between two rounds of publication at most; beyond, some requests are missing in the histogram.
const MAX_TIMES: usize = 10_000;

static LANES: OnceLock<Box<[Lane]>> = OnceLock::new();
static TIMES: [Mutex<Vec<u64>>; Family::ALL.len()] = [const { Mutex::new(Vec::new()) }; Family::ALL.len()];

/// The sizes of one thread, on cache lines of their own. Only that thread writes.
#[repr(align(128))]
struct Lane([[AtomicU64; SIZES.len()]; Family::ALL.len()]);

/// Makes a lane for each worker and one for the main thread, on which this must be called once before any measuring.
pub(crate) fn prepare() {
    let lane = |_| Lane([const { [const { AtomicU64::new(0) }; SIZES.len()] }; Family::ALL.len()]);
    LANES.get_or_init(|| (0..=concurrency()).map(lane).collect());
}

/// Notes that a client of `lane`, the number of the calling worker, has changed its sizes.
pub(crate) fn resize(family: Family, lane: usize, before: &Gauges, now: &Gauges) {
    let Some(Lane(sizes)) = LANES.get().and_then(|lanes| lanes.get(lane)) else { return };
    for (cell, (before, now)) in sizes[family as usize].iter().zip(values(before).into_iter().zip(values(now))) {
        // several clients share a lane, so it takes differences; the sum never falls below zero
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(now).wrapping_sub(before), Ordering::Relaxed);
    }
}

fn values(gauges: &Gauges) -> [u64; SIZES.len()] {
    [gauges.check_cache_entries, gauges.quota_pools, gauges.calls, gauges.waiters]
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
        let Some(lanes) = LANES.get() else { return };
        for (family, Measured { sizes, latency }) in self.0.iter_mut().enumerate() {
            for (size, (id, published)) in sizes.iter_mut().enumerate() {
                let total = lanes.iter().map(|Lane(lane)| lane[family][size].load(Ordering::Relaxed)).sum();
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
