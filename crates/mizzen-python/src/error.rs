//! The exceptions of the module.

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
