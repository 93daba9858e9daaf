//! The pools of one worker, and how many tokens they hold together.

use super::prefetch::Pool;
use crate::flow::Generation;
use crate::instant::Instant;
use std::collections::HashMap;

pub(super) type PoolId = u64;

/// A pool and the configuration generation it belongs to; a pool of another one is not used.
#[derive(Debug)]
struct Held {
    pool: Pool,
    generation: Generation,
}

/// All pools. The number of their tokens is kept up with every change, so that telling it costs nothing.
#[derive(Debug, Default)]
pub(super) struct Pools {
    held: HashMap<PoolId, Held>,
    tokens: u128,
    last: PoolId,
}

impl Pools {
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Tokens of all pools. Those that have expired count until their pool is used again or dropped.
    pub(super) fn tokens(&self) -> u64 {
        u64::try_from(self.tokens).unwrap_or(u64::MAX)
    }

    /// The generation of a pool, if it is still there.
    pub(super) fn generation(&self, id: PoolId) -> Option<Generation> {
        self.held.get(&id).map(|held| held.generation)
    }

    /// Adds an empty pool.
    pub(super) fn add(&mut self, generation: Generation, now: Instant) -> PoolId {
        self.last += 1;
        self.held.insert(self.last, Held { pool: Pool::new(now), generation });
        self.last
    }

    /// Has `act` change a pool; `None` if it is gone.
    pub(super) fn change<R>(&mut self, id: PoolId, act: impl FnOnce(&mut Pool) -> R) -> Option<R> {
        let pool = &mut self.held.get_mut(&id)?.pool;
        let before = pool.tokens();
        let result = act(pool);
        self.tokens = self.tokens + pool.tokens() - before;
        Some(result)
    }

    /// Drops a pool with its tokens.
    pub(super) fn remove(&mut self, id: PoolId) {
        if let Some(held) = self.held.remove(&id) {
            self.tokens -= held.pool.tokens();
        }
    }
}

#[cfg(test)]
mod tests;
