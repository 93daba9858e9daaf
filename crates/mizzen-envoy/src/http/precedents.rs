//! Requests like those before them: what was derived from one is copied for the next, and only what differs is derived anew.
//!
//! The bags are the same as without precedents; the work is less than half, here and where a copy is encoded.

use mizzen_client::{Bag, Name, Time, ValueRef, names};

use super::attributes::{Arrival, derive_from, derive_path, origin, principal};
use crate::address;
use crate::ffi::{Attribute, Header, HeaderKind, StreamView};

/// How many kinds of requests are remembered.
const REMEMBERED: usize = 4;
/// The longest header list that is remembered: a bag notes changes of that many pairs.
const LONGEST: usize = 64;

/// Requests that came lately, the latest first. They differ in the names of their headers.
#[derive(Default)]
pub(crate) struct Precedents(Vec<Precedent>);

impl Precedents {
    /// Fills `bag` as [`super::attributes::derive`] does over the attributes in `base`, which are the same in every call.
    pub(crate) fn derive(&mut self, base: &Bag, stream: &impl StreamView, bag: &mut Bag, now: Time) -> Arrival {
        stream.with_headers(HeaderKind::Request, |headers| {
            let known = self.0.iter().position(|precedent| precedent.has_names_of(headers));
            if let Some(position) = known {
                self.0[..=position].rotate_right(1);
                if let Some(arrival) = self.0[0].follow(stream, headers, bag, now) {
                    return arrival;
                }
            }
            bag.clone_from(base);
            let arrival = derive_from(stream, headers, bag, now);
            if let Some(precedent) = Precedent::new(stream, headers, bag, &arrival) {
                if known.is_some() {
                    self.0[0] = precedent;
                } else {
                    self.0.truncate(REMEMBERED - 1);
                    self.0.insert(0, precedent);
                }
            }
            arrival
        })
    }
}

/// One request: its headers as they came, and what was derived from them.
struct Precedent {
    /// Names and values, one after the other.
    text: Vec<u8>,
    lines: Vec<Line>,
    bag: Bag,
    /// Where it came from, as Envoy prints that, without the port.
    origin: Option<Vec<u8>>,
    grpc: bool,
    headers_without_trace: Option<usize>,
}

/// One header of a precedent.
struct Line {
    name_length: usize,
    value_length: usize,
    /// Its position in the map of headers.
    pair: usize,
    field: Field,
}

/// What else than the map of headers depends on a header.
#[derive(Clone, Copy)]
enum Field {
    Nothing,
    Path,
    ContentType,
    Attribute(Name),
}

impl Field {
    fn of(name: &[u8]) -> Field {
        match name {
            b":path" => Field::Path,
            b"content-type" => Field::ContentType,
            b":authority" => Field::Attribute(names::REQUEST_HOST),
            b":scheme" => Field::Attribute(names::REQUEST_SCHEME),
            b":method" => Field::Attribute(names::REQUEST_METHOD),
            b"referer" => Field::Attribute(names::REQUEST_REFERER),
            b"user-agent" => Field::Attribute(names::REQUEST_USERAGENT),
            _ => Field::Nothing,
        }
    }
}

impl Precedent {
    /// Remembers a request with what was derived from it; `None` for one with headers that are more than attributes, or that do not stand in the map one by
    /// one: with a repeated name, or a name that is not UTF-8.
    fn new(stream: &impl StreamView, headers: &[Header<'_>], bag: &Bag, arrival: &Arrival) -> Option<Precedent> {
        if arrival.forwarded.is_some() || arrival.payload.is_some() || headers.len() > LONGEST {
            return None;
        }
        let Some(ValueRef::StringMap(map)) = bag.get(names::REQUEST_HEADERS) else { return None };
        if map.len() != headers.len() {
            return None;
        }
        let mut text = Vec::with_capacity(usize::try_from(arrival.header_bytes).ok()?);
        let line = |header: &Header<'_>| {
            text.extend_from_slice(header.name());
            text.extend_from_slice(header.value());
            let key = std::str::from_utf8(header.name()).ok()?;
            Some(Line {
                name_length: header.name().len(),
                value_length: header.value().len(),
                pair: bag.pair_position(names::REQUEST_HEADERS, key)?,
                field: Field::of(header.name()),
            })
        };
        let lines = headers.iter().map(line).collect::<Option<Vec<Line>>>()?;
        let mut bag = bag.clone();
        bag.become_origin();
        let origin = stream.attribute(Attribute::SourceAddress, |source| host(source).map(<[u8]>::to_vec)).flatten();
        let Arrival { grpc, headers_without_trace, .. } = *arrival;
        Some(Precedent { text, lines, bag, origin, grpc, headers_without_trace })
    }

    /// Each header with its name and value in the precedent.
    fn compare<'p, 'h>(
        &'p self,
        headers: &'p [Header<'h>],
    ) -> impl Iterator<Item = (&'p Header<'h>, &'p Line, &'p [u8], &'p [u8])> {
        let mut rest = &self.text[..];
        headers.iter().zip(&self.lines).map(move |(header, line)| {
            let (name, value);
            (name, rest) = rest.split_at(line.name_length);
            (value, rest) = rest.split_at(line.value_length);
            (header, line, name, value)
        })
    }

    fn has_names_of(&self, headers: &[Header<'_>]) -> bool {
        headers.len() == self.lines.len() && self.compare(headers).all(|(header, _, name, _)| header.name() == name)
    }

    /// Fills a bag for a request with headers of the same names; `None` if the request is of another kind all the same.
    fn follow(&self, stream: &impl StreamView, headers: &[Header<'_>], bag: &mut Bag, now: Time) -> Option<Arrival> {
        if !self.is_like_connection_of(stream) {
            return None;
        }
        bag.clone_from(&self.bag);
        bag.set_timestamp(names::REQUEST_TIME, now);
        self.set_origin(stream, bag)?;
        let mut header_bytes = 0;
        for (header, line, _, value) in self.compare(headers) {
            header_bytes += header.size() as u64;
            if header.value() == value {
                continue;
            }
            bag.set_pair_lossy(names::REQUEST_HEADERS, line.pair, header.value());
            match line.field {
                Field::Nothing => {}
                Field::Attribute(name) => bag.set_string_lossy(name, header.value()),
                Field::Path => set_path(header.value(), bag),
                Field::ContentType => return None,
            }
        }
        let Precedent { grpc, headers_without_trace, .. } = *self;
        Some(Arrival { header_bytes, grpc, headers_without_trace, forwarded: None, payload: None })
    }

    /// Sets where the request comes from, if from elsewhere than the precedent; `None` if that had no address, or this has none.
    fn set_origin(&self, stream: &impl StreamView, bag: &mut Bag) -> Option<()> {
        let known = |source: &[u8]| self.origin.is_some() && host(source) == self.origin.as_deref();
        if !stream.attribute(Attribute::SourceAddress, known)? {
            if !bag.contains(names::ORIGIN_IP) {
                return None;
            }
            address::with_bytes(origin(stream)?, |bytes| bag.set_bytes(names::ORIGIN_IP, bytes));
        }
        Some(())
    }

    /// Whether the connection gives the attributes that the precedent's gave, except for its origin.
    fn is_like_connection_of(&self, stream: &impl StreamView) -> bool {
        let mtls = stream.is(Attribute::Mtls);
        let san = |attribute, name| self.has(stream, attribute, name, principal);
        self.bag.get(names::CONNECTION_MTLS) == Some(ValueRef::Bool(mtls))
            && self.has(stream, Attribute::RequestedServerName, names::CONNECTION_REQUESTED_SERVER_NAME, |name| name)
            && san(Attribute::LocalUriSan, names::DESTINATION_PRINCIPAL)
            && (!mtls || san(Attribute::PeerUriSan, names::SOURCE_PRINCIPAL))
    }

    /// Whether the precedent's attribute `name` is what the connection tells, in this form.
    fn has(&self, stream: &impl StreamView, attribute: Attribute, name: Name, form: impl Fn(&[u8]) -> &[u8]) -> bool {
        let known = match self.bag.get(name) {
            Some(ValueRef::String(text)) => text.as_bytes(),
            _ => b"",
        };
        stream.attribute(attribute, |text| form(text) == known).unwrap_or(known.is_empty())
    }
}

/// The address in `ip:port`, without reading it; `None` for anything else, IPv6 among it.
fn host(address: &[u8]) -> Option<&[u8]> {
    let colon = address.iter().position(|byte| *byte == b':')?;
    let (host, port) = address.split_at(colon);
    (!port[1..].contains(&b':')).then_some(host)
}

fn set_path(path: &[u8], bag: &mut Bag) {
    bag.set_string_lossy(names::REQUEST_PATH, path);
    if !path.contains(&b'?') {
        bag.remove(names::REQUEST_QUERY_PARAMS);
    }
    derive_path(path, bag);
}
