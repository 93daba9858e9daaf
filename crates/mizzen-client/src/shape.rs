//! Which attributes an answer depends on, and the key that their values make.

use crate::bag::Bag;
use crate::name::Name;
mod known;

pub(crate) use known::{Shapes, Slot};

use crate::answer::{Condition, Reference};
use crate::value::{MapRef, Time, ValueRef};

/// A key longer than this is not kept: it is a sign of whole header maps, which never come again.
const MAX_KEY: usize = 32 << 10;

/// One attribute, or one key of a string map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Referenced {
    name: Name,
    /// `None`: the attribute as a whole.
    key: Option<Box<str>>,
}

/// The attributes that decided one answer: those that were absent, and those that had a value.
///
/// Two requests that fit a shape and have the same key for it get the same answer from the Mixer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    absent: Box<[Referenced]>,
    exact: Box<[Referenced]>,
}

impl Shape {
    /// The shape of an answer to the request `bag`.
    ///
    /// `None` if the answer depends on something that a shape cannot express (a regular expression, a name that is not
    /// taken in), so that it holds for that request alone.
    ///
    /// A reference without map key to a string map means the whole map.
    pub(crate) fn new(references: &[Reference], bag: &Bag) -> Option<Shape> {
        let mut absent = Vec::new();
        let mut exact = Vec::new();
        for reference in references {
            let name = Name::try_intern(&reference.name)?;
            let key = reference.map_key.as_deref().filter(|_| is_map_or_missing(bag, name)).map(Box::from);
            match reference.condition {
                Condition::Absence => absent.push(Referenced { name, key }),
                Condition::Exact => exact.push(Referenced { name, key }),
                Condition::Regex => return None,
            }
        }
        Some(Shape { absent: sorted(absent), exact: sorted(exact) })
    }

    /// Appends the key of `bag` to `out`; `false`, with `out` in any state, if the bag does not fit the shape.
    ///
    /// Different values never make the same bytes.
    pub(crate) fn write_key(&self, bag: &Bag, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        self.absences_hold(bag) && self.write_values(bag, out) && out.len() - start <= MAX_KEY
    }

    fn absences_hold(&self, bag: &Bag) -> bool {
        self.absent.iter().all(|referenced| match (bag.get(referenced.name), &referenced.key) {
            (None, _) => true,
            (Some(ValueRef::StringMap(map)), Some(key)) => map.get(key).is_none(),
            (Some(_), _) => false,
        })
    }

    fn write_values(&self, bag: &Bag, out: &mut Vec<u8>) -> bool {
        let mut map: Option<(Name, MapRef<'_>)> = None;
        for Referenced { name, key } in &self.exact {
            let Some(key) = key else {
                let Some(value) = bag.get(*name) else { return false };
                write_value(value, out);
                continue;
            };
            // keys of one map follow each other
            if map.is_none_or(|(current, _)| current != *name) {
                let Some(ValueRef::StringMap(found)) = bag.get(*name) else { return false };
                map = Some((*name, found));
            }
            let Some(value) = map.and_then(|(_, map)| map.get(key)) else { return false };
            write_bytes(value.as_bytes(), out);
        }
        true
    }
}

fn is_map_or_missing(bag: &Bag, name: Name) -> bool {
    matches!(bag.get(name), None | Some(ValueRef::StringMap(_)))
}

fn sorted(mut referenced: Vec<Referenced>) -> Box<[Referenced]> {
    referenced.sort_unstable();
    referenced.dedup();
    referenced.into_boxed_slice()
}

fn write_value(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::String(value) => write_tagged(1, value.as_bytes(), out),
        ValueRef::Bytes(value) => write_tagged(2, value, out),
        ValueRef::Int64(value) => write_fixed(3, value.to_le_bytes(), out),
        ValueRef::Double(value) => write_fixed(4, value.to_bits().to_le_bytes(), out),
        ValueRef::Bool(value) => write_fixed(5, [u8::from(value)], out),
        ValueRef::Timestamp(value) => write_time(6, value, out),
        ValueRef::Duration(value) => write_time(7, value, out),
        ValueRef::StringMap(map) => {
            write_fixed(8, (map.len() as u64).to_le_bytes(), out);
            for (key, value) in map.iter() {
                write_bytes(key.as_bytes(), out);
                write_bytes(value.as_bytes(), out);
            }
        }
    }
}

fn write_fixed<const N: usize>(tag: u8, bytes: [u8; N], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&bytes);
}

fn write_time(tag: u8, time: Time, out: &mut Vec<u8>) {
    write_fixed(tag, time.seconds.to_le_bytes(), out);
    out.extend_from_slice(&time.nanos.to_le_bytes());
}

fn write_tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    write_bytes(bytes, out);
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
