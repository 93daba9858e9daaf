//! The main thread: timers, wake-ups, calls to clusters, metrics, and the end of the process.

use super::abi::{Buffer, CalloutStart, Header, Pointer};

unsafe extern "C" {
    fn envoy_dynamic_module_callback_bootstrap_extension_config_signal_init_complete(config: Pointer);
    fn envoy_dynamic_module_callback_bootstrap_extension_config_scheduler_new(config: Pointer) -> Pointer;
    fn envoy_dynamic_module_callback_bootstrap_extension_config_scheduler_commit(scheduler: Pointer, event: u64);
    fn envoy_dynamic_module_callback_bootstrap_extension_config_scheduler_delete(scheduler: Pointer);
    fn envoy_dynamic_module_callback_bootstrap_extension_http_callout(
        config: Pointer,
        id: *mut u64,
        cluster: Buffer,
        headers: *const Header<'_>,
        count: usize,
        body: Buffer,
        timeout_ms: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_bootstrap_extension_timer_new(config: Pointer) -> Pointer;
    fn envoy_dynamic_module_callback_bootstrap_extension_timer_enable(timer: Pointer, ms: u64);
    fn envoy_dynamic_module_callback_bootstrap_extension_timer_delete(timer: Pointer);
    fn envoy_dynamic_module_callback_bootstrap_extension_config_define_counter(
        config: Pointer,
        name: Buffer,
        labels: *const Buffer,
        count: usize,
        id: *mut usize,
    ) -> u32;
    fn envoy_dynamic_module_callback_bootstrap_extension_config_increment_counter(
        config: Pointer,
        id: usize,
        values: *const Buffer,
        count: usize,
        by: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_bootstrap_extension_config_define_gauge(
        config: Pointer,
        name: Buffer,
        labels: *const Buffer,
        count: usize,
        id: *mut usize,
    ) -> u32;
    fn envoy_dynamic_module_callback_bootstrap_extension_config_set_gauge(
        config: Pointer,
        id: usize,
        values: *const Buffer,
        count: usize,
        value: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_bootstrap_extension_config_define_histogram(
        config: Pointer,
        name: Buffer,
        labels: *const Buffer,
        count: usize,
        id: *mut usize,
    ) -> u32;
    fn envoy_dynamic_module_callback_bootstrap_extension_config_record_histogram_value(
        config: Pointer,
        id: usize,
        values: *const Buffer,
        count: usize,
        value: u64,
    ) -> u32;
}

/// Envoy's side of the bootstrap extension, valid from `config_new` to `config_destroy`; main thread only (not `Send`).
pub(crate) struct BootstrapHandle(Pointer);

impl BootstrapHandle {
    /// # Safety
    /// `config` is the pointer Envoy passed to `bootstrap_extension_config_new`, and the handle is dropped before that configuration is.
    pub(super) unsafe fn new(config: Pointer) -> BootstrapHandle {
        BootstrapHandle(config)
    }

    /// Lets Envoy go on with its start; without it no listener ever opens.
    pub(crate) fn signal_init_complete(&self) {
        // SAFETY: the configuration is live.
        unsafe { envoy_dynamic_module_callback_bootstrap_extension_config_signal_init_complete(self.0) }
    }

    /// A way to wake the main thread from any other.
    pub(crate) fn scheduler(&self) -> BootstrapScheduler {
        // SAFETY: the configuration is live; the scheduler is ours until drop.
        BootstrapScheduler(unsafe { envoy_dynamic_module_callback_bootstrap_extension_config_scheduler_new(self.0) })
    }

    pub(crate) fn timer(&self) -> Timer {
        // SAFETY: the configuration is live; the timer is ours until drop.
        Timer(unsafe { envoy_dynamic_module_callback_bootstrap_extension_timer_new(self.0) })
    }

    /// One request with a whole body to a cluster; the answer comes to the `http_callout_done` hook.
    pub(crate) fn callout(&self, cluster: &str, headers: &[Header<'_>], body: &[u8], timeout_ms: u64) -> CalloutStart {
        let mut id = 0u64;
        // SAFETY: the configuration is live; Envoy copies headers and body during the call; the out pointer is valid.
        let result = unsafe {
            envoy_dynamic_module_callback_bootstrap_extension_http_callout(
                self.0,
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

    /// Defines a counter; inside `config_new` only. `None` if Envoy refuses the name.
    pub(crate) fn define_counter(&self, name: &str) -> Option<usize> {
        let mut id = 0usize;
        let name = Buffer::new(name.as_bytes());
        // SAFETY: the configuration is live; no labels; the out pointer is valid.
        let result = unsafe {
            envoy_dynamic_module_callback_bootstrap_extension_config_define_counter(
                self.0,
                name,
                std::ptr::null(),
                0,
                &mut id,
            )
        };
        (result == 0).then_some(id)
    }

    pub(crate) fn increment_counter(&self, id: usize, by: u64) {
        // SAFETY: the configuration is live; an unknown id is refused by Envoy, not followed.
        unsafe {
            envoy_dynamic_module_callback_bootstrap_extension_config_increment_counter(
                self.0,
                id,
                std::ptr::null(),
                0,
                by,
            );
        }
    }

    /// Defines a gauge; inside `config_new` only. `None` if Envoy refuses the name.
    pub(crate) fn define_gauge(&self, name: &str) -> Option<usize> {
        let mut id = 0usize;
        let name = Buffer::new(name.as_bytes());
        // SAFETY: the configuration is live; no labels; the out pointer is valid.
        let result = unsafe {
            envoy_dynamic_module_callback_bootstrap_extension_config_define_gauge(
                self.0,
                name,
                std::ptr::null(),
                0,
                &mut id,
            )
        };
        (result == 0).then_some(id)
    }

    pub(crate) fn set_gauge(&self, id: usize, value: u64) {
        // SAFETY: as in `increment_counter`.
        unsafe {
            envoy_dynamic_module_callback_bootstrap_extension_config_set_gauge(self.0, id, std::ptr::null(), 0, value);
        }
    }

    /// Defines a histogram; inside `config_new` only. `None` if Envoy refuses the name.
    pub(crate) fn define_histogram(&self, name: &str) -> Option<usize> {
        let mut id = 0usize;
        let name = Buffer::new(name.as_bytes());
        // SAFETY: the configuration is live; no labels; the out pointer is valid.
        let result = unsafe {
            envoy_dynamic_module_callback_bootstrap_extension_config_define_histogram(
                self.0,
                name,
                std::ptr::null(),
                0,
                &mut id,
            )
        };
        (result == 0).then_some(id)
    }

    pub(crate) fn record_histogram(&self, id: usize, value: u64) {
        // SAFETY: as in `increment_counter`.
        unsafe {
            envoy_dynamic_module_callback_bootstrap_extension_config_record_histogram_value(
                self.0,
                id,
                std::ptr::null(),
                0,
                value,
            );
        }
    }
}

/// Wakes the main thread: `bootstrap_extension_config_scheduled` runs there with the event.
pub(crate) struct BootstrapScheduler(Pointer);

// SAFETY: commit only posts to the main thread's event loop and is allowed from any thread.
unsafe impl Send for BootstrapScheduler {}

impl BootstrapScheduler {
    pub(crate) fn commit(&self, event: u64) {
        // SAFETY: the scheduler lives until drop.
        unsafe { envoy_dynamic_module_callback_bootstrap_extension_config_scheduler_commit(self.0, event) }
    }
}

impl Drop for BootstrapScheduler {
    fn drop(&mut self) {
        // SAFETY: made by scheduler_new and deleted once.
        unsafe { envoy_dynamic_module_callback_bootstrap_extension_config_scheduler_delete(self.0) }
    }
}

/// A one-shot timer of the main thread (not `Send`).
pub(crate) struct Timer(Pointer);

impl Timer {
    /// Fires once after `ms`; replaces an earlier setting.
    pub(crate) fn enable(&self, ms: u64) {
        // SAFETY: the timer lives until drop and the caller is the main thread, as the type cannot leave it.
        unsafe { envoy_dynamic_module_callback_bootstrap_extension_timer_enable(self.0, ms) }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: made by timer_new and deleted once, on the main thread.
        unsafe { envoy_dynamic_module_callback_bootstrap_extension_timer_delete(self.0) }
    }
}

pub(super) type EventCallback = extern "C" fn(Pointer);

/// Envoy waits for this before it ends; it is told exactly once, at the latest when the value is dropped.
pub(crate) struct Completion {
    done: EventCallback,
    context: Pointer,
}

impl Completion {
    pub(super) fn new(done: EventCallback, context: Pointer) -> Completion {
        Completion { done, context }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        (self.done)(self.context);
    }
}
