//! Requests that wait for the answer to another request.

use super::decision::Ticket;
use crate::bag::Bag;
use crate::check_cache::CheckCache;
use std::collections::HashMap;
use std::rc::Rc;

/// Why a waiting request may go on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Waiting {
    /// Not yet: the call has no answer.
    For(Ticket),
    /// The call was answered; the decision may be remembered now.
    Answered,
    /// The call failed for good.
    Failed(Rc<crate::check_cache::Verdict>),
    /// The call's own request went away.
    Abandoned,
}

/// A call that others may wait for.
#[derive(Clone, Copy, Debug)]
struct Leader {
    ticket: Ticket,
    /// How many more may wait under this key; negative = without limit.
    room: i32,
}

/// The calls in flight by the keys that earlier answers tell.
#[derive(Debug, Default)]
pub(super) struct Joins {
    leaders: HashMap<Rc<[u8]>, Leader>,
}

impl Joins {
    /// A call whose answer will very likely decide `bag` too, for which `suits` holds; takes a place among its waiters.
    pub(super) fn find(&mut self, cache: &mut CheckCache, bag: &Bag, suits: impl Fn(Ticket) -> bool) -> Option<Ticket> {
        if self.leaders.is_empty() {
            return None;
        }
        let mut found = None;
        cache.shared_keys(bag, |key, _| {
            if let Some(leader) = self.leaders.get_mut(key).filter(|leader| leader.room != 0 && suits(leader.ticket)) {
                leader.room = leader.room.saturating_sub(i32::from(leader.room > 0));
                found = Some(leader.ticket);
            }
            found.is_none()
        });
        found
    }

    /// Notes a call for `bag`; returns the keys under which others find it.
    pub(super) fn lead(&mut self, cache: &mut CheckCache, bag: &Bag, ticket: Ticket) -> Vec<Rc<[u8]>> {
        let mut keys = Vec::new();
        cache.shared_keys(bag, |key, uses| {
            // an older call under the key keeps its place: it will be answered first
            if !self.leaders.contains_key(key) {
                let key: Rc<[u8]> = key.into();
                self.leaders.insert(Rc::clone(&key), Leader { ticket, room: uses });
                keys.push(key);
            }
            true
        });
        keys
    }

    /// Forgets a call.
    pub(super) fn forget(&mut self, keys: &[Rc<[u8]>]) {
        for key in keys {
            self.leaders.remove(key);
        }
    }
}
