//! Copies of one bag are encoded with less work; what is written must not differ.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod common;

use common::{Value, attributes, bag, set, value};
use mizzen_client::dictionary::WordLimit;
use mizzen_client::report::{Encoding, ReportEncoder};
use mizzen_client::{Bag, Name, names};
use proptest::prelude::*;

/// What happens to a copy, or to the batch.
#[derive(Clone, Debug)]
enum Step {
    Set(prop::sample::Index, Value),
    SetPair(prop::sample::Index, usize, Vec<u8>),
    Extend(prop::sample::Index, String),
    Remove(prop::sample::Index),
    Add(Name, Value),
}

/// A bag that is pushed: a copy of one of the origins with changes, or another bag; perhaps the last of its batch.
#[derive(Clone, Debug)]
struct Pushed {
    origin: usize,
    steps: Vec<Step>,
    stranger: Option<Bag>,
    last: bool,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => "[a-c]{0,2}".prop_map(String::into_bytes), 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

fn step() -> impl Strategy<Value = Step> {
    let at = any::<prop::sample::Index>;
    let added = prop::sample::select(vec![names::RESPONSE_CODE, names::RESPONSE_HEADERS, names::CHECK_CACHE_HIT]);
    prop_oneof![
        3 => (at(), value()).prop_map(|(at, value)| Step::Set(at, value)),
        6 => (at(), 0..70usize, text()).prop_map(|(at, pair, value)| Step::SetPair(at, pair, value)),
        1 => (at(), "[a-c]{1,2}").prop_map(|(at, key)| Step::Extend(at, key)),
        1 => at().prop_map(Step::Remove),
        2 => (added, value()).prop_map(|(name, value)| Step::Add(name, value)),
    ]
}

fn pushed() -> impl Strategy<Value = Pushed> {
    (0..2usize, prop::collection::vec(step(), 0..4), prop::option::weighted(0.1, bag()), prop::bool::weighted(0.1))
        .prop_map(|(origin, steps, stranger, last)| Pushed { origin, steps, stranger, last })
}

/// An origin with two maps, one of them larger than what is noted of it. Only names known beforehand: with others there
/// are no copies.
fn origin(attributes: &[(Name, Value)]) -> Bag {
    let known = [names::SOURCE_IP, names::SOURCE_UID, names::REQUEST_PATH, names::CONTEXT_TIME, names::ORIGIN_IP];
    let mut origin = Bag::new();
    for (name, value) in attributes.iter().filter(|(name, _)| known.contains(name)) {
        set(&mut origin, *name, value);
    }
    let keys: Vec<String> = (0..66).map(|number| format!("x-{number:02}")).collect();
    origin.set_map(names::REQUEST_HEADERS, keys.iter().map(|key| (key.as_str(), "a")));
    origin.set_map(names::REQUEST_QUERY_PARAMS, [("a", "1"), ("b", "2")]);
    origin.become_origin();
    origin
}

fn take(bag: &mut Bag, step: &Step) {
    let all: Vec<Name> = bag.iter().map(|(name, _)| name).collect();
    // maps are few, and the ones that matter
    let maps = [names::REQUEST_HEADERS, names::REQUEST_QUERY_PARAMS, names::RESPONSE_HEADERS];
    match step {
        Step::Set(at, value) if !all.is_empty() => set(bag, *at.get(&all), value),
        Step::SetPair(at, pair, value) => bag.set_pair_lossy(*at.get(&maps), *pair, value),
        Step::Extend(at, key) => bag.extend_map(*at.get(&maps), [(key.as_str(), "new")]),
        Step::Remove(at) if !all.is_empty() => bag.remove(*at.get(&all)),
        Step::Add(name, value) => set(bag, *name, value),
        Step::Set(..) | Step::Remove(_) => {}
    }
}

/// The same attributes in a bag that is no copy.
fn rebuilt(bag: &Bag) -> Bag {
    let mut rebuilt = Bag::new();
    bag.iter().for_each(|(name, value)| rebuilt.set(name, value));
    rebuilt
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn copies_are_written_as_other_bags_are(
        kinds in prop::collection::vec(attributes(), 2),
        all in prop::collection::vec(pushed(), 1..30),
    ) {
        let origins: Vec<Bag> = kinds.iter().map(|attributes| origin(attributes)).collect();
        let mut encoder = ReportEncoder::new(WordLimit::FULL, Encoding::Independent);
        let mut plain = ReportEncoder::new(WordLimit::FULL, Encoding::Independent);
        let mut copy = Bag::new();
        for Pushed { origin, steps, stranger, last } in &all {
            match stranger {
                Some(stranger) => copy.clone_from(stranger),
                None => {
                    copy.clone_from(&origins[*origin]);
                    steps.iter().for_each(|step| take(&mut copy, step));
                }
            }
            encoder.push(&copy).unwrap();
            plain.push(&rebuilt(&copy)).unwrap();
            prop_assert_eq!(encoder.encoded_bytes(), plain.encoded_bytes());
            if *last {
                prop_assert_eq!(encoder.finish(), plain.finish());
            }
        }
        prop_assert_eq!(encoder.finish(), plain.finish());
    }
}

#[test]
fn a_pair_is_set_where_it_is_and_nowhere_else() {
    let mut bag = Bag::new();
    bag.set_map(names::REQUEST_HEADERS, [("a", "1"), ("b", "2")]);
    bag.set_string(names::REQUEST_PATH, "/");
    assert_eq!(bag.pair_position(names::REQUEST_HEADERS, "b"), Some(1));
    assert_eq!(bag.pair_position(names::REQUEST_HEADERS, "c"), None);
    assert_eq!(bag.pair_position(names::REQUEST_PATH, "a"), None);
    bag.set_pair_lossy(names::REQUEST_HEADERS, 1, b"\xff!");
    bag.set_pair_lossy(names::REQUEST_HEADERS, 2, b"beyond");
    bag.set_pair_lossy(names::REQUEST_PATH, 0, b"no map");
    bag.set_pair_lossy(names::RESPONSE_HEADERS, 0, b"absent");
    let mut expected = Bag::new();
    expected.set_map(names::REQUEST_HEADERS, [("a", "1"), ("b", "\u{fffd}!")]);
    expected.set_string(names::REQUEST_PATH, "/");
    assert_eq!(bag, expected);
}
