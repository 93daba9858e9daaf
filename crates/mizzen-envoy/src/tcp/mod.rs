//! The TCP filter: attributes of the connection, the Check, and the reports of its beginning, course and end.

mod call;
mod check;
mod config;
mod filter;
mod open;
mod reports;
mod worker;

pub(crate) use config::TcpFilterConfig;
pub(crate) use filter::TcpFilter;
pub(crate) use open::{are_none_open, end_all};
