//! The HTTP filter: attributes of the request, the Check, and what the decision does to the messages.

mod attributes;
mod call;
mod check;
mod config;
mod directive;
mod filter;
mod payload;
mod precedents;
mod prepared;
mod worker;

pub(crate) use attributes::{FORWARD_HEADER, TRACING_PREFIX, derive};
pub(crate) use config::{HttpFilterConfig, RouteConfig};
pub(crate) use filter::HttpFilter;
pub(crate) use prepared::Prepared;
