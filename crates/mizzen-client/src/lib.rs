//! The Mixer client without IO.
//!
//! Everything the filter decides lives here as plain state machines: no Envoy, no sockets, no clock of its own.
#![forbid(unsafe_code)]

// The data: attributes, their wire form, configuration.
pub mod answer;
pub mod auth;
pub mod bag;
mod compress;
pub mod config;
pub mod decode;
pub mod dictionary;
pub mod encode;
pub mod forward;
pub mod name;
pub mod node;
pub mod proto;
pub mod referenced;
pub mod report;
pub mod status;
pub mod value;
mod wire;
pub mod words;

// The other side: what the Mixer needs of the wire.
pub mod server;

// The flow: caches, quotas, calls, report batches.
pub mod api_spec;
pub mod batch;
pub mod check_cache;
pub mod directive;
pub mod flow;
pub mod grpc;
pub mod instant;
pub mod quota;
pub mod retry;
pub mod schedule;
mod shape;
pub mod stats;
pub mod tcp;

pub use bag::Bag;
pub use name::{Name, names};
pub use value::{MapRef, Time, ValueRef};
