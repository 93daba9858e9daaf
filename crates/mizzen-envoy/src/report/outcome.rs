//! What Envoy tells of a finished stream, and the attributes that follow from it.
//!
//! Telling and working out are two steps, as the second can wait: it is done for several streams together (see [`mizzen_client::batch::Lane`]).

use mizzen_client::{Bag, Time, names};

use crate::address;
use crate::flags;

/// The end of one stream, in Envoy's words.
#[derive(Clone, Default)]
pub(crate) struct Outcome {
    /// When the stream ended, in nanoseconds since the Unix epoch, and after how long.
    pub(crate) end: i64,
    pub(crate) duration: i64,
    /// Bytes of the bodies.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Bytes of the request's headers and trailers as they arrived.
    pub(crate) request_header_bytes: u64,
    pub(crate) code: Option<u64>,
    /// The status that the Mixer's refusal stands for.
    pub(crate) denied_code: Option<u16>,
    /// Response flags as Envoy numbers them.
    pub(crate) flags: u64,
    /// The address of the upstream host as Envoy prints it; empty without one.
    pub(crate) upstream: Vec<u8>,
    /// Names and values of the response's headers, and behind them its trailers, one after the other.
    text: Vec<u8>,
    /// The lengths of each name and value.
    lines: Vec<(usize, usize)>,
    headers: usize,
}

impl Outcome {
    /// Forgets what was told, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.upstream.clear();
        self.text.clear();
        self.lines.clear();
        self.headers = 0;
    }

    pub(crate) fn header(&mut self, name: &[u8], value: &[u8]) {
        self.trailer(name, value);
        self.headers = self.lines.len();
    }

    /// Trailers come after all headers.
    pub(crate) fn trailer(&mut self, name: &[u8], value: &[u8]) {
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        self.lines.push((name.len(), value.len()));
    }

    /// Sets the attributes: the response, sizes, times, the upstream host and the flags.
    pub(crate) fn set_attributes(&self, bag: &mut Bag) {
        bag.set_timestamp(names::RESPONSE_TIME, Time::from_nanos(self.end));
        bag.set_duration(names::RESPONSE_DURATION, Time::from_nanos(self.duration));
        self.set_response_headers(bag);
        let sizes = [
            (names::REQUEST_SIZE, self.received),
            (names::REQUEST_TOTAL_SIZE, self.received + self.request_header_bytes),
            (names::RESPONSE_SIZE, self.sent),
            (names::RESPONSE_TOTAL_SIZE, self.sent + self.text.len() as u64),
        ];
        for (name, size) in sizes {
            bag.set_int64(name, i64::try_from(size).unwrap_or(i64::MAX));
        }
        self.set_codes(bag);
        self.set_upstream(bag);
    }

    /// Names and values in their order.
    fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.text[..];
        self.lines.iter().map(move |(name_length, value_length)| {
            let (name, value);
            (name, rest) = rest.split_at(*name_length);
            (value, rest) = rest.split_at(*value_length);
            (name, value)
        })
    }

    /// Headers and trailers in one map; a gRPC status stands in the trailers, or in the headers of a response without any.
    fn set_response_headers(&self, bag: &mut Bag) {
        bag.set_map_lossy(names::RESPONSE_HEADERS, self.lines());
        if let Some(status) = self.find(b"grpc-status") {
            bag.set_string_lossy(names::RESPONSE_GRPC_STATUS, status);
            bag.set_string_lossy(names::RESPONSE_GRPC_MESSAGE, self.find(b"grpc-message").unwrap_or_default());
        }
    }

    /// The first value of a trailer, or else of a header.
    fn find(&self, wanted: &[u8]) -> Option<&[u8]> {
        let value = |(name, value)| (name == wanted).then_some(value);
        self.lines().skip(self.headers).find_map(value).or_else(|| self.lines().take(self.headers).find_map(value))
    }

    fn set_codes(&self, bag: &mut Bag) {
        let (mask, code) = match self.denied_code {
            Some(denied) => (self.flags | flags::UAEX, i64::from(denied)),
            None => (
                self.flags,
                self.code.and_then(|code| i64::try_from(code).ok()).filter(|code| *code != 0).unwrap_or(500),
            ),
        };
        bag.set_int64(names::RESPONSE_CODE, code);
        flags::with_letters(mask, |letters| bag.set_string(names::CONTEXT_PROXY_ERROR_CODE, letters));
    }

    fn set_upstream(&self, bag: &mut Bag) {
        let Some((address, port)) = address::parse(&self.upstream) else { return };
        if !bag.contains(names::DESTINATION_IP) {
            address::with_bytes(address, |bytes| bag.set_bytes(names::DESTINATION_IP, bytes));
        }
        if let (false, Some(port)) = (bag.contains(names::DESTINATION_PORT), port) {
            bag.set_int64(names::DESTINATION_PORT, i64::from(port));
        }
    }
}
