//! The Mixer client without IO.
//!
//! Everything the filter decides lives here as plain state machines: no Envoy, no sockets, no clock of its own.
#![forbid(unsafe_code)]
