//! Which pool serves a request: one pool per quota and key, where the Mixer says what makes the key.

use super::pools::{PoolId, Pools};
use super::prefetch::{Grant, RefillId};
use super::spec::Requirement;
use crate::answer::QuotaResult;
use crate::bag::Bag;
use crate::flow::Generation;
use crate::instant::Instant;
use crate::shape::{Shape, Shapes, Slot};
use crate::status::Status;
use hashlink::LruCache;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How many pools with a key are kept; the least recently used ones give way.
const MAX_POOLS: usize = 10_000;
/// A pool that nobody used for so long is dropped.
const IDLE: Duration = Duration::from_secs(600);

/// What a requirement came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// Whether the pool had the tokens.
    pub passed: bool,
    /// A refill to ask for in the background.
    pub refill: Option<Refill>,
}

/// A refill to ask the Mixer for, best effort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refill {
    /// The quota.
    pub quota: Arc<str>,
    /// The amount wanted.
    pub amount: i64,
    pool: PoolId,
    id: RefillId,
}

/// The shapes of one quota, and the pool of the requests that no shape fits yet.
#[derive(Debug, Default)]
struct Quota {
    shapes: Shapes,
    pending: Option<PoolId>,
}

#[derive(Debug)]
struct Item {
    pool: PoolId,
    quota: Arc<str>,
    shape: u64,
    last_use: Instant,
}

/// The pools of one worker.
#[derive(Debug)]
pub struct QuotaCache {
    quotas: HashMap<Arc<str>, Quota>,
    pools: Pools,
    /// By shape, which belongs to one quota, and values.
    items: LruCache<Box<[u8]>, Item>,
    key: Vec<u8>,
    last_shape: u64,
}

impl Default for QuotaCache {
    fn default() -> QuotaCache {
        QuotaCache::new()
    }
}

impl QuotaCache {
    /// No pool yet.
    pub fn new() -> QuotaCache {
        QuotaCache {
            quotas: HashMap::new(),
            pools: Pools::default(),
            items: LruCache::new(MAX_POOLS),
            key: Vec::new(),
            last_shape: 0,
        }
    }

    /// How many pools there are.
    pub fn len(&self) -> usize {
        self.pools.len()
    }

    /// Whether there is no pool.
    pub fn is_empty(&self) -> bool {
        self.pools.len() == 0
    }

    /// Tokens of all pools. Those that have expired count until their pool is used again or dropped.
    pub fn tokens(&self) -> u64 {
        self.pools.tokens()
    }

    /// Charges a request's pool. The first request of a new pool passes.
    pub fn charge(&mut self, requirement: &Requirement, bag: &Bag, generation: Generation, now: Instant) -> Charged {
        self.drop_idle(now);
        let pool = match self.find(&requirement.name, bag, generation, now) {
            Some(pool) => pool,
            None => self.pending(&requirement.name, generation, now),
        };
        let Some(charge) = self.pools.change(pool, |pool| pool.charge(requirement.charge, now)) else {
            return Charged { passed: true, refill: None };
        };
        let refill =
            charge.refill.map(|(id, amount)| Refill { quota: Arc::clone(&requirement.name), amount, pool, id });
        Charged { passed: charge.passed, refill }
    }

    /// Takes in the answer to a refill asked for with `bag`; `None`: the call failed, or the answer lacks the quota.
    ///
    /// Tokens go to the pool of the key that the answer names. If the refill came from a pool that serves another key
    /// by now (it was shared until the first answer), that pool gets nothing. A quota that is UNAVAILABLE counts as
    /// failed.
    pub fn answer(&mut self, refill: &Refill, result: Option<&QuotaResult>, bag: &Bag, now: Instant) {
        let Some(result) = result.filter(|result| result.status.code != Status::UNAVAILABLE) else {
            return self.settle(refill, None, now);
        };
        let lifetime = result.valid_duration.map(|time| Duration::from_nanos(time.as_nanos().try_into().unwrap_or(0)));
        let grant = Grant { amount: result.granted_amount, lifetime };
        let Some(generation) = self.pools.generation(refill.pool) else { return };
        let Some(shape) = self.write_key(&refill.quota, result, bag) else {
            return self.settle(refill, Some(grant), now);
        };
        match self.items.get(self.key.as_slice()).map(|item| item.pool) {
            Some(pool) if pool == refill.pool => self.settle(refill, Some(grant), now),
            Some(pool) => self.move_grant(refill, pool, grant, now),
            None if self.take_pending(refill) => {
                self.keep(refill.pool, &refill.quota, shape, now);
                self.settle(refill, Some(grant), now);
            }
            None => {
                let pool = self.pools.add(generation, now);
                self.keep(pool, &refill.quota, shape, now);
                self.move_grant(refill, pool, grant, now);
            }
        }
    }

    /// Gives up a refill that nobody will answer.
    pub fn abandon(&mut self, refill: &Refill) {
        self.pools.change(refill.pool, |pool| pool.abandon(refill.id));
    }

    /// The pool kept under the key of `bag`, of this generation; leaves others behind as it meets them.
    fn find(&mut self, quota: &str, bag: &Bag, generation: Generation, now: Instant) -> Option<PoolId> {
        let shapes = &mut self.quotas.get_mut(quota)?.shapes;
        for position in 0..shapes.len() {
            let slot = shapes.at(position);
            if slot.entries == 0 || !slot.write_key(bag, &mut self.key) {
                continue;
            }
            let Some(item) = self.items.get_mut(self.key.as_slice()) else { continue };
            let pool = item.pool;
            if self.pools.generation(pool) == Some(generation) {
                item.last_use = now;
                shapes.found(position);
                return Some(pool);
            }
            if let Some(item) = self.items.remove(self.key.as_slice()) {
                shapes.lost_entry(item.shape);
                self.pools.remove(pool);
            }
        }
        None
    }

    /// The pool of the requests whose key is not known yet.
    fn pending(&mut self, name: &Arc<str>, generation: Generation, now: Instant) -> PoolId {
        let pending = self.quotas.get(name).and_then(|quota| quota.pending);
        if let Some(pool) = pending {
            if self.pools.generation(pool) == Some(generation) {
                return pool;
            }
            self.pools.remove(pool);
        }
        let pool = self.pools.add(generation, now);
        self.quotas.entry(Arc::clone(name)).or_default().pending = Some(pool);
        pool
    }

    /// Whether the refill came from the pending pool of its quota, which then is so no longer.
    fn take_pending(&mut self, refill: &Refill) -> bool {
        match self.quotas.get_mut(&refill.quota) {
            Some(quota) if quota.pending == Some(refill.pool) => {
                quota.pending = None;
                true
            }
            _ => false,
        }
    }

    /// Leaves the key that the answer names in `self.key` and notes its shape; `None` if it cannot be told.
    fn write_key(&mut self, quota: &Arc<str>, result: &QuotaResult, bag: &Bag) -> Option<u64> {
        let references = result.referenced.as_ref().ok()?;
        let shape = Shape::new(references, bag)?;
        self.last_shape += 1;
        let shapes = &mut self.quotas.entry(Arc::clone(quota)).or_default().shapes;
        let slot = Slot::new(shapes.id_of(&shape).unwrap_or(self.last_shape), shape, 0);
        if !slot.write_key(bag, &mut self.key) {
            return None;
        }
        let id = slot.id;
        if let Some(dropped) = shapes.keep(slot) {
            let pools = &mut self.pools;
            self.items.retain(|_, item| {
                let keep = item.shape != dropped;
                if !keep {
                    pools.remove(item.pool);
                }
                keep
            });
        }
        Some(id)
    }

    /// Keeps a pool under `self.key`.
    fn keep(&mut self, pool: PoolId, quota: &Arc<str>, shape: u64, now: Instant) {
        if self.items.len() >= MAX_POOLS {
            self.drop_oldest();
        }
        let item = Item { pool, quota: Arc::clone(quota), shape, last_use: now };
        self.items.insert(self.key.as_slice().into(), item);
        if let Some(quota) = self.quotas.get_mut(quota) {
            quota.shapes.gained_entry(shape);
        }
    }

    fn drop_idle(&mut self, now: Instant) {
        while self.items.iter().next().is_some_and(|(_, item)| now.since(item.last_use) > IDLE) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((_, item)) = self.items.remove_lru() else { return };
        self.pools.remove(item.pool);
        if let Some(quota) = self.quotas.get_mut(&item.quota) {
            quota.shapes.lost_entry(item.shape);
        }
    }

    fn settle(&mut self, refill: &Refill, grant: Option<Grant>, now: Instant) {
        self.pools.change(refill.pool, |pool| pool.answer(refill.id, grant, now));
    }

    fn move_grant(&mut self, refill: &Refill, pool: PoolId, grant: Grant, now: Instant) {
        self.pools.change(refill.pool, |pool| pool.disown(refill.id));
        self.pools.change(pool, |pool| pool.credit(grant, grant.amount >= refill.amount, now));
    }
}

#[cfg(test)]
mod tests;
