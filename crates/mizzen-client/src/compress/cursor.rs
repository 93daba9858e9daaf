//! Writing into space that was made large enough beforehand, so that no byte asks for more.

use crate::wire::{KEY, VALUE, varint_len};

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

    /// A field that is a map entry of two word indices in their ZigZag form, the most frequent thing in a message.
    #[inline]
    pub(super) fn index_pair(&mut self, tag: u8, key: u32, value: u32) {
        if key | value >= TWO_BYTES {
            self.byte(tag);
            self.byte(index_pair_len(key, value) as u8);
            self.byte(KEY);
            self.varint(u64::from(key));
            self.byte(VALUE);
            self.varint(u64::from(value));
            return;
        }
        let ((key, key_bits), (value, value_bits)) = (short_varint(key), short_varint(value));
        let size = 4 + (key_bits + value_bits) / 8;
        let head = u64::from(tag) | u64::from(size - 2) << 8 | u64::from(KEY) << 16 | key << 24;
        let tail = u64::from(VALUE) | value << 8;
        let entry = head | tail << (24 + key_bits);
        self.buffer[self.at..self.at + 8].copy_from_slice(&entry.to_le_bytes());
        self.at += size as usize;
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
#[inline]
pub(super) fn index_pair_len(key: u32, value: u32) -> usize {
    if key | value < TWO_BYTES {
        return 4 + usize::from(key >= 0x80) + usize::from(value >= 0x80);
    }
    2 + varint_len(u64::from(key)) + varint_len(u64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_the_same_whether_stored_as_a_word_or_byte_by_byte() {
        let sizes = [0, 1, 127, 128, 444, 16_383, 16_384, u32::MAX];
        for key in sizes {
            for value in sizes {
                let mut buffer = [0; 32];
                let mut cursor = Cursor::new(&mut buffer);
                cursor.index_pair(0x12, key, value);
                let written = cursor.written();
                let mut expected = vec![0x12, index_pair_len(key, value) as u8, 0x08];
                crate::wire::put_varint(&mut expected, u64::from(key));
                expected.push(0x10);
                crate::wire::put_varint(&mut expected, u64::from(value));
                assert_eq!(buffer[..written], expected, "{key} {value}");
                assert_eq!(written, 2 + index_pair_len(key, value));
            }
        }
    }
}
