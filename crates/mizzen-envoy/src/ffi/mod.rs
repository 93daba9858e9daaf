//! The border to Envoy: the ABI of dynamic modules v0.1.0 as Envoy 1.39.3 has it (`source/extensions/dynamic_modules/abi/abi.h`).
//!
//! `unsafe` lives in this folder only. Everything outside sees handles that are valid for the duration of one hook, byte slices that borrow from them,
//! and owned objects (schedulers, timers) that give themselves back on drop. No panic leaves a hook (`guard`), and no hook holds a `&mut` to an object of
//! ours while it calls Envoy: Envoy may call the next hook of the same object from inside that call.

mod abi;
mod bootstrap;
mod bootstrap_hooks;
mod guard;
mod http;
mod http_hooks;
mod log;
mod log_hooks;
mod logging;
mod network;
mod network_hooks;
mod object;

pub(crate) use abi::{Attribute, CalloutStart, Header, HeaderKind, HeadersStatus, MetadataSource, StreamView};
pub(crate) use bootstrap::{BootstrapHandle, BootstrapScheduler, Completion, Timer};
pub(crate) use guard::hook_failures;
pub(crate) use http::{HttpHandle, HttpScheduler};
pub(crate) use log::LogHandle;
pub(crate) use logging::{Level, concurrency, log};
pub(crate) use network::{CloseKind, FilterStatus, NetworkHandle, NetworkScheduler};

/// What Envoy calls first, once per loaded module, on the main thread: the answer is the ABI version this module was written for.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const std::ffi::c_char {
    guard::install_panic_hook();
    c"v0.1.0".as_ptr()
}
