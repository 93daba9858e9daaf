use super::*;
use crate::decode::decode_report_request;
use crate::grpc;
use crate::name::names;
use crate::report::Encoding;
use proptest::prelude::*;
use std::time::Duration;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn lane(entries: usize, encoding: Encoding) -> Lane<Bag> {
    let limits = BatchLimits { entries, wait: Duration::from_secs(1) };
    Lane::new(limits, ReportEncoder::new(WordLimit::FULL, encoding))
}

fn bag(number: usize) -> Bag {
    let mut bag = Bag::new();
    bag.set_string(names::REQUEST_PATH, &number.to_string());
    if number.is_multiple_of(3) {
        bag.set_int64(names::RESPONSE_CODE, 200);
    }
    bag
}

fn add(lane: &mut Lane<Bag>, number: usize, now: Instant) {
    lane.add(now, |copy| **copy = bag(number));
}

/// The reports of each batch that is taken, and when to look again.
fn collect(lane: &mut Lane<Bag>, now: Instant, all: bool) -> (Vec<Vec<Bag>>, Option<Instant>) {
    let mut batches = Vec::new();
    let next = lane.collect(now, all, &mut |batch| {
        let bags = decode_report_request(grpc::unframe(&batch.body).unwrap()).unwrap().bags;
        assert_eq!(bags.len() as u64, batch.entries);
        batches.push(bags);
    });
    (batches, next)
}

#[test]
fn a_report_that_waits_to_be_encoded_is_due_as_one_in_a_batch() {
    let mut lane = lane(100, Encoding::Independent);
    add(&mut lane, 1, at(500));
    add(&mut lane, 2, at(900));
    assert_eq!(collect(&mut lane, at(1499), false), (vec![], Some(at(1500))));
    assert_eq!(collect(&mut lane, at(1500), false), (vec![vec![bag(1), bag(2)]], None));
}

#[test]
fn reports_encoded_already_are_due_before_those_that_wait() {
    let mut lane = lane(100, Encoding::Independent);
    (0..TOGETHER).for_each(|number| add(&mut lane, number, at(0)));
    add(&mut lane, TOGETHER, at(700));
    assert_eq!(collect(&mut lane, at(999), false), (vec![], Some(at(1000))));
    let (batches, next) = collect(&mut lane, at(1000), false);
    assert_eq!((batches.len(), batches[0].len(), next), (1, TOGETHER + 1, None));
}

#[test]
fn a_batch_is_full_at_its_last_report_and_not_later() {
    let mut lane = lane(20, Encoding::Independent);
    (0..19).for_each(|number| add(&mut lane, number, at(0)));
    assert!(!lane.has_full());
    add(&mut lane, 19, at(0));
    assert!(lane.has_full());
    assert_eq!(collect(&mut lane, at(0), false).0.len(), 1);
    add(&mut lane, 20, at(0));
    lane.drop_full();
    assert_eq!(collect(&mut lane, at(0), true).0, [[bag(20)]]);
}

#[test]
fn a_lane_that_batches_nothing_has_every_report_at_once() {
    for entries in [0, 1] {
        let mut lane = lane(entries, Encoding::Independent);
        add(&mut lane, 7, at(0));
        assert!(lane.has_full());
        assert_eq!(collect(&mut lane, at(0), false), (vec![vec![bag(7)]], None));
    }
}

#[test]
fn given_up_batches_are_gone() {
    let mut lane = lane(1, Encoding::Independent);
    add(&mut lane, 1, at(0));
    lane.drop_full();
    assert_eq!(collect(&mut lane, at(0), true), (vec![], None));
}

proptest! {
    #[test]
    fn every_report_comes_out_once_and_in_order(
        entries in 0..40usize,
        delta in any::<bool>(),
        steps in prop::collection::vec((0..30usize, 0..700u64, prop::bool::weighted(0.1)), 1..20),
    ) {
        let mut lane = lane(entries, if delta { Encoding::Delta } else { Encoding::Independent });
        let (mut times, mut taken, mut now) = (Vec::new(), Vec::new(), 0);
        for (count, wait, all) in steps {
            for _ in 0..count {
                add(&mut lane, times.len(), at(now));
                times.push(now);
            }
            now += wait;
            let (batches, next) = collect(&mut lane, at(now), all);
            prop_assert!(batches.iter().all(|batch| batch.len() <= entries.max(1)));
            taken.extend(batches.into_iter().flatten());
            let oldest = times.get(taken.len()).copied();
            prop_assert!(oldest.is_none_or(|added| !all && now < added + 1000), "nothing stays longer than it may wait");
            prop_assert_eq!(next.is_some(), oldest.is_some());
            prop_assert!(next.is_none_or(|next| oldest.is_some_and(|added| next <= at(added + 1000))));
        }
        let added = times.len();
        taken.extend(collect(&mut lane, at(now), true).0.into_iter().flatten());
        prop_assert_eq!(taken, (0..added).map(bag).collect::<Vec<_>>());
    }
}
