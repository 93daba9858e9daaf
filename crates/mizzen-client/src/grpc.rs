//! Unary gRPC over plain HTTP/2 exchanges: frames, and what became of a call.
//!
//! The transport hands in headers, data and trailers as it got them; the result is a message or a [`Failure`] that names
//! the gRPC status and the class under which it is counted.

mod answer;
mod message;

pub use answer::Answer;

use crate::status::Status;
use std::fmt;

/// Bytes before each message: a flag for compression and the length.
pub const FRAME_HEADER: usize = 5;
/// The largest message taken from a peer, in bytes.
pub const MAX_MESSAGE: usize = 4 << 20;

const UNAVAILABLE: i32 = 14;
const INVALID_ARGUMENT: i32 = 3;
const TIMEOUT: &str = "upstream request timeout";
const SEND_ERROR: &str = "upstream connect error or disconnect/reset before headers";
const INVALID_DICTIONARY: &str = "Request could not be processed due to invalid";

/// `message` as the body of a call: header and message, uncompressed.
pub fn frame(message: &[u8]) -> Vec<u8> {
    frame_with(message.len(), |body| body.extend_from_slice(message))
}

/// The body of a call whose message, of about `size` bytes, `write` appends: for large ones, so that they are not copied.
pub fn frame_with(size: usize, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::with_capacity(FRAME_HEADER + size);
    body.extend_from_slice(&[0; FRAME_HEADER]);
    write(&mut body);
    // a message is built by this process from bounded input, far below 4 GiB
    let length = u32::try_from(body.len() - FRAME_HEADER).unwrap_or(u32::MAX);
    body[1..FRAME_HEADER].copy_from_slice(&length.to_be_bytes());
    body
}

/// The message of a body that holds exactly one complete, uncompressed frame.
pub fn unframe(body: &[u8]) -> Result<&[u8], FrameError> {
    let Some((header, message)) = body.split_first_chunk::<FRAME_HEADER>() else {
        return Err(if body.is_empty() { FrameError::Missing } else { FrameError::CutShort });
    };
    let [flag, length @ ..] = *header;
    let length = u32::from_be_bytes(length) as usize;
    match flag {
        0 if message.len() < length => Err(FrameError::CutShort),
        0 if message.len() > length => Err(FrameError::Excess),
        0 => Ok(message),
        1 => Err(FrameError::Compressed),
        _ => Err(FrameError::NotAFrame),
    }
}

/// Why a body is not one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// No byte at all; even an empty message has a header.
    Missing,
    /// Fewer bytes than the header announces.
    CutShort,
    /// More bytes than one message has.
    Excess,
    /// Compressed, which the request did not offer to take.
    Compressed,
    /// The first byte is no flag.
    NotAFrame,
}

impl fmt::Display for FrameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            FrameError::Missing => "the answer holds no message",
            FrameError::CutShort => "the answer was cut short",
            FrameError::Excess => "the answer holds more than one message",
            FrameError::Compressed => "the answer is compressed",
            FrameError::NotAFrame => "the answer is not gRPC",
        })
    }
}

impl std::error::Error for FrameError {}

/// Under which counter a failed call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// No answer within the time allowed.
    Timeout,
    /// The request did not get through: no connection, or it broke before the answer began.
    SendError,
    /// Everything else, errors of the server itself among it.
    OtherError,
}

/// A call that brought no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Under which counter it goes.
    pub class: FailureClass,
    /// The gRPC status; never OK.
    pub status: Status,
}

impl Failure {
    /// The failure with this status, classified by code and message as Envoy words them.
    pub fn from_status(status: Status) -> Failure {
        let class = if status.code != UNAVAILABLE {
            FailureClass::OtherError
        } else if status.message.starts_with(TIMEOUT) {
            FailureClass::Timeout
        } else if status.message.starts_with(SEND_ERROR) {
            FailureClass::SendError
        } else {
            FailureClass::OtherError
        };
        Failure { class, status }
    }

    /// The call could not be sent: no such cluster, no endpoint, or the connection pool refused it.
    pub fn not_sent(reason: &str) -> Failure {
        Failure { class: FailureClass::SendError, status: Status { code: UNAVAILABLE, message: reason.to_owned() } }
    }

    /// The time allowed passed without an answer.
    pub fn timed_out() -> Failure {
        Failure { class: FailureClass::Timeout, status: Status { code: UNAVAILABLE, message: TIMEOUT.to_owned() } }
    }

    /// The answer had begun and broke off.
    pub fn cut_short() -> Failure {
        Failure::unusable("the answer was cut short")
    }

    fn unusable(reason: impl Into<String>) -> Failure {
        Failure { class: FailureClass::OtherError, status: Status { code: UNAVAILABLE, message: reason.into() } }
    }

    /// Whether the server says that it does not know words of the dictionary, so that the client must use fewer.
    ///
    /// The wording is that of servers before 0.8; the call itself is not sent again because of it.
    pub fn is_invalid_dictionary(&self) -> bool {
        self.status.code == INVALID_ARGUMENT && self.status.message.starts_with(INVALID_DICTIONARY)
    }
}

/// What became of one attempt of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The bytes of the answer's message, or why there is none.
    pub result: Result<Vec<u8>, Failure>,
    /// The text of the metadata `mizzen-generation`, if the answer had it.
    pub generation: Option<String>,
    /// What a client who is refused because of the answer is told, if the Mixer wants that.
    pub decision: Option<DecisionHeader>,
}

/// A response header that names the Mixer's decision: the metadata `mizzen-decision-header` and `mizzen-decision-id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionHeader {
    /// The header's name, in lower case.
    pub name: String,
    /// The decision's id.
    pub id: String,
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Outcome {
        Outcome { result: Err(failure), generation: None, decision: None }
    }
}

#[cfg(test)]
mod tests;
