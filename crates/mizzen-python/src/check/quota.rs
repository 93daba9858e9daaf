//! Quotas of a Check: what was asked and what was granted.

use super::super::time::Duration;
use super::References;
use mizzen_client::Time;
use mizzen_client::encode;
use mizzen_client::server::{Granted, QuotaAsked};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The longest span that protobuf's Duration allows: 10,000 years.
const LONGEST: f64 = 315_576_000_000.0;

const NANOS: i32 = 1_000_000_000;

/// How long an answer is valid unless told otherwise.
pub(crate) fn default_validity() -> Time {
    Time { seconds: 60, nanos: 0 }
}

/// Seconds, a Duration, or None for no end.
pub(crate) fn valid_for(given: &Bound<'_, PyAny>) -> PyResult<Option<Time>> {
    if given.is_none() {
        return Ok(None);
    }
    let time = match given.cast::<Duration>() {
        Ok(duration) => duration.get().time(),
        Err(_) => {
            let seconds: f64 = given.extract()?;
            if !(0.0..=LONGEST).contains(&seconds) {
                return Err(refused(given));
            }
            let nanos = (seconds.fract() * 1e9).round() as i32;
            Time { seconds: seconds as i64 + i64::from(nanos / NANOS), nanos: nanos % NANOS }
        }
    };
    let in_range = (0..=LONGEST as i64).contains(&time.seconds) && time.nanos >= 0;
    if in_range { Ok(Some(time)) } else { Err(refused(given)) }
}

fn refused(given: &Bound<'_, PyAny>) -> PyErr {
    PyValueError::new_err(format!("valid_for {given} is not within 0 and {LONGEST} seconds; None is without end"))
}

/// What a client asks of one quota.
#[pyclass(frozen, eq, module = "mizzen.wire")]
#[derive(Clone, PartialEq)]
pub(crate) struct QuotaParams {
    #[pyo3(get)]
    amount: i64,
    #[pyo3(get)]
    best_effort: bool,
}

#[pymethods]
impl QuotaParams {
    #[new]
    #[pyo3(signature = (amount, best_effort = false))]
    fn new(amount: i64, best_effort: bool) -> QuotaParams {
        QuotaParams { amount, best_effort }
    }

    fn __repr__(&self) -> String {
        let best_effort = if self.best_effort { "True" } else { "False" };
        format!("QuotaParams(amount={}, best_effort={best_effort})", self.amount)
    }
}

impl QuotaParams {
    /// As the encoder takes it.
    pub(crate) fn asked<'a>(&self, name: &'a str) -> encode::QuotaParams<'a> {
        encode::QuotaParams { name, amount: self.amount, best_effort: self.best_effort }
    }
}

impl From<QuotaAsked> for QuotaParams {
    fn from(asked: QuotaAsked) -> QuotaParams {
        QuotaParams { amount: asked.amount, best_effort: asked.best_effort }
    }
}

/// What is granted of one quota.
#[pyclass(frozen, module = "mizzen.wire")]
pub(crate) struct QuotaResult {
    #[pyo3(get)]
    granted_amount: i64,
    valid_for: Option<Time>,
    #[pyo3(get)]
    code: i32,
    #[pyo3(get)]
    message: String,
    #[pyo3(get)]
    referenced: Option<Py<References>>,
}

#[pymethods]
impl QuotaResult {
    #[new]
    #[pyo3(
        signature = (
            granted_amount,
            valid_for = Some(default_validity()),
            code = 0,
            message = String::new(),
            referenced = None,
        ),
        text_signature = "(granted_amount, valid_for=60.0, code=0, message='', referenced=None)"
    )]
    fn new(
        granted_amount: i64,
        #[pyo3(from_py_with = valid_for)] valid_for: Option<Time>,
        code: i32,
        message: String,
        referenced: Option<Py<References>>,
    ) -> QuotaResult {
        QuotaResult { granted_amount, valid_for, code, message, referenced }
    }

    /// In seconds, None: without end.
    #[getter]
    fn valid_for(&self) -> Option<f64> {
        self.valid_for.map(|time| time.seconds as f64 + f64::from(time.nanos) / 1e9)
    }

    fn __repr__(&self) -> String {
        format!("QuotaResult(granted_amount={}, code={}, message={:?})", self.granted_amount, self.code, self.message)
    }
}

impl QuotaResult {
    /// As the encoder takes it.
    pub(super) fn granted<'a>(&'a self, name: &'a str) -> Granted<'a> {
        Granted {
            name,
            amount: self.granted_amount,
            valid_for: self.valid_for,
            code: self.code,
            message: &self.message,
            referenced: self.referenced.as_ref().map(|given| {
                let given = given.get();
                (&*given.message, &given.references)
            }),
        }
    }
}
