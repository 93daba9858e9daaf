//! Attribute values as Python objects.

use super::time::{Duration, Timestamp};
use mizzen_client::server::WireValue;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

/// The Python object of a value.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &WireValue<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        WireValue::String(text) => PyString::new(py, text).into_any(),
        WireValue::Int64(number) => number.into_pyobject(py)?.into_any(),
        WireValue::Double(number) => number.into_pyobject(py)?.into_any(),
        WireValue::Bool(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        WireValue::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        WireValue::Timestamp(time) => Bound::new(py, Timestamp::from(*time))?.into_any(),
        WireValue::Duration(time) => Bound::new(py, Duration::from(*time))?.into_any(),
        WireValue::StringMap(map) => {
            let dict = PyDict::new(py);
            for (key, value) in map.iter() {
                dict.set_item(key, value)?;
            }
            dict.into_any()
        }
    })
}

/// The Python object of a value that may be absent.
pub(crate) fn optional<'py>(py: Python<'py>, value: Option<WireValue<'_>>) -> PyResult<Option<Bound<'py, PyAny>>> {
    value.map(|value| to_python(py, &value)).transpose()
}
