//! One Report on its way through the Mixer.

use super::bag::Bag;
use super::error::refused;
use mizzen_client::server::{self, ReportRequest};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyTuple};

/// What the rules of one configuration read of a record.
#[pyclass(frozen, eq, module = "mizzen.wire")]
#[derive(Clone, PartialEq)]
pub(crate) struct Plan {
    plan: server::Plan,
}

#[pymethods]
impl Plan {
    #[new]
    fn new(keys: Vec<(String, Option<String>)>, values: Vec<String>) -> Plan {
        Plan { plan: server::Plan { keys, values } }
    }

    #[getter]
    fn keys(&self) -> Vec<(String, Option<String>)> {
        self.plan.keys.clone()
    }

    #[getter]
    fn values(&self) -> Vec<String> {
        self.plan.values.clone()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let keys = PyList::new(py, self.keys())?.repr()?;
        Ok(format!("Plan({keys}, {})", PyList::new(py, self.values())?.repr()?))
    }
}

/// One Report: its records, or groups of them.
#[pyclass(frozen, module = "mizzen.wire")]
pub(crate) struct ReportCall {
    request: ReportRequest,
    peer: Option<String>,
}

/// The first record of a group, the numbers of all of them, and a column per value of the plan.
type Row<'py> = (Bag, Vec<u32>, Bound<'py, PyTuple>);

#[pymethods]
impl ReportCall {
    #[new]
    #[pyo3(signature = (request, peer = None))]
    fn new(request: &[u8], peer: Option<String>) -> PyResult<ReportCall> {
        Ok(ReportCall { request: ReportRequest::parse(request).map_err(refused)?, peer })
    }

    #[getter]
    fn peer(&self) -> Option<&str> {
        self.peer.as_deref()
    }

    /// Number and problem of every bag that gives no record.
    #[getter]
    fn errors(&self) -> Vec<(usize, &str)> {
        self.request.errors().iter().map(|error| (error.record, error.reason.as_str())).collect()
    }

    /// The records in the order sent.
    fn bags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let message = self.request.message();
        let bags = self.request.records().iter().map(|record| Bag::new(message, record));
        PyList::new(py, bags.collect::<Vec<_>>())?.try_iter()
    }

    /// Records that agree in all keys of the plan, taken together: all of them, or those with the given numbers.
    #[pyo3(signature = (plan, among = None))]
    fn group<'py>(&self, py: Python<'py>, plan: &Plan, among: Option<Vec<u32>>) -> PyResult<Vec<Row<'py>>> {
        let message = self.request.message();
        let groups = plan.plan.group(&self.request, among.as_deref());
        let row = |group: server::Group| {
            Ok((Bag::new(message, &group.record), group.members, PyTuple::new(py, group.columns)?))
        };
        groups.into_iter().map(row).collect()
    }

    /// How many bags were sent, those in error included.
    fn __len__(&self) -> usize {
        self.request.sent()
    }

    fn __repr__(&self) -> String {
        format!("ReportCall({} bags, {} in error)", self.request.sent(), self.request.errors().len())
    }
}
