//! Decisions asked for, remembered, and told to the report.

use super::*;
use crate::answer::{HeaderOperation, Operation};

#[test]
fn a_request_carries_its_attributes_and_a_deduplication_id_of_its_own() {
    let mut client = client();
    let first = called(client.start(&path("/a"), &[], &OPEN, at(0)));
    let second = called(client.start(&path("/b"), &[], &OPEN, at(0)));
    assert_ne!(first.ticket, second.ticket);
    assert_eq!(read(&first).bag, path("/a"));
    assert_eq!(read(&first).deduplication_id, "base-0");
    assert_eq!(read(&second).deduplication_id, "base-1");
    assert_eq!(read(&first).global_word_count, 222);
    assert!(read(&first).quotas.is_empty());
}

#[test]
fn a_decision_is_asked_for_once_and_then_remembered() {
    let mut client = client();
    for (text, code) in [("/a", 0), ("/b", 7)] {
        let fresh = client.ask_and_tell(&path(text), &OPEN, &told(code));
        assert!(!fresh.check_cache_hit);
        let cached = decided(client.start(&path(text), &[], &OPEN, at(0)));
        assert_eq!((cached.status().code, cached.check_cache_hit, cached.quota_cache_hit), (code, true, false));
        assert_eq!(cached.verdict, fresh.verdict);
    }
    assert_eq!(client.count(Counter::CheckCacheHitAccepts), 1);
    assert_eq!(client.count(Counter::CheckCacheHitDenies), 1);
    assert_eq!(client.count(Counter::RemoteCheckAccepts), 1);
    assert_eq!(client.count(Counter::RemoteCheckDenies), 1);
    assert_eq!(client.gauges(), Gauges { check_cache_entries: 2, ..Gauges::default() });
    client.assert_counters_agree();
}

#[test]
fn the_directive_is_remembered_with_the_status() {
    let mut client = client();
    let mut response = told(7);
    let directive = RouteDirective { direct_response_code: 302, ..RouteDirective::default() };
    response.precondition.as_mut().unwrap().directive = Some(directive.clone());
    assert_eq!(client.ask_and_tell(&path("/a"), &OPEN, &response).directive(), Some(&directive));
    assert_eq!(decided(client.start(&path("/a"), &[], &OPEN, at(0))).directive(), Some(&directive));
}

#[test]
fn what_cannot_be_carried_out_is_left_out_and_counted_once_per_answer() {
    let mut client = client();
    let mut response = told(0);
    let change =
        |value: &str| HeaderOperation { name: "x-a".to_owned(), value: value.to_owned(), operation: Operation::Append };
    let request_header_operations = vec![change("a\r\nx-b: c"), change("good")];
    let directive = RouteDirective { request_header_operations, ..RouteDirective::default() };
    response.precondition.as_mut().unwrap().directive = Some(directive);
    let good = RouteDirective { request_header_operations: vec![change("good")], ..RouteDirective::default() };
    assert_eq!(client.ask_and_tell(&path("/a"), &OPEN, &response).directive(), Some(&good));
    assert_eq!(decided(client.start(&path("/a"), &[], &OPEN, at(0))).directive(), Some(&good));
    assert_eq!(client.count(Counter::InvalidHeaderOperations), 1);
}

#[test]
fn without_a_cache_every_request_asks() {
    let mut client = Client::new(Settings { check_cache_entries: 0, ..Settings::default() }, "");
    for _ in 0..3 {
        client.ask_and_tell(&path("/a"), &OPEN, &told(0));
    }
    assert_eq!(client.count(Counter::RemoteCheckCalls), 3);
}

#[test]
fn an_answer_without_a_decision_is_a_bad_request_and_not_remembered() {
    let mut client = client();
    for policy in [&OPEN, &CLOSE] {
        let decision = client.ask_and_tell(&path("/a"), policy, &CheckResponse::default());
        assert_eq!(decision.status().code, Status::INVALID_ARGUMENT);
    }
    assert_eq!(client.count(Counter::RemoteCheckDenies), 2);
}

#[test]
fn a_decision_of_an_older_generation_is_asked_for_again() {
    let (old, new) = (Generation::from_number(1), Generation::from_number(2));
    let mut client = client();
    client.set_generation(old);
    let request = called(client.start(&path("/a"), &[], &OPEN, at(0)));
    client.finish(request.ticket, &message(&told(0)), old, at(0), 0);
    assert!(decided(client.start(&path("/a"), &[], &OPEN, at(0))).check_cache_hit);
    client.set_generation(new);
    let request = called(client.start(&path("/a"), &[], &OPEN, at(0)));
    assert_eq!(client.count(Counter::CheckCacheOutdated), 1);
    // this answer was still decided under the older one: it decides its own request and no other
    let (decision, _) = finished(client.finish(request.ticket, &message(&told(0)), old, at(0), 0));
    assert!(decision.status().is_ok());
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
}

#[test]
fn a_late_answer_of_an_older_generation_displaces_nothing() {
    let (old, new) = (Generation::from_number(1), Generation::from_number(2));
    let mut client = client();
    let late = called(client.start(&path("/a"), &[], &OPEN, at(0)));
    client.set_generation(new);
    let request = called(client.start(&path("/a"), &[], &OPEN, at(0)));
    client.finish(request.ticket, &message(&told(7)), new, at(0), 0);
    client.finish(late.ticket, &message(&told(0)), old, at(1), 0);
    assert_eq!(decided(client.start(&path("/a"), &[], &OPEN, at(1))).status().code, 7);
}

#[test]
fn an_expired_decision_counts_as_such_and_is_asked_for_again() {
    let mut client = client();
    let mut response = told(0);
    response.precondition.as_mut().unwrap().valid_duration = Some(crate::value::Time { seconds: 1, nanos: 0 });
    client.ask_and_tell(&path("/a"), &OPEN, &response);
    decided(client.start(&path("/a"), &[], &OPEN, at(1000)));
    called(client.start(&path("/a"), &[], &OPEN, at(1001)));
    assert_eq!(client.count(Counter::CheckCacheExpirations), 1);
}

#[test]
fn evictions_are_counted() {
    let mut client = Client::new(Settings { check_cache_entries: 1, ..Settings::default() }, "");
    for text in ["/a", "/b", "/c"] {
        client.ask_and_tell(&path(text), &OPEN, &told(0));
    }
    assert_eq!(client.count(Counter::CheckCacheEvictions), 2);
}
