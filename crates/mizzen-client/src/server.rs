//! The Mixer's side of the protocol: requests read lazily and with every look-up remembered, answers written.
//!
//! A request is walked once and only indexed; a value is decoded when it is asked for. Nothing here trusts the peer:
//! malformed bytes are a [`WireError`], an index that no dictionary defines reads as an absent attribute.
//!
//! Source of the rules: istio/istio 1.4 `mixer/pkg/attribute/{protoBag,dictState}.go`, `mixer/pkg/api/grpcServer.go`.

mod attributes;
mod check;
mod group;
mod message;
mod ordered;
mod record;
mod references;
mod report;
mod response;
mod scan;
#[cfg(test)]
mod tests;

pub use attributes::{encode_attributes, parse_attributes};
pub use check::{CheckRequest, QuotaAsked};
pub use group::{Group, Plan};
pub use message::{Message, NotAMap, WireMap, WireValue};
pub use record::Record;
pub use references::{Condition, Reference, References};
pub use report::{MAX_ACCUMULATED_ENTRIES, MAX_RECORDS, RecordError, ReportRequest};
pub use response::{Granted, Precondition, Referenced, encode_check_response};

use crate::words::WORD_COUNT;
use std::fmt;

/// Why the bytes of a request are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The bytes are no such message: what is wrong, and where.
    Malformed {
        /// What is wrong.
        reason: &'static str,
        /// Offset from the start of the message.
        at: usize,
    },
    /// The sender may have used global words that this side does not know.
    DictionaryMismatch {
        /// The sender's `global_word_count`.
        asked: u32,
    },
    /// The accumulated bags of a delta encoded report would take too much memory.
    TooLarge,
    /// A report has too many bags.
    TooManyRecords,
}

impl WireError {
    pub(super) fn malformed(reason: &'static str, at: usize) -> WireError {
        WireError::Malformed { reason, at }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Malformed { reason, at } => write!(formatter, "malformed message: {reason} at byte {at}"),
            WireError::DictionaryMismatch { asked } => write!(
                formatter,
                "inconsistent global dictionary versions used: the client uses {asked} words, the server knows {WORD_COUNT}"
            ),
            WireError::TooManyRecords => write!(formatter, "the report has more than {MAX_RECORDS} bags"),
            WireError::TooLarge => write!(
                formatter,
                "the report's bags add up to more than {MAX_ACCUMULATED_ENTRIES} attributes; send fewer bags in one report"
            ),
        }
    }
}

impl std::error::Error for WireError {}

/// Refuses a sender that may have used words beyond ours.
fn check_word_count(asked: u32) -> Result<(), WireError> {
    if asked as usize > WORD_COUNT { Err(WireError::DictionaryMismatch { asked }) } else { Ok(()) }
}
