mod model;

use super::*;
use crate::answer::{Condition, Reference};
use crate::name::names;
use crate::referenced::ReferencedError;
use crate::value::Time;

const G: Generation = Generation::NONE;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn path(text: &str) -> Bag {
    let mut bag = Bag::new();
    bag.set_string(names::REQUEST_PATH, text);
    bag
}

fn by_path() -> Vec<Reference> {
    vec![Reference { name: "request.path".to_owned(), map_key: None, condition: Condition::Exact }]
}

fn precondition(code: i32, uses: i32, millis: Option<i64>, references: Vec<Reference>) -> Precondition {
    Precondition {
        status: Status::new(code, "told"),
        valid_duration: millis.map(|millis| Time::from_nanos(millis * 1_000_000)),
        valid_use_count: uses,
        referenced: Ok(references),
        directive: None,
    }
}

fn insert(
    cache: &mut CheckCache,
    precondition: &Precondition,
    bag: &Bag,
    generation: Generation,
    now: Instant,
) -> bool {
    let verdict = Rc::new(Verdict { status: precondition.status.clone(), directive: None });
    cache.insert(precondition, &verdict, bag, generation, now)
}

fn hit(lookup: Lookup) -> bool {
    matches!(lookup, Lookup::Hit(_))
}

#[test]
fn a_decision_is_found_for_the_same_values_only() {
    let mut cache = CheckCache::new(10);
    assert_eq!(cache.lookup(&path("/a"), true, G, at(0)), Lookup::Miss(Miss::Unknown));
    assert!(insert(&mut cache, &precondition(7, -1, None, by_path()), &path("/a"), G, at(0)));
    let Lookup::Hit(verdict) = cache.lookup(&path("/a"), true, G, at(0)) else { panic!("a miss") };
    assert_eq!(verdict.status, Status::new(7, "told"));
    assert_eq!(cache.lookup(&path("/b"), true, G, at(0)), Lookup::Miss(Miss::Unknown));
}

#[test]
fn a_decision_that_depends_on_nothing_holds_for_all() {
    let mut cache = CheckCache::new(10);
    insert(&mut cache, &precondition(0, -1, None, vec![]), &path("/a"), G, at(0));
    assert!(hit(cache.lookup(&Bag::new(), true, G, at(0))));
}

#[test]
fn a_decision_lasts_exactly_its_time() {
    let mut cache = CheckCache::new(10);
    insert(&mut cache, &precondition(0, -1, Some(100), by_path()), &path("/a"), G, at(5));
    assert!(hit(cache.lookup(&path("/a"), true, G, at(105))));
    assert_eq!(cache.lookup(&path("/a"), true, G, at(106)), Lookup::Miss(Miss::Expired));
    assert_eq!(cache.lookup(&path("/a"), true, G, at(106)), Lookup::Miss(Miss::Unknown));
    assert!(cache.is_empty());
}

#[test]
fn a_decision_has_so_many_uses_and_a_newer_one_starts_anew() {
    let mut cache = CheckCache::new(10);
    for _ in 0..2 {
        insert(&mut cache, &precondition(0, 3, None, by_path()), &path("/a"), G, at(0));
    }
    let hits = (0..5).filter(|_| hit(cache.lookup(&path("/a"), true, G, at(0)))).count();
    assert_eq!(hits, 3);
}

#[test]
fn what_nobody_may_use_again_is_not_kept() {
    let mut cache = CheckCache::new(10);
    for unusable in [
        precondition(0, 0, None, by_path()),
        precondition(0, 5, Some(0), by_path()),
        precondition(0, 5, Some(-5), by_path()),
        precondition(5, -1, None, by_path()),
        precondition(14, -1, None, by_path()),
        precondition(0, -1, None, vec![Reference { condition: Condition::Regex, ..by_path().remove(0) }]),
        precondition(0, -1, None, vec![Reference { condition: Condition::Absence, ..by_path().remove(0) }]),
        Precondition { referenced: Err(ReferencedError { index: 300 }), ..precondition(0, -1, None, vec![]) },
    ] {
        assert!(!insert(&mut cache, &unusable, &path("/a"), G, at(0)), "{unusable:?}");
        assert!(!hit(cache.lookup(&path("/a"), true, G, at(0))));
    }
}

#[test]
fn an_answer_that_nobody_may_use_again_ends_the_older_one() {
    let mut cache = CheckCache::new(10);
    insert(&mut cache, &precondition(0, -1, None, by_path()), &path("/a"), G, at(0));
    insert(&mut cache, &precondition(7, 0, None, by_path()), &path("/a"), G, at(0));
    assert!(!hit(cache.lookup(&path("/a"), true, G, at(0))));
}

#[test]
fn an_error_of_the_mixer_is_remembered_as_a_pass_and_never_as_a_denial() {
    let mut cache = CheckCache::new(10);
    insert(&mut cache, &precondition(13, -1, None, by_path()), &path("/a"), G, at(0));
    assert!(hit(cache.lookup(&path("/a"), true, G, at(0))));
    assert_eq!(cache.lookup(&path("/a"), false, G, at(0)), Lookup::Miss(Miss::Error));
}

#[test]
fn denials_are_remembered_like_approvals() {
    for code in [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 15, 16, 99] {
        let mut cache = CheckCache::new(10);
        insert(&mut cache, &precondition(code, -1, None, by_path()), &path("/a"), G, at(0));
        assert!(hit(cache.lookup(&path("/a"), false, G, at(0))), "code {code}");
    }
}

#[test]
fn two_shapes_live_side_by_side() {
    let mut cache = CheckCache::new(10);
    let absent = vec![Reference { condition: Condition::Absence, ..by_path().remove(0) }];
    insert(&mut cache, &precondition(7, -1, None, absent), &Bag::new(), G, at(0));
    insert(&mut cache, &precondition(0, -1, None, by_path()), &path("/a"), G, at(0));
    let Lookup::Hit(without) = cache.lookup(&Bag::new(), true, G, at(0)) else { panic!("a miss") };
    let Lookup::Hit(with) = cache.lookup(&path("/a"), true, G, at(0)) else { panic!("a miss") };
    assert_eq!((without.status.code, with.status.code), (7, 0));
}

#[test]
fn a_decision_of_another_generation_is_not_used_and_hides_no_newer_one() {
    let (old, new) = (Generation::from_number(1), Generation::from_number(2));
    let mut cache = CheckCache::new(10);
    insert(&mut cache, &precondition(0, -1, None, by_path()), &path("/a"), old, at(0));
    insert(&mut cache, &precondition(7, -1, None, vec![]), &path("/b"), new, at(0));
    let Lookup::Hit(verdict) = cache.lookup(&path("/a"), true, new, at(0)) else { panic!("a miss") };
    assert_eq!(verdict.status.code, 7);
    let mut cache = CheckCache::new(10);
    insert(&mut cache, &precondition(0, -1, None, by_path()), &path("/a"), old, at(0));
    assert_eq!(cache.lookup(&path("/a"), true, new, at(0)), Lookup::Miss(Miss::Outdated));
    assert!(cache.is_empty());
}

#[test]
fn the_least_recently_used_decision_gives_way() {
    let mut cache = CheckCache::new(2);
    let allow = precondition(0, -1, None, by_path());
    insert(&mut cache, &allow, &path("/a"), G, at(0));
    insert(&mut cache, &allow, &path("/b"), G, at(0));
    assert!(hit(cache.lookup(&path("/a"), true, G, at(0))));
    insert(&mut cache, &allow, &path("/c"), G, at(0));
    assert!(hit(cache.lookup(&path("/a"), true, G, at(0))));
    assert!(!hit(cache.lookup(&path("/b"), true, G, at(0))));
    assert!(hit(cache.lookup(&path("/c"), true, G, at(0))));
    assert_eq!((cache.len(), cache.evictions()), (2, 1));
    insert(&mut cache, &allow, &path("/c"), G, at(0));
    assert_eq!((cache.len(), cache.evictions()), (2, 1));
}

#[test]
fn a_cache_of_no_entries_remembers_nothing() {
    let mut cache = CheckCache::new(0);
    assert!(!insert(&mut cache, &precondition(0, -1, None, vec![]), &path("/a"), G, at(0)));
    assert!(!hit(cache.lookup(&path("/a"), true, G, at(0))));
    cache.shared_keys(&path("/a"), |_, _| panic!("a shape is known"));
}

#[test]
fn shapes_are_bounded_and_take_their_decisions_with_them() {
    let mut cache = CheckCache::new(1000);
    for number in 0..200 {
        let mut bag = Bag::new();
        bag.set_map(names::REQUEST_HEADERS, [(format!("h{number}").as_str(), "x")]);
        let reference = Reference {
            name: "request.headers".to_owned(),
            map_key: Some(format!("h{number}")),
            condition: Condition::Exact,
        };
        assert!(insert(&mut cache, &precondition(0, -1, None, vec![reference]), &bag, G, at(0)));
        assert!(hit(cache.lookup(&bag, true, G, at(0))));
    }
    assert_eq!(cache.len(), 64);
}

#[test]
fn shared_keys_tell_how_many_may_share() {
    let mut cache = CheckCache::new(10);
    insert(&mut cache, &precondition(0, 3, None, by_path()), &path("/a"), G, at(0));
    let keys = |cache: &mut CheckCache, bag: &Bag| {
        let mut keys = Vec::new();
        cache.shared_keys(bag, |key, uses| {
            keys.push((key.to_vec(), uses));
            true
        });
        keys
    };
    let (b, again) = (keys(&mut cache, &path("/b")), keys(&mut cache, &path("/b")));
    assert_eq!((b.len(), b[0].1), (1, 3));
    assert_eq!(b, again);
    assert_ne!(b[0].0, keys(&mut cache, &path("/c"))[0].0);
    assert!(keys(&mut cache, &Bag::new()).is_empty());
    insert(&mut cache, &precondition(0, 0, None, by_path()), &path("/a"), G, at(0));
    assert!(keys(&mut cache, &path("/b")).is_empty());
}
