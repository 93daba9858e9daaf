//! String maps in a bag: built from pairs in any order, kept sorted with unique keys.

use super::{Bag, Lineage, Stored, span};
use crate::name::Name;
use crate::value::{Pair, Span, ValueRef};

/// Up to this many pairs, sorting in place by insertion beats the general sort.
const FEW: usize = 32;

impl Bag {
    /// Sets a STRING_MAP; the last of a repeated key wins. No pair at all removes the attribute.
    pub fn set_map<'p>(&mut self, name: Name, pairs: impl IntoIterator<Item = (&'p str, &'p str)>) {
        let start = self.pairs.len();
        self.append(pairs);
        self.finish_map(name, start);
    }

    /// Like [`Bag::set_map`] for pairs that may not be UTF-8: what is invalid becomes U+FFFD.
    pub fn set_map_lossy<'p>(&mut self, name: Name, pairs: impl IntoIterator<Item = (&'p [u8], &'p [u8])>) {
        let start = self.pairs.len();
        let mut raw = std::mem::take(&mut self.raw);
        raw.clear();
        for (key, value) in pairs {
            let Some([key_span, value_span]) = self.raw_spans(raw.len(), key.len(), value.len()) else { break };
            raw.extend_from_slice(key);
            raw.extend_from_slice(value);
            self.pairs.push(Pair { prefix: Pair::prefix(key), key: key_span, value: value_span });
        }
        if !self.add_raw(&raw, start) {
            self.add_pairs_lossy(&raw, start);
        }
        self.raw = raw;
        self.finish_map(name, start);
    }

    /// Where a key and its value will lie once what is collected has been added to the arena.
    fn raw_spans(&self, collected: usize, key: usize, value: usize) -> Option<[Span; 2]> {
        let start = self.text.len() + collected;
        Some([span(start, key)?, span(start + key, value)?])
    }

    /// Adds the collected texts of the pairs from `start` on, if each of them is UTF-8. One look at all of them costs a
    /// third of one at each.
    fn add_raw(&mut self, raw: &[u8], start: usize) -> bool {
        let Ok(text) = std::str::from_utf8(raw) else { return false };
        let base = self.text.len();
        let is_whole = |span: Span| text.is_char_boundary(span.start as usize - base);
        if !self.pairs[start..].iter().all(|pair| is_whole(pair.key) && is_whole(pair.value)) {
            return false;
        }
        self.text.push_str(text);
        true
    }

    /// Adds them one by one, as they are not all UTF-8.
    fn add_pairs_lossy(&mut self, raw: &[u8], start: usize) {
        let base = self.text.len();
        let end = self.pairs.len();
        let mut kept = start;
        for at in start..end {
            let Pair { key, value, .. } = self.pairs[at];
            let text = |span: Span| raw.get(span.start as usize - base..).and_then(|raw| raw.get(..span.len as usize));
            let (key, value) = (text(key).unwrap_or_default(), text(value).unwrap_or_default());
            let (Some(key), Some(value)) = (self.add_text_lossy(key), self.add_text_lossy(value)) else { break };
            self.pairs[at] = Pair { prefix: Pair::prefix(key.text(&self.text).as_bytes()), key, value };
            kept = at + 1;
        }
        self.pairs.truncate(kept);
    }

    /// Adds pairs to a string map, over the keys it has; an attribute of another type is replaced.
    pub fn extend_map<'p>(&mut self, name: Name, pairs: impl IntoIterator<Item = (&'p str, &'p str)>) {
        let start = self.pairs.len();
        if let Some(Stored::StringMap(old)) = self.find(name).map(|entry| entry.stored) {
            let from = old.start as usize;
            self.pairs.extend_from_within(from..from + old.len as usize);
        }
        self.append(pairs);
        if self.pairs.len() > start {
            self.finish_map(name, start);
        }
    }

    /// Sets the value of the pair at this position, in the order of the keys, of a string map; what is not UTF-8
    /// becomes U+FFFD. Without effect if there is no such pair.
    pub fn set_pair_lossy(&mut self, map: Name, at: usize, value: &[u8]) {
        let Some(Stored::StringMap(span)) = self.find(map).map(|entry| entry.stored) else { return };
        if at >= span.len as usize {
            return;
        }
        let Some(value) = self.add_text_lossy(value) else { return };
        let old = std::mem::replace(&mut self.pairs[span.start as usize + at].value, value);
        self.waste += old.len as usize;
        match self.known_position(map) {
            position if position < self.known.len() => self.lineage.change_pair(position, at),
            _ => self.lineage = Lineage::NONE,
        }
    }

    /// The position of a key of a string map, in the order of the keys.
    pub fn pair_position(&self, map: Name, key: &str) -> Option<usize> {
        match self.get(map)? {
            ValueRef::StringMap(map) => map.position(key),
            _ => None,
        }
    }

    /// Sets a STRING from bytes that may not be UTF-8: what is invalid becomes U+FFFD.
    pub fn set_string_lossy(&mut self, name: Name, value: &[u8]) {
        if let Some(span) = self.add_text_lossy(value) {
            self.store(name, Stored::String(span));
        }
    }

    fn append<'p>(&mut self, pairs: impl IntoIterator<Item = (&'p str, &'p str)>) {
        for (key, value) in pairs {
            let (Some(key_span), Some(value_span)) = (self.add_text(key), self.add_text(value)) else { break };
            self.pairs.push(Pair { prefix: Pair::prefix(key.as_bytes()), key: key_span, value: value_span });
        }
    }

    fn add_text_lossy(&mut self, text: &[u8]) -> Option<Span> {
        if let Ok(text) = std::str::from_utf8(text) {
            return self.add_text(text);
        }
        let start = self.text.len();
        // a replacement character is three bytes long and stands for at least one
        span(start, text.len().checked_mul(3)?)?;
        for chunk in text.utf8_chunks() {
            self.text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        span(start, self.text.len() - start)
    }

    /// Sorts the pairs from `start` on, drops all but the last of each key, and makes them the value of `name`.
    fn finish_map(&mut self, name: Name, start: usize) {
        sort(&mut self.pairs[start..], &self.text);
        let kept = keep_last(&mut self.pairs[start..], &self.text);
        self.pairs.truncate(start + kept);
        match span(start, kept) {
            Some(span) if kept > 0 => self.store(name, Stored::StringMap(span)),
            _ => self.remove(name),
        }
    }
}

/// Sorts by key; pairs of one key keep their order.
fn sort(pairs: &mut [Pair], arena: &str) {
    if pairs.len() > FEW {
        pairs.sort_by(|left, right| left.cmp_key(right, arena));
        return;
    }
    for end in 1..pairs.len() {
        let pair = pairs[end];
        let mut at = end;
        while at > 0 && pairs[at - 1].cmp_key(&pair, arena).is_gt() {
            pairs[at] = pairs[at - 1];
            at -= 1;
        }
        pairs[at] = pair;
    }
}

/// Moves the last pair of each key to the front; returns how many there are.
fn keep_last(pairs: &mut [Pair], arena: &str) -> usize {
    let mut kept = 0;
    for at in 0..pairs.len() {
        let repeated = pairs.get(at + 1).is_some_and(|next| pairs[at].cmp_key(next, arena).is_eq());
        if !repeated {
            pairs[kept] = pairs[at];
            kept += 1;
        }
    }
    kept
}
