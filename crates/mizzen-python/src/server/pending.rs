//! A call that waits for its answer.

use super::rpc::{Answer, Job};
use bytes::Bytes;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot::Sender;
use tonic::metadata::{Ascii, MetadataValue};

/// OK would be a failure without a failure.
const CODES: std::ops::RangeInclusive<i32> = 1..=16;

/// A call that waits for its answer; any thread may give it. Dropped without one, the client gets INTERNAL.
#[pyclass(frozen, module = "mizzen.wire")]
pub(crate) struct Pending {
    #[pyo3(get)]
    method: &'static str,
    #[pyo3(get)]
    request: Py<PyBytes>,
    peer: Arc<str>,
    received: Instant,
    trace: Vec<(&'static str, String)>,
    reply: Mutex<Option<Sender<Answer>>>,
}

impl Pending {
    pub(super) fn new(py: Python<'_>, job: Job) -> Pending {
        let request = PyBytes::new(py, &job.request).unbind();
        let reply = Mutex::new(Some(job.reply));
        Pending { method: job.method, request, peer: job.peer, received: job.received, trace: job.trace, reply }
    }

    fn send(&self, answer: Answer) -> PyResult<()> {
        match self.reply.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // a client that left wants no answer
            Some(reply) => {
                let _ = reply.send(answer);
                Ok(())
            }
            None => Err(PyRuntimeError::new_err("the call has been answered")),
        }
    }

    fn end(
        &self,
        result: Result<Bytes, (i32, String)>,
        generation: Option<&str>,
        decision: Option<&str>,
        decision_header: Option<&str>,
    ) -> PyResult<()> {
        self.send(Answer {
            result,
            generation: metadata("generation", generation)?,
            decision: metadata("decision", decision)?,
            decision_header: metadata("decision_header", decision_header)?,
        })
    }

    /// Lets go of the call; the client gets INTERNAL unless it has been answered.
    pub(super) fn abandon(&self) {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[pymethods]
impl Pending {
    #[getter]
    fn peer(&self) -> &str {
        &self.peer
    }

    /// Seconds since the call's headers came in.
    #[getter]
    fn age(&self) -> f64 {
        self.received.elapsed().as_secs_f64()
    }

    /// The headers of the call that tell its trace, by name: W3C's and B3's.
    #[getter]
    fn trace<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let trace = PyDict::new(py);
        for (name, value) in &self.trace {
            trace.set_item(name, value)?;
        }
        Ok(trace)
    }

    /// Whether the client has left, or the call was answered.
    #[getter]
    fn done(&self) -> bool {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(Sender::is_closed)
    }

    /// Answer with an encoded message; RuntimeError the second time.
    #[pyo3(signature = (response, generation = None, decision = None, decision_header = None))]
    fn answer(
        &self,
        response: &[u8],
        generation: Option<&str>,
        decision: Option<&str>,
        decision_header: Option<&str>,
    ) -> PyResult<()> {
        self.end(Ok(Bytes::copy_from_slice(response)), generation, decision, decision_header)
    }

    /// Fail with a gRPC status, 1 to 16; RuntimeError the second time.
    #[pyo3(signature = (code, message, generation = None, decision = None, decision_header = None))]
    fn fail(
        &self,
        code: i32,
        message: String,
        generation: Option<&str>,
        decision: Option<&str>,
        decision_header: Option<&str>,
    ) -> PyResult<()> {
        if !CODES.contains(&code) {
            return Err(PyValueError::new_err(format!("{code} is no code of a failure: 1 to 16 are")));
        }
        self.end(Err((code, message)), generation, decision, decision_header)
    }

    fn __repr__(&self) -> String {
        format!("Pending({}, peer={:?}, done={})", self.method, self.peer(), if self.done() { "True" } else { "False" })
    }
}

fn metadata(name: &str, text: Option<&str>) -> PyResult<Option<MetadataValue<Ascii>>> {
    text.map(|text| {
        let refused = |_| PyValueError::new_err(format!("{name} {text:?} is not printable ASCII"));
        MetadataValue::try_from(text).map_err(refused)
    })
    .transpose()
}
