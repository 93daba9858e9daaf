//! The Mixer wire codec for Python: the extension module `mizzen._wire`.
//!
//! The rules live in `mizzen_client`; this crate turns values and errors into Python's. The typed face with its
//! documentation is `mizzen.wire`.

mod bag;
mod check;
mod config;
mod directive;
mod encode;
mod error;
mod report;
mod server;
mod time;
mod value;

use pyo3::prelude::*;

/// The extension module.
#[pymodule]
mod _wire {
    #[pymodule_export]
    use super::bag::Bag;
    #[pymodule_export]
    use super::check::{CheckCall, QuotaParams, QuotaResult, References};
    #[pymodule_export]
    use super::config::{parse_http_client_config, parse_service_config, parse_tcp_client_config};
    #[pymodule_export]
    use super::directive::{HeaderOperation, RouteDirective};
    #[pymodule_export]
    use super::encode::{decode_attributes, encode_attributes, encode_check_request, encode_report_request};
    #[pymodule_export]
    use super::error::{DictionaryMismatchError, WireConfigError, WireError};
    #[pymodule_export]
    use super::report::{Plan, ReportCall};
    #[pymodule_export]
    use super::server::{Pending, Server};
    #[pymodule_export]
    use super::time::{Duration, Timestamp};
    /// How many words of the global dictionary this side knows.
    #[pymodule_export]
    const GLOBAL_WORD_COUNT: usize = mizzen_client::words::WORD_COUNT;

    /// Its words, in the order of their indices.
    #[pymodule_export]
    const GLOBAL_WORDS: [&str; GLOBAL_WORD_COUNT] = mizzen_client::words::WORDS;
}
