//! A bag read without remembering what was read.

use super::error::no_map;
use super::value::{optional, to_python};
use mizzen_client::server::{Message, Record, WireValue};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList};
use std::sync::Arc;

/// The attributes of one request or event; immutable.
#[pyclass(frozen, module = "mizzen.wire")]
pub(crate) struct Bag {
    message: Arc<Message>,
    record: Arc<Record>,
}

impl Bag {
    pub(crate) fn new(message: &Arc<Message>, record: &Arc<Record>) -> Bag {
        Bag { message: message.clone(), record: record.clone() }
    }

    fn find(&self, name: &str) -> Option<WireValue<'_>> {
        self.message.get(&self.record, name)
    }
}

#[pymethods]
impl Bag {
    /// The value of an attribute, None if it is absent.
    fn get<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        optional(py, self.find(name))
    }

    /// The value of one key of a string map, None if map or key are absent. TypeError when the attribute is no string
    /// map.
    fn get_key(&self, name: &str, key: &str) -> PyResult<Option<&str>> {
        self.message.get_key(&self.record, name, key).map_err(|_| no_map(name))
    }

    /// Whether the attribute is there.
    fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The names of all attributes, in no particular order.
    fn keys(&self) -> Vec<&str> {
        self.message.attributes(&self.record).map(|(name, _)| name).collect()
    }

    /// All attributes as a new dict.
    pub(crate) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.message.attributes(&self.record) {
            dict.set_item(name, to_python(py, &value)?)?;
        }
        Ok(dict)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.get(py, name)?.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __contains__(&self, name: &str) -> bool {
        self.has(name)
    }

    fn __len__(&self) -> usize {
        self.message.attributes(&self.record).count()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.keys())?.try_iter()
    }

    /// Names and values stay out: they may be secrets, and representations end up in logs.
    fn __repr__(&self) -> String {
        format!("Bag({} attributes)", self.__len__())
    }
}
