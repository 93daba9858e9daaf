//! Checks the filters' configuration the way the filters read it.

use super::error::bad_config;
use mizzen_client::config::{HttpClientConfig, ServiceConfig, TcpClientConfig};
use pyo3::prelude::*;

/// Check the JSON of an HttpClientConfig, and give it back in canonical form.
#[pyfunction]
pub(crate) fn parse_http_client_config(py: Python<'_>, json: &str) -> PyResult<String> {
    let config = HttpClientConfig::from_json(json.as_bytes()).map_err(|error| bad_config(py, &error))?;
    Ok(config.to_json())
}

/// Check the JSON of a TcpClientConfig, and give it back in canonical form.
#[pyfunction]
pub(crate) fn parse_tcp_client_config(py: Python<'_>, json: &str) -> PyResult<String> {
    let config = TcpClientConfig::from_json(json.as_bytes()).map_err(|error| bad_config(py, &error))?;
    Ok(config.to_json())
}

/// Check the JSON of a ServiceConfig, and give it back in canonical form.
#[pyfunction]
pub(crate) fn parse_service_config(py: Python<'_>, json: &str) -> PyResult<String> {
    let config = ServiceConfig::from_json(json.as_bytes()).map_err(|error| bad_config(py, &error))?;
    Ok(config.to_json())
}
