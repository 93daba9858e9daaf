//! The Envoy dynamic module of Mizzen: HTTP filter, TCP filter, access logger and bootstrap extension in one library.
//!
//! - [`http`]: asks the Mixer about each request, and holds the request meanwhile.
//! - [`tcp`]: asks the Mixer about each connection, and reports its beginning, course and end.
//! - [`report`]: makes one entry of each finished stream, in batches per worker.
//! - [`bootstrap`]: the main thread; sends the batches, publishes counters, wakes streams after a delay, flushes at the end.
//! - [`ffi`]: the border, and the only place with `unsafe`.
//!
//! What can be decided without Envoy is in `mizzen-client`.

mod address;
mod background;
mod bootstrap;
mod client;
mod clock;
mod ffi;
mod flags;
mod generation;
mod http;
mod measures;
mod node;
mod report;
mod stats;
mod tcp;
mod transport;
mod wake;
