//! What the headers of a call say besides its method.

use hyper::HeaderMap;
use std::time::{Duration, Instant};

/// W3C's and B3's headers; those of both forms, which a client chooses from.
const TRACE_HEADERS: [&str; 7] =
    ["traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled"];
const TIMEOUT_HEADER: &str = "grpc-timeout";
const TIMEOUT_DIGITS: usize = 8;

/// When the client gives the call up; none for a header that is no gRPC timeout.
pub(super) fn deadline(headers: &HeaderMap, now: Instant) -> Option<Instant> {
    let text = headers.get(TIMEOUT_HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > TIMEOUT_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    let timeout = match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    };
    now.checked_add(timeout)
}

/// The headers of tracing that the call has, by name.
pub(super) fn trace(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let text = |name| Some((name, headers.get(name)?.to_str().ok()?.to_owned()));
    TRACE_HEADERS.into_iter().filter_map(text).collect()
}
