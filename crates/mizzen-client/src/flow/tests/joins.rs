//! Misses that wait for another request's answer.

use super::*;

/// A client that knows that decisions rest on the path.
fn knowing() -> Client {
    let mut client = client();
    client.ask_and_tell(&path("/known"), &OPEN, &told(0));
    client
}

#[test]
fn until_a_shape_is_known_every_request_asks() {
    let mut client = client();
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
}

#[test]
fn a_miss_with_the_same_key_waits_and_gets_the_same_decision() {
    let mut client = knowing();
    let request = called(client.start(&path("/a"), &[], &OPEN, at(0)));
    let first = joined(client.start(&path("/a"), &[], &OPEN, at(0)));
    let second = joined(client.start(&path("/a"), &[], &OPEN, at(0)));
    called(client.start(&path("/b"), &[], &OPEN, at(0)));
    let (_, resume) = finished(client.finish(request.ticket, &message(&told(7)), Generation::NONE, at(9), 0));
    assert_eq!(resume, [first, second]);
    for ticket in resume {
        let decision = decided(client.resume(ticket, &path("/a"), &[], &OPEN, at(9)));
        assert_eq!((decision.status().code, decision.check_cache_hit), (7, false));
    }
    assert_eq!(client.count(Counter::CheckJoins), 2);
    assert_eq!(client.count(Counter::CheckJoinMisses), 0);
    assert_eq!(client.gauges().waiters, 0);
    client.assert_counters_agree();
}

#[test]
fn one_whom_the_answer_does_not_decide_asks_itself() {
    let mut client = knowing();
    let (mut bag, mut other) = (path("/a"), path("/a"));
    bag.set_string(names::SOURCE_USER, "ann");
    other.set_string(names::SOURCE_USER, "bob");
    let request = called(client.start(&bag, &[], &OPEN, at(0)));
    let waiter = joined(client.start(&other, &[], &OPEN, at(0)));
    let mut response = told(0);
    let by_user = Reference { name: "source.user".to_owned(), map_key: None, condition: Condition::Exact };
    response.precondition.as_mut().unwrap().referenced = Ok(vec![by_user]);
    finished(client.finish(request.ticket, &message(&response), Generation::NONE, at(0), 0));
    let own = called(client.resume(waiter, &other, &[], &OPEN, at(0)));
    assert_eq!(read(&own).bag, other);
    assert_eq!(client.count(Counter::CheckJoinMisses), 1);
    client.assert_counters_agree();
}

#[test]
fn nobody_waits_for_answers_that_others_may_not_use() {
    let mut client = client();
    client.ask_and_tell(&path("/known"), &OPEN, &once(0));
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
}

#[test]
fn no_more_wait_than_the_last_answer_allowed_uses() {
    let mut client = client();
    let mut twice = told(0);
    twice.precondition.as_mut().unwrap().valid_use_count = 2;
    client.ask_and_tell(&path("/known"), &OPEN, &twice);
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
    joined(client.start(&path("/a"), &[], &OPEN, at(0)));
    joined(client.start(&path("/a"), &[], &OPEN, at(0)));
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
}

#[test]
fn nobody_waits_under_another_policy_or_when_the_setting_is_off() {
    let mut client = knowing();
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
    called(client.start(&path("/a"), &[], &CLOSE, at(0)));
    let mut client = Client::new(Settings { check_join: false, ..Settings::default() }, "");
    client.ask_and_tell(&path("/known"), &OPEN, &told(0));
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
    called(client.start(&path("/a"), &[], &OPEN, at(0)));
}

#[test]
fn a_failure_is_shared_after_the_retries_of_the_one_that_asked() {
    let mut client = knowing();
    let policy = policy(false, 1);
    let request = called(client.start(&path("/a"), &[], &policy, at(0)));
    let waiter = joined(client.start(&path("/a"), &needs(&[("q", 1)]), &policy, at(0)));
    let away = Err(Failure::timed_out());
    client.finish(request.ticket, &away, Generation::NONE, at(0), 0);
    client.retry(request.ticket).unwrap();
    let (_, resume) = finished(client.finish(request.ticket, &away, Generation::NONE, at(0), 0));
    assert_eq!(resume, [waiter]);
    let decision = decided(client.resume(waiter, &path("/a"), &needs(&[("q", 1)]), &policy, at(0)));
    assert_eq!(decision.status().http_code(), 503);
    assert_eq!(client.count(Counter::CheckFailClose), 2);
}

#[test]
fn when_the_one_that_asked_goes_away_another_one_asks_and_the_rest_wait_for_it() {
    let mut client = knowing();
    let request = called(client.start(&path("/a"), &[], &OPEN, at(0)));
    for _ in 0..3 {
        joined(client.start(&path("/a"), &[], &OPEN, at(0)));
    }
    let resume = client.cancel(request.ticket);
    assert_eq!(resume.len(), 3);
    let own = called(client.resume(resume[0], &path("/a"), &[], &OPEN, at(0)));
    let second = joined(client.resume(resume[1], &path("/a"), &[], &OPEN, at(0)));
    let third = joined(client.resume(resume[2], &path("/a"), &[], &OPEN, at(0)));
    assert!(client.cancel(third).is_empty());
    let (_, resume) = finished(client.finish(own.ticket, &message(&told(0)), Generation::NONE, at(0), 0));
    assert_eq!(resume, [second]);
    decided(client.resume(second, &path("/a"), &[], &OPEN, at(0)));
    assert_eq!(client.gauges(), Gauges { check_cache_entries: 2, ..Gauges::default() });
    client.assert_counters_agree();
}

#[test]
fn a_decision_of_an_older_generation_decides_nobody_who_waited() {
    let mut client = knowing();
    let request = called(client.start(&path("/a"), &[], &OPEN, at(0)));
    client.set_generation(Generation::from_number(2));
    let waiter = joined(client.start(&path("/a"), &[], &OPEN, at(0)));
    finished(client.finish(request.ticket, &message(&told(0)), Generation::from_number(1), at(0), 0));
    called(client.resume(waiter, &path("/a"), &[], &OPEN, at(0)));
}

#[test]
fn one_who_waited_and_needs_quota_is_charged_from_a_pool() {
    let mut client = knowing();
    let request = called(client.start(&path("/a"), &needs(&[("q", 1)]), &OPEN, at(0)));
    let waiter = joined(client.start(&path("/a"), &needs(&[("q", 1)]), &OPEN, at(0)));
    let response = granting(told(0), "q", 1);
    finished(client.finish(request.ticket, &message(&response), Generation::NONE, at(0), 0));
    let started = client.resume(waiter, &path("/a"), &needs(&[("q", 1)]), &OPEN, at(0));
    let Started::Decided { decision, refill: Some(refill) } = started else { panic!("no refill: {started:?}") };
    assert_eq!((decision.check_cache_hit, decision.quota_cache_hit), (false, true));
    assert!(read(&refill).quotas["q"].best_effort);
    client.assert_counters_agree();
}
