//! The Check of one request, from the cached decision to the remote call with its retries.
//!
//! [`Client`] is one worker's: it takes events (a request, an answer, a stream that went away) with the time, and says
//! what to do next. The caller owns streams, timers and connections.

mod call;
mod client;
mod decision;
mod generation;
mod joins;
mod settings;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use decision::{Decision, Finished, Gauges, Request, Started, Ticket};
pub use generation::{Generation, Generations};
pub use settings::Settings;
