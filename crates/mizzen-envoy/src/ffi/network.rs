//! A connection as the network filter sees it.

use std::marker::PhantomData;
use std::net::IpAddr;

use super::abi::{Attribute, Buffer, CalloutStart, Header, Pointer, copy_buffers};
use crate::address;

unsafe extern "C" {
    fn envoy_dynamic_module_callback_network_filter_http_callout(
        filter: Pointer,
        id: *mut u64,
        cluster: Buffer,
        headers: *const Header<'_>,
        count: usize,
        body: Buffer,
        timeout_ms: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_network_filter_continue_reading(filter: Pointer);
    fn envoy_dynamic_module_callback_network_filter_read_disable(filter: Pointer, disable: bool) -> u32;
    fn envoy_dynamic_module_callback_network_filter_read_enabled(filter: Pointer) -> bool;
    fn envoy_dynamic_module_callback_network_filter_get_write_buffer_chunks_size(filter: Pointer) -> usize;
    fn envoy_dynamic_module_callback_network_filter_get_write_buffer_chunks(filter: Pointer, out: *mut Buffer) -> bool;
    fn envoy_dynamic_module_callback_network_filter_drain_write_buffer(filter: Pointer, length: usize) -> bool;
    fn envoy_dynamic_module_callback_network_filter_inject_write_data(filter: Pointer, data: Buffer, end: bool);
    fn envoy_dynamic_module_callback_network_filter_is_ssl(filter: Pointer) -> bool;
    fn envoy_dynamic_module_callback_network_filter_close_with_details(filter: Pointer, kind: u32, details: Buffer);
    fn envoy_dynamic_module_callback_network_filter_get_connection_id(filter: Pointer) -> u64;
    fn envoy_dynamic_module_callback_network_filter_get_remote_address(
        filter: Pointer,
        out: *mut Buffer,
        port: *mut u32,
    ) -> bool;
    fn envoy_dynamic_module_callback_network_filter_get_local_address(
        filter: Pointer,
        out: *mut Buffer,
        port: *mut u32,
    ) -> bool;
    fn envoy_dynamic_module_callback_network_filter_has_upstream_host(filter: Pointer) -> bool;
    fn envoy_dynamic_module_callback_network_filter_get_upstream_host_address(
        filter: Pointer,
        out: *mut Buffer,
        port: *mut u32,
    ) -> bool;
    fn envoy_dynamic_module_callback_network_filter_get_attribute_string(
        filter: Pointer,
        id: u32,
        out: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_network_filter_get_attribute_bool(
        filter: Pointer,
        id: u32,
        out: *mut bool,
    ) -> bool;
    fn envoy_dynamic_module_callback_network_filter_get_worker_index(filter: Pointer) -> u32;
    fn envoy_dynamic_module_callback_network_set_dynamic_metadata_string(
        filter: Pointer,
        namespace: Buffer,
        key: Buffer,
        value: Buffer,
    );
    fn envoy_dynamic_module_callback_network_filter_scheduler_new(filter: Pointer) -> Pointer;
    fn envoy_dynamic_module_callback_network_filter_scheduler_commit(scheduler: Pointer, event: u64);
    fn envoy_dynamic_module_callback_network_filter_scheduler_delete(scheduler: Pointer);
}

/// The answer of the hooks for a new connection and for data.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FilterStatus {
    Continue = 0,
    StopIteration = 1,
}

/// How a connection is closed.
#[repr(u32)]
#[derive(Clone, Copy)]
pub(crate) enum CloseKind {
    /// What is on its way to the client goes out first.
    FlushWrite = 0,
    /// At once.
    NoFlush = 1,
}

type AddressGetter = unsafe extern "C" fn(Pointer, *mut Buffer, *mut u32) -> bool;

/// One connection, valid for one hook. The calls that may run further hooks of the same connection, or end it, consume the handle.
pub(crate) struct NetworkHandle<'hook> {
    filter: Pointer,
    hook: PhantomData<&'hook ()>,
}

impl NetworkHandle<'_> {
    /// # Safety
    /// `filter` is the pointer Envoy passed to the running hook, and the handle does not outlive that hook.
    pub(super) unsafe fn new<'hook>(filter: Pointer) -> NetworkHandle<'hook> {
        NetworkHandle { filter, hook: PhantomData }
    }

    /// Starts one request with a whole body to a cluster; the answer comes to the `http_callout_done` hook.
    pub(crate) fn callout(
        &mut self,
        cluster: &str,
        headers: &[Header<'_>],
        body: &[u8],
        timeout_ms: u64,
    ) -> CalloutStart {
        let mut id = 0u64;
        // SAFETY: the filter is live; Envoy copies headers and body during the call; the out pointer is valid.
        let result = unsafe {
            envoy_dynamic_module_callback_network_filter_http_callout(
                self.filter,
                &mut id,
                Buffer::new(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                Buffer::new(body),
                timeout_ms,
            )
        };
        CalloutStart::new(result, id)
    }

    /// Lets a held connection go on. Further hooks of the connection may run inside.
    pub(crate) fn continue_reading(self) {
        // SAFETY: the filter is live and was stopped by its own answer to an earlier hook.
        unsafe { envoy_dynamic_module_callback_network_filter_continue_reading(self.filter) }
    }

    /// Adds a reason not to read from the client, or takes one away: Envoy counts them.
    pub(crate) fn read_disable(&mut self, disable: bool) {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_network_filter_read_disable(self.filter, disable) };
    }

    /// Whether Envoy reads from the client.
    pub(crate) fn is_reading(&self) -> bool {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_network_filter_read_enabled(self.filter) }
    }

    /// Sends the data for the client that the running hook was called for, without the end that comes with it. The hook must then answer to go no further.
    pub(crate) fn write_without_end(&mut self) {
        // SAFETY: the filter is live; Envoy fills as many entries as it has just counted, which stand until the buffer is changed.
        let data = unsafe {
            let count = envoy_dynamic_module_callback_network_filter_get_write_buffer_chunks_size(self.filter);
            let fill = |out| envoy_dynamic_module_callback_network_filter_get_write_buffer_chunks(self.filter, out);
            copy_buffers(count, fill).concat()
        };
        if data.is_empty() {
            return;
        }
        // SAFETY: the filter is live; Envoy copies the data before the call returns.
        unsafe {
            envoy_dynamic_module_callback_network_filter_drain_write_buffer(self.filter, data.len());
            envoy_dynamic_module_callback_network_filter_inject_write_data(self.filter, Buffer::new(&data), false);
        }
    }

    /// Ends our side towards the client. If the client has ended its own, the connection is closed inside.
    pub(crate) fn write_end(self) {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_network_filter_inject_write_data(self.filter, Buffer::EMPTY, true) }
    }

    /// Whether the connection has TLS, its handshake done or not.
    pub(crate) fn is_tls(&self) -> bool {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_network_filter_is_ssl(self.filter) }
    }

    /// Closes the connection. Its hooks for the close and for the end of the filter may run inside.
    pub(crate) fn close(self, kind: CloseKind, details: &str) {
        let details = Buffer::new(details.as_bytes());
        // SAFETY: the filter is live; Envoy copies the details.
        unsafe {
            envoy_dynamic_module_callback_network_filter_close_with_details(self.filter, kind as u32, details);
        }
    }

    /// Envoy's number of the connection, unique in the process.
    pub(crate) fn connection_id(&self) -> u64 {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_network_filter_get_connection_id(self.filter) }
    }

    /// 0-based number of the worker that owns the connection.
    pub(crate) fn worker_index(&self) -> usize {
        // SAFETY: the filter is live.
        unsafe { envoy_dynamic_module_callback_network_filter_get_worker_index(self.filter) as usize }
    }

    /// The client's address; `None` for a Unix socket.
    pub(crate) fn remote_address(&self) -> Option<(IpAddr, u32)> {
        self.address(envoy_dynamic_module_callback_network_filter_get_remote_address)
    }

    /// The address that the client has connected to; `None` for a Unix socket.
    pub(crate) fn local_address(&self) -> Option<(IpAddr, u32)> {
        self.address(envoy_dynamic_module_callback_network_filter_get_local_address)
    }

    /// The address of the chosen endpoint, if one is chosen.
    pub(crate) fn upstream_address(&self) -> Option<(IpAddr, u32)> {
        // SAFETY: the filter is live.
        if !unsafe { envoy_dynamic_module_callback_network_filter_has_upstream_host(self.filter) } {
            return None;
        }
        self.address(envoy_dynamic_module_callback_network_filter_get_upstream_host_address)
    }

    fn address(&self, get: AddressGetter) -> Option<(IpAddr, u32)> {
        let (mut text, mut port) = (Buffer::EMPTY, 0u32);
        // SAFETY: the filter is live and the out pointers are valid.
        let found = unsafe { get(self.filter, &mut text, &mut port) };
        // SAFETY: the text stands until the next getter, and it is read here and now.
        let (address, _) = found.then(|| address::parse(unsafe { text.bytes() }))??;
        Some((address, port))
    }

    /// The text of an attribute; empty if Envoy has none.
    pub(crate) fn attribute(&self, attribute: Attribute) -> Vec<u8> {
        let mut value = Buffer::EMPTY;
        let id = attribute as u32;
        // SAFETY: the filter is live and the out pointer is valid.
        let found =
            unsafe { envoy_dynamic_module_callback_network_filter_get_attribute_string(self.filter, id, &mut value) };
        // SAFETY: the bytes stand until the next attribute is read, and are copied before.
        if found { unsafe { value.bytes() }.to_vec() } else { Vec::new() }
    }

    /// An attribute that is true or false; false also stands for not available.
    pub(crate) fn is(&self, attribute: Attribute) -> bool {
        let mut value = false;
        let id = attribute as u32;
        // SAFETY: the filter is live and the out pointer is valid.
        let found =
            unsafe { envoy_dynamic_module_callback_network_filter_get_attribute_bool(self.filter, id, &mut value) };
        found && value
    }

    /// Sets one text of the connection's dynamic metadata, which later filters and access logs can read.
    pub(crate) fn set_dynamic_metadata(&mut self, namespace: &str, key: &str, value: &str) {
        let [namespace, key, value] = [namespace, key, value].map(|text| Buffer::new(text.as_bytes()));
        // SAFETY: the filter is live and Envoy copies the texts.
        unsafe {
            envoy_dynamic_module_callback_network_set_dynamic_metadata_string(self.filter, namespace, key, value);
        }
    }

    /// A way to wake this connection from any thread.
    pub(crate) fn scheduler(&self) -> NetworkScheduler {
        // SAFETY: the filter is live; the scheduler is ours until drop.
        NetworkScheduler(unsafe { envoy_dynamic_module_callback_network_filter_scheduler_new(self.filter) })
    }
}

/// Wakes one connection on its own worker: `network_filter_scheduled` runs there with the event. Does nothing once the connection is gone.
pub(crate) struct NetworkScheduler(Pointer);

// SAFETY: Envoy allows commit and deletion from any thread.
unsafe impl Send for NetworkScheduler {}
// SAFETY: commit only posts to the worker's event loop and may be called by several threads at once.
unsafe impl Sync for NetworkScheduler {}

impl NetworkScheduler {
    pub(crate) fn commit(&self, event: u64) {
        // SAFETY: the scheduler lives until drop.
        unsafe { envoy_dynamic_module_callback_network_filter_scheduler_commit(self.0, event) }
    }
}

impl Drop for NetworkScheduler {
    fn drop(&mut self) {
        // SAFETY: made by scheduler_new and deleted once.
        unsafe { envoy_dynamic_module_callback_network_filter_scheduler_delete(self.0) }
    }
}
