//! A finished stream as the access logger sees it.

use std::marker::PhantomData;

use super::abi::{Attribute, Buffer, BytesInfo, Header, HeaderKind, Pointer, StreamView, Timing, read_headers};

unsafe extern "C" {
    fn envoy_dynamic_module_callback_access_logger_get_headers_size(log: Pointer, kind: u32) -> usize;
    fn envoy_dynamic_module_callback_access_logger_get_headers(
        log: Pointer,
        kind: u32,
        out: *mut Header<'static>,
    ) -> bool;
    fn envoy_dynamic_module_callback_access_logger_get_timing_info(log: Pointer, out: *mut Timing);
    fn envoy_dynamic_module_callback_access_logger_get_bytes_info(log: Pointer, out: *mut BytesInfo);
    fn envoy_dynamic_module_callback_access_logger_get_attribute_string(
        log: Pointer,
        id: u32,
        out: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_access_logger_get_attribute_int(log: Pointer, id: u32, out: *mut u64) -> bool;
    fn envoy_dynamic_module_callback_access_logger_get_attribute_bool(log: Pointer, id: u32, out: *mut bool) -> bool;
    fn envoy_dynamic_module_callback_access_logger_get_dynamic_metadata(
        log: Pointer,
        namespace: Buffer,
        path: Buffer,
        out: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_access_logger_get_worker_index(log: Pointer) -> u32;
}

/// The record of one stream, valid for one call of the log hook.
pub(crate) struct LogHandle<'hook> {
    log: Pointer,
    hook: PhantomData<&'hook ()>,
}

impl LogHandle<'_> {
    /// # Safety
    /// `log` is the pointer Envoy passed to the running hook, and the handle does not outlive that hook.
    pub(super) unsafe fn new<'hook>(log: Pointer) -> LogHandle<'hook> {
        LogHandle { log, hook: PhantomData }
    }

    /// How many lines a header map has.
    pub(crate) fn header_count(&self, kind: HeaderKind) -> usize {
        // SAFETY: the log context is live.
        unsafe { envoy_dynamic_module_callback_access_logger_get_headers_size(self.log, kind as u32) }
    }

    pub(crate) fn timing(&self) -> Timing {
        let mut timing = Timing::default();
        // SAFETY: the log context is live and the out pointer is valid.
        unsafe { envoy_dynamic_module_callback_access_logger_get_timing_info(self.log, &mut timing) };
        timing
    }

    pub(crate) fn bytes(&self) -> BytesInfo {
        let mut bytes = BytesInfo::default();
        // SAFETY: the log context is live and the out pointer is valid.
        unsafe { envoy_dynamic_module_callback_access_logger_get_bytes_info(self.log, &mut bytes) };
        bytes
    }

    /// One dynamic-metadata value that is a string.
    pub(crate) fn dynamic_metadata<R>(&self, namespace: &str, key: &str, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut value = Buffer::EMPTY;
        let [namespace, key] = [namespace, key].map(|text| Buffer::new(text.as_bytes()));
        // SAFETY: the log context is live and the out pointer is valid.
        let found = unsafe {
            envoy_dynamic_module_callback_access_logger_get_dynamic_metadata(self.log, namespace, key, &mut value)
        };
        // SAFETY: the value stands until the next getter, and `read` gets the bytes only.
        found.then(|| read(unsafe { value.bytes() }))
    }

    /// 0-based number of the worker; the main thread's logger has the number after the last worker.
    pub(crate) fn worker_index(&self) -> usize {
        // SAFETY: the log context is live.
        unsafe { envoy_dynamic_module_callback_access_logger_get_worker_index(self.log) as usize }
    }
}

impl StreamView for LogHandle<'_> {
    fn with_headers<R>(&self, kind: HeaderKind, read: impl FnOnce(&[Header<'_>]) -> R) -> R {
        // SAFETY: the log context is live; Envoy fills as many entries as it has just counted; the maps stand until the hook returns.
        unsafe {
            let count = envoy_dynamic_module_callback_access_logger_get_headers_size(self.log, kind as u32);
            read_headers(
                count,
                |out| envoy_dynamic_module_callback_access_logger_get_headers(self.log, kind as u32, out),
                read,
            )
        }
    }

    fn attribute<R>(&self, attribute: Attribute, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut value = Buffer::EMPTY;
        let id = attribute as u32;
        // SAFETY: the log context is live and the out pointer is valid.
        let found =
            unsafe { envoy_dynamic_module_callback_access_logger_get_attribute_string(self.log, id, &mut value) };
        // SAFETY: the bytes stand until the next attribute is read, and `read` gets the bytes only.
        found.then(|| read(unsafe { value.bytes() }))
    }

    fn number(&self, attribute: Attribute) -> Option<u64> {
        let mut value = 0u64;
        let id = attribute as u32;
        // SAFETY: the log context is live and the out pointer is valid.
        let found = unsafe { envoy_dynamic_module_callback_access_logger_get_attribute_int(self.log, id, &mut value) };
        found.then_some(value)
    }

    fn is(&self, attribute: Attribute) -> bool {
        let mut value = false;
        let id = attribute as u32;
        // SAFETY: the log context is live and the out pointer is valid.
        let found = unsafe { envoy_dynamic_module_callback_access_logger_get_attribute_bool(self.log, id, &mut value) };
        found && value
    }
}
