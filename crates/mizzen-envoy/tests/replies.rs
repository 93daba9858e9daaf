//! What the Mixer's decision does to requests and responses.

mod fake;
use fake as ffi;
#[path = "../src/http/directive.rs"]
mod directive;
#[path = "../src/flags.rs"]
mod flags;

use std::cell::RefCell;

use directive::{Reply, apply};
use ffi::{HeaderKind, HttpHandle, Sent};
use mizzen_client::answer::{HeaderOperation, Operation, RouteDirective};
use mizzen_client::grpc::DecisionHeader;
use mizzen_client::status::Status;

fn operation(operation: Operation, name: &str, value: &str) -> HeaderOperation {
    HeaderOperation { name: name.to_owned(), value: value.to_owned(), operation }
}

fn sent(reply: &Reply) -> Sent {
    let (changes, sent) = (RefCell::default(), RefCell::new(None));
    reply.send(HttpHandle { changes: &changes, sent: &sent });
    // a reply that was not sent has no code, which no test accepts
    sent.into_inner().unwrap_or_default()
}

fn header<'s>(sent: &'s Sent, name: &str) -> Vec<&'s str> {
    sent.1.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn operations_are_carried_out_in_their_order() {
    let (changes, sent) = (RefCell::default(), RefCell::new(None));
    let operations = [
        operation(Operation::Append, "a", "1"),
        operation(Operation::Remove, "b", "ignored"),
        operation(Operation::Replace, ":path", "/new"),
    ];
    apply(&mut HttpHandle { changes: &changes, sent: &sent }, HeaderKind::Request, &operations);
    assert_eq!(changes.into_inner(), ["Request a+1", "Request -b", "Request :path=/new"]);
}

#[test]
fn a_refusal_is_plain_text_with_the_mapped_code() {
    let answer = sent(&Reply::denial(&Status::new(7, "not you"), false));
    assert_eq!((answer.0, &*answer.2, &*answer.3), (403, "PERMISSION_DENIED:not you", "mixer_access_denied"));
    assert_eq!(header(&answer, "content-type"), ["text/plain"]);
    assert!(header(&answer, "grpc-status").is_empty());
}

#[test]
fn a_refusal_names_its_decision_but_never_in_the_place_of_another_header() {
    let decision = |name: &str| Some(DecisionHeader { name: name.to_owned(), id: "d-1".to_owned() });
    let refusal = || Reply::denial(&Status::new(7, ""), false);
    assert_eq!(header(&sent(&refusal().telling(decision("x-decision"))), "x-decision"), ["d-1"]);
    assert_eq!(header(&sent(&refusal().telling(decision("content-type"))), "content-type"), ["text/plain"]);
    assert_eq!(sent(&refusal().telling(None)), sent(&refusal()));
}

#[test]
fn a_grpc_caller_is_told_the_canonical_code_and_unknown_ones_as_unknown() {
    for (code, told) in [(7, "7"), (16, "16"), (17, "2"), (-1, "2")] {
        assert_eq!(header(&sent(&Reply::denial(&Status::new(code, ""), true)), "grpc-status"), [told]);
    }
}

fn tea(operations: Vec<HeaderOperation>) -> RouteDirective {
    RouteDirective {
        direct_response_code: 418,
        direct_response_body: "tea".to_owned(),
        response_header_operations: operations,
        ..RouteDirective::default()
    }
}

#[test]
fn a_direct_response_takes_the_response_s_operations() {
    let operations = vec![
        operation(Operation::Append, "set-cookie", "a=1"),
        operation(Operation::Append, "set-cookie", "b=2"),
        operation(Operation::Replace, "content-type", "text/html"),
        operation(Operation::Replace, "x", "1"),
        operation(Operation::Remove, "x", ""),
    ];
    let answer = sent(&Reply::direct(&tea(operations), &Status::ok(), false));
    assert_eq!((answer.0, &*answer.2, &*answer.3), (418, "tea", "mixer_direct_response"));
    assert_eq!(header(&answer, "set-cookie"), ["a=1", "b=2"]);
    assert_eq!(header(&answer, "content-type"), ["text/html"]);
    assert!(header(&answer, "x").is_empty());
}

#[test]
fn a_direct_response_s_status_can_be_replaced_by_a_number_only() {
    let replaced = |value: &str| {
        sent(&Reply::direct(&tea(vec![operation(Operation::Replace, ":status", value)]), &Status::ok(), false)).0
    };
    assert_eq!(replaced("202"), 202);
    assert_eq!(replaced("many"), 418);
}

#[test]
fn codes_that_no_response_can_have_become_500() {
    for (code, told) in [(0x1_0000, 500), (99, 500), (101, 500), (200, 200), (599, 599), (600, 500)] {
        let directive = RouteDirective { direct_response_code: code, ..RouteDirective::default() };
        assert_eq!(sent(&Reply::direct(&directive, &Status::ok(), false)).0, told, "{code}");
    }
}

#[test]
fn a_direct_response_to_a_grpc_caller_tells_the_status_that_fits() {
    let told = |status: &Status| header(&sent(&Reply::direct(&tea(Vec::new()), status, true)), "grpc-status").join(",");
    assert_eq!(told(&Status::ok()), "2");
    assert_eq!(told(&Status::new(8, "")), "8");
    let own = tea(vec![operation(Operation::Replace, "grpc-status", "5")]);
    assert_eq!(header(&sent(&Reply::direct(&own, &Status::ok(), true)), "grpc-status"), ["5"]);
}

#[test]
fn a_failure_of_the_filter_is_500() {
    let answer = sent(&Reply::failure(false));
    assert_eq!((answer.0, &*answer.3), (500, "mixer_filter_failure"));
}

#[test]
fn flags_are_letters_in_the_order_of_their_bits() {
    let letters = |mask| flags::with_letters(mask, str::to_owned);
    assert_eq!(letters(0), "-");
    assert_eq!(letters(flags::UAEX), "UAEX");
    assert_eq!(letters(1 << 14 | flags::UAEX | 1), "LH,UAEX,DC");
    assert_eq!(letters(1 << 29), "UDO");
    assert_eq!(letters(1 << 40), "-");
    assert_eq!(letters(1 << 40 | 1 << 41), "-");
}
