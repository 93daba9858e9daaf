//! The header `x-istio-attributes`: what one proxy tells the next about a request.
//!
//! Its value is a serialized `Attributes` in standard base64 with padding.

use crate::bag::Bag;
use crate::decode::DecodeError;
use crate::name::{Name, names};
use crate::value::{Time, ValueRef};
use crate::wire::{Reader, VARINT, put_bytes, put_varint, tag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The header's name, also the key of gRPC metadata on calls to the Mixer.
pub const FORWARDED_HEADER: &str = "x-istio-attributes";

/// The attributes that are taken from the header; whatever else a caller sends is ignored.
pub const ACCEPTED: [Name; 6] = [
    names::SOURCE_UID,
    names::SOURCE_NAMESPACE,
    names::DESTINATION_SERVICE_NAME,
    names::DESTINATION_SERVICE_UID,
    names::DESTINATION_SERVICE_HOST,
    names::DESTINATION_SERVICE_NAMESPACE,
];

/// The accepted attributes of a header's value. One that cannot be read says nothing, as the protocol demands.
pub fn decode_forwarded(header: &[u8]) -> Vec<(Name, String)> {
    let mut pairs = Vec::new();
    let message = STANDARD.decode(header).unwrap_or_default();
    if visit(&message, &mut |name, value| pairs.push((name, value.to_owned()))).is_err() {
        pairs.clear();
    }
    pairs
}

/// Sets the accepted attributes of a header's value in `bag`, over what it has.
pub fn apply_forwarded(header: &[u8], bag: &mut Bag) {
    let message = STANDARD.decode(header).unwrap_or_default();
    // what is malformed further on must not count at its beginning either
    if visit(&message, &mut |_, _| {}).is_ok() {
        let _ = visit(&message, &mut |name, value| bag.set_string(name, value));
    }
}

/// A header's value with all attributes of `bag`. Equal bags give equal values.
pub fn encode_forwarded(bag: &Bag) -> String {
    STANDARD.encode(encode_attributes(bag))
}

/// A serialized `Attributes`, in the order of the names.
fn encode_attributes(bag: &Bag) -> Vec<u8> {
    let (mut out, mut entry, mut value) = (Vec::new(), Vec::new(), Vec::new());
    for (name, attribute) in bag.iter() {
        entry.clear();
        value.clear();
        put_value(&mut value, attribute);
        put_bytes(&mut entry, 1, name.as_str().as_bytes());
        put_bytes(&mut entry, 2, &value);
        put_bytes(&mut out, 1, &entry);
    }
    out
}

fn put_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::String(value) => put_bytes(out, 2, value.as_bytes()),
        ValueRef::Int64(value) => put_number(out, 3, value as u64),
        ValueRef::Double(value) => {
            out.push(tag(4, 1));
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        ValueRef::Bool(value) => put_number(out, 5, u64::from(value)),
        ValueRef::Bytes(value) => put_bytes(out, 6, value),
        ValueRef::Timestamp(value) => put_bytes(out, 7, &time(value)),
        ValueRef::Duration(value) => put_bytes(out, 8, &time(value)),
        ValueRef::StringMap(map) => {
            let (mut entries, mut entry) = (Vec::new(), Vec::new());
            for (key, value) in map.iter() {
                entry.clear();
                put_bytes(&mut entry, 1, key.as_bytes());
                put_bytes(&mut entry, 2, value.as_bytes());
                put_bytes(&mut entries, 1, &entry);
            }
            put_bytes(out, 9, &entries);
        }
    }
}

fn put_number(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(tag(field, VARINT));
    put_varint(out, value);
}

fn time(time: Time) -> Vec<u8> {
    let mut out = Vec::new();
    for (field, value) in [(1, time.seconds as u64), (2, i64::from(time.nanos) as u64)] {
        if value != 0 {
            put_number(&mut out, field, value);
        }
    }
    out
}

/// Shows each accepted attribute with a text that is not empty.
fn visit(message: &[u8], accept: &mut impl FnMut(Name, &str)) -> Result<(), DecodeError> {
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.next()? {
        if number != 1 {
            continue;
        }
        let (mut name, mut text) = (None, "");
        let mut entry = Reader::new(field.bytes(number)?);
        while let Some((number, field)) = entry.next()? {
            match number {
                1 => name = accepted(field.bytes(number)?),
                2 => text = string_value(field.bytes(number)?)?,
                _ => {}
            }
        }
        if let (Some(name), false) = (name, text.is_empty()) {
            accept(name, text);
        }
    }
    Ok(())
}

fn accepted(name: &[u8]) -> Option<Name> {
    ACCEPTED.into_iter().find(|accepted| accepted.as_str().as_bytes() == name)
}

/// The text of an `AttributeValue`, empty if it holds another type; of several values the last counts.
fn string_value(message: &[u8]) -> Result<&str, DecodeError> {
    let mut text = "";
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.next()? {
        match number {
            2 => text = std::str::from_utf8(field.bytes(number)?).map_err(|_| DecodeError::Utf8 { field: 2 })?,
            3..=9 => text = "",
            _ => {}
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bag(pairs: &[(Name, &str)]) -> Bag {
        let mut bag = Bag::new();
        for (name, value) in pairs {
            bag.set_string(*name, value);
        }
        bag
    }

    #[test]
    fn the_golden_headers_are_written_and_read() {
        let uid = (names::SOURCE_UID, "kubernetes://web-1.demo");
        let host = (names::DESTINATION_SERVICE_HOST, "echo.demo.svc");
        for (pairs, header) in [
            (&[uid][..], "CicKCnNvdXJjZS51aWQSGRIXa3ViZXJuZXRlczovL3dlYi0xLmRlbW8="),
            (
                &[uid, host][..],
                "CisKGGRlc3RpbmF0aW9uLnNlcnZpY2UuaG9zdBIPEg1lY2hvLmRlbW8uc3ZjCicKCnNvdXJjZS51aWQSGRIXa3ViZXJuZXRlczovL3dlYi0xLmRlbW8=",
            ),
        ] {
            assert_eq!(encode_forwarded(&bag(pairs)), header);
            let mut read = Bag::new();
            apply_forwarded(header.as_bytes(), &mut read);
            assert_eq!(read, bag(pairs));
            assert_eq!(decode_forwarded(header.as_bytes()).len(), pairs.len());
        }
    }

    #[test]
    fn an_empty_text_is_sent_but_not_accepted() {
        let header = encode_forwarded(&bag(&[(names::SOURCE_UID, "")]));
        assert_eq!(header, "ChAKCnNvdXJjZS51aWQSAhIA");
        assert_eq!(decode_forwarded(header.as_bytes()), []);
    }

    #[test]
    fn what_is_not_accepted_is_ignored() {
        let mut sent = bag(&[(names::SOURCE_PRINCIPAL, "spiffe://root"), (names::SOURCE_NAMESPACE, "demo")]);
        sent.set_int64(names::SOURCE_UID, 1);
        assert_eq!(
            decode_forwarded(encode_forwarded(&sent).as_bytes()),
            [(names::SOURCE_NAMESPACE, "demo".to_owned())]
        );
    }

    #[test]
    fn a_header_that_cannot_be_read_says_nothing() {
        let whole = encode_attributes(&bag(&[(names::SOURCE_NAMESPACE, "demo"), (names::SOURCE_UID, "x")]));
        let cut = STANDARD.encode(&whole[..whole.len() - 1]);
        for header in ["", "%%%", "CicKCnNvdXJjZS51aWQSGRIXa3ViZXJuZXRlczovL3dlYi0xLmRlbW8", cut.as_str()] {
            let mut bag = Bag::new();
            apply_forwarded(header.as_bytes(), &mut bag);
            assert!(bag.is_empty() && decode_forwarded(header.as_bytes()).is_empty(), "{header}");
        }
    }
}
