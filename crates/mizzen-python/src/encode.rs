//! Writes messages from Python's values, and reads bare attributes: for tools and tests.

use super::bag::Bag;
use super::check::QuotaParams;
use super::error::refused;
use super::value::bag_of;
use mizzen_client::dictionary::WordLimit;
use mizzen_client::encode;
use mizzen_client::report::{Encoding, ReportEncoder};
use mizzen_client::server;
use mizzen_client::words::WORD_COUNT;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::sync::Arc;

// signatures of Python show literals only
const _: () = assert!(WORD_COUNT == 222);

/// Encode a bag as CompressedAttributes.
#[pyfunction]
#[pyo3(signature = (attributes, *, global_word_count = 222))]
pub(crate) fn encode_attributes<'py>(
    py: Python<'py>,
    attributes: &Bound<'py, PyAny>,
    global_word_count: u32,
) -> PyResult<Bound<'py, PyBytes>> {
    let limit = limit(global_word_count)?;
    Ok(PyBytes::new(py, &server::encode_attributes(&bag_of(attributes)?, limit)))
}

/// Decode CompressedAttributes into a dict; an attribute with undefined words is left out.
#[pyfunction]
pub(crate) fn decode_attributes<'py>(py: Python<'py>, encoded: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let (message, record) = server::parse_attributes(encoded).map_err(refused)?;
    Bag::new(&Arc::new(message), &Arc::new(record)).to_dict(py)
}

/// Encode a CheckRequest.
#[pyfunction]
#[pyo3(signature = (attributes, *, deduplication_id = "", quotas = None, global_word_count = 222))]
pub(crate) fn encode_check_request<'py>(
    py: Python<'py>,
    attributes: &Bound<'py, PyAny>,
    deduplication_id: &str,
    quotas: Option<&Bound<'py, PyDict>>,
    global_word_count: u32,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut asked: Vec<(String, PyRef<'py, QuotaParams>)> = Vec::new();
    for (name, params) in quotas.into_iter().flatten() {
        asked.push((name.extract()?, params.extract()?));
    }
    let asked: Vec<_> = asked.iter().map(|(name, params)| params.asked(name)).collect();
    let bag = bag_of(attributes)?;
    let request = encode::encode_check_request(&bag, limit(global_word_count)?, deduplication_id, &asked);
    Ok(PyBytes::new(py, &request))
}

/// Encode a ReportRequest.
#[pyfunction]
#[pyo3(signature = (records, *, delta = false, global_word_count = 222))]
pub(crate) fn encode_report_request<'py>(
    py: Python<'py>,
    records: Vec<Bound<'py, PyAny>>,
    delta: bool,
    global_word_count: u32,
) -> PyResult<Bound<'py, PyBytes>> {
    let encoding = if delta { Encoding::Delta } else { Encoding::Independent };
    let mut batch = ReportEncoder::new(limit(global_word_count)?, encoding);
    for (number, record) in records.iter().enumerate() {
        batch.push(&bag_of(record)?).map_err(|_| {
            PyValueError::new_err(format!(
                "record {number} lacks an attribute of the one before it, which delta encoding cannot say"
            ))
        })?;
    }
    Ok(PyBytes::new(py, &batch.finish()))
}

fn limit(global_word_count: u32) -> PyResult<WordLimit> {
    WordLimit::new(global_word_count).ok_or_else(|| {
        PyValueError::new_err(format!("global_word_count {global_word_count} is not within 0 and {WORD_COUNT}"))
    })
}
