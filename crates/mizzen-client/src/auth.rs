//! `request.auth.*`: the claims of a JSON Web Token that the proxy has verified.
//!
//! Envoy's jwt_authn filter checks the token and hands its payload on in a request header. Which claims become which
//! attributes is what Istio 1.4's authn filter did.

use crate::bag::Bag;
use crate::name::{Name, names};
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

/// The request header with the payload, in base64url.
pub const PAYLOAD_HEADER: &str = "x-jwt-payload";
/// Where jwt_authn notes in a request's dynamic metadata that it has verified a token: a key of this namespace.
pub const VERIFIED_NAMESPACE: &str = "envoy.filters.http.jwt_authn";
/// That key. A provider whose `payload_in_metadata` is this one says that the header is its own.
pub const VERIFIED_KEY: &str = PAYLOAD_HEADER;

/// Takes tokens as senders write them: with or without padding, whatever the unused bits of the last character.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Sets the attributes of a payload in `bag`. A payload that is not base64url of a JSON object sets none, and the
/// answer is false.
///
/// The caller vouches that the payload was verified.
pub fn apply_payload(header: &[u8], bag: &mut Bag) -> bool {
    let Ok(payload) = BASE64.decode(header) else { return false };
    let Ok(raw) = std::str::from_utf8(&payload) else { return false };
    let Ok(claims) = serde_json::from_str::<Map<String, Value>>(raw) else { return false };
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str).unwrap_or_default();
    if !text("iss").is_empty() && !text("sub").is_empty() {
        bag.set_string(names::REQUEST_AUTH_PRINCIPAL, &format!("{}/{}", text("iss"), text("sub")));
    }
    set(bag, names::REQUEST_AUTH_AUDIENCES, claims.get("aud").and_then(first).unwrap_or_default());
    set(bag, names::REQUEST_AUTH_PRESENTER, text("azp"));
    set(bag, names::REQUEST_AUTH_RAW_CLAIMS, raw);
    let texts: Vec<(&str, String)> =
        claims.iter().filter_map(|(claim, value)| Some((claim.as_str(), in_map(value)?))).collect();
    bag.set_map(names::REQUEST_AUTH_CLAIMS, texts.iter().map(|(claim, text)| (*claim, text.as_str())));
    true
}

fn set(bag: &mut Bag, name: Name, value: &str) {
    if !value.is_empty() {
        bag.set_string(name, value);
    }
}

/// A text, or the first of several.
fn first(value: &Value) -> Option<&str> {
    match value {
        Value::Array(values) => values.first()?.as_str(),
        other => other.as_str(),
    }
}

/// A claim as a value of a string map: texts as they are, lists joined by commas with nothing for what is no text;
/// others have no place there.
fn in_map(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) if !values.is_empty() => {
            let texts: Vec<&str> = values.iter().map(|value| value.as_str().unwrap_or_default()).collect();
            Some(texts.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
