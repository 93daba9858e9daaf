//! The Mixer client without IO.
//!
//! Everything the filter decides lives here as plain state machines: no Envoy, no sockets, no clock of its own.
#![forbid(unsafe_code)]

// The data: attributes, their wire form, configuration.
pub mod bag;
pub mod name;
pub mod value;
pub mod words;

// The flow: caches, quotas, calls, report batches.

pub use bag::Bag;
pub use name::{Name, names};
pub use value::{MapRef, Time, ValueRef};
