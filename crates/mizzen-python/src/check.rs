//! One Check on its way through the Mixer.

mod quota;

pub(crate) use quota::{QuotaParams, QuotaResult, valid_for};

use super::bag::Bag;
use super::directive::RouteDirective;
use super::error::{no_map, refused};
use super::value::optional;
use mizzen_client::server::{self, CheckRequest, Condition, Granted, Message, Precondition, encode_check_response};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList};
use std::sync::Arc;

/// What was looked up in a call up to some moment; immutable.
#[pyclass(frozen, module = "mizzen.wire")]
pub(crate) struct References {
    message: Arc<Message>,
    references: server::References,
}

/// An attribute's name, the key if it was a key of a map, and `EXACT` or `ABSENCE`.
type Triple<'a> = (&'a str, Option<&'a str>, &'static str);

fn triples<'a>(references: &'a server::References, message: &'a Message) -> Vec<Triple<'a>> {
    let triple = |reference: server::Reference<'a>| {
        let condition = match reference.condition {
            Condition::Exact => "EXACT",
            Condition::Absence => "ABSENCE",
        };
        (reference.name, reference.key, condition)
    };
    references.iter(message).map(triple).collect()
}

#[pymethods]
impl References {
    fn __len__(&self) -> usize {
        self.references.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, triples(&self.references, &self.message))?.try_iter()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("References({})", PyList::new(py, triples(&self.references, &self.message))?.repr()?))
    }
}

/// One Check: tracked look-ups, then the answer.
#[pyclass(module = "mizzen.wire")]
pub(crate) struct CheckCall {
    request: CheckRequest,
    peer: Option<String>,
    response: Option<Vec<u8>>,
    /// The name under which the decision can be looked up later; a front sends it beside the answer.
    #[pyo3(get, set)]
    decision_id: Option<String>,
}

#[pymethods]
impl CheckCall {
    #[new]
    #[pyo3(signature = (request, peer = None))]
    fn new(request: &[u8], peer: Option<String>) -> PyResult<CheckCall> {
        let request = CheckRequest::parse(request).map_err(refused)?;
        Ok(CheckCall { request, peer, response: None, decision_id: None })
    }

    #[getter]
    fn deduplication_id(&self) -> &str {
        self.request.deduplication_id()
    }

    #[getter]
    fn global_word_count(&self) -> u32 {
        self.request.word_count()
    }

    #[getter]
    fn peer(&self) -> Option<&str> {
        self.peer.as_deref()
    }

    #[getter]
    fn quotas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let quotas = PyDict::new(py);
        for (name, asked) in self.request.quotas() {
            quotas.set_item(name, QuotaParams::from(*asked))?;
        }
        Ok(quotas)
    }

    /// The value of an attribute; tracked. A string map counts as read whole.
    fn get<'py>(&mut self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        optional(py, self.request.get(name))
    }

    /// The value of one key of a string map; tracked. TypeError when the attribute is no string map.
    fn get_key(&mut self, name: &str, key: &str) -> PyResult<Option<&str>> {
        self.request.get_key(name, key).map_err(|_| no_map(name))
    }

    /// Whether the attribute is there; tracked, except for a string map that is.
    fn has(&mut self, name: &str) -> bool {
        self.request.has(name)
    }

    /// The attributes, for look-ups that leave no trace in the answer.
    fn bag(&self) -> Bag {
        Bag::new(self.request.message(), self.request.record())
    }

    /// What was looked up so far.
    fn referenced(&self) -> Vec<Triple<'_>> {
        triples(self.request.references(), self.request.message())
    }

    /// A snapshot of what was looked up so far.
    fn mark(&self) -> References {
        References { message: self.request.message().clone(), references: self.request.references().clone() }
    }

    /// Take a snapshot of this call as what was looked up.
    fn rewind(&mut self, references: &References) -> PyResult<()> {
        if !Arc::ptr_eq(&references.message, self.request.message()) {
            return Err(PyRuntimeError::new_err("these references are of another call"));
        }
        self.request.rewind(references.references.clone());
        Ok(())
    }

    /// Set the answer; the last one stands.
    #[pyo3(
        signature = (
            code = 0,
            message = "",
            valid_for = Some(quota::default_validity()),
            uses = 10_000,
            directive = None,
            quotas = None,
            referenced = None,
        ),
        text_signature = "($self, code=0, message='', valid_for=60.0, uses=10000, directive=None, quotas=None, \
                          referenced=None)"
    )]
    #[allow(clippy::too_many_arguments)] // the signature is Python's, where all of them are keywords
    fn reply(
        &mut self,
        code: i32,
        message: &str,
        #[pyo3(from_py_with = valid_for)] valid_for: Option<mizzen_client::Time>,
        uses: i32,
        directive: Option<PyRef<'_, RouteDirective>>,
        quotas: Option<&Bound<'_, PyDict>>,
        referenced: Option<PyRef<'_, References>>,
    ) -> PyResult<()> {
        let request = &self.request;
        let tracked = (&**request.message(), request.references());
        let precondition = Precondition {
            code,
            message,
            valid_for,
            uses,
            referenced: referenced.as_ref().map_or(tracked, |given| (&*given.message, &given.references)),
            directive: directive.as_ref().map(|given| &given.directive),
        };
        let mut results: Vec<(String, PyRef<'_, QuotaResult>)> = Vec::new();
        for (name, result) in quotas.into_iter().flatten() {
            results.push((name.extract()?, result.extract()?));
        }
        let granted: Vec<Granted<'_>> = results.iter().map(|(name, result)| result.granted(name)).collect();
        self.response = Some(encode_check_response(request.word_count(), &precondition, &granted));
        Ok(())
    }

    /// Whether there is an answer.
    #[getter]
    fn replied(&self) -> bool {
        self.response.is_some()
    }

    /// The encoded answer; RuntimeError before `reply`.
    fn response<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        match &self.response {
            Some(response) => Ok(PyBytes::new(py, response)),
            None => Err(PyRuntimeError::new_err("the call has no answer yet: call reply() first")),
        }
    }

    fn __repr__(&self) -> String {
        let attributes = self.request.message().attributes(self.request.record()).count();
        let peer = self.peer().map_or_else(|| "None".to_owned(), |peer| format!("{peer:?}"));
        format!("CheckCall({attributes} attributes, peer={peer})")
    }
}
