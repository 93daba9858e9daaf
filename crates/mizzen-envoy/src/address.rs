//! Addresses as Envoy prints them.

use std::net::{IpAddr, SocketAddr};

/// Reads `ip`, `ip:port` or `[ip]:port`; `None` for a Unix socket and for anything else.
pub(crate) fn parse(text: &[u8]) -> Option<(IpAddr, Option<u16>)> {
    let text = std::str::from_utf8(text).ok()?;
    match text.parse::<SocketAddr>() {
        Ok(address) => Some((address.ip(), Some(address.port()))),
        Err(_) => Some((text.parse().ok()?, None)),
    }
}

/// Hands the address in network order, 4 or 16 bytes, to `read`.
pub(crate) fn with_bytes<R>(address: IpAddr, read: impl FnOnce(&[u8]) -> R) -> R {
    match address {
        IpAddr::V4(address) => read(&address.octets()),
        IpAddr::V6(address) => read(&address.octets()),
    }
}
