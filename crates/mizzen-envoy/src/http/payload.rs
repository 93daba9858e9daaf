//! The header in which Envoy's jwt_authn hands on the payload of a token.
//!
//! Only a filter of this proxy can write one that is believed: whatever the client itself has sent is taken off when the stream's filters are made, which
//! is before the first of them runs. So it does not matter whether jwt_authn overwrites, leaves or removes the header; providers differ in that.

use mizzen_client::{Bag, auth};

use super::attributes::PAYLOAD_HEADER;
use crate::ffi::{HeaderKind, HttpHandle, MetadataSource, StreamView};

/// Takes off what the client has sent, and returns the bytes of these headers. Only for the hook that makes the filter.
///
/// The headers are read all at once, as looking one up by name has Envoy build an index of them.
pub(super) fn take_off_sent(envoy: &mut HttpHandle<'_>) -> u64 {
    let sent = envoy.with_headers(HeaderKind::Request, |headers| {
        let own = headers.iter().filter(|header| header.name() == PAYLOAD_HEADER.as_bytes());
        own.map(|header| header.size() as u64).sum()
    });
    if sent > 0 {
        envoy.remove_header(HeaderKind::Request, PAYLOAD_HEADER);
    }
    sent
}

/// Sets the claims of a payload if jwt_authn says of this very request that it has verified a token whose payload is told.
pub(super) fn apply(envoy: &HttpHandle<'_>, payload: &[u8], bag: &mut Bag) {
    let keys = envoy.metadata_keys(MetadataSource::Dynamic, auth::VERIFIED_NAMESPACE.as_bytes());
    if keys.iter().any(|key| key == auth::VERIFIED_KEY.as_bytes()) {
        auth::apply_payload(payload, bag);
    }
}
