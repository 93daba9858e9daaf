//! A walk over protobuf's wire format that never copies and never panics.

use super::WireError;
use crate::value::{Span, Time};
use std::borrow::Cow;

/// The longest message, so that offsets fit into 32 bits with room for repaired texts.
const MAX_LENGTH: usize = 1 << 30;

/// How deep unknown groups may nest before they are refused.
const MAX_GROUP_DEPTH: usize = 100;

/// The content of one field.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Varint(u64),
    Fixed64(u64),
    Bytes(Span),
    /// A field of a kind that this protocol has not; it is passed over.
    Other,
}

/// Reads the fields between two offsets of a buffer.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader of a whole message.
    pub(super) fn whole(bytes: &'a [u8]) -> Result<Reader<'a>, WireError> {
        match bytes.len() {
            0..=MAX_LENGTH => Ok(Reader { bytes, at: 0 }),
            _ => Err(WireError::malformed("more than 1 GiB", MAX_LENGTH)),
        }
    }

    /// A reader of an embedded message.
    pub(super) fn within(bytes: &'a [u8], span: Span) -> Reader<'a> {
        let start = span.start as usize;
        Reader { bytes: bytes.get(..start + span.len as usize).unwrap_or_default(), at: start }
    }

    /// The next field's number and content, `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Field)>, WireError> {
        // almost every field: a number below 16, and a length below 128 that fits
        if let Some([tag @ 8..=0x7f, length @ 0..=0x7f, rest @ ..]) = self.bytes.get(self.at..)
            && tag & 7 == 2
            && usize::from(*length) <= rest.len()
        {
            let span = Span { start: self.at as u32 + 2, len: u32::from(*length) };
            self.at += 2 + usize::from(*length);
            return Ok(Some((u32::from(tag >> 3), Field::Bytes(span))));
        }
        self.next_of_any_kind()
    }

    fn next_of_any_kind(&mut self) -> Result<Option<(u32, Field)>, WireError> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let field = match wire_type {
            3 => {
                self.skip_group(number)?;
                Field::Other
            }
            4 => return Err(self.error("the end of a group that never began")),
            _ => self.content(wire_type)?,
        };
        Ok(Some((number, field)))
    }

    fn tag(&mut self) -> Result<(u32, u8), WireError> {
        let at = self.at;
        let tag = self.varint()?;
        match u32::try_from(tag >> 3) {
            Ok(number) if number != 0 && tag <= u64::from(u32::MAX) => Ok((number, (tag & 7) as u8)),
            _ => Err(WireError::malformed("a field number out of range", at)),
        }
    }

    fn content(&mut self, wire_type: u8) -> Result<Field, WireError> {
        match wire_type {
            0 => Ok(Field::Varint(self.varint()?)),
            1 => Ok(Field::Fixed64(u64::from_le_bytes(self.chunk()?))),
            2 => {
                let at = self.at;
                let length = self.varint()?;
                let left = self.bytes.len() - self.at;
                match usize::try_from(length) {
                    Ok(length) if length <= left => {
                        let span = Span { start: self.at as u32, len: length as u32 };
                        self.at += length;
                        Ok(Field::Bytes(span))
                    }
                    _ => Err(WireError::malformed("a length beyond the end", at)),
                }
            }
            5 => self.chunk::<4>().map(|_| Field::Other),
            _ => Err(self.error("an undefined wire type")),
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, WireError> {
        match self.bytes.get(self.at) {
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let start = self.at;
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let Some(byte) = self.bytes.get(self.at) else {
                return Err(WireError::malformed("a number cut short", start));
            };
            self.at += 1;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::malformed("a number of more than ten bytes", start))
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        match self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>) {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(self.error("a number cut short")),
        }
    }

    fn skip_group(&mut self, number: u32) -> Result<(), WireError> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            match self.tag()? {
                (inner, 3) if open.len() < MAX_GROUP_DEPTH => open.push(inner),
                (_, 3) => return Err(self.error("groups nested too deep")),
                (ended, 4) if ended == innermost => {
                    open.pop();
                }
                (_, 4) => return Err(self.error("the end of another group")),
                (_, wire_type) => {
                    self.content(wire_type)?;
                }
            }
        }
        Ok(())
    }

    fn error(&self, reason: &'static str) -> WireError {
        WireError::malformed(reason, self.at)
    }
}

/// The text in a span. Bytes that are not UTF-8 become U+FFFD: old proxies send header values as they came, and a
/// header must not decide whether there is a decision.
pub(super) fn text(bytes: &[u8], span: Span) -> Cow<'_, str> {
    let bytes = span.bytes(bytes);
    // valid text is told faster than it is repaired
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Key and value of a map's entry as they stand: the last of a repeated field wins.
#[inline]
pub(super) fn map_entry(bytes: &[u8], span: Span) -> Result<(Option<Field>, Option<Field>), WireError> {
    match usual_entry(bytes, span) {
        Some((key, value)) => Ok((Some(Field::Varint(key)), Some(value))),
        None => any_entry(bytes, span),
    }
}

/// A small number as key, then a small number or something short as value, and nothing else: almost every entry.
#[inline]
fn usual_entry(bytes: &[u8], span: Span) -> Option<(u64, Field)> {
    let [0x08, rest @ ..] = span.bytes(bytes) else { return None };
    let (key, rest) = small(rest)?;
    match rest {
        [0x10, rest @ ..] => match small(rest)? {
            (value, []) => Some((key, Field::Varint(value))),
            _ => None,
        },
        [0x12, length @ 0..=0x7f, rest @ ..] if usize::from(*length) == rest.len() => {
            let len = u32::from(*length);
            Some((key, Field::Bytes(Span { start: span.start + span.len - len, len })))
        }
        _ => None,
    }
}

/// A number of one or two bytes, and what follows.
#[inline]
fn small(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match bytes {
        [low @ 0..=0x7f, rest @ ..] => Some((u64::from(*low), rest)),
        [low, high @ 0..=0x7f, rest @ ..] => Some((u64::from(low & 0x7f) | u64::from(*high) << 7, rest)),
        _ => None,
    }
}

fn any_entry(bytes: &[u8], span: Span) -> Result<(Option<Field>, Option<Field>), WireError> {
    let mut reader = Reader::within(bytes, span);
    let (mut key, mut value) = (None, None);
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => key = Some(field),
            2 => value = Some(field),
            _ => {}
        }
    }
    Ok((key, value))
}

/// Seconds and nanoseconds of a Timestamp or Duration.
pub(super) fn time(bytes: &[u8], span: Span) -> Result<Time, WireError> {
    let mut reader = Reader::within(bytes, span);
    let mut time = Time::default();
    while let Some((number, field)) = reader.next()? {
        match (number, field) {
            (1, Field::Varint(seconds)) => time.seconds = seconds as i64,
            (2, Field::Varint(nanos)) => time.nanos = nanos as i32,
            _ => {}
        }
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(field: Option<Field>) -> Option<(u8, u64, u64)> {
        field.map(|field| match field {
            Field::Varint(number) => (0, number, 0),
            Field::Fixed64(bits) => (1, bits, 0),
            Field::Bytes(span) => (2, span.start.into(), span.len.into()),
            Field::Other => (3, 0, 0),
        })
    }

    proptest! {
        #[test]
        fn usual_entries_read_as_all_others(
            before in 0usize..3,
            entry in prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, 8, 16, 18, 127, 128, 200]), 0..8),
        ) {
            let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(entry.iter().copied()).collect();
            let span = Span { start: before as u32, len: entry.len() as u32 };
            if let Some((key, value)) = usual_entry(&bytes, span) {
                let (slow_key, slow_value) = any_entry(&bytes, span).unwrap();
                prop_assert_eq!(shown(Some(Field::Varint(key))), shown(slow_key));
                prop_assert_eq!(shown(Some(value)), shown(slow_value));
            }
        }
    }
}
