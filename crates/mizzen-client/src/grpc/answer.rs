//! An answer as it arrives in pieces.

use super::{DecisionHeader, FRAME_HEADER, Failure, MAX_MESSAGE, Outcome, message, unframe};
use crate::status::Status;

const UNKNOWN: i32 = 2;
const METADATA_BYTES: usize = 256;

/// Collects one answer: headers, data, trailers in that order, then one of the three ends.
#[derive(Debug, Default)]
pub struct Answer {
    http_status: Option<u32>,
    foreign_content: bool,
    grpc_status: Option<i32>,
    grpc_message: Option<String>,
    generation: Option<String>,
    decision_id: Option<String>,
    decision_header: Option<String>,
    body: Vec<u8>,
    too_large: bool,
}

impl Answer {
    /// An answer of which nothing has arrived.
    pub fn new() -> Answer {
        Answer::default()
    }

    /// Takes headers, or a part of them.
    pub fn headers<'h>(&mut self, headers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>) {
        for (name, value) in headers {
            match name {
                b":status" => self.http_status = Some(number(value).and_then(|code| code.try_into().ok()).unwrap_or(0)),
                b"content-type" => self.foreign_content = !value.starts_with(b"application/grpc"),
                _ => self.metadata(name, value),
            }
        }
    }

    /// Takes a piece of the body. An answer larger than [`MAX_MESSAGE`] is kept no further.
    pub fn data(&mut self, data: &[u8]) {
        if self.body.len() + data.len() > FRAME_HEADER + MAX_MESSAGE {
            self.too_large = true;
            self.body = Vec::new();
        }
        if !self.too_large {
            self.body.extend_from_slice(data);
        }
    }

    /// Takes trailers.
    pub fn trailers<'h>(&mut self, trailers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>) {
        for (name, value) in trailers {
            self.metadata(name, value);
        }
    }

    fn metadata(&mut self, name: &[u8], value: &[u8]) {
        match name {
            // a status that is no number is one the server did not mean to be OK
            b"grpc-status" => self.grpc_status = Some(number(value).unwrap_or(UNKNOWN)),
            b"grpc-message" => self.grpc_message = Some(message::decode(value)),
            b"mizzen-generation" if value.len() <= METADATA_BYTES => {
                self.generation = Some(String::from_utf8_lossy(value).into_owned());
            }
            b"mizzen-decision-id" => self.decision_id = text(value, |byte| byte.is_ascii_graphic()),
            b"mizzen-decision-header" => self.decision_header = text(value, in_header_name),
            _ => {}
        }
    }

    /// The end of an exchange whose trailers were seen: without `grpc-status` the answer counts as cut short.
    pub fn complete(self) -> Outcome {
        self.end(true)
    }

    /// The end of an exchange whose trailers cannot be seen: one complete message tells success.
    pub fn complete_without_trailers(self) -> Outcome {
        self.end(false)
    }

    /// The end of an exchange that was reset. `timed_out`: the time allowed had passed.
    pub fn interrupted(self, timed_out: bool) -> Outcome {
        let failure = match (timed_out, self.http_status) {
            (true, _) => Failure::timed_out(),
            (false, Some(_)) => Failure::cut_short(),
            (false, None) => Failure::not_sent("upstream connect error or disconnect/reset before headers"),
        };
        Outcome { result: Err(failure), generation: self.generation, decision: None }
    }

    fn end(mut self, trailers_seen: bool) -> Outcome {
        let generation = self.generation.take();
        let decision =
            self.decision_header.take().zip(self.decision_id.take()).map(|(name, id)| DecisionHeader { name, id });
        Outcome { result: self.result(trailers_seen), generation, decision }
    }

    fn result(self, trailers_seen: bool) -> Result<Vec<u8>, Failure> {
        if self.foreign_content || self.http_status != Some(200) {
            let status = self.http_status.unwrap_or(0);
            return Err(Failure::unusable(format!("the answer is not gRPC (HTTP status {status})")));
        }
        match self.grpc_status {
            None if trailers_seen => return Err(Failure::cut_short()),
            None | Some(0) => {}
            Some(code) => {
                let message = self.grpc_message.unwrap_or_default();
                return Err(Failure::from_status(Status { code, message }));
            }
        }
        if self.too_large {
            return Err(Failure::unusable("the answer is too large"));
        }
        match unframe(&self.body) {
            Ok(_) => {
                let mut message = self.body;
                message.drain(..FRAME_HEADER);
                Ok(message)
            }
            Err(error) => Err(Failure::unusable(error.to_string())),
        }
    }
}

/// A short text of such bytes; nothing if it is empty or anything else.
fn text(value: &[u8], accepted: impl Fn(u8) -> bool) -> Option<String> {
    let fits = (1..=METADATA_BYTES).contains(&value.len()) && value.iter().all(|byte| accepted(*byte));
    fits.then(|| String::from_utf8_lossy(value).into_owned())
}

/// Of the characters of a header's name those that Envoy's own names have: lower case, no colon.
fn in_header_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A number of up to ten digits.
fn number(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}
