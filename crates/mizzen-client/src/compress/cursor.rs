//! Writing into space that was made large enough beforehand, so that no byte asks for more.

use crate::wire::{KEY, VALUE, varint_len, zigzag};

/// A place in a buffer. Writing beyond the buffer's end is a defect of the caller's bound.
pub(super) struct Cursor<'b> {
    buffer: &'b mut [u8],
    at: usize,
}

impl<'b> Cursor<'b> {
    /// How far beyond what is written the buffer must reach: a short entry is stored as a whole word.
    pub(super) const SLACK: usize = 8;

    pub(super) fn new(buffer: &'b mut [u8]) -> Cursor<'b> {
        Cursor { buffer, at: 0 }
    }

    pub(super) fn written(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.buffer[self.at] = byte;
        self.at += 1;
    }

    #[inline]
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    pub(super) fn slice(&mut self, bytes: &[u8]) {
        self.buffer[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// An entry of two small numbers, the most frequent thing in a message; false, and nothing is written, if it is none.
    #[inline]
    pub(super) fn short(&mut self, entry: Encoded) -> bool {
        if entry.word == 0 {
            return false;
        }
        self.buffer[self.at..self.at + 8].copy_from_slice(&entry.word.to_le_bytes());
        self.at += entry.size();
        true
    }

    /// An entry of two word indices.
    #[inline]
    pub(super) fn encoded(&mut self, tag: u8, entry: Encoded) {
        if self.short(entry) {
            return;
        }
        let Encoded { key, value, .. } = entry;
        self.byte(tag);
        self.byte(index_pair_len(key, value) as u8);
        self.byte(KEY);
        self.varint(u64::from(key));
        self.byte(VALUE);
        self.varint(u64::from(value));
    }
}

/// A field that is a map entry of two word indices.
#[derive(Clone, Copy, Default)]
pub(super) struct Encoded {
    /// The indices in their ZigZag form.
    key: u32,
    value: u32,
    /// The field as it goes out, if it takes at most eight bytes; never zero then, as it starts with a tag.
    word: u64,
}

impl Encoded {
    /// The entry of these indices; this one, if it is that already, for the same tag.
    #[inline]
    pub(super) fn or_new(self, tag: u8, key: i32, value: i32) -> Encoded {
        let (key, value) = (zigzag(key), zigzag(value));
        if self.key == key && self.value == value && self.word != 0 { self } else { Encoded::new(tag, key, value) }
    }

    /// The entry of an index and a number, if both are small; this one, if it is that already, for the same tag.
    #[inline]
    pub(super) fn or_number(self, tag: u8, key: i32, value: u64) -> Encoded {
        let key = zigzag(key);
        if self.word != 0 && self.key == key && u64::from(self.value) == value {
            return self;
        }
        match u32::try_from(value) {
            Ok(value) if key | value < TWO_BYTES => Encoded::new(tag, key, value),
            _ => Encoded::default(),
        }
    }

    fn new(tag: u8, key: u32, value: u32) -> Encoded {
        if key | value >= TWO_BYTES {
            return Encoded { key, value, word: 0 };
        }
        let ((key_bytes, key_bits), (value_bytes, value_bits)) = (short_varint(key), short_varint(value));
        let len = 2 + (key_bits + value_bits) / 8;
        let head = u64::from(tag) | u64::from(len) << 8 | u64::from(KEY) << 16 | key_bytes << 24;
        let tail = u64::from(VALUE) | value_bytes << 8;
        Encoded { key, value, word: head | tail << (24 + key_bits) }
    }

    /// How many bytes it takes, tag included.
    #[inline]
    pub(super) fn size(self) -> usize {
        match self.word {
            0 => 2 + index_pair_len(self.key, self.value),
            word => 2 + usize::from((word >> 8) as u8),
        }
    }
}

/// The first value whose varint takes more than two bytes.
const TWO_BYTES: u32 = 1 << 14;

/// A varint of one or two bytes, and how many bits those are.
#[inline]
fn short_varint(value: u32) -> (u64, u32) {
    let value = u64::from(value);
    if value < 0x80 { (value, 8) } else { ((value & 0x7f) | 0x80 | (value >> 7) << 8, 16) }
}

/// The size of a map entry of two indices after its length, which takes one byte.
fn index_pair_len(key: u32, value: u32) -> usize {
    2 + varint_len(u64::from(key)) + varint_len(u64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_the_same_whether_stored_as_a_word_or_byte_by_byte() {
        let indices = [0, -1, 63, -64, 64, 222, 8191, -8192, 8192, i32::MAX, i32::MIN];
        for key in indices {
            for value in indices {
                let entry = Encoded::default().or_new(0x12, key, value);
                let mut buffer = [0; 32];
                let mut cursor = Cursor::new(&mut buffer);
                cursor.encoded(0x12, entry);
                let written = cursor.written();
                let mut pair = vec![KEY];
                crate::wire::put_varint(&mut pair, u64::from(zigzag(key)));
                pair.push(VALUE);
                crate::wire::put_varint(&mut pair, u64::from(zigzag(value)));
                let expected = [&[0x12, pair.len() as u8], &pair[..]].concat();
                assert_eq!(buffer[..written], expected, "{key} {value}");
                assert_eq!(written, entry.size());
            }
        }
    }

    #[test]
    fn an_entry_is_kept_only_for_the_same_indices() {
        let first = Encoded::default().or_new(0x0a, 0, 0);
        for (key, value) in [(0, 0), (0, 1), (1, 0), (-70, 9000)] {
            let (kept, anew) = (first.or_new(0x0a, key, value), Encoded::default().or_new(0x0a, key, value));
            assert_eq!((kept.key, kept.value, kept.word), (anew.key, anew.value, anew.word), "{key} {value}");
        }
    }
}
