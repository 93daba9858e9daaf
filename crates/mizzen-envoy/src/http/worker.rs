//! What one worker keeps for one filter configuration. Nothing here is shared between threads.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use super::config::{HttpFilterConfig, RouteConfig};
use super::precedents::Precedents;
use super::prepared::Prepared;
use crate::client::WorkerClient;
use crate::ffi::HttpHandle;
use crate::transport::withdrawals;

/// How many services of routes are kept prepared; the table is emptied beyond that.
const PREPARED: usize = 1000;

thread_local! {
    static WORKERS: RefCell<Vec<Rc<Worker>>> = const { RefCell::new(Vec::new()) };
    /// How many withdrawals of configurations this worker has followed.
    static FOLLOWED: Cell<u64> = const { Cell::new(0) };
}

/// One filter configuration on one worker.
pub(super) struct Worker {
    pub(super) config: Arc<HttpFilterConfig>,
    pub(super) client: Rc<WorkerClient>,
    prepared: RefCell<HashMap<u64, Rc<Served>>>,
    latest: RefCell<Option<Rc<Served>>>,
}

/// One service on one worker.
pub(super) struct Served {
    prepared: Prepared,
    pub(super) precedents: RefCell<Precedents>,
}

impl Deref for Served {
    type Target = Prepared;

    fn deref(&self) -> &Prepared {
        &self.prepared
    }
}

impl Worker {
    /// The calling worker's part of `config`, made at its first stream.
    pub(super) fn of(config: &Arc<HttpFilterConfig>, envoy: &HttpHandle<'_>) -> Rc<Worker> {
        WORKERS.with_borrow_mut(|workers| {
            forget_withdrawn(workers);
            if let Some(known) = workers.iter().find(|worker| worker.config.id == config.id) {
                return Rc::clone(known);
            }
            let worker = Rc::new(Worker {
                config: Arc::clone(config),
                client: WorkerClient::of(&config.transport, envoy.worker_index()),
                prepared: RefCell::default(),
                latest: RefCell::default(),
            });
            workers.push(Rc::clone(&worker));
            worker
        })
    }

    /// What applies to a stream by its route; `None` if no service does.
    pub(super) fn prepared(&self, envoy: &HttpHandle<'_>) -> Option<Rc<Served>> {
        envoy.with_route(|route| {
            let service = route.or_else(|| self.config.default_service())?;
            let latest = self.latest.borrow().clone().filter(|latest| latest.service.id == service.id);
            Some(latest.unwrap_or_else(|| self.look_up(service)))
        })
    }

    fn look_up(&self, service: &Arc<RouteConfig>) -> Rc<Served> {
        let mut prepared = self.prepared.borrow_mut();
        if prepared.len() >= PREPARED {
            prepared.clear();
        }
        let served = || Served { prepared: Prepared::new(&self.config, service), precedents: RefCell::default() };
        let found = prepared.entry(service.id).or_insert_with(|| Rc::new(served()));
        self.latest.replace(Some(Rc::clone(found)));
        Rc::clone(found)
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
