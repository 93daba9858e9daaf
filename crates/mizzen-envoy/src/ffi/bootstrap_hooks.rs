//! The hooks of the bootstrap extension; all run on the main thread. A failing hook is counted and what it left is
//! looked at again soon; a shutdown completes in any case.

use std::rc::Rc;

use super::abi::{Buffer, Header, Pointer, slice};
use super::bootstrap::{BootstrapHandle, Completion, EventCallback};
use super::guard::{guard, guard_or};
use crate::bootstrap::Bootstrap;

/// # Safety
/// `object` came from `config_new` or `new` of this extension and is not destroyed yet.
unsafe fn shared(object: Pointer) -> Rc<Bootstrap> {
    let object = object.cast_const().cast::<Bootstrap>();
    // SAFETY: the pointer came from Rc::into_raw and Envoy's reference is still counted.
    unsafe {
        Rc::increment_strong_count(object);
        Rc::from_raw(object)
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_config_new(c: Pointer, _: Buffer, config: Buffer) -> Pointer {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the text is valid for the hook.
        let text = unsafe { config.bytes() };
        // SAFETY: Envoy's pointer; `Bootstrap::destroyed` drops the handle before the configuration ends.
        let envoy = unsafe { BootstrapHandle::new(c) };
        Bootstrap::load(text, envoy).map_or(std::ptr::null_mut(), |object| Rc::into_raw(object).cast_mut().cast())
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_config_destroy(config: Pointer) {
    // SAFETY: takes back the reference that `config_new` gave to Envoy.
    let object = unsafe { Rc::from_raw(config.cast_const().cast::<Bootstrap>()) };
    guard((), || object.destroyed());
    guard((), || drop(object));
}

/// There is one extension per configuration, and both are the same object.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_new(config: Pointer, _: Pointer) -> Pointer {
    // SAFETY: the configuration is live; the new reference is given back in `destroy`.
    unsafe { Rc::increment_strong_count(config.cast_const().cast::<Bootstrap>()) };
    config
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_destroy(object: Pointer) {
    // SAFETY: takes back the reference made in `new`.
    guard((), || drop(unsafe { Rc::from_raw(object.cast_const().cast::<Bootstrap>()) }));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_server_initialized(_: Pointer, object: Pointer) {
    // SAFETY: Envoy's pointer for this hook.
    let object = unsafe { shared(object) };
    guard_or((), || object.server_initialized(), || object.recover());
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_worker_thread_initialized(_: Pointer, _: Pointer) {}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_drain_started(_: Pointer, object: Pointer) {
    // SAFETY: Envoy's pointer for this hook.
    let object = unsafe { shared(object) };
    guard_or((), || object.drain_started(), || object.recover());
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_shutdown(
    _: Pointer,
    object: Pointer,
    done: EventCallback,
    context: Pointer,
) {
    // SAFETY: Envoy's pointer for this hook.
    let object = unsafe { shared(object) };
    let completion = Completion::new(done, context);
    guard_or((), || object.shutdown(completion), || object.recover());
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_config_scheduled(_: Pointer, config: Pointer, event: u64) {
    // SAFETY: Envoy's pointer for this hook.
    let object = unsafe { shared(config) };
    guard_or((), || object.scheduled(event), || object.recover());
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_timer_fired(_: Pointer, config: Pointer, _timer: Pointer) {
    // SAFETY: Envoy's pointer for this hook.
    let object = unsafe { shared(config) };
    guard_or((), || object.timer_fired(), || object.recover());
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_http_callout_done(
    _: Pointer,
    config: Pointer,
    id: u64,
    result: u32,
    headers: *const Header<'_>,
    header_count: usize,
    chunks: *const Buffer,
    chunk_count: usize,
) {
    // SAFETY: Envoy's pointer for this hook.
    let object = unsafe { shared(config) };
    let done = || {
        // SAFETY: headers and chunks are valid until the hook returns.
        let (headers, chunks) = unsafe { (slice(headers, header_count), slice(chunks, chunk_count)) };
        let mut body = Vec::new();
        for chunk in chunks {
            // SAFETY: the same.
            body.extend_from_slice(unsafe { chunk.bytes() });
        }
        // a result other than success carries neither headers nor body
        object.callout_done(id, result == 0, headers, &body);
    };
    guard_or((), done, || object.recover());
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_admin_request(
    _: Pointer,
    _: Pointer,
    _method: Buffer,
    _path: Buffer,
    _body: Buffer,
) -> u32 {
    404
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_file_changed(_: Pointer, _: Pointer, _: Buffer, _: u32) {}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_cluster_add_or_update(_: Pointer, _: Pointer, _: Buffer) {}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_cluster_removal(_: Pointer, _: Pointer, _: Buffer) {}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_listener_add_or_update(_: Pointer, _: Pointer, _: Buffer) {}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_bootstrap_extension_listener_removal(_: Pointer, _: Pointer, _: Buffer) {}
