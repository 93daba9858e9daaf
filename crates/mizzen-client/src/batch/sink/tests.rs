use super::*;
use proptest::prelude::*;

const OK: Result<Vec<u8>, Failure> = Ok(Vec::new());

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn sink(entries: u64, bytes: u64) -> ReportSink {
    ReportSink::new(SinkLimits { entries, bytes })
}

fn batch(entries: u64) -> Batch {
    Batch { body: vec![0; 10 * entries as usize], entries }
}

fn status(code: i32) -> Result<Vec<u8>, Failure> {
    Err(Failure::from_status(Status::new(code, "no")))
}

fn send(sink: &mut ReportSink, now: Instant) -> BatchId {
    match sink.poll(now) {
        Action::Send { id, .. } => id,
        other => panic!("expected a batch to send, got {other:?}"),
    }
}

fn account(made: u64, acknowledged: u64, dropped: u64, pending: u64) -> Account {
    Account { made, acknowledged, dropped, pending }
}

#[test]
fn an_acknowledged_batch_is_done() {
    let mut sink = sink(1000, 100_000);
    assert_eq!(sink.poll(at(0)), Action::Idle);
    sink.submit(batch(7));
    let id = send(&mut sink, at(0));
    assert_eq!(sink.account(), account(7, 0, 0, 7));
    assert_eq!(sink.poll(at(0)), Action::Idle);
    sink.finished(id, &OK, at(5), 0);
    assert_eq!(sink.account(), account(7, 7, 0, 0));
    assert!(sink.is_drained());
    sink.finished(id, &OK, at(6), 0);
    assert_eq!(sink.account(), account(7, 7, 0, 0));
}

#[test]
fn few_batches_are_in_flight_at_once() {
    let mut sink = sink(1000, 100_000);
    (0..6).for_each(|_| sink.submit(batch(1)));
    let first = send(&mut sink, at(0));
    (1..IN_FLIGHT).for_each(|_| _ = send(&mut sink, at(0)));
    assert_eq!(sink.poll(at(0)), Action::Idle);
    sink.finished(first, &OK, at(1), 0);
    send(&mut sink, at(1));
}

#[test]
fn a_failed_batch_waits_longer_each_time_and_is_sent_again() {
    let mut sink = sink(1000, 100_000);
    sink.submit(batch(1));
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..9 {
        let id = send(&mut sink, now);
        sink.finished(id, &Err(Failure::not_sent("away")), now, u64::MAX - 1);
        let Action::WaitUntil(until) = sink.poll(now) else { panic!("no wait") };
        waits.push(until.since(now).as_millis());
        now = until;
    }
    assert!(waits.iter().all(|wait| (250..=10_000).contains(wait)), "{waits:?}");
    assert_eq!(waits[0], 250);
    assert!(waits[8] > 250);
    let id = send(&mut sink, now);
    sink.finished(id, &OK, now, 0);
    assert_eq!(sink.account(), account(1, 1, 0, 0));
    assert_eq!(sink.stats().get(Counter::RemoteReportCalls), 1);
    assert_eq!(sink.stats().get(Counter::RemoteReportRetries), 9);
    assert_eq!(sink.stats().get(Counter::RemoteReportSendErrors), 9);
    assert_eq!(sink.stats().get(Counter::RemoteReportSuccesses), 1);
}

#[test]
fn during_an_outage_one_batch_at_a_time_probes_and_the_rest_follows_when_it_is_over() {
    let mut sink = sink(1000, 100_000);
    (0..5).for_each(|_| sink.submit(batch(1)));
    let sent: Vec<_> = (0..IN_FLIGHT).map(|_| send(&mut sink, at(0))).collect();
    for id in sent {
        sink.finished(id, &Err(Failure::timed_out()), at(10), 0);
    }
    assert_eq!(sink.poll(at(10)), Action::WaitUntil(at(260)));
    let probe = send(&mut sink, at(260));
    assert_eq!(probe.number(), 5, "the batch not tried yet goes first");
    assert_eq!(sink.poll(at(260)), Action::Idle);
    sink.finished(probe, &OK, at(270), 0);
    (0..4).for_each(|_| _ = send(&mut sink, at(270)));
}

#[test]
fn beyond_its_bounds_the_oldest_batches_are_dropped_and_counted() {
    for mut sink in [sink(25, 1_000_000), sink(1_000_000, 250)] {
        let id = {
            sink.submit(batch(10));
            send(&mut sink, at(0))
        };
        sink.submit(batch(9));
        sink.submit(batch(8));
        assert_eq!(sink.account(), account(27, 0, 9, 18), "the one in flight stays");
        sink.finished(id, &Err(Failure::timed_out()), at(1), 0);
        sink.submit(batch(20));
        assert_eq!(sink.account(), account(47, 0, 27, 20));
    }
}

#[test]
fn the_newest_batch_is_kept_even_if_it_alone_is_too_large() {
    let mut sink = sink(5, 5);
    sink.submit(batch(10));
    sink.submit(batch(11));
    assert_eq!(sink.account(), account(21, 0, 10, 11));
}

#[test]
fn a_batch_that_the_mixer_read_and_refused_is_dropped_at_once() {
    for code in [2, 3, 5, 7, 9, 11, 12, 13, 15, 16] {
        let mut sink = sink(1000, 100_000);
        sink.submit(batch(2));
        sink.submit(batch(3));
        let id = send(&mut sink, at(0));
        sink.finished(id, &status(code), at(1), 0);
        assert_eq!(sink.account(), account(5, 0, 2, 3), "code {code}");
        send(&mut sink, at(1));
    }
}

#[test]
fn a_batch_that_alone_fails_does_not_stay_for_ever() {
    let mut sink = sink(1000, 100_000);
    sink.submit(batch(1));
    let bad = send(&mut sink, at(0));
    sink.finished(bad, &status(8), at(0), 0);
    let mut now = at(0);
    for _ in 0..20 {
        sink.submit(batch(1));
        now = now.after(Duration::from_secs(20));
        while let Action::Send { id, .. } = sink.poll(now) {
            let result = if id == bad { status(8) } else { OK };
            sink.finished(id, &result, now, 0);
        }
    }
    now = now.after(Duration::from_secs(20));
    assert_eq!(sink.poll(now), Action::Idle);
    assert_eq!(sink.account(), account(21, 20, 1, 0));
}

#[test]
fn at_shutdown_everything_is_tried_once_more_without_waiting() {
    let mut sink = sink(1000, 100_000);
    (0..3).for_each(|_| sink.submit(batch(1)));
    let first = send(&mut sink, at(0));
    sink.finished(first, &Err(Failure::timed_out()), at(1), 0);
    let second = {
        let Action::WaitUntil(until) = sink.poll(at(1)) else { panic!("no wait") };
        send(&mut sink, until)
    };
    sink.begin_shutdown();
    let third = send(&mut sink, at(300));
    let again = send(&mut sink, at(300));
    assert_eq!(again, first);
    sink.finished(third, &OK, at(301), 0);
    sink.finished(again, &Err(Failure::timed_out()), at(301), 0);
    assert_eq!(sink.account(), account(3, 1, 1, 1));
    // its attempt began before the shutdown, so it has one more
    sink.finished(second, &Err(Failure::timed_out()), at(302), 0);
    assert_eq!(send(&mut sink, at(302)), second);
    sink.finished(second, &OK, at(303), 0);
    assert_eq!(sink.account(), account(3, 2, 1, 0));
    assert!(sink.is_drained());
}

#[test]
fn what_is_abandoned_is_dropped_and_a_late_answer_changes_nothing() {
    let mut sink = sink(1000, 100_000);
    sink.submit(batch(4));
    sink.submit(batch(5));
    let id = send(&mut sink, at(0));
    sink.abandon();
    assert_eq!(sink.account(), account(9, 0, 9, 0));
    assert_eq!(sink.pending_bytes(), 0);
    sink.finished(id, &OK, at(1), 0);
    assert_eq!(sink.account(), account(9, 0, 9, 0));
}

#[test]
fn an_unknown_dictionary_is_noticed() {
    let mut sink = sink(1000, 100_000);
    sink.submit(batch(1));
    let id = send(&mut sink, at(0));
    let status = Status::new(3, "Request could not be processed due to invalid dictionary");
    sink.finished(id, &Err(Failure::from_status(status)), at(0), 0);
    assert!(sink.dictionary_refused());
    assert_eq!(sink.account(), account(1, 0, 1, 0));
}

#[derive(Clone, Debug)]
enum Event {
    Submit(u64),
    Poll,
    Finish(usize, i32),
    Pass(u64),
    Shutdown,
    Abandon,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_u64..120).prop_map(Event::Submit),
        6 => Just(Event::Poll),
        6 => (any::<usize>(), prop_oneof![3 => Just(0), 1 => 0_i32..17]).prop_map(|(which, code)| Event::Finish(which, code)),
        4 => (0_u64..12_000).prop_map(Event::Pass),
        1 => Just(Event::Shutdown),
        1 => Just(Event::Abandon),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Nothing is lost: after every event the account adds up, and it agrees with what a naive observer saw.
    #[test]
    fn every_report_is_pending_acknowledged_or_dropped(
        events in prop::collection::vec(event(), 1..200), entries in 1_u64..2_000, bytes in 1_u64..20_000, random: u64,
    ) {
        let mut sink = sink(entries, bytes);
        let (mut now, mut made, mut acknowledged) = (0, 0, 0);
        let mut flying: Vec<(BatchId, u64)> = Vec::new();
        for event in events {
            match event {
                Event::Submit(count) => { sink.submit(batch(count)); made += count; }
                Event::Poll => if let Action::Send { id, body } = sink.poll(at(now)) {
                    flying.push((id, body.len() as u64 / 10));
                },
                Event::Finish(which, code) if !flying.is_empty() => {
                    let (id, count) = flying.swap_remove(which % flying.len());
                    if code == 0 { acknowledged += count; }
                    sink.finished(id, &if code == 0 { OK } else { status(code) }, at(now), random);
                }
                Event::Finish(..) => {}
                Event::Pass(millis) => now += millis,
                Event::Shutdown => sink.begin_shutdown(),
                Event::Abandon => { sink.abandon(); flying.clear(); }
            }
            let account = sink.account();
            prop_assert_eq!(account.made, account.acknowledged + account.dropped + account.pending);
            prop_assert_eq!((account.made, account.acknowledged), (made, acknowledged));
            prop_assert_eq!(sink.pending_bytes(), account.pending * 10);
            // the newest that is left: one submitted later may have been acknowledged already
            let newest = sink.held.back().map_or(0, |held| held.entries);
            let fixed: u64 = flying.iter().map(|(_, count)| count).sum::<u64>() + newest;
            prop_assert!(account.pending <= entries.max(fixed), "{account:?} {fixed}");
            prop_assert!(account.pending * 10 <= bytes.max(fixed * 10));
        }
    }

    /// A Mixer that comes back gets everything that was not dropped.
    #[test]
    fn what_waits_is_delivered_once_the_mixer_is_back(counts in prop::collection::vec(1_u64..50, 1..40), away in 0_u64..60) {
        let mut sink = sink(500, 1 << 20);
        let mut now = 0;
        for count in counts {
            sink.submit(batch(count));
            now += 1000;
            while let Action::Send { id, .. } = sink.poll(at(now)) {
                let result = if now < away * 1000 { Err(Failure::timed_out()) } else { OK };
                sink.finished(id, &result, at(now), now);
            }
        }
        now += 3_600_000;
        while let Action::Send { id, .. } = sink.poll(at(now)) {
            sink.finished(id, &OK, at(now), 0);
        }
        let account = sink.account();
        prop_assert_eq!(account.pending, 0);
        prop_assert!(account.dropped == 0 || account.made > 500);
    }
}
