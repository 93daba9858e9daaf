//! No panic may cross into Envoy: an unwinding `extern "C"` function aborts the whole proxy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use super::logging::{Level, log};
use crate::wake;

static FAILURES: AtomicU64 = AtomicU64::new(0);

/// How many hooks have failed since the module was loaded.
pub(crate) fn hook_failures() -> u64 {
    FAILURES.load(Ordering::Relaxed)
}

/// Runs the body of a hook; if it panics the failure is counted and `fallback` is the hook's answer.
pub(super) fn guard<R>(fallback: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        note_failure(payload);
        fallback
    })
}

/// As [`guard`], for hooks that must not leave a request hanging: after a panic `recover` settles the stream (by the fail policy), and only if that
/// panics too is `last_resort` the answer.
pub(super) fn guard_or<R>(last_resort: R, body: impl FnOnce() -> R, recover: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(payload) => {
            note_failure(payload);
            guard(last_resort, recover)
        }
    }
}

fn note_failure(payload: Box<dyn std::any::Any + Send>) {
    FAILURES.fetch_add(1, Ordering::Relaxed);
    wake::main_soon();
    // a payload whose drop panics would escape from here; leaking it costs a few bytes per failure
    std::mem::forget(payload);
}

/// Sends what a panic says to Envoy's log instead of standard error.
pub(super) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        log(Level::Critical, &format!("mizzen: a hook failed, the stream goes on by the fail policy: {info}"));
    }));
}
