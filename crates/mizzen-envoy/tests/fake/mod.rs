//! Stands for `crate::ffi` in tests of modules that read and change streams: the same names over plain values, so no Envoy is needed to link.
#![allow(dead_code, reason = "each test uses a part")]

use std::cell::RefCell;
use std::collections::HashMap;

#[derive(Clone, Copy)]
pub(crate) struct Header<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Header<'a> {
    pub(crate) fn new(name: &'a (impl AsRef<[u8]> + ?Sized), value: &'a (impl AsRef<[u8]> + ?Sized)) -> Header<'a> {
        Header { name: name.as_ref(), value: value.as_ref() }
    }

    pub(crate) fn name(&self) -> &'a [u8] {
        self.name
    }

    pub(crate) fn value(&self) -> &'a [u8] {
        self.value
    }

    pub(crate) fn size(&self) -> usize {
        self.name.len() + self.value.len()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HeaderKind {
    Request,
    Response,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Attribute {
    SourceAddress,
    Mtls,
    RequestedServerName,
    LocalUriSan,
    PeerUriSan,
}

pub(crate) trait StreamView {
    fn with_headers<R>(&self, kind: HeaderKind, read: impl FnOnce(&[Header<'_>]) -> R) -> R;
    fn attribute<R>(&self, attribute: Attribute, read: impl FnOnce(&[u8]) -> R) -> Option<R>;
    fn is(&self, attribute: Attribute) -> bool;
}

/// A request and what Envoy would tell of its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) texts: HashMap<Attribute, &'static str>,
    pub(crate) mtls: bool,
}

impl StreamView for Stream {
    fn with_headers<R>(&self, kind: HeaderKind, read: impl FnOnce(&[Header<'_>]) -> R) -> R {
        assert_eq!(kind, HeaderKind::Request);
        read(&self.headers.iter().map(|(name, value)| Header::new(name, value)).collect::<Vec<_>>())
    }

    fn attribute<R>(&self, attribute: Attribute, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.texts.get(&attribute).map(|text| read(text.as_bytes()))
    }

    fn is(&self, attribute: Attribute) -> bool {
        attribute == Attribute::Mtls && self.mtls
    }
}

/// What was answered: code, headers, body, details.
pub(crate) type Sent = (u32, Vec<(String, String)>, String, String);

/// Records what is done to a stream.
pub(crate) struct HttpHandle<'r> {
    pub(crate) changes: &'r RefCell<Vec<String>>,
    pub(crate) sent: &'r RefCell<Option<Sent>>,
}

impl HttpHandle<'_> {
    fn note(&self, change: String) -> bool {
        self.changes.borrow_mut().push(change);
        true
    }

    pub(crate) fn set_header(&mut self, kind: HeaderKind, name: &str, value: &[u8]) -> bool {
        self.note(format!("{kind:?} {name}={}", String::from_utf8_lossy(value)))
    }

    pub(crate) fn remove_header(&mut self, kind: HeaderKind, name: &str) -> bool {
        self.note(format!("{kind:?} -{name}"))
    }

    pub(crate) fn add_header(&mut self, kind: HeaderKind, name: &str, value: &[u8]) -> bool {
        self.note(format!("{kind:?} {name}+{}", String::from_utf8_lossy(value)))
    }

    pub(crate) fn send_response(self, status: u32, headers: &[Header<'_>], body: &[u8], details: &str) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = headers.iter().map(|header| (text(header.name()), text(header.value()))).collect();
        self.sent.replace(Some((status, headers, text(body), details.to_owned())));
    }
}
