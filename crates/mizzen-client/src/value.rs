//! Attribute values as borrowed views into the bag that holds them.

use std::cmp::Ordering;
use std::fmt;

/// Seconds and nanoseconds: since the Unix epoch for a timestamp, plain for a duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time {
    /// Whole seconds.
    pub seconds: i64,
    /// Nanoseconds; of the same sign as `seconds` in a duration, never negative in a timestamp.
    pub nanos: i32,
}

impl Time {
    /// The time of this many nanoseconds as a duration, which rounds towards zero.
    pub const fn from_nanos(nanos: i64) -> Time {
        Time { seconds: nanos / 1_000_000_000, nanos: (nanos % 1_000_000_000) as i32 }
    }

    /// Total nanoseconds, saturated at the range of `i64` (292 years).
    pub const fn as_nanos(self) -> i64 {
        self.seconds.saturating_mul(1_000_000_000).saturating_add(self.nanos as i64)
    }

    /// Whole milliseconds, cut towards zero and saturated; what the protocol makes of a duration.
    pub const fn as_millis(self) -> i64 {
        self.seconds.saturating_mul(1000).saturating_add((self.nanos / 1_000_000) as i64)
    }
}

/// One attribute value, borrowed.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    /// STRING, and on the wire also DNS_NAME, EMAIL_ADDRESS and URI.
    String(&'a str),
    /// INT64
    Int64(i64),
    /// DOUBLE
    Double(f64),
    /// BOOL
    Bool(bool),
    /// BYTES, and IP_ADDRESS as 4 or 16 bytes in network order.
    Bytes(&'a [u8]),
    /// TIMESTAMP
    Timestamp(Time),
    /// DURATION
    Duration(Time),
    /// STRING_MAP
    StringMap(MapRef<'a>),
}

impl PartialEq for ValueRef<'_> {
    /// Same type and same content; doubles by their bits, so that a NaN equals itself.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::String(left), ValueRef::String(right)) => left == right,
            (Self::Int64(left), ValueRef::Int64(right)) => left == right,
            (Self::Double(left), ValueRef::Double(right)) => left.to_bits() == right.to_bits(),
            (Self::Bool(left), ValueRef::Bool(right)) => left == right,
            (Self::Bytes(left), ValueRef::Bytes(right)) => left == right,
            (Self::Timestamp(left), ValueRef::Timestamp(right)) => left == right,
            (Self::Duration(left), ValueRef::Duration(right)) => left == right,
            (Self::StringMap(left), ValueRef::StringMap(right)) => left == right,
            _ => false,
        }
    }
}

impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(value) => value.fmt(formatter),
            Self::Int64(value) => value.fmt(formatter),
            Self::Double(value) => value.fmt(formatter),
            Self::Bool(value) => value.fmt(formatter),
            Self::Bytes(value) => write!(formatter, "bytes {value:02x?}"),
            Self::Timestamp(value) => write!(formatter, "timestamp {}.{:09}", value.seconds, value.nanos),
            Self::Duration(value) => write!(formatter, "duration {}.{:09}", value.seconds, value.nanos),
            Self::StringMap(value) => value.fmt(formatter),
        }
    }
}

/// Where a piece of text lies in a bag's arena.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    pub(crate) fn text(self, arena: &str) -> &str {
        let start = self.start as usize;
        arena.get(start..start + self.len as usize).unwrap_or_default()
    }

    pub(crate) fn bytes(self, arena: &[u8]) -> &[u8] {
        let start = self.start as usize;
        arena.get(start..start + self.len as usize).unwrap_or_default()
    }
}

/// One entry of a string map. The first eight bytes of the key decide most comparisons without looking at the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) prefix: u64,
    pub(crate) key: Span,
    pub(crate) value: Span,
}

impl Pair {
    pub(crate) fn prefix(bytes: &[u8]) -> u64 {
        match bytes.first_chunk::<8>() {
            Some(first) => u64::from_be_bytes(*first),
            None => bytes.iter().rev().fold(0, |high, byte| (high >> 8) | u64::from(*byte) << 56),
        }
    }

    pub(crate) fn cmp_key(&self, other: &Pair, arena: &str) -> Ordering {
        self.prefix.cmp(&other.prefix).then_with(|| self.key.text(arena).cmp(other.key.text(arena)))
    }
}

/// In so many pairs the key is looked for one by one, which takes less code through the processor's cache.
const FEW: usize = 32;

/// A string map in a bag: keys are unique and in byte order.
#[derive(Clone, Copy)]
pub struct MapRef<'a> {
    pub(crate) arena: &'a str,
    pub(crate) pairs: &'a [Pair],
}

impl<'a> MapRef<'a> {
    /// How many keys the map has.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether the map has no key; never so for a map taken from a bag.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The value of `key`, compared byte by byte.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        Some(self.pairs[self.position(key)?].value.text(self.arena))
    }

    /// The position of `key` among the keys.
    pub(crate) fn position(&self, key: &str) -> Option<usize> {
        let prefix = Pair::prefix(key.as_bytes());
        if self.pairs.len() <= FEW {
            return self.pairs.iter().position(|pair| pair.prefix == prefix && pair.key.text(self.arena) == key);
        }
        self.pairs
            .binary_search_by(|pair| pair.prefix.cmp(&prefix).then_with(|| pair.key.text(self.arena).cmp(key)))
            .ok()
    }

    /// All pairs in byte order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + use<'a> {
        let arena = self.arena;
        self.pairs.iter().map(move |pair| (pair.key.text(arena), pair.value.text(arena)))
    }
}

impl PartialEq for MapRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.pairs.len() == other.pairs.len() && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for MapRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prefix_orders_like_the_text() {
        let keys = ["", "a", "a\0", "ab", "abcdefg", "abcdefgh", "abcdefghi", "b", "\u{ff}", "x-request-id"];
        for left in keys {
            for right in keys {
                let by_prefix = Pair::prefix(left.as_bytes()).cmp(&Pair::prefix(right.as_bytes()));
                assert!(by_prefix == Ordering::Equal || by_prefix == left.cmp(right), "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn milliseconds_and_nanoseconds_cut_towards_zero_and_saturate() {
        assert_eq!(Time { seconds: 2, nanos: 1_999_999 }.as_millis(), 2001);
        assert_eq!(Time { seconds: -1, nanos: -1_500_000 }.as_millis(), -1001);
        assert_eq!(Time { seconds: i64::MAX, nanos: 0 }.as_nanos(), i64::MAX);
        assert_eq!(Time::from_nanos(-1_500_000_000), Time { seconds: -1, nanos: -500_000_000 });
    }
}
