//! What one worker keeps for one filter configuration. Nothing here is shared between threads.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::config::TcpFilterConfig;
use crate::client::WorkerClient;
use crate::ffi::NetworkHandle;
use crate::transport::withdrawals;

thread_local! {
    static WORKERS: RefCell<Vec<Rc<Worker>>> = const { RefCell::new(Vec::new()) };
    /// How many withdrawals of configurations this worker has followed.
    static FOLLOWED: Cell<u64> = const { Cell::new(0) };
}

/// One filter configuration on one worker.
pub(super) struct Worker {
    pub(super) config: Arc<TcpFilterConfig>,
    pub(super) client: Rc<WorkerClient>,
    /// The worker's number.
    pub(super) index: usize,
}

impl Worker {
    /// The calling worker's part of `config`, made at its first connection.
    pub(super) fn of(config: &Arc<TcpFilterConfig>, envoy: &NetworkHandle<'_>) -> Rc<Worker> {
        WORKERS.with_borrow_mut(|workers| {
            forget_withdrawn(workers);
            if let Some(known) = workers.iter().find(|worker| worker.config.id == config.id) {
                return Rc::clone(known);
            }
            let index = envoy.worker_index();
            let client = WorkerClient::of(&config.transport, index);
            let worker = Rc::new(Worker { config: Arc::clone(config), client, index });
            workers.push(Rc::clone(&worker));
            worker
        })
    }
}

/// Forgets configurations that were withdrawn, and with them their clients, unless a filter in use has the same transport.
fn forget_withdrawn(workers: &mut Vec<Rc<Worker>>) {
    let now = withdrawals();
    if FOLLOWED.replace(now) != now {
        workers.retain(|worker| Rc::strong_count(worker) > 1 || !worker.config.transport.is_withdrawn());
        WorkerClient::forget_withdrawn();
    }
}
