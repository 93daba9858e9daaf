//! The Mixer's configuration generation, one for the process, as any of its answers tells it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use mizzen_client::flow::{Generation, Generations};
use mizzen_client::grpc::Outcome;
use mizzen_client::instant::Instant;

use crate::clock;
use crate::wake::lock;

static MET: Mutex<Option<Generations>> = Mutex::new(None);
static CURRENT: AtomicU64 = AtomicU64::new(0);

/// The generation whose decisions may be used.
pub(crate) fn current() -> Generation {
    Generation::from_number(CURRENT.load(Ordering::Acquire))
}

/// Notes what an answer to a call sent at `sent` tells, and returns the generation it was made under. A Mixer that tells none (the original) answers for
/// the current one: only time and uses end its decisions.
pub(crate) fn observe(outcome: &Outcome, sent: Instant) -> Generation {
    let Some(text) = &outcome.generation else { return current() };
    let mut met = lock(&MET);
    let met = met.get_or_insert_default();
    let generation = met.observe(text, sent, clock::now());
    CURRENT.store(met.current().number(), Ordering::Release);
    generation
}
