//! The hooks of the network filter: each takes Envoy's pointers, lends them as handles, and guards the code behind.
//!
//! Fallbacks when a hook fails: a configuration is refused; a connection that is not decided about is settled by the fail policy (it goes on, or is
//! closed); every other hook lets the connection go on.

use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;

use super::abi::{Buffer, Header, Pointer, slice};
use super::guard::{guard, guard_or};
use super::network::{FilterStatus, NetworkHandle};
use super::object::{absent, shared};
use crate::tcp::{TcpFilter, TcpFilterConfig};

/// Connection events.
const REMOTE_CLOSE: u32 = 0;
const LOCAL_CLOSE: u32 = 1;
const CONNECTED: u32 = 2;

/// Runs `body` with the connection's handle and filter; a connection that a failure leaves undecided is settled. The filter stays alive during the hook
/// even if Envoy destroys it meanwhile.
///
/// # Safety
/// Both pointers are those Envoy passed to the running hook of this connection.
unsafe fn with_recovery(filter: Pointer, module: Pointer, body: impl FnOnce(&Rc<TcpFilter>, NetworkHandle<'_>)) {
    // SAFETY: passed on.
    let Some(object) = (unsafe { shared::<TcpFilter>(module) }) else { return };
    guard_or(
        (),
        // SAFETY: the pointer is live for the hook, and the handle ends with it.
        || body(&object, unsafe { NetworkHandle::new(filter) }),
        // SAFETY: the same.
        || object.recover(unsafe { NetworkHandle::new(filter) }),
    );
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_config_new(_: Pointer, _name: Buffer, config: Buffer) -> Pointer {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the text is valid for the hook.
        let text = unsafe { config.bytes() };
        let Some(config) = TcpFilterConfig::load(text) else { return std::ptr::null_mut() };
        config.transport.install();
        Arc::into_raw(config).cast_mut().cast()
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_config_destroy(config: Pointer) {
    // SAFETY: the pointer came from `config_new`, which is never null for a configuration in use, and is given back once.
    let config = unsafe { Arc::from_raw(config.cast_const().cast::<TcpFilterConfig>()) };
    guard((), || config.transport.withdraw());
    guard((), || drop(config));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_new(config: Pointer, filter: Pointer) -> Pointer {
    guard(absent(), || {
        // SAFETY: the configuration outlives its filters; it is only borrowed here.
        let config = unsafe { ManuallyDrop::new(Arc::from_raw(config.cast_const().cast())) };
        // SAFETY: the pointer is live for the hook.
        let envoy = unsafe { NetworkHandle::new(filter) };
        Rc::into_raw(Rc::new(TcpFilter::new(&config, &envoy))).cast_mut().cast()
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_destroy(module: Pointer) {
    if module == absent() {
        return;
    }
    // SAFETY: the pointer came from `new`, and this takes back the reference that Envoy held.
    let object = unsafe { Rc::from_raw(module.cast_const().cast::<TcpFilter>()) };
    guard((), || object.destroyed());
    guard((), || drop(object));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_new_connection(f: Pointer, m: Pointer) -> u32 {
    // SAFETY: Envoy's pointers for this hook.
    let Some(object) = (unsafe { shared::<TcpFilter>(m) }) else { return FilterStatus::Continue as u32 };
    // a connection that could not be looked at is decided about at its first data
    // SAFETY: the pointer is live for the hook, and the handle ends with it.
    guard(FilterStatus::Continue, || object.new_connection(unsafe { NetworkHandle::new(f) })) as u32
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_read(f: Pointer, m: Pointer, length: usize, _end: bool) -> u32 {
    // SAFETY: Envoy's pointers for this hook.
    let Some(object) = (unsafe { shared::<TcpFilter>(m) }) else { return FilterStatus::Continue as u32 };
    let status = guard_or(
        FilterStatus::Continue,
        // SAFETY: the pointer is live for the hook, and the handle ends with it.
        || object.read(unsafe { NetworkHandle::new(f) }, length as u64),
        // SAFETY: the same.
        || object.recover_read(unsafe { NetworkHandle::new(f) }, length as u64),
    );
    status as u32
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_write(f: Pointer, m: Pointer, length: usize, end: bool) -> u32 {
    // SAFETY: Envoy's pointers for this hook.
    let Some(object) = (unsafe { shared::<TcpFilter>(m) }) else { return FilterStatus::Continue as u32 };
    // SAFETY: the pointer is live for the hook, and the handle ends with it.
    guard(FilterStatus::Continue, || object.write(unsafe { NetworkHandle::new(f) }, length as u64, end)) as u32
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_event(f: Pointer, m: Pointer, event: u32) {
    match event {
        // SAFETY: Envoy's pointers for this hook.
        CONNECTED => unsafe { with_recovery(f, m, |object, envoy| object.connected(envoy)) },
        // SAFETY: the same.
        REMOTE_CLOSE | LOCAL_CLOSE => unsafe {
            if let Some(object) = shared::<TcpFilter>(m) {
                guard((), || object.closed(&NetworkHandle::new(f)));
            }
        },
        _ => {}
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_http_callout_done(
    f: Pointer,
    m: Pointer,
    id: u64,
    result: u32,
    headers: *const Header<'_>,
    header_count: usize,
    chunks: *const Buffer,
    chunk_count: usize,
) {
    // SAFETY: Envoy's pointers for this hook; headers and chunks are valid until it returns.
    unsafe {
        with_recovery(f, m, |object, envoy| {
            let chunks = slice(chunks, chunk_count).iter().map(|chunk| chunk.bytes());
            // a result other than success carries neither headers nor body
            object.call_done(envoy, id, result == 0, slice(headers, header_count), chunks);
        });
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_network_filter_scheduled(f: Pointer, m: Pointer, event: u64) {
    // SAFETY: Envoy's pointers for this hook.
    unsafe { with_recovery(f, m, |object, envoy| object.scheduled(envoy, event)) };
}
