//! The hooks of the access logger. A failing hook loses the entry of its stream and is counted.

use std::sync::Arc;

use super::abi::{Buffer, Pointer};
use super::guard::guard;
use super::log::LogHandle;
use crate::report::LoggerConfig;

/// The end of a stream; the only log type that makes a report of a request.
const DOWNSTREAM_END: u32 = 6;

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_config_new(_: Pointer, _name: Buffer, config: Buffer) -> Pointer {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the text is valid for the hook.
        let text = unsafe { config.bytes() };
        LoggerConfig::load(text).map_or(std::ptr::null_mut(), |config| Arc::into_raw(config).cast_mut().cast())
    })
}

/// Runs on whichever thread drops the last reference.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_config_destroy(config: Pointer) {
    // SAFETY: the pointer came from `config_new` and is given back once.
    guard((), || drop(unsafe { Arc::from_raw(config.cast_const().cast::<LoggerConfig>()) }));
}

/// One per thread; all share the configuration itself.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_new(config: Pointer, _: Pointer) -> Pointer {
    // SAFETY: the configuration is live; the new reference is given back in `destroy`.
    unsafe { Arc::increment_strong_count(config.cast_const().cast::<LoggerConfig>()) };
    config
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_destroy(logger: Pointer) {
    // SAFETY: takes back the reference made in `new`.
    guard((), || drop(unsafe { Arc::from_raw(logger.cast_const().cast::<LoggerConfig>()) }));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_log(log: Pointer, logger: Pointer, log_type: u32) {
    if log_type != DOWNSTREAM_END {
        return;
    }
    // SAFETY: the logger holds a reference to its configuration until `destroy`.
    let config = unsafe { &*logger.cast_const().cast::<LoggerConfig>() };
    // SAFETY: the log context is live for the hook.
    guard((), || config.log(&unsafe { LogHandle::new(log) }));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_access_logger_flush(_logger: Pointer) {}
