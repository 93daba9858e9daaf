//! The cache against a naive model that remembers every decision with its request and compares values one by one.

use super::*;
use crate::name::Name;
use crate::value::ValueRef;
use proptest::prelude::*;
use std::cell::Cell;

const NAMES: [Name; 4] =
    [names::REQUEST_PATH, names::REQUEST_HEADERS, names::DESTINATION_PORT, names::REQUEST_QUERY_PARAMS];
const KEYS: [&str; 3] = ["a", "b", "source.ip"];
const TEXTS: [&str; 3] = ["", "x", "x\0"];

/// A small generator: a million requests by strategies would take minutes.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len() as u64) as usize]
    }
}

fn fill(bag: &mut Bag, dice: &mut Dice) {
    bag.clear();
    for name in NAMES {
        match dice.roll(8) {
            0 | 1 => {}
            2 => bag.set_string(name, dice.of(&TEXTS)),
            3 => bag.set_int64(name, dice.roll(2) as i64),
            4 => bag.set_bytes(name, dice.of(&TEXTS).as_bytes()),
            _ => {
                let pairs: [_; 3] = std::array::from_fn(|_| (dice.of(&KEYS), dice.of(&TEXTS)));
                bag.set_map(name, pairs[..dice.roll(4) as usize].iter().copied());
            }
        }
    }
}

/// References as a server would give them for this request: mostly true ones.
fn references(bag: &Bag, dice: &mut Dice) -> Vec<Reference> {
    (0..dice.roll(4))
        .map(|_| {
            let name = dice.of(&NAMES);
            let map_key = (dice.roll(4) > 0).then(|| dice.of(&KEYS).to_owned());
            let mut reference = Reference { name: name.as_str().to_owned(), map_key, condition: Condition::Exact };
            let there = seen(bag, &reference).is_some();
            reference.condition = match dice.roll(40) {
                0 => Condition::Regex,
                1 => Condition::Absence,
                2 => Condition::Exact,
                _ if there => Condition::Exact,
                _ => Condition::Absence,
            };
            reference
        })
        .collect()
}

/// What a reference sees of a request.
fn seen(bag: &Bag, reference: &Reference) -> Option<String> {
    let value = bag.get(Name::intern(&reference.name))?;
    match (value, &reference.map_key) {
        (ValueRef::StringMap(map), Some(key)) => map.get(key).map(|value| format!("value {value:?}")),
        _ => Some(format!("{value:?}")),
    }
}

struct Remembered {
    bag: Bag,
    references: Vec<Reference>,
    expires: Option<Instant>,
    uses: Cell<i32>,
    generation: Generation,
}

impl Remembered {
    fn holds_for(&self, bag: &Bag, generation: Generation, now: Instant) -> bool {
        let alive = self.generation == generation && self.expires.is_none_or(|expires| now <= expires);
        alive
            && self.references.iter().all(|reference| match reference.condition {
                Condition::Absence => seen(bag, reference).is_none(),
                Condition::Exact => {
                    let value = seen(bag, reference);
                    value.is_some() && value == seen(&self.bag, reference)
                }
                Condition::Regex => false,
            })
    }
}

fn run(seed: u64, lookups: usize) -> usize {
    let mut dice = Dice(seed);
    let mut cache = CheckCache::new(1 + dice.roll(60) as usize);
    let mut remembered: Vec<Remembered> = Vec::new();
    let (mut now, mut hits, mut bag) = (0, 0, Bag::new());
    let mut generation = Generation::from_number(1);
    for number in 0..lookups {
        fill(&mut bag, &mut dice);
        now += dice.roll(3);
        if dice.roll(500) == 0 {
            generation = Generation::from_number(1 + dice.roll(3));
        }
        match cache.lookup(&bag, true, generation, at(now)) {
            Lookup::Hit(verdict) => {
                hits += 1;
                let decision = &remembered[verdict.status.message.parse::<usize>().unwrap()];
                assert!(decision.holds_for(&bag, generation, at(now)), "lookup {number} of seed {seed}: {bag:?}");
                assert_ne!(decision.uses.get(), 0, "lookup {number} of seed {seed} used a decision too often");
                decision.uses.set(decision.uses.get() - 1);
            }
            Lookup::Miss(_) if dice.roll(10) == 0 => {
                let told = Precondition {
                    status: Status::new(0, remembered.len().to_string()),
                    ..precondition(
                        0,
                        dice.of(&[-1, -1, 5, 0]),
                        [None, Some(400), Some(0)][dice.roll(3) as usize],
                        references(&bag, &mut dice),
                    )
                };
                insert(&mut cache, &told, &bag, generation, at(now));
                remembered.push(Remembered {
                    bag: bag.clone(),
                    references: told.referenced.unwrap(),
                    expires: told.valid_duration.map(|duration| at(now).after_time(duration)),
                    uses: Cell::new(told.valid_use_count),
                    generation,
                });
            }
            Lookup::Miss(_) => {}
        }
    }
    hits
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 260, max_shrink_iters: 0, ..ProptestConfig::default() })]

    /// 260 × 4,000 lookups: more than a million, most of them hits.
    #[test]
    fn no_decision_is_used_for_a_request_that_differs_in_a_referenced_attribute(seed: u64) {
        let hits = run(seed, 4_000);
        prop_assert!(hits > 200, "the test looks at too few hits: {hits}");
    }
}
