//! A stream as the HTTP filter sees it.

use std::marker::PhantomData;

use super::abi::{
    Attribute, Buffer, CalloutStart, Header, HeaderKind, MetadataSource, Pointer, StreamView, copy_buffers,
    read_headers,
};

unsafe extern "C" {
    fn envoy_dynamic_module_callback_http_get_headers_size(filter: Pointer, kind: u32) -> usize;
    fn envoy_dynamic_module_callback_http_get_headers(filter: Pointer, kind: u32, out: *mut Header<'static>) -> bool;
    fn envoy_dynamic_module_callback_http_set_header(filter: Pointer, kind: u32, key: Buffer, value: Buffer) -> bool;
    fn envoy_dynamic_module_callback_http_add_header(filter: Pointer, kind: u32, key: Buffer, value: Buffer) -> bool;
    fn envoy_dynamic_module_callback_http_send_response(
        filter: Pointer,
        status: u32,
        headers: *const Header<'_>,
        count: usize,
        body: Buffer,
        details: Buffer,
    );
    fn envoy_dynamic_module_callback_http_filter_continue_decoding(filter: Pointer);
    fn envoy_dynamic_module_callback_http_clear_route_cache(filter: Pointer);
    fn envoy_dynamic_module_callback_get_most_specific_route_config(filter: Pointer) -> Pointer;
    fn envoy_dynamic_module_callback_http_filter_get_worker_index(filter: Pointer) -> u32;
    fn envoy_dynamic_module_callback_http_add_custom_flag(filter: Pointer, flag: Buffer);
    fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
        filter: Pointer,
        id: u32,
        out: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_filter_get_attribute_int(filter: Pointer, id: u32, out: *mut u64) -> bool;
    fn envoy_dynamic_module_callback_http_filter_get_attribute_bool(filter: Pointer, id: u32, out: *mut bool) -> bool;
    fn envoy_dynamic_module_callback_http_set_dynamic_metadata_string(
        filter: Pointer,
        namespace: Buffer,
        key: Buffer,
        value: Buffer,
    );
    fn envoy_dynamic_module_callback_http_get_metadata_string(
        filter: Pointer,
        source: u32,
        namespace: Buffer,
        key: Buffer,
        out: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_metadata_namespaces_count(filter: Pointer, source: u32) -> usize;
    fn envoy_dynamic_module_callback_http_get_metadata_namespaces(
        filter: Pointer,
        source: u32,
        out: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_metadata_keys_count(
        filter: Pointer,
        source: u32,
        namespace: Buffer,
    ) -> usize;
    fn envoy_dynamic_module_callback_http_get_metadata_keys(
        filter: Pointer,
        source: u32,
        namespace: Buffer,
        out: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_metadata_list_size(
        filter: Pointer,
        source: u32,
        namespace: Buffer,
        key: Buffer,
        out: *mut usize,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_metadata_list_string(
        filter: Pointer,
        source: u32,
        namespace: Buffer,
        key: Buffer,
        index: usize,
        out: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_filter_start_http_stream(
        filter: Pointer,
        id: *mut u64,
        cluster: Buffer,
        headers: *const Header<'_>,
        count: usize,
        body: Buffer,
        end_stream: bool,
        timeout_ms: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_reset_http_stream(filter: Pointer, id: u64);
    fn envoy_dynamic_module_callback_http_filter_scheduler_new(filter: Pointer) -> Pointer;
    fn envoy_dynamic_module_callback_http_filter_scheduler_commit(scheduler: Pointer, event: u64);
    fn envoy_dynamic_module_callback_http_filter_scheduler_delete(scheduler: Pointer);
}

/// One stream, valid for one hook. The calls that may run further hooks of the same stream, or end it, consume the handle.
pub(crate) struct HttpHandle<'hook> {
    filter: Pointer,
    hook: PhantomData<&'hook ()>,
}

impl HttpHandle<'_> {
    /// # Safety
    /// `filter` is the pointer Envoy passed to the running hook, and the handle does not outlive that hook.
    pub(super) unsafe fn new<'hook>(filter: Pointer) -> HttpHandle<'hook> {
        HttpHandle { filter, hook: PhantomData }
    }

    /// Makes `value` the only value of a header. False if the map does not exist (yet).
    pub(crate) fn set_header(&mut self, kind: HeaderKind, name: &str, value: &[u8]) -> bool {
        let (name, value) = (Buffer::new(name.as_bytes()), Buffer::new(value));
        // SAFETY: the filter is live and Envoy copies both buffers.
        unsafe { envoy_dynamic_module_callback_http_set_header(self.filter, kind as u32, name, value) }
    }

    /// Removes all values of a header.
    pub(crate) fn remove_header(&mut self, kind: HeaderKind, name: &str) -> bool {
        let name = Buffer::new(name.as_bytes());
        // SAFETY: the filter is live; a null value means removal.
        unsafe { envoy_dynamic_module_callback_http_set_header(self.filter, kind as u32, name, Buffer::EMPTY) }
    }

    /// Adds one more line for a header.
    pub(crate) fn add_header(&mut self, kind: HeaderKind, name: &str, value: &[u8]) -> bool {
        let (name, value) = (Buffer::new(name.as_bytes()), Buffer::new(value));
        // SAFETY: the filter is live and Envoy copies both buffers.
        unsafe { envoy_dynamic_module_callback_http_add_header(self.filter, kind as u32, name, value) }
    }

    /// Answers the request from here. The hooks for local replies and for the end of the stream may run inside.
    pub(crate) fn send_response(self, status: u32, headers: &[Header<'_>], body: &[u8], details: &str) {
        let details = Buffer::new(details.as_bytes());
        // SAFETY: the filter is live; Envoy copies headers, body and details during the call.
        unsafe {
            envoy_dynamic_module_callback_http_send_response(
                self.filter,
                status,
                headers.as_ptr(),
                headers.len(),
                Buffer::new(body),
                details,
            );
        }
    }

    /// Lets a held request go on. Further hooks of the stream may run inside.
    pub(crate) fn continue_decoding(self) {
        // SAFETY: the filter is live and was stopped by its own answer to the headers hook.
        unsafe { envoy_dynamic_module_callback_http_filter_continue_decoding(self.filter) }
    }

    /// Has the route chosen again, after headers that routing reads were changed.
    pub(crate) fn clear_route_cache(&mut self) {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_http_clear_route_cache(self.filter) }
    }

    /// What `per_route_config_new` returned for the route or its virtual host.
    pub(super) fn route_config(&self) -> Pointer {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_get_most_specific_route_config(self.filter) }
    }

    /// 0-based number of the worker that owns the stream.
    pub(crate) fn worker_index(&self) -> usize {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_http_filter_get_worker_index(self.filter) as usize }
    }

    /// A flag that `%CUSTOM_FLAGS%` shows.
    pub(crate) fn add_custom_flag(&mut self, flag: &str) {
        // SAFETY: the filter is live and Envoy copies the flag.
        unsafe { envoy_dynamic_module_callback_http_add_custom_flag(self.filter, Buffer::new(flag.as_bytes())) }
    }

    pub(crate) fn set_dynamic_metadata(&mut self, namespace: &str, key: &str, value: &str) {
        let [namespace, key, value] = [namespace, key, value].map(|text| Buffer::new(text.as_bytes()));
        // SAFETY: the filter is live and Envoy copies the buffers.
        unsafe { envoy_dynamic_module_callback_http_set_dynamic_metadata_string(self.filter, namespace, key, value) }
    }

    /// One metadata value that is a string.
    pub(crate) fn metadata<R>(
        &self,
        source: MetadataSource,
        namespace: &[u8],
        key: &[u8],
        read: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        let mut value = Buffer::EMPTY;
        let (namespace, key) = (Buffer::new(namespace), Buffer::new(key));
        // SAFETY: the filter is live and the out pointer is valid.
        let found = unsafe {
            let source = source as u32;
            envoy_dynamic_module_callback_http_get_metadata_string(self.filter, source, namespace, key, &mut value)
        };
        // SAFETY: the value borrows from the metadata, which nothing changes while `read` holds it.
        found.then(|| read(unsafe { value.bytes() }))
    }

    /// The strings of a metadata value that is a list; an element of another type is an empty string.
    pub(crate) fn metadata_list(&self, source: MetadataSource, namespace: &[u8], key: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut size = 0usize;
        let (namespace, key) = (Buffer::new(namespace), Buffer::new(key));
        // SAFETY: the filter is live and the out pointer is valid.
        let is_list = unsafe {
            let source = source as u32;
            envoy_dynamic_module_callback_http_get_metadata_list_size(self.filter, source, namespace, key, &mut size)
        };
        is_list.then(|| {
            let element = |index| {
                let mut value = Buffer::EMPTY;
                // SAFETY: as above; the value is copied before the next call.
                unsafe {
                    let found = envoy_dynamic_module_callback_http_get_metadata_list_string(
                        self.filter,
                        source as u32,
                        namespace,
                        key,
                        index,
                        &mut value,
                    );
                    if found { value.bytes().to_vec() } else { Vec::new() }
                }
            };
            (0..size).map(element).collect()
        })
    }

    /// Whether the stream has any metadata namespace of this source; one call, for the usual case of none.
    pub(crate) fn metadata_namespace_count(&self, source: MetadataSource) -> usize {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_http_get_metadata_namespaces_count(self.filter, source as u32) }
    }

    pub(crate) fn metadata_namespaces(&self, source: MetadataSource) -> Vec<Vec<u8>> {
        let count = self.metadata_namespace_count(source);
        // SAFETY: Envoy writes `count` buffers, which `copy_buffers` copies at once.
        unsafe {
            copy_buffers(count, |out| {
                envoy_dynamic_module_callback_http_get_metadata_namespaces(self.filter, source as u32, out)
            })
        }
    }

    pub(crate) fn metadata_keys(&self, source: MetadataSource, namespace: &[u8]) -> Vec<Vec<u8>> {
        let namespace = Buffer::new(namespace);
        // SAFETY: the filter is live; Envoy writes `count` buffers, which `copy_buffers` copies at once.
        unsafe {
            let count =
                envoy_dynamic_module_callback_http_get_metadata_keys_count(self.filter, source as u32, namespace);
            copy_buffers(count, |out| {
                envoy_dynamic_module_callback_http_get_metadata_keys(self.filter, source as u32, namespace, out)
            })
        }
    }

    /// Starts a request with a whole body on a cluster; its events come to this filter's stream hooks, none after the filter is gone.
    pub(crate) fn start_stream(
        &mut self,
        cluster: &str,
        headers: &[Header<'_>],
        body: &[u8],
        timeout_ms: u64,
    ) -> CalloutStart {
        let mut id = 0u64;
        // SAFETY: the filter is live; Envoy copies headers and body during the call; the out pointer is valid.
        let result = unsafe {
            envoy_dynamic_module_callback_http_filter_start_http_stream(
                self.filter,
                &mut id,
                Buffer::new(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                Buffer::new(body),
                true,
                timeout_ms,
            )
        };
        CalloutStart::new(result, id)
    }

    /// Gives up a request started by [`HttpHandle::start_stream`]; its reset hook may run inside.
    pub(crate) fn reset_stream(&mut self, id: u64) {
        // SAFETY: the filter is live; an unknown id is ignored by Envoy.
        unsafe { envoy_dynamic_module_callback_http_filter_reset_http_stream(self.filter, id) }
    }

    /// A way to wake this stream from any thread.
    pub(crate) fn scheduler(&self) -> HttpScheduler {
        // SAFETY: the filter is live; the scheduler belongs to us and is deleted on drop.
        HttpScheduler(unsafe { envoy_dynamic_module_callback_http_filter_scheduler_new(self.filter) })
    }
}

impl StreamView for HttpHandle<'_> {
    fn with_headers<R>(&self, kind: HeaderKind, read: impl FnOnce(&[Header<'_>]) -> R) -> R {
        // SAFETY: the filter is live; Envoy fills as many entries as it has just counted; the map stands until `read` returns.
        unsafe {
            let count = envoy_dynamic_module_callback_http_get_headers_size(self.filter, kind as u32);
            read_headers(
                count,
                |out| envoy_dynamic_module_callback_http_get_headers(self.filter, kind as u32, out),
                read,
            )
        }
    }

    fn attribute<R>(&self, attribute: Attribute, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut value = Buffer::EMPTY;
        let id = attribute as u32;
        // SAFETY: the filter is live and the out pointer is valid.
        let found =
            unsafe { envoy_dynamic_module_callback_http_filter_get_attribute_string(self.filter, id, &mut value) };
        // SAFETY: the bytes stand until the next attribute is read, which `read` cannot do to the same buffer: it gets the bytes only.
        found.then(|| read(unsafe { value.bytes() }))
    }

    fn number(&self, attribute: Attribute) -> Option<u64> {
        let mut value = 0u64;
        let id = attribute as u32;
        // SAFETY: the filter is live and the out pointer is valid.
        let found = unsafe { envoy_dynamic_module_callback_http_filter_get_attribute_int(self.filter, id, &mut value) };
        found.then_some(value)
    }

    fn is(&self, attribute: Attribute) -> bool {
        let mut value = false;
        let id = attribute as u32;
        // SAFETY: the filter is live and the out pointer is valid.
        let found =
            unsafe { envoy_dynamic_module_callback_http_filter_get_attribute_bool(self.filter, id, &mut value) };
        found && value
    }
}

/// Wakes one stream on its own worker: `http_filter_scheduled` runs there with the event. Does nothing once the stream is gone.
pub(crate) struct HttpScheduler(Pointer);

// SAFETY: Envoy allows commit and deletion from any thread.
unsafe impl Send for HttpScheduler {}
// SAFETY: commit only posts to the worker's event loop and may be called by several threads at once.
unsafe impl Sync for HttpScheduler {}

impl HttpScheduler {
    pub(crate) fn commit(&self, event: u64) {
        // SAFETY: the scheduler lives until drop.
        unsafe { envoy_dynamic_module_callback_http_filter_scheduler_commit(self.0, event) }
    }
}

impl Drop for HttpScheduler {
    fn drop(&mut self) {
        // SAFETY: made by scheduler_new and deleted once.
        unsafe { envoy_dynamic_module_callback_http_filter_scheduler_delete(self.0) }
    }
}
