//! Envoy's log and the few facts every thread may ask.

use super::abi::Buffer;

unsafe extern "C" {
    fn envoy_dynamic_module_callback_log(level: u32, message: Buffer);
    fn envoy_dynamic_module_callback_get_concurrency() -> u32;
}

/// Levels of Envoy's log; lines appear under the logger `dynamic_modules`.
#[repr(u32)]
#[derive(Clone, Copy)]
pub(crate) enum Level {
    Warn = 3,
    Error = 4,
    Critical = 5,
}

/// Writes one line to Envoy's log. Callable from any thread.
pub(crate) fn log(level: Level, message: &str) {
    // SAFETY: the buffer is valid for the call and Envoy copies it.
    unsafe { envoy_dynamic_module_callback_log(level as u32, Buffer::new(message.as_bytes())) }
}

/// The number of worker threads. Main thread only.
pub(crate) fn concurrency() -> usize {
    // SAFETY: takes nothing; called from configuration hooks, which run on the main thread.
    unsafe { envoy_dynamic_module_callback_get_concurrency() as usize }
}
