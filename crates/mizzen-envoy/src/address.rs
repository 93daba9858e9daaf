//! Addresses as Envoy prints them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Reads `ip`, `ip:port` or `[ip]:port`; `None` for a Unix socket and for anything else.
pub(crate) fn parse(text: &[u8]) -> Option<(IpAddr, Option<u16>)> {
    if let Some((address, port)) = parse_v4(text) {
        return Some((IpAddr::V4(address), port));
    }
    let text = std::str::from_utf8(text).ok()?;
    match text.parse::<SocketAddr>() {
        Ok(address) => Some((address.ip(), Some(address.port()))),
        Err(_) => Some((text.parse().ok()?, None)),
    }
}

/// Reads `1.2.3.4` or `1.2.3.4:5`, which nearly all addresses are, in a quarter of the general reader's time. `None` also for what only that reader takes
/// apart.
fn parse_v4(text: &[u8]) -> Option<(Ipv4Addr, Option<u16>)> {
    let mut octets = [0; 4];
    let mut rest = text;
    for (position, octet) in octets.iter_mut().enumerate() {
        if position > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let (value, after) = number(rest, 3)?;
        *octet = u8::try_from(value).ok()?;
        rest = after;
    }
    if rest.is_empty() {
        return Some((octets.into(), None));
    }
    let (port, rest) = number(rest.strip_prefix(b":")?, 5)?;
    rest.is_empty().then_some((octets.into(), Some(u16::try_from(port).ok()?)))
}

/// A decimal number of at most `longest` digits, without leading zeros, and what follows it.
fn number(text: &[u8], longest: usize) -> Option<(u32, &[u8])> {
    let mut value = 0;
    let mut len = 0;
    while let Some(digit) = text.get(len).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        value = value * 10 + u32::from(digit);
        len += 1;
        if len > longest {
            return None;
        }
    }
    let leading_zero = len > 1 && text.first() == Some(&b'0');
    if len == 0 || leading_zero { None } else { Some((value, &text[len..])) }
}

/// Hands the address in network order, 4 or 16 bytes, to `read`.
pub(crate) fn with_bytes<R>(address: IpAddr, read: impl FnOnce(&[u8]) -> R) -> R {
    match address {
        IpAddr::V4(address) => read(&address.octets()),
        IpAddr::V6(address) => read(&address.octets()),
    }
}
