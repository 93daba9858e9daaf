use super::*;
use crate::name::names;

fn reference(name: &str, key: Option<&str>, condition: Condition) -> Reference {
    Reference { name: name.to_owned(), map_key: key.map(str::to_owned), condition }
}

fn exact(name: &str, key: Option<&str>) -> Reference {
    reference(name, key, Condition::Exact)
}

fn absent(name: &str, key: Option<&str>) -> Reference {
    reference(name, key, Condition::Absence)
}

fn key(references: &[Reference], first: &Bag, bag: &Bag) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    Shape::new(references, first)?.write_key(bag, &mut out).then_some(out)
}

fn with_headers(pairs: &[(&str, &str)]) -> Bag {
    let mut bag = Bag::new();
    bag.set_map(names::REQUEST_HEADERS, pairs.iter().copied());
    bag
}

#[test]
fn an_answer_that_depends_on_nothing_fits_everything() {
    assert_eq!(key(&[], &Bag::new(), &with_headers(&[("a", "b")])), Some(Vec::new()));
}

#[test]
fn values_of_different_types_have_different_keys() {
    let references = [exact("request.path", None)];
    let values = [
        ValueRef::String("\u{5}"),
        ValueRef::Bytes(&[5]),
        ValueRef::Int64(5),
        ValueRef::Double(5.0),
        ValueRef::Bool(true),
        ValueRef::Timestamp(Time { seconds: 5, nanos: 0 }),
        ValueRef::Duration(Time { seconds: 5, nanos: 0 }),
    ];
    let mut keys: Vec<_> = values
        .into_iter()
        .map(|value| {
            let mut bag = Bag::new();
            bag.set(names::REQUEST_PATH, value);
            key(&references, &bag, &bag).unwrap()
        })
        .collect();
    keys.push({
        let mut bag = Bag::new();
        bag.set_map(names::REQUEST_PATH, [("", "")]);
        key(&references, &bag, &bag).unwrap()
    });
    for (position, key) in keys.iter().enumerate() {
        assert!(!keys[position + 1..].contains(key));
    }
}

#[test]
fn text_that_moves_from_one_value_to_the_next_changes_the_key() {
    let references = [exact("request.method", None), exact("request.path", None)];
    let bag = |method, path| {
        let mut bag = Bag::new();
        bag.set_string(names::REQUEST_METHOD, method);
        bag.set_string(names::REQUEST_PATH, path);
        bag
    };
    let first = bag("a\0", "b");
    assert_ne!(key(&references, &first, &first), key(&references, &first, &bag("a", "\0b")));
}

#[test]
fn what_was_absent_must_still_be_absent_whole_maps_included() {
    let whole = [absent("request.headers", None)];
    assert!(key(&whole, &Bag::new(), &Bag::new()).is_some());
    assert!(key(&whole, &Bag::new(), &with_headers(&[("a", "b")])).is_none());
    assert!(key(&whole, &with_headers(&[("a", "b")]), &with_headers(&[("a", "b")])).is_none());
}

#[test]
fn an_absent_key_may_have_been_absent_with_its_map() {
    let one = [absent("request.headers", Some("x"))];
    for first in [Bag::new(), with_headers(&[("a", "b")])] {
        assert!(key(&one, &first, &Bag::new()).is_some());
        assert!(key(&one, &first, &with_headers(&[("a", "b")])).is_some());
        assert!(key(&one, &first, &with_headers(&[("x", "")])).is_none());
    }
}

#[test]
fn only_the_referenced_keys_of_a_map_count() {
    let references = [exact("request.headers", Some("b")), exact("request.headers", Some("a"))];
    let first = with_headers(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let same = with_headers(&[("a", "1"), ("b", "2"), ("d", "4")]);
    assert_eq!(key(&references, &first, &first), key(&references, &first, &same));
    for other in [&[("a", "1")][..], &[("a", "2"), ("b", "1")], &[("a", "1"), ("b", "")]] {
        assert_ne!(key(&references, &first, &first), key(&references, &first, &with_headers(other)));
    }
}

#[test]
fn a_map_without_a_key_counts_as_a_whole() {
    let references = [exact("request.headers", None)];
    let first = with_headers(&[("a", "1"), ("b", "2")]);
    assert!(key(&references, &first, &first).is_some());
    for other in [&[("a", "1")][..], &[("a", "1"), ("b", "2"), ("c", "3")], &[("a", "1"), ("b", "3")]] {
        assert_ne!(key(&references, &first, &first), key(&references, &first, &with_headers(other)));
    }
}

#[test]
fn a_key_of_an_attribute_that_is_no_map_means_nothing() {
    let mut bag = Bag::new();
    bag.set_string(names::REQUEST_PATH, "/");
    assert!(key(&[exact("request.path", Some("x"))], &bag, &bag).is_some());
    assert!(key(&[absent("request.path", Some("x"))], &bag, &bag).is_none());
    let mut map = Bag::new();
    map.set_map(names::REQUEST_PATH, [("x", "/")]);
    assert_ne!(
        key(&[exact("request.path", Some("x"))], &bag, &bag),
        key(&[exact("request.path", Some("x"))], &bag, &map)
    );
}

#[test]
fn what_a_shape_cannot_express_makes_none() {
    let bag = with_headers(&[("a", "b")]);
    assert!(Shape::new(&[exact("request.headers", Some("a")), reference("x", None, Condition::Regex)], &bag).is_none());
    assert!(Shape::new(&[exact(&"x".repeat(1000), None)], &bag).is_none());
    assert!(key(&[exact("request.path", None)], &bag, &bag).is_none(), "an exact attribute that is missing");
}

#[test]
fn a_very_long_key_is_not_kept() {
    let bag = with_headers(&[("a", &"x".repeat(MAX_KEY))]);
    assert!(key(&[exact("request.headers", None)], &bag, &bag).is_none());
}

#[test]
fn the_order_and_repetition_of_references_make_no_difference() {
    let bag = with_headers(&[("a", "1"), ("b", "2")]);
    let (a, b) = (exact("request.headers", Some("a")), exact("request.headers", Some("b")));
    assert_eq!(Shape::new(&[a.clone(), b.clone(), a.clone()], &bag), Shape::new(&[b, a], &bag));
}
