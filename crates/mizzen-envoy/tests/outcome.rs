//! The attributes that follow from the end of a stream.

#[path = "../src/address.rs"]
mod address;
#[path = "../src/flags.rs"]
mod flags;
#[path = "../src/report/outcome.rs"]
mod outcome;

use mizzen_client::{Bag, Time, ValueRef, names};
use outcome::Outcome;

fn told(tell: impl FnOnce(&mut Outcome)) -> Outcome {
    let mut outcome = Outcome::default();
    tell(&mut outcome);
    outcome
}

fn attributes(outcome: &Outcome) -> Bag {
    let mut bag = Bag::new();
    outcome.set_attributes(&mut bag);
    bag
}

fn text(bag: &Bag, name: mizzen_client::Name) -> Option<&str> {
    match bag.get(name) {
        Some(ValueRef::String(text)) => Some(text),
        _ => None,
    }
}

fn number(bag: &Bag, name: mizzen_client::Name) -> Option<i64> {
    match bag.get(name) {
        Some(ValueRef::Int64(number)) => Some(number),
        _ => None,
    }
}

#[test]
fn a_stream_of_which_nothing_is_known_has_sizes_times_and_a_code_all_the_same() {
    let bag = attributes(&Outcome::default());
    let all: Vec<&str> = bag.iter().map(|(name, _)| name.as_str()).collect();
    let always = [
        "context.proxy_error_code",
        "request.size",
        "request.total_size",
        "response.code",
        "response.duration",
        "response.size",
        "response.time",
        "response.total_size",
    ];
    assert_eq!(all, always);
    assert_eq!(number(&bag, names::RESPONSE_CODE), Some(500));
    assert_eq!(text(&bag, names::CONTEXT_PROXY_ERROR_CODE), Some("-"));
}

#[test]
fn total_sizes_count_headers_and_trailers() {
    let mut outcome = told(|outcome| {
        outcome.received = 10;
        outcome.sent = 100;
        outcome.request_header_bytes = 7;
    });
    outcome.header(b"ab", b"1");
    outcome.trailer(b"c", b"23");
    let bag = attributes(&outcome);
    let sizes = [names::REQUEST_SIZE, names::REQUEST_TOTAL_SIZE, names::RESPONSE_SIZE, names::RESPONSE_TOTAL_SIZE];
    assert_eq!(sizes.map(|name| number(&bag, name)), [Some(10), Some(17), Some(100), Some(106)]);
    assert_eq!(bag.get_key(names::RESPONSE_HEADERS, "ab"), Some("1"));
    assert_eq!(bag.get_key(names::RESPONSE_HEADERS, "c"), Some("23"));
}

#[test]
fn times_are_those_of_the_end() {
    let outcome = told(|outcome| {
        outcome.end = 1_700_000_000_000_000_005;
        outcome.duration = 2_000_000_001;
    });
    let bag = attributes(&outcome);
    let time = |seconds, nanos| Time { seconds, nanos };
    assert_eq!(bag.get(names::RESPONSE_TIME), Some(ValueRef::Timestamp(time(1_700_000_000, 5))));
    assert_eq!(bag.get(names::RESPONSE_DURATION), Some(ValueRef::Duration(time(2, 1))));
}

#[test]
fn a_grpc_status_is_taken_from_the_trailers_first() {
    let mut outcome = Outcome::default();
    outcome.header(b"grpc-status", b"0");
    assert_eq!(text(&attributes(&outcome), names::RESPONSE_GRPC_STATUS), Some("0"));
    assert_eq!(text(&attributes(&outcome), names::RESPONSE_GRPC_MESSAGE), Some(""));
    outcome.trailer(b"grpc-status", b"7");
    outcome.trailer(b"grpc-message", b"no");
    assert_eq!(text(&attributes(&outcome), names::RESPONSE_GRPC_STATUS), Some("7"));
    assert_eq!(text(&attributes(&outcome), names::RESPONSE_GRPC_MESSAGE), Some("no"));
}

#[test]
fn a_refusal_is_told_by_its_own_code_and_flag() {
    let outcome = told(|outcome| {
        outcome.code = Some(200);
        outcome.denied_code = Some(403);
        outcome.flags = 1 << 1;
    });
    let bag = attributes(&outcome);
    assert_eq!(number(&bag, names::RESPONSE_CODE), Some(403));
    assert_eq!(text(&bag, names::CONTEXT_PROXY_ERROR_CODE), Some("UH,UAEX"));
}

#[test]
fn the_upstream_host_is_the_destination_unless_that_is_set() {
    let outcome = told(|outcome| {
        outcome.upstream = b"10.0.0.9:8080".to_vec();
    });
    let bag = attributes(&outcome);
    assert_eq!(bag.get(names::DESTINATION_IP), Some(ValueRef::Bytes(&[10, 0, 0, 9])));
    assert_eq!(number(&bag, names::DESTINATION_PORT), Some(8080));
    let mut configured = Bag::new();
    configured.set_bytes(names::DESTINATION_IP, &[1, 2, 3, 4]);
    configured.set_int64(names::DESTINATION_PORT, 1);
    outcome.set_attributes(&mut configured);
    assert_eq!(configured.get(names::DESTINATION_IP), Some(ValueRef::Bytes(&[1, 2, 3, 4])));
    assert_eq!(number(&configured, names::DESTINATION_PORT), Some(1));
    let pipe = told(|outcome| {
        outcome.upstream = b"/run/service".to_vec();
    });
    assert!(!attributes(&pipe).contains(names::DESTINATION_IP));
}

#[test]
fn a_cleared_outcome_has_no_headers_of_the_stream_before() {
    let mut outcome = told(|outcome| {
        outcome.upstream = b"10.0.0.9:1".to_vec();
    });
    outcome.header(b"grpc-status", b"1");
    outcome.clear();
    outcome.trailer(b"a", b"b");
    let bag = attributes(&outcome);
    assert!(!bag.contains(names::RESPONSE_GRPC_STATUS) && !bag.contains(names::DESTINATION_IP));
    assert_eq!(bag.get_key(names::RESPONSE_HEADERS, "a"), Some("b"));
}
