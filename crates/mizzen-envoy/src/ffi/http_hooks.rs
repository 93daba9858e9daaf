//! The hooks of the HTTP filter: each takes Envoy's pointers, lends them as handles, and guards the code behind.
//!
//! Fallbacks when a hook fails: a configuration is refused; a request is settled by the fail policy (passed on, or answered 500); every other hook lets
//! the stream go on.

use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;

use super::abi::{Buffer, Header, HeadersStatus, Pointer, slice};
use super::guard::{guard, guard_or};
use super::http::HttpHandle;
use super::object::{absent, shared};
use crate::http::{HttpFilter, HttpFilterConfig, RouteConfig};

/// Runs `body` with the stream's handle and filter; the filter stays alive during the hook even if Envoy destroys it meanwhile.
///
/// # Safety
/// Both pointers are those Envoy passed to the running hook of this stream.
unsafe fn with<R>(
    filter: Pointer,
    module: Pointer,
    fallback: R,
    body: impl FnOnce(&Rc<HttpFilter>, HttpHandle<'_>) -> R,
) -> R {
    // SAFETY: passed on.
    let Some(object) = (unsafe { shared::<HttpFilter>(module) }) else { return fallback };
    // SAFETY: the pointer is live for the hook, and the handle ends with it.
    guard(fallback, || body(&object, unsafe { HttpHandle::new(filter) }))
}

/// As [`with`], for hooks on which a held request depends.
///
/// # Safety
/// As for [`with`].
unsafe fn with_recovery(filter: Pointer, module: Pointer, body: impl FnOnce(&Rc<HttpFilter>, HttpHandle<'_>)) {
    // SAFETY: passed on.
    let Some(object) = (unsafe { shared::<HttpFilter>(module) }) else { return };
    guard_or(
        (),
        // SAFETY: the pointer is live for the hook, and the handle ends with it.
        || body(&object, unsafe { HttpHandle::new(filter) }),
        // SAFETY: the same.
        || object.recover_held(unsafe { HttpHandle::new(filter) }),
    );
}

impl HttpHandle<'_> {
    /// Lends the configuration of the chosen route or its virtual host.
    pub(crate) fn with_route<R>(&self, read: impl FnOnce(Option<&Arc<RouteConfig>>) -> R) -> R {
        let object = self.route_config().cast_const().cast::<RouteConfig>();
        if object.is_null() {
            return read(None);
        }
        // SAFETY: the only pointers Envoy holds as route configuration of this filter are those of `per_route_config_new`; the stream's route keeps it, and
        // the count is left as it is.
        let route = unsafe { ManuallyDrop::new(Arc::from_raw(object)) };
        read(Some(&route))
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_new(_: Pointer, _name: Buffer, config: Buffer) -> Pointer {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the text is valid for the hook.
        let text = unsafe { config.bytes() };
        let Some(config) = HttpFilterConfig::load(text, "HTTP filter") else { return std::ptr::null_mut() };
        config.transport.install();
        Arc::into_raw(config).cast_mut().cast()
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(config: Pointer) {
    // SAFETY: the pointer came from `config_new`, which is never null for a configuration in use, and is given back once.
    let config = unsafe { Arc::from_raw(config.cast_const().cast::<HttpFilterConfig>()) };
    guard((), || config.transport.withdraw());
    guard((), || drop(config));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_new(_name: Buffer, config: Buffer) -> Pointer {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the text is valid for the hook.
        let text = unsafe { config.bytes() };
        RouteConfig::load(text).map_or(std::ptr::null_mut(), |config| Arc::into_raw(config).cast_mut().cast())
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_destroy(config: Pointer) {
    // SAFETY: the pointer came from `per_route_config_new` and is given back once.
    guard((), || drop(unsafe { Arc::from_raw(config.cast_const().cast::<RouteConfig>()) }));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_new(config: Pointer, filter: Pointer) -> Pointer {
    guard(absent(), || {
        // SAFETY: the configuration outlives its filters; it is only borrowed here.
        let config = unsafe { ManuallyDrop::new(Arc::from_raw(config.cast_const().cast())) };
        // SAFETY: the pointer is live for the hook.
        let mut envoy = unsafe { HttpHandle::new(filter) };
        Rc::into_raw(Rc::new(HttpFilter::new(&config, &mut envoy))).cast_mut().cast()
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_destroy(module: Pointer) {
    if module == absent() {
        return;
    }
    // SAFETY: the pointer came from `new`, and this takes back the reference that Envoy held.
    let object = unsafe { Rc::from_raw(module.cast_const().cast::<HttpFilter>()) };
    guard((), || object.destroyed());
    guard((), || drop(object));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(f: Pointer, m: Pointer, _end: bool) -> u32 {
    // SAFETY: Envoy's pointers for this hook.
    let Some(object) = (unsafe { shared::<HttpFilter>(m) }) else { return HeadersStatus::Continue as u32 };
    let status = guard_or(
        HeadersStatus::Continue,
        // SAFETY: the pointer is live for the hook, and the handle ends with it.
        || object.request_headers(unsafe { HttpHandle::new(f) }),
        // SAFETY: the same.
        || object.recover_headers(unsafe { HttpHandle::new(f) }),
    );
    status as u32
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_body(_: Pointer, _: Pointer, _end: bool) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(f: Pointer, m: Pointer) -> u32 {
    // SAFETY: Envoy's pointers for this hook.
    unsafe { with(f, m, (), |object, envoy| object.request_trailers(&envoy)) };
    0
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(f: Pointer, m: Pointer, _end: bool) -> u32 {
    // SAFETY: Envoy's pointers for this hook.
    unsafe { with(f, m, (), |object, mut envoy| object.response_headers(&mut envoy)) };
    0
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_body(_: Pointer, _: Pointer, _end: bool) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_trailers(_: Pointer, _: Pointer) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(f: Pointer, m: Pointer) {
    // SAFETY: Envoy's pointers for this hook.
    unsafe { with(f, m, (), |object, envoy| object.stream_complete(&envoy)) };
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_callout_done(
    _: Pointer,
    _: Pointer,
    _id: u64,
    _result: u32,
    _headers: *const Header<'_>,
    _header_count: usize,
    _chunks: *const Buffer,
    _chunk_count: usize,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_headers(
    f: Pointer,
    m: Pointer,
    id: u64,
    headers: *const Header<'_>,
    count: usize,
    _end: bool,
) {
    // SAFETY: Envoy's pointers for this hook; the headers are valid until it returns.
    unsafe { with_recovery(f, m, |object, _| object.call_headers(id, slice(headers, count))) };
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_data(
    f: Pointer,
    m: Pointer,
    id: u64,
    chunks: *const Buffer,
    count: usize,
    _end: bool,
) {
    // SAFETY: Envoy's pointers for this hook; the chunks are valid until it returns.
    unsafe {
        with_recovery(f, m, |object, _| {
            for chunk in slice(chunks, count) {
                object.call_data(id, chunk.bytes());
            }
        });
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_trailers(
    f: Pointer,
    m: Pointer,
    id: u64,
    trailers: *const Header<'_>,
    count: usize,
) {
    // SAFETY: Envoy's pointers for this hook; the trailers are valid until it returns.
    unsafe { with_recovery(f, m, |object, _| object.call_trailers(id, slice(trailers, count))) };
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_complete(f: Pointer, m: Pointer, id: u64) {
    // SAFETY: Envoy's pointers for this hook.
    unsafe { with_recovery(f, m, |object, envoy| object.call_complete(envoy, id)) };
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_reset(f: Pointer, m: Pointer, id: u64, _reason: u32) {
    // SAFETY: Envoy's pointers for this hook.
    unsafe { with_recovery(f, m, |object, envoy| object.call_reset(envoy, id)) };
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_scheduled(f: Pointer, m: Pointer, event: u64) {
    // SAFETY: Envoy's pointers for this hook.
    unsafe { with_recovery(f, m, |object, envoy| object.scheduled(envoy, event)) };
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(_: Pointer, _: Pointer) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(_: Pointer, _: Pointer) {}
