//! One TCP connection as the filter sees it: when it is checked, what has passed, what its reports say.
//!
//! Source: istio/proxy 1.4, `src/envoy/tcp/mixer` and `src/istio/control/tcp`.

mod attributes;
mod connection;
#[cfg(test)]
mod tests;
mod traffic;

pub use attributes::{Tls, set_arrival, set_decision, set_destination, set_tls, uuid};
pub use connection::{Connection, Event, Moment, Resolution, Step};
pub use traffic::{Counts, Traffic};
