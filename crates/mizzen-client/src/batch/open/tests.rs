use super::*;
use crate::decode::decode_report_request;
use crate::name::names;
use crate::report::Encoding;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn batch(entries: usize, encoding: Encoding) -> OpenBatch {
    let limits = BatchLimits { entries, wait: Duration::from_secs(1) };
    OpenBatch::new(limits, ReportEncoder::new(WordLimit::FULL, encoding))
}

fn bag(path: &str) -> Bag {
    let mut bag = Bag::new();
    bag.set_string(names::REQUEST_PATH, path);
    bag
}

fn bags(batch: &Batch) -> Vec<Bag> {
    decode_report_request(grpc::unframe(&batch.body).unwrap()).unwrap().bags
}

#[test]
fn a_batch_is_finished_by_its_last_entry_and_holds_every_report() {
    let mut open = batch(3, Encoding::Independent);
    assert_eq!(open.push(&bag("/1"), at(0)), None);
    assert_eq!(open.push(&bag("/2"), at(1)), None);
    let batch = open.push(&bag("/3"), at(2)).unwrap();
    assert_eq!(batch.entries, 3);
    assert_eq!(bags(&batch), [bag("/1"), bag("/2"), bag("/3")]);
    assert!(open.is_empty());
    assert_eq!(open.take(), None);
}

#[test]
fn a_batch_is_due_one_wait_after_its_first_entry() {
    let mut open = batch(100, Encoding::Independent);
    assert!(!open.is_due(at(u64::MAX)));
    open.push(&bag("/1"), at(500));
    open.push(&bag("/2"), at(1400));
    assert_eq!(open.deadline(), Some(at(1500)));
    assert!(!open.is_due(at(1499)));
    assert!(open.is_due(at(1500)));
    assert_eq!(open.take().unwrap().entries, 2);
    assert_eq!(open.deadline(), None);
}

#[test]
fn without_batching_every_report_is_a_batch() {
    for entries in [0, 1] {
        assert_eq!(batch(entries, Encoding::Delta).push(&bag("/"), at(0)).unwrap().entries, 1);
    }
}

#[test]
fn a_batch_of_many_bytes_is_finished_before_its_last_entry() {
    let mut open = batch(100, Encoding::Independent);
    let pushed = (0..100).find_map(|number| open.push(&bag(&format!("/{number}/{}", "x".repeat(60_000))), at(0)));
    let batch = pushed.unwrap();
    assert!(batch.entries < 20);
    assert!(batch.body.len() < 2 * FULL_BYTES);
}

#[test]
fn a_delta_that_cannot_be_expressed_finishes_the_batch_before_it() {
    let mut open = batch(100, Encoding::Delta);
    let mut rich = bag("/1");
    rich.set_string(names::REQUEST_METHOD, "GET");
    assert_eq!(open.push(&rich, at(0)), None);
    let first = open.push(&bag("/2"), at(10)).unwrap();
    assert_eq!(bags(&first), [rich]);
    assert_eq!(open.deadline(), Some(at(1010)));
    assert_eq!(bags(&open.take().unwrap()), [bag("/2")]);
}

#[test]
fn fewer_words_are_used_from_the_next_batch_on() {
    let mut open = batch(100, Encoding::Independent);
    open.push(&bag("/1"), at(0));
    open.set_word_limit(WordLimit::BASE);
    let count = |batch: &Batch| decode_report_request(grpc::unframe(&batch.body).unwrap()).unwrap().global_word_count;
    assert_eq!(count(&open.take().unwrap()), 222);
    open.push(&bag("/2"), at(0));
    assert_eq!(count(&open.take().unwrap()), 111);
}
