//! What is derived with the help of earlier requests is what is derived without.

mod fake;
use fake as ffi;
#[path = "../src/address.rs"]
mod address;
#[path = "../src/http/attributes.rs"]
mod attributes;
#[path = "../src/http/precedents.rs"]
mod precedents;

use attributes::{Arrival, derive};
use ffi::{Attribute, Stream};
use mizzen_client::{Bag, Time, names};
use precedents::Precedents;
use proptest::prelude::*;

/// Requests that differ in what matters: few kinds of header lists, and values that come back.
fn stream() -> impl Strategy<Value = Stream> {
    let path = prop::sample::select(vec!["/", "/a?x=1", "/a?x=2&y=3", "/b?", "/b?&", "/\u{fc}"]);
    let content = prop::sample::select(vec!["", "text/html", "application/grpc", "application/grpc+proto"]);
    let kind = prop::sample::select(vec![
        vec![":authority", ":path", ":method", ":scheme", "user-agent", "referer", "x-request-id"],
        vec![":authority", ":path", ":method", ":scheme", "content-type", "x-request-id"],
        vec![":authority", ":path", ":method", "x-a", "x-a"],
        vec![":path", "x-b3-traceid", "a", "b", "c"],
        vec![":path", "x-istio-attributes", "x-request-id"],
        vec![":path", "x-jwt-payload"],
        vec!["b", "a", "c"],
        vec!["c"],
        vec![],
    ]);
    let values = prop::collection::vec(prop::sample::select(vec![&b"1"[..], b"2", b"", b"\xff", b"three"]), 8);
    let connection = (
        prop::sample::select(vec!["10.0.0.1:1000", "10.0.0.1:2000", "10.0.0.2:1", "[::1]:7", "/run/socket", ""]),
        prop::bool::weighted(0.2),
        prop::sample::select(vec![None, Some(""), Some("a.example"), Some("spiffe://a/b"), Some("spiffe://")]),
    );
    (kind, path, content, values, connection).prop_map(|(kind, path, content, values, (source, mtls, name))| {
        let value = |(position, header): (usize, &str)| match header {
            ":path" => path.as_bytes().to_vec(),
            "content-type" => content.as_bytes().to_vec(),
            _ => values[position].to_vec(),
        };
        let headers = kind.iter().enumerate().map(|(at, header)| (header.as_bytes().to_vec(), value((at, header))));
        let mut texts = std::collections::HashMap::from([(Attribute::SourceAddress, source)]);
        if let Some(name) = name {
            let all = [Attribute::RequestedServerName, Attribute::LocalUriSan, Attribute::PeerUriSan];
            texts.extend(all.map(|attribute| (attribute, name)));
        }
        Stream { headers: headers.collect(), texts, mtls }
    })
}

fn facts(arrival: Arrival) -> impl PartialEq + std::fmt::Debug {
    let Arrival { header_bytes, grpc, headers_without_trace, forwarded, payload } = arrival;
    (header_bytes, grpc, headers_without_trace, forwarded, payload)
}

/// Static attributes; one of them is a principal, as the connection may tell another.
fn base(with_principal: bool) -> Bag {
    let mut base = Bag::new();
    base.set_string(names::CONTEXT_REPORTER_KIND, "inbound");
    if with_principal {
        base.set_string(names::DESTINATION_PRINCIPAL, "configured");
    }
    base
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn precedents_change_nothing(
        streams in prop::collection::vec(stream(), 1..40),
        with_principal in prop::bool::weighted(0.1),
    ) {
        let base = base(with_principal);
        let mut precedents = Precedents::default();
        let mut bag = Bag::new();
        for (nanos, stream) in (0..).zip(&streams) {
            let now = Time { seconds: 1, nanos };
            let arrival = precedents.derive(&base, stream, &mut bag, now);
            let mut expected = base.clone();
            let expected_arrival = derive(stream, &mut expected, now);
            prop_assert_eq!(&bag, &expected);
            prop_assert_eq!(facts(arrival), facts(expected_arrival));
        }
    }
}

#[test]
fn a_long_header_list_has_no_precedent() {
    let mut precedents = Precedents::default();
    for value in ["1", "2"] {
        let headers = (0..65).map(|number| (format!("x-{number}").into_bytes(), value.as_bytes().to_vec()));
        let stream = Stream { headers: headers.collect(), ..Stream::default() };
        let (mut bag, mut expected) = (Bag::new(), Bag::new());
        let now = Time { seconds: 1, nanos: 0 };
        precedents.derive(&Bag::new(), &stream, &mut bag, now);
        derive(&stream, &mut expected, now);
        assert_eq!(bag, expected);
    }
}
