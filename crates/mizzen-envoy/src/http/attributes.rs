//! The attributes of a request that are known when its headers have arrived, as Istio 1.4's proxy set them.

use std::net::IpAddr;

pub(crate) use mizzen_client::auth::PAYLOAD_HEADER;
pub(crate) use mizzen_client::forward::FORWARDED_HEADER as FORWARD_HEADER;
use mizzen_client::{Bag, Time, names};

use crate::address;
use crate::ffi::{Attribute, Header, HeaderKind, StreamView};

/// How the names of the headers begin by which a tracer names a span.
pub(crate) const TRACING_PREFIX: &[u8] = b"x-b3-";

/// What the headers tell beside the attributes.
#[derive(Default)]
pub(crate) struct Arrival {
    /// Names and values of all headers as they arrived, the forwarding header included.
    pub(crate) header_bytes: u64,
    /// The caller speaks gRPC and takes refusals as a status of its own.
    pub(crate) grpc: bool,
    /// How many headers there are, if none of them names a trace.
    pub(crate) headers_without_trace: Option<usize>,
    /// The value of the forwarding header.
    pub(crate) forwarded: Option<Vec<u8>>,
    /// The value of the header with a token's payload; only a filter can have written it.
    pub(crate) payload: Option<Vec<u8>>,
}

/// Sets everything that is derived from the request and its connection, over what the bag holds.
pub(crate) fn derive(stream: &impl StreamView, bag: &mut Bag, now: Time) -> Arrival {
    stream.with_headers(HeaderKind::Request, |headers| derive_from(stream, headers, bag, now))
}

/// As [`derive`], for the headers of this stream that have been read already.
pub(super) fn derive_from(stream: &impl StreamView, headers: &[Header<'_>], bag: &mut Bag, now: Time) -> Arrival {
    bag.set_timestamp(names::REQUEST_TIME, now);
    derive_connection(stream, bag);
    derive_headers(headers, bag)
}

fn derive_headers(headers: &[Header<'_>], bag: &mut Bag) -> Arrival {
    let mut arrival = Arrival::default();
    let (mut host, mut path, mut scheme) = (None, None, None);
    let (mut method, mut referer, mut user_agent, mut content_type) = (None, None, None, None);
    for header in headers {
        arrival.header_bytes += header.size() as u64;
        let field = match header.name() {
            b":authority" => &mut host,
            b":path" => &mut path,
            b":scheme" => &mut scheme,
            b":method" => &mut method,
            b"referer" => &mut referer,
            b"user-agent" => &mut user_agent,
            b"content-type" => &mut content_type,
            name if name == FORWARD_HEADER.as_bytes() => {
                arrival.forwarded.get_or_insert_with(|| header.value().to_vec());
                continue;
            }
            name if name == PAYLOAD_HEADER.as_bytes() => {
                arrival.payload.get_or_insert_with(|| header.value().to_vec());
                continue;
            }
            _ => continue,
        };
        field.get_or_insert(header.value());
    }
    let traced = headers.iter().any(|header| header.name().starts_with(TRACING_PREFIX));
    arrival.headers_without_trace = (!traced).then_some(headers.len());
    let pairs = headers.iter().map(|header| (header.name(), header.value()));
    if arrival.forwarded.is_none() && arrival.payload.is_none() {
        bag.set_map_lossy(names::REQUEST_HEADERS, pairs);
    } else {
        let own = [FORWARD_HEADER.as_bytes(), PAYLOAD_HEADER.as_bytes()];
        bag.set_map_lossy(names::REQUEST_HEADERS, pairs.filter(|(name, _)| !own.contains(name)));
    }
    bag.set_string_lossy(names::REQUEST_HOST, host.unwrap_or_default());
    bag.set_string_lossy(names::REQUEST_SCHEME, scheme.unwrap_or(b"http"));
    bag.set_string_lossy(names::REQUEST_PATH, path.unwrap_or_default());
    if let Some(path) = path {
        derive_path(path, bag);
    }
    let optional =
        [(names::REQUEST_METHOD, method), (names::REQUEST_REFERER, referer), (names::REQUEST_USERAGENT, user_agent)];
    for (name, value) in optional {
        if let Some(value) = value {
            bag.set_string_lossy(name, value);
        }
    }
    let content_type = content_type.unwrap_or_default();
    arrival.grpc = is_grpc(content_type);
    let known = [&b"application/grpc"[..], b"application/grpc+proto", b"application/grpc+json"];
    bag.set_string(names::CONTEXT_PROTOCOL, if known.contains(&content_type) { "grpc" } else { "http" });
    arrival
}

/// Whether Envoy takes a request of this content type for gRPC and turns local replies into a gRPC status.
fn is_grpc(content_type: &[u8]) -> bool {
    content_type.strip_prefix(b"application/grpc").is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
}

pub(super) fn derive_path(path: &[u8], bag: &mut Bag) {
    let Some(mark) = path.iter().position(|byte| *byte == b'?') else {
        return bag.set_string_lossy(names::REQUEST_URL_PATH, path);
    };
    bag.set_string_lossy(names::REQUEST_URL_PATH, &path[..mark]);
    let parameters = path[mark + 1..].split(|byte| *byte == b'&').filter(|parameter| !parameter.is_empty());
    let pairs = parameters.map(|parameter| match parameter.iter().position(|byte| *byte == b'=') {
        Some(equals) => (&parameter[..equals], &parameter[equals + 1..]),
        None => (parameter, &b""[..]),
    });
    // a bag keeps the last of a repeated key, and of a repeated parameter the first counts
    bag.set_map_lossy(names::REQUEST_QUERY_PARAMS, pairs.rev());
}

fn derive_connection(stream: &impl StreamView, bag: &mut Bag) {
    if let Some(origin) = origin(stream) {
        address::with_bytes(origin, |bytes| bag.set_bytes(names::ORIGIN_IP, bytes));
    }
    let mtls = stream.is(Attribute::Mtls);
    bag.set_bool(names::CONNECTION_MTLS, mtls);
    stream.attribute(Attribute::RequestedServerName, |name| {
        if !name.is_empty() {
            bag.set_string_lossy(names::CONNECTION_REQUESTED_SERVER_NAME, name);
        }
    });
    stream.attribute(Attribute::LocalUriSan, |san| set_principal(bag, names::DESTINATION_PRINCIPAL, san));
    if mtls {
        stream.attribute(Attribute::PeerUriSan, |san| set_principal(bag, names::SOURCE_PRINCIPAL, san));
    }
}

/// The address of the caller.
pub(super) fn origin(stream: &impl StreamView) -> Option<IpAddr> {
    let (address, _) = stream.attribute(Attribute::SourceAddress, address::parse)??;
    Some(address)
}

fn set_principal(bag: &mut Bag, name: mizzen_client::Name, san: &[u8]) {
    let principal = principal(san);
    if !principal.is_empty() {
        bag.set_string_lossy(name, principal);
    }
}

/// The principal in a certificate's URI.
pub(super) fn principal(san: &[u8]) -> &[u8] {
    san.strip_prefix(b"spiffe://").unwrap_or(san)
}
