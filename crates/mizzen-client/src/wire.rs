//! The protocol buffers wire format: what the hand-written encoder and decoders share.

use crate::decode::DecodeError;

pub(crate) const VARINT: u8 = 0;
const FIXED64: u8 = 1;
pub(crate) const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// The tags of a varint key and a varint value in a map entry.
pub(crate) const KEY: u8 = tag(1, VARINT);
pub(crate) const VALUE: u8 = tag(2, VARINT);

/// The tag byte of a field with a number below 16.
pub(crate) const fn tag(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

/// The ZigZag form of a `sint32`.
pub(crate) const fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

/// The `sint32` that a varint stands for; bits above 32 are cut, as every protobuf library does.
pub(crate) const fn unzigzag(value: u64) -> i32 {
    let value = value as u32;
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

/// How many bytes a varint takes.
pub(crate) const fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a field of length-delimited bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(tag(field, BYTES));
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Field<'m> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'m [u8]),
    Fixed32,
}

/// Reads the fields of one message without copying.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'m> {
    rest: &'m [u8],
}

impl<'m> Reader<'m> {
    pub(crate) fn new(message: &'m [u8]) -> Reader<'m> {
        Reader { rest: message }
    }

    /// The next field's number and value; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Field<'m>)>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| DecodeError::FieldNumber)?;
        if number == 0 {
            return Err(DecodeError::FieldNumber);
        }
        let value = match (key & 7) as u8 {
            VARINT => Field::Varint(self.varint()?),
            FIXED64 => Field::Fixed64(u64::from_le_bytes(*self.take::<8>()?)),
            BYTES => Field::Bytes(self.bytes()?),
            FIXED32 => {
                self.take::<4>()?;
                Field::Fixed32
            }
            wire_type => return Err(DecodeError::WireType { field: number, wire_type }),
        };
        Ok(Some((number, value)))
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for (position, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[position + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { DecodeError::Truncated } else { DecodeError::Varint })
    }

    fn take<const N: usize>(&mut self) -> Result<&'m [u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn bytes(&mut self) -> Result<&'m [u8], DecodeError> {
        let len = usize::try_from(self.varint()?).map_err(|_| DecodeError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'m> Field<'m> {
    pub(crate) fn varint(self, field: u32) -> Result<u64, DecodeError> {
        match self {
            Field::Varint(value) => Ok(value),
            other => Err(other.unexpected(field)),
        }
    }

    pub(crate) fn bytes(self, field: u32) -> Result<&'m [u8], DecodeError> {
        match self {
            Field::Bytes(value) => Ok(value),
            other => Err(other.unexpected(field)),
        }
    }

    pub(crate) fn double(self, field: u32) -> Result<f64, DecodeError> {
        match self {
            Field::Fixed64(bits) => Ok(f64::from_bits(bits)),
            other => Err(other.unexpected(field)),
        }
    }

    fn unexpected(self, field: u32) -> DecodeError {
        let wire_type = match self {
            Field::Varint(_) => VARINT,
            Field::Fixed64(_) => FIXED64,
            Field::Bytes(_) => BYTES,
            Field::Fixed32 => FIXED32,
        };
        DecodeError::WireType { field, wire_type }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_follows_the_protocol() {
        for (plain, coded) in
            [(0, 0), (-1, 1), (-2, 3), (10, 20), (222, 444), (i32::MAX, u32::MAX - 1), (i32::MIN, u32::MAX)]
        {
            assert_eq!((zigzag(plain), unzigzag(u64::from(coded))), (coded, plain));
        }
    }

    #[test]
    fn a_varint_has_the_announced_length_and_reads_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut out = vec![tag(1, VARINT)];
            put_varint(&mut out, value);
            assert_eq!(out.len(), 1 + varint_len(value), "{value}");
            assert_eq!(Reader::new(&out).next(), Ok(Some((1, Field::Varint(value)))));
        }
    }

    #[test]
    fn malformed_input_is_named() {
        for (bytes, error) in [
            (&[0x08][..], DecodeError::Truncated),
            (&[0x0a, 5, 1][..], DecodeError::Truncated),
            (&[0x09, 1, 2][..], DecodeError::Truncated),
            (&[0x00, 1][..], DecodeError::FieldNumber),
            (&[0x0b][..], DecodeError::WireType { field: 1, wire_type: 3 }),
            (&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255][..], DecodeError::Varint),
        ] {
            assert_eq!(Reader::new(bytes).next(), Err(error), "{bytes:?}");
        }
    }
}
