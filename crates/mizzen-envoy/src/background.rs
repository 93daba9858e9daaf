//! Calls that outlive the stream they arose from: the main thread makes them, and the worker finds the answers at its next request.
//!
//! (A request that a filter starts dies with the filter's stream, and nothing but a stream's hook ever runs on a worker.)

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use mizzen_client::flow::Ticket;
use mizzen_client::grpc::Outcome;
use mizzen_client::instant::Instant;

use crate::wake::lock;

/// A call to make for a worker.
pub(crate) struct Order {
    pub(crate) worker: usize,
    pub(crate) ticket: Ticket,
    pub(crate) body: Vec<u8>,
}

/// What became of a call.
pub(crate) struct Delivery {
    pub(crate) ticket: Ticket,
    pub(crate) outcome: Outcome,
    pub(crate) sent: Instant,
}

/// Orders of all workers and answers to each.
pub(crate) struct Background {
    orders: Mutex<Vec<Order>>,
    deliveries: Box<[(AtomicBool, Mutex<Vec<Delivery>>)]>,
}

impl Background {
    pub(crate) fn new(workers: usize) -> Background {
        Background { orders: Mutex::default(), deliveries: (0..=workers).map(|_| Default::default()).collect() }
    }

    /// Gives an order; the caller wakes the main thread.
    pub(crate) fn order(&self, order: Order) {
        lock(&self.orders).push(order);
    }

    /// Takes all orders. Main thread.
    pub(crate) fn orders(&self) -> Vec<Order> {
        std::mem::take(&mut *lock(&self.orders))
    }

    /// Hands an answer to its worker. Main thread.
    pub(crate) fn deliver(&self, worker: usize, delivery: Delivery) {
        if let Some((arrived, deliveries)) = self.deliveries.get(worker) {
            lock(deliveries).push(delivery);
            arrived.store(true, Ordering::Release);
        }
    }

    /// Takes the answers that have come for `worker`; one load if there are none.
    pub(crate) fn deliveries(&self, worker: usize) -> Vec<Delivery> {
        match self.deliveries.get(worker) {
            Some((arrived, deliveries)) if arrived.load(Ordering::Relaxed) => {
                arrived.store(false, Ordering::Release);
                std::mem::take(&mut *lock(deliveries))
            }
            _ => Vec::new(),
        }
    }
}
