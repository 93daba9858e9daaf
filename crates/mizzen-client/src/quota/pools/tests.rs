use super::super::prefetch::{Grant, RefillId};
use super::*;
use proptest::prelude::*;
use std::time::Duration;

const G: Generation = Generation::NONE;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

#[test]
fn tokens_handed_out_in_advance_count_and_go_with_their_pool() {
    let mut pools = Pools::default();
    let id = pools.add(G, at(0));
    assert_eq!(pools.tokens(), 0);
    let charge = pools.change(id, |pool| pool.charge(1, at(0))).unwrap();
    assert_eq!(pools.tokens(), 9);
    let grant = Grant { amount: 4, lifetime: None };
    pools.change(id, |pool| pool.answer(charge.refill.unwrap().0, Some(grant), at(1)));
    assert_eq!(pools.tokens(), 3);
    pools.remove(id);
    pools.remove(id);
    assert_eq!((pools.tokens(), pools.len()), (0, 0));
    assert_eq!(pools.change(id, |pool| pool.tokens()), None);
}

#[test]
fn expired_tokens_count_until_the_next_charge() {
    let mut pools = Pools::default();
    let id = pools.add(G, at(0));
    pools.change(id, |pool| pool.credit(Grant { amount: 20, lifetime: None }, true, at(0)));
    assert_eq!(pools.tokens(), 20);
    pools.change(id, |pool| pool.charge(1, at(60_000)));
    assert_eq!(pools.tokens(), 9, "of the new ten");
}

#[test]
fn more_tokens_than_a_number_holds_are_told_as_the_largest_number() {
    let mut pools = Pools::default();
    for _ in 0..3 {
        let id = pools.add(G, at(0));
        pools.change(id, |pool| pool.credit(Grant { amount: i64::MAX, lifetime: None }, true, at(0)));
    }
    assert_eq!(pools.tokens(), u64::MAX);
    pools.remove(1);
    pools.remove(2);
    assert_eq!(pools.tokens(), i64::MAX.unsigned_abs());
}

/// What happens to one of four pools.
#[derive(Clone, Debug)]
enum Change {
    Charge(i64),
    Answer(Option<i64>, u64),
    Credit(i64, u64),
    Disown,
    Abandon,
    Replace,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (-5_i64..40).prop_map(Change::Charge),
        3 => (prop::option::of(-5_i64..60), 0_u64..2000).prop_map(|(amount, life)| Change::Answer(amount, life)),
        1 => (-5_i64..60, 0_u64..2000).prop_map(|(amount, life)| Change::Credit(amount, life)),
        1 => Just(Change::Disown),
        1 => Just(Change::Abandon),
        1 => Just(Change::Replace),
    ]
}

proptest! {
    #[test]
    fn the_number_kept_is_the_sum_of_all_pools(
        changes in prop::collection::vec((0_usize..4, change(), 0_u64..400), 0..80),
    ) {
        let mut pools = Pools::default();
        let mut ids: Vec<PoolId> = (0..4).map(|_| pools.add(G, at(0))).collect();
        let mut refills: [Vec<RefillId>; 4] = Default::default();
        let mut now = 0;
        for (place, change, later) in changes {
            now += later;
            let now = at(now);
            let id = ids[place];
            let grant = |amount, life| Grant { amount, lifetime: Some(Duration::from_millis(life)) };
            match change {
                Change::Charge(amount) => {
                    let charge = pools.change(id, |pool| pool.charge(amount, now)).unwrap();
                    refills[place].extend(charge.refill.map(|(refill, _)| refill));
                }
                Change::Answer(amount, life) => if let Some(refill) = refills[place].pop() {
                    let grant = amount.map(|amount| grant(amount, life));
                    pools.change(id, |pool| pool.answer(refill, grant, now));
                },
                Change::Credit(amount, life) => {
                    pools.change(id, |pool| pool.credit(grant(amount, life), true, now));
                }
                Change::Disown => if let Some(refill) = refills[place].pop() {
                    pools.change(id, |pool| pool.disown(refill));
                },
                Change::Abandon => if let Some(refill) = refills[place].pop() {
                    pools.change(id, |pool| pool.abandon(refill));
                },
                Change::Replace => {
                    pools.remove(id);
                    ids[place] = pools.add(G, now);
                    refills[place].clear();
                }
            }
            let sum: u128 = pools.held.values().map(|held| held.pool.tokens()).sum();
            prop_assert_eq!(u128::from(pools.tokens()), sum);
        }
    }
}
