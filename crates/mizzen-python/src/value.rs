//! Attribute values as Python objects.

use super::time::{Duration, Timestamp};
use mizzen_client::Name;
use mizzen_client::name::{FOREIGN_NAME_BYTES, FOREIGN_NAME_COUNT};
use mizzen_client::server::WireValue;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString};

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

/// The bag of a mapping from names to values. An empty string map is left out: on the wire it says nothing.
pub(crate) fn bag_of(attributes: &Bound<'_, PyAny>) -> PyResult<mizzen_client::Bag> {
    let mut bag = mizzen_client::Bag::new();
    for item in attributes.call_method0("items")?.try_iter()? {
        let (name, value): (String, Bound<'_, PyAny>) = item?.extract()?;
        let Some(interned) = Name::try_intern(&name) else {
            return Err(PyValueError::new_err(format!(
                "attribute name {name:?} is not taken: it has more than {FOREIGN_NAME_BYTES} bytes, or the process has \
                 met {FOREIGN_NAME_COUNT} other new names"
            )));
        };
        set(&mut bag, interned, &value)?;
    }
    Ok(bag)
}

fn set(bag: &mut mizzen_client::Bag, name: Name, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(text) = value.cast::<PyString>() {
        bag.set_string(name, &text.to_cow()?);
    } else if let Ok(flag) = value.cast::<PyBool>() {
        bag.set_bool(name, flag.is_true());
    } else if value.is_instance_of::<PyInt>() {
        bag.set_int64(name, value.extract().map_err(|_| unusable(name, value, "an INT64 has 64 bits"))?);
    } else if let Ok(number) = value.cast::<PyFloat>() {
        bag.set_double(name, number.value());
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        bag.set_bytes(name, bytes.as_bytes());
    } else if let Ok(time) = value.cast::<Timestamp>() {
        bag.set_timestamp(name, time.get().time());
    } else if let Ok(time) = value.cast::<Duration>() {
        bag.set_duration(name, time.get().time());
    } else if let Ok(map) = value.cast::<PyDict>() {
        let pairs: Vec<(String, String)> = map
            .iter()
            .map(|(key, value)| Ok((key.extract()?, value.extract()?)))
            .collect::<PyResult<_>>()
            .map_err(|_: PyErr| unusable(name, value, "keys and values of a STRING_MAP are str"))?;
        bag.set_map(name, pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    } else {
        let accepted = "accepted are str, int, float, bool, bytes, Timestamp, Duration and dict[str, str]";
        return Err(PyTypeError::new_err(unusable(name, value, accepted).value(value.py()).to_string()));
    }
    Ok(())
}

fn unusable(name: Name, value: &Bound<'_, PyAny>, reason: &str) -> PyErr {
    let shown = value.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
    PyValueError::new_err(format!("attribute {name}: value {shown} cannot be sent; {reason}"))
}
