//! Calls that fail: retries, fail policies, cancellation, the dictionary.

use super::*;

fn away() -> Result<Vec<u8>, Failure> {
    Err(Failure::not_sent("no such cluster"))
}

#[test]
fn a_mixer_that_cannot_be_asked_lets_pass_or_refuses_as_the_policy_says() {
    for (policy, code, counter) in [(&OPEN, 0, Counter::CheckFailOpen), (&CLOSE, 14, Counter::CheckFailClose)] {
        let mut client = client();
        let request = called(client.start(&path("/a"), &[], policy, at(0)));
        let (decision, _) = finished(client.finish(request.ticket, &away(), Generation::NONE, at(0), 0));
        assert_eq!(decision.status().code, code);
        assert!(!decision.check_cache_hit);
        assert_eq!(client.count(counter), 1);
        assert_eq!(client.count(Counter::RemoteCallSendErrors), 1);
        assert_eq!(client.gauges(), Gauges::default(), "failures are not remembered");
    }
}

#[test]
fn each_attempt_counts_under_its_class() {
    let mut client = client();
    let garbage = Ok(vec![0xff; 3]);
    let internal = Err(Failure::from_status(Status::new(13, "")));
    for result in [away(), Err(Failure::timed_out()), Err(Failure::cut_short()), internal, garbage, message(&told(0))] {
        let request = called(client.start(&path("/a"), &[], &CLOSE, at(0)));
        client.finish(request.ticket, &result, Generation::NONE, at(0), 0);
    }
    assert_eq!(client.count(Counter::RemoteCallSendErrors), 1);
    assert_eq!(client.count(Counter::RemoteCallTimeouts), 1);
    assert_eq!(client.count(Counter::RemoteCallOtherErrors), 3);
    assert_eq!(client.count(Counter::RemoteCallSuccesses), 1);
}

#[test]
fn an_answer_that_cannot_be_read_is_unavailable_and_an_error_keeps_its_code() {
    let mut client = client();
    for (result, http) in [
        (Ok(vec![0xff; 3]), 503),
        (Err(Failure::cut_short()), 503),
        (Err(Failure::from_status(Status::new(7, ""))), 403),
        (Err(Failure::from_status(Status::new(13, ""))), 500),
    ] {
        let request = called(client.start(&path("/a"), &[], &CLOSE, at(0)));
        let (decision, _) = finished(client.finish(request.ticket, &result, Generation::NONE, at(0), 0));
        assert_eq!(decision.status().http_code(), http);
    }
}

#[test]
fn a_failed_call_is_sent_again_with_the_same_bytes() {
    let mut client = client();
    let request = called(client.start(&path("/a"), &[], &policy(false, 2), at(0)));
    assert_eq!(client.retry(request.ticket), None, "it is in flight");
    for _ in 0..2 {
        let Finished::Retry { after } = client.finish(request.ticket, &away(), Generation::NONE, at(0), 7) else {
            panic!("no retry")
        };
        assert!(after >= Duration::from_millis(80));
        assert_eq!(client.retry(request.ticket).unwrap(), request.body);
    }
    let (decision, _) = finished(client.finish(request.ticket, &message(&told(0)), Generation::NONE, at(0), 0));
    assert!(decision.status().is_ok());
    assert_eq!(client.count(Counter::RemoteCalls), 1);
    assert_eq!(client.count(Counter::RemoteCallRetries), 2);
    assert_eq!(client.count(Counter::RemoteCallSendErrors), 2);
    assert_eq!(client.count(Counter::RemoteCallSuccesses), 1);
}

#[test]
fn after_the_last_retry_the_policy_decides() {
    let mut client = client();
    let request = called(client.start(&path("/a"), &[], &policy(false, 1), at(0)));
    client.finish(request.ticket, &away(), Generation::NONE, at(0), 0);
    client.retry(request.ticket).unwrap();
    let (decision, _) = finished(client.finish(request.ticket, &away(), Generation::NONE, at(0), 0));
    assert_eq!(decision.status().http_code(), 503);
}

#[test]
fn a_denial_is_no_failure_and_not_retried() {
    let mut client = client();
    let request = called(client.start(&path("/a"), &[], &policy(true, 5), at(0)));
    let (decision, _) = finished(client.finish(request.ticket, &message(&told(14)), Generation::NONE, at(0), 0));
    assert_eq!(decision.status().code, 14);
}

#[test]
fn an_internal_error_among_the_decisions_follows_the_policy_of_who_meets_it() {
    let mut client = client();
    assert!(client.ask_and_tell(&path("/a"), &OPEN, &told(13)).status().is_ok());
    let open = decided(client.start(&path("/a"), &[], &OPEN, at(0)));
    assert!(open.status().is_ok() && open.check_cache_hit);
    assert_eq!(client.ask_and_tell(&path("/a"), &CLOSE, &told(13)).status().http_code(), 500);
    called(client.start(&path("/a"), &[], &CLOSE, at(0)));
    assert_eq!(client.count(Counter::RemoteCheckAccepts), 1);
    assert_eq!(client.count(Counter::RemoteCheckDenies), 1);
}

#[test]
fn a_request_that_went_away_counts_only_if_its_call_was_in_flight() {
    let mut client = client();
    let flying = called(client.start(&path("/a"), &[], &policy(false, 1), at(0)));
    let resting = called(client.start(&path("/b"), &[], &policy(false, 1), at(0)));
    client.finish(resting.ticket, &away(), Generation::NONE, at(0), 0);
    assert!(client.cancel(flying.ticket).is_empty());
    assert!(client.cancel(resting.ticket).is_empty());
    assert_eq!(client.count(Counter::RemoteCallCancellations), 1);
    assert_eq!(client.finish(flying.ticket, &message(&told(0)), Generation::NONE, at(0), 0), Finished::Settled);
    assert_eq!(client.retry(resting.ticket), None);
    assert!(client.cancel(flying.ticket).is_empty());
    assert_eq!(client.gauges(), Gauges::default());
}

#[test]
fn words_that_the_mixer_does_not_know_are_left_out_from_then_on() {
    let mut client = client();
    let request = called(client.start(&path("/a"), &[], &policy(true, 1), at(0)));
    let status = Status::new(3, "Request could not be processed due to invalid dictionary");
    let refused = Err(Failure::from_status(status));
    client.finish(request.ticket, &refused, Generation::NONE, at(0), 0);
    assert_eq!(client.retry(request.ticket).unwrap(), request.body, "the call itself keeps its bytes");
    assert_eq!(client.word_limit(), WordLimit::BASE);
    assert_eq!(read(&called(client.start(&path("/b"), &[], &OPEN, at(0)))).global_word_count, 111);
    client.finish(request.ticket, &refused, Generation::NONE, at(0), 0);
    assert_eq!(client.count(Counter::DictionaryShrinks), 1);
}
