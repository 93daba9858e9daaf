//! Quotas in the Check.

use super::*;

#[test]
fn a_miss_asks_for_the_exact_charge() {
    let mut client = client();
    let request = called(client.start(&path("/a"), &needs(&[("q", 3), ("r", 1)]), &OPEN, at(0)));
    let read = read(&request);
    assert_eq!((read.quotas["q"].amount, read.quotas["q"].best_effort), (3, false));
    assert_eq!(read.quotas.len(), 2);
    assert!(!read.bag.contains(names::CHECK_CACHE_HIT));
    let response = granting(granting(told(0), "q", 1), "r", 0);
    let (decision, _) = finished(client.finish(request.ticket, &message(&response), Generation::NONE, at(0), 0));
    assert_eq!(decision.status(), &Status::new(Status::RESOURCE_EXHAUSTED, "Quota is exhausted for: r"));
    assert!(!decision.quota_cache_hit);
    assert_eq!(client.count(Counter::RemoteQuotaDenies), 1);
    assert_eq!(client.count(Counter::RemoteCheckAccepts), 1);
    client.assert_counters_agree();
}

#[test]
fn any_grant_passes_and_so_does_a_quota_that_the_answer_lacks() {
    let mut client = client();
    let request = called(client.start(&path("/a"), &needs(&[("q", 9), ("r", 1)]), &CLOSE, at(0)));
    let response = granting(told(0), "q", 1);
    let (decision, _) = finished(client.finish(request.ticket, &message(&response), Generation::NONE, at(0), 0));
    assert!(decision.status().is_ok());
    assert_eq!(client.count(Counter::QuotaFailOpen), 1);
}

#[test]
fn a_denial_comes_before_the_quota() {
    let mut client = client();
    let request = called(client.start(&path("/a"), &needs(&[("q", 1)]), &OPEN, at(0)));
    let (decision, _) = finished(client.finish(request.ticket, &message(&told(7)), Generation::NONE, at(0), 0));
    assert_eq!(decision.status().code, 7);
    assert_eq!(client.count(Counter::QuotaFailOpen), 0, "nothing was asked of the quota");
    decided(client.start(&path("/a"), &needs(&[("q", 1)]), &OPEN, at(0)));
    assert_eq!(client.count(Counter::QuotaCalls), 1, "a remembered denial does not look at quotas");
}

#[test]
fn a_remembered_approval_is_charged_from_the_pool_without_waiting() {
    let mut client = client();
    client.ask_and_tell(&path("/a"), &OPEN, &told(0));
    let quotas = needs(&[("q", 1)]);
    let Started::Decided { decision, refill: Some(refill) } = client.start(&path("/a"), &quotas, &OPEN, at(0)) else {
        panic!("no refill")
    };
    assert!(decision.status().is_ok() && decision.check_cache_hit && decision.quota_cache_hit);
    let read = read(&refill);
    assert_eq!((read.quotas["q"].amount, read.quotas["q"].best_effort), (10, true));
    assert!(read.bag.contains(names::CHECK_CACHE_HIT) && read.bag.contains(names::QUOTA_CACHE_HIT));
    // the decision in the answer to a refill means nothing
    let response = granting(told(7), "q", 2);
    assert_eq!(client.finish(refill.ticket, &message(&response), Generation::NONE, at(1), 0), Finished::Settled);
    assert!(decided(client.start(&path("/a"), &quotas, &OPEN, at(1))).status().is_ok());
    let refused = decided(client.start(&path("/a"), &quotas, &OPEN, at(1)));
    assert_eq!(refused.status().http_code(), 429);
    assert!(refused.quota_cache_hit);
    assert_eq!(client.count(Counter::RemoteQuotaPrefetchCalls), 1);
    assert_eq!(client.count(Counter::RemoteCheckCalls), 1);
    assert_eq!((client.gauges().quota_pools, client.gauges().quota_tokens), (1, 0), "two were granted and used");
    client.assert_counters_agree();
}

#[test]
fn without_pools_every_quota_is_asked_for_and_the_remembered_policy_stands() {
    let mut client = Client::new(Settings { quota_cache: false, ..Settings::default() }, "");
    client.ask_and_tell(&path("/a"), &OPEN, &told(0));
    let request = called(client.start(&path("/a"), &needs(&[("q", 1)]), &OPEN, at(0)));
    let response = granting(told(7), "q", 1);
    let (decision, _) = finished(client.finish(request.ticket, &message(&response), Generation::NONE, at(0), 0));
    assert!(decision.status().is_ok());
    assert!(decision.check_cache_hit && !decision.quota_cache_hit);
    assert_eq!(client.count(Counter::RemoteCheckCalls), 1);
    client.assert_counters_agree();
}

#[test]
fn quotas_pass_when_the_call_fails_and_the_fail_policy_decides() {
    for (policy, code) in [(&OPEN, 0), (&CLOSE, 14)] {
        let mut client = client();
        let request = called(client.start(&path("/a"), &needs(&[("q", 1)]), policy, at(0)));
        let away = Err(Failure::timed_out());
        let (decision, _) = finished(client.finish(request.ticket, &away, Generation::NONE, at(0), 0));
        assert_eq!(decision.status().code, code);
        assert_eq!(client.count(Counter::RemoteQuotaAccepts), 1);
        assert_eq!(client.count(Counter::QuotaFailOpen), 1);
    }
}

#[test]
fn a_refill_is_retried_and_one_given_up_leaves_the_pool_able_to_ask_again() {
    let mut client = client();
    let policy = policy(true, 1);
    client.ask_and_tell(&path("/a"), &policy, &told(0));
    let quotas = needs(&[("q", 1)]);
    let Started::Decided { refill: Some(refill), .. } = client.start(&path("/a"), &quotas, &policy, at(0)) else {
        panic!("no refill")
    };
    let away = Err(Failure::timed_out());
    assert!(matches!(client.finish(refill.ticket, &away, Generation::NONE, at(0), 0), Finished::Retry { .. }));
    assert_eq!(client.retry(refill.ticket).unwrap(), refill.body);
    client.cancel(refill.ticket);
    assert_eq!(decided(client.start(&path("/a"), &quotas, &policy, at(1))).status().http_code(), 429);
    assert!(matches!(client.start(&path("/a"), &quotas, &policy, at(600)), Started::Decided { refill: Some(_), .. }));
}
