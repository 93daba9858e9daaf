//! A pool of tokens of one quota, fetched ahead of their use.

use super::usage::Usage;
use crate::instant::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// The least amount fetched at once.
const MIN_PREFETCH: i64 = 10;
/// How long a pool that was refused waits before it asks again.
const CLOSE_WAIT: Duration = Duration::from_millis(500);
/// How long tokens live for which no lifetime is known.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// Names one refill of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefillId(u64);

/// What a charge brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whether the pool had the tokens; they are taken.
    pub passed: bool,
    /// A refill to ask the Mixer for: its id and the amount wanted.
    pub refill: Option<(RefillId, i64)>,
}

/// The Mixer's answer to a refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Tokens granted; less than zero counts as none.
    pub amount: i64,
    /// How long they live; `None` = one minute.
    pub lifetime: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The Mixer grants what is asked: an empty pool hands out tokens before they are granted.
    Open,
    /// The Mixer refused: only granted tokens are handed out.
    Close,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    available: i64,
    expires: Instant,
    refill: RefillId,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    id: RefillId,
    requested: i64,
    pre_granted: bool,
}

/// Tokens of one quota for requests with one key on one worker.
///
/// The bound: tokens handed out ≤ tokens granted + tokens handed out in advance by refills that the Mixer did not grant
/// in full. A pool hands out in advance only while it is open, and only when it is empty; so what the Mixer refuses was
/// at most what passed while the refused refills were on their way, plus one refill of max(10, use of the last second,
/// charge). From the refusal on until the Mixer grants a refill in full again, nothing is handed out in advance. A
/// refill that fails counts as granted: quotas fail open.
#[derive(Clone, Debug)]
pub struct Pool {
    slots: VecDeque<Slot>,
    usage: Usage,
    mode: Mode,
    in_flight: Vec<InFlight>,
    last_refill: Option<Instant>,
    next_id: u64,
}

impl Pool {
    /// An empty, open pool.
    pub fn new(now: Instant) -> Pool {
        Pool {
            slots: VecDeque::new(),
            usage: Usage::new(now),
            mode: Mode::Open,
            in_flight: Vec::new(),
            last_refill: None,
            next_id: 0,
        }
    }

    /// Takes `amount` tokens, all or none; an amount below zero counts as zero.
    pub fn charge(&mut self, amount: i64, now: Instant) -> Charge {
        let amount = amount.max(0);
        let refill = self.refill(amount, now);
        self.usage.add(amount, now);
        Charge { passed: self.take(amount, now), refill }
    }

    /// Tokens that can be taken now.
    pub fn available(&self, now: Instant) -> i64 {
        self.slots.iter().filter(|slot| now < slot.expires).fold(0, |sum: i64, slot| sum.saturating_add(slot.available))
    }

    /// Tokens that it holds; those that have expired count until the next charge.
    pub fn tokens(&self) -> u128 {
        self.slots.iter().map(|slot| u128::try_from(slot.available).unwrap_or(0)).sum()
    }

    /// Takes in the answer to a refill; `None`: the call failed, or the answer lacks the quota. An unknown id does
    /// nothing.
    pub fn answer(&mut self, id: RefillId, grant: Option<Grant>, now: Instant) {
        let Some(refill) = self.settle(id) else { return };
        let granted = grant.map_or(refill.requested, |grant| grant.amount.max(0));
        let lifetime = grant.and_then(|grant| grant.lifetime).unwrap_or(DEFAULT_LIFETIME);
        let expires = now.after(lifetime);
        if refill.pre_granted {
            self.take_back(id, refill.requested.saturating_sub(granted));
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.refill == id) {
                slot.expires = expires;
            }
        } else if granted > 0 {
            self.slots.push_back(Slot { available: granted, expires, refill: id });
        }
        self.mode = if granted >= refill.requested { Mode::Open } else { Mode::Close };
    }

    /// Forgets a refill whose answer belongs elsewhere: takes back what it handed out in advance and is still here.
    pub fn disown(&mut self, id: RefillId) {
        if self.settle(id).is_some() {
            self.slots.retain(|slot| slot.refill != id);
        }
    }

    /// Forgets a refill that nobody will answer; the pool waits for a grant before it hands out in advance again.
    pub fn abandon(&mut self, id: RefillId) {
        if self.in_flight.iter().any(|refill| refill.id == id) {
            self.disown(id);
            self.mode = Mode::Close;
        }
    }

    /// Takes in tokens that were granted to a refill of another pool.
    pub fn credit(&mut self, grant: Grant, in_full: bool, now: Instant) {
        let id = self.new_id();
        if grant.amount > 0 {
            let expires = now.after(grant.lifetime.unwrap_or(DEFAULT_LIFETIME));
            self.slots.push_back(Slot { available: grant.amount, expires, refill: id });
        }
        self.mode = if in_full { Mode::Open } else { Mode::Close };
        self.last_refill = Some(now);
    }

    fn refill(&mut self, amount: i64, now: Instant) -> Option<(RefillId, i64)> {
        let resting = self.last_refill.is_some_and(|last| now.since(last) < CLOSE_WAIT);
        if self.mode == Mode::Close && (resting || !self.in_flight.is_empty()) {
            return None;
        }
        let available = self.available(now);
        let desired = self.usage.total(now).max(MIN_PREFETCH);
        let running_low = available < desired / 2 && self.in_flight.is_empty();
        if !running_low && available >= amount {
            return None;
        }
        let requested = amount.max(desired);
        let pre_granted = available == 0 && self.mode == Mode::Open;
        let id = self.new_id();
        if pre_granted {
            self.slots.push_back(Slot { available: requested, expires: now.after(DEFAULT_LIFETIME), refill: id });
        }
        self.in_flight.push(InFlight { id, requested, pre_granted });
        self.last_refill = Some(now);
        Some((id, requested))
    }

    /// Takes tokens from the oldest slots, if there are enough.
    fn take(&mut self, amount: i64, now: Instant) -> bool {
        self.slots.retain(|slot| now < slot.expires && slot.available > 0);
        if self.available(now) < amount {
            return false;
        }
        let mut wanted = amount;
        for slot in &mut self.slots {
            wanted -= remove_up_to(slot, wanted);
        }
        true
    }

    /// Takes back up to `amount` tokens, those of refill `id` first, then the oldest.
    fn take_back(&mut self, id: RefillId, amount: i64) {
        let mut owed = amount.max(0);
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.refill == id) {
            owed -= remove_up_to(slot, owed);
        }
        for slot in &mut self.slots {
            owed -= remove_up_to(slot, owed);
        }
        self.slots.retain(|slot| slot.available > 0);
    }

    fn settle(&mut self, id: RefillId) -> Option<InFlight> {
        let position = self.in_flight.iter().position(|refill| refill.id == id)?;
        Some(self.in_flight.swap_remove(position))
    }

    fn new_id(&mut self) -> RefillId {
        self.next_id += 1;
        RefillId(self.next_id)
    }
}

fn remove_up_to(slot: &mut Slot, amount: i64) -> i64 {
    let removed = slot.available.min(amount);
    slot.available -= removed;
    removed
}

#[cfg(test)]
mod tests;
