//! What one worker keeps for one filter configuration. Nothing here is shared between threads.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::config::TcpFilterConfig;
use crate::client::WorkerClient;
use crate::ffi::NetworkHandle;

thread_local! {
    static WORKERS: RefCell<Vec<Rc<Worker>>> = const { RefCell::new(Vec::new()) };
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
            if let Some(known) = workers.iter().find(|worker| worker.config.id == config.id) {
                return Rc::clone(known);
            }
            // a configuration that only this table knows was replaced, and its connections have ended
            workers.retain(|worker| Rc::strong_count(worker) > 1 || Arc::strong_count(&worker.config) > 1);
            let index = envoy.worker_index();
            let client = WorkerClient::of(&config.transport, index);
            let worker = Rc::new(Worker { config: Arc::clone(config), client, index });
            workers.push(Rc::clone(&worker));
            worker
        })
    }
}
