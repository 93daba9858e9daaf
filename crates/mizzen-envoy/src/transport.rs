//! How calls to the Mixer are made, and what belongs to one such way: the batches of its reports and the generation of its decisions.
//!
//! Equal transport settings of one kind of filter share one [`Transport`], whatever listener they come from, so batches and caches survive a listener's update.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mizzen_client::config::TransportConfig;
use mizzen_client::forward::encode_forwarded;
use mizzen_client::{Bag, names};

use crate::background::Background;
use crate::ffi::{Header, concurrency};
use crate::http::FORWARD_HEADER;
use crate::measures::Sizes;
use crate::node;
use crate::report::ReportQueue;
use crate::stats::Family;
use crate::wake::{self, lock};

static TRANSPORTS: Mutex<Vec<Arc<Transport>>> = Mutex::new(Vec::new());
/// How many filters' configurations were withdrawn.
static WITHDRAWALS: AtomicU64 = AtomicU64::new(0);

/// Methods of the Mixer.
pub(crate) const CHECK: &str = "/istio.mixer.v1.Mixer/Check";
pub(crate) const REPORT: &str = "/istio.mixer.v1.Mixer/Report";

/// One way to the Mixer, for one kind of filter.
pub(crate) struct Transport {
    pub(crate) family: Family,
    pub(crate) config: TransportConfig,
    pub(crate) reports: ReportQueue,
    /// Tells the peer which proxy calls.
    caller: String,
    timeout: String,
    /// Calls of workers that must outlive the stream they arose from.
    pub(crate) background: Background,
    /// How much the workers' clients hold.
    pub(crate) sizes: Sizes,
    /// How many filters' configurations name it.
    filters: AtomicUsize,
}

impl Transport {
    /// The transport with these settings for filters of this kind. Main thread.
    pub(crate) fn of(config: &TransportConfig, family: Family) -> Arc<Transport> {
        let mut transports = lock(&TRANSPORTS);
        let equal = |transport: &&Arc<Transport>| transport.family == family && transport.config == *config;
        if let Some(known) = transports.iter().find(equal) {
            return Arc::clone(known);
        }
        let transport = Arc::new(Transport {
            family,
            config: config.clone(),
            reports: ReportQueue::new(config, concurrency()),
            caller: caller(),
            timeout: grpc_timeout(config.rpc_timeout),
            background: Background::new(concurrency()),
            sizes: Sizes::new(concurrency()),
            filters: AtomicUsize::new(0),
        });
        transports.push(Arc::clone(&transport));
        transport
    }

    /// A filter's configuration that names this transport is in use from now on.
    fn install(&self) {
        self.filters.fetch_add(1, Ordering::AcqRel);
    }

    /// A filter's configuration that named this transport is in use no longer. Any thread.
    fn withdraw(&self) {
        self.filters.fetch_sub(1, Ordering::AcqRel);
        WITHDRAWALS.fetch_add(1, Ordering::AcqRel);
        wake::main();
    }

    /// Whether a filter's configuration that is in use names this transport. What the workers still hold for another one is never used.
    pub(crate) fn is_installed(&self) -> bool {
        self.filters.load(Ordering::Acquire) > 0
    }

    /// Whether nothing refers to this transport but the table of transports and `others` more. Main thread, which alone makes references from the table.
    pub(crate) fn is_unused(self: &Arc<Self>, others: usize) -> bool {
        Arc::strong_count(self) <= 1 + others
    }

    /// Takes a transport out of the table.
    pub(crate) fn forget(self: &Arc<Self>) {
        lock(&TRANSPORTS).retain(|transport| !Arc::ptr_eq(transport, self));
    }

    /// All transports in use.
    pub(crate) fn all() -> Vec<Arc<Transport>> {
        lock(&TRANSPORTS).clone()
    }

    /// The headers of a call.
    pub(crate) fn headers<'t>(&'t self, method: &'t str) -> [Header<'t>; 8] {
        [
            Header::new(":method", "POST"),
            Header::new(":scheme", "http"),
            Header::new(":path", method),
            Header::new(":authority", "mixer"),
            Header::new("content-type", "application/grpc"),
            Header::new("te", "trailers"),
            Header::new("grpc-timeout", &self.timeout),
            Header::new(FORWARD_HEADER, &self.caller),
        ]
    }

    /// How long one attempt may take, in milliseconds.
    pub(crate) fn timeout_ms(&self) -> u64 {
        millis(self.config.rpc_timeout)
    }
}

/// A filter configuration's hold on its transport, from its installation until it is withdrawn.
pub(crate) struct Hold {
    transport: Arc<Transport>,
    withdrawn: AtomicBool,
}

impl Hold {
    /// For a configuration that no filter uses yet.
    pub(crate) fn on(transport: Arc<Transport>) -> Hold {
        Hold { transport, withdrawn: AtomicBool::new(false) }
    }

    /// A filter uses the configuration from now on.
    pub(crate) fn install(&self) {
        self.transport.install();
    }

    /// The filter that used the configuration is gone, and all its streams with it. Any thread.
    pub(crate) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
        self.transport.withdraw();
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }
}

impl Deref for Hold {
    type Target = Arc<Transport>;

    fn deref(&self) -> &Arc<Transport> {
        &self.transport
    }
}

/// How many filters' configurations were withdrawn so far: when it has grown, a worker has something to forget.
pub(crate) fn withdrawals() -> u64 {
    WITHDRAWALS.load(Ordering::Relaxed)
}

fn caller() -> String {
    let mut bag = Bag::new();
    bag.set_string(names::SOURCE_UID, &node::local().uid);
    encode_forwarded(&bag)
}

/// Envoy takes 0 for no limit at all, so the shortest is one millisecond.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// How much longer than the call the server may take it to be: the client's own timeout must come first, so that it counts as one.
const MARGIN: Duration = Duration::from_secs(1);

/// The hint to the server; it has at most eight digits before its unit.
fn grpc_timeout(timeout: Duration) -> String {
    match millis(timeout.saturating_add(MARGIN)) {
        millis @ ..=99_999_999 => format!("{millis}m"),
        millis => format!("{}S", (millis / 1000).min(99_999_999)),
    }
}
