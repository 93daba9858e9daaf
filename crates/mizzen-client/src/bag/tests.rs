use super::*;
use crate::name::names;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn bag(build: impl FnOnce(&mut Bag)) -> Bag {
    let mut bag = Bag::new();
    build(&mut bag);
    bag
}

#[test]
fn a_later_value_wins_whatever_its_type() {
    let bag = bag(|bag| {
        bag.set_string(names::SOURCE_UID, "first");
        bag.set_int64(names::SOURCE_UID, 2);
    });
    assert_eq!(bag.get(names::SOURCE_UID), Some(ValueRef::Int64(2)));
    assert_eq!(bag.len(), 1);
}

#[test]
fn a_map_is_sorted_and_the_last_of_a_repeated_key_wins() {
    let bag = bag(|bag| bag.set_map(names::REQUEST_HEADERS, [("b", "1"), ("a", "2"), ("b", "3"), ("", "4")]));
    let Some(ValueRef::StringMap(map)) = bag.get(names::REQUEST_HEADERS) else { panic!("no map") };
    assert_eq!(map.iter().collect::<Vec<_>>(), [("", "4"), ("a", "2"), ("b", "3")]);
    assert_eq!((map.get("b"), map.get("c")), (Some("3"), None));
    assert_eq!(bag.get_key(names::REQUEST_HEADERS, "a"), Some("2"));
}

#[test]
fn an_empty_map_removes_the_attribute() {
    let bag = bag(|bag| {
        bag.set_map(names::REQUEST_HEADERS, [("a", "1")]);
        bag.set_map(names::REQUEST_HEADERS, []);
    });
    assert!(!bag.contains(names::REQUEST_HEADERS));
}

#[test]
fn extending_a_map_keeps_its_other_keys() {
    let mut bag = bag(|bag| bag.set_map(names::REQUEST_HEADERS, [("a", "1"), ("b", "2")]));
    bag.extend_map(names::REQUEST_HEADERS, [("b", "3"), ("c", "4")]);
    bag.extend_map(names::RESPONSE_HEADERS, []);
    let Some(ValueRef::StringMap(map)) = bag.get(names::REQUEST_HEADERS) else { panic!("no map") };
    assert_eq!(map.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "3"), ("c", "4")]);
    assert!(!bag.contains(names::RESPONSE_HEADERS));
}

#[test]
fn bytes_that_are_not_text_become_replacement_characters() {
    let bag = bag(|bag| {
        bag.set_map_lossy(names::REQUEST_HEADERS, [(&b"x-\xff"[..], &b"a\xc3"[..])]);
        bag.set_string_lossy(names::REQUEST_PATH, b"/\xf0\x9f");
        // parted, the two halves of a character are no text, though they follow each other
        bag.set_map_lossy(
            names::RESPONSE_HEADERS,
            [(&b"x-\xc3"[..], &b"\xa9"[..]), (b"y", b"\xc3"), (b"\xa9", "é".as_bytes())],
        );
    });
    let pairs = [("x-\u{fffd}", "\u{fffd}"), ("y", "\u{fffd}"), ("\u{fffd}", "é")];
    assert_eq!(
        bag.get(names::RESPONSE_HEADERS),
        self::bag(|bag| bag.set_map(names::RESPONSE_HEADERS, pairs)).get(names::RESPONSE_HEADERS)
    );
    assert_eq!(bag.get_key(names::REQUEST_HEADERS, "x-\u{fffd}"), Some("a\u{fffd}"));
    assert_eq!(bag.get(names::REQUEST_PATH), Some(ValueRef::String("/\u{fffd}")));
}

#[test]
fn a_bag_that_is_overwritten_for_long_stays_small() {
    let mut bag = Bag::new();
    for round in 0..100_000 {
        bag.set_string(names::CONNECTION_EVENT, "continue");
        bag.set_map(Name::intern("test.metadata"), [("key", "value")]);
        bag.set_int64(names::CONNECTION_SENT_BYTES, round);
    }
    assert!(bag.text.capacity() + bag.pairs.capacity() * size_of::<Pair>() < 4 * TOLERATED_WASTE);
    assert_eq!(bag.get_key(Name::intern("test.metadata"), "key"), Some("value"));
}

#[test]
fn equality_is_that_of_sets() {
    let left = bag(|bag| {
        bag.set_int64(names::REQUEST_SIZE, 1);
        bag.set_double(Name::intern("score"), f64::NAN);
    });
    let right = bag(|bag| {
        bag.set_double(Name::intern("score"), f64::NAN);
        bag.set_int64(names::REQUEST_SIZE, 1);
    });
    assert_eq!(left, right);
    assert_ne!(left, bag(|bag| bag.set_int64(names::REQUEST_SIZE, 1)));
}

#[test]
fn names_met_at_run_time_stand_where_their_text_belongs() {
    let met = ["", "!", "\"-", "\"-\"x", "source.ioz", "source.ip.x", "request.headers!", "z", "~"];
    let known = ["\"-\"", "source.ip", "request.headers", "x-ot-span-context", "'0'"];
    let mut bag = Bag::new();
    for text in met.into_iter().chain(known) {
        bag.set_bool(Name::intern(text), true);
    }
    let mut sorted: Vec<_> = met.into_iter().chain(known).collect();
    sorted.sort_unstable();
    assert_eq!(bag.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), sorted);
}

#[derive(Clone, Debug)]
enum Step {
    Text(usize, String),
    Number(usize, i64),
    Map(usize, Vec<(String, String)>),
    Extend(usize, Vec<(String, String)>),
    Remove(usize),
    Clear,
}

#[derive(Clone, Debug, PartialEq)]
enum Model {
    Text(String),
    Number(i64),
    Map(BTreeMap<String, String>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pairs = || prop::collection::vec(("[a-c:]{0,9}", "[ -~]{0,8}"), 0..40);
    let step = prop_oneof![
        3 => (0..8usize, ".{0,12}").prop_map(|(name, text)| Step::Text(name, text)),
        3 => (0..8usize, any::<i64>()).prop_map(|(name, number)| Step::Number(name, number)),
        3 => (0..8usize, pairs()).prop_map(|(name, pairs)| Step::Map(name, pairs)),
        2 => (0..8usize, pairs()).prop_map(|(name, pairs)| Step::Extend(name, pairs)),
        2 => (0..8usize).prop_map(Step::Remove),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 0..60)
}

fn run(step: Step, pool: &[Name], bag: &mut Bag, model: &mut BTreeMap<&'static str, Model>) {
    match step {
        Step::Text(name, text) => {
            bag.set_string(pool[name], &text);
            model.insert(pool[name].as_str(), Model::Text(text));
        }
        Step::Number(name, number) => {
            bag.set_int64(pool[name], number);
            model.insert(pool[name].as_str(), Model::Number(number));
        }
        Step::Map(name, pairs) => {
            bag.set_map(pool[name], pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            model.remove(pool[name].as_str());
            if !pairs.is_empty() {
                model.insert(pool[name].as_str(), Model::Map(pairs.into_iter().collect()));
            }
        }
        Step::Extend(name, pairs) => {
            bag.extend_map(pool[name], pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            let mut merged = match model.get(pool[name].as_str()) {
                Some(Model::Map(map)) => map.clone(),
                _ => BTreeMap::new(),
            };
            let any = !pairs.is_empty();
            merged.extend(pairs);
            if any {
                model.insert(pool[name].as_str(), Model::Map(merged));
            }
        }
        Step::Remove(name) => {
            bag.remove(pool[name]);
            model.remove(pool[name].as_str());
        }
        Step::Clear => {
            bag.clear();
            model.clear();
        }
    }
}

fn owned(value: ValueRef<'_>) -> Model {
    match value {
        ValueRef::String(text) => Model::Text(text.into()),
        ValueRef::Int64(number) => Model::Number(number),
        ValueRef::StringMap(map) => Model::Map(map.iter().map(|(key, value)| (key.into(), value.into())).collect()),
        other => panic!("never set: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_bag_behaves_like_an_ordered_map(steps in steps()) {
        let pool = [
            names::SOURCE_IP, names::CONTEXT_TIME, names::REQUEST_HEADERS, names::ORIGIN_IP,
            Name::intern("a"), Name::intern("request.headerz"), Name::intern("zz"), Name::intern("test.metadata"),
        ];
        let (mut bag, mut model) = (Bag::new(), BTreeMap::new());
        for step in steps {
            run(step, &pool, &mut bag, &mut model);
            let seen: Vec<_> = bag.iter().map(|(name, value)| (name.as_str(), owned(value))).collect();
            let expected: Vec<_> = model.iter().map(|(name, value)| (*name, value.clone())).collect();
            prop_assert_eq!(seen, expected);
            for name in pool {
                prop_assert_eq!(bag.get(name).map(owned), model.get(name.as_str()).cloned());
            }
        }
        let mut merged = Bag::new();
        merged.set_int64(names::SOURCE_IP, 1);
        merged.merge(&bag);
        prop_assert_eq!(merged.len(), bag.len() + usize::from(!bag.contains(names::SOURCE_IP)));
        prop_assert_eq!(bag.clone(), bag);
    }
}
