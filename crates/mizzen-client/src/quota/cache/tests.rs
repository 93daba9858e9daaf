use super::*;
use crate::answer::{Condition, Reference};
use crate::name::names;
use crate::value::Time;

const G: Generation = Generation::NONE;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn user(name: &str) -> Bag {
    let mut bag = Bag::new();
    bag.set_string(names::SOURCE_USER, name);
    bag
}

fn one() -> Requirement {
    Requirement { name: "requests".into(), charge: 1 }
}

fn by_user() -> Vec<Reference> {
    vec![Reference { name: "source.user".to_owned(), map_key: None, condition: Condition::Exact }]
}

fn granted(amount: i64, references: Vec<Reference>) -> QuotaResult {
    QuotaResult {
        valid_duration: Some(Time { seconds: 60, nanos: 0 }),
        granted_amount: amount,
        referenced: Ok(references),
        status: Status::ok(),
    }
}

/// Charges one token and answers a refill at once.
fn charge(cache: &mut QuotaCache, bag: &Bag, result: Option<&QuotaResult>, now: Instant) -> bool {
    let charged = cache.charge(&one(), bag, G, now);
    if let Some(refill) = charged.refill {
        cache.answer(&refill, result, bag, now);
    }
    charged.passed
}

#[test]
fn each_key_has_a_pool_of_its_own() {
    let mut cache = QuotaCache::new();
    assert!(charge(&mut cache, &user("ann"), Some(&granted(2, by_user())), at(0)));
    assert!(charge(&mut cache, &user("ann"), None, at(0)));
    assert!(!charge(&mut cache, &user("ann"), None, at(0)), "two tokens were granted");
    assert!(charge(&mut cache, &user("bob"), Some(&granted(10, by_user())), at(0)));
    assert_eq!(cache.len(), 2);
}

#[test]
fn requests_whose_key_is_not_known_share_one_pool_until_the_first_answer() {
    let mut cache = QuotaCache::new();
    let first = cache.charge(&one(), &user("ann"), G, at(0)).refill.unwrap();
    assert_eq!(first.amount, 10);
    assert_eq!(cache.charge(&one(), &user("bob"), G, at(0)), Charged { passed: true, refill: None });
    assert_eq!(cache.len(), 1);
    cache.answer(&first, Some(&granted(10, by_user())), &user("ann"), at(1));
    assert!(cache.charge(&one(), &user("bob"), G, at(1)).refill.is_some(), "the pool is ann's now");
}

#[test]
fn two_first_answers_with_different_keys_make_two_pools() {
    let mut cache = QuotaCache::new();
    let ann = cache.charge(&one(), &user("ann"), G, at(0)).refill.unwrap();
    // the shared pool runs dry while its first refill is on its way, so bob's request asks too
    (0..9).for_each(|_| assert!(cache.charge(&one(), &user("ann"), G, at(0)).passed));
    let bob = cache.charge(&one(), &user("bob"), G, at(0)).refill.unwrap();
    cache.answer(&ann, Some(&granted(10, by_user())), &user("ann"), at(1));
    cache.answer(&bob, Some(&granted(bob.amount, by_user())), &user("bob"), at(1));
    assert_eq!(cache.len(), 2);
    let passed = (0..bob.amount).filter(|_| cache.charge(&one(), &user("bob"), G, at(1)).passed).count();
    assert_eq!(passed as i64, bob.amount, "what was granted to bob is bob's");
    assert_eq!(cache.pools.change(ann.pool, |pool| pool.available(at(1))), Some(0), "and ann's pool keeps none of it");
}

#[test]
fn an_answer_that_names_no_key_leaves_the_pool_shared() {
    let mut cache = QuotaCache::new();
    let regex = vec![Reference { condition: Condition::Regex, ..by_user().remove(0) }];
    assert!(charge(&mut cache, &user("ann"), Some(&granted(10, regex)), at(0)));
    assert_eq!(cache.charge(&one(), &user("bob"), G, at(0)), Charged { passed: true, refill: None });
    assert_eq!(cache.len(), 1);
}

#[test]
fn a_missing_result_and_an_unavailable_quota_pass() {
    let unavailable = QuotaResult { status: Status::new(Status::UNAVAILABLE, ""), ..granted(0, by_user()) };
    for result in [None, Some(&unavailable)] {
        let mut cache = QuotaCache::new();
        let passed = (0..30).filter(|_| charge(&mut cache, &user("ann"), result, at(0))).count();
        assert_eq!(passed, 30);
    }
}

#[test]
fn quotas_do_not_share_pools() {
    let mut cache = QuotaCache::new();
    let other = Requirement { name: "bytes".into(), charge: 5 };
    charge(&mut cache, &user("ann"), Some(&granted(0, vec![])), at(0));
    assert!(!charge(&mut cache, &user("ann"), None, at(1)));
    assert!(cache.charge(&other, &user("ann"), G, at(1)).passed);
}

#[test]
fn a_new_generation_starts_new_pools() {
    let mut cache = QuotaCache::new();
    let (old, new) = (Generation::from_number(1), Generation::from_number(2));
    let refill = cache.charge(&one(), &user("ann"), old, at(0)).refill.unwrap();
    cache.answer(&refill, Some(&granted(0, vec![])), &user("ann"), at(0));
    assert!(!cache.charge(&one(), &user("ann"), old, at(1)).passed);
    assert!(cache.charge(&one(), &user("ann"), new, at(1)).passed);
    assert_eq!(cache.len(), 1);
    cache.charge(&one(), &user("ann"), old, at(1));
    assert_eq!(cache.len(), 1, "a pool without a key of another generation is dropped too");
}

#[test]
fn an_idle_pool_is_dropped_and_a_late_answer_changes_nothing() {
    let mut cache = QuotaCache::new();
    assert!(charge(&mut cache, &user("ann"), Some(&granted(10, by_user())), at(0)));
    let late = (0..9).find_map(|_| cache.charge(&one(), &user("ann"), G, at(0)).refill).unwrap();
    assert!(charge(&mut cache, &user("bob"), Some(&granted(10, by_user())), at(300_000)));
    assert_eq!(cache.len(), 2);
    assert!(charge(&mut cache, &user("bob"), None, at(600_001)));
    assert_eq!(cache.len(), 1);
    cache.answer(&late, Some(&granted(10, by_user())), &user("ann"), at(600_002));
    cache.abandon(&late);
    assert_eq!(cache.len(), 1);
}

#[test]
fn pools_with_a_key_are_bounded() {
    let mut cache = QuotaCache::new();
    for number in 0..MAX_POOLS + 50 {
        charge(&mut cache, &user(&number.to_string()), Some(&granted(10, by_user())), at(0));
    }
    assert_eq!(cache.len(), MAX_POOLS);
}
