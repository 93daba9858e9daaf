//! The attributes that are derived from a request, against the sheet of Istio 1.4's proxy.

mod fake;
use fake as ffi;
#[path = "../src/address.rs"]
mod address;
#[path = "../src/http/attributes.rs"]
mod attributes;

use attributes::{Arrival, derive};
use ffi::{Attribute, Stream};
use mizzen_client::{Bag, Name, Time, ValueRef, names};
use proptest::prelude::*;

const NOW: Time = Time { seconds: 1_700_000_000, nanos: 5 };

fn stream(headers: &[(&str, &str)]) -> Stream {
    let headers = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    Stream { headers: headers.collect(), ..Stream::default() }
}

fn derived(stream: &Stream) -> (Bag, Arrival) {
    let mut bag = Bag::new();
    let arrival = derive(stream, &mut bag, NOW);
    (bag, arrival)
}

fn text(bag: &Bag, name: Name) -> Option<String> {
    match bag.get(name) {
        Some(ValueRef::String(text)) => Some(text.to_owned()),
        // another type is a text that no test expects
        other => other.map(|value| format!("{value:?}")),
    }
}

fn map(bag: &Bag, name: Name) -> Vec<(String, String)> {
    match bag.get(name) {
        Some(ValueRef::StringMap(map)) => map.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        other => other.into_iter().map(|value| (format!("{value:?}"), String::new())).collect(),
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn an_empty_request_has_only_what_is_always_there() {
    let (bag, arrival) = derived(&Stream::default());
    let all: Vec<&str> = bag.iter().map(|(name, _)| name.as_str()).collect();
    let always =
        ["connection.mtls", "context.protocol", "request.host", "request.path", "request.scheme", "request.time"];
    assert_eq!(all, always);
    assert_eq!(text(&bag, names::REQUEST_SCHEME).as_deref(), Some("http"));
    assert_eq!(bag.get(names::REQUEST_TIME), Some(ValueRef::Timestamp(NOW)));
    assert_eq!(arrival.header_bytes, 0);
}

#[test]
fn a_path_is_split_at_the_first_question_mark_and_parameters_are_not_decoded() {
    let (bag, _) = derived(&stream(&[(":path", "/a/b?x=1&y&x=2&&z=%20=?")]));
    assert_eq!(text(&bag, names::REQUEST_PATH).as_deref(), Some("/a/b?x=1&y&x=2&&z=%20=?"));
    assert_eq!(text(&bag, names::REQUEST_URL_PATH).as_deref(), Some("/a/b"));
    assert_eq!(map(&bag, names::REQUEST_QUERY_PARAMS), pairs(&[("x", "1"), ("y", ""), ("z", "%20=?")]));
}

#[test]
fn a_path_without_parameters_has_no_parameter_map() {
    for path in ["/", "/?", "/?&&"] {
        let (bag, _) = derived(&stream(&[(":path", path)]));
        assert!(!bag.contains(names::REQUEST_QUERY_PARAMS), "{path}");
        assert_eq!(text(&bag, names::REQUEST_URL_PATH).as_deref(), Some("/"));
    }
}

#[test]
fn the_forwarding_header_is_counted_and_handed_over_but_no_attribute() {
    let (bag, arrival) = derived(&stream(&[("x-istio-attributes", "first"), ("a", "1"), ("x-istio-attributes", "2")]));
    assert_eq!(map(&bag, names::REQUEST_HEADERS), pairs(&[("a", "1")]));
    assert_eq!(arrival.forwarded.as_deref(), Some(&b"first"[..]));
    assert_eq!(arrival.header_bytes, 18 + 5 + 2 + 18 + 1);
}

#[test]
fn headers_that_name_a_trace_are_noticed() {
    assert_eq!(derived(&stream(&[("a", "1"), ("b", "2")])).1.headers_without_trace, Some(2));
    assert_eq!(derived(&stream(&[("a", "1"), ("x-b3-sampled", "0")])).1.headers_without_trace, None);
}

#[test]
fn the_last_of_a_repeated_header_is_the_map_s_and_the_first_is_the_attribute_s() {
    let (bag, _) = derived(&stream(&[("referer", "one"), ("referer", "two")]));
    assert_eq!(map(&bag, names::REQUEST_HEADERS), pairs(&[("referer", "two")]));
    assert_eq!(text(&bag, names::REQUEST_REFERER).as_deref(), Some("one"));
}

#[test]
fn the_protocol_is_grpc_for_three_content_types_and_a_caller_speaks_it_with_any_suffix() {
    let cases = [
        ("application/grpc", "grpc", true),
        ("application/grpc+proto", "grpc", true),
        ("application/grpc+json", "grpc", true),
        ("application/grpc+thrift", "http", true),
        ("application/grpc-web", "http", false),
        ("application/json", "http", false),
    ];
    for (content_type, protocol, grpc) in cases {
        let (bag, arrival) = derived(&stream(&[("content-type", content_type)]));
        assert_eq!(text(&bag, names::CONTEXT_PROTOCOL).as_deref(), Some(protocol), "{content_type}");
        assert_eq!(arrival.grpc, grpc, "{content_type}");
    }
}

#[test]
fn addresses_are_raw_bytes_with_or_without_a_port() {
    let six = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let cases: [(&str, Option<&[u8]>); 6] = [
        ("10.1.2.3:456", Some(&[10, 1, 2, 3])),
        ("10.1.2.3", Some(&[10, 1, 2, 3])),
        ("[2001:db8::1]:80", Some(&six)),
        ("2001:db8::1", Some(&six)),
        ("/var/run/socket", None),
        ("", None),
    ];
    for (address, bytes) in cases {
        let mut stream = Stream::default();
        stream.texts.insert(Attribute::SourceAddress, address);
        assert_eq!(derived(&stream).0.get(names::ORIGIN_IP), bytes.map(ValueRef::Bytes), "{address}");
    }
}

proptest! {
    #[test]
    fn addresses_are_read_as_the_standard_library_does(
        text in prop_oneof![
            "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(:[0-9]{1,6})?",
            "[0-9.:]{0,22}",
            any::<std::net::SocketAddr>().prop_map(|address| address.to_string()),
            any::<std::net::IpAddr>().prop_map(|address| address.to_string()),
        ],
    ) {
        let socket = text.parse::<std::net::SocketAddr>().ok().map(|address| (address.ip(), Some(address.port())));
        let expected = socket.or_else(|| Some((text.parse().ok()?, None)));
        prop_assert_eq!(address::parse(text.as_bytes()), expected);
    }
}

#[test]
fn principals_come_from_certificates_and_the_caller_s_only_with_mutual_tls() {
    let mut stream = Stream::default();
    stream.texts.insert(Attribute::LocalUriSan, "spiffe://td/ns/a/sa/b");
    stream.texts.insert(Attribute::PeerUriSan, "urn:peer");
    stream.texts.insert(Attribute::RequestedServerName, "");
    let (bag, _) = derived(&stream);
    assert_eq!(text(&bag, names::DESTINATION_PRINCIPAL).as_deref(), Some("td/ns/a/sa/b"));
    assert_eq!(text(&bag, names::SOURCE_PRINCIPAL), None);
    assert!(!bag.contains(names::CONNECTION_REQUESTED_SERVER_NAME));
    stream.mtls = true;
    let (bag, _) = derived(&stream);
    assert_eq!(text(&bag, names::SOURCE_PRINCIPAL).as_deref(), Some("urn:peer"));
    assert_eq!(bag.get(names::CONNECTION_MTLS), Some(ValueRef::Bool(true)));
}

proptest! {
    #[test]
    fn any_bytes_in_headers_are_carried(headers in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..20)) {
        let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let stream = Stream { headers, ..Stream::default() };
        let (bag, arrival) = derived(&stream);
        prop_assert_eq!(arrival.header_bytes, size as u64);
        for (name, value) in &stream.headers {
            let key = String::from_utf8_lossy(name);
            let last = stream.headers.iter().rfind(|(other, _)| String::from_utf8_lossy(other) == key);
            prop_assert!(last.is_some_and(|(_, last)| {
                bag.get_key(names::REQUEST_HEADERS, &key) == Some(&*String::from_utf8_lossy(last))
            }), "{:?} {:?}", name, value);
        }
    }

    #[test]
    fn any_path_gives_its_parameters_once_and_the_first_counts(path in "/[a-c=&?%]{0,20}") {
        let (bag, _) = derived(&stream(&[(":path", &path)]));
        let query = path.split_once('?').map_or("", |(_, query)| query);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let key = parameter.split_once('=').map_or(parameter, |(key, _)| key);
            let first = query.split('&').filter(|other| !other.is_empty()).find_map(|other| {
                let (other_key, value) = other.split_once('=').unwrap_or((other, ""));
                (other_key == key).then_some(value)
            });
            prop_assert_eq!(bag.get_key(names::REQUEST_QUERY_PARAMS, key), first);
        }
    }
}

#[test]
fn a_payload_header_is_set_apart_and_never_among_the_headers() {
    let (bag, arrival) = derived(&stream(&[(":path", "/"), ("x-jwt-payload", "e30"), ("x-team", "red")]));
    assert_eq!(map(&bag, names::REQUEST_HEADERS), pairs(&[(":path", "/"), ("x-team", "red")]));
    assert_eq!(arrival.payload.as_deref(), Some(&b"e30"[..]));
    assert!(!bag.contains(names::REQUEST_AUTH_RAW_CLAIMS), "nobody has said that it was verified");
}
