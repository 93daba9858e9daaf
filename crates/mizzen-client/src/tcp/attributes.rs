//! The attributes of a connection.

use crate::bag::Bag;
use crate::flow::Decision;
use crate::name::names;
use crate::value::Time;
use std::net::IpAddr;

/// What a TLS handshake tells; all empty without one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tls<'a> {
    /// The client showed a certificate.
    pub mutual: bool,
    /// The name the client asked for.
    pub server_name: &'a [u8],
    /// The first URI of the client's certificate.
    pub peer_uri: &'a [u8],
    /// The first URI of our certificate.
    pub local_uri: &'a [u8],
}

/// Sets what is known when a connection was accepted.
pub fn set_arrival(bag: &mut Bag, source: Option<IpAddr>, connection_id: &str, wall: Time) {
    if let Some(source) = source {
        with_bytes(source, |bytes| {
            bag.set_bytes(names::SOURCE_IP, bytes);
            bag.set_bytes(names::ORIGIN_IP, bytes);
        });
    }
    bag.set_timestamp(names::CONTEXT_TIME, wall);
    bag.set_string(names::CONTEXT_PROTOCOL, "tcp");
    bag.set_string(names::CONNECTION_ID, connection_id);
}

/// Sets what is known after a TLS handshake, or that there was none.
pub fn set_tls(bag: &mut Bag, tls: &Tls<'_>) {
    bag.set_bool(names::CONNECTION_MTLS, tls.mutual);
    if !tls.server_name.is_empty() {
        bag.set_string_lossy(names::CONNECTION_REQUESTED_SERVER_NAME, tls.server_name);
    }
    let peer = principal(tls.peer_uri);
    if !peer.is_empty() {
        bag.set_string_lossy(names::SOURCE_USER, peer);
        bag.set_string_lossy(names::SOURCE_PRINCIPAL, peer);
        if let Some(namespace) = namespace(peer) {
            bag.set_string_lossy(names::SOURCE_NAMESPACE, namespace);
        }
    }
    let local = principal(tls.local_uri);
    if !local.is_empty() {
        bag.set_string_lossy(names::DESTINATION_PRINCIPAL, local);
    }
}

/// Sets where a connection goes; the parts told to be fixed stay as they are.
pub fn set_destination(bag: &mut Bag, address: IpAddr, port: u32, fixed: (bool, bool)) {
    if !fixed.0 {
        with_bytes(address, |bytes| bag.set_bytes(names::DESTINATION_IP, bytes));
    }
    if !fixed.1 {
        bag.set_int64(names::DESTINATION_PORT, i64::from(port));
    }
}

/// Sets how a decision was found, and why it refuses if it does.
pub fn set_decision(bag: &mut Bag, decision: &Decision) {
    bag.set_bool(names::CHECK_CACHE_HIT, decision.check_cache_hit);
    bag.set_bool(names::QUOTA_CACHE_HIT, decision.quota_cache_hit);
    let status = decision.status();
    if !status.is_ok() {
        bag.set_int64(names::CHECK_ERROR_CODE, i64::from(status.code));
        bag.set_string(names::CHECK_ERROR_MESSAGE, &status.to_text());
    }
}

/// A random UUID (RFC 9562, version 4) of two random numbers.
pub fn uuid(high: u64, low: u64) -> String {
    let high = high & !0xf000 | 0x4000;
    let low = low & (u64::MAX >> 2) | 1 << 63;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

fn with_bytes(address: IpAddr, read: impl FnOnce(&[u8])) {
    match address {
        IpAddr::V4(address) => read(&address.octets()),
        IpAddr::V6(address) => read(&address.octets()),
    }
}

fn principal(uri: &[u8]) -> &[u8] {
    uri.strip_prefix(b"spiffe://").unwrap_or(uri)
}

/// The text between `/ns/` and the next `/`.
fn namespace(principal: &[u8]) -> Option<&[u8]> {
    const MARK: &[u8] = b"/ns/";
    let start = principal.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let rest = &principal[start..];
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    Some(&rest[..end])
}
