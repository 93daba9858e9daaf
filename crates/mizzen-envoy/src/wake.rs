//! Waking the main thread from a worker, and a worker's stream or connection after a delay (workers have no timers for modules).

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizzen_client::instant::Instant;
use mizzen_client::schedule::{Place, Schedule};

use crate::clock;
use crate::ffi::{BootstrapScheduler, HttpScheduler, NetworkScheduler};

static MAIN: Mutex<Option<BootstrapScheduler>> = Mutex::new(None);
static REQUESTED: AtomicBool = AtomicBool::new(false);
static REACHABLE: AtomicBool = AtomicBool::new(false);
/// Something has happened in this tick that the main thread need not be told of before its end.
static ASKED: AtomicBool = AtomicBool::new(false);
/// How many more requests are seen to at once.
static EAGER: AtomicI64 = AtomicI64::new(EAGER_PER_TICK);
static DELAYED: Mutex<Schedule<Delayed>> = Mutex::new(Schedule::new());

/// How many requests of one tick are seen to at once, while there is little to do.
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
    REACHABLE.store(scheduler.is_some(), Ordering::Release);
    *lock(&MAIN) = scheduler;
    REQUESTED.store(false, Ordering::Release);
    ASKED.store(false, Ordering::Release);
    EAGER.store(EAGER_PER_TICK, Ordering::Release);
}

/// Whether there is a bootstrap extension, and so a main thread that looks.
pub(crate) fn is_main_reachable() -> bool {
    REACHABLE.load(Ordering::Acquire)
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
/// the tick under load, where this costs two loads. (A wake-up costs both threads some 20 µs, and a look spread over many requests next to nothing.)
pub(crate) fn main_soon() {
    if EAGER.load(Ordering::Relaxed) > 0 && EAGER.fetch_sub(1, Ordering::AcqRel) > 0 {
        main();
        return;
    }
    if ASKED.load(Ordering::Relaxed) {
        return;
    }
    ASKED.store(true, Ordering::SeqCst);
    // the main thread may have ended its last tick between the two looks at these flags, and then waits to be told
    if EAGER.load(Ordering::SeqCst) > 0 {
        main();
    }
}

/// Whether a tick must be waited for: something was asked for since the last one. Main thread.
pub(crate) fn is_tick_needed() -> bool {
    EAGER.load(Ordering::Acquire) < EAGER_PER_TICK || ASKED.load(Ordering::Acquire)
}

/// A tick is over. After one in which more was asked for than is seen to at once, the next one is likely alike: nothing is seen to at once until a tick
/// has passed in which nothing was asked for. Main thread.
pub(crate) fn tick() {
    let busy = ASKED.swap(false, Ordering::SeqCst);
    EAGER.store(if busy { 0 } else { EAGER_PER_TICK }, Ordering::SeqCst);
}

/// The main thread is about to look: later requests need a new wake-up.
pub(crate) fn main_awake() {
    REQUESTED.store(false, Ordering::Release);
}

/// Wakes a stream with `event` after `delay`, at once if there is no main thread to wait on.
pub(crate) fn later(delay: Duration, stream: Arc<dyn Wakeable>, event: u64) {
    at(clock::now().after(delay), stream, event);
}

/// Wakes a stream with `event` at `due`, at once if there is no main thread to wait on. The place is for [`no_more`].
pub(crate) fn at(due: Instant, stream: Arc<dyn Wakeable>, event: u64) -> Place {
    let mut delayed = lock(&DELAYED);
    let place = delayed.add(due, Delayed { stream: Arc::clone(&stream), event });
    let first = delayed.is_first(place);
    drop(delayed);
    if first && !main() {
        lock(&DELAYED).clear();
        stream.wake(event);
    }
    place
}

/// Takes back a wake-up that has not happened yet.
pub(crate) fn no_more(place: Place) {
    let taken_back = lock(&DELAYED).remove(place);
    drop(taken_back);
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
