//! The connections that are open, so that each can be reported before the process ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use super::filter::END;
use crate::ffi::NetworkScheduler;
use crate::wake::{self, lock};

static OPEN: LazyLock<Mutex<Connections>> = LazyLock::new(Mutex::default);
static ENDING: AtomicBool = AtomicBool::new(false);

#[derive(Default)]
struct Connections {
    last: u64,
    open: HashMap<u64, Arc<NetworkScheduler>>,
}

/// A connection's place among the open ones, given back on drop.
pub(super) struct Registration(u64);

impl Registration {
    /// Takes in a connection; one that comes while all are ended is ended too.
    pub(super) fn new(connection: Arc<NetworkScheduler>) -> Registration {
        let mut connections = lock(&OPEN);
        if ENDING.load(Ordering::Acquire) {
            connection.commit(END);
        }
        connections.last += 1;
        let number = connections.last;
        connections.open.insert(number, connection);
        Registration(number)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut connections = lock(&OPEN);
        let gone = connections.open.remove(&self.0);
        let last = connections.open.is_empty();
        drop(connections);
        drop(gone);
        if last && ENDING.load(Ordering::Acquire) {
            wake::main();
        }
    }
}

/// Has every open connection closed by its worker, and reported. Main thread, when the process ends.
pub(crate) fn end_all() {
    let connections = lock(&OPEN);
    ENDING.store(true, Ordering::Release);
    connections.open.values().for_each(|connection| connection.commit(END));
}

/// Whether no reported connection is open. Main thread.
pub(crate) fn are_none_open() -> bool {
    lock(&OPEN).open.is_empty()
}
