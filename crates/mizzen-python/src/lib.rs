//! The Mixer wire codec for Python: the extension module `mizzen._wire`.
use pyo3::prelude::*;

/// The extension module.
#[pymodule]
mod _wire {}
