//! Points in time and spans of time, exact to the nanosecond.

mod text;

use mizzen_client::Time;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDelta, PyType, PyTzInfo};

const SECOND: i128 = 1_000_000_000;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z.
#[pyclass(frozen, eq, ord, hash, module = "mizzen.wire")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp {
    #[pyo3(get)]
    nanoseconds: i128,
}

/// A span of time in nanoseconds, negative for one that goes back.
#[pyclass(frozen, eq, ord, hash, module = "mizzen.wire")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Duration {
    #[pyo3(get)]
    nanoseconds: i128,
}

#[pymethods]
impl Timestamp {
    #[new]
    fn new(nanoseconds: i128) -> PyResult<Timestamp> {
        in_range(nanoseconds).map(|nanoseconds| Timestamp { nanoseconds })
    }

    /// From an aware datetime; a naive one raises ValueError.
    #[classmethod]
    fn from_datetime(_class: &Bound<'_, PyType>, moment: &Bound<'_, PyDateTime>) -> PyResult<Timestamp> {
        if moment.call_method0("utcoffset")?.is_none() {
            return Err(PyValueError::new_err("a datetime without time zone is no point in time; give it one"));
        }
        let elapsed = moment.sub(epoch(moment.py())?)?;
        Ok(Timestamp { nanoseconds: nanoseconds_of(&elapsed)? })
    }

    /// The time in UTC, cut to microseconds; OverflowError outside the years 1 to 9999.
    #[allow(clippy::wrong_self_convention)] // a Python object is not passed by value
    fn to_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        epoch(py)?.add(delta(py, self.nanoseconds)?)
    }

    fn __str__(&self) -> String {
        text::rfc3339(self.nanoseconds)
    }

    fn __repr__(&self) -> String {
        format!("Timestamp({})", self.nanoseconds)
    }

    fn __reduce__(&self, py: Python<'_>) -> (Py<PyType>, (i128,)) {
        (py.get_type::<Timestamp>().unbind(), (self.nanoseconds,))
    }
}

#[pymethods]
impl Duration {
    #[new]
    fn new(nanoseconds: i128) -> PyResult<Duration> {
        in_range(nanoseconds).map(|nanoseconds| Duration { nanoseconds })
    }

    /// From a timedelta.
    #[classmethod]
    fn from_timedelta(_class: &Bound<'_, PyType>, span: &Bound<'_, PyDelta>) -> PyResult<Duration> {
        Ok(Duration { nanoseconds: nanoseconds_of(span)? })
    }

    /// As a timedelta, cut to microseconds; OverflowError beyond 999,999,999 days.
    #[allow(clippy::wrong_self_convention)] // a Python object is not passed by value
    fn to_timedelta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        delta(py, self.nanoseconds)
    }

    /// In seconds, rounded to what a float holds.
    #[getter]
    fn seconds(&self) -> f64 {
        self.nanoseconds as f64 / SECOND as f64
    }

    fn __bool__(&self) -> bool {
        self.nanoseconds != 0
    }

    fn __str__(&self) -> String {
        text::go_duration(self.nanoseconds)
    }

    fn __repr__(&self) -> String {
        format!("Duration({})", self.nanoseconds)
    }

    fn __reduce__(&self, py: Python<'_>) -> (Py<PyType>, (i128,)) {
        (py.get_type::<Duration>().unbind(), (self.nanoseconds,))
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Timestamp {
        Timestamp { nanoseconds: total(time) }
    }
}

impl From<Time> for Duration {
    fn from(time: Time) -> Duration {
        Duration { nanoseconds: total(time) }
    }
}

impl Timestamp {
    /// In protobuf's normal form: nanos from 0 up.
    pub(crate) fn time(self) -> Time {
        let (seconds, nanos) = (self.nanoseconds.div_euclid(SECOND), self.nanoseconds.rem_euclid(SECOND));
        Time { seconds: seconds as i64, nanos: nanos as i32 }
    }
}

impl Duration {
    /// In protobuf's normal form: seconds and nanos of one sign.
    pub(crate) fn time(self) -> Time {
        Time { seconds: (self.nanoseconds / SECOND) as i64, nanos: (self.nanoseconds % SECOND) as i32 }
    }
}

fn total(time: Time) -> i128 {
    i128::from(time.seconds) * SECOND + i128::from(time.nanos)
}

fn in_range(nanoseconds: i128) -> PyResult<i128> {
    match i64::try_from(nanoseconds.div_euclid(SECOND)) {
        Ok(_) => Ok(nanoseconds),
        Err(_) => Err(PyOverflowError::new_err("the seconds must fit into 64 bits")),
    }
}

fn epoch(py: Python<'_>) -> PyResult<Bound<'_, PyDateTime>> {
    PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&*PyTzInfo::utc(py)?))
}

fn delta(py: Python<'_>, nanoseconds: i128) -> PyResult<Bound<'_, PyAny>> {
    py.get_type::<PyDelta>().call1((0, 0, nanoseconds.div_euclid(1000)))
}

fn nanoseconds_of(delta: &Bound<'_, PyAny>) -> PyResult<i128> {
    let part = |name| delta.getattr(name)?.extract::<i128>();
    Ok(((part("days")? * 86_400 + part("seconds")?) * 1_000_000 + part("microseconds")?) * 1000)
}
