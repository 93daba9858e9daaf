//! Waking the main thread from a worker, and a worker's stream or connection after a delay (workers have no timers for modules).

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizzen_client::instant::Instant;
use mizzen_client::schedule::Schedule;

use crate::clock;
use crate::ffi::{BootstrapScheduler, HttpScheduler, NetworkScheduler};

static MAIN: Mutex<Option<BootstrapScheduler>> = Mutex::new(None);
static REQUESTED: AtomicBool = AtomicBool::new(false);
static SOON: AtomicBool = AtomicBool::new(false);
static EAGER: AtomicI64 = AtomicI64::new(EAGER_PER_TICK);
static DELAYED: Mutex<Schedule<Delayed>> = Mutex::new(Schedule::new());

/// How many requests of one tick are seen to at once.
const EAGER_PER_TICK: i64 = 8;

/// A stream or connection that any thread may wake; its hook for that runs on its worker.
pub(crate) trait Wakeable: Send + Sync {
    /// Only posts; without effect once the stream is gone.
    fn wake(&self, event: u64);
}

impl Wakeable for NetworkScheduler {
    fn wake(&self, event: u64) {
        self.commit(event);
    }
}

impl Wakeable for HttpScheduler {
    fn wake(&self, event: u64) {
        self.commit(event);
    }
}

struct Delayed {
    stream: Arc<dyn Wakeable>,
    event: u64,
}

/// Locks without regard to a panic of an earlier holder: the data of this module is valid between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the main thread reachable, or unreachable with `None`.
pub(crate) fn set_main(scheduler: Option<BootstrapScheduler>) {
    *lock(&MAIN) = scheduler;
    REQUESTED.store(false, Ordering::Release);
    SOON.store(false, Ordering::Release);
}

/// Has the main thread look after everything that waits for it; costs next to nothing while an earlier request is still on its way. False if there is
/// no bootstrap extension.
pub(crate) fn main() -> bool {
    if REQUESTED.swap(true, Ordering::AcqRel) {
        return true;
    }
    match &*lock(&MAIN) {
        Some(scheduler) => {
            scheduler.commit(0);
            true
        }
        None => {
            REQUESTED.store(false, Ordering::Release);
            false
        }
    }
}

/// Has the main thread look within its next tick: at once while there is little to do, so that what happened can be read without delay, and at the end of
/// the tick under load, where all but the first few requests of a tick cost two loads.
pub(crate) fn main_soon() {
    let first = !SOON.load(Ordering::Relaxed) && !SOON.swap(true, Ordering::AcqRel);
    if first || EAGER.load(Ordering::Relaxed) > 0 && EAGER.fetch_sub(1, Ordering::Relaxed) > 0 {
        main();
    }
}

/// Whether a look within the next tick was asked for. Main thread.
pub(crate) fn is_soon() -> bool {
    SOON.load(Ordering::Acquire)
}

/// The tick is here: later requests ask for the next one. Main thread.
pub(crate) fn soon_is_now() {
    // after a busy tick the next one is likely busy too, and being told of its first requests is of no use
    let calm = EAGER.load(Ordering::Relaxed) > 0;
    EAGER.store(if calm { EAGER_PER_TICK } else { 1 }, Ordering::Relaxed);
    SOON.store(false, Ordering::Release);
}

/// The main thread is about to look: later requests need a new wake-up.
pub(crate) fn main_awake() {
    REQUESTED.store(false, Ordering::Release);
}

/// Wakes a stream with `event` after `delay`, at once if there is no main thread to wait on.
pub(crate) fn later(delay: Duration, stream: Arc<dyn Wakeable>, event: u64) {
    at(clock::now().after(delay), stream, event);
}

/// Wakes a stream with `event` at `due`, at once if there is no main thread to wait on.
pub(crate) fn at(due: Instant, stream: Arc<dyn Wakeable>, event: u64) {
    let first = lock(&DELAYED).add(due, Delayed { stream: Arc::clone(&stream), event });
    if first && !main() {
        lock(&DELAYED).clear();
        stream.wake(event);
    }
}

/// Wakes the streams whose delay is over and tells when the next one is due. Main thread.
pub(crate) fn wake_due(now: Instant) -> Option<Instant> {
    let mut delayed = lock(&DELAYED);
    while let Some(Delayed { stream, event }) = delayed.take_due(now) {
        stream.wake(event);
    }
    delayed.first()
}

/// Forgets all delayed wake-ups; their workers are about to end.
pub(crate) fn forget_delayed() {
    lock(&DELAYED).clear();
}
