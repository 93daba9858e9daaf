//! What an answer tells the client to do to the request.

use mizzen_client::answer::{self, Operation};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// One change to the headers of a request or response.
#[pyclass(frozen, eq, module = "mizzen.wire")]
#[derive(Clone, PartialEq)]
pub(crate) struct HeaderOperation {
    change: answer::HeaderOperation,
}

#[pymethods]
impl HeaderOperation {
    #[new]
    #[pyo3(
        signature = (name, value = String::new(), operation = "REPLACE"),
        text_signature = "(name, value='', operation='REPLACE')"
    )]
    fn new(name: String, value: String, operation: &str) -> PyResult<HeaderOperation> {
        if name.is_empty() {
            return Err(PyValueError::new_err("a header operation needs the name of a header"));
        }
        let operation = match operation {
            "REPLACE" => Operation::Replace,
            "REMOVE" => Operation::Remove,
            "APPEND" => Operation::Append,
            other => {
                let text = format!("header operation {other:?} is not one of REPLACE, REMOVE, APPEND");
                return Err(PyValueError::new_err(text));
            }
        };
        Ok(HeaderOperation { change: answer::HeaderOperation { name, value, operation } })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.change.name
    }

    #[getter]
    fn value(&self) -> &str {
        &self.change.value
    }

    #[getter]
    fn operation(&self) -> &'static str {
        match self.change.operation {
            Operation::Replace => "REPLACE",
            Operation::Remove => "REMOVE",
            Operation::Append => "APPEND",
        }
    }

    fn __repr__(&self) -> String {
        let (name, value, operation) = (self.name(), self.value(), self.operation());
        format!("HeaderOperation({name:?}, {value:?}, {operation:?})")
    }
}

/// Changes to headers, or an answer in place of the service's.
#[pyclass(frozen, eq, module = "mizzen.wire")]
#[derive(Clone, PartialEq)]
pub(crate) struct RouteDirective {
    pub(crate) directive: answer::RouteDirective,
}

#[pymethods]
impl RouteDirective {
    #[new]
    #[pyo3(
        signature = (
            request_header_operations = Vec::new(),
            response_header_operations = Vec::new(),
            direct_response_code = 0,
            direct_response_body = String::new(),
        ),
        text_signature = "(request_header_operations=(), response_header_operations=(), \
                          direct_response_code=0, direct_response_body='')"
    )]
    fn new(
        request_header_operations: Vec<PyRef<'_, HeaderOperation>>,
        response_header_operations: Vec<PyRef<'_, HeaderOperation>>,
        direct_response_code: u32,
        direct_response_body: String,
    ) -> PyResult<RouteDirective> {
        if direct_response_code != 0 && !(100..600).contains(&direct_response_code) {
            let text =
                format!("direct response code {direct_response_code} is no HTTP status (100 to 599, or 0 for none)");
            return Err(PyValueError::new_err(text));
        }
        let changes = |operations: Vec<PyRef<'_, HeaderOperation>>| {
            operations.iter().map(|operation| operation.change.clone()).collect()
        };
        let directive = answer::RouteDirective {
            request_header_operations: changes(request_header_operations),
            response_header_operations: changes(response_header_operations),
            direct_response_code,
            direct_response_body,
        };
        Ok(RouteDirective { directive })
    }

    #[getter]
    fn request_header_operations(&self) -> Vec<HeaderOperation> {
        operations(&self.directive.request_header_operations)
    }

    #[getter]
    fn response_header_operations(&self) -> Vec<HeaderOperation> {
        operations(&self.directive.response_header_operations)
    }

    #[getter]
    fn direct_response_code(&self) -> u32 {
        self.directive.direct_response_code
    }

    #[getter]
    fn direct_response_body(&self) -> &str {
        &self.directive.direct_response_body
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let texts = |operations: Vec<HeaderOperation>| -> PyResult<String> {
            Ok(operations.into_pyobject(py)?.repr()?.to_string())
        };
        Ok(format!(
            "RouteDirective({}, {}, {}, {:?})",
            texts(self.request_header_operations())?,
            texts(self.response_header_operations())?,
            self.direct_response_code(),
            self.direct_response_body()
        ))
    }
}

fn operations(changes: &[answer::HeaderOperation]) -> Vec<HeaderOperation> {
    changes.iter().map(|change| HeaderOperation { change: change.clone() }).collect()
}
