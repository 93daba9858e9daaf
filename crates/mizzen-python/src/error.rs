//! The exceptions of the module.

use mizzen_client::config::ConfigError;
use mizzen_client::server;
use pyo3::create_exception;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

create_exception!(mizzen.wire, WireError, PyValueError, "The bytes are not the message they should be.");
create_exception!(
    mizzen.wire,
    DictionaryMismatchError,
    WireError,
    "The client's global_word_count is larger than the server's dictionary; answered with the status INTERNAL."
);

create_exception!(
    mizzen.wire,
    WireConfigError,
    PyValueError,
    "A filter's configuration is not accepted. Attributes: path, value, reason, accepted, all str."
);

/// The exception for a refused message.
pub(crate) fn refused(error: server::WireError) -> PyErr {
    match error {
        server::WireError::DictionaryMismatch { .. } => DictionaryMismatchError::new_err(error.to_string()),
        _ => WireError::new_err(error.to_string()),
    }
}

/// The exception for a key of an attribute that has none.
pub(crate) fn no_map(name: &str) -> PyErr {
    PyTypeError::new_err(format!("attribute {name} is no string map, it has no keys"))
}

/// The exception for a refused configuration.
pub(crate) fn bad_config(py: Python<'_>, error: &ConfigError) -> PyErr {
    let raised = WireConfigError::new_err(error.to_string());
    let attributes =
        [("path", &error.path), ("value", &error.value), ("reason", &error.reason), ("accepted", &error.accepted)];
    for (name, text) in attributes {
        if let Err(unexpected) = raised.value(py).setattr(name, text) {
            return unexpected;
        }
    }
    raised
}
