//! Python's turns: whatever waits is handed over together.

use super::pending::Pending;
use super::rpc::{Answer, Job};
use super::{Counters, count};
use pyo3::prelude::*;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tonic::Code;

/// Hands jobs to the handler until there can be no more, or the interpreter ends.
pub(super) async fn run(
    mut queue: mpsc::Receiver<Job>,
    handler: &Py<PyAny>,
    counters: &Arc<Counters>,
    max_batch: usize,
) {
    let mut batch = Vec::with_capacity(max_batch.min(1024));
    while let Some(job) = queue.recv().await {
        batch.push(job);
        // let the connections bring in what has arrived by now
        tokio::task::yield_now().await;
        while batch.len() < max_batch
            && let Ok(job) = queue.try_recv()
        {
            batch.push(job);
        }
        count(&counters.batches);
        let attached = Python::try_attach(|py| batch.drain(..).for_each(|job| hand(py, handler, job, counters)));
        if attached.is_none() {
            return;
        }
    }
}

fn hand(py: Python<'_>, handler: &Py<PyAny>, job: Job, counters: &Counters) {
    if job.reply.is_closed() {
        count(&counters.cancelled);
        return;
    }
    if job.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        count(&counters.expired);
        let result = Err((Code::DeadlineExceeded.into(), "the call waited until its deadline".to_owned()));
        let _ = job.reply.send(Answer { result, generation: None, decision: None, decision_header: None });
        return;
    }
    let called = Bound::new(py, Pending::new(py, job))
        .and_then(|pending| handler.call1(py, (&pending,)).map(drop).inspect_err(|_| pending.get().abandon()));
    if let Err(error) = called {
        count(&counters.exceptions);
        error.write_unraisable(py, Some(handler.bind(py)));
    }
}
